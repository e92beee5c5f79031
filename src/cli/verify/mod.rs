//! `hutong verify`: evidence, checked offline with public keys alone.

mod credential;
mod receipt;

use std::{
    fmt,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Exit, OrExit as _, Output, Run};
use crate::{
    client::verify::{Finding, Report},
    files,
    sign::LogVerifier,
    tlog::{MAX_ENTRY_LEN, VerifierKey},
};

/// Verify receipts and credentials offline, with public keys alone
#[derive(Args)]
pub(super) struct Verify {
    #[command(subcommand)]
    command: VerifyCommand,
}

#[derive(Subcommand)]
enum VerifyCommand {
    Credential(credential::Credential),
    Receipt(receipt::Receipt),
}

impl Run for Verify {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            VerifyCommand::Credential(args) => args.run(output),
            VerifyCommand::Receipt(args) => args.run(output),
        }
    }
}

/// All checks made, and whether each holds.
#[derive(Serialize, Default)]
struct Checked {
    verified: bool,
    checks: Vec<CheckLine>,
}

/// One check.
#[derive(Serialize)]
struct CheckLine {
    name: &'static str,
    result: &'static str,
    detail: String,
}

impl Checked {
    /// Adds a report's checks, and gives what it proves.
    fn add<T: Clone>(&mut self, report: &Report<T>) -> Option<T> {
        self.checks.extend(report.checks().iter().map(|check| {
            let (result, detail) = match &check.finding {
                Finding::Passed(found) => ("ok", found.clone()),
                Finding::Failed(why) => ("FAILED", why.clone()),
                Finding::NotReached => ("not reached", String::new()),
            };
            CheckLine { name: check.name, result, detail }
        }));
        report.proven().cloned()
    }

    /// Prints the checks and ends: with [`Exit::Findings`] unless all hold.
    fn finish(mut self, output: &Output) -> anyhow::Result<Exit> {
        self.verified = !self.checks.is_empty() && self.checks.iter().all(|check| check.result == "ok");
        output.print(&self)?;
        Ok(if self.verified { Exit::Success } else { Exit::Findings })
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            writeln!(f, "{:<11}  {}", check.result, check.name)?;
            if !check.detail.is_empty() {
                writeln!(f, "             {}", check.detail)?;
            }
        }
        f.write_str(if self.verified { "VERIFIED" } else { "NOT VERIFIED" })
    }
}

/// The files of a receipt.
#[derive(Args)]
struct ReceiptFiles {
    /// The log's public key: a file with its vkey, or the vkey itself
    #[arg(long, value_name = "VKEY")]
    vkey: Option<String>,
    /// The entry's proof [default: the entry's file with the ending .tlog-proof]
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
}

impl ReceiptFiles {
    /// The entry, its proof, and the log's key.
    fn read(&self, entry: &Path) -> anyhow::Result<(Vec<u8>, String, LogVerifier)> {
        let proof = self.proof.clone().unwrap_or_else(|| entry.with_extension("tlog-proof"));
        let proof = files::read_text(&proof).or_exit(Exit::BadInput, "cannot read the proof")?;
        Ok((read_entry(entry)?, proof, self.log_key(entry)?))
    }

    fn log_key(&self, entry: &Path) -> anyhow::Result<LogVerifier> {
        let vkey = self
            .vkey
            .as_deref()
            .or_exit(Exit::Usage, format!("{} is verified under the log's public key: --vkey", entry.display()))?;
        // A vkey has two `+`, which no sensible file's name has.
        let text = match vkey.parse::<VerifierKey>() {
            Ok(_) => vkey.to_owned(),
            Err(_) => files::read_text(vkey.as_ref()).or_exit(Exit::BadInput, "cannot read the log's key")?,
        };
        let parsed = text.trim().parse::<VerifierKey>().or_exit(Exit::BadInput, format!("{vkey} is no vkey"))?;
        LogVerifier::new(parsed).or_exit(Exit::BadInput, format!("{vkey} is no vkey"))
    }
}

/// The bytes of an entry.
fn read_entry(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    // One byte more than an entry has, so that a longer file is seen to be none.
    let most = MAX_ENTRY_LEN as u64 + 1;
    let file = std::fs::File::open(path).or_exit(Exit::BadInput, cannot())?;
    file.take(most).read_to_end(&mut bytes).or_exit(Exit::BadInput, cannot())?;
    Ok(bytes)
}
