//! What can be wrong with a tree, a proof or a text of the log.

use super::{
    bundle::{MAX_ENTRIES, MAX_ENTRY_LEN},
    hash::HASH_LEN,
    merkle::MAX_TREE_SIZE,
    note::{MAX_NOTE_LEN, MAX_SIGNATURES},
    vkey::KeyId,
};

/// Everything this room refuses, and why.
///
/// The variants fall in two classes. A *malformed* input (`Hash…`, `Frontier…`, `TilePath`, `Bundle…`, `KeyName`,
/// `VerifierKey`, `Note…`, `Checkpoint`, `Cosignature`, `Witness`, `Policy`, `Proof`) says nothing at all. A *false* one (`NotIncluded`,
/// `Inconsistent`, `BadSignature`, `ForeignCheckpoint`) says something that is not so: evidence of rot or of a lie.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tree would be larger than [`MAX_TREE_SIZE`].
    #[error("tree would exceed {MAX_TREE_SIZE} entries")]
    TreeTooLarge,
    /// The leaf lies outside the tree, or outside the batch that was asked for its proof.
    #[error("entry {index} is not among entries {first}..{size}")]
    IndexOutOfRange {
        /// The index asked for.
        index: u64,
        /// The first index that could have been asked for.
        first: u64,
        /// The tree's size: one more than the last index that could have been asked for.
        size: u64,
    },
    /// A consistency proof was asked to lead from a larger tree to a smaller one.
    #[error("tree of size {new} cannot extend one of size {old}")]
    SizesReversed {
        /// The size said to be older.
        old: u64,
        /// The size said to be newer.
        new: u64,
    },
    /// A proof has too few or too many hashes for the place it claims.
    #[error("proof has {got} hashes, its place in the tree takes {expected}")]
    ProofLength {
        /// How many hashes the place in the tree takes.
        expected: usize,
        /// How many the proof has.
        got: usize,
    },
    /// The proof does not lead from the leaf to the root: the entry is not in the tree.
    #[error("entry is not at index {index} of the tree of size {size}")]
    NotIncluded {
        /// The index claimed.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The two roots are not of one growing tree, or the proof is wrong.
    #[error("tree of size {new} does not extend the tree of size {old}")]
    Inconsistent {
        /// The older tree's size.
        old: u64,
        /// The newer tree's size.
        new: u64,
    },
    /// A [`HashReader`](super::HashReader) returned another number of hashes than asked for.
    #[error("reader gave {got} hashes of level {level} where {expected} were asked for")]
    ShortRead {
        /// The tile level read.
        level: u8,
        /// How many hashes were asked for.
        expected: u64,
        /// How many came.
        got: usize,
    },
    /// Bytes that should be whole hashes are not a multiple of a hash's length.
    #[error("{len} bytes are no whole number of {HASH_LEN}-byte hashes")]
    HashLength {
        /// The number of bytes.
        len: usize,
    },
    /// Text that should be a hash is not the canonical base64 of [`HASH_LEN`] bytes.
    #[error("hash is not {HASH_LEN} bytes of canonical base64")]
    HashText,
    /// The bytes are of an unknown version of the frontier's encoding.
    #[error("frontier encoding has unknown version {version}")]
    FrontierVersion {
        /// The version byte found.
        version: u8,
    },
    /// A frontier's encoding is shorter or longer than its size implies.
    #[error("frontier encoding has {got} bytes, its size takes {expected}")]
    FrontierLength {
        /// The number of bytes that belong to its size.
        expected: usize,
        /// The number of bytes found.
        got: usize,
    },
    /// The path is not that of a tile or an entry bundle, or not in the one form the standard allows.
    #[error("not the path of a tile or an entry bundle: {path:?}")]
    TilePath {
        /// The path, cut to a readable length.
        path: String,
    },
    /// An entry is longer than its length field can say.
    #[error("entry has {len} bytes, at most {MAX_ENTRY_LEN} are allowed")]
    EntryTooLong {
        /// The entry's length in bytes.
        len: usize,
    },
    /// A bundle ends in the middle of an entry.
    #[error("entry bundle is cut off inside the entry at byte {offset}")]
    BundleTruncated {
        /// Where the unfinished entry begins.
        offset: usize,
    },
    /// A bundle holds no entry, or more than a bundle may.
    #[error("entry bundle must hold 1 to {MAX_ENTRIES} entries")]
    BundleCount,
    /// A key name (an origin) is empty, too long, or has a space, a `+` or a control character.
    #[error("not a key name: {name:?}")]
    KeyName {
        /// The name, cut to a readable length.
        name: String,
    },
    /// A verifier key's text is malformed, or its parts contradict each other.
    #[error("malformed verifier key: {what}")]
    VerifierKey {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A note's text or signature lines are malformed.
    #[error("malformed note: {what}")]
    Note {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A note is longer than [`MAX_NOTE_LEN`].
    #[error("note has {len} bytes, at most {MAX_NOTE_LEN} are allowed")]
    NoteTooLong {
        /// The note's length in bytes.
        len: usize,
    },
    /// A note carries more than [`MAX_SIGNATURES`].
    #[error("note has more than {MAX_SIGNATURES} signatures")]
    NoteTooManySignatures,
    /// A signature by a known key does not verify.
    #[error("signature of {name}+{key_id} does not verify")]
    BadSignature {
        /// The key's name.
        name: String,
        /// The key's ID.
        key_id: KeyId,
    },
    /// No known key signed the note.
    #[error("note carries no signature of a known key")]
    Unsigned,
    /// A checkpoint's text is malformed.
    #[error("malformed checkpoint: {what}")]
    Checkpoint {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A checkpoint is of another log than the key it is signed or verified with.
    #[error("checkpoint of {origin} does not belong to key {key}")]
    ForeignCheckpoint {
        /// The origin the checkpoint names.
        origin: String,
        /// The name of the key.
        key: String,
    },
    /// A cosignature's bytes, or the time it was to be made at, are malformed.
    #[error("malformed cosignature: {what}")]
    Cosignature {
        /// What is wrong with it.
        what: &'static str,
    },
    /// What a log and a witness say to each other is malformed.
    #[error("malformed {message}: {what}")]
    Witness {
        /// Which message of C2SP tlog-witness.
        message: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A trust policy's text is malformed.
    #[error("trust policy, line {line}: {what}")]
    Policy {
        /// The line, from 1; the line after the last where something is missing at the end.
        line: usize,
        /// What is wrong with it, and what is allowed.
        what: String,
    },
    /// A transparency log proof's text is malformed.
    #[error("malformed tlog-proof: {what}")]
    Proof {
        /// What is wrong with it.
        what: &'static str,
    },
}

/// The beginning of hostile text, short enough for a log line.
pub(super) fn excerpt(text: &str) -> String {
    /// Characters shown: the longest legal tile path has 45, most names are shorter still.
    const SHOWN: usize = 64;
    text.chars().take(SHOWN).collect()
}
