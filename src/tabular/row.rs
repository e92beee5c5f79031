use std::{fmt, sync::Arc};

use serde_json::Value;

use super::{Column, Reason, convert, convert::convert_list};

/// What is wrong with a row, or with one field of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where the row begins, in lines from 1.
    pub line: u64,
    /// The field's code; `None` if the row as a whole is at fault.
    pub field: Option<String>,
    /// What is wrong.
    pub reason: Reason,
    /// What is allowed instead.
    pub allowed: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(field) = &self.field {
            write!(f, ", field {field}")?;
        }
        write!(f, ": {}, allowed: {}", self.reason, self.allowed)
    }
}

/// One row of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    line: u64,
    columns: Arc<[Column]>,
    /// One for each column; empty if the row was not readable.
    values: Vec<Value>,
    violations: Vec<Violation>,
}

impl Row {
    /// A row of which nothing could be read.
    pub(super) fn unreadable(line: u64, columns: &Arc<[Column]>, reason: Reason) -> Self {
        let mut row = Self { line, columns: Arc::clone(columns), values: Vec::new(), violations: Vec::new() };
        row.refuse(reason);
        row
    }

    /// A row of cells as the file has them, one for each column; a cell that is known to be bad comes with its reason.
    pub(super) fn of_cells<'a>(
        line: u64,
        columns: &Arc<[Column]>,
        cells: impl IntoIterator<Item = Result<&'a str, Reason>>,
    ) -> Self {
        let mut violations = Vec::new();
        let mut value = |(column, cell): (&Column, Result<&str, Reason>)| {
            let converted = cell.and_then(|text| {
                if column.repeated { convert_list(&column.kind, text) } else { convert(&column.kind, text) }
            });
            let present = converted.and_then(|value| match value {
                Value::Null if column.required => Err(Reason::Missing),
                value => Ok(value),
            });
            present.unwrap_or_else(|reason| {
                let field = Some(column.code.clone());
                violations.push(Violation { line, field, reason, allowed: column.allowed() });
                Value::Null
            })
        };
        let values = columns.iter().zip(cells).map(&mut value).collect();
        Self { line, columns: Arc::clone(columns), values, violations }
    }

    /// Adds a fault of the row as a whole.
    pub(super) fn refuse(&mut self, reason: Reason) {
        let allowed = reason.allowed();
        self.violations.push(Violation { line: self.line, field: None, reason, allowed });
    }

    /// Where the row begins, in lines from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// All that is wrong with the row. Only a row without violations may be published.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The value of a field; `None` if there is no such column. Faulty and empty cells are null.
    pub fn get(&self, code: &str) -> Option<&Value> {
        self.fields().find_map(|(own, value)| (own == code).then_some(value))
    }

    /// Codes and values, in the order of the columns as they were declared.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.columns.iter().map(|column| column.code.as_str()).zip(&self.values)
    }

    /// The row as bytes that are equal exactly when the fields are, to be hashed for skipping unchanged rows: the line
    /// `hutong-source-row/1`, then a JSON array of `[code, value]` without nulls, sorted by code. Neither the order of
    /// columns nor spelling in the file matters.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut fields: Vec<(&str, &Value)> = self.fields().filter(|(_, value)| !value.is_null()).collect();
        fields.sort_by_key(|(code, _)| *code);
        let fields: Value =
            fields.into_iter().map(|(code, value)| Value::from(vec![code.into(), value.clone()])).collect();
        format!("hutong-source-row/1\n{fields}").into_bytes()
    }
}
