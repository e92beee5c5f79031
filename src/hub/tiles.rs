//! The log as its tiles: what outsiders read it by.

use crate::{
    domain::{directory::Capability, id::SystemId},
    tlog::{TileKind, TilePath, encode_bundle, encode_hashes},
};

use super::{Error, Hub};

impl Hub {
    /// Whether a peer is registered.
    ///
    /// # Errors
    /// When it is not.
    pub fn registered(&self, peer: &SystemId) -> Result<(), Error> {
        self.known_peer(peer).map(drop)
    }

    /// Whether a peer may see how the hub is doing: administrators and auditors.
    ///
    /// # Errors
    /// When it may not.
    pub fn operated(&self, peer: &SystemId) -> Result<(), Error> {
        let directory = &self.known_peer(peer)?.rules.directory;
        let may = [Capability::Administer, Capability::Audit].iter().any(|needed| directory.holds(peer, *needed));
        if may { Ok(()) } else { Err(Error::NotAllowed(Capability::Administer)) }
    }

    /// The content of a tile of hashes, or of a bundle of entries; none where the log has none so wide. A narrower one than
    /// the log has is the beginning of it, so that every width that was ever promised is there. Blocks.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn tile(&self, tile: &TilePath) -> Result<Option<Vec<u8>>, Error> {
        let there = TilePath::at_size(tile.kind(), tile.index(), self.snapshot().size);
        if there.is_none_or(|there| there.width() < tile.width()) {
            return Ok(None);
        }
        let range = tile.range();
        match tile.kind() {
            TileKind::Hashes(level) => Ok(Some(encode_hashes(&self.reader.hashes(level, range)?))),
            TileKind::Entries => {
                let entries = self.reader.entries(range.start, range.end, usize::MAX)?;
                if entries.len() != usize::from(tile.width()) {
                    return Err(Error::Inconsistent(format!("{} entries were read for {tile}", entries.len())));
                }
                Ok(Some(encode_bundle(&entries)?))
            }
        }
    }
}
