//! The tree: bundles against the leaf hashes, each level of tiles against the one below, the top against the checkpoint.

use crate::tlog::{
    Checkpoint, Entries, Frontier, Hash, MAX_TILE_LEVEL, TILE_WIDTH, TileKind, TilePath, decode_hashes, leaf_hash,
    tree_root,
};

use super::{Error, Fault, Finding, Folder};

/// A walk over a log's bundles that checks the tree on its way.
pub(super) struct Tree<'a> {
    folder: &'a Folder,
    checkpoint: Option<Checkpoint>,
    size: u64,
    next: u64,
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

/// The entries of one bundle.
pub(super) struct Bundle {
    first: u64,
    bytes: Vec<u8>,
    width: u16,
    /// For each entry whether it is what the tree holds.
    sealed: Vec<bool>,
}

impl Bundle {
    /// Each entry with its index, and whether it is the one that the log sealed. Missing ones are empty.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, &[u8], bool)> {
        let entries = Entries::new(&self.bytes).map(Result::unwrap_or_default).chain(std::iter::repeat(&[][..]));
        (self.first..self.end()).zip(entries).zip(&self.sealed).map(|((index, entry), sealed)| (index, entry, *sealed))
    }

    /// The index after the last.
    pub(super) fn end(&self) -> u64 {
        self.first + u64::from(self.width)
    }
}

impl<'a> Tree<'a> {
    /// The tree under a checkpoint. Without one, the log is as long as its bundles reach.
    pub(super) fn new(folder: &'a Folder, checkpoint: Option<Checkpoint>) -> Result<Self, Error> {
        let size = match &checkpoint {
            Some(checkpoint) => checkpoint.size,
            None => found_size(folder),
        };
        if size == 0 && checkpoint.is_none() {
            return Err(Error::NoLog(folder.path().to_owned()));
        }
        Ok(Self {
            folder,
            checkpoint,
            size,
            next: 0,
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

    /// Reads and checks the next bundle; `None` after the last.
    pub(super) fn next_bundle(&mut self, findings: &mut Vec<Finding>) -> Result<Option<Bundle>, Error> {
        let Some(path) = TilePath::at_size(TileKind::Entries, self.next, self.size) else { return Ok(None) };
        let (first, width) = (path.range().start, path.width());
        if self.missing > MAX_MISSING {
            let message = format!("nothing is there of {} bundles in a row; the rest was not looked for", self.missing);
            findings.push(Finding { index: Some(first), rule: Fault::BundleMalformed, message, entry: None });
            return Ok(None);
        }
        let bytes = self.folder.read(&path.to_string())?.unwrap_or_default();
        let read: Vec<Hash> = Entries::new(&bytes).map_while(Result::ok).map(leaf_hash).collect();
        if read.len() != usize::from(width) || Entries::new(&bytes).any(|entry| entry.is_err()) {
            // Of a missing or cut bundle the first entry that is not there; of a long one the first too many.
            let index = first + read.len().min(usize::from(width)) as u64;
            let message =
                format!("{path} holds {} whole entries in {} bytes, must be {width}", read.len(), bytes.len());
            findings.push(Finding { index: Some(index), rule: Fault::BundleMalformed, message, entry: None });
        }
        let hashes = self.tile(0, self.next, findings)?;
        let sealed = self.settle(&read, hashes.as_deref(), first, width, findings)?;
        self.next += 1;
        Ok(Some(Bundle { first, bytes, width, sealed }))
    }

    /// Compares the entries of a bundle with their tile of hashes, and says which of the two is at fault. Gives for each entry
    /// whether it is what the tree holds.
    fn settle(
        &mut self,
        read: &[Hash],
        hashes: Option<&[Hash]>,
        first: u64,
        width: u16,
        findings: &mut Vec<Finding>,
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
                    let index = Some(first + position as u64);
                    findings.push(Finding { index, rule: Fault::TileHash, message, entry: None });
                });
                whole
            }
            (Some(hashes), _) => {
                differences(read, hashes).for_each(|(position, found, stated)| {
                    sealed.get_mut(position).into_iter().for_each(|sealed| *sealed = false);
                    let message = format!("the entry hashes to {found}, the tree has {stated}");
                    let index = Some(first + position as u64);
                    findings.push(Finding { index, rule: Fault::LeafHash, message, entry: None });
                });
                hashes
            }
            (None, Some(whole)) => whole,
            (None, None) => {
                self.is_broken = true;
                return Ok(sealed);
            }
        };
        for leaf in chosen {
            self.frontier.append(*leaf)?;
        }
        self.raise(0, chosen, findings)?;
        Ok(sealed)
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
    fn raise(&mut self, level: u8, hashes: &[Hash], findings: &mut Vec<Finding>) -> Result<(), Error> {
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
    fn compare(&mut self, level: u8, findings: &mut Vec<Finding>) -> Result<(), Error> {
        let at = usize::from(level) - 1;
        let made = self.rows.get_mut(at).map(std::mem::take).unwrap_or_default();
        let compared = self.compared.get(at).copied().unwrap_or_default();
        if let Some(compared) = self.compared.get_mut(at) {
            *compared += made.len() as u64;
        }
        let Some(stored) = self.tile(level, compared / u64::from(TILE_WIDTH), findings)? else {
            return self.raise(level, &made, findings);
        };
        for (position, (stored, made)) in
            stored.iter().zip(&made).enumerate().filter(|(_, (stored, made))| stored != made)
        {
            let index = first_below(level, compared + position as u64);
            let message = format!("tile/{level} has {stored} for the entries from {index} on, they make {made}");
            findings.push(Finding { index: Some(index), rule: Fault::TileHash, message, entry: None });
        }
        self.raise(level, &made, findings)
    }

    /// A tile of hashes at the log's size; `None`, with a finding, where it is missing or has another length.
    fn tile(&self, level: u8, index: u64, findings: &mut Vec<Finding>) -> Result<Option<Vec<Hash>>, Error> {
        let Some(path) = TilePath::at_size(TileKind::Hashes(level), index, self.size) else { return Ok(None) };
        let stored = self.folder.read(&path.to_string())?;
        let len = stored.as_ref().map(Vec::len);
        match stored
            .and_then(|bytes| decode_hashes(&bytes).ok())
            .filter(|hashes| hashes.len() == usize::from(path.width()))
        {
            Some(hashes) => Ok(Some(hashes)),
            None => {
                let found = len.map_or_else(|| "is missing".to_owned(), |len| format!("has {len} bytes"));
                let message = format!("{path} {found}, must be {} hashes of 32 bytes", path.width());
                let index = Some(first_below(level, path.range().start));
                findings.push(Finding { index, rule: Fault::TileMalformed, message, entry: None });
                Ok(None)
            }
        }
    }

    /// Compares what is left above, and the root. Gives the checkpoint's root, or the one found where there is none.
    pub(super) fn finish(mut self, findings: &mut Vec<Finding>) -> Result<Hash, Error> {
        if self.is_broken {
            // What is missing was found; over the rest there is no root to compare.
            return Ok(self.checkpoint.map_or_else(|| self.frontier.root(), |checkpoint| checkpoint.root));
        }
        for level in 1..=MAX_TILE_LEVEL {
            if self.rows.get(usize::from(level) - 1).is_some_and(|row| !row.is_empty()) {
                self.compare(level, findings)?;
            }
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
            findings.push(Finding { index: None, rule: Fault::RootMismatch, message, entry: None });
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
