//! Catalogs as workbooks.

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use toml::{Table, Value};

use super::{
    super::{Content, render},
    CATALOG_SHEET, CODES_SHEET, TABLES_SHEET,
    columns::{Column, Holds, OF_CODE, OF_FIELD, OF_RESOURCE, OF_TABLE},
};

/// The width of a column, in characters: four of a heading, and some.
const WIDTH: f64 = 14.0;

/// Writes catalog entries and code tables as an Excel workbook that [`from_workbook`](super::from_workbook) reads back as the same.
///
/// # Errors
/// What the library says, of texts too long for a cell: none that lints clean is.
pub fn to_workbook(content: &Content) -> Result<Vec<u8>, XlsxError> {
    let document: Table = render(&content.code_tables, &content.resources).parse().unwrap_or_default();
    let members = |table: &Table, key: &str| {
        let members = table.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        members.into_iter().filter_map(|member| member.as_table().cloned()).collect::<Vec<_>>()
    };
    let mut workbook = Workbook::new();
    let columns: Vec<&Column> = OF_RESOURCE.iter().chain(OF_FIELD).collect();
    let headings: Vec<_> = columns.iter().filter_map(|column| column.names.first().copied()).collect();
    let mut rows = vec![];
    let mut codes = vec![];
    for resource in members(&document, "resource") {
        let mut own: Vec<String> = OF_RESOURCE.iter().map(|column| cell(&resource, &resource, column)).collect();
        for field in members(&resource, "field") {
            let mut row = std::mem::replace(&mut own, vec![String::new(); OF_RESOURCE.len()]);
            row.extend(OF_FIELD.iter().map(|column| cell(&resource, &field, column)));
            rows.push(row);
            for code in members(&field, "codes") {
                codes.push(vec![text(&resource, "id"), text(&field, "code"), text(&code, "code"), text(&code, "name")]);
            }
        }
    }
    sheet(workbook.add_worksheet(), CATALOG_SHEET, &headings, rows)?;
    if !codes.is_empty() {
        sheet(workbook.add_worksheet(), CODES_SHEET, &OF_CODE, codes)?;
    }
    let mut tables = vec![];
    for table in members(&document, "code_table") {
        for code in members(&table, "codes") {
            let of_table = ["id", "version", "name"].map(|key| text(&table, key));
            let of_code = ["code", "name", "parent", "valid_from", "valid_until"].map(|key| text(&code, key));
            tables.push(of_table.into_iter().chain(of_code).collect());
        }
    }
    if !tables.is_empty() {
        sheet(workbook.add_worksheet(), TABLES_SHEET, &OF_TABLE, tables)?;
    }
    workbook.save_to_buffer()
}

fn sheet(sheet: &mut Worksheet, name: &str, headings: &[&str], rows: Vec<Vec<String>>) -> Result<(), XlsxError> {
    let bold = Format::new().set_bold();
    sheet.set_name(name)?.set_freeze_panes(1, 0)?;
    for (column, heading) in (0..).zip(headings) {
        sheet.write_string_with_format(0, column, *heading, &bold)?.set_column_width(column, WIDTH)?;
    }
    for (row, cells) in (1..).zip(rows) {
        for (column, text) in (0..).zip(cells).filter(|(_, text)| !text.is_empty()) {
            sheet.write_string(row, column, text)?;
        }
    }
    Ok(())
}

/// The text under a key, whatever its type; empty where there is none.
fn text(table: &Table, key: &str) -> String {
    match table.get(key) {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// What stands in a column, of a resource or of a field of it.
fn cell(resource: &Table, table: &Table, column: &Column) -> String {
    let own = match column.key.split_once('.') {
        Some((outer, inner)) => table.get(outer).and_then(|inner_table| inner_table.get(inner)),
        None => table.get(column.key),
    };
    let own_text = || own.and_then(Value::as_str).unwrap_or_default();
    match column.holds {
        Holds::Text => own_text().to_owned(),
        Holds::Number => own.map(ToString::to_string).unwrap_or_default(),
        Holds::Flag => if own.and_then(Value::as_bool).unwrap_or_default() { "是" } else { "否" }.to_owned(),
        Holds::Word(aliases) => {
            let found = aliases.iter().find(|(word, _)| *word == own_text());
            found.and_then(|(_, others)| others.first()).copied().unwrap_or(own_text()).to_owned()
        }
        Holds::Texts => {
            let texts = own.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("、")
        }
        Holds::Role => {
            let plays = resource.get(column.key).and_then(Value::as_str) == table.get("code").and_then(Value::as_str);
            if plays { "是".to_owned() } else { String::new() }
        }
        Holds::Codes => match (text(table, "table"), text(table, "table_version")) {
            (table, version) if version.is_empty() => table,
            (table, version) => format!("{table}@{version}"),
        },
    }
}
