//! Code tables of the catalog.

use super::{
    proto,
    reading::{Malformed, Reading},
};
use crate::domain::{
    catalog::{CodeTable, CodeTableRef, TableCode},
    time::Date,
    value::parse_date,
};

/// The message of a code table.
pub fn code_table_to_proto(table: &CodeTable) -> proto::CodeTable {
    let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    let code = |code: &TableCode| proto::TableCode {
        code: code.code.clone(),
        name: code.name.clone(),
        parent: code.parent.clone(),
        valid_from: date(code.valid_from),
        valid_until: date(code.valid_until),
    };
    proto::CodeTable {
        table_id: table.table_id().to_string(),
        version: table.version(),
        name: table.name().to_owned(),
        codes: table.codes().iter().map(code).collect(),
    }
}

/// How many bytes a code of a table takes in its message.
pub fn table_code_len(table: &CodeTable, code: &TableCode) -> usize {
    let alone = CodeTable::new(table.table_id().clone(), 0, String::new(), vec![code.clone()]);
    prost::Message::encoded_len(&code_table_to_proto(&alone))
}

/// The code table of a message. Whether it obeys the catalog's rules is for [`CodeTable::violations`] to say.
///
/// # Errors
/// Every part that is not well formed.
pub fn code_table_from_proto(message: &proto::CodeTable) -> Result<CodeTable, Malformed> {
    let mut reading = Reading::default();
    let table = read_code_table(&mut reading, "", message);
    reading.finish(table)
}

pub(super) fn read_code_table(reading: &mut Reading, prefix: &str, message: &proto::CodeTable) -> Option<CodeTable> {
    let table_id = reading.name(format_args!("{prefix}table_id"), &message.table_id);
    let codes: Vec<_> = message
        .codes
        .iter()
        .enumerate()
        .map(|(i, code)| {
            let valid_from = read_date(reading, &format!("{prefix}codes[{i}].valid_from"), &code.valid_from);
            let valid_until = read_date(reading, &format!("{prefix}codes[{i}].valid_until"), &code.valid_until);
            Some(TableCode {
                code: code.code.clone(),
                name: code.name.clone(),
                parent: code.parent.clone(),
                valid_from: valid_from?,
                valid_until: valid_until?,
            })
        })
        .collect();
    let codes = codes.into_iter().collect::<Option<Vec<_>>>();
    Some(CodeTable::new(table_id?, message.version, message.name.clone(), codes?))
}

fn read_date(reading: &mut Reading, at: &str, text: &str) -> Option<Option<Date>> {
    if text.is_empty() {
        return Some(None);
    }
    parse_date(text).map(Some).or_else(|| reading.fail(at, "is no date YYYY-MM-DD"))
}

/// The version of a code table that a field names.
pub(super) fn read_code_table_ref(
    reading: &mut Reading,
    at: &str,
    message: &proto::CodeTableVersion,
) -> Option<CodeTableRef> {
    reading.require(message.version > 0, format_args!("{at}.version"), "counts from 1");
    let table_id = reading.name(format_args!("{at}.table_id"), &message.table_id)?;
    Some(CodeTableRef { table_id, version: message.version, table: None })
}
