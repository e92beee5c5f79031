use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::{ColumnKind, MAX_COLUMNS, MAX_ROW_BYTES, date, number};
use crate::domain::identifier::{self, AdministrativeDivision, CitizenId, LicenceId, MAX_HOLDER_CODE_CHARS, Uscc};

/// Why a row or a cell is refused. No reason repeats the value, which may be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A required field is empty.
    #[error("the value is missing")]
    Missing,
    /// More characters than the field takes.
    #[error("{found} characters are too many")]
    TooLong {
        /// Characters found.
        found: usize,
    },
    /// A number that a spreadsheet has shortened, such as `9.1440300708461E+17`.
    #[error("a number in scientific notation has lost its last digits; export the column as text")]
    DigitsLost,
    /// A formula instead of its result.
    #[error("a formula stands where its result should")]
    Formula,
    /// An error value of a spreadsheet, such as `#REF!`.
    #[error("a spreadsheet's error value")]
    SpreadsheetError,
    /// Bytes that the encoding does not know.
    #[error("a character was not readable in the file's encoding")]
    Undecodable,
    /// A control character.
    #[error("a control character (U+{code:04X})")]
    ControlCharacter {
        /// Its code point.
        code: u32,
    },
    /// Not a whole number.
    #[error("not a whole number")]
    NotInteger,
    /// A whole number that JSON readers do not keep.
    #[error("a whole number out of range")]
    IntegerRange,
    /// Not a decimal number.
    #[error("not a decimal number")]
    NotDecimal,
    /// A decimal with too many digits.
    #[error("a number with too many digits")]
    TooManyDigits,
    /// Not a date.
    #[error("not a date with the year first")]
    NotDate,
    /// A date the calendar does not have, or from before 1800.
    #[error("no such date")]
    NoSuchDate,
    /// A time other than midnight in a date column.
    #[error("a date with a time of day")]
    TimeInDate,
    /// Not a date and time.
    #[error("not a date and time")]
    NotDateTime,
    /// Not yes or no.
    #[error("not a yes or no")]
    NotBoolean,
    /// Not in the code list.
    #[error("not in the code list")]
    NotInCodeList,
    /// Not a valid identifier.
    #[error(transparent)]
    Identifier(#[from] identifier::Error),
    /// A row that is too long.
    #[error("the row is too long")]
    RowTooLong,
    /// A row with too many cells.
    #[error("the row has too many cells")]
    TooManyCells,
    /// Values beyond the header's last column.
    #[error("cell {column} has a value and no column; is a delimiter unquoted")]
    CellWithoutColumn {
        /// Which cell, from 1.
        column: usize,
    },
    /// A quote that is not closed.
    #[error("a quote is opened and not closed")]
    UnclosedQuote,
    /// Text behind a closing quote.
    #[error("text follows a closing quote")]
    TextAfterQuote,
    /// Not a JSON object.
    #[error("not a JSON object (column {column})")]
    NotJsonObject {
        /// Where the reader gave up, in bytes from 1.
        column: usize,
    },
    /// A key that no field has.
    #[error("{key:?} names no field")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// Two keys for one field.
    #[error("the field is given twice")]
    GivenTwice,
    /// An array or an object where a value should be.
    #[error("an array or an object instead of a value")]
    Nested,
}

impl Reason {
    /// A stable code for reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong { .. } => "too-long",
            Self::DigitsLost => "digits-lost",
            Self::Formula => "formula",
            Self::SpreadsheetError => "spreadsheet-error",
            Self::Undecodable => "undecodable",
            Self::ControlCharacter { .. } => "control-character",
            Self::NotInteger => "not-integer",
            Self::IntegerRange => "integer-range",
            Self::NotDecimal => "not-decimal",
            Self::TooManyDigits => "too-many-digits",
            Self::NotDate => "not-date",
            Self::NoSuchDate => "no-such-date",
            Self::TimeInDate => "time-in-date",
            Self::NotDateTime => "not-date-time",
            Self::NotBoolean => "not-boolean",
            Self::NotInCodeList => "not-in-code-list",
            Self::Identifier(_) => "identifier",
            Self::RowTooLong => "row-too-long",
            Self::TooManyCells => "too-many-cells",
            Self::CellWithoutColumn { .. } => "cell-without-column",
            Self::UnclosedQuote => "unclosed-quote",
            Self::TextAfterQuote => "text-after-quote",
            Self::NotJsonObject { .. } => "not-json-object",
            Self::UnknownKey { .. } => "unknown-key",
            Self::GivenTwice => "given-twice",
            Self::Nested => "nested",
        }
    }

    /// What a row may be instead. What a cell may hold its column says.
    pub(super) fn allowed(&self) -> String {
        match self {
            Self::RowTooLong => format!("at most {MAX_ROW_BYTES} bytes"),
            Self::TooManyCells => format!("at most {MAX_COLUMNS} cells"),
            Self::CellWithoutColumn { .. } => "no more cells than the header has".to_owned(),
            Self::UnclosedQuote | Self::TextAfterQuote => {
                "a quoted cell ends with a quote, quotes within are doubled".to_owned()
            }
            Self::NotJsonObject { .. } => "one JSON object a line".to_owned(),
            Self::UnknownKey { .. } => "the codes and names of the resource's fields".to_owned(),
            _ => "a readable row".to_owned(),
        }
    }
}

/// The typed value of a cell; null if it is empty (or `NULL`, as databases export it).
///
/// # Errors
/// The reason for which the cell is refused.
pub fn convert(kind: &ColumnKind, cell: &str) -> Result<Value, Reason> {
    let text = clean(cell)?;
    if text.is_empty() || text.eq_ignore_ascii_case("null") || text == "\\N" {
        return Ok(Value::Null);
    }
    if number::is_scientific(&narrow(text)) {
        return Err(Reason::DigitsLost);
    }
    match kind {
        ColumnKind::Text { max_chars } => plain_text(text, *max_chars).map(Value::from),
        ColumnKind::Integer => number::integer(&narrow(text)),
        ColumnKind::Decimal => number::decimal(&narrow(text)),
        ColumnKind::Date => date::date(&narrow(text)).map(Value::from),
        ColumnKind::DateTime => date::date_time(&narrow(text)).map(Value::from),
        ColumnKind::Boolean => boolean(&narrow(text)),
        ColumnKind::Uscc => Ok(Uscc::parse(&identifier::normalize(text))?.as_str().into()),
        ColumnKind::CitizenId => Ok(CitizenId::parse(&identifier::normalize(text))?.as_str().into()),
        ColumnKind::LicenceId => Ok(LicenceId::parse(&identifier::normalize(text))?.as_str().into()),
        ColumnKind::Code(codes) => code(text, codes),
        ColumnKind::AdministrativeDivision => {
            Ok(AdministrativeDivision::parse(&identifier::normalize(text))?.as_str().into())
        }
        ColumnKind::HolderCode => plain_text(&identifier::normalize(text), MAX_HOLDER_CODE_CHARS).map(Value::from),
    }
}

/// The list of typed values of a cell that holds several, with a semicolon of either width or a line break between two; null
/// if it is empty.
///
/// # Errors
/// The reason for which one of them is refused, or an empty one between others.
pub(super) fn convert_list(kind: &ColumnKind, cell: &str) -> Result<Value, Reason> {
    if convert(&ColumnKind::Text { max_chars: usize::MAX }, cell)?.is_null() {
        return Ok(Value::Null);
    }
    let parts = clean(cell)?.split(['\n', ';', '；']).filter(|part| !trim(part).is_empty());
    let present = |part| match convert(kind, part)? {
        Value::Null => Err(Reason::Missing),
        value => Ok(value),
    };
    parts.map(present).collect::<Result<Vec<_>, _>>().map(Value::from)
}

/// Takes off what spreadsheets put around a value: white space, invisible marks, `="…"`, a leading apostrophe.
fn clean(cell: &str) -> Result<&str, Reason> {
    let text = trim(cell);
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(Reason::Undecodable);
    }
    if let Some(formula) = text.strip_prefix('=') {
        let inner = formula.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        return inner.filter(|inner| !inner.contains('"')).map(trim).ok_or(Reason::Formula);
    }
    if is_spreadsheet_error(text) {
        return Err(Reason::SpreadsheetError);
    }
    Ok(text.strip_prefix('\'').map_or(text, trim))
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || identifier::is_invisible(c))
}

fn is_spreadsheet_error(text: &str) -> bool {
    const ERRORS: [&str; 7] = ["#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"];
    // A column too narrow for its number shows, and exports as text, nothing but these.
    let hashes = text.len() > 1 && text.bytes().all(|c| c == b'#');
    hashes || ERRORS.contains(&text)
}

/// Full-width forms made half-width, the ideographic space too.
fn narrow(text: &str) -> String {
    text.chars().map(|c| if c == '\u{3000}' || c == '\u{A0}' { ' ' } else { identifier::half_width(c) }).collect()
}

fn plain_text(text: &str, max_chars: usize) -> Result<String, Reason> {
    let text: String = text.replace("\r\n", "\n").nfc().collect();
    if let Some(c) = text.chars().find(|&c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Reason::ControlCharacter { code: c.into() });
    }
    let found = text.chars().count();
    if found > max_chars { Err(Reason::TooLong { found }) } else { Ok(text) }
}

fn boolean(text: &str) -> Result<Value, Reason> {
    match text.to_ascii_lowercase().as_str() {
        "是" | "true" | "1" | "y" | "yes" => Ok(true.into()),
        "否" | "false" | "0" | "n" | "no" => Ok(false.into()),
        _ => Err(Reason::NotBoolean),
    }
}

fn code(text: &str, codes: &[String]) -> Result<Value, Reason> {
    let narrow = narrow(text);
    let known = codes.iter().find(|code| **code == text || **code == narrow);
    known.map(|code| code.as_str().into()).ok_or(Reason::NotInCodeList)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TEXT: ColumnKind = ColumnKind::Text { max_chars: 10 };

    #[test]
    fn cells_become_typed_values() {
        let codes = ColumnKind::Code(vec!["1".to_owned(), "有限责任公司".to_owned()]);
        let table = [
            (&TEXT, " 营业执照\u{A0}\u{3000}", json!("营业执照")),
            (&TEXT, "", json!(null)),
            (&TEXT, "\u{3000}\t ", json!(null)),
            (&TEXT, "NULL", json!(null)),
            (&TEXT, "'0571", json!("0571")),
            (&TEXT, "=\"0571\"", json!("0571")),
            (&TEXT, "甲\r\n乙", json!("甲\n乙")),
            (&TEXT, "e\u{301}", json!("\u{e9}")),
            (&TEXT, "１号，（东）", json!("１号，（东）")),
            (&ColumnKind::Integer, "１，２３４", json!(1234)),
            (&ColumnKind::Integer, " 42 ", json!(42)),
            (&ColumnKind::Decimal, "1,000.50", json!("1000.5")),
            (&ColumnKind::Date, "２０２６年１月５日", json!("2026-01-05")),
            (&ColumnKind::Date, "'2026/1/5", json!("2026-01-05")),
            (&ColumnKind::Date, "长期", json!("9999-12-31")),
            (&ColumnKind::DateTime, "2026-01-05\u{A0}14:30", json!("2026-01-05T14:30:00+08:00")),
            (&ColumnKind::Boolean, "是", json!(true)),
            (&ColumnKind::Boolean, "Ｎ", json!(false)),
            (&ColumnKind::Uscc, "'91350100m000100y43", json!("91350100M000100Y43")),
            (&ColumnKind::CitizenId, "１１０１０５１９４９１２３１００２ｘ", json!("11010519491231002X")),
            (
                &ColumnKind::LicenceId,
                "11100000000013338w011.11430000006122244l.20230000403.001.u",
                json!("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"),
            ),
            (&codes, "１", json!("1")),
            (&codes, "有限责任公司", json!("有限责任公司")),
        ];
        for (kind, cell, value) in table {
            assert_eq!(convert(kind, cell), Ok(value), "{kind:?} {cell:?}");
        }
    }

    #[test]
    fn a_cell_may_hold_a_list() {
        let table = [
            (&TEXT, "张三;李四", json!(["张三", "李四"])),
            (&TEXT, " 张三 ；\n李四；", json!(["张三", "李四"])),
            (&TEXT, "张三", json!(["张三"])),
            (&TEXT, " ", json!(null)),
            (&ColumnKind::HolderCode, "e12345678;91440300708461136t", json!(["E12345678", "91440300708461136T"])),
            (&ColumnKind::AdministrativeDivision, "３４０１００", json!(["340100"])),
        ];
        for (kind, cell, value) in table {
            assert_eq!(convert_list(kind, cell), Ok(value), "{kind:?} {cell:?}");
        }
        assert_eq!(convert_list(&TEXT, "张三;NULL"), Err(Reason::Missing));
        assert!(convert_list(&ColumnKind::Uscc, "91440300708461136T;91440300708461136A").is_err());
    }

    #[test]
    fn what_has_lost_something_or_is_nothing_is_refused() {
        let table = [
            (&ColumnKind::Uscc, "9.1440300708461E+17", Reason::DigitsLost),
            (&ColumnKind::CitizenId, "4.40524E+17", Reason::DigitsLost),
            (&ColumnKind::Integer, "1.5E+7", Reason::DigitsLost),
            (&TEXT, "4.4E+11", Reason::DigitsLost),
            (&TEXT, "=A1&B1", Reason::Formula),
            (&TEXT, "#REF!", Reason::SpreadsheetError),
            (&ColumnKind::Date, "########", Reason::SpreadsheetError),
            (&TEXT, "营业\u{FFFD}照", Reason::Undecodable),
            (&TEXT, "营业\u{0}照", Reason::ControlCharacter { code: 0 }),
            (&TEXT, "一二三四五六七八九十一", Reason::TooLong { found: 11 }),
            (&ColumnKind::Boolean, "有", Reason::NotBoolean),
            (&ColumnKind::Code(Vec::new()), "1", Reason::NotInCodeList),
            (
                &ColumnKind::CitizenId,
                "110105194912310021",
                Reason::Identifier(identifier::Error::CheckCharacter {
                    kind: identifier::Kind::CitizenId,
                    position: 18,
                    expected: 'X',
                }),
            ),
        ];
        for (kind, cell, reason) in table {
            assert_eq!(convert(kind, cell), Err(reason), "{kind:?} {cell:?}");
        }
    }

    proptest! {
        #[test]
        fn any_cell_is_converted_or_refused_and_canonical_values_stay(cell in "\\PC{0,24}|[0-9./: 年月日TEe+-]{0,20}") {
            let kinds = [
                ColumnKind::Text { max_chars: 30 },
                ColumnKind::Integer,
                ColumnKind::Decimal,
                ColumnKind::Date,
                ColumnKind::DateTime,
                ColumnKind::Boolean,
                ColumnKind::Uscc,
            ];
            for kind in kinds {
                let Ok(value) = convert(&kind, &cell) else { continue };
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                // A text may hold what looks like another wrapping.
                if !matches!(kind, ColumnKind::Text { .. }) {
                    prop_assert_eq!(convert(&kind, &text), Ok(value));
                }
            }
        }
    }
}
