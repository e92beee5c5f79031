use std::{fmt, io::Read, sync::Arc};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Number, Value};

use super::{Column, Encoding, Error, Options, Reason, Row, column::plain, lines::Lines};

/// The rows of JSON Lines.
#[derive(Debug)]
pub(super) struct JsonLineRows<R> {
    lines: Lines<R>,
    columns: Arc<[Column]>,
    ignored: Vec<String>,
    failed: bool,
}

impl<R> JsonLineRows<R> {
    pub(super) fn new(source: R, encoding: Encoding, columns: Vec<Column>, options: &Options) -> Self {
        let ignored = options.ignored.iter().map(|name| plain(name)).collect();
        Self { lines: Lines::new(source, encoding), columns: columns.into(), ignored, failed: false }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.lines.encoding()
    }
}

impl<R: Read> JsonLineRows<R> {
    fn next_row(&mut self) -> Result<Option<Row>, Error> {
        while let Some(line) = self.lines.next()? {
            match line.text {
                None => return Ok(Some(Row::unreadable(line.number, &self.columns, Reason::RowTooLong))),
                Some(text) if text.trim().is_empty() => {}
                Some(text) => return Ok(Some(self.row(line.number, &text))),
            }
        }
        Ok(None)
    }

    fn row(&self, line: u64, text: &str) -> Row {
        let Members(members) = match serde_json::from_str(text) {
            Ok(members) => members,
            Err(error) => {
                let reason = Reason::NotJsonObject { column: error.column() };
                return Row::unreadable(line, &self.columns, reason);
            }
        };
        let mut cells: Vec<Option<Result<String, Reason>>> = vec![None; self.columns.len()];
        let mut unknown = Vec::new();
        for (key, value) in members {
            match self.columns.iter().zip(&mut cells).find(|(column, _)| column.is_named(&key)) {
                Some((column, cell @ None)) if column.repeated => *cell = Some(list_text(value)),
                Some((_, cell @ None)) => *cell = Some(cell_text(value)),
                Some((_, cell)) => *cell = Some(Err(Reason::GivenTwice)),
                None if self.ignored.contains(&plain(&key)) => {}
                None => unknown.push(Reason::UnknownKey { key }),
            }
        }
        let cells = cells.iter().map(|cell| match cell {
            None => Ok(""),
            Some(Ok(text)) => Ok(text.as_str()),
            Some(Err(reason)) => Err(reason.clone()),
        });
        let mut row = Row::of_cells(line, &self.columns, cells);
        unknown.into_iter().for_each(|reason| row.refuse(reason));
        row
    }
}

impl<R: Read> Iterator for JsonLineRows<R> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = self.next_row();
        self.failed = row.is_err();
        row.transpose()
    }
}

/// A JSON array, or a single value, as a table's cell that holds a list: a value a line.
fn list_text(value: Value) -> Result<String, Reason> {
    let Value::Array(values) = value else { return cell_text(value) };
    let texts: Vec<String> = values.into_iter().map(cell_text).collect::<Result<_, _>>()?;
    Ok(texts.join("\n"))
}

/// A JSON value as a table's cell.
fn cell_text(value: Value) -> Result<String, Reason> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Bool(yes) => Ok(yes.to_string()),
        Value::Number(number) => number_text(&number),
        Value::String(text) => Ok(text),
        Value::Array(_) | Value::Object(_) => Err(Reason::Nested),
    }
}

/// A number's digits. One with a fraction went through a binary number, which keeps 15 digits and no more.
fn number_text(number: &Number) -> Result<String, Reason> {
    const EXACT_DIGITS: usize = 15;
    let text = number.to_string();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if number.is_f64() && (digits > EXACT_DIGITS || text.contains('e')) { Err(Reason::DigitsLost) } else { Ok(text) }
}

/// The members of a JSON object in their order, repeated keys included.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
