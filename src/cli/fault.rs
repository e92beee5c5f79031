//! What is wrong at one place of a file, as editors and compilers show it.

use std::fmt;

use serde::Serialize;

use super::Output;
use crate::catalog::position;

/// What was read of a file; `None` where it is at fault, and its faults were told.
///
/// # Errors
/// When stdout takes no more.
pub(super) fn in_order<T>(output: &Output, read: Result<T, Vec<Fault>>) -> anyhow::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(faults) => {
            faults.iter().try_for_each(|fault| output.print(fault))?;
            Ok(None)
        }
    }
}

/// What is wrong at one place of a file, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Fault {
    file: String,
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    message_en: String,
    message_zh: String,
}

impl Fault {
    /// At a byte of a file's text.
    pub(super) fn new(file: &str, text: &str, offset: usize, en: impl Into<String>, zh: impl Into<String>) -> Self {
        let (line, column) = position(text, offset);
        Self { file: file.to_owned(), line, column, message_en: en.into(), message_zh: zh.into() }
    }

    /// Where TOML does not read as what the file must be.
    pub(super) fn syntax(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        Self::new(file, text, offset, error.message(), format!("无法读取：{}", error.message()))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message_en, message_zh } = self;
        write!(f, "{file}:{line}:{column}: {message_en}\n    {message_zh}")
    }
}
