//! Data at rest: AES-256-GCM under a data key per file, and keys for blind indexes.
//!
//! ```text
//! file key    = HKDF-SHA256(vault key, "hutong sealing v1", "file" ‖ 0x00 ‖ file id)
//! sealed      = nonce[12] ‖ ciphertext ‖ tag[16]                 the nonce is random, never derived from a place
//! place       = u32be len(file id) ‖ file id ‖ u64be slot        the associated data: a seal moved is a seal broken
//! index key   = HKDF-SHA256(vault key, "hutong sealing v1", "blind index")
//! blind index = HMAC-SHA256(index key, label ‖ 0x00 ‖ (u32be len(part) ‖ part)…)
//! ```

use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

use super::hash::hmac_with;
use super::{Error, Random, Secret, random};

/// Bytes of the nonce before each ciphertext.
pub const NONCE_LENGTH: usize = 12;

/// Bytes that sealing adds to a plaintext: the nonce and GCM's tag.
pub const OVERHEAD: usize = NONCE_LENGTH + 16;

/// Seals one key may make. With random 96-bit nonces NIST SP 800-38D §8.3 allows 2³², which keeps the chance that two
/// are the same below 2⁻³².
pub const MAX_SEALS_PER_KEY: u64 = 1 << 32;

const CONTEXT: &[u8] = b"hutong sealing v1";

/// The key above all sealed data of a hub. It lives outside the hub's folder.
#[derive(Debug, Clone)]
pub struct VaultKey(Secret);

impl VaultKey {
    /// The vault key of this secret.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The data key of one file. `seals` is how many the file holds already, erased ones too.
    ///
    /// # Errors
    /// None in practice: [`Error::SealBroken`] is what the backend's refusal of a key of the right length is called.
    pub fn file_key(&self, file_id: &str, seals: u64) -> Result<FileKey, Error> {
        let bytes = self.0.derive(CONTEXT, &[b"file", &[0], file_id.as_bytes()]);
        let key = UnboundKey::new(&AES_256_GCM, &*bytes).map_err(|_| Error::SealBroken)?;
        Ok(FileKey { key: LessSafeKey::new(key), seals: AtomicU64::new(seals) })
    }

    /// The key of the hub's blind indexes.
    #[must_use]
    pub fn blind_index(&self) -> BlindIndex {
        BlindIndex(hmac::Key::new(hmac::HMAC_SHA256, &*self.0.derive(CONTEXT, &[b"blind index"])))
    }
}

/// The associated data of what is sealed in `slot` of a file: opened at another place, it is broken.
#[must_use]
pub fn place(file_id: &str, slot: u64) -> Vec<u8> {
    [&length(file_id.as_bytes()), file_id.as_bytes(), &slot.to_be_bytes()].concat()
}

/// A file's data key, which counts its seals.
pub struct FileKey {
    key: LessSafeKey,
    seals: AtomicU64,
}

impl FileKey {
    /// Seals `plaintext` for the place `aad` says: nonce, ciphertext, tag.
    ///
    /// # Errors
    /// [`Error::SealsExhausted`] after [`MAX_SEALS_PER_KEY`], [`Error::Randomness`]; [`Error::AboveBound`] for more
    /// than the 64 GiB that GCM can take.
    pub fn seal(&self, random: &dyn Random, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        self.count()?;
        let nonce: [u8; NONCE_LENGTH] = random::bytes(random)?;
        let mut ciphertext = plaintext.to_vec();
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut ciphertext)
            .map_err(|_| Error::AboveBound {
                what: "bytes of one seal",
                found: plaintext.len() as u64,
                bound: MAX_PLAINTEXT,
            })?;
        Ok([&nonce, ciphertext.as_slice(), tag.as_ref()].concat())
    }

    /// Opens what [`FileKey::seal`] made for the same place.
    ///
    /// # Errors
    /// [`Error::SealBroken`], whatever was changed: nothing of the plaintext is given then.
    pub fn unseal(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or(Error::SealBroken)?;
        let mut buffer = rest.to_vec();
        let plaintext = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut buffer)
            .map_err(|_| Error::SealBroken)?
            .len();
        buffer.truncate(plaintext);
        Ok(buffer)
    }

    /// How many seals the key has made, those before it was opened included.
    #[must_use]
    pub fn seals(&self) -> u64 {
        self.seals.load(Ordering::Relaxed)
    }

    fn count(&self) -> Result<(), Error> {
        // Only the number matters, nothing is published through it, hence Relaxed.
        self.seals
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |made| (made < MAX_SEALS_PER_KEY).then_some(made + 1))
            .map(drop)
            .map_err(|_| Error::SealsExhausted { bound: MAX_SEALS_PER_KEY })
    }
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileKey({} seals)", self.seals())
    }
}

/// GCM's counter has 32 bits of 16-byte blocks, two of which it uses itself.
const MAX_PLAINTEXT: u64 = ((1 << 32) - 2) * 16;

/// Makes the keys of indexes over identifiers: equal for equal identifiers, meaningless to who reads the disk.
#[derive(Debug, Clone)]
pub struct BlindIndex(hmac::Key);

impl BlindIndex {
    /// The index key of `parts`, in the index called `label`. A C string holds no zero byte, so label and parts
    /// cannot run into each other; nor can the parts, each preceded by its length.
    #[must_use]
    pub fn key(&self, label: &CStr, parts: &[&[u8]]) -> [u8; 32] {
        let mut input = label.to_bytes_with_nul().to_vec();
        for part in parts {
            input.extend_from_slice(&length(part));
            input.extend_from_slice(part);
        }
        hmac_with(&self.0, &[&input])
    }
}

/// A length prefix. Parts and file ids are identifiers; one of 4 GiB would not fit into memory limits long before.
fn length(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::sign::SystemRandomness;

    fn vault() -> VaultKey {
        VaultKey::new(Secret::from_bytes(&[9; 32]))
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_with_its_key_only() {
        let (random, key) = (SystemRandomness::new(), vault().file_key("bodies/1", 0).unwrap());
        let sealed = key.seal(&random, &place("bodies/1", 7), "张三".as_bytes()).unwrap();
        assert_eq!(sealed.len(), "张三".len() + OVERHEAD);
        assert_eq!(key.unseal(&place("bodies/1", 7), &sealed).unwrap(), "张三".as_bytes());

        assert_eq!(key.unseal(&place("bodies/1", 8), &sealed), Err(Error::SealBroken));
        let other = vault().file_key("bodies/2", 0).unwrap();
        assert_eq!(other.unseal(&place("bodies/1", 7), &sealed), Err(Error::SealBroken));
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(key.unseal(&place("bodies/1", 7), &changed), Err(Error::SealBroken));
            assert_eq!(key.unseal(&place("bodies/1", 7), &sealed[..position]), Err(Error::SealBroken));
        }
    }

    #[test]
    fn nonces_are_fresh_and_empty_plaintexts_are_fine() {
        let (random, key) = (SystemRandomness::new(), vault().file_key("f", 0).unwrap());
        let (first, second) = (key.seal(&random, b"", b"").unwrap(), key.seal(&random, b"", b"").unwrap());
        assert_ne!(first, second);
        assert_eq!(key.unseal(b"", &first).unwrap(), b"");
    }

    #[test]
    fn a_key_stops_at_its_bound() {
        let key = vault().file_key("f", MAX_SEALS_PER_KEY - 1).unwrap();
        key.seal(&SystemRandomness::new(), b"", b"last").unwrap();
        let exhausted = Err(Error::SealsExhausted { bound: MAX_SEALS_PER_KEY });
        assert_eq!(key.seal(&SystemRandomness::new(), b"", b"one more"), exhausted);
        assert_eq!(key.seals(), MAX_SEALS_PER_KEY);
    }

    #[test]
    fn blind_index_parts_do_not_run_into_each_other() {
        let index = vault().blind_index();
        let keys = [
            index.key(c"holder", &[b"ab", b"c"]),
            index.key(c"holder", &[b"a", b"bc"]),
            index.key(c"holder", &[b"abc"]),
            index.key(c"holder", &[b"abc", b""]),
            index.key(c"record", &[b"abc"]),
        ];
        for (position, key) in keys.iter().enumerate() {
            assert!(!keys[..position].contains(key));
        }
    }
}
