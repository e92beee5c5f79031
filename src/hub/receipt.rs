//! Receipts: an entry, and the proof that it is in the log.

use crate::{
    domain::outcome::Outcome,
    store::LogReader,
    tlog::{self, Hash, HashReader, Note, TlogProof, leaf_hash, prove_inclusion},
};

use super::{Error, projection::decode, published::checkpoint_of, sequencer::Sealed};

/// The checkpoint under which something is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvenUnder {
    /// The newest, which the log's key alone has signed.
    Newest,
    /// The published one, with the cosignatures of its witnesses.
    Published,
}

/// An entry and its proof.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// The index of the entry.
    pub index: u64,
    /// The serialized entry.
    pub entry: Vec<u8>,
    /// The inclusion proof and the checkpoint, in the C2SP tlog-proof format.
    pub proof: String,
    /// What the entry says the hub did.
    pub outcome: Outcome,
    /// Whether this answers a request that was answered before.
    pub repeated: bool,
}

impl Receipt {
    /// The leaf hash of the entry.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(&self.entry)
    }

    /// The receipt of a draft just sealed: the proof needs no read.
    pub(super) fn of_sealed(sealed: Sealed) -> Result<Self, Error> {
        let Sealed { index, entry, outcome, tree, checkpoint } = sealed;
        let hashes = tree.prove_inclusion(index).map_err(|error| Error::Inconsistent(error.to_string()))?;
        let proof = TlogProof { index, hashes, checkpoint: Note::clone(&checkpoint), extra: None }.to_string();
        Ok(Self { index, entry, proof, outcome, repeated: false })
    }

    /// The receipt of an entry of long ago, under the newest checkpoint. Blocks.
    pub(super) fn of_index(reader: &dyn LogReader, index: u64) -> Result<Self, Error> {
        let tail = reader.tail().ok_or_else(|| Error::NotFound(format!("entry {index}")))?;
        Self::under(reader, index, &Note::parse(tail.checkpoint.as_bytes())?)
    }

    /// The receipt of an entry of long ago, under this checkpoint of the log. Blocks.
    pub(super) fn under(reader: &dyn LogReader, index: u64, checkpoint: &Note) -> Result<Self, Error> {
        let size = checkpoint_of(checkpoint)?.size;
        if index >= size {
            return Err(Error::NotFound(format!("entry {index} of {size}")));
        }
        let mut entries = reader.entries(index, index + 1, 1)?;
        let entry = entries.pop().ok_or_else(|| Error::NotFound(format!("entry {index}")))?;
        let hashes = prove_inclusion(&Stored(reader), index, size)?;
        let outcome = decode(index, &entry)?.outcome;
        let proof = TlogProof { index, hashes, checkpoint: checkpoint.clone(), extra: None }.to_string();
        Ok(Self { index, entry, proof, outcome, repeated: true })
    }
}

/// The stored hashes, as proofs read them.
pub(super) struct Stored<'a>(pub(super) &'a dyn LogReader);

impl HashReader for Stored<'_> {
    type Error = Error;

    fn read(&self, level: u8, range: std::ops::Range<u64>) -> Result<Vec<Hash>, Error> {
        Ok(self.0.hashes(level, range)?)
    }
}

impl From<tlog::Error> for Error {
    fn from(error: tlog::Error) -> Self {
        Self::Inconsistent(error.to_string())
    }
}
