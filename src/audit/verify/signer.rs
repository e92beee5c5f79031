//! Who signed a statement.

use std::collections::HashMap;

use crate::{
    domain::{
        id::{KeyId, SystemId},
        rules::Rules,
    },
    sign::{VerifyingKey, dsse},
    wire,
};

use super::{Fault, replay::Found};

/// The keys of the directory, ready to verify with.
#[derive(Default)]
pub(super) struct Keys(HashMap<KeyId, VerifyingKey>);

/// The key that signed a statement.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    /// Its thumbprint; `None` where no key registered for the actor signed, which is a finding.
    pub(super) kid: Option<KeyId>,
    /// The key itself.
    pub(super) key: Option<VerifyingKey>,
}

impl Keys {
    /// Checks that a statement carries exactly one signature, by a key registered for its actor before this entry. Whether the
    /// key was retired since is a matter of the decision.
    pub(super) fn check(
        &mut self,
        rules: &Rules,
        envelope: &dsse::Envelope,
        actor: &SystemId,
        found: &mut Found,
    ) -> Signer {
        let nobody = Signer { kid: None, key: None };
        let kid = match envelope.signatures.as_slice() {
            [signature] => wire::kid_from_text(&signature.keyid),
            _ => None,
        };
        let Some(kid) = kid else {
            let count = envelope.signatures.len();
            found.add(Fault::SignatureMissing, format!("it has {count} signatures, must have one that names its key"));
            return nobody;
        };
        let text = wire::kid_to_text(&kid);
        let Some(registered) = rules.directory.keys.get(&kid) else {
            found.add(Fault::KeyUnknown, format!("key {text} is not registered at this point of the log"));
            return nobody;
        };
        if registered.system != *actor {
            found.add(Fault::KeyForeign, format!("key {text} is registered for {}", registered.system));
            return nobody;
        }
        let Some(key) = self.key(kid, &registered.public_key) else {
            found.add(Fault::KeyUnknown, format!("key {text} is registered with bytes that are no key"));
            return nobody;
        };
        match envelope.verify_sole(&key) {
            Ok(_) => Signer { kid: Some(kid), key: Some(key) },
            Err(error) => {
                found.add(Fault::SignatureInvalid, error.to_string());
                nobody
            }
        }
    }

    fn key(&mut self, kid: KeyId, public_key: &[u8; 32]) -> Option<VerifyingKey> {
        if let Some(key) = self.0.get(&kid) {
            return Some(key.clone());
        }
        let key = VerifyingKey::from_bytes(public_key).ok().filter(|key| *key.thumbprint() == kid.0)?;
        self.0.insert(kid, key.clone());
        Some(key)
    }
}
