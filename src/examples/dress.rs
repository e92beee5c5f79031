//! How a table looks on disk: encoding, quotes, what a spreadsheet does to values, and faults put in on purpose.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use super::Options;

/// How characters are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 with a byte order mark, by which spreadsheets know it.
    Utf8Bom,
    /// GB 18030.
    Gb18030,
}

/// What a column holds, as far as spreadsheets and faults treat it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Identifier,
    Name,
    Text,
    Number,
    Date,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    name: &'static str,
    content: Content,
}

impl Column {
    pub(super) const fn new(name: &'static str, content: Content) -> Self {
        Self { name, content }
    }
}

/// The names of columns.
pub(super) const fn names<const N: usize>(columns: &[Column; N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut index = 0;
    while index < N {
        names[index] = columns[index].name;
        index += 1;
    }
    names
}

/// A table being written.
#[derive(Debug)]
pub(super) struct Table<'a, W> {
    out: W,
    options: &'a Options,
    columns: &'a [Column],
}

impl<'a, W: Write> Table<'a, W> {
    /// Begins with byte order mark and header.
    pub(super) fn new(mut out: W, options: &'a Options, columns: &'a [Column]) -> io::Result<Self> {
        if options.encoding == Encoding::Utf8Bom {
            out.write_all("\u{FEFF}".as_bytes())?;
        }
        let mut table = Self { out, options, columns };
        table.write_cells(columns.iter().map(|column| column.name))?;
        Ok(table)
    }

    /// Writes the `index`th row.
    pub(super) fn write_row(&mut self, index: u64, mut cells: Vec<String>) -> io::Result<()> {
        if self.options.excel_mangled {
            for (column, cell) in self.columns.iter().zip(&mut cells) {
                *cell = mangled(column.content, cell, index);
            }
        }
        if let Some(fault) = self.fault_at(index) {
            self.spoil(fault, &mut cells);
        }
        self.write_cells(cells.iter().map(String::as_str))
    }

    /// The number of the fault that a row gets: `with_errors` of them, evenly spread over the rows.
    fn fault_at(&self, index: u64) -> Option<u64> {
        let faults = u128::from(self.options.with_errors.min(self.options.rows));
        let rows = u128::from(self.options.rows).max(1);
        let before = |index: u64| u128::from(index) * faults / rows;
        let fault = before(index);
        if before(index + 1) > fault { u64::try_from(fault).ok() } else { None }
    }

    fn spoil(&self, fault: u64, cells: &mut [String]) {
        type Spoil = fn(&str) -> String;
        let faults: [(Content, Spoil); 4] = [
            (Content::Identifier, wrong_check_character),
            (Content::Identifier, |_| "9.1440300708461E+17".to_owned()),
            (Content::Name, |_| String::new()),
            (Content::Date, |_| "2026-02-30".to_owned()),
        ];
        let Some((content, spoil)) = faults.get(fault as usize % faults.len()) else { return };
        let cell = self.columns.iter().zip(cells).find(|(column, _)| column.content == *content);
        if let Some((_, cell)) = cell {
            *cell = spoil(cell);
        }
    }

    fn write_cells<'c>(&mut self, cells: impl Iterator<Item = &'c str>) -> io::Result<()> {
        let row = cells.map(quoted).collect::<Vec<_>>().join(",") + "\r\n";
        match self.options.encoding {
            Encoding::Utf8 | Encoding::Utf8Bom => self.out.write_all(row.as_bytes()),
            Encoding::Gb18030 => self.out.write_all(&encoding_rs::GB18030.encode(&row).0),
        }
    }
}

fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains(['"', ',', '\r', '\n']) {
        Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(cell)
    }
}

/// A value as a spreadsheet leaves it, in another way in each row.
fn mangled(content: Content, cell: &str, index: u64) -> String {
    match (content, index % 3) {
        (Content::Identifier, 0) => format!("'{cell}"),
        (Content::Identifier, 1) => format!("=\"{cell}\""),
        (Content::Identifier, _) => cell.to_lowercase() + " ",
        (Content::Name, 1) => format!("{cell}\u{3000}"),
        (Content::Name | Content::Text, _) => cell.to_owned(),
        (Content::Number, 0) => full_width(cell),
        (Content::Number, _) => with_thousands(cell),
        (Content::Date, way) => mangled_date(cell, way),
    }
}

fn mangled_date(date: &str, way: u64) -> String {
    let parts: Vec<&str> = date.split('-').map(|part| part.trim_start_matches('0')).collect();
    match (&parts[..], way) {
        ([year, month, day], 0) => format!("{year}/{month}/{day}"),
        ([year, month, day], 1) => format!("{year}年{month}月{day}日"),
        ([_, _, _], _) => format!("{date} 00:00:00"),
        _ => date.to_owned(),
    }
}

fn full_width(number: &str) -> String {
    let wide = |c: char| if c.is_ascii_digit() { char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c) } else { c };
    number.chars().map(wide).collect()
}

fn with_thousands(number: &str) -> String {
    let whole = number.find('.').unwrap_or(number.len());
    let mut grouped = String::new();
    for (index, c) in number.char_indices() {
        if index > 0 && index < whole && (whole - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(c);
    }
    grouped
}

/// The identifier with its last digit or letter changed.
fn wrong_check_character(identifier: &str) -> String {
    let last = identifier.rfind(|c: char| c.is_ascii_alphanumeric());
    let change = |(index, c): (usize, char)| match c {
        _ if Some(index) != last => c,
        '1' => '2',
        _ => '1',
    };
    identifier.char_indices().map(change).collect()
}
