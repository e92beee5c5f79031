//! The right edge of the tree: all that must be kept to let it grow.

use super::{
    Error,
    hash::{HASH_LEN, Hash, decode_hashes, node_hash},
    merkle::{MAX_TREE_SIZE, check_size, root_over},
    reader::{HashReader, read_complete_subtrees},
};

/// The first byte of the encoding made here.
const VERSION: u8 = 1;

/// Bytes before the hashes: the version and the size.
const HEADER_LEN: usize = 1 + size_of::<u64>();

/// The roots of the complete subtrees that together are the tree, largest first, and the tree's size.
///
/// There is one for each bit set in the size, so 63 at most, about 2 kB. From it alone follow the root, and, with the
/// hashes of newer leaves, every later root and the proof of every later leaf ([`BatchTree`](super::BatchTree)).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, roots: Vec::new() }
    }

    /// The frontier at `size` of a stored log.
    ///
    /// # Errors
    ///
    /// [`Error::TreeTooLarge`], or what the reader says.
    pub fn read<R: HashReader>(reader: &R, size: u64) -> Result<Self, R::Error> {
        Ok(Self { size, roots: read_complete_subtrees(reader, size)? })
    }

    /// Reads the bytes that [`Frontier::encode`] writes, and no others.
    ///
    /// # Errors
    ///
    /// [`Error::FrontierVersion`], [`Error::FrontierLength`], [`Error::TreeTooLarge`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (version, rest) = bytes.split_first().ok_or(wrong_length(0, bytes))?;
        if *version != VERSION {
            return Err(Error::FrontierVersion { version: *version });
        }
        let (size, hashes) = rest.split_first_chunk().ok_or(wrong_length(0, bytes))?;
        let size = u64::from_be_bytes(*size);
        check_size(size)?;
        if hashes.len() != count(size) * HASH_LEN {
            return Err(wrong_length(count(size), bytes));
        }
        Ok(Self { size, roots: decode_hashes(hashes)? })
    }

    /// The frontier's lasting form: version 1 (one byte), the size (eight bytes, big-endian), the roots (32 bytes
    /// each, largest subtree first).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + self.roots.len() * HASH_LEN);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.size.to_be_bytes());
        self.roots.iter().for_each(|root| bytes.extend_from_slice(root.as_bytes()));
        bytes
    }

    /// Appends one leaf. A batch whose proofs are wanted goes through [`BatchTree`](super::BatchTree) instead.
    ///
    /// # Errors
    ///
    /// [`Error::TreeTooLarge`]; the frontier is then unchanged.
    pub fn append(&mut self, leaf: Hash) -> Result<(), Error> {
        if self.size >= MAX_TREE_SIZE {
            return Err(Error::TreeTooLarge);
        }
        // The smallest subtrees, one for each trailing 1 of the size, close with the new leaf as in a binary carry.
        let closing = self.size.trailing_ones() as usize;
        let kept = self.roots.len().saturating_sub(closing);
        let root = self.roots.drain(kept..).rev().fold(leaf, |right, left| node_hash(&left, &right));
        self.roots.push(root);
        self.size += 1;
        Ok(())
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        root_over(self.roots.iter())
    }

    /// The number of leaves of the tree.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the complete subtree of 2^level leaves, if the size has that bit.
    pub(super) fn subtree(&self, level: u32) -> Option<Hash> {
        let is_there = self.size.checked_shr(level).is_some_and(|at_level| at_level & 1 == 1);
        let larger = self.size.checked_shr(level + 1).map_or(0, count);
        self.roots.get(larger).copied().filter(|_| is_there)
    }

    /// A frontier of parts known to belong together.
    pub(super) const fn from_parts(size: u64, roots: Vec<Hash>) -> Self {
        Self { size, roots }
    }
}

/// How many complete subtrees make up a tree of this size.
const fn count(size: u64) -> usize {
    size.count_ones() as usize
}

fn wrong_length(roots: usize, bytes: &[u8]) -> Error {
    Error::FrontierLength { expected: HEADER_LEN + roots * HASH_LEN, got: bytes.len() }
}
