//! One bundle, looked at as far as nothing before it matters: bytes, hashes, form, signatures. This is nearly all of the work,
//! and any number of threads can do it side by side.

use crate::{
    domain::{id::Digest, statement::Statement},
    sign::sha256,
    tlog::{Entries, Hash, TileKind, TilePath, leaf_hash},
    wire::{Entry, Malformed},
};

use super::{
    Error, Folder,
    signer::{self, Keys, Signature},
    tree::Tile,
};

/// A bundle that was looked at.
pub(super) struct Bundle {
    /// Where it is.
    pub(super) path: TilePath,
    /// How many bytes it has.
    pub(super) len: usize,
    /// How many whole entries stand in it.
    pub(super) count: usize,
    /// Whether it is nothing but whole entries.
    pub(super) is_whole: bool,
    /// The hash of each entry, of at most as many as belong there.
    pub(super) leaves: Vec<Hash>,
    /// These entries.
    pub(super) entries: Vec<Content>,
    /// The hashes of its entries as the tree has them.
    pub(super) hashes: Tile,
}

/// What the bytes of an entry turned out to be.
pub(super) enum Content {
    /// No entry.
    Unreadable(Malformed),
    /// An entry whose statement does not read.
    Unread(Entry, Malformed),
    /// What the hub tells of itself: an entry without a statement.
    Noted(Entry),
    /// An entry with a statement.
    Read(Box<Read>),
}

/// An entry with a statement that reads.
pub(super) struct Read {
    pub(super) entry: Entry,
    pub(super) statement: Statement,
    /// The SHA-256 of the statement's payload.
    pub(super) payload: Digest,
    pub(super) signature: Signature,
}

/// Looks at a bundle of a log of `size` entries; `None` after the last.
pub(super) fn examine(folder: &Folder, keys: &Keys, number: u64, size: u64) -> Result<Option<Bundle>, Error> {
    let Some(path) = TilePath::at_size(TileKind::Entries, number, size) else { return Ok(None) };
    let bytes = folder.read(&path.to_string())?.unwrap_or_default();
    // What is more than belongs here stands nowhere in the tree.
    let entries = || Entries::new(&bytes).map_while(Result::ok).take(path.width().into());
    Ok(Some(Bundle {
        path,
        len: bytes.len(),
        count: Entries::new(&bytes).filter(Result::is_ok).count(),
        is_whole: Entries::new(&bytes).all(|entry| entry.is_ok()),
        leaves: entries().map(leaf_hash).collect(),
        entries: entries().map(|entry| read(keys, entry)).collect(),
        hashes: Tile::read(folder, 0, number, size)?,
    }))
}

fn read(keys: &Keys, bytes: &[u8]) -> Content {
    let entry = match Entry::decode(bytes) {
        Ok(entry) => entry,
        Err(error) => return Content::Unreadable(error),
    };
    let statement = match entry.statement() {
        Ok(statement) => statement,
        Err(error) => return Content::Unread(entry, error),
    };
    let (Some(statement), Some(envelope)) = (statement, &entry.envelope) else { return Content::Noted(entry) };
    keys.learn(&statement, &entry.outcome);
    let payload = Digest(sha256(&envelope.payload));
    let signature = signer::verify(keys, envelope);
    Content::Read(Box::new(Read { entry, statement, payload, signature }))
}
