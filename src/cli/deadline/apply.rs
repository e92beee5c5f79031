//! `hutong deadline apply`.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::file;
use crate::cli::{
    Exit, Output, Run, block_on,
    fault::in_order,
    system::{AsSystem, OrHub as _},
};

/// Set the deadlines, as an administrator, in place of those before
///
/// Proposals that wait already keep the deadlines under which they began to wait.
#[derive(Args)]
pub(in crate::cli) struct Apply {
    #[command(flatten)]
    as_system: AsSystem,
    /// The file, TOML in UTF-8
    file: PathBuf,
}

/// What was set.
#[derive(Serialize)]
struct Applied {
    deadlines: usize,
    entry: u64,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} deadlines set, entry {}", self.deadlines, self.entry)
    }
}

impl Run for Apply {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let Some(terms) = in_order(output, file::read(&self.file)?)? else { return Ok(Exit::Findings) };
        let deadlines = terms.iter().count();
        let changed = block_on(async {
            self.as_system.connect().await?.set_answer_terms(terms).await.or_hub("cannot set the deadlines")
        })?;
        output.print(&Applied { deadlines, entry: changed.receipt.index })?;
        Ok(Exit::Success)
    }
}
