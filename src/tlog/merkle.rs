//! The Merkle tree of RFC 6962 §2.1 (RFC 9162 keeps the same tree): its shape and its proofs.
//!
//! The tree of `n` leaves is drawn here level by level. Level 0 holds the leaf hashes; level `k` holds one hash for
//! each run of 2ᵏ leaves that begins at a multiple of 2ᵏ. Only the last hash of a level can stand for fewer leaves;
//! where it would have no sibling it rises to the next level unchanged. That is the RFC's split at the largest power
//! of two smaller than `n`, seen from below:
//!
//! ```text
//! level 3              root
//!                 ┌─────┴─────┐
//! level 2        0-3         4-6           n = 7
//!              ┌──┴──┐     ┌──┴──┐
//! level 1     0-1   2-3   4-5    6         6 rises: it has no sibling
//!             ┌┴┐   ┌┴┐   ┌┴┐    │
//! level 0     0 1   2 3   4 5    6
//! ```
//!
//! A proof is then nothing but the siblings on the way up, lowest first ([`siblings`]). All four operations, proving
//! and verifying of inclusion and of consistency, walk that one path.
//!
//! Nothing here reads storage or knows about tiles: see [`reader`](super::reader) for that.

use super::{
    Error,
    hash::{Hash, empty_root, node_hash},
};

/// The largest tree: 2⁶³ − 1 leaves, as Go's tools and SQL count in signed 64-bit integers.
///
/// At 10,000 entries a second that is 29 million years. It keeps every shift and sum on sizes from overflowing.
pub const MAX_TREE_SIZE: u64 = i64::MAX as u64;

/// The most hashes an inclusion proof can have: a leaf of the largest tree lies 63 levels below its root.
pub const MAX_INCLUSION_HASHES: usize = 63;

/// One node of the drawing above: the hash over the leaves `index·2^level .. (index+1)·2^level`, as far as they exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    /// Height above the leaves.
    pub(super) level: u32,
    /// Position within the level, from the left.
    pub(super) index: u64,
}

impl Node {
    /// The leaf with this index in the log.
    pub(super) const fn leaf(index: u64) -> Self {
        Self { level: 0, index }
    }

    /// Whether the node is its parent's left child.
    pub(super) const fn is_left(self) -> bool {
        self.index.is_multiple_of(2)
    }

    /// Whether all 2^level leaves below the node exist in the tree of this size, so that its hash never changes again.
    pub(super) const fn is_complete(self, size: u64) -> bool {
        self.index < size >> self.level
    }

    /// The other child of the node's parent, whether or not it exists.
    const fn sibling(self) -> Self {
        Self { level: self.level, index: self.index ^ 1 }
    }

    /// The node above.
    const fn parent(self) -> Self {
        Self { level: self.level + 1, index: self.index / 2 }
    }
}

/// The siblings met on the way from a node up to the root of the tree of `size` leaves, lowest first.
///
/// A node at the right edge may have no sibling; it then rises and meets one higher up. The node must exist in the
/// tree, which must not be empty nor larger than [`MAX_TREE_SIZE`].
pub(super) fn siblings(node: Node, size: u64) -> impl Iterator<Item = Node> {
    let last_at = move |level: u32| (size - 1) >> level;
    std::iter::successors(Some(node), |node| Some(node.parent()))
        .take_while(move |node| last_at(node.level) > 0)
        .map(Node::sibling)
        .filter(move |sibling| sibling.index <= last_at(sibling.level))
}

/// The complete subtrees, largest first, that together are the tree of `size` leaves: one for each bit set in `size`.
pub(super) fn complete_subtrees(size: u64) -> impl DoubleEndedIterator<Item = Node> {
    (0..u64::BITS)
        .rev()
        .filter(move |level| (size >> level) & 1 == 1)
        .map(move |level| Node { level, index: (size >> level) - 1 })
}

/// The root over the complete subtrees of a tree, largest first; of none, the empty root.
pub(super) fn root_over<'a>(subtrees: impl DoubleEndedIterator<Item = &'a Hash>) -> Hash {
    subtrees.rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
}

/// How a consistency proof from a tree of size `old` begins: at the last complete subtree of the older tree.
///
/// If that is the whole older tree, its hash is the older root and the proof leaves it out.
pub(super) fn consistency_start(old: u64) -> Node {
    let level = old.trailing_zeros();
    Node { level, index: (old >> level) - 1 }
}

/// The root of the tree over these leaf hashes, or of a subtree over the hashes of one level.
#[must_use]
pub fn tree_root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.chunks(2).filter_map(join).collect();
    }
    row.first().copied().unwrap_or_else(empty_root)
}

/// A parent's hash over its one or two children: a lone child rises unchanged.
pub(super) fn join(children: &[Hash]) -> Option<Hash> {
    match children {
        [left, right] => Some(node_hash(left, right)),
        [alone] => Some(*alone),
        _ => None,
    }
}

/// Verifies that a leaf is at `index` of the tree of `size` leaves with this root (RFC 9162 §2.1.3.2).
///
/// # Errors
///
/// [`Error::TreeTooLarge`], [`Error::IndexOutOfRange`], [`Error::ProofLength`] if the proof cannot be one for this
/// place; [`Error::NotIncluded`] if it does not lead to the root.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, root: &Hash, proof: &[Hash]) -> Result<(), Error> {
    check_index(index, size)?;
    check_length(siblings(Node::leaf(index), size).count(), proof.len())?;
    let reached = siblings(Node::leaf(index), size).zip(proof).fold(*leaf, |below, (sibling, hash)| {
        if sibling.is_left() { node_hash(hash, &below) } else { node_hash(&below, hash) }
    });
    if reached == *root { Ok(()) } else { Err(Error::NotIncluded { index, size }) }
}

/// Verifies that the tree of size `new` has the tree of size `old` as its beginning (RFC 9162 §2.1.4.2).
///
/// Every tree extends the empty one, and itself; both take an empty proof.
///
/// # Errors
///
/// [`Error::TreeTooLarge`], [`Error::SizesReversed`], [`Error::ProofLength`] if the proof cannot be one for these
/// sizes; [`Error::Inconsistent`] if it does not lead to both roots.
pub fn verify_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, proof: &[Hash]) -> Result<(), Error> {
    check_sizes(old, new)?;
    let agree = if old == 0 || old == new {
        check_length(0, proof.len())?;
        (old > 0 || *old_root == empty_root()) && (old < new || old_root == new_root)
    } else {
        roots_by_consistency(old, old_root, new, proof)? == (*old_root, *new_root)
    };
    if agree { Ok(()) } else { Err(Error::Inconsistent { old, new }) }
}

/// The older and newer root that a consistency proof between non-trivial sizes leads to.
fn roots_by_consistency(old: u64, old_root: &Hash, new: u64, proof: &[Hash]) -> Result<(Hash, Hash), Error> {
    let start = consistency_start(old);
    let whole_old_tree = start.index == 0;
    let expected = siblings(start, new).count() + usize::from(!whole_old_tree);
    check_length(expected, proof.len())?;

    let (first, path) = match proof.split_first() {
        Some((first, path)) if !whole_old_tree => (first, path),
        _ => (old_root, proof),
    };
    // A left sibling belongs to both trees, a right one lies beyond the end of the older.
    let climb = |(old_side, new_side): (Hash, Hash), (sibling, hash): (Node, &Hash)| {
        if sibling.is_left() {
            (node_hash(hash, &old_side), node_hash(hash, &new_side))
        } else {
            (old_side, node_hash(&new_side, hash))
        }
    };
    Ok(siblings(start, new).zip(path).fold((*first, *first), climb))
}

/// Refuses sizes on which arithmetic could overflow.
pub(super) fn check_size(size: u64) -> Result<(), Error> {
    if size <= MAX_TREE_SIZE { Ok(()) } else { Err(Error::TreeTooLarge) }
}

/// Refuses an index outside the tree.
pub(super) fn check_index(index: u64, size: u64) -> Result<(), Error> {
    check_size(size)?;
    if index < size { Ok(()) } else { Err(Error::IndexOutOfRange { index, first: 0, size }) }
}

/// Refuses a tree that shrinks.
pub(super) fn check_sizes(old: u64, new: u64) -> Result<(), Error> {
    check_size(new)?;
    if old <= new { Ok(()) } else { Err(Error::SizesReversed { old, new }) }
}

fn check_length(expected: usize, got: usize) -> Result<(), Error> {
    if expected == got { Ok(()) } else { Err(Error::ProofLength { expected, got }) }
}
