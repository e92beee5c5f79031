//! Entry bundles of C2SP tlog-tiles: entries laid end to end, each after its length as a big-endian `u16`.

use super::{Error, tile::TILE_WIDTH};

/// The most entries in one bundle: as many as the leaf hashes of a full tile.
pub const MAX_ENTRIES: usize = TILE_WIDTH as usize;

/// The longest entry in bytes: what its 16-bit length field can say.
pub const MAX_ENTRY_LEN: usize = u16::MAX as usize;

/// Lays out the entries of one bundle.
///
/// # Errors
///
/// [`Error::BundleCount`] for none or more than [`MAX_ENTRIES`], [`Error::EntryTooLong`].
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, Error> {
    check_count(entries.len())?;
    let mut bundle = Vec::new();
    entries.iter().try_for_each(|entry| push_entry(&mut bundle, entry.as_ref()))?;
    Ok(bundle)
}

/// The entries of one bundle, borrowed from it.
///
/// # Errors
///
/// [`Error::BundleCount`] for none or more than [`MAX_ENTRIES`], [`Error::BundleTruncated`].
pub fn decode_bundle(bundle: &[u8]) -> Result<Vec<&[u8]>, Error> {
    // One more than allowed is enough to know that there are too many.
    let entries = Entries::new(bundle).take(MAX_ENTRIES + 1).collect::<Result<Vec<_>, _>>()?;
    check_count(entries.len())?;
    Ok(entries)
}

/// Appends one entry in the bundle's encoding.
///
/// # Errors
///
/// [`Error::EntryTooLong`]; the bytes are then unchanged.
pub fn push_entry(bytes: &mut Vec<u8>, entry: &[u8]) -> Result<(), Error> {
    let len = u16::try_from(entry.len()).map_err(|_| Error::EntryTooLong { len: entry.len() })?;
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(entry);
    Ok(())
}

/// The entries in bytes of the bundle's encoding, however many they are.
///
/// After an error it ends: what follows a cut cannot be told apart.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Entries<'a> {
    /// Reads entries from the first byte on.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((entry, rest)) = split_entry(self.rest) else {
            self.rest = &[];
            return Some(Err(Error::BundleTruncated { offset: self.offset }));
        };
        self.offset += self.rest.len() - rest.len();
        self.rest = rest;
        Some(Ok(entry))
    }
}

/// The first entry and what follows it.
fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*len).into())
}

fn check_count(entries: usize) -> Result<(), Error> {
    if (1..=MAX_ENTRIES).contains(&entries) { Ok(()) } else { Err(Error::BundleCount) }
}
