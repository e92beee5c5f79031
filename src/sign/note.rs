//! The log's key, as C2SP notes want it: a named Ed25519 key.

use super::{Error, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use crate::tlog::{KeyId, KeyName, NoteSigner, NoteVerifier, VerifierKey};

/// Signs checkpoints: a key under the name of its log.
pub struct LogSigner {
    name: KeyName,
    key: SigningKey,
}

impl LogSigner {
    /// The key of the log of this origin.
    #[must_use]
    pub fn new(name: KeyName, key: SigningKey) -> Self {
        Self { name, key }
    }

    /// What verifies its signatures.
    #[must_use]
    pub fn verifier(&self) -> LogVerifier {
        LogVerifier { vkey: self.vkey(), key: self.key.verifying_key().clone() }
    }

    /// The public key, as a vkey.
    #[must_use]
    pub fn vkey(&self) -> VerifierKey {
        VerifierKey::new(self.name.clone(), *self.key.verifying_key().as_bytes())
    }
}

impl NoteSigner for LogSigner {
    fn name(&self) -> &KeyName {
        &self.name
    }

    fn key_id(&self) -> KeyId {
        self.vkey().key_id()
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        // A key in memory always signs; a signature that were empty nobody would accept.
        self.key.sign(text).unwrap_or_default()
    }
}

/// Verifies checkpoints of one log.
#[derive(Clone)]
pub struct LogVerifier {
    vkey: VerifierKey,
    key: VerifyingKey,
}

impl LogVerifier {
    /// The verifier of a vkey.
    ///
    /// # Errors
    /// [`Error::WeakKey`] for a point of small order.
    pub fn new(vkey: VerifierKey) -> Result<Self, Error> {
        let key = VerifyingKey::from_bytes(vkey.public_key())?;
        Ok(Self { vkey, key })
    }

    /// The public key.
    #[must_use]
    pub fn vkey(&self) -> &VerifierKey {
        &self.vkey
    }
}

impl NoteVerifier for LogVerifier {
    fn name(&self) -> &KeyName {
        self.vkey.name()
    }

    fn key_id(&self) -> KeyId {
        self.vkey.key_id()
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        self.key.verify(text, signature).is_ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{
        sign::Secret,
        tlog::{Checkpoint, empty_root},
    };

    #[test]
    fn checkpoint_opens_under_its_own_log_key_alone() {
        let signer = |seed| {
            LogSigner::new(
                "hub.example/log".parse().unwrap(),
                SigningKey::from_seed(&Secret::from_bytes(&seed)).unwrap(),
            )
        };
        let checkpoint = Checkpoint { origin: "hub.example/log".parse().unwrap(), size: 0, root: empty_root() };
        let note = checkpoint.sign(&signer([7; 32])).unwrap();
        assert_eq!(Checkpoint::open(&note, &signer([7; 32]).verifier()).unwrap(), checkpoint);
        assert!(Checkpoint::open(&note, &signer([8; 32]).verifier()).is_err());
    }
}
