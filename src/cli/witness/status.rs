//! `hutong witness status`

use std::path::PathBuf;

use clap::Args;

use super::or_exit;
use crate::{
    cli::{Exit, Output, Run},
    witness::status,
};

/// Show what a witness has cosigned of each log, and what it refused that a person should look at
///
/// Checks all that the folder holds; the witness may be running. Ends with code 1 if there is evidence against a log.
#[derive(Args)]
pub(super) struct Status {
    /// The witness's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Run for Status {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let status = or_exit(status(&self.folder), "cannot read the witness's folder")?;
        for log in &status.logs {
            output.print(log)?;
        }
        let is_clean = status.logs.iter().all(|log| log.evidence.is_empty());
        Ok(if is_clean { Exit::Success } else { Exit::Findings })
    }
}
