//! What a cell says.

use super::{
    super::render::quoted,
    columns::{Column, Holds, NO, YES, plain, word_of},
    fault::Fault,
};
use crate::domain::id::CodeTableId;

/// What a cell says.
pub(super) enum Value {
    /// A value, as TOML.
    Toml(String),
    /// Whether the field plays the part.
    Role(bool),
    /// A code table, and its version as TOML.
    Table(String, Option<String>),
    /// Codes and their names.
    Codes(Vec<(String, String)>),
}

/// Reads a cell of a column.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(column: &Column, text: &str) -> Result<Value, Fault> {
    Ok(match column.holds {
        Holds::Text => Value::Toml(quoted(text.to_owned())),
        Holds::Number => Value::Toml(text.parse::<u32>().map_err(|_| Fault::NotNumber)?.to_string()),
        Holds::Flag => Value::Toml(flag(text)?.to_string()),
        Holds::Role => Value::Role(flag(text)?),
        Holds::Word(aliases) => {
            let best = |others: &[&'static str]| others.first().copied();
            let known = || aliases.iter().filter_map(|(_, others)| best(others)).collect::<Vec<_>>().join(" ");
            let word = word_of(aliases, text).ok_or_else(|| Fault::UnknownWord { known: known() })?;
            Value::Toml(quoted(word.to_owned()))
        }
        Holds::Texts => {
            let texts = text.split(['、', '，', ',', ';', '；', '\n']).map(str::trim).filter(|text| !text.is_empty());
            let texts: Vec<_> = texts.map(|text| quoted(text.to_owned())).collect();
            Value::Toml(format!("[{}]", texts.join(", ")))
        }
        Holds::Codes => codes(text)?,
    })
}

fn flag(text: &str) -> Result<bool, Fault> {
    let upper = plain(text).to_uppercase();
    let is = |words: &[&str]| words.contains(&upper.as_str());
    match (is(YES), is(NO)) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Fault::UnknownWord { known: [YES, NO].concat().join(" ") }),
    }
}

/// A code table, perhaps with a version: `gbt-2260@2`; or codes: `1=男；2=女`.
fn codes(text: &str) -> Result<Value, Fault> {
    let (id, version) = text.split_once('@').map_or((text, None), |(id, version)| (id, Some(version)));
    if id.parse::<CodeTableId>().is_ok() {
        let version = version.map(|version| version.parse::<u32>().map(|number| number.to_string()));
        return Ok(Value::Table(id.to_owned(), version.transpose().map_err(|_| Fault::NotCodes)?));
    }
    let parts = text.split([';', '；', '\n']).map(str::trim).filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (code, name) = part.split_once(['=', '＝', ':', '：'])?;
        Some((code.trim().to_owned(), name.trim().to_owned()))
    };
    parts.map(pair).collect::<Option<Vec<_>>>().map(Value::Codes).ok_or(Fault::NotCodes)
}
