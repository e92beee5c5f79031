//! `hutong audit verify`

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{entries_bar, or_exit, read_log_key};
use crate::{
    audit::{Decision, Folder, Level, Options, Report, Stage, Trust, VKEY_FILE, Watch, sarif, verify_chain},
    cli::{Exit, OrExit as _, Output, Run},
    sign::{LogVerifier, PolicyVerifier},
    tlog::{self, Checkpoint, Hash, Note, TlogProof, TrustPolicy},
};

/// Verify a copy of the exchange log, offline, and list everything that is wrong with it
///
/// Checks the checkpoint's signature, every hash of every tile and entry, every statement's signature, and replays the log:
/// the directory, keys, catalog and agreements are rebuilt entry by entry, and every decision is made again under the rules
/// in force at its place. It never stops at the first finding.
///
/// Ends with code 1 if there is a finding, and with code 3 if nothing is wrong but some signatures are suspect, since their
/// key was later retired as compromised. Needs temporary space (TMPDIR) of about a third of the log.
#[derive(Args)]
pub(super) struct Verify {
    /// The copy: `checkpoint`, `log.vkey` and `tile/`, as `hutong audit mirror` made it
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The log's public key as you have it from elsewhere [default: the copy's own log.vkey, which proves nothing by itself]
    #[arg(long, value_name = "FILE")]
    vkey: Option<PathBuf>,

    /// Your trust policy (C2SP tlog-policy): the log's key is taken from it, and the copy's checkpoint needs its quorum of
    /// witnesses' cosignatures
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The hash of the genesis entry as you have it from elsewhere, in hexadecimal or base64
    #[arg(long, value_name = "HASH", value_parser = genesis_hash)]
    genesis: Option<Hash>,

    /// A checkpoint of the log as you have it from elsewhere, or a receipt's .tlog-proof: the copy must continue it; may be repeated
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,

    /// The copy of the log that this one continues, after a rollover: it is verified too, and what was carried over is compared;
    /// may be repeated, newest first
    #[arg(long, value_name = "DIR")]
    previous: Vec<PathBuf>,

    /// How many threads verify [default: as many as the machine runs at once]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// How many findings to list with their entries, of errors and of suspects each; all are counted
    #[arg(long, value_name = "N", default_value_t = Options::MAX_FINDINGS)]
    max_findings: usize,

    /// Write each decision and what it rests on, RECOMPUTED or ATTESTED, as one JSON object on a line
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,

    /// Print the findings as SARIF 2.1.0, for tools that collect findings
    #[arg(long, conflicts_with = "previous")]
    sarif: bool,
}

impl Run for Verify {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let policy = self.policy.as_deref().map(read_policy).transpose()?;
        let copied = self.folder.join(VKEY_FILE);
        let of_policy = match &policy {
            Some(policy) => known_log(policy, self.vkey.as_deref().unwrap_or(&copied))?,
            None => None,
        };
        let is_copied = self.vkey.is_none() && of_policy.is_none();
        let log_key = match of_policy {
            Some(log_key) => log_key,
            None => read_log_key(self.vkey.as_deref().unwrap_or(&copied))?,
        };
        let known = self.known.iter().map(|path| read_known(path, &log_key)).collect::<Result<_, _>>()?;
        let trust = Trust { log_key, genesis: self.genesis, known, policy };
        let defaults = Options::default();
        let options = Options { threads: self.threads.unwrap_or(defaults.threads), max_findings: self.max_findings };
        let mut shown = Shown::new(self.decisions.as_deref())?;
        let previous: Vec<_> = self.previous.into_iter().map(Folder::new).collect();
        let result = verify_chain(&Folder::new(self.folder), &previous, &trust, &options, &mut shown);
        shown.finish()?;
        let mut reports = or_exit(result, "cannot verify the copy")?;
        if let Some(report) = reports.first_mut().filter(|_| is_copied) {
            report.notes.insert(
                0,
                format!(
                    "the key was taken from the copy ({}): compare it with the hub's published key",
                    copied.display()
                ),
            );
        }
        let exit = exit_of(&reports);
        for report in &reports {
            let printed = if self.sarif { print_sarif(report, exit) } else { output.print(report) };
            printed.or_exit(Exit::Failed, "cannot print the report")?;
        }
        Ok(exit)
    }
}

fn exit_of(reports: &[Report]) -> Exit {
    let total = |level| reports.iter().map(|report| report.total(level)).sum::<u64>();
    match (total(Level::Error), total(Level::Warning)) {
        (0, 0) => Exit::Success,
        (0, _) => Exit::Suspect,
        _ => Exit::Findings,
    }
}

fn print_sarif(report: &Report, exit: Exit) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &sarif(report, exit as u8))?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// What goes on, on a bar, and the decisions, in a file.
pub(super) struct Shown {
    bar: indicatif::ProgressBar,
    decisions: Option<BufWriter<File>>,
}

impl Shown {
    pub(super) fn new(decisions: Option<&Path>) -> anyhow::Result<Self> {
        let create =
            |path: &Path| File::create(path).or_exit(Exit::CannotCreate, format!("cannot create {}", path.display()));
        let decisions = decisions.map(create).transpose()?.map(BufWriter::new);
        Ok(Self { bar: entries_bar("verifying"), decisions })
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        self.bar.finish_and_clear();
        let written = self.decisions.map_or(Ok(()), |mut file| file.flush());
        written.or_exit(Exit::Failed, "cannot write the decisions")
    }
}

impl Watch for Shown {
    fn advance(&mut self, stage: Stage, done: u64, of: u64) {
        self.bar.set_message(match stage {
            Stage::Entries => "verifying",
            Stage::Records => "following records",
            Stage::Suspects => "looking for suspects",
        });
        self.bar.set_length(of);
        self.bar.set_position(done);
    }

    fn decided(&mut self, decision: &Decision<'_>) -> io::Result<()> {
        let Some(file) = &mut self.decisions else { return Ok(()) };
        serde_json::to_writer(&mut *file, decision)?;
        file.write_all(b"\n")
    }
}

/// A trust policy, ready to verify.
fn read_policy(path: &Path) -> anyhow::Result<PolicyVerifier> {
    let context = || format!("cannot use the policy in {}", path.display());
    let bytes = std::fs::read(path).or_exit(Exit::Config, context())?;
    let policy = TrustPolicy::parse(&bytes).or_exit(Exit::Config, context())?;
    PolicyVerifier::new(policy).or_exit(Exit::Config, context())
}

/// The key that a policy gives for the log that the vkey in this file names; `None` where the policy names no logs at all, as
/// the log is then known otherwise.
fn known_log(policy: &PolicyVerifier, path: &Path) -> anyhow::Result<Option<LogVerifier>> {
    if policy.logs().is_empty() {
        return Ok(None);
    }
    let named = read_log_key(path)?;
    let known = policy.logs().iter().find(|log| log.vkey() == named.vkey());
    let none = || format!("the policy knows no log with the key {}", named.vkey());
    known.cloned().map(Some).or_exit(Exit::Config, none())
}

/// A checkpoint of the log that is known from elsewhere: a signed note, or the proof of a receipt that holds one.
fn read_known(path: &Path, log_key: &LogVerifier) -> anyhow::Result<Checkpoint> {
    let context = || format!("cannot take a checkpoint from {}", path.display());
    let bytes = std::fs::read(path).or_exit(Exit::BadInput, context())?;
    known_checkpoint(&bytes, log_key).or_exit(Exit::BadInput, context())
}

fn known_checkpoint(bytes: &[u8], log_key: &LogVerifier) -> Result<Checkpoint, tlog::Error> {
    let note = match TlogProof::parse(bytes) {
        Ok(proof) => proof.checkpoint,
        Err(_) => Note::parse(bytes)?,
    };
    Checkpoint::open(&note, log_key)
}

pub(super) fn genesis_hash(text: &str) -> Result<Hash, String> {
    let from_hex = || hex::decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(Hash::from);
    from_hex().or_else(|| Hash::parse(text).ok()).ok_or_else(|| "must be 32 bytes in hexadecimal or base64".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn genesis_hash_reads_in_either_writing() {
        let hash = Hash::from([0xab; 32]);
        assert_eq!(genesis_hash(&hash.to_string()), Ok(hash));
        assert_eq!(genesis_hash(&"ab".repeat(32)), Ok(hash));
        assert!(genesis_hash("ab").is_err());
    }
}
