//! The verification of a copy of a log.
//!
//! ```text
//!            examine.rs, on many threads          in one thread, in the order of the log         once the end is reached
//! bundle ──> hashes, form, signatures ──┐
//! bundle ──> hashes, form, signatures ──┼──> tree.rs ──> replay.rs ──> rule.rs ──> rules
//! bundle ──> hashes, form, signatures ──┘    leaf…root      │    query.rs │ publication.rs │ notice.rs
//!                pipeline.rs                                └─ sorter.rs, by key ──────────> requests.rs, records
//!                                                              suspects.rs <── a key was compromised ──┘
//! ```
//!
//! It never stops at a finding. After one, the replay follows what the hub did, so that one wrong act is one finding and not
//! the beginning of a thousand; where an entry cannot be followed, its own finding says so.
//!
//! What must be remembered of every entry (request ids, what became of each record) is sorted in temporary files and compared
//! at the end. In memory are the rules (directory, catalog, agreements), the newest day's quotas, a few bundles for each thread, and
//! some mebibytes of each sorter: as much for a million entries as for ten thousand.

mod carry;
mod chain;
mod checkpoint;
mod examine;
mod findings;
mod notice;
mod opening;
mod pipeline;
mod publication;
mod query;
mod records;
mod replay;
mod requests;
mod rule;
mod signer;
mod sorter;
mod suspects;
mod tree;

use std::{io, num::NonZeroUsize, ops::ControlFlow, thread};

use crate::{
    sign::{LogVerifier, PolicyVerifier},
    tlog::{Checkpoint, Hash},
};

use super::{CHECKPOINT_FILE, Decision, Error, Fault, Finding, Folder, Report};

pub use chain::verify_chain;

use carry::Course;
use examine::Bundle;
use findings::Findings;
use replay::{Ledger, Place, Replay};
use signer::Keys;
use tree::Tree;

/// What an auditor trusts, from elsewhere than the log.
#[derive(Clone)]
pub struct Trust {
    /// The log's key.
    pub log_key: LogVerifier,
    /// The leaf hash of the genesis entry.
    pub genesis: Option<Hash>,
    /// Checkpoints that the log's key signed, as receipts, witnesses or other auditors have them. The copy must continue each.
    pub known: Vec<Checkpoint>,
    /// Whose cosignatures the copy's checkpoint needs.
    pub policy: Option<PolicyVerifier>,
}

impl Trust {
    /// Trust in a log's key and in nothing else.
    pub fn in_key(log_key: LogVerifier) -> Self {
        Self { log_key, genesis: None, known: Vec::new(), policy: None }
    }

    fn origin(&self) -> String {
        self.log_key.vkey().name().to_string()
    }
}

/// How a verification is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many threads look at entries side by side. The replay is one more, with little to do.
    pub threads: NonZeroUsize,
    /// How many findings of each level are reported with their entries; all are counted.
    pub max_findings: usize,
}

impl Options {
    /// How many findings are reported unless said otherwise: with entries of a kibibyte or two, some mebibytes, and more than
    /// anybody reads.
    pub const MAX_FINDINGS: usize = 1_000;
}

impl Default for Options {
    /// As many threads as the machine runs at once.
    fn default() -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { threads, max_findings: Self::MAX_FINDINGS }
    }
}

/// What a verification is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading, hashing, verifying, replaying.
    Entries,
    /// Following request ids and records through the log.
    Records,
    /// Looking for what compromised keys signed.
    Suspects,
}

/// Hears how a verification goes on.
pub trait Watch {
    /// So much of a stage is done, of so much.
    fn advance(&mut self, _stage: Stage, _done: u64, _of: u64) {}

    /// A decision was made again, in the order of the log. What is found once all of the log is known comes later, in the report.
    ///
    /// # Errors
    /// What is wrong with writing it down, which ends the verification.
    fn decided(&mut self, _decision: &Decision<'_>) -> io::Result<()> {
        Ok(())
    }
}

/// Nobody listens.
impl Watch for () {}

/// Verifies the copy of a log: hashes, signatures and decisions.
///
/// # Errors
/// When the folder cannot be read at all, or temporary files cannot be written: [`Error::NoLog`], [`Error::Io`]. Whatever is
/// wrong with the log is a finding.
pub fn verify(folder: &Folder, trust: &Trust, options: &Options, watch: &mut dyn Watch) -> Result<Report, Error> {
    let mut reports = verify_chain(folder, &[], trust, options, watch)?;
    Ok(reports.pop().unwrap_or_else(|| Report::new(trust.origin())))
}

/// Verifies one log, and gives what the log after it is held against.
fn verify_alone(
    folder: &Folder,
    trust: &Trust,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<(Report, Course), Error> {
    let mut report = Report::new(trust.origin());
    if trust.genesis.is_none() {
        report
            .notes
            .push("no genesis hash was given: that this is the log's true beginning rests on its key alone".to_owned());
    }
    let mut findings = Findings::new(options.max_findings);
    let checkpoint = checkpoint::open(folder, trust, &mut findings)?;
    let mut tree = Tree::new(folder, checkpoint, trust.known.clone())?;
    let size = tree.size();
    report.size = size;
    let keys = Keys::default();
    let mut replay = Replay::new(trust, &keys);
    watch.advance(Stage::Entries, 0, size);
    pipeline::examine_all(folder, size, &keys, options.threads, &mut |bundle: &Bundle| {
        let Some(sealed) = tree.take(bundle, &mut findings)? else { return Ok(ControlFlow::Break(())) };
        let range = bundle.path.range();
        for (index, ((content, leaf), is_sealed)) in
            range.clone().zip(bundle.entries.iter().zip(&bundle.leaves).zip(sealed))
        {
            let place = Place { index, leaf: *leaf, is_sealed };
            replay.follow(&place, content, &mut report, &mut findings, watch)?;
        }
        if bundle.entries.len() < usize::from(bundle.path.width()) {
            replay.lose(range.start + bundle.entries.len() as u64);
        }
        watch.advance(Stage::Entries, range.end, size);
        Ok(ControlFlow::Continue(()))
    })?;
    report.root = tree.finish(&mut findings)?.to_string();
    let (mut course, ledger) = replay.finish(&mut report);
    if let Some(mut ledger) = ledger {
        course.quotas = std::mem::take(&mut ledger.quotas);
        look_back(folder, size, ledger, options, (&mut course.due, &mut findings), watch)?;
    }
    report.rules = findings.counts().clone();
    report.findings = findings.described(folder, size)?;
    Ok((report, course))
}

/// Checks what shows only once all of the log is known.
fn look_back(
    folder: &Folder,
    size: u64,
    ledger: Ledger<'_>,
    options: &Options,
    (due, findings): (&mut carry::Due, &mut Findings),
    watch: &mut dyn Watch,
) -> Result<(), Error> {
    let Ledger { rules, requests, records, compromises, .. } = ledger;
    watch.advance(Stage::Records, 0, size);
    let mut of_requests = Findings::new(options.max_findings);
    if options.threads.get() == 1 {
        requests.check(&mut of_requests)?;
        records.check(&rules, &compromises, due, findings)?;
    } else {
        thread::scope(|scope| {
            let requests = scope.spawn(|| requests.check(&mut of_requests));
            records.check(&rules, &compromises, due, findings)?;
            requests.join().unwrap_or_else(|_| Err(pipeline::gone()))
        })?;
    }
    findings.append(of_requests);
    watch.advance(Stage::Records, size, size);
    compromises.check(folder, size, findings, watch)
}
