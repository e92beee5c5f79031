//! From a `[[code_table]]` to a code table, and back.

use super::{
    Problem,
    render::{quoted, table as render_table, table_code_line},
    table::{Reader, Table},
};
use crate::domain::{
    catalog::{CodeTable, TableCode},
    time::Date,
    value::parse_date,
};

pub(super) const TABLE_KEYS: &[&str] = &["id", "version", "name", "codes"];
pub(super) const CODE_KEYS: &[&str] = &["code", "name", "parent", "valid_from", "valid_until"];

/// Reads a code table. Where a part cannot be read, that is found and something harmless stands in its place.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<CodeTable> {
    reader.require_known(table, TABLE_KEYS);
    let table_id = reader.required_name(table, "id").or_else(|| "unreadable".parse().ok())?;
    let version = reader.required_number(table, "version");
    let name = reader.required_text(table, "name").unwrap_or_default().to_owned();
    let lines = reader.tables(table, "codes", "code");
    let codes = lines.iter().map(|line| read_code(reader, line)).collect();
    let read = CodeTable::new(table_id, version.unwrap_or(1), name, codes);
    check_rules(reader, table, &lines, &read);
    Some(read)
}

fn read_code(reader: &mut Reader, line: &Table<'_>) -> TableCode {
    reader.require_known(line, CODE_KEYS);
    TableCode {
        code: reader.required_text(line, "code").unwrap_or_default().to_owned(),
        name: reader.required_text(line, "name").unwrap_or_default().to_owned(),
        parent: reader.text(line, "parent").unwrap_or_default().to_owned(),
        valid_from: read_date(reader, line, "valid_from"),
        valid_until: read_date(reader, line, "valid_until"),
    }
}

fn read_date(reader: &mut Reader, line: &Table<'_>, key: &str) -> Option<Date> {
    let text = reader.text(line, key)?;
    let problem = |()| Problem::Malformed { what: "date", allowed: "YYYY-MM-DD, as text" };
    reader.accept(line, key, parse_date(text).ok_or(()), problem)
}

/// Finds the place of every rule that is broken, unless what stands there was found to be wrong already.
fn check_rules(reader: &mut Reader, table: &Table<'_>, lines: &[Table<'_>], read: &CodeTable) {
    for violation in read.violations() {
        let of_code = violation.path.strip_prefix("codes[").and_then(|path| path.split_once("]."));
        let (place, part) = match of_code {
            None => (table, violation.path.as_str()),
            Some((number, part)) => {
                let position = number.parse().ok().and_then(|number: usize| number.checked_sub(1));
                let Some(line) = position.and_then(|position| lines.get(position)) else { continue };
                (line, part)
            }
        };
        let (offset, path) = (place.offset(part), place.path_of(part));
        if !reader.is_faulty(offset, &path) && !reader.has_faulty_member(&path) {
            reader.find(offset, path, Problem::Rule(violation.rule));
        }
    }
}

/// Writes code tables as a catalog file has them, a code a line.
pub(super) fn render(file: &mut String, code_table: &CodeTable) {
    let codes = code_table.codes().iter().map(|code| {
        let date = |date: &Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
        let (from, until) = (date(&code.valid_from), date(&code.valid_until));
        table_code_line(&code.code, &code.name, &code.parent, &from, &until)
    });
    let lines = vec![
        ("id", quoted(code_table.table_id().to_string())),
        ("version", code_table.version().to_string()),
        ("name", quoted(code_table.name().to_owned())),
        ("codes", format!("[\n{}]", codes.collect::<String>())),
    ];
    render_table(file, "[[code_table]]", lines);
}
