//! Why rows are not published.

use std::collections::HashMap;

use serde::Serialize;

use crate::{
    domain::{decide::FieldViolation, id::Handle, identifier::Warning},
    tabular,
};

/// One thing wrong with a row. What is found here quotes no name and no identifier; what the hub answers may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Where the row begins, in lines from 1.
    pub line: u64,
    /// The field's code; `None` where the row as a whole is at fault.
    pub field: Option<String>,
    /// What kind of fault: in lower case what could not be read from the table, in upper case a record's violation as the
    /// hub knows it.
    pub code: String,
    /// What is wrong.
    pub reason: String,
    /// What is allowed instead; empty where the reason says it.
    pub allowed: String,
}

impl Rejection {
    /// A value or a row that could not be read.
    pub fn of_table(violation: &tabular::Violation) -> Self {
        Self {
            line: violation.line,
            field: violation.field.clone(),
            code: violation.reason.code().to_owned(),
            reason: violation.reason.to_string(),
            allowed: violation.allowed.clone(),
        }
    }

    /// A rule that the record of a line breaks.
    pub fn of_rule(line: u64, violation: &FieldViolation) -> Self {
        Self {
            line,
            field: violation.field.clone(),
            code: violation.violation.to_string(),
            reason: violation.description.clone(),
            allowed: String::new(),
        }
    }
}

/// What is odd about a row that is published all the same. Like a rejection it quotes no identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Oddity {
    /// Where the row begins, in lines from 1.
    pub line: u64,
    /// The field's code.
    pub field: String,
    /// What kind of oddity.
    pub code: &'static str,
    /// What is odd.
    pub reason: String,
}

impl Oddity {
    /// What is odd about the identifier in a field of a line.
    pub(super) fn new(line: u64, field: String, warning: &Warning) -> Self {
        Self { line, field, code: warning.code(), reason: warning.to_string() }
    }
}

/// Finds records that stand twice in a table, whose second would silently replace the first.
///
/// It keeps some 50 bytes for each row: 50 MB for a million.
#[derive(Debug, Default)]
pub struct Duplicates(HashMap<Handle, u64>);

impl Duplicates {
    /// Takes note of a record.
    ///
    /// # Errors
    /// The rejection, where another line has the record already.
    pub fn note(&mut self, handle: Handle, line: u64, record_id_field: &str) -> Result<(), Rejection> {
        let first = *self.0.entry(handle).or_insert(line);
        if first == line {
            return Ok(());
        }
        Err(Rejection {
            line,
            field: Some(record_id_field.to_owned()),
            code: "record-twice".to_owned(),
            reason: format!("line {first} has the same record"),
            allowed: "one row for each record".to_owned(),
        })
    }
}
