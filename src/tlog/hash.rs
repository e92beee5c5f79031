//! The hash of the tree: SHA-256 with RFC 6962's domain separation.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::digest::{Context, SHA256};

use super::Error;

/// Length of a `Hash` in bytes: SHA-256.
pub const HASH_LEN: usize = 32;

/// What a leaf's data is prefixed with (RFC 6962 §2.1), so that no leaf can be passed off as a node.
const LEAF_PREFIX: &[u8] = &[0x00];

/// What a node's children are prefixed with (RFC 6962 §2.1).
const NODE_PREFIX: &[u8] = &[0x01];

/// The hash of a leaf, of a subtree or of a whole tree.
///
/// `Display` and [`Hash::parse`] use the base64 of checkpoints and proofs, `Debug` the hexadecimal people compare.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; HASH_LEN]);

impl Hash {
    /// Reads the canonical, padded standard base64 of a hash.
    ///
    /// # Errors
    ///
    /// [`Error::HashText`] for anything that `Hash`'s `Display` does not write.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| Error::HashText)?;
        bytes.try_into().map(Self).map_err(|_| Error::HashText)
    }

    /// The hash's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HASH_LEN] {
        &self.0
    }
}

impl From<[u8; HASH_LEN]> for Hash {
    fn from(bytes: [u8; HASH_LEN]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The hash of an entry as a leaf: `SHA-256(0x00 ‖ data)`.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    sha256(&[LEAF_PREFIX, data])
}

/// The hash of a node over its children: `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[NODE_PREFIX, &left.0, &right.0])
}

/// The root of the tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// Hashes laid end to end, the content of a tile.
///
/// # Errors
///
/// [`Error::HashLength`] if the bytes do not divide into hashes.
pub fn decode_hashes(bytes: &[u8]) -> Result<Vec<Hash>, Error> {
    let (hashes, rest) = bytes.as_chunks::<HASH_LEN>();
    if rest.is_empty() {
        Ok(hashes.iter().copied().map(Hash).collect())
    } else {
        Err(Error::HashLength { len: bytes.len() })
    }
}

/// Lays hashes end to end, the inverse of [`decode_hashes`].
#[must_use]
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// SHA-256 of parts laid end to end.
pub(super) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; HASH_LEN];
    bytes.copy_from_slice(context.finish().as_ref()); // both are 32 bytes long: `SHA256.output_len()`
    Hash(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn empty_root_and_empty_leaf_are_those_of_rfc_6962() {
        assert_eq!(format!("{:?}", empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(format!("{:?}", leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn base64_text_is_read_back_and_nothing_else_is() {
        let hash = leaf_hash(b"entry");
        let text = hash.to_string();
        assert_eq!(Hash::parse(&text), Ok(hash));
        for bad in ["", "AA==", text.trim_end_matches('='), &format!("{text}\n"), &format!(" {text}")] {
            assert_eq!(Hash::parse(bad), Err(Error::HashText), "{bad:?}");
        }
        assert_eq!(Hash::parse(&format!("{}B=", "A".repeat(42))), Err(Error::HashText), "unused bits are set");
    }

    #[test]
    fn hashes_laid_end_to_end_are_read_back() {
        let hashes: Vec<Hash> = (0..5u8).map(|n| leaf_hash(&[n])).collect();
        let bytes = encode_hashes(&hashes);
        assert_eq!(decode_hashes(&bytes), Ok(hashes));
        assert_eq!(decode_hashes(&bytes[1..]), Err(Error::HashLength { len: 159 }));
    }
}
