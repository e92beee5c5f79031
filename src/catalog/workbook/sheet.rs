//! A sheet as texts of cells, and where each stands.

use std::collections::BTreeMap;

use calamine::Data;

use super::{
    columns::plain,
    fault::{Fault, WorkbookFault},
};

/// The most rows of a sheet: as many as an `.xls` has, for ten times the fields of a large city.
const MAX_ROWS: u32 = 65_536;
/// The most columns of a sheet: likewise, for six times the columns that are known.
const MAX_COLUMNS: u32 = 256;
/// The most cells of a sheet that hold something, merged ones counted one by one: 25,000 fields with every column filled.
pub(super) const MAX_CELLS: usize = 1_000_000;
/// In how many rows from the top headings are looked for: above them stand a title and remarks.
const HEADINGS_WITHIN: u32 = 20;

/// Row and column, both from 0.
pub(super) type Place = (u32, u32);

/// What stands in a cell.
#[derive(Clone)]
enum Cell {
    Text(String),
    /// A formula that came to nothing.
    Error,
}

/// A sheet.
pub(super) struct Sheet {
    number: usize,
    name: String,
    cells: BTreeMap<Place, Cell>,
}

impl Sheet {
    /// An empty sheet.
    pub(super) fn new(number: usize, name: String) -> Self {
        Self { number, name, cells: BTreeMap::new() }
    }

    /// Which of the workbook's it is.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Puts what stands in a cell.
    pub(super) fn put(&mut self, place: Place, data: &Data) -> Result<(), Fault> {
        let cell = match data {
            Data::Error(_) => Cell::Error,
            data => Cell::Text(text(data)),
        };
        self.put_cell(place, cell)
    }

    fn put_cell(&mut self, place: Place, cell: Cell) -> Result<(), Fault> {
        if matches!(&cell, Cell::Text(text) if text.is_empty()) {
            return Ok(());
        }
        let bounds = [("rows", place.0, MAX_ROWS), ("columns", place.1, MAX_COLUMNS)];
        if let Some((what, _, most)) = bounds.into_iter().find(|(_, own, most)| own >= most) {
            return Err(Fault::TooLarge { what, most: most.into() });
        }
        self.cells.insert(place, cell);
        (self.cells.len() <= MAX_CELLS).then_some(()).ok_or_else(too_many)
    }

    /// Cells that are merged all hold what the first of them does.
    pub(super) fn fill(&mut self, start: Place, end: Place) -> Result<(), Fault> {
        let Some(first) = self.cells.get(&start).cloned() else { return Ok(()) };
        let across = |from: u32, to: u32| u64::from(to.saturating_sub(from)).saturating_add(1);
        if across(start.0, end.0).saturating_mul(across(start.1, end.1)) > MAX_CELLS as u64 {
            return Err(too_many());
        }
        for row in start.0..=end.0 {
            for column in start.1..=end.1 {
                self.put_cell((row, column), first.clone())?;
            }
        }
        Ok(())
    }

    /// What stands in a cell; empty where nothing does.
    pub(super) fn text(&self, place: Place) -> &str {
        match self.cells.get(&place) {
            Some(Cell::Text(text)) => text,
            Some(Cell::Error) | None => "",
        }
    }

    /// Whether a cell holds an error of a formula.
    pub(super) fn is_error(&self, place: Place) -> bool {
        matches!(self.cells.get(&place), Some(Cell::Error))
    }

    /// The rows in which something stands, below a row.
    pub(super) fn rows_below(&self, row: u32) -> Vec<u32> {
        let below = self.cells.range((row.saturating_add(1), 0)..);
        let mut rows: Vec<u32> = below.map(|((row, _), _)| *row).collect();
        rows.dedup();
        rows
    }

    /// The name of a cell, such as `C5`.
    pub(super) fn cell((row, column): Place) -> String {
        let mut letters = String::new();
        let mut left = column.saturating_add(1);
        while left > 0 {
            let letter = u8::try_from((left - 1) % 26).unwrap_or_default();
            letters.insert(0, char::from(b'A' + letter));
            left = (left - 1) / 26;
        }
        format!("{letters}{}", row.saturating_add(1))
    }

    /// A fault at a cell under a heading.
    pub(super) fn fault(&self, place: Place, heading: &str, fault: Fault) -> WorkbookFault {
        WorkbookFault {
            place: (self.number, place),
            sheet: self.name.clone(),
            cell: Self::cell(place),
            column: heading.to_owned(),
            fault,
        }
    }

    /// The row of headings: the first near the top in which some cell is one of these names.
    pub(super) fn headings(&self, names: &[&str]) -> Option<Headings> {
        let is_named = |(place, _): &(&Place, &Cell)| names.contains(&plain(self.text(**place)).as_str());
        let ((row, _), _) = self.cells.range(..(HEADINGS_WITHIN, 0)).find(is_named)?;
        // A heading over two rows stands in the upper one, beside those that have parts below them.
        let above = row.saturating_sub(1);
        let columns = self.cells.range((above, 0)..(row.saturating_add(1), 0)).map(|((_, column), _)| *column);
        let heading = |column| {
            let own = plain(self.text((*row, column)));
            if own.is_empty() && above < *row { plain(self.text((above, column))) } else { own }
        };
        let headings: BTreeMap<u32, String> = columns.map(|column| (column, heading(column))).collect();
        Some(Headings { row: *row, columns: headings.into_iter().filter(|(_, name)| !name.is_empty()).collect() })
    }
}

fn too_many() -> Fault {
    Fault::TooLarge { what: "cells that are filled", most: MAX_CELLS as u64 }
}

/// A cell's data as people see it, without white space around it.
fn text(data: &Data) -> String {
    match data {
        Data::Empty | Data::Error(_) => String::new(),
        // 64 bits of floating point hold whole numbers of 15 digits exactly.
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Data::Bool(flag) => if *flag { "TRUE" } else { "FALSE" }.to_owned(),
        Data::DateTime(date) => {
            let (year, month, day, ..) = date.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        data => data.to_string().trim().to_owned(),
    }
}

/// A row of headings.
pub(super) struct Headings {
    pub(super) row: u32,
    /// The headings, by column.
    pub(super) columns: Vec<(u32, String)>,
}

impl Headings {
    /// The column of a heading.
    pub(super) fn column(&self, name: &str) -> Option<u32> {
        self.columns.iter().find(|(_, own)| own == name).map(|(column, _)| *column)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn merged_cells_hold_what_the_first_does_within_bounds() {
        let mut sheet = Sheet::new(0, "目录".to_owned());
        sheet.put((1, 1), &Data::String(" 甲 ".to_owned())).unwrap();
        sheet.fill((1, 1), (2, 3)).unwrap();
        sheet.fill((7, 7), (9, 9)).unwrap();
        let filled: Vec<Place> = sheet.cells.keys().copied().collect();
        assert_eq!(filled, [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]);
        assert_eq!((sheet.text((2, 3)), sheet.text((0, 0))), ("甲", ""));
        assert_eq!(sheet.fill((1, 1), (60_000, 200)), Err(too_many()));
        assert_eq!(sheet.fill((1, 1), (u32::MAX, u32::MAX)), Err(too_many()));
    }

    #[test]
    fn cells_are_named_as_people_do() {
        for (place, name) in [((0, 0), "A1"), ((4, 25), "Z5"), ((9, 26), "AA10"), ((0, 701), "ZZ1"), ((0, 702), "AAA1")]
        {
            assert_eq!(Sheet::cell(place), name);
        }
    }

    #[test]
    fn numbers_and_dates_are_read_as_people_see_them() {
        let date = calamine::ExcelDateTime::new(46_027.0, calamine::ExcelDateTimeType::DateTime, false);
        for (data, expected) in [
            (Data::Float(50.0), "50"),
            (Data::Float(0.5), "0.5"),
            (Data::Int(7), "7"),
            (Data::Bool(true), "TRUE"),
            (Data::DateTime(date), "2026-01-05"),
            (Data::Empty, ""),
        ] {
            assert_eq!(text(&data), expected, "{data:?}");
        }
    }
}
