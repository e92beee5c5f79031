//! `hutong witness init`

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::or_exit;
use crate::{
    cli::{Exit, Output, Run},
    sign::{SigningKey, SystemRandomness},
    tlog::{KeyName, VerifierKey},
    witness::{VKEY_FILE, init},
};

/// Make a witness's folder, with a new key
///
/// Hand out the vkey that is printed: logs ask for cosignatures under it, and auditors name it in their policy files. The
/// folder must never be restored from a copy: a witness that forgot what it cosigned could cosign another history. If the
/// folder is lost, make a new witness.
#[derive(Args)]
pub(super) struct Init {
    /// The folder: absent, or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The witness's name, such as court.example.gov/witness: a URL without its scheme, which need not lead anywhere
    #[arg(long, value_name = "NAME")]
    name: KeyName,

    /// The vkey of a log to witness, as its operator publishes it; repeat for more
    #[arg(long, value_name = "VKEY")]
    log: Vec<VerifierKey>,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    folder: PathBuf,
    vkey: String,
    logs: Vec<String>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "vkey     {}", self.vkey)?;
        writeln!(f, "kept in  {}", self.folder.join(VKEY_FILE).display())?;
        match self.logs.as_slice() {
            [] => write!(f, "no log is witnessed yet: `hutong witness add` adds one"),
            logs => write!(f, "logs     {}", logs.join("\n         ")),
        }
    }
}

impl Run for Init {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let key = SigningKey::generate(&SystemRandomness::new())?;
        let vkey = or_exit(init(&self.folder, self.name, key, &self.log), "cannot make a witness")?;
        let logs = self.log.iter().map(|log| log.name().to_string()).collect();
        output.print(&Made { folder: self.folder, vkey: vkey.to_string(), logs })?;
        Ok(Exit::Success)
    }
}
