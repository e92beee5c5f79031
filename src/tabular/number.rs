//! Numbers as spreadsheets write them.

use serde_json::Value;

use super::Reason;
use crate::domain::value::MAX_INTEGER;

/// The most digits of a decimal, the precision that databases commonly keep.
pub const MAX_DECIMAL_DIGITS: usize = 38;

/// Whether a text is a number in scientific notation, such as `9.1440300708461E+17`: what a spreadsheet makes of a long
/// number, its last digits gone.
pub(super) fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let mantissa = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    // A bare `1E5` may be a room or a model; only a point or a sign makes it a spreadsheet's.
    let written_out = text.contains('.') || text.contains('+');
    written_out && [whole, fraction, exponent].into_iter().all(is_digits)
}

/// A whole number, with or without thousands separators.
pub(super) fn integer(text: &str) -> Result<Value, Reason> {
    let decimal = decimal_text(text).map_err(|reason| match reason {
        Reason::NotDecimal => Reason::NotInteger,
        reason => reason,
    })?;
    if decimal.contains('.') {
        return Err(Reason::NotInteger);
    }
    let number: i64 = decimal.parse().map_err(|_| Reason::IntegerRange)?;
    if number.abs() > MAX_INTEGER { Err(Reason::IntegerRange) } else { Ok(number.into()) }
}

/// A decimal number as a string without superfluous zeros.
pub(super) fn decimal(text: &str) -> Result<Value, Reason> {
    decimal_text(text).map(Value::from)
}

fn decimal_text(text: &str) -> Result<String, Reason> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let whole = without_separators(whole).ok_or(Reason::NotDecimal)?;
    if !is_digits(&whole) || !is_digits(fraction) {
        return Err(Reason::NotDecimal);
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.len() + fraction.len() > MAX_DECIMAL_DIGITS {
        return Err(Reason::TooManyDigits);
    }
    let mut number = String::new();
    if negative && !(whole.is_empty() && fraction.is_empty()) {
        number.push('-');
    }
    number.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        number.push('.');
        number.push_str(fraction);
    }
    Ok(number)
}

/// The digits of a whole number whose thousands separators, if it has any, stand where they belong.
fn without_separators(whole: &str) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let mut rest = groups.peekable();
    if rest.peek().is_some() && !(1..=3).contains(&first.len()) {
        return None;
    }
    let mut digits = first.to_owned();
    for group in rest {
        if group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    Some(digits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_one_form() {
        let table = [
            ("0", "0"),
            ("-0.00", "0"),
            ("007.50", "7.5"),
            ("1,234,567.80", "1234567.8"),
            ("+12", "12"),
            ("-0.5", "-0.5"),
            ("99999999999999999999.01", "99999999999999999999.01"),
        ];
        for (given, canonical) in table {
            assert_eq!(decimal(given), Ok(canonical.into()), "{given}");
        }
        for given in ["", ".", "1.", ".5", "1,23", "1234,567", ",123", "1,,234", "--1", "1.2.3", "12元", "１"] {
            assert_eq!(decimal(given), Err(Reason::NotDecimal), "{given}");
        }
        assert_eq!(decimal(&"9".repeat(39)), Err(Reason::TooManyDigits));
    }

    #[test]
    fn integers_keep_to_what_json_keeps() {
        for (given, number) in [("0", 0), ("-12", -12), ("1,000", 1000), ("5.00", 5), ("9007199254740991", MAX_INTEGER)]
        {
            assert_eq!(integer(given), Ok(number.into()), "{given}");
        }
        assert_eq!(integer("1.5"), Err(Reason::NotInteger));
        assert_eq!(integer("一"), Err(Reason::NotInteger));
        for given in ["9007199254740992", "-9007199254740992", "99999999999999999999"] {
            assert_eq!(integer(given), Err(Reason::IntegerRange), "{given}");
        }
    }

    #[test]
    fn scientific_notation_is_recognised() {
        for text in ["9.1440300708461E+17", "4.4E+17", "1E+05", "9.1e17", "-1.5E-7"] {
            assert!(is_scientific(text), "{text}");
        }
        for text in ["", "E", "1E5", "9.1", "E+17", "2E座", "91E10000M000100Y43", "1.2.156E1"] {
            assert!(!is_scientific(text), "{text}");
        }
    }
}
