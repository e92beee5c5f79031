//! `hutong calendar lint`.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::file;
use crate::{
    cli::{Exit, Output, Run, fault::in_order},
    domain::calendar::CalendarYear,
};

/// Check a year's file, without a hub: everything that is wrong with it at once, as file:line:column
///
/// Exit code 0: the file may be applied; 1: there are findings.
#[derive(Args)]
pub(in crate::cli) struct Lint {
    /// The file, TOML in UTF-8
    file: PathBuf,
}

/// What is said of a file in order.
#[derive(Serialize)]
pub(super) struct InOrder {
    year: i16,
    source: String,
    holidays: usize,
    working_days: usize,
}

impl From<&CalendarYear> for InOrder {
    fn from(year: &CalendarYear) -> Self {
        Self {
            year: year.year,
            source: year.source.clone(),
            holidays: year.holidays.len(),
            working_days: year.working_days.len(),
        }
    }
}

impl fmt::Display for InOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, source, holidays, working_days } = self;
        write!(f, "{year}: {holidays} days off 放假, {working_days} weekend days worked 调休上班, after {source}")
    }
}

impl Run for Lint {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let Some(year) = in_order(output, file::read(&self.file)?)? else { return Ok(Exit::Findings) };
        output.print(&InOrder::from(&year))?;
        Ok(Exit::Success)
    }
}
