//! A copy of a log, read once from its beginning to its end, entry by entry.
//!
//! Every entry is hashed on the way, so that whoever reads a copy for another purpose than verifying it learns whether it is
//! what the log's key signed. Memory holds one bundle.

use crate::{
    sign::LogVerifier,
    tlog::{Checkpoint, Entries, Frontier, Hash, Note, TileKind, TilePath, leaf_hash},
};

use super::{CHECKPOINT_FILE, Error, Folder};

/// An entry where it stands in the log.
pub(super) struct Leaf<'a> {
    /// Its index.
    pub(super) index: u64,
    /// Its bytes.
    pub(super) bytes: &'a [u8],
    /// Its leaf hash.
    pub(super) hash: Hash,
    /// The tree up to and with it.
    pub(super) tree: &'a Frontier,
}

/// The checkpoint of a copy, under the log's key.
///
/// # Errors
/// [`Error::NoLog`], [`Error::Untrusted`], [`Error::Io`].
pub(super) fn checkpoint(folder: &Folder, log_key: &LogVerifier) -> Result<Checkpoint, Error> {
    let bytes = folder.read(CHECKPOINT_FILE)?.ok_or_else(|| Error::NoLog(folder.path().to_owned()))?;
    let untrusted = |source| Error::Untrusted { place: folder.name(CHECKPOINT_FILE), source };
    Checkpoint::open(&Note::parse(&bytes).map_err(untrusted)?, log_key).map_err(untrusted)
}

/// Visits every entry under a checkpoint, and gives the root over them: whoever asked compares it with the checkpoint's.
/// `progress` hears how many entries have been visited, and of how many.
///
/// # Errors
/// [`Error::Damaged`] where a bundle is missing or has another number of entries than the log's size makes; [`Error::Io`].
pub(super) fn walk(
    folder: &Folder,
    checkpoint: &Checkpoint,
    progress: &mut dyn FnMut(u64, u64),
    visit: &mut dyn FnMut(&Leaf<'_>),
) -> Result<Hash, Error> {
    let mut tree = Frontier::new();
    for bundle in 0.. {
        let Some(path) = TilePath::at_size(TileKind::Entries, bundle, checkpoint.size) else { break };
        progress(tree.size(), checkpoint.size);
        let name = path.to_string();
        let damaged = |problem: String| Error::Damaged { place: folder.name(&name), problem };
        let bytes = folder.read(&name)?.ok_or_else(|| damaged("is missing".to_owned()))?;
        for entry in Entries::new(&bytes) {
            let entry = entry.map_err(|error| damaged(error.to_string()))?;
            let (index, hash) = (tree.size(), leaf_hash(entry));
            tree.append(hash)?;
            visit(&Leaf { index, bytes: entry, hash, tree: &tree });
        }
        if tree.size() != path.range().end {
            let (found, width) = (tree.size() - path.range().start, path.width());
            return Err(damaged(format!("holds {found} entries, must hold {width}")));
        }
    }
    progress(tree.size(), checkpoint.size);
    Ok(tree.root())
}
