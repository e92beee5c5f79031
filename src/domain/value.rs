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

/// The greatest whole number of a record, one that every JSON implementation carries exactly: 2^53 - 1.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;
/// The most characters of an exact decimal number: 38 digits, a sign and a point, as databases have them.
pub const MAX_DECIMAL_CHARS: usize = 40;

/// Whether a text is an exact decimal number as records have it.
pub fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= MAX_DECIMAL_CHARS && are_digits(whole) && are_digits(fraction)
}

/// The instant of a text in the only form that records have it, RFC 3339 `date-time` in capitals, with seconds and an offset.
pub fn parse_instant(text: &str) -> Option<jiff::Timestamp> {
    let form: String = text.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    let rest = form.strip_prefix("0000-00-00T00:00:00")?;
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let offset = fraction.trim_start_matches('0');
            (1..=9).contains(&(fraction.len() - offset.len())).then_some(offset)?
        }
    };
    matches!(offset, "Z" | "+00:00" | "-00:00").then(|| text.parse().ok())?
}

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
