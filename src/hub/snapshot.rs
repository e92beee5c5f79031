//! What readers see: the rules, and how far the log is durable.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    domain::{directory::Key, id::KeyId, rules::Rules, time::Time},
    sign::{BusyKey, Room, VerifyingKey},
};

/// How many keys are made ready for many verifications: the busiest systems of a city, in 28 MB.
const MAX_PREPARED: usize = 128;

/// The keys of the directory, ready to verify with.
#[derive(Clone)]
pub struct Keys {
    keys: Arc<HashMap<KeyId, Arc<BusyKey>>>,
    room: Arc<Room>,
}

impl Keys {
    /// The key of this thumbprint, whether it is active or not.
    pub(super) fn get(&self, kid: &KeyId) -> Option<&Arc<BusyKey>> {
        self.keys.get(kid)
    }

    fn none() -> Self {
        Self { keys: Arc::default(), room: Room::of(MAX_PREPARED) }
    }

    /// Those of a directory. What is known of a key and still in force stays, so that a change of the rules costs nothing; a retired
    /// key gives its room back.
    fn of<'a>(&self, directory: impl Iterator<Item = &'a Key>) -> Self {
        let ready = |key: &Key| {
            let known = self.get(&key.kid).filter(|_| key.is_active()).cloned();
            let made = || Some(Arc::new(BusyKey::new(VerifyingKey::from_bytes(&key.public_key).ok()?, &self.room)));
            Some((key.kid, known.or_else(made)?))
        };
        Self { keys: Arc::new(directory.filter_map(ready).collect()), room: Arc::clone(&self.room) }
    }
}

/// The state after some entry, durable.
#[derive(Clone)]
pub struct Snapshot {
    /// The rules in force.
    pub rules: Arc<Rules>,
    /// The keys of the directory, ready to verify with.
    pub keys: Keys,
    /// How many entries the log has.
    pub size: u64,
    /// The time of the last one.
    pub time: Time,
}

impl Snapshot {
    /// The denial basis 不予共享依据 of a resource, if it has one.
    pub(super) fn denial_basis(&self, resource: &str) -> Option<String> {
        let (_, resource) = self.rules.catalog.newest(resource)?;
        Some(resource.denial_basis.clone()).filter(|basis| !basis.is_empty())
    }

    /// The state of these rules.
    pub(super) fn new(rules: Arc<Rules>, size: u64, time: Time) -> Self {
        let keys = Keys::none().of(rules.directory.keys.values());
        Self { rules, keys, size, time }
    }

    /// Other rules, with a longer log.
    pub(super) fn changed(&self, rules: Arc<Rules>, size: u64, time: Time) -> Self {
        let keys = self.keys.of(rules.directory.keys.values());
        Self { rules, keys, size, time }
    }

    /// The same rules, with a longer log.
    pub(super) fn grown(&self, size: u64, time: Time) -> Self {
        Self { size, time, ..self.clone() }
    }
}

/// The newest snapshot, for any number of readers.
pub(super) struct Published(ArcSwap<Snapshot>);

impl Published {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(snapshot))
    }

    pub(super) fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    pub(super) fn store(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }
}
