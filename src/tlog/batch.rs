//! The part of the tree that one batch of new leaves touches.

use super::{
    Error,
    frontier::Frontier,
    hash::{Hash, empty_root},
    merkle::{Node, check_size, complete_subtrees, join, siblings},
    tile::TILE_HEIGHT,
};

/// A tree grown by a batch: its new root, its new frontier, the proof of each new leaf and the hashes to store.
///
/// It is made from the old [`Frontier`] and the new leaf hashes alone. Every left sibling on the way from a new leaf
/// to the root either lies within the batch or is one of the frontier's subtrees, so nothing older is ever read. Each
/// node is hashed once, when the batch is added; proofs are then only picked out.
///
/// ```
/// use hutong::tlog::{BatchTree, Frontier, leaf_hash, verify_inclusion};
///
/// let old = Frontier::new();
/// let leaves = vec![leaf_hash(b"statement, outcome"), leaf_hash(b"another")];
/// let tree = BatchTree::new(&old, leaves)?;
///
/// let proof = tree.prove_inclusion(1)?;
/// verify_inclusion(&leaf_hash(b"another"), 1, tree.size(), &tree.root(), &proof)?;
/// assert_eq!(tree.frontier().root(), tree.root());
/// # Ok::<(), hutong::tlog::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BatchTree {
    first: u64,
    size: u64,
    rows: Vec<Row>,
}

/// The right end of one level of the tree, as far left as the batch's proofs reach.
#[derive(Debug, Clone)]
struct Row {
    /// Index of the first hash within its level; always even, so that the row divides into pairs of siblings.
    start: u64,
    /// The hashes from there to the end of the level; the last may stand for an incomplete subtree.
    hashes: Vec<Hash>,
}

/// Hashes to append to the stored row of one tile level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileHashes<'a> {
    /// The tile level: 0 for leaf hashes, 1 for the roots of full level-0 tiles, and so on.
    pub level: u8,
    /// Index of the first of them within the level: how many hashes the level already had.
    pub first: u64,
    /// The hashes, in order; never empty.
    pub hashes: &'a [Hash],
}

impl BatchTree {
    /// Grows the tree at this frontier by a batch of leaf hashes, in order. The batch may be empty.
    ///
    /// # Errors
    ///
    /// [`Error::TreeTooLarge`].
    pub fn new(old: &Frontier, leaves: Vec<Hash>) -> Result<Self, Error> {
        let first = old.size();
        let size = first.checked_add(leaves.len() as u64).ok_or(Error::TreeTooLarge)?;
        check_size(size)?;
        let mut rows = Vec::new();
        let mut grown = leaves;
        // The root's level is the first that holds a single node; the empty tree has no level at all.
        let height = size.checked_sub(1).map_or(0, |last| u64::BITS - last.leading_zeros() + 1);
        for level in 0..height {
            let hashes: Vec<Hash> = old.subtree(level).into_iter().chain(grown).collect();
            grown = hashes.chunks(2).filter_map(join).collect();
            rows.push(Row { start: (first >> level) & !1, hashes });
        }
        Ok(Self { first, size, rows })
    }

    /// Index of the first leaf of the batch: the size of the tree before it.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The size of the tree with the batch.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree with the batch.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.rows.last().and_then(|row| row.hashes.first()).copied().unwrap_or_else(empty_root)
    }

    /// The frontier of the tree with the batch.
    #[must_use]
    pub fn frontier(&self) -> Frontier {
        Frontier::from_parts(self.size, complete_subtrees(self.size).filter_map(|node| self.node(node)).collect())
    }

    /// The proof that a leaf of this batch is in the tree with the batch, leaf's sibling first.
    ///
    /// # Errors
    ///
    /// [`Error::IndexOutOfRange`] if the leaf is not of this batch.
    pub fn prove_inclusion(&self, index: u64) -> Result<Vec<Hash>, Error> {
        if !(self.first..self.size).contains(&index) {
            return Err(Error::IndexOutOfRange { index, first: self.first, size: self.size });
        }
        Ok(siblings(Node::leaf(index), self.size).filter_map(|sibling| self.node(sibling)).collect())
    }

    /// What the batch adds to the stored hashes, lowest tile level first.
    ///
    /// Replaying the same leaves gives the same hashes: storage may lag behind and catch up in any division of the
    /// log into batches, from a frontier read where it stopped.
    pub fn tile_hashes(&self) -> impl Iterator<Item = TileHashes<'_>> {
        self.rows.iter().step_by(TILE_HEIGHT as usize).zip(0u8..).filter_map(|(row, level)| {
            let shift = u32::from(level) * TILE_HEIGHT;
            let (first, end) = (self.first >> shift, self.size >> shift);
            let hashes = row.hashes.get(row.position(first)?..row.position(end)?)?;
            Some(TileHashes { level, first, hashes }).filter(|added| !added.hashes.is_empty())
        })
    }

    /// The hash of a node, if the batch's part of the tree reaches it. It reaches every node of the new frontier and
    /// every sibling above a leaf of the batch, since each row begins at or left of the batch's own first node there.
    fn node(&self, node: Node) -> Option<Hash> {
        let row = self.rows.get(node.level as usize)?;
        row.hashes.get(row.position(node.index)?).copied()
    }
}

impl Row {
    /// Where in the row the hash with this index of its level lies.
    fn position(&self, index: u64) -> Option<usize> {
        usize::try_from(index.checked_sub(self.start)?).ok()
    }
}
