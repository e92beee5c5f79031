use std::{io::Read, sync::Arc};

use super::{
    Column, Encoding, Error, MAX_ROW_BYTES, Options, Reason, Row,
    cells::{Splitter, detect_delimiter},
    column::{labels, plain},
    lines::{Line, Lines},
};

/// The rows of delimited text.
#[derive(Debug)]
pub(super) struct DelimitedRows<R> {
    lines: Lines<R>,
    delimiter: char,
    columns: Arc<[Column]>,
    /// For each column, which cell of a row is its own.
    cell_of: Vec<Option<usize>>,
    /// How many cells the header has, and which of them have a name.
    named: Vec<bool>,
    failed: bool,
}

/// A row's cells as the file has them.
struct Record {
    line: u64,
    cells: Result<Vec<String>, Reason>,
}

impl<R> DelimitedRows<R> {
    pub(super) fn encoding(&self) -> Encoding {
        self.lines.encoding()
    }
}

impl<R: Read> DelimitedRows<R> {
    /// Reads the header: the first row that is not blank.
    pub(super) fn new(source: R, encoding: Encoding, columns: Vec<Column>, options: &Options) -> Result<Self, Error> {
        let mut lines = Lines::new(source, encoding);
        let delimiter = match options.delimiter {
            Some(delimiter) => delimiter,
            None => detect_delimiter(&first_line(&mut lines)?),
        };
        let header = loop {
            let record = next_record(&mut lines, delimiter)?.ok_or(Error::NoHeader)?;
            let blank = record.cells.as_ref().is_ok_and(|cells| cells.iter().all(|name| plain(name).is_empty()));
            if !blank {
                break record;
            }
        };
        let line = header.line;
        let names = header.cells.map_err(|reason| Error::Header { line, reason })?;
        let cell_of = assign(line, &names, &columns, encoding, &options.ignored)?;
        let named = names.iter().map(|name| !plain(name).is_empty()).collect();
        Ok(Self { lines, delimiter, columns: columns.into(), cell_of, named, failed: false })
    }

    fn next_row(&mut self) -> Result<Option<Row>, Error> {
        loop {
            let Some(Record { line, cells }) = next_record(&mut self.lines, self.delimiter)? else { return Ok(None) };
            match cells {
                Err(reason) => return Ok(Some(Row::unreadable(line, &self.columns, reason))),
                Ok(cells) if cells.iter().all(|cell| plain(cell).is_empty()) => {}
                Ok(cells) => return Ok(Some(self.row(line, &cells))),
            }
        }
    }

    fn row(&self, line: u64, cells: &[String]) -> Row {
        let own = self.cell_of.iter().map(|cell| {
            let cell = cell.and_then(|index| cells.get(index));
            Ok(cell.map_or("", String::as_str))
        });
        let mut row = Row::of_cells(line, &self.columns, own);
        let stray = cells
            .iter()
            .enumerate()
            .find(|(index, cell)| !self.named.get(*index).copied().unwrap_or(false) && !plain(cell).is_empty());
        if let Some((index, _)) = stray {
            row.refuse(Reason::CellWithoutColumn { column: index + 1 });
        }
        row
    }
}

impl<R: Read> Iterator for DelimitedRows<R> {
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

/// The first line that is not blank, put back with those before it.
fn first_line<R: Read>(lines: &mut Lines<R>) -> Result<String, Error> {
    loop {
        let line = lines.next()?.ok_or(Error::NoHeader)?;
        let text = line.text.clone().unwrap_or_default();
        if line.text.is_none() || !plain(&text).is_empty() {
            lines.put_back([line]);
            return Ok(text);
        }
    }
}

/// The cells of the next row. A row with an unclosed quote, or with text behind a closing one, ends with its first line
/// so that the rows after it are read.
fn next_record<R: Read>(lines: &mut Lines<R>, delimiter: char) -> Result<Option<Record>, Error> {
    let mut splitter = Splitter::new(delimiter);
    let mut taken: Vec<Line> = Vec::new();
    let mut bytes = 0;
    let (line, fault) = loop {
        let first = taken.first().map(|line| line.number);
        let Some(line) = lines.next()? else {
            let Some(first) = first else { return Ok(None) };
            break (first, Reason::UnclosedQuote);
        };
        let start = first.unwrap_or(line.number);
        let fed = match &line.text {
            None => Err(Reason::RowTooLong),
            Some(text) => {
                bytes += text.len() + 1;
                splitter.feed(text)
            }
        };
        taken.push(line);
        match fed {
            Ok(Some(cells)) => return Ok(Some(Record { line: start, cells: Ok(cells) })),
            Ok(None) if bytes <= MAX_ROW_BYTES => {}
            Ok(None) => break (start, Reason::UnclosedQuote),
            Err(_) if taken.len() > 1 => break (start, Reason::UnclosedQuote),
            Err(reason) => break (start, reason),
        }
    };
    lines.put_back(taken.into_iter().skip(1));
    Ok(Some(Record { line, cells: Err(fault) }))
}

/// Which cell belongs to each column.
fn assign(
    line: u64,
    names: &[String],
    columns: &[Column],
    encoding: Encoding,
    ignored: &[String],
) -> Result<Vec<Option<usize>>, Error> {
    let mut cell_of = vec![None; columns.len()];
    let ignored: Vec<String> = ignored.iter().map(|name| plain(name)).collect();
    for (index, name) in names.iter().enumerate() {
        let found = columns.iter().zip(&mut cell_of).find(|(column, _)| column.is_named(name));
        match found {
            Some((_, cell @ None)) => *cell = Some(index),
            Some((column, Some(first))) => {
                let field = column.code.clone();
                return Err(Error::DuplicateColumn { line, column: index + 1, first: *first + 1, field });
            }
            None if plain(name).is_empty() || ignored.contains(&plain(name)) => {}
            None => {
                let (name, allowed) = (name.clone(), labels(columns));
                return Err(Error::UnknownColumn { line, column: index + 1, name, encoding, allowed });
            }
        }
    }
    let missing: Vec<&Column> = columns
        .iter()
        .zip(&cell_of)
        .filter(|(column, cell)| column.required && cell.is_none())
        .map(|(column, _)| column)
        .collect();
    if missing.is_empty() { Ok(cell_of) } else { Err(Error::MissingColumns { line, fields: labels(missing) }) }
}
