//! How a value stands to a literal, by the type of their field.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Literal, Relation};
use crate::domain::{
    catalog::FieldType,
    identifier::{AdministrativeDivision, LicenceId, Uscc},
    value,
};

/// Whether values of a type are less or greater than others.
pub(super) fn is_ordered(field_type: &FieldType) -> bool {
    matches!(field_type, FieldType::Integer | FieldType::Decimal | FieldType::Date | FieldType::DateTime)
}

/// Whether a literal is a value that a field of this type may have.
pub(super) fn is_value(field_type: &FieldType, literal: &Literal) -> bool {
    match (field_type, literal) {
        (FieldType::Integer, Literal::Integer(integer)) => (-value::MAX_INTEGER..=value::MAX_INTEGER).contains(integer),
        (FieldType::Boolean, Literal::Boolean(_)) => true,
        (FieldType::Text { max_length }, Literal::Text(text)) => {
            (1..=*max_length as usize).contains(&text.chars().count())
        }
        (FieldType::Decimal, Literal::Text(text)) => value::is_decimal(text),
        (FieldType::Date, Literal::Text(text)) => value::parse_date(text).is_some(),
        (FieldType::DateTime, Literal::Text(text)) => value::parse_instant(text).is_some(),
        (FieldType::Code(codes), Literal::Text(text)) => codes.iter().any(|known| known.code == *text),
        (FieldType::CodeTable(codes), Literal::Text(text)) => {
            codes.table.as_ref().is_some_and(|table| table.find(text).is_some())
        }
        (FieldType::Uscc, Literal::Text(text)) => Uscc::parse(text).is_ok(),
        (FieldType::LicenceId, Literal::Text(text)) => LicenceId::parse(text).is_ok_and(|id| id.as_str() == text),
        (FieldType::AdministrativeDivision, Literal::Text(text)) => AdministrativeDivision::parse(text).is_ok(),
        // What names a person is never compared so.
        (FieldType::CitizenId | FieldType::HolderCode, _) => false,
        _ => false,
    }
}

/// Whether a value, which is not empty, stands so to a literal. What is not of the type stands in no relation.
pub(super) fn stands(field_type: &FieldType, value: &Value, relation: Relation, literal: &Literal) -> bool {
    let Some(order) = order(field_type, value, literal) else { return false };
    match relation {
        Relation::Equal => order.is_eq(),
        Relation::NotEqual => order.is_ne(),
        Relation::Less => order.is_lt(),
        Relation::AtMost => order.is_le(),
        Relation::Greater => order.is_gt(),
        Relation::AtLeast => order.is_ge(),
    }
}

/// Numbers by what they are worth, times by their instants, everything else byte by byte.
fn order(field_type: &FieldType, value: &Value, literal: &Literal) -> Option<Ordering> {
    match (field_type, value, literal) {
        (FieldType::Integer, Value::Number(value), Literal::Integer(literal)) => Some(value.as_i64()?.cmp(literal)),
        (FieldType::Boolean, Value::Bool(value), Literal::Boolean(literal)) => Some(value.cmp(literal)),
        (FieldType::Integer | FieldType::Boolean, ..) => None,
        (FieldType::Decimal, Value::String(value), Literal::Text(literal)) => Some(decimal_order(value, literal)),
        (FieldType::Date, Value::String(value), Literal::Text(literal)) => {
            Some(value::parse_date(value)?.cmp(&value::parse_date(literal)?))
        }
        (FieldType::DateTime, Value::String(value), Literal::Text(literal)) => {
            Some(value::parse_instant(value)?.cmp(&value::parse_instant(literal)?))
        }
        (_, Value::String(value), Literal::Text(literal)) => Some(value.as_str().cmp(literal)),
        _ => None,
    }
}

/// The order of two exact decimal numbers, whatever zeros they are written with.
fn decimal_order(one: &str, other: &str) -> Ordering {
    let ((one_negative, one), (other_negative, other)) = (parts(one), parts(other));
    match (one_negative, other_negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => magnitude_order(one, other),
        (true, true) => magnitude_order(other, one),
    }
}

/// Whether it is below zero, and its digits before and after the point without the zeros that say nothing.
fn parts(decimal: &str) -> (bool, (&str, &str)) {
    let digits = decimal.strip_prefix('-').unwrap_or(decimal);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let is_zero = whole.is_empty() && fraction.is_empty();
    (decimal.starts_with('-') && !is_zero, (whole, fraction))
}

fn magnitude_order((one, one_fraction): (&str, &str), (other, other_fraction): (&str, &str)) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other)).then_with(|| one_fraction.cmp(other_fraction))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_ordered_by_what_they_are_worth() {
        let ascending = ["-1000", "-12.5", "-12.05", "-0.5", "0", "0.05", "0.45", "0.5", "9", "10", "10.01", "0123"];
        for (i, one) in ascending.iter().enumerate() {
            for (j, other) in ascending.iter().enumerate() {
                assert_eq!(decimal_order(one, other), i.cmp(&j), "{one} and {other}");
            }
        }
        for same in ["0", "-0", "0.0", "-0.00", "00"] {
            assert_eq!(decimal_order(same, "0"), Ordering::Equal, "{same}");
        }
        assert_eq!(decimal_order("1200.5", "01200.500"), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn decimals_are_ordered_as_the_whole_numbers_that_they_are_hundredths_of(one in -99_999i64..99_999, other in -99_999i64..99_999) {
            let written = |n: i64| {
                let sign = if n < 0 { "-" } else { "" };
                format!("{sign}{}.{:02}", n.abs() / 100, n.abs() % 100)
            };
            prop_assert_eq!(decimal_order(&written(one), &written(other)), one.cmp(&other));
        }
    }
}
