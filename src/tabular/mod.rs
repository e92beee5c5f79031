//! What departments really have: tables saved from spreadsheets and databases, as delimited text (CSV) or JSON Lines.
//!
//! [`read`] turns such a file into [`Row`]s of typed values, one at a time and in constant memory. Spelling that does
//! not change the meaning is repaired (full-width digits, `2026/1/5`, a leading apostrophe, `="…"`); a value that has
//! lost something (`9.1440300708461E+17`) is refused, never guessed. A faulty row costs no other row: its
//! [`Violation`]s come with it, each with line, field, reason and what is allowed.
//!
//! It knows column kinds, not catalogs: whoever calls it says which columns there are.

mod cells;
mod column;
mod convert;
mod date;
mod delimited;
mod encoding;
mod json_lines;
mod lines;
mod number;
mod row;

use std::io::{self, Read, Seek};

pub use column::{Column, ColumnKind};
pub use convert::{Reason, convert};
pub use date::LONG_TERM;
pub use encoding::Encoding;
pub use number::MAX_DECIMAL_DIGITS;
pub use row::{Row, Violation};

use delimited::DelimitedRows;
use json_lines::JsonLineRows;

/// The longest row, in bytes of UTF-8. A record is about 1 KiB; a row 256 times as long is an unclosed quote or no
/// table at all.
pub const MAX_ROW_BYTES: usize = 256 * 1024;

/// The most columns a file may have. The widest templates in use have fewer than a hundred.
pub const MAX_COLUMNS: usize = 256;

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Delimited text with a header row.
    Delimited,
    /// One JSON object a line, keyed by field.
    JsonLines,
}

/// What the caller knows better than the file tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The character encoding; `None` detects it (byte order mark, else valid UTF-8, else GB18030).
    pub encoding: Option<Encoding>,
    /// The delimiter; `None` takes the one that is most frequent in the header among comma, semicolon, tab and
    /// full-width comma.
    pub delimiter: Option<char>,
    /// Names of columns (or JSON keys) to pass over, such as 序号 or 备注. Any other unknown name is an error, because a
    /// misspelt one would lose a field in every row.
    pub ignored: Vec<String>,
}

/// Why a file cannot be read at all. What is wrong with single rows is a [`Violation`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading failed.
    #[error("cannot read on after line {line}")]
    Io {
        /// The last line read whole; 0 before the first.
        line: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no row at all.
    #[error("the file is empty, expected a header row")]
    NoHeader,
    /// The header row is no row.
    #[error("line {line}: the header row is not readable: {reason}, allowed: {}", .reason.allowed())]
    Header {
        /// Where.
        line: u64,
        /// What is wrong with it.
        reason: Reason,
    },
    /// A column that no field has.
    #[error(
        "line {line}, column {column}: {name:?} names no field (the file was read as {encoding}), allowed: {allowed}"
    )]
    UnknownColumn {
        /// Line of the header.
        line: u64,
        /// Which column, from 1.
        column: usize,
        /// Its name in the file.
        name: String,
        /// The encoding in use: a wrong one garbles every name.
        encoding: Encoding,
        /// The fields' names.
        allowed: String,
    },
    /// Two columns for one field.
    #[error("line {line}, column {column}: field {field} has a column already, column {first}")]
    DuplicateColumn {
        /// Line of the header.
        line: u64,
        /// Which column, from 1.
        column: usize,
        /// The earlier column, from 1.
        first: usize,
        /// The field's code.
        field: String,
    },
    /// Required fields without a column.
    #[error("line {line}: the header has no column for the required fields {fields}")]
    MissingColumns {
        /// Line of the header.
        line: u64,
        /// Codes and names of the fields.
        fields: String,
    },
    /// An encoding this program does not read.
    #[error("unknown encoding {name:?}, allowed: utf-8, gb18030 (also gbk, gb2312), utf-16le")]
    UnknownEncoding {
        /// The name given.
        name: String,
    },
}

/// The rows of a file, in its order. Blank rows are passed over.
///
/// Yields an error only when reading itself fails, and ends there.
#[derive(Debug)]
pub struct Rows<R>(Kind<R>);

#[derive(Debug)]
enum Kind<R> {
    Delimited(DelimitedRows<R>),
    JsonLines(JsonLineRows<R>),
}

/// Opens a file for reading its rows, from where it stands; detecting the encoding reads it once in advance.
///
/// # Errors
/// [`Error::Io`], and every fault of the header.
pub fn read<R: Read + Seek>(
    mut source: R,
    format: Format,
    columns: Vec<Column>,
    options: &Options,
) -> Result<Rows<R>, Error> {
    let encoding = match options.encoding {
        Some(encoding) => encoding,
        None => Encoding::detect(&mut source).map_err(|source| Error::Io { line: 0, source })?,
    };
    Ok(Rows(match format {
        Format::Delimited => Kind::Delimited(DelimitedRows::new(source, encoding, columns, options)?),
        Format::JsonLines => Kind::JsonLines(JsonLineRows::new(source, encoding, columns, options)),
    }))
}

impl<R> Rows<R> {
    /// The encoding in use.
    pub fn encoding(&self) -> Encoding {
        match &self.0 {
            Kind::Delimited(rows) => rows.encoding(),
            Kind::JsonLines(rows) => rows.encoding(),
        }
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Kind::Delimited(rows) => rows.next(),
            Kind::JsonLines(rows) => rows.next(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
