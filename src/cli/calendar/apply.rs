//! `hutong calendar apply`.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::{file, lint::InOrder};
use crate::cli::{
    Exit, Output, Run, block_on,
    fault::in_order,
    system::{AsSystem, OrHub as _},
};

/// Enter a year's working days, as an administrator
///
/// They take the place of what was entered of the year. Days that have passed are not changed any more: what was due by them
/// stays due.
#[derive(Args)]
pub(in crate::cli) struct Apply {
    #[command(flatten)]
    as_system: AsSystem,
    /// The file, TOML in UTF-8
    file: PathBuf,
}

/// What was entered.
#[derive(Serialize)]
struct Applied {
    #[serde(flatten)]
    year: InOrder,
    entry: u64,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, entry {}", self.year, self.entry)
    }
}

impl Run for Apply {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let Some(year) = in_order(output, file::read(&self.file)?)? else { return Ok(Exit::Findings) };
        let told = InOrder::from(&year);
        let changed = block_on(async {
            self.as_system.connect().await?.enter_calendar_year(year).await.or_hub("cannot enter the year")
        })?;
        output.print(&Applied { year: told, entry: changed.receipt.index })?;
        Ok(Exit::Success)
    }
}
