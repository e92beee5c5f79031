//! A resource's declaration as a JSON Schema document.

use serde_json::{Map, Value, json};

use super::format::Format;
use crate::domain::{
    catalog::{Field, FieldType, MAX_VALUES, Resource},
    value::{MAX_DECIMAL_CHARS, MAX_INTEGER},
};

/// The dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The JSON Schema (draft 2020-12) of a record's fields in a version of a resource, as one object of all its fields by their
/// codes. Any validator understands it; one that does not know the formats of identifiers checks their `pattern`.
pub fn document(resource: &Resource, version: u32) -> Value {
    let code = |field: &Field| field.code.to_string();
    let properties: Map<String, Value> = resource.fields.iter().map(|field| (code(field), property(field))).collect();
    json!({
        "$schema": DIALECT,
        "$id": resource.vct(version),
        "title": resource.name,
        "type": "object",
        "properties": properties,
        "required": resource.fields.iter().map(code).collect::<Vec<_>>(),
        "additionalProperties": false,
    })
}

/// The schema of one field. An empty value is null, so every field is there.
fn property(field: &Field) -> Value {
    let mut schema = if field.repeated {
        let items = value(&field.field_type, true);
        let repeated =
            [("type", json!("array")), ("items", items), ("minItems", json!(1)), ("maxItems", json!(MAX_VALUES))];
        let mut schema = members(repeated);
        admit_null(&mut schema, field.required);
        schema
    } else {
        let Value::Object(schema) = value(&field.field_type, field.required) else { return Value::Bool(true) };
        schema
    };
    schema.insert("title".to_owned(), json!(field.name));
    if let Some(derivation) = &field.derivation {
        let comment = format!("derived from {} by {}", derivation.source_field, derivation.rule);
        schema.insert("$comment".to_owned(), json!(comment));
    }
    Value::Object(schema)
}

/// The schema of one value.
fn value(field_type: &FieldType, required: bool) -> Value {
    let text = |more: &[(&str, Value)]| {
        members([("type", json!("string"))].into_iter().chain(more.iter().map(|(key, value)| (*key, value.clone()))))
    };
    let format = |format: Format| text(&[("format", json!(format.name())), ("pattern", json!(format.pattern()))]);
    let mut schema = match field_type {
        FieldType::Text { max_length } => text(&[("minLength", json!(1)), ("maxLength", json!(max_length))]),
        FieldType::Integer => {
            members([("type", json!("integer")), ("minimum", json!(-MAX_INTEGER)), ("maximum", json!(MAX_INTEGER))])
        }
        FieldType::Decimal => {
            text(&[("maxLength", json!(MAX_DECIMAL_CHARS)), ("pattern", json!(r"^-?[0-9]+(\.[0-9]+)?$"))])
        }
        FieldType::Date => format(Format::Date),
        FieldType::DateTime => format(Format::DateTime),
        FieldType::Boolean => members([("type", json!("boolean"))]),
        FieldType::Uscc => format(Format::Uscc),
        FieldType::CitizenId => format(Format::CitizenId),
        FieldType::LicenceId => format(Format::LicenceId),
        FieldType::AdministrativeDivision => format(Format::AdministrativeDivision),
        FieldType::HolderCode => format(Format::HolderCode),
        FieldType::Seal => format(Format::Seal),
        FieldType::Code(_) | FieldType::CodeTable(_) => {
            // Of a code table that is not at hand, no code is known to be admitted.
            let admitted = field_type.codes().unwrap_or_default();
            let names: Map<String, Value> =
                admitted.iter().map(|(code, name)| ((*code).to_owned(), json!(name))).collect();
            let codes = admitted.into_iter().map(|(code, _)| json!(code));
            let null = (!required).then_some(Value::Null);
            // Annotations, which validators pass over: what the codes mean.
            members([("enum", codes.chain(null).collect()), ("x-names", Value::Object(names))])
        }
    };
    admit_null(&mut schema, required);
    Value::Object(schema)
}

fn members<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Map<String, Value> {
    members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Lets null be a value of the type, unless one is required.
fn admit_null(schema: &mut Map<String, Value>, required: bool) {
    if let Some(own) = schema.get_mut("type").filter(|_| !required) {
        *own = json!([own.take(), "null"]);
    }
}
