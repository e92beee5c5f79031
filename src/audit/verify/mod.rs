//! The verification of a copy of a log.
//!
//! ```text
//! folder ──> tree.rs: checkpoint, tiles, bundles, leaf hashes, root ──> replay.rs, entry by entry:
//!                time, signer.rs, request id, admission, then rule.rs | query.rs | publication.rs; notice.rs for the hub's own
//! ```
//!
//! It never stops at a finding. After one, the replay follows what the hub did, so that one wrong act is one finding and not
//! the beginning of a thousand; where an entry cannot be followed, its own finding says so.
//!
//! Memory is bounded per bundle of 256 entries, but for what replaying must remember: the rules (directory, catalog,
//! agreements), one row for each record published, one for each request id, and the day's quotas. These grow with the
//! number of records and requests, at about 150 and 100 bytes each.

mod notice;
mod publication;
mod query;
mod replay;
mod rule;
mod signer;
mod tree;

use crate::{
    sign::LogVerifier,
    tlog::{Checkpoint, Hash, Note},
};

use super::{CHECKPOINT_FILE, Error, Fault, Finding, Folder, Report};

use replay::Replay;
use tree::Tree;

/// What an auditor trusts, from elsewhere than the log.
#[derive(Clone)]
pub struct Trust {
    /// The log's key.
    pub log_key: LogVerifier,
    /// The leaf hash of the genesis entry.
    pub genesis: Option<Hash>,
}

/// Verifies the copy of a log: hashes, signatures and decisions. `progress` hears how many entries have been verified, and
/// of how many.
///
/// # Errors
/// When the folder cannot be read at all: [`Error::NoLog`], [`Error::Io`]. Whatever is wrong with the log is a finding.
pub fn verify(folder: &Folder, trust: &Trust, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
    let mut report = Report::new(trust.log_key.vkey().name().to_string());
    if trust.genesis.is_none() {
        report
            .notes
            .push("no genesis hash was given: that this is the log's true beginning rests on its key alone".to_owned());
    }
    let checkpoint = read_checkpoint(folder, trust, &mut report)?;
    let mut tree = Tree::new(folder, checkpoint)?;
    let mut replay = Replay::new(trust);
    report.size = tree.size();
    progress(0, report.size);
    while let Some(bundle) = tree.next_bundle(&mut report.findings)? {
        for (index, entry, is_sealed) in bundle.entries() {
            if is_sealed {
                replay.follow(index, entry, &mut report);
                report.entries += 1;
            } else {
                replay.follow_unsealed(index, entry);
            }
        }
        progress(bundle.end(), report.size);
    }
    report.root = tree.finish(&mut report.findings)?.to_string();
    report.findings.sort_by_key(|finding| finding.index);
    Ok(report)
}

/// The checkpoint of the folder; `None` where none reads, which is a finding.
fn read_checkpoint(folder: &Folder, trust: &Trust, report: &mut Report) -> Result<Option<Checkpoint>, Error> {
    let mut find = |rule, message: String| report.findings.push(Finding { index: None, rule, message, entry: None });
    let Some(bytes) = folder.read(CHECKPOINT_FILE)? else {
        find(Fault::CheckpointMalformed, "there is no checkpoint: nothing says how long the log is".to_owned());
        return Ok(None);
    };
    let note = match Note::parse(&bytes) {
        Ok(note) => note,
        Err(error) => {
            find(Fault::CheckpointMalformed, error.to_string());
            return Ok(None);
        }
    };
    match Checkpoint::open(&note, &trust.log_key) {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(error) => {
            find(Fault::CheckpointSignature, format!("{error}; nothing vouches for what it says"));
            Ok(note.text().parse().ok())
        }
    }
}
