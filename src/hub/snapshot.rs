//! What readers see: the rules, and how far the log is durable.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    domain::{id::KeyId, rules::Rules, time::Time},
    sign::VerifyingKey,
};

/// The state after some entry, durable.
#[derive(Clone)]
pub struct Snapshot {
    /// The rules in force.
    pub rules: Arc<Rules>,
    /// The keys of the directory, ready to verify with.
    pub keys: Arc<HashMap<KeyId, VerifyingKey>>,
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
        let keys = rules.directory.keys.values();
        let keys = keys.filter_map(|key| Some((key.kid, VerifyingKey::from_bytes(&key.public_key).ok()?))).collect();
        Self { rules, keys: Arc::new(keys), size, time }
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
