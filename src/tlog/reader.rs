//! Proofs and frontiers from stored hashes.
//!
//! Storage keeps only every eighth level of the tree, as tlog-tiles lays it out: level 0 the leaf hashes, level 1 the
//! roots of full level-0 tiles, and so on. What lies between is hashed again on the way: at most 255 nodes a tile.

use std::ops::Range;

use super::{
    Error,
    hash::Hash,
    merkle::{
        Node, check_index, check_size, check_sizes, complete_subtrees, consistency_start, root_over, siblings,
        tree_root,
    },
    tile::TILE_HEIGHT,
};

/// Access to the hashes of a log, one row of 32-byte hashes per tile level.
///
/// Hash `i` of level `L` is the root over the leaves `i·256^L .. (i+1)·256^L`, so a log of size `s` has `s / 256^L`
/// of them. Tile `N` of a level is the range `256·N .. 256·(N+1)`.
pub trait HashReader {
    /// The reader's own error; it takes in ours, so that proofs fail with one type.
    type Error: From<Error>;

    /// Reads the hashes of one tile level in this range, all of them.
    ///
    /// Ranges asked for by this room never cross a tile's bounds and are never empty.
    ///
    /// # Errors
    ///
    /// Whatever the storage says; a range past the end of what is stored must be an error.
    fn read(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, Self::Error>;
}

/// The proof that entry `index` is in the tree of `size` entries, leaf's sibling first (RFC 6962 §2.1.1).
///
/// # Errors
///
/// [`Error::TreeTooLarge`], [`Error::IndexOutOfRange`], or what the reader says.
pub fn prove_inclusion<R: HashReader>(reader: &R, index: u64, size: u64) -> Result<Vec<Hash>, R::Error> {
    check_index(index, size)?;
    siblings(Node::leaf(index), size).map(|sibling| node(reader, sibling, size)).collect()
}

/// The proof that the tree of size `new` extends the tree of size `old` (RFC 6962 §2.1.2).
///
/// It is empty if `old` is 0 or equals `new`.
///
/// # Errors
///
/// [`Error::TreeTooLarge`], [`Error::SizesReversed`], or what the reader says.
pub fn prove_consistency<R: HashReader>(reader: &R, old: u64, new: u64) -> Result<Vec<Hash>, R::Error> {
    check_sizes(old, new)?;
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let start = consistency_start(old);
    let first = Some(start).filter(|start| start.index > 0);
    first.into_iter().chain(siblings(start, new)).map(|sibling| node(reader, sibling, new)).collect()
}

/// The hashes of the complete subtrees that make up the tree of `size` leaves, largest first.
pub(super) fn read_complete_subtrees<R: HashReader>(reader: &R, size: u64) -> Result<Vec<Hash>, R::Error> {
    check_size(size)?;
    complete_subtrees(size).map(|subtree| complete_node(reader, subtree)).collect()
}

/// The hash of a node of the tree of `size` leaves, complete or at its right edge.
fn node<R: HashReader>(reader: &R, node: Node, size: u64) -> Result<Hash, R::Error> {
    if node.is_complete(size) {
        return complete_node(reader, node);
    }
    let below: Vec<Hash> = complete_subtrees(size)
        .filter(|subtree| subtree.level < node.level)
        .map(|subtree| complete_node(reader, subtree))
        .collect::<Result<_, _>>()?;
    Ok(root_over(below.iter()))
}

/// The hash of a complete node, from the stored hashes of the nearest tile level below it.
fn complete_node<R: HashReader>(reader: &R, node: Node) -> Result<Hash, R::Error> {
    let height = node.level % TILE_HEIGHT;
    let level = (node.level / TILE_HEIGHT) as u8; // below 8: a node's level is below 64
    let range = node.index << height..(node.index + 1) << height;
    let expected = range.end - range.start;
    let hashes = reader.read(level, range)?;
    if hashes.len() as u64 != expected {
        return Err(Error::ShortRead { level, expected, got: hashes.len() }.into());
    }
    Ok(tree_root(&hashes))
}
