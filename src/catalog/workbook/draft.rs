//! A catalog file that is made of a workbook, and the cell from which each of its lines came.

use std::collections::BTreeMap;

use super::sheet::Place;

/// Where a line came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// The sheet, by number.
    pub(super) sheet: usize,
    /// The cell.
    pub(super) place: Place,
    /// The heading of its column.
    pub(super) heading: String,
}

/// A value as TOML, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) toml: String,
    pub(super) origin: Origin,
}

/// Keys and their values.
pub(super) type Lines = BTreeMap<&'static str, Value>;

/// The part of a file that a line is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Resource,
    Field,
    CodeTable,
}

impl Part {
    fn header(self) -> &'static str {
        match self {
            Self::Resource => "[[resource]]",
            Self::Field => "[[resource.field]]",
            Self::CodeTable => "[[code_table]]",
        }
    }
}

/// A catalog file.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) text: String,
    /// For each line of the text the part that it is in, where it came from, and whether it is the part's first.
    lines: Vec<(Part, Origin, bool)>,
}

impl Draft {
    /// Writes a part.
    pub(super) fn part(&mut self, part: Part, origin: &Origin, lines: &Lines) {
        if !self.text.is_empty() {
            self.write("\n", part, origin, false);
        }
        self.write(&format!("{}\n", part.header()), part, origin, true);
        for (key, value) in lines {
            self.write(&format!("{key} = {}\n", value.toml), part, &value.origin, false);
        }
    }

    fn write(&mut self, text: &str, part: Part, origin: &Origin, is_first: bool) {
        self.text.push_str(text);
        let lines = text.bytes().filter(|byte| *byte == b'\n').count();
        self.lines.extend(std::iter::repeat_n((part, origin.clone(), is_first), lines));
    }

    /// The part in which a line, from 1, is, where it came from, and whether it is the first of the part.
    pub(super) fn origin(&self, line: usize) -> Option<&(Part, Origin, bool)> {
        self.lines.get(line.checked_sub(1)?)
    }
}
