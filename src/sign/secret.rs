//! 32 secret bytes that are wiped when dropped and never printed.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Error, Random, hmac_sha256, random};

/// A secret of 32 bytes: a vault key, or the root of a department's derivations. Wiped on drop, shown by no
/// formatter, comparable to nothing.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; Self::LENGTH]);

impl Secret {
    /// Bytes of a secret: as many as SHA-256 gives and AES-256 takes, so none of either's strength is lost.
    pub const LENGTH: usize = 32;

    /// A fresh secret.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        random::bytes(random).map(Self)
    }

    /// The secret of these bytes, which the caller wipes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        Self(*bytes)
    }

    /// The bytes, for storing them; whoever copies them wipes the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// HKDF-SHA256 (RFC 5869) of this secret: `context` is the extraction salt and names the purpose and its
    /// version, the concatenation of `info` says which of its keys. The output is one block of 32 bytes, so that
    /// expansion is a single HMAC, which cannot fail.
    pub(crate) fn derive(&self, context: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; Self::LENGTH]> {
        let extracted = Zeroizing::new(hmac_sha256(context, &[&self.0]));
        let block: Vec<&[u8]> = info.iter().copied().chain([&[1_u8][..]]).collect();
        Zeroizing::new(hmac_sha256(&*extracted, &block))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use ring::hkdf;

    use super::*;

    #[test]
    fn derivation_is_rfc_5869() {
        let secret = Secret::from_bytes(&[7; 32]);
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"context").extract(&[7; 32]);
        let mut expected = [0; 32];
        prk.expand(&[b"one", b"two"], hkdf::HKDF_SHA256).unwrap().fill(&mut expected).unwrap();
        assert_eq!(*secret.derive(b"context", &[b"one", b"two"]), expected);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
