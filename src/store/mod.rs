//! Where everything is kept: the contracts, and the engines behind them.
//!
//! Four things are kept, and the contracts differ in what may be lost:
//!
//! | what | contract | if lost |
//! |---|---|---|
//! | the exchange log | [`ExchangeLog`], [`LogReader`] | the truth is lost: never |
//! | record bodies | [`Bodies`] | the departments' data is lost: never |
//! | openings | with the log's batches, [`LogReader::openings`], [`Openings`] | who was asked about is lost; every proof still verifies |
//! | projections | [`Projections`] | nothing: they are made anew from the log and the bodies |
//!
//! The order of durability is the hub's: bodies before the entry that makes them current; a batch (entries, checkpoint,
//! openings) before any receipt; projections whenever they come.
//!
//! All calls block. Engines are driven from threads that may wait.

use std::sync::Arc;

use crate::{
    domain::{
        decide::Usage,
        id::{AgreementId, Digest, Handle, RequestId, SystemId},
        record::{RecordHead, Successor},
        time::{Date, Time},
    },
    tlog::{BatchTree, Frontier, Hash, MAX_ENTRY_LEN},
};

mod checkpoint;
pub mod embedded;
mod late;
pub mod memory;
mod rows;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod conformance;

pub use checkpoint::MAX_CHECKPOINT_LEN;

/// The most entries of a batch: what 64 handlers of 64 requests each can have queued; the longest frame is then 256 MiB,
/// which one read at a start can hold in memory.
pub const MAX_BATCH_ENTRIES: usize = 4_096;

/// A store's parts. Each lives on its own; what they share ends with the last of them.
pub struct Store {
    /// The writing end of the exchange log.
    pub log: Box<dyn ExchangeLog>,
    /// The reading end.
    pub reader: Arc<dyn LogReader>,
    /// The openings, to look through and to erase.
    pub openings: Arc<dyn Openings>,
    /// The record bodies.
    pub bodies: Arc<dyn Bodies>,
    /// The indexes. They may be behind the log, and the caller brings them up to it.
    pub projections: Arc<dyn Projections>,
}

/// What an engine could not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log is not in the state that the batch was made for; nothing was written.
    #[error("the log has {found} entries, the batch was made for {expected}")]
    Conflict {
        /// The size the batch was made for.
        expected: u64,
        /// The size the log has.
        found: u64,
    },
    /// The batch does not hold together; nothing was written.
    #[error("the batch cannot be appended: {0}")]
    Malformed(String),
    /// It is not known whether the write will be found again. The caller must not release what the write covers, and must
    /// not write again before it has read the log anew; the embedded engine's caller ends the process.
    #[error("it is not known whether {what} was written: {source}")]
    Unknown {
        /// What was being written.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// There is no room; nothing was written that will be found again, and the engine goes on.
    #[error("no room for {what}: {source}")]
    Full {
        /// What was being written.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// What was read is not what was written.
    #[error("{place} is damaged: {problem}")]
    Damaged {
        /// The file and the offset, or the table and the key. Never personal data.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, and to what.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The index database failed; `hutong fsck --rebuild` makes it anew.
    #[error("the index failed: {0}")]
    Index(String),
    /// The log is behind, or contradicts, a mark that says what it held before.
    #[error("the log of {found} entries does not continue the known mark of {mark} entries: {problem}")]
    RolledBack {
        /// The size that the mark says.
        mark: u64,
        /// The size found.
        found: u64,
        /// How they differ.
        problem: String,
    },
    /// Another process works on the folder.
    #[error("{0} is in use by another process")]
    InUse(String),
}

/// Where the log ends.
#[derive(Debug, Clone)]
pub struct Tail {
    /// The compact form of the tree; gives size and root.
    pub frontier: Frontier,
    /// The newest checkpoint, a signed note over exactly this tree.
    pub checkpoint: String,
}

/// One batch: what becomes durable together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The serialized entries, in order; at least one, each at most 65,535 bytes.
    pub entries: Vec<Vec<u8>>,
    /// Their leaf hashes.
    pub leaves: Vec<Hash>,
    /// For each entry, the serialized openings to keep sealed with it; often none.
    pub openings: Vec<Vec<Vec<u8>>>,
    /// The tree after the batch.
    pub frontier: Frontier,
    /// The checkpoint after the batch, a signed note.
    pub checkpoint: String,
}

impl Batch {
    /// Grows the tree at `before` by the batch and refuses one that does not hold together. The entries themselves are
    /// not hashed again.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn tree(&self, before: &Frontier) -> Result<BatchTree, Error> {
        let (count, malformed) = (self.entries.len(), |problem: String| Error::Malformed(problem));
        if !(1..=MAX_BATCH_ENTRIES).contains(&count) {
            return Err(malformed(format!("it has {count} entries, allowed are 1 to {MAX_BATCH_ENTRIES}")));
        }
        if self.leaves.len() != count || self.openings.len() != count {
            return Err(malformed("it has not as many leaves and openings as entries".into()));
        }
        if self.entries.iter().any(|entry| entry.len() > MAX_ENTRY_LEN) {
            return Err(malformed(format!("an entry has more than {MAX_ENTRY_LEN} bytes")));
        }
        if self.checkpoint.len() > MAX_CHECKPOINT_LEN {
            return Err(malformed(format!("its checkpoint has more than {MAX_CHECKPOINT_LEN} bytes")));
        }
        let tree = BatchTree::new(before, self.leaves.clone()).map_err(|error| malformed(error.to_string()))?;
        let said = checkpoint::size_and_root(&self.checkpoint);
        if tree.frontier() == self.frontier && said == Some((tree.size(), tree.root())) {
            Ok(tree)
        } else {
            Err(malformed("its leaves do not give its frontier and checkpoint".into()))
        }
    }
}

/// The writing end of the exchange log. There is one at a time.
pub trait ExchangeLog: Send + 'static {
    /// Where the log ends. `None`: it has no entry yet.
    fn tail(&self) -> Option<Tail>;

    /// Appends a batch to a log of `expected` entries. On return the entries, the checkpoint and the openings are durable,
    /// all of them, and [`LogReader`]s see them.
    ///
    /// # Errors
    /// [`Error::Unknown`]: the batch may or may not be found again, whole or not at all, and every later call gives the
    /// same until the log is opened anew. Any other ([`Error::Conflict`], [`Error::Full`], [`Error::Malformed`],
    /// [`Error::Io`]): nothing was appended.
    fn append(&mut self, expected: u64, batch: &Batch) -> Result<(), Error>;
}

/// The reading end of the exchange log: sees what is durable, nothing else.
pub trait LogReader: Send + Sync + 'static {
    /// Where the log ends.
    fn tail(&self) -> Option<Tail>;

    /// Consecutive entries from `start` on, before `end`: as many as fit `max_bytes`, and at least one where there is one.
    ///
    /// # Errors
    /// [`Error::Damaged`] when they do not hash to the leaves kept, [`Error::Io`].
    fn entries(&self, start: u64, end: u64, max_bytes: usize) -> Result<Vec<Vec<u8>>, Error>;

    /// The hashes `range` of a tile level: level 0 are leaf hashes, level l+1 the roots of full tiles of level l.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`]; a range that is not wholly there is an error.
    fn hashes(&self, level: u8, range: std::ops::Range<u64>) -> Result<Vec<Hash>, Error>;

    /// The openings kept with an entry; those erased are left out.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    fn openings(&self, index: u64) -> Result<Vec<Vec<u8>>, Error>;
}

/// Where an opening is kept: with which entry, and at which position among its openings, those erased counted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The entry.
    pub index: u64,
    /// The position, from 0.
    pub position: u32,
}

/// The openings kept with consecutive entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Those that were not erased, in the order of their slots.
    pub openings: Vec<(Slot, Vec<u8>)>,
    /// The entry behind those looked at.
    pub next: u64,
}

/// The openings as a whole: to look through, and to erase. No proof depends on them.
pub trait Openings: Send + Sync + 'static {
    /// The openings kept with the entries from `from` on: those of the batch that it is in, so that reading all in order costs
    /// one read a batch and holds one batch in memory.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`]; also where there is no entry `from`.
    fn kept(&self, from: u64) -> Result<Kept, Error>;

    /// Erases openings for good, and keeps `account` in place of the one kept before: bytes in which the caller says what was
    /// erased so far. On return both are durable; after a crash both will be found, or neither. Slots that there are not, or that
    /// were erased before, are passed over. Without slots only the account changes.
    ///
    /// # Errors
    /// [`Error::Full`]: nothing was erased. Any other: some may be, and the store is to be opened anew, as after a failed
    /// [`ExchangeLog::append`].
    fn erase(&self, slots: &[Slot], account: &[u8]) -> Result<(), Error>;

    /// The account kept last; empty where there was none.
    fn account(&self) -> Vec<u8>;
}

/// Record bodies, sealed, each named by the SHA-256 of its JWT, with which it begins and which ends at the first `~`.
pub trait Bodies: Send + Sync + 'static {
    /// Keeps bodies. On return all are durable. Idempotent: a name that is there keeps its first body, since the JWT fixes
    /// everything that a body may differ in but the order of its disclosures.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Unknown`]: bodies may remain that no entry names; they are garbage, not damage.
    fn put(&self, bodies: &[(Digest, &[u8])]) -> Result<(), Error>;

    /// A body.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is there but cannot be unsealed, [`Error::Io`].
    fn get(&self, jwt_sha256: &Digest) -> Result<Option<Vec<u8>>, Error>;
}

/// A value under a key of the vault: what an index holds in place of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlindKey(pub [u8; 32]);

/// The current version of a record, and under what it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRow {
    /// What the log says of it.
    pub head: RecordHead,
    /// Its resource's and its identifier's blind key.
    pub record_key: BlindKey,
    /// Its resource's and each holder's blind key, at least one.
    pub holder_keys: Vec<BlindKey>,
}

/// What became of a request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRow {
    /// The entry that answered it.
    pub index: u64,
    /// The SHA-256 of the payload that was signed.
    pub payload_sha256: Digest,
}

/// One change of the projections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The entry changed the rules.
    Rule {
        /// Its index.
        index: u64,
    },
    /// The actor used a request id for the first time.
    Request {
        /// Who.
        actor: SystemId,
        /// The id.
        request_id: RequestId,
        /// What became of it.
        row: RequestRow,
    },
    /// A version of a record became current. That another has replaced the record stays as it is, whatever the row says.
    Record(Box<RecordRow>),
    /// A record was replaced by another, if none has replaced it yet.
    Replaced {
        /// The record; its row may come later.
        handle: Handle,
        /// By what.
        successor: Successor,
    },
    /// Records were asked for under an agreement.
    Quota {
        /// The agreement.
        agreement_id: AgreementId,
        /// The civil day.
        day: Date,
        /// When the minute began; `None` of what was asked for in an earlier log, which counts on the day only.
        minute: Option<Time>,
        /// How many more.
        asked: u64,
    },
}

/// A row of an index as it is kept: its key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Indexes over the log and the bodies; rebuilt at will.
pub trait Projections: Send + Sync + 'static {
    /// How many entries of the log have been applied.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn applied(&self) -> Result<u64, Error>;

    /// Applies the changes that the entries from [`Projections::applied`] up to `applied` made, all or none, in order. May
    /// be lost on disk until [`Projections::flush`]; what is lost is a tail.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn apply(&self, applied: u64, changes: &[Change]) -> Result<(), Error>;

    /// Makes durable what was applied.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn flush(&self) -> Result<(), Error>;

    /// Forgets everything, so that all of the log can be applied anew.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn reset(&self) -> Result<(), Error>;

    /// The indexes of the entries that changed the rules, in order.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn rule_entries(&self) -> Result<Vec<u64>, Error>;

    /// What became of an actor's request id.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn request(&self, actor: &SystemId, request_id: &RequestId) -> Result<Option<RequestRow>, Error>;

    /// The current version of a record.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn record(&self, handle: &Handle) -> Result<Option<RecordRow>, Error>;

    /// The current versions of the records whose handles begin with this byte: all 256 slices together are all records, and
    /// one is small enough for memory.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn records_of_slice(&self, slice: u8) -> Result<Vec<RecordRow>, Error>;

    /// The handle of the record with this identifier.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn by_record_key(&self, key: &BlindKey) -> Result<Option<Handle>, Error>;

    /// The handles of a holder's records, at most `limit`, in the order of the handles.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn by_holder_key(&self, key: &BlindKey, limit: usize) -> Result<Vec<Handle>, Error>;

    /// How many records were asked for under an agreement on a civil day.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn usage(&self, agreement_id: &AgreementId, day: Date) -> Result<Usage, Error>;

    /// Every row, by key, for comparison with a rebuilt index.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn dump(&self) -> Result<Vec<Row>, Error>;
}
