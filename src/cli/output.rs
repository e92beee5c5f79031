//! What commands print: for people, or with `--json` for machines.
//!
//! With `--json` every result is one JSON object on one line; a list is as many lines as it has members, so that it can
//! be read while it comes and an empty list is no output.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
};

use clap::Args;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

/// How results are printed.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// Print results as JSON, one object on a line
    #[arg(long, global = true)]
    json: bool,
}

/// A member of a list: what a table shows of it.
pub trait Row: Serialize {
    /// The columns' headings.
    const HEADINGS: &'static [&'static str];

    /// One cell for each heading.
    fn cells(&self) -> Vec<String>;
}

impl Output {
    /// Whether results are printed for machines.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether what is printed may be coloured: for people at a terminal who did not ask for none.
    pub fn is_coloured(&self) -> bool {
        !self.json && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
    }

    /// Prints one result: its `Display`, or one line of JSON.
    ///
    /// # Errors
    /// When stdout takes no more.
    pub fn print<T: Serialize + fmt::Display>(&self, result: &T) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, result)?;
            out.write_all(b"\n")?;
        } else {
            writeln!(out, "{result}")?;
        }
        Ok(out.flush()?)
    }

    /// Prints a list: an aligned table under headings, or a line of JSON for each member.
    ///
    /// # Errors
    /// When stdout takes no more.
    pub fn list<T: Row>(&self, members: &[T]) -> anyhow::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if self.json {
            for member in members {
                serde_json::to_writer(&mut out, member)?;
                out.write_all(b"\n")?;
            }
        } else {
            out.write_all(table(members).as_bytes())?;
        }
        Ok(out.flush()?)
    }
}

/// A number of things in English: `1 resource`, `2 resources`.
pub fn counted(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// Columns two spaces apart, each as wide as its widest cell: a Chinese character takes two places on a terminal.
fn table<T: Row>(members: &[T]) -> String {
    let headings = T::HEADINGS.iter().map(ToString::to_string).collect();
    let rows: Vec<Vec<String>> = std::iter::once(headings).chain(members.iter().map(Row::cells)).collect();
    let widths: Vec<usize> = (0..T::HEADINGS.len())
        .map(|column| rows.iter().filter_map(|row| Some(row.get(column)?.width())).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            format!("{cell}{padding}")
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Department(&'static str, &'static str);

    impl Row for Department {
        const HEADINGS: &'static [&'static str] = &["NAME", "CODE"];

        fn cells(&self) -> Vec<String> {
            vec![self.0.to_owned(), self.1.to_owned()]
        }
    }

    #[test]
    fn one_is_counted_in_the_singular() {
        assert_eq!(
            [0, 1, 2].map(|number| counted(number, "code table")),
            ["0 code tables", "1 code table", "2 code tables"]
        );
    }

    #[test]
    fn tables_align_wide_characters() {
        let list = [Department("民政局", "a"), Department("Tax", "b")];
        assert_eq!(table(&list), "NAME    CODE\n民政局  a\nTax     b\n");
    }
}
