//! Who signed a statement: verified side by side, judged in the order of the log.
//!
//! A key's thumbprint says which public key it is of, wherever in the log it was registered. So whether a signature verifies can
//! be found out before it is known whether the key was registered, and for whom, at that point of the log; that is judged as
//! the replay gets there.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    domain::{
        id::{KeyId, SystemId},
        outcome::{Effect, Outcome},
        rules::Rules,
        statement::{RuleChange, Statement},
    },
    sign::{self, BusyKey, Room, VerifyingKey, dsse},
    wire,
};

use super::{Fault, replay::Found};

/// How many keys are made ready for many verifications, 220 kB each: the busiest systems of a city, in 14 MB however many keys the
/// log has.
const MAX_PREPARED: usize = 64;

/// The keys met so far, ready to verify with, for all threads.
pub(super) struct Keys {
    met: RwLock<HashMap<KeyId, Arc<BusyKey>>>,
    room: Arc<Room>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { met: RwLock::default(), room: Room::of(MAX_PREPARED) }
    }
}

impl Keys {
    fn get(&self, kid: &KeyId) -> Option<Arc<BusyKey>> {
        self.met.read().unwrap_or_else(PoisonError::into_inner).get(kid).cloned()
    }

    fn insert(&self, kid: KeyId, public_key: &[u8; 32]) -> Option<Arc<BusyKey>> {
        let plain = VerifyingKey::from_bytes(public_key).ok().filter(|key| *key.thumbprint() == kid.0)?;
        let mut met = self.met.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(met.entry(kid).or_insert_with(|| Arc::new(BusyKey::new(plain, &self.room)))))
    }

    /// Takes the keys that an entry registers. They are no more than the directory has.
    pub(super) fn learn(&self, statement: &Statement, outcome: &Outcome) {
        match (statement, outcome) {
            (Statement::Genesis(genesis), _) => {
                let systems = genesis.administrators.iter().flat_map(|department| &department.systems);
                systems.flat_map(|system| &system.keys).for_each(|(kid, key)| drop(self.insert(*kid, key)));
            }
            (
                Statement::Rule(_, RuleChange::RegisterKey { kid, public_key, .. }),
                Outcome::Applied(Effect::KeyRegistered(_)),
            ) => drop(self.insert(*kid, public_key)),
            _ => {}
        }
    }

    /// The key registered under a thumbprint, if its bytes are a key of that thumbprint.
    pub(super) fn registered(&self, rules: &Rules, kid: &KeyId) -> Option<Arc<BusyKey>> {
        let registered = rules.directory.keys.get(kid)?;
        let known = self.get(kid).filter(|key| *key.as_bytes() == registered.public_key);
        known.or_else(|| self.insert(*kid, &registered.public_key))
    }
}

/// What a statement's signature is worth as such.
#[derive(Debug)]
pub(super) enum Signature {
    /// There is not exactly one that names its key.
    Missing,
    /// It names a key that was not met yet.
    Unverified(KeyId),
    /// It names this key, and was verified with it.
    Verified(KeyId, Result<(), sign::Error>),
}

/// Verifies a statement's signature, as far as its key was met.
pub(super) fn verify(keys: &Keys, envelope: &dsse::Envelope) -> Signature {
    let Some(kid) = sole_kid(envelope) else { return Signature::Missing };
    match keys.get(&kid) {
        Some(key) => Signature::Verified(kid, envelope.verify_sole(&*key).map(drop)),
        None => Signature::Unverified(kid),
    }
}

/// The key that an envelope's one signature names.
pub(super) fn sole_kid(envelope: &dsse::Envelope) -> Option<KeyId> {
    match envelope.signatures.as_slice() {
        [signature] => wire::kid_from_text(&signature.keyid),
        _ => None,
    }
}

/// Judges a statement's signature: exactly one, by a key registered for its actor before this entry. Gives that key. Whether it
/// was retired since is a matter of the decision.
pub(super) fn judge(
    keys: &Keys,
    rules: &Rules,
    envelope: &dsse::Envelope,
    signature: &Signature,
    actor: &SystemId,
    found: &mut Found,
) -> Option<KeyId> {
    let kid = match signature {
        Signature::Missing => {
            let count = envelope.signatures.len();
            found.add(Fault::SignatureMissing, format!("it has {count} signatures, must have one that names its key"));
            return None;
        }
        Signature::Unverified(kid) | Signature::Verified(kid, _) => *kid,
    };
    let text = || wire::kid_to_text(&kid);
    let Some(registered) = rules.directory.keys.get(&kid) else {
        found.add(Fault::KeyUnknown, format!("key {} is not registered at this point of the log", text()));
        return None;
    };
    if registered.system != *actor {
        found.add(Fault::KeyForeign, format!("key {} is registered for {}", text(), registered.system));
        return None;
    }
    let Some(key) = keys.registered(rules, &kid) else {
        found.add(Fault::KeyUnknown, format!("key {} is registered with bytes that are no key", text()));
        return None;
    };
    let problem = match signature {
        Signature::Verified(_, verified) => verified.as_ref().err().map(ToString::to_string),
        _ => envelope.verify_sole(&*key).err().map(|error| error.to_string()),
    };
    if let Some(problem) = problem {
        found.add(Fault::SignatureInvalid, problem);
        return None;
    }
    Some(kid)
}
