//! The tree: bundles against the leaf hashes, each level of tiles against the one below, the top against the checkpoint.

use std::cmp::Reverse;

use crate::tlog::{
    Checkpoint, Frontier, Hash, MAX_TILE_LEVEL, TILE_WIDTH, TileKind, TilePath, decode_hashes, tree_root,
};

use super::{Error, Fault, Folder, examine::Bundle, findings::Findings};

/// A walk over a log's bundles that checks the tree on its way.
pub(super) struct Tree<'a> {
    folder: &'a Folder,
    checkpoint: Option<Checkpoint>,
    /// Checkpoints known from elsewhere and not yet reached, the smallest last.
    known: Vec<Checkpoint>,
    size: u64,
    /// The tree over the hashes that hold.
    frontier: Frontier,
    /// For each level above the leaves, the roots of the full tiles below that are not yet compared with a tile of it.
    rows: Vec<Vec<Hash>>,
    /// How many hashes of each level were compared before those in its row.
    compared: Vec<u64>,
    /// Whether leaf hashes are missing altogether, so that what lies above them cannot be made.
    is_broken: bool,
    /// How many bundles in a row were missing with their hashes.
    missing: u64,
}

/// After so many bundles in a row of which nothing is there, nothing more is looked for: a forged checkpoint could claim 2^63
/// entries. That is a quarter of a million entries lost in one piece.
const MAX_MISSING: u64 = 1_024;

/// A tile of hashes as it was read.
pub(super) struct Tile {
    hashes: Option<Vec<Hash>>,
    /// Where it is missing or has another length than the log's size makes, the first entry below it, and what is wrong.
    problem: Option<(u64, String)>,
}

impl Tile {
    /// A tile of a log of `size` entries.
    pub(super) fn read(folder: &Folder, level: u8, index: u64, size: u64) -> Result<Self, Error> {
        let Some(path) = TilePath::at_size(TileKind::Hashes(level), index, size) else {
            return Ok(Self { hashes: None, problem: None });
        };
        let stored = folder.read(&path.to_string())?;
        let found =
            stored.as_ref().map_or_else(|| "is missing".to_owned(), |bytes| format!("has {} bytes", bytes.len()));
        let hashes = stored.and_then(|bytes| decode_hashes(&bytes).ok());
        let hashes = hashes.filter(|hashes| hashes.len() == usize::from(path.width()));
        let problem = hashes.is_none().then(|| {
            let message = format!("{path} {found}, must be {} hashes of 32 bytes", path.width());
            (first_below(level, path.range().start), message)
        });
        Ok(Self { hashes, problem })
    }

    /// The hashes, and what is wrong as a finding.
    fn open(&self, findings: &mut Findings) -> Option<&[Hash]> {
        if let Some((index, message)) = &self.problem {
            findings.add(Some(*index), Fault::TileMalformed, message.clone());
        }
        self.hashes.as_deref()
    }
}

impl<'a> Tree<'a> {
    /// The tree under a checkpoint, which must continue those known from elsewhere. Without one, the log is as long as its
    /// bundles reach.
    pub(super) fn new(
        folder: &'a Folder,
        checkpoint: Option<Checkpoint>,
        mut known: Vec<Checkpoint>,
    ) -> Result<Self, Error> {
        let size = match &checkpoint {
            Some(checkpoint) => checkpoint.size,
            None => found_size(folder),
        };
        if size == 0 && checkpoint.is_none() {
            return Err(Error::NoLog(folder.path().to_owned()));
        }
        // The empty log is the beginning of any.
        known.retain(|known| known.size > 0);
        known.sort_by_key(|known| Reverse(known.size));
        Ok(Self {
            folder,
            checkpoint,
            known,
            size,
            frontier: Frontier::new(),
            rows: vec![Vec::new(); usize::from(MAX_TILE_LEVEL)],
            compared: vec![0; usize::from(MAX_TILE_LEVEL)],
            is_broken: false,
            missing: 0,
        })
    }

    /// How many entries the log has.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Checks the next bundle. Gives for each of its entries whether it is the one that the log sealed; `None` where so much
    /// is missing that nothing more is looked for.
    pub(super) fn take(&mut self, bundle: &Bundle, findings: &mut Findings) -> Result<Option<Vec<bool>>, Error> {
        let (path, read) = (bundle.path, bundle.leaves.as_slice());
        let (first, width) = (path.range().start, path.width());
        if self.missing > MAX_MISSING {
            let message = format!("nothing is there of {} bundles in a row; the rest was not looked for", self.missing);
            findings.add(Some(first), Fault::BundleMalformed, message);
            return Ok(None);
        }
        if bundle.count != usize::from(width) || !bundle.is_whole {
            // Of a missing or cut bundle the first entry that is not there; of a long one the first too many.
            let index = first + read.len() as u64;
            let message =
                format!("{path} holds {} whole entries in {} bytes, must be {width}", bundle.count, bundle.len);
            findings.add(Some(index), Fault::BundleMalformed, message);
        }
        let hashes = bundle.hashes.open(findings);
        self.settle(read, hashes, first, width, findings).map(Some)
    }

    /// Compares the entries of a bundle with their tile of hashes, and says which of the two is at fault. Gives for each entry
    /// whether it is what the tree holds.
    fn settle(
        &mut self,
        read: &[Hash],
        hashes: Option<&[Hash]>,
        first: u64,
        width: u16,
        findings: &mut Findings,
    ) -> Result<Vec<bool>, Error> {
        let width = usize::from(width);
        let whole = Some(read).filter(|read| read.len() == width);
        let mut sealed = vec![true; read.len().min(width)];
        sealed.resize(width, false);
        self.missing = if read.is_empty() && hashes.is_none() { self.missing + 1 } else { 0 };
        let chosen = match (hashes, whole) {
            (Some(hashes), Some(whole))
                if hashes != whole && self.fits(first, whole)? && !self.fits(first, hashes)? =>
            {
                differences(whole, hashes).for_each(|(position, found, stated)| {
                    let message = format!("the tile has {stated}, the entry and the tree above have {found}");
                    findings.add(Some(first + position as u64), Fault::TileHash, message);
                });
                whole
            }
            (Some(hashes), _) => {
                differences(read, hashes).for_each(|(position, found, stated)| {
                    sealed.get_mut(position).into_iter().for_each(|sealed| *sealed = false);
                    let message = format!("the entry hashes to {found}, the tree has {stated}");
                    findings.add(Some(first + position as u64), Fault::LeafHash, message);
                });
                hashes
            }
            (None, Some(whole)) => whole,
            (None, None) => {
                self.is_broken = true;
                return Ok(sealed);
            }
        };
        chosen.iter().try_for_each(|leaf| self.append(*leaf, findings))?;
        self.raise(0, chosen, findings)?;
        Ok(sealed)
    }

    /// Appends a leaf, and compares the tree with what was known of it at its new size.
    fn append(&mut self, leaf: Hash, findings: &mut Findings) -> Result<(), Error> {
        self.frontier.append(leaf)?;
        if self.is_broken {
            return Ok(());
        }
        while let Some(known) = self.known.pop_if(|known| known.size == self.frontier.size()) {
            let root = self.frontier.root();
            if known.root != root {
                let message = format!(
                    "its first {} entries have root {root}; the log's key signed {} for them before",
                    known.size, known.root
                );
                findings.add(None, Fault::LogForked, message);
            }
        }
        Ok(())
    }

    /// Whether leaf hashes fit what lies above them: the next level's tile, or, where they do not fill a tile, the root.
    fn fits(&self, first: u64, leaves: &[Hash]) -> Result<bool, Error> {
        let width = u64::from(TILE_WIDTH);
        if leaves.len() as u64 == width {
            let index = first / width;
            let Some(path) = TilePath::at_size(TileKind::Hashes(1), index / width, self.size) else { return Ok(false) };
            let hashes = self.folder.read(&path.to_string())?.and_then(|bytes| decode_hashes(&bytes).ok());
            let above = hashes.and_then(|hashes| hashes.get((index % width) as usize).copied());
            return Ok(above == Some(tree_root(leaves)));
        }
        let mut frontier = self.frontier.clone();
        leaves.iter().try_for_each(|leaf| frontier.append(*leaf))?;
        Ok(self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.root == frontier.root()))
    }

    /// Takes the root of a full tile into the level above, and compares that level's tile once it is full.
    fn raise(&mut self, level: u8, hashes: &[Hash], findings: &mut Findings) -> Result<(), Error> {
        let Some(row) = self.rows.get_mut(usize::from(level)) else { return Ok(()) };
        if hashes.len() < usize::from(TILE_WIDTH) || self.is_broken {
            return Ok(());
        }
        row.push(tree_root(hashes));
        if row.len() == usize::from(TILE_WIDTH) {
            self.compare(level + 1, findings)?;
        }
        Ok(())
    }

    /// Compares the pending hashes of a level with its tile.
    fn compare(&mut self, level: u8, findings: &mut Findings) -> Result<(), Error> {
        let at = usize::from(level) - 1;
        let made = self.rows.get_mut(at).map(std::mem::take).unwrap_or_default();
        let compared = self.compared.get(at).copied().unwrap_or_default();
        if let Some(compared) = self.compared.get_mut(at) {
            *compared += made.len() as u64;
        }
        let tile = Tile::read(self.folder, level, compared / u64::from(TILE_WIDTH), self.size)?;
        let Some(stored) = tile.open(findings) else {
            return self.raise(level, &made, findings);
        };
        for (position, (stored, made)) in
            stored.iter().zip(&made).enumerate().filter(|(_, (stored, made))| stored != made)
        {
            let index = first_below(level, compared + position as u64);
            let message = format!("tile/{level} has {stored} for the entries from {index} on, they make {made}");
            findings.add(Some(index), Fault::TileHash, message);
        }
        self.raise(level, &made, findings)
    }

    /// Compares what is left above, and the root. Gives the checkpoint's root, or the one found where there is none.
    pub(super) fn finish(mut self, findings: &mut Findings) -> Result<Hash, Error> {
        if self.is_broken {
            // What is missing was found; over the rest there is no root to compare.
            return Ok(self.checkpoint.map_or_else(|| self.frontier.root(), |checkpoint| checkpoint.root));
        }
        for level in 1..=MAX_TILE_LEVEL {
            if self.rows.get(usize::from(level) - 1).is_some_and(|row| !row.is_empty()) {
                self.compare(level, findings)?;
            }
        }
        for known in &self.known {
            let message =
                format!("it has {} entries; the log's key signed {} before", self.frontier.size(), known.size);
            findings.add(None, Fault::LogTruncated, message);
        }
        let root = self.frontier.root();
        let Some(checkpoint) = self.checkpoint else { return Ok(root) };
        if (self.frontier.size(), root) != (checkpoint.size, checkpoint.root) {
            let message = format!(
                "the tree over {} entries has root {root}, the checkpoint says {} entries with root {}",
                self.frontier.size(),
                checkpoint.size,
                checkpoint.root
            );
            findings.add(None, Fault::RootMismatch, message);
        }
        Ok(checkpoint.root)
    }
}

/// The first entry below a hash of a level.
fn first_below(level: u8, index: u64) -> u64 {
    index.checked_shl(u32::from(level) * crate::tlog::TILE_HEIGHT).unwrap_or(u64::MAX)
}

/// Where two rows of hashes differ, as far as both reach.
fn differences<'a>(found: &'a [Hash], stated: &'a [Hash]) -> impl Iterator<Item = (usize, &'a Hash, &'a Hash)> {
    found.iter().zip(stated).enumerate().filter(|(_, (found, stated))| found != stated).map(|(i, (f, s))| (i, f, s))
}

/// How many entries a folder without a checkpoint has: its full bundles, and the widest partial one after them.
fn found_size(folder: &Folder) -> u64 {
    let width = u64::from(TILE_WIDTH);
    let there =
        |index: u64, size: u64| TilePath::at_size(TileKind::Entries, index, size).is_some_and(|tile| folder.has(&tile));
    let full = (0..).take_while(|index: &u64| there(*index, (index + 1) * width)).count() as u64;
    let partial = (1..width).rev().find(|part| there(full, full * width + part)).unwrap_or(0);
    full * width + partial
}
