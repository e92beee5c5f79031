//! Workbooks as sheets of texts, within bounds.

use std::io::{self, Cursor, Read};

use calamine::{Data, Dimensions, Reader as _, SheetType, SheetVisible, Xls, Xlsx};
use zip::ZipArchive;

use super::{fault::Fault, sheet::Sheet};

/// The greatest workbook, in bytes: as a catalog file, which says the same in more letters but is not packed.
pub const MAX_WORKBOOK_BYTES: usize = 16 << 20;
/// The most bytes to which an `.xlsx` unpacks: the cells of [`MAX_CELLS`](super::sheet::MAX_CELLS) take some 60 bytes each, and their texts,
/// kept once, less than that.
const MAX_UNPACKED_BYTES: u64 = 128 << 20;

/// How an `.xlsx` begins, which is a ZIP.
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// How an `.xls` begins, which is a compound file.
const COMPOUND_MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// The visible sheets of a workbook.
///
/// # Errors
/// Why it cannot be read, with the sheet where it is one.
pub(super) fn sheets(bytes: &[u8]) -> Result<Vec<Sheet>, (String, Fault)> {
    let whole = |fault| (String::new(), fault);
    if bytes.len() > MAX_WORKBOOK_BYTES {
        return Err(whole(Fault::TooLarge { what: "bytes", most: MAX_WORKBOOK_BYTES as u64 }));
    }
    if bytes.starts_with(ZIP_MAGIC) {
        unpacks_within_bounds(bytes).map_err(whole)?;
        let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| whole(unreadable(error)))?;
        return each(&visible(&workbook), |sheet| of_xlsx(&mut workbook, sheet));
    }
    if bytes.starts_with(COMPOUND_MAGIC) {
        let workbook: Xls<_> = Xls::new(Cursor::new(bytes)).map_err(|error| whole(unreadable(error)))?;
        let names = visible(&workbook);
        let mut workbook = workbook;
        return each(&names, |sheet| of_xls(&mut workbook, sheet));
    }
    Err(whole(Fault::NoWorkbook))
}

fn unreadable(error: impl std::fmt::Display) -> Fault {
    Fault::Unreadable(error.to_string())
}

fn visible<R: calamine::Reader<Cursor<B>>, B: AsRef<[u8]>>(workbook: &R) -> Vec<String> {
    let sheets = workbook.sheets_metadata().iter();
    let shown = sheets.filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible);
    shown.map(|sheet| sheet.name.clone()).collect()
}

fn each(
    names: &[String],
    mut read: impl FnMut(&mut Sheet) -> Result<(), Fault>,
) -> Result<Vec<Sheet>, (String, Fault)> {
    let mut sheets = Vec::with_capacity(names.len());
    for (number, name) in names.iter().enumerate() {
        let mut sheet = Sheet::new(number, name.clone());
        read(&mut sheet).map_err(|fault| (name.clone(), fault))?;
        sheets.push(sheet);
    }
    Ok(sheets)
}

/// Unpacks all files of a ZIP to nowhere: what they say of their sizes need not be so.
fn unpacks_within_bounds(bytes: &[u8]) -> Result<(), Fault> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    let mut left = MAX_UNPACKED_BYTES;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(unreadable)?;
        let unpacked = io::copy(&mut file.take(left.saturating_add(1)), &mut io::sink()).map_err(unreadable)?;
        let too_large = Fault::TooLarge { what: "bytes when unpacked", most: MAX_UNPACKED_BYTES };
        left = left.checked_sub(unpacked).ok_or(too_large)?;
    }
    Ok(())
}

fn of_xlsx<B: AsRef<[u8]>>(workbook: &mut Xlsx<Cursor<B>>, sheet: &mut Sheet) -> Result<(), Fault> {
    let mut cells = workbook.worksheet_cells_reader(sheet.name()).map_err(unreadable)?;
    while let Some(cell) = cells.next_cell().map_err(unreadable)? {
        sheet.put(cell.get_position(), &Data::from(cell.get_value().clone()))?;
    }
    drop(cells);
    let merged = workbook.merge_cells_by_sheet_name(sheet.name()).map_err(unreadable)?;
    fill(sheet, &merged)
}

/// An `.xls` has at most 65,536 rows of 256 cells in a sheet, and the library has read them all by now.
fn of_xls<B: AsRef<[u8]>>(workbook: &mut Xls<Cursor<B>>, sheet: &mut Sheet) -> Result<(), Fault> {
    let range = workbook.worksheet_range(sheet.name()).map_err(unreadable)?;
    let (first_row, first_column) = range.start().unwrap_or_default();
    for (row, column, data) in range.used_cells() {
        let at = |first: u32, own: usize| first.saturating_add(u32::try_from(own).unwrap_or(u32::MAX));
        sheet.put((at(first_row, row), at(first_column, column)), data)?;
    }
    let merged = workbook.merge_cells_by_sheet_name(sheet.name()).map_err(unreadable)?;
    fill(sheet, &merged)
}

fn fill(sheet: &mut Sheet, merged: &[Dimensions]) -> Result<(), Fault> {
    merged.iter().try_for_each(|region| sheet.fill(region.start, region.end))
}
