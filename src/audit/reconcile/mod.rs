//! Reconciliation: what a department holds against what the log says.
//!
//! ```text
//! receipts, presentations, journals ──> evidence.rs ──┐
//!                                                     ├──> mod.rs ──> discrepancy.rs: Reconciliation
//! copy of the log ──────────────────────> walk.rs ────┘
//! ```
//!
//! A log can be right in itself and still not be the one that its users were shown: entries left out, another history for
//! another reader, more released than was logged. Only a counterparty can know, because it holds the receipts and what it got.
//! The log is read once; memory grows with the evidence, not with the log.

mod discrepancy;
mod evidence;
mod journal;

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    Error, Folder, describe,
    walk::{self, Leaf},
};
use crate::{
    domain::{
        id::{Digest, SystemId},
        outcome::Outcome,
        statement::Statement,
    },
    sign::LogVerifier,
    wire::Entry,
};

pub use discrepancy::{Discrepancy, Mismatch, Reconciliation};
use evidence::{Evidence, Presentation, Receipt};
use journal::Word;

/// What is to be reconciled with a log.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// The folder with the receipts, and what else is evidence.
    pub folder: PathBuf,
    /// Journals that lie elsewhere.
    pub journals: Vec<PathBuf>,
    /// The systems of which every entry must be among the evidence.
    pub actors: BTreeSet<SystemId>,
}

/// Compares what somebody holds with a copy of the log. `progress` hears how many entries have been compared, and of how many.
///
/// # Errors
/// When the copy or the evidence cannot be read at all: [`Error::NoLog`], [`Error::Untrusted`], [`Error::Damaged`],
/// [`Error::Io`], [`Error::TooMuch`]. Wherever the two differ is a finding.
pub fn reconcile(
    folder: &Folder,
    log_key: &LogVerifier,
    holdings: &Holdings,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Reconciliation, Error> {
    let checkpoint = walk::checkpoint(folder, log_key)?;
    let mut report = Reconciliation {
        origin: checkpoint.origin.to_string(),
        size: checkpoint.size,
        root: checkpoint.root.to_string(),
        receipts: 0,
        receipts_in_log: 0,
        statements: 0,
        statements_in_log: 0,
        presentations: 0,
        presentations_in_log: 0,
        actors: holdings.actors.iter().map(ToString::to_string).collect(),
        entries_of_actors: 0,
        notes: Vec::new(),
        counts: Default::default(),
        findings: Vec::new(),
    };
    let evidence = Evidence::read(&holdings.folder, &holdings.journals, log_key, &mut report)?;
    let mut comparison = Comparison::new(evidence, &holdings.actors, report);
    let root = walk::walk(folder, &checkpoint, progress, &mut |leaf| comparison.meet(leaf))?;
    if root != checkpoint.root {
        let message = format!(
            "the copy's entries have root {root}, its checkpoint says {}: run `hutong audit verify` on it",
            checkpoint.root
        );
        comparison.report.find(Discrepancy::new(Mismatch::RootMismatch, None, None, message));
    }
    Ok(comparison.finish(checkpoint.size))
}

/// The evidence on its way along the log.
struct Comparison<'a> {
    evidence: Evidence,
    /// The payloads of all receipts: they are evidence of their statements.
    receipted: BTreeSet<Digest>,
    /// The roots that receipts were signed under, by size, each with one receipt of it.
    roots: Vec<(u64, crate::tlog::Hash, PathBuf)>,
    actors: &'a BTreeSet<SystemId>,
    report: Reconciliation,
}

impl<'a> Comparison<'a> {
    fn new(evidence: Evidence, actors: &'a BTreeSet<SystemId>, report: Reconciliation) -> Self {
        let all = || evidence.receipts.values().flatten();
        let receipted = all().filter_map(|receipt| receipt.payload).collect();
        let mut roots: Vec<_> = all().map(|receipt| (receipt.size, receipt.root, receipt.stem.clone())).collect();
        // Latest first, so that the walk takes them from the end.
        roots.sort_by_cached_key(|(size, root, _)| std::cmp::Reverse((*size, root.to_string())));
        roots.dedup_by(|a, b| (a.0, a.1) == (b.0, b.1));
        Self { evidence, receipted, roots, actors, report }
    }

    /// Compares the log's entry of an index with all that is held of it.
    fn meet(&mut self, leaf: &Leaf<'_>) {
        self.meet_roots(leaf);
        let entry = Entry::decode(leaf.bytes).ok();
        let payload = entry.as_ref().and_then(evidence::payload_of);
        for receipt in self.evidence.receipts.remove(&leaf.index).unwrap_or_default() {
            if receipt.leaf == leaf.hash {
                self.report.receipts_in_log += 1;
            } else {
                self.report.find(other_entry(&receipt, payload, leaf));
            }
        }
        // What was carried over was done in the log before, and is to be compared with that one.
        let entry = entry.filter(|entry| entry.carried.is_none());
        if let (Some(entry), Some(payload)) = (entry, payload) {
            self.meet_statement(leaf, &entry, payload);
            self.meet_releases(leaf, &entry.outcome);
            self.meet_actor(leaf, &entry, payload);
        }
    }

    /// Compares the roots that receipts were signed under with the copy's tree of the same size.
    fn meet_roots(&mut self, leaf: &Leaf<'_>) {
        while let Some((size, root, receipt)) = self.roots.pop_if(|(size, ..)| *size <= leaf.tree.size()) {
            let found = leaf.tree.root();
            if size == leaf.tree.size() && root != found {
                let message = format!(
                    "the log's key signed root {root} for {size} entries, the copy's first {size} have {found}: two histories"
                );
                let finding = Discrepancy::new(Mismatch::HistoryForked, Some(leaf.index), Some(receipt), message);
                self.report.find(finding);
            }
        }
    }

    fn meet_statement(&mut self, leaf: &Leaf<'_>, entry: &Entry, payload: Digest) {
        let Some(signed) = self.evidence.statements.get_mut(&payload) else { return };
        if signed.found_at.is_some() {
            return;
        }
        signed.found_at = Some(leaf.index);
        self.report.statements_in_log += 1;
        let Some(came) = signed.came else { return };
        let is_refused = matches!(entry.outcome, Outcome::Refused(_));
        let request = signed.request_id;
        let (rule, message) = match came.word {
            Word::Rejected => (
                Mismatch::RejectedEntered,
                format!("request {request} was not taken, according to the journal; the log has it"),
            ),
            Word::Answered | Word::Refused if came.index.is_some_and(|index| index != leaf.index) => (
                Mismatch::IndexDiffers,
                format!(
                    "request {request} was entered at {}, according to the journal",
                    came.index.unwrap_or_default()
                ),
            ),
            Word::Answered if is_refused => (
                Mismatch::OutcomeDiffers,
                format!("request {request} was answered, according to the journal; the log has it refused"),
            ),
            Word::Refused if !is_refused => (
                Mismatch::OutcomeDiffers,
                format!("request {request} was refused, according to the journal; the log has it done"),
            ),
            _ => return,
        };
        let journal = self.evidence.journals.get(signed.journal).cloned();
        self.report
            .find(Discrepancy { entry: in_words(leaf), ..Discrepancy::new(rule, Some(leaf.index), journal, message) });
    }

    /// Compares what was released according to the entry with what was received.
    fn meet_releases(&mut self, leaf: &Leaf<'_>, outcome: &Outcome) {
        let Outcome::QueryPermitted(permitted) = outcome else { return };
        for release in &permitted.records {
            let logged: Vec<&str> = release.fields.iter().map(|code| code.as_str()).collect();
            let held = self.evidence.of_release(release).map(Vec::as_mut_slice).unwrap_or_default();
            let mine = |presentation: &&mut Presentation| {
                !presentation.is_named && presentation.index.is_none_or(|index| index == leaf.index)
            };
            for presentation in held.iter_mut().filter(mine) {
                presentation.is_named = true;
                let mut sorted = logged.clone();
                sorted.sort_unstable();
                if presentation.fields == sorted && presentation.jwt_sha256 == release.jwt_sha256 {
                    self.report.presentations_in_log += 1;
                    continue;
                }
                let message = if presentation.fields == sorted {
                    "the entry names a record body of another hash".to_owned()
                } else {
                    format!("it discloses {}, the entry names {}", list(&presentation.fields), list(&logged))
                };
                let file = Some(presentation.file.clone());
                let finding = Discrepancy::new(Mismatch::ReleaseDiffers, Some(leaf.index), file, message);
                self.report.find(Discrepancy { entry: in_words(leaf), ..finding });
            }
        }
    }

    /// Looks for entries of the actors of which nobody holds anything.
    fn meet_actor(&mut self, leaf: &Leaf<'_>, entry: &Entry, payload: Digest) {
        if self.actors.is_empty() {
            return;
        }
        let statement = entry.statement().ok().flatten();
        let Some(header) = statement.as_ref().and_then(Statement::header) else { return };
        if !self.actors.contains(&header.actor) {
            return;
        }
        self.report.entries_of_actors += 1;
        if !self.receipted.contains(&payload) && !self.evidence.statements.contains_key(&payload) {
            let message = format!(
                "{} signed this, and there is neither a receipt nor a journal line of it: somebody else has the key, or the \
                 evidence was lost",
                header.actor
            );
            let finding = Discrepancy::new(Mismatch::EntryExtra, Some(leaf.index), None, message);
            self.report.find(Discrepancy { entry: in_words(leaf), ..finding });
        }
    }

    /// What was held and not met.
    fn finish(mut self, size: u64) -> Reconciliation {
        let beyond = std::mem::take(&mut self.evidence.receipts);
        let mut behind: BTreeSet<PathBuf> = BTreeSet::new();
        for (index, receipt) in beyond.iter().flat_map(|(index, all)| all.iter().map(move |receipt| (*index, receipt)))
        {
            behind.insert(receipt.stem.clone());
            let message = format!("the copy has {size} entries, the receipt is of a log of {}: {BEHIND}", receipt.size);
            let finding = Discrepancy::new(Mismatch::LogBehind, Some(index), Some(receipt.stem.clone()), message);
            self.report.find(Discrepancy { held: held_in_words(index, receipt), ..finding });
        }
        for (size_signed, _, receipt) in std::mem::take(&mut self.roots).into_iter().rev() {
            if !behind.contains(&receipt) {
                let message = format!(
                    "its entry is there, but it was proved in a log of {size_signed} entries, the copy has {size}: {BEHIND}"
                );
                self.report.find(Discrepancy::new(Mismatch::LogBehind, None, Some(receipt), message));
            }
        }
        self.finish_statements(size);
        self.finish_presentations(size);
        let order =
            |finding: &Discrepancy| (finding.index, finding.rule, finding.evidence.clone(), finding.message.clone());
        self.report.findings.sort_by_cached_key(order);
        self.report
    }

    fn finish_statements(&mut self, size: u64) {
        let (mut unanswered, mut lost) = (0_u64, 0_u64);
        for signed in self.evidence.statements.values() {
            let word = signed.came.map(|came| came.word);
            match (signed.found_at, word) {
                (Some(_), None | Some(Word::Unknown)) => unanswered += 1,
                (None, None | Some(Word::Unknown)) => lost += 1,
                (None, Some(Word::Answered | Word::Refused)) => {
                    let index = signed.came.and_then(|came| came.index);
                    let rule = if index.is_some_and(|index| index >= size) {
                        Mismatch::LogBehind
                    } else {
                        Mismatch::StatementOmitted
                    };
                    let why = if rule == Mismatch::LogBehind { BEHIND } else { "another entry stands there" };
                    let at = index.map(|index| format!(" as entry {index}")).unwrap_or_default();
                    let message =
                        format!("request {} was entered{at}, according to the journal: {why}", signed.request_id);
                    let journal = self.evidence.journals.get(signed.journal).cloned();
                    self.report.find(Discrepancy::new(rule, index, journal, message));
                }
                _ => {}
            }
        }
        if unanswered > 0 {
            self.report.notes.push(format!(
                "{unanswered} statements without a known outcome in the journal are in the log: fetch their receipts with \
                 `hutong receipt`"
            ));
        }
        if lost > 0 {
            self.report
                .notes
                .push(format!("{lost} statements without a known outcome in the journal are not in the log"));
        }
    }

    fn finish_presentations(&mut self, size: u64) {
        for presentation in self.evidence.presentations.values().flatten().filter(|held| !held.is_named) {
            if presentation.index.is_some_and(|index| index >= size) {
                // That the copy ends before its receipt is found already.
                continue;
            }
            let message = match presentation.index {
                Some(index) => {
                    format!("entry {index} names no release of this presentation: more was released than logged")
                }
                None => "no entry of the log names a release of this presentation".to_owned(),
            };
            let file = Some(presentation.file.clone());
            self.report.find(Discrepancy::new(Mismatch::ReleaseUnlogged, presentation.index, file, message));
        }
    }
}

/// What to do about a copy that ends too early.
const BEHIND: &str = "bring the copy up to date; if the log still ends before it, it was rolled back";

/// The finding that another entry than the receipt's stands at its index.
fn other_entry(receipt: &Receipt, payload: Option<Digest>, leaf: &Leaf<'_>) -> Discrepancy {
    let (rule, message) = if payload.is_some() && payload == receipt.payload {
        (Mismatch::EntryAltered, "the log has the same statement there, but not the same entry")
    } else {
        (Mismatch::EntryOmitted, "the log has another entry there")
    };
    Discrepancy {
        held: held_in_words(leaf.index, receipt),
        entry: in_words(leaf),
        ..Discrepancy::new(rule, Some(leaf.index), Some(receipt.stem.clone()), message)
    }
}

fn held_in_words(index: u64, receipt: &Receipt) -> Option<String> {
    Some(describe(index, &evidence::entry_of(receipt)?).ok()?.summary())
}

fn in_words(leaf: &Leaf<'_>) -> Option<String> {
    describe(leaf.index, leaf.bytes).ok().map(|described| described.summary())
}

fn list<T: AsRef<str>>(codes: &[T]) -> String {
    if codes.is_empty() { "no field".to_owned() } else { codes.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ") }
}
