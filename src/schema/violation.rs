//! From a validator's errors to violations of fields, in words that say what is allowed.

use std::collections::BTreeMap;

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde_json::Value;

use super::{FieldViolation, Format, RecordViolation};
use crate::domain::id::ResourceId;

/// The most codes of a code table that a description names.
const NAMED_CODES: usize = 12;

/// One violation for each value at fault; where a value breaks several rules, that which says most.
pub(super) fn of_errors<'a>(
    resource_id: &ResourceId,
    errors: impl Iterator<Item = ValidationError<'a>>,
) -> Vec<FieldViolation> {
    let mut found = Vec::new();
    let mut by_value: BTreeMap<String, (u8, FieldViolation)> = BTreeMap::new();
    for error in errors {
        match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                let problem = format!("{resource_id} has no such field");
                found.extend(unexpected.iter().map(|code| of_field(RecordViolation::FieldSet, code, &problem)));
            }
            Kind::Required { property } => {
                let code = property.as_str().unwrap_or_default();
                found.push(of_field(RecordViolation::FieldSet, code, "is missing; an empty field is null"));
            }
            kind => {
                let path = error.instance_path().as_str().to_owned();
                let (rank, violation) = of_value(&path, kind, error.instance());
                let entry = by_value.entry(path).or_insert_with(|| (rank, violation.clone()));
                if rank < entry.0 {
                    *entry = (rank, violation);
                }
            }
        }
    }
    found.extend(by_value.into_values().map(|(_, violation)| violation));
    found
}

fn of_field(violation: RecordViolation, code: &str, description: &str) -> FieldViolation {
    FieldViolation { violation, field: Some(code.to_owned()), description: description.to_owned() }
}

/// The violation of a value, and how far it is from saying all: the lower, the better.
fn of_value(path: &str, kind: &Kind, value: &Value) -> (u8, FieldViolation) {
    // Codes of fields hold no character that a JSON Pointer would escape.
    let mut parts = path.trim_start_matches('/').split('/');
    let code = parts.next().unwrap_or_default();
    let place = parts.next().and_then(|index| index.parse::<usize>().ok());
    let place = place.map(|index| format!("value {} ", index + 1)).unwrap_or_default();
    let unfit =
        |rank, violation, description: String| (rank, of_field(violation, code, &format!("{place}{description}")));
    let wrong = |rank, description: String| unfit(rank, RecordViolation::Type, description);
    if value.is_null() && place.is_empty() {
        return unfit(0, RecordViolation::Required, "is required, but empty".to_owned());
    }
    match kind {
        Kind::Format { format } => {
            let format = Format::ALL.into_iter().find(|known| known.name() == format);
            match format.zip(value.as_str()).map(|(format, text)| format.check(text)) {
                Some(Err(found)) => unfit(1, found.violation, found.description),
                _ => wrong(9, "is not of its format".to_owned()),
            }
        }
        Kind::MaxLength { limit } => {
            let found = value.as_str().map_or(0, |text| text.chars().count());
            wrong(2, format!("has {found} characters, allowed are {limit}"))
        }
        Kind::MinLength { .. } => wrong(2, "is an empty string; an empty value is null".to_owned()),
        Kind::Enum { options } => {
            let codes = options.as_array().into_iter().flatten().filter_map(Value::as_str);
            let named: Vec<_> = codes.clone().take(NAMED_CODES).collect();
            let more = if codes.count() > NAMED_CODES { ", …" } else { "" };
            wrong(2, format!("is not one of the codes {}{more}", named.join(", ")))
        }
        Kind::Minimum { .. } | Kind::Maximum { .. } => {
            wrong(2, "is not a whole number from -(2^53-1) to 2^53-1".to_owned())
        }
        Kind::MinItems { .. } => wrong(2, "is an empty list; an empty value is null".to_owned()),
        Kind::MaxItems { limit } => {
            let found = value.as_array().map_or(0, Vec::len);
            wrong(2, format!("has {found} values, allowed are {limit}"))
        }
        Kind::Type { kind } => wrong(3, format!("is {}, not {}", json_type(value), expected(kind))),
        Kind::Pattern { pattern } => {
            let format = Format::ALL.into_iter().find(|known| known.pattern() == pattern);
            // Of the types that have no format only DECIMAL has a pattern.
            let what = format.map_or("a decimal number such as 1200.50 of at most 40 characters", Format::what);
            wrong(4, format!("is not {what}"))
        }
        other => wrong(9, format!("breaks the rule {}", other.keyword())),
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn expected(kind: &jsonschema::error::TypeKind) -> &'static str {
    use jsonschema::{JsonType, error::TypeKind};
    let is = |json_type| match kind {
        TypeKind::Single(own) => *own == json_type,
        TypeKind::Multiple(own) => own.contains(json_type),
    };
    [
        (JsonType::Array, "a list"),
        (JsonType::Boolean, "true or false"),
        (JsonType::Integer, "a whole number"),
        (JsonType::String, "a string"),
    ]
    .into_iter()
    .find_map(|(json_type, name)| is(json_type).then_some(name))
    .unwrap_or("what its field holds")
}
