//! Tests of the whole room: golden vectors, and independent implementations as oracles.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod hostile;
mod notes;
mod proofs;
mod tiles;
mod trees;
mod witnesses;

use std::ops::Range;

use super::*;

/// The leaf hashes of a log with the numbers as entries.
fn leaves(indexes: Range<u64>) -> Vec<Hash> {
    indexes.map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

/// A log's stored hashes in memory, a row per tile level, filled as storage would fill them.
#[derive(Default)]
struct Rows(Vec<Vec<Hash>>);

impl Rows {
    /// The rows of a log with the numbers as entries, grown in batches of this many.
    fn of_log(size: u64, batch: u64) -> Self {
        let (mut rows, mut frontier) = (Self::default(), Frontier::new());
        while frontier.size() < size {
            let next = (frontier.size() + batch).min(size);
            let tree = BatchTree::new(&frontier, leaves(frontier.size()..next)).unwrap();
            rows.append(&tree);
            frontier = tree.frontier();
        }
        rows
    }

    fn append(&mut self, tree: &BatchTree) {
        for added in tree.tile_hashes() {
            let level = usize::from(added.level);
            self.0.resize_with(self.0.len().max(level + 1), Vec::new);
            assert_eq!(self.0[level].len() as u64, added.first);
            self.0[level].extend_from_slice(added.hashes);
        }
    }
}

impl HashReader for Rows {
    type Error = Error;

    fn read(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, Error> {
        let row = self.0.get(usize::from(level)).map_or(&[][..], Vec::as_slice);
        assert_eq!(range.start / 256, (range.end - 1) / 256, "a read stays within one tile");
        let found = range.start.min(row.len() as u64) as usize..range.end.min(row.len() as u64) as usize;
        Ok(row[found].to_vec())
    }
}
