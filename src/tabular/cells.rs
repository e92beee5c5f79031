use super::{MAX_COLUMNS, Reason};

/// The delimiters looked for in a header, the likelier first.
const DELIMITERS: [char; 4] = [',', '\t', ';', '，'];

/// The delimiter that a header uses most, outside quotes; a comma if there is none.
pub(super) fn detect_delimiter(header: &str) -> char {
    let mut best = (0, DELIMITERS[0]);
    for delimiter in DELIMITERS {
        let mut quoted = false;
        let uses = header.chars().filter(|&c| {
            quoted ^= c == '"';
            c == delimiter && !quoted
        });
        let uses = uses.count();
        if uses > best.0 {
            best = (uses, delimiter);
        }
    }
    best.1
}

/// Splits a row into cells after RFC 4180, fed line by line because quoted cells may hold line ends.
///
/// A quote opens a cell only at its very start; elsewhere it is a character like any other, as in `="0571"`.
#[derive(Debug)]
pub(super) struct Splitter {
    delimiter: char,
    state: State,
    cell: String,
    cells: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a cell.
    Start,
    /// In a cell without quotes.
    Bare,
    /// Between quotes.
    Quoted,
    /// Behind a quote within quotes: the end of the cell, or the first half of a doubled quote.
    QuoteSeen,
}

impl Splitter {
    pub(super) fn new(delimiter: char) -> Self {
        Self { delimiter, state: State::Start, cell: String::new(), cells: Vec::new() }
    }

    /// Takes one more line; gives the row's cells if it ends here, `None` within quotes.
    pub(super) fn feed(&mut self, line: &str) -> Result<Option<Vec<String>>, Reason> {
        for c in line.chars() {
            self.take(c)?;
        }
        if self.state == State::Quoted {
            self.cell.push('\n');
            return Ok(None);
        }
        self.end_cell()?;
        Ok(Some(std::mem::take(&mut self.cells)))
    }

    fn take(&mut self, c: char) -> Result<(), Reason> {
        self.state = match (self.state, c) {
            (State::Quoted, '"') => State::QuoteSeen,
            (State::Start, '"') => State::Quoted,
            (State::QuoteSeen, '"') => {
                self.cell.push(c);
                State::Quoted
            }
            (State::Start | State::Bare | State::QuoteSeen, c) if c == self.delimiter => {
                self.end_cell()?;
                State::Start
            }
            (State::QuoteSeen, c) if c.is_whitespace() => State::QuoteSeen,
            (State::QuoteSeen, _) => return Err(Reason::TextAfterQuote),
            (state, c) => {
                self.cell.push(c);
                if state == State::Start { State::Bare } else { state }
            }
        };
        Ok(())
    }

    fn end_cell(&mut self) -> Result<(), Reason> {
        if self.cells.len() == MAX_COLUMNS {
            return Err(Reason::TooManyCells);
        }
        self.cells.push(std::mem::take(&mut self.cell));
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(row: &str, delimiter: char) -> Result<Option<Vec<String>>, Reason> {
        let mut splitter = Splitter::new(delimiter);
        let mut result = Ok(None);
        for line in row.split('\n') {
            assert_eq!(result, Ok(None), "the row ended before {line:?}");
            result = splitter.feed(line);
        }
        result
    }

    #[test]
    fn rows_split_into_cells() {
        let table: [(&str, char, &[&str]); 10] = [
            ("", ',', &[""]),
            ("甲,乙,", ',', &["甲", "乙", ""]),
            ("\"甲,乙\",丙", ',', &["甲,乙", "丙"]),
            ("\"甲\n乙\",丙", ',', &["甲\n乙", "丙"]),
            ("\"说\"\"是\"\"\"", ',', &["说\"是\""]),
            ("=\"0571\",5\"管", ',', &["=\"0571\"", "5\"管"]),
            ("\"甲\" ,乙", ',', &["甲", "乙"]),
            ("甲,1;乙", ';', &["甲,1", "乙"]),
            ("甲\t乙", '\t', &["甲", "乙"]),
            ("甲，\"乙，丙\"", '，', &["甲", "乙，丙"]),
        ];
        for (row, delimiter, cells) in table {
            assert_eq!(split(row, delimiter).unwrap().unwrap(), cells, "{row:?}");
        }
    }

    #[test]
    fn broken_rows_are_refused() {
        assert_eq!(split("\"甲\"乙,丙", ','), Err(Reason::TextAfterQuote));
        assert_eq!(split(&",".repeat(MAX_COLUMNS), ','), Err(Reason::TooManyCells));
        assert_eq!(split("甲,\"乙", ','), Ok(None));
    }

    #[test]
    fn the_most_used_delimiter_is_taken() {
        let table = [
            ("甲,乙;丙,丁", ','),
            ("甲;乙;丙,丁", ';'),
            ("甲\t乙", '\t'),
            ("甲，乙，丙", '，'),
            ("\"甲,乙,丙\";丁", ';'),
            ("甲", ','),
        ];
        for (header, delimiter) in table {
            assert_eq!(detect_delimiter(header), delimiter, "{header}");
        }
    }

    proptest! {
        #[test]
        fn what_a_csv_writer_writes_is_read_back(cells in prop::collection::vec("[甲乙a-c ,\"\n\t;，']{0,8}", 2..6)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&cells).unwrap();
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(split(text.strip_suffix('\n').unwrap(), ','), Ok(Some(cells)));
        }
    }
}
