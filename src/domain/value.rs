//! Values of fields, as they stand in a record, against their types.

use serde_json::Value;

use super::{
    catalog::{Field, FieldType},
    identifier::{self, CitizenId, LicenceId, Uscc},
    outcome::RecordViolation,
    time::Date,
};

/// The greatest whole number that every JSON implementation carries exactly: 2^53 - 1.
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;
/// The most characters of an exact decimal number: 38 digits, a sign and a point, as databases have them.
pub const MAX_DECIMAL_CHARS: usize = 40;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// The code that the log holds.
    pub violation: RecordViolation,
    /// What is wrong and what is allowed.
    pub description: String,
}

/// Checks a value of a field.
///
/// # Errors
/// What is wrong: [`RecordViolation::Required`], [`RecordViolation::Type`] or [`RecordViolation::CheckCharacter`].
pub fn check(field: &Field, value: &Value) -> Result<(), BadValue> {
    match (value, &field.field_type) {
        (Value::Null, _) if field.required => bad(RecordViolation::Required, "is required, but empty"),
        (Value::Null, _) | (Value::Bool(_), FieldType::Boolean) => Ok(()),
        (Value::Number(number), FieldType::Integer) => match number.as_i64() {
            Some(integer) if integer.abs() <= MAX_INTEGER => Ok(()),
            _ => wrong_type("is not a whole number from -(2^53-1) to 2^53-1"),
        },
        (Value::String(text), field_type) => check_text(field_type, text),
        (_, FieldType::Boolean) => wrong_type("is not true or false"),
        (_, FieldType::Integer) => wrong_type("is not a whole number"),
        _ => wrong_type("is not a string"),
    }
}

fn check_text(field_type: &FieldType, text: &str) -> Result<(), BadValue> {
    match field_type {
        FieldType::Text { max_length } => {
            let length = text.chars().count();
            if length > *max_length as usize {
                return bad(RecordViolation::Type, format!("has {length} characters, allowed are {max_length}"));
            }
            if text.is_empty() {
                return wrong_type("is an empty string; an empty value is null");
            }
            Ok(())
        }
        FieldType::Decimal => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
            let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            if text.len() <= MAX_DECIMAL_CHARS && all_digits(whole) && all_digits(fraction) {
                Ok(())
            } else {
                wrong_type("is not a decimal number such as 1200.50 of at most 40 characters")
            }
        }
        FieldType::Date => parse_date(text).map(|_| ()).map_or_else(|| wrong_type("is not a date YYYY-MM-DD"), Ok),
        FieldType::DateTime => match text.parse::<jiff::Timestamp>() {
            Ok(_) => Ok(()),
            Err(_) => wrong_type("is not a date and time such as 2026-01-05T08:00:00+08:00"),
        },
        FieldType::Uscc => identified(Uscc::parse(text)),
        FieldType::CitizenId => identified(CitizenId::parse(text)),
        FieldType::LicenceId => match LicenceId::parse(text) {
            Ok(id) if id.as_str() == text => Ok(()),
            Ok(_) => wrong_type("is not in canonical form: with its root, in upper case"),
            Err(error) => identified(Err::<LicenceId, _>(error)),
        },
        FieldType::Code(values) => {
            if values.iter().any(|value| value.code == text) {
                Ok(())
            } else {
                let allowed: Vec<_> = values.iter().take(12).map(|value| value.code.as_str()).collect();
                bad(RecordViolation::Type, format!("is not one of the codes {}", allowed.join(", ")))
            }
        }
        FieldType::Boolean => wrong_type("is a string, not true or false"),
        FieldType::Integer => wrong_type("is a string, not a number"),
    }
}

/// A date in the only form that records have it, RFC 3339 `full-date`.
pub fn parse_date(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text && date.year() > 0).then_some(date)
}

fn identified<T>(parsed: Result<T, identifier::Error>) -> Result<(), BadValue> {
    match parsed {
        Ok(_) => Ok(()),
        Err(error @ identifier::Error::CheckCharacter { .. }) => {
            bad(RecordViolation::CheckCharacter, error.to_string())
        }
        Err(error) => bad(RecordViolation::Type, error.to_string()),
    }
}

fn wrong_type(description: &str) -> Result<(), BadValue> {
    bad(RecordViolation::Type, description)
}

fn bad(violation: RecordViolation, description: impl Into<String>) -> Result<(), BadValue> {
    Err(BadValue { violation, description: description.into() })
}
