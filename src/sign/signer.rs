//! Signing and verifying behind two traits. The algorithm is named by the key, never guessed from the signature.

use super::Error;

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 (RFC 8032), called `EdDSA` in JOSE (RFC 8037).
    EdDsa,
    /// SM2 with SM3 (GB/T 32918), object identifier 1.2.156.10197.1.501: of e-seals and their certificates, not of statements.
    Sm2WithSm3,
}

impl Algorithm {
    /// The name: in a JOSE header and in the directory, where statements and records have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Sm2WithSm3 => "SM2-with-SM3",
        }
    }

    /// The algorithm of statements and records that has this exact name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        (name == Self::EdDsa.name()).then_some(Self::EdDsa)
    }
}

/// What makes signatures: a key in memory, or one in a device.
pub trait Signer: Send + Sync {
    /// The algorithm of every signature made.
    fn algorithm(&self) -> Algorithm;

    /// The key's RFC 7638 thumbprint, base64url.
    fn kid(&self) -> &str;

    /// Signs `message`, which carries its own context (a PAE, a JWS signing input).
    ///
    /// # Errors
    /// When the key cannot be used; a key in memory always can.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error>;
}

/// What checks the signatures of one key.
pub trait Verifier: Send + Sync {
    /// The only algorithm this key's signatures have.
    fn algorithm(&self) -> Algorithm;

    /// The key's RFC 7638 thumbprint, base64url.
    fn kid(&self) -> &str;

    /// Checks that `signature` is this key's over exactly `message`.
    ///
    /// # Errors
    /// [`Error::Signature`] when it is not.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error>;
}
