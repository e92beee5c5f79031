//! Values of fields, beside what a resource's schema says of each by itself.

use serde_json::Value;

use super::{
    catalog::{FieldType, Resource},
    identifier::{LicenceId, Uscc, Warning},
    time::Date,
};

/// The most bytes of an e-seal in a record: 64 of them, as many records as a query may be released, still fit the 8 MiB that clients take
/// of a message; base64 twice over makes 116 KiB of each. Those known have 5 to 17 KiB.
pub const MAX_SEAL_BYTES: usize = 64 << 10;
/// The same as base64.
pub const MAX_SEAL_CHARS: usize = MAX_SEAL_BYTES.div_ceil(3) * 4;

/// A date in the only form that records have it, RFC 3339 `full-date`.
pub fn parse_date(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text && date.year() > 0).then_some(date)
}

/// The values of a field: those of its list, or the one that it has.
pub fn values_of<'a>(fields: &'a [(String, Value)], code: &str) -> &'a [Value] {
    match fields.iter().find(|(own, _)| own == code).map(|(_, value)| value) {
        Some(Value::Array(values)) => values,
        Some(Value::Null) | None => &[],
        Some(value) => std::slice::from_ref(value),
    }
}

/// The text of a field that has one value.
pub fn text_of<'a>(fields: &'a [(String, Value)], code: &str) -> Option<&'a str> {
    fields.iter().find(|(own, _)| own == code).and_then(|(_, value)| value.as_str())
}

/// What is odd about the identifiers of a record that a department publishes, by field. Identifiers in use have it, so a record is
/// accepted all the same.
pub fn warnings(resource: &Resource, fields: &[(String, Value)], publisher: &Uscc) -> Vec<(String, Warning)> {
    let mut found = Vec::new();
    for field in &resource.fields {
        for text in values_of(fields, field.code.as_str()).iter().filter_map(Value::as_str) {
            let warnings = match field.field_type {
                FieldType::Uscc | FieldType::HolderCode => Uscc::parse(text).map(|uscc| uscc.warnings()),
                FieldType::LicenceId if field.code == resource.record_id_field => {
                    LicenceId::parse(text).map(|id| id.warnings_of_published(publisher))
                }
                // Of another licence that a record names, the publisher need not be the issuer.
                FieldType::LicenceId => LicenceId::parse(text).map(|id| id.warnings()),
                _ => continue,
            };
            found.extend(warnings.unwrap_or_default().into_iter().map(|warning| (field.code.to_string(), warning)));
        }
    }
    found
}
