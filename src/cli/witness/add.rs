//! `hutong witness add`

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::or_exit;
use crate::{
    cli::{Exit, Output, Run},
    tlog::{VerifierKey, origin_hash},
    witness::enrol,
};

/// Add logs to those witnessed, such as a hub's log of the new year
///
/// The witness must not be running.
#[derive(Args)]
pub(super) struct Add {
    /// The witness's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The vkey of the log, as its operator publishes it; repeat for more
    #[arg(long, value_name = "VKEY", required = true)]
    log: Vec<VerifierKey>,
}

/// What was added.
#[derive(Serialize)]
struct Added {
    origin: String,
    origin_hash: String,
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is witnessed from its next checkpoint on, at /{}/checkpoint", self.origin, self.origin_hash)
    }
}

impl Run for Add {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        for log in &self.log {
            or_exit(enrol(&self.folder, log), "cannot add a log")?;
            output.print(&Added { origin: log.name().to_string(), origin_hash: origin_hash(log.name()) })?;
        }
        Ok(Exit::Success)
    }
}
