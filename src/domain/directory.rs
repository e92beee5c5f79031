//! Departments 部门, their systems, and the keys that sign.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    id::{KeyId, SystemId},
    identifier::Uscc,
    time::Time,
};

/// What a system may do. A new system may do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Publish records of its department's resources.
    Publish,
    /// Query records under its department's agreements.
    Query,
    /// Sign agreements for its department.
    SignAgreements,
    /// Administer the hub.
    Administer,
    /// Read the whole exchange log.
    Audit,
    /// Trace who asked about a holder.
    Trace,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Publish, Self::Query, Self::SignAgreements, Self::Administer, Self::Audit, Self::Trace];

    /// The code by which people and refusals name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Query => "query",
            Self::SignAgreements => "sign-agreements",
            Self::Administer => "administer",
            Self::Audit => "audit",
            Self::Trace => "trace",
        }
    }

    /// The capability of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == code)
    }
}

/// A registered signing key and its life in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The thumbprint.
    pub kid: KeyId,
    /// The system that signs with it.
    pub system: SystemId,
    /// The Ed25519 public key.
    pub public_key: [u8; 32],
    /// Active from this entry on.
    pub registered_index: u64,
    /// Inactive from this entry on.
    pub retired_index: Option<u64>,
    /// What it signed since then is suspect.
    pub compromised_since: Option<Time>,
}

impl Key {
    /// Whether the key is active for the next entry.
    pub fn is_active(&self) -> bool {
        self.retired_index.is_none()
    }
}

/// A department's back-end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// What it may do.
    pub capabilities: BTreeSet<Capability>,
    /// Its keys, in the order of registration.
    pub keys: Vec<KeyId>,
}

/// All departments, systems and keys, past and present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// The departments' names, by code.
    pub departments: BTreeMap<Uscc, String>,
    /// The systems.
    pub systems: BTreeMap<SystemId, System>,
    /// The keys.
    pub keys: HashMap<KeyId, Key>,
}

impl Directory {
    /// Whether a system holds a capability.
    pub fn holds(&self, system: &SystemId, capability: Capability) -> bool {
        self.systems.get(system).is_some_and(|system| system.capabilities.contains(&capability))
    }

    /// The systems of a department, in the order of their names.
    pub fn systems_of<'a>(&'a self, department: &'a Uscc) -> impl Iterator<Item = (&'a SystemId, &'a System)> {
        self.systems.iter().filter(move |(id, _)| id.department() == department)
    }

    /// Whether some system administers the hub and has an active key to do it with.
    pub(super) fn has_administrator(&self) -> bool {
        self.systems.values().any(|system| {
            system.capabilities.contains(&Capability::Administer)
                && system.keys.iter().any(|kid| self.keys.get(kid).is_some_and(Key::is_active))
        })
    }
}
