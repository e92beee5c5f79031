//! The first entry of a log, and whose log it is.

use crate::{
    domain::{
        outcome::{Effect, Outcome},
        statement::{Genesis, Statement},
    },
    sign::{LogSigner, LogVerifier, dsse},
    store::{Batch, ExchangeLog},
    tlog::{Checkpoint, Frontier, Hash, KeyName, Note, leaf_hash},
    wire::{self, Entry},
};

use super::Error;

/// Entry 0 of a log. It carries no signature: its hash is what an auditor trusts.
pub fn genesis_entry(genesis: Genesis) -> Entry {
    let time = genesis.created_at;
    let (payload_type, payload) = wire::encode_statement(&Statement::Genesis(Box::new(genesis)));
    Entry {
        time,
        envelope: Some(dsse::Envelope { payload, payload_type, signatures: Vec::new() }),
        outcome: Outcome::Applied(Effect::LogOpened),
        carried: None,
    }
}

/// Writes entry 0 to an empty log.
///
/// # Errors
/// When the log is not empty, or cannot be written.
pub fn open_log(log: &mut dyn ExchangeLog, signer: &LogSigner, genesis: Genesis) -> Result<(), Error> {
    if log.tail().is_some() {
        return Err(Error::Inconsistent("the log was opened already".to_owned()));
    }
    append(log, signer, vec![genesis_entry(genesis).encode()])
}

/// Appends entries that no statement of a peer asked for now, while no hub runs.
pub(super) fn append(log: &mut dyn ExchangeLog, signer: &LogSigner, entries: Vec<Vec<u8>>) -> Result<(), Error> {
    let mut frontier = log.tail().map_or_else(Frontier::new, |tail| tail.frontier);
    let before = frontier.size();
    let leaves: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let grow = |leaf: &Hash| frontier.append(*leaf).map_err(|error| Error::Inconsistent(error.to_string()));
    leaves.iter().try_for_each(grow)?;
    let checkpoint = sign_checkpoint(signer, &frontier)?.to_string();
    let openings = vec![Vec::new(); entries.len()];
    Ok(log.append(before, &Batch { entries, leaves, openings, frontier, checkpoint })?)
}

/// Signs the checkpoint of a tree.
pub(super) fn sign_checkpoint(signer: &LogSigner, frontier: &Frontier) -> Result<Note, Error> {
    let origin: KeyName = signer.vkey().name().clone();
    let checkpoint = Checkpoint { origin, size: frontier.size(), root: frontier.root() };
    checkpoint.sign(signer).map_err(|error| Error::Inconsistent(error.to_string()))
}

/// Checks that the log ends with a checkpoint of this hub's key over exactly its tree.
pub(super) fn check_tail(log: &dyn ExchangeLog, verifier: &LogVerifier) -> Result<(), Error> {
    let Some(tail) = log.tail() else {
        return Err(Error::Inconsistent("the log has no genesis entry".to_owned()));
    };
    let foreign =
        |problem: String| Error::Inconsistent(format!("the log's last checkpoint is not of its key: {problem}"));
    let note = Note::parse(tail.checkpoint.as_bytes()).map_err(|error| foreign(error.to_string()))?;
    let checkpoint = Checkpoint::open(&note, verifier).map_err(|error| foreign(error.to_string()))?;
    if (checkpoint.size, checkpoint.root) != (tail.frontier.size(), tail.frontier.root()) {
        return Err(Error::Inconsistent(format!(
            "the log's last checkpoint is of {} entries and another root than the {} entries found",
            checkpoint.size,
            tail.frontier.size(),
        )));
    }
    Ok(())
}
