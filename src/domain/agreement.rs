//! Agreements 共享协议: which fields of a resource a department gets, for what.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    answer::Waiting,
    catalog::{Resource, SharingClass},
    condition::Condition,
    id::{AgreementId, Code, Commitment, Digest, DomainName, FieldCode, ResourceId},
    identifier::Uscc,
    network::Network,
    time::Time,
};

/// How a query may find records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LookupKind {
    /// By the record's identifier.
    Record,
    /// By the holder's identifier.
    Holder,
}

impl LookupKind {
    /// The code by which people and refusals name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Holder => "holder",
        }
    }
}

/// Where a version of an agreement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AgreementState {
    /// Proposed by the consumer 待审核.
    Proposed,
    /// Accepted by the provider.
    Accepted,
    /// In force 已生效.
    Active,
    /// Suspended 暂停.
    Suspended,
    /// Terminated 终止; final.
    Terminated,
    /// Rejected 驳回 by the provider or the authority. It never came into force; the consumer may propose anew.
    Rejected,
    /// Withdrawn 撤回 by the consumer. It never came into force.
    Withdrawn,
}

/// The text that every party signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementText {
    /// The hub's domain.
    pub hub: DomainName,
    /// The agreement.
    pub agreement_id: AgreementId,
    /// Counts from 1.
    pub version: u32,
    /// The SHA-256 of the previous version's text; `None` for version 1.
    pub previous_digest: Option<Digest>,
    /// 需求方.
    pub consumer: Uscc,
    /// 提供方.
    pub provider: Uscc,
    /// The resource.
    pub resource_id: ResourceId,
    /// The fields agreed on.
    pub fields: BTreeSet<FieldCode>,
    /// The purposes allowed.
    pub purposes: BTreeSet<Code>,
    /// The matters allowed; empty: any.
    pub matters: BTreeSet<Code>,
    /// The lookups allowed.
    pub lookups: BTreeSet<LookupKind>,
    /// In force from this time on.
    pub valid_from: Time,
    /// In force before this time.
    pub valid_until: Time,
    /// The most records that may be asked for per civil day.
    pub daily_limit: u64,
    /// The most lookups in one query.
    pub batch_limit: u32,
    /// The legal basis 使用依据, committed to.
    pub legal_basis: Option<Commitment>,
    /// The scenario 使用场景, committed to.
    pub scenario: Option<Commitment>,
    /// Only records that meet it are released.
    pub condition: Option<Condition>,
    /// The most records that may be asked for per minute of UTC.
    pub minute_limit: Option<u64>,
    /// From where the consumer may ask; empty: from anywhere.
    pub networks: BTreeSet<Network>,
    /// How many civil days after that of the answer the consumer may keep what it got 保存期限; at least 1.
    pub retention_days: Option<u32>,
    /// The scope of use 使用范围, committed to.
    pub scope: Option<Commitment>,
}

impl AgreementText {
    /// The commitments to its free texts, in the order in which they are opened beside a proposal.
    pub fn text_commitments(&self) -> impl Iterator<Item = Commitment> {
        [self.legal_basis, self.scenario, self.scope].into_iter().flatten()
    }

    /// Whether the text only prolongs another 延期: it differs in nothing but its validity, which ends later.
    pub fn is_extension_of(&self, previous: &Self) -> bool {
        let prolonged = Self {
            version: self.version,
            previous_digest: self.previous_digest,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            ..previous.clone()
        };
        *self == prolonged && self.valid_until > previous.valid_until
    }
}

/// The most networks of one agreement: a department's sites. Each takes at most 45 bytes of an entry.
pub const MAX_NETWORKS: usize = 64;
/// The most agreements of a consumer on one resource. A query that names none looks at each of them, a third of a microsecond, so they bound what a
/// decision costs; an agreement has as many purposes, matters and versions as it takes, so there is no need for a hundred.
pub const MAX_AGREEMENTS_OF_USE: usize = 64;
/// The most days for which an agreement lets data be kept: a hundred years. What may be kept for ever has no such duty.
pub const MAX_RETENTION_DAYS: u32 = 36_500;

/// A version of an agreement and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementVersion {
    /// What the parties sign.
    pub text: AgreementText,
    /// The text as serialized by its proposer: what every party's signature covers.
    pub serialized: Arc<[u8]>,
    /// Its SHA-256.
    pub digest: Digest,
    /// Where it stands.
    pub state: AgreementState,
    /// Who suspended it and alone may resume it.
    pub suspended_by: Option<Uscc>,
    /// The reason given for the state, or for deferring the answer that it waits for, committed to.
    pub reason: Option<Commitment>,
    /// Whether the provider accepted the text.
    pub accepted: bool,
    /// Since when it waits to be answered, while it does. A hub tells others what follows from it instead.
    pub waiting: Option<Waiting>,
    /// The entries that changed it.
    pub entry_indexes: Vec<u64>,
}

impl AgreementVersion {
    /// The first field, agreed on or looked at by the row condition, that is CONDITIONAL in a resource as it stands, where the
    /// provider has not accepted the text: without that it neither comes into force nor, where the catalog was tightened since,
    /// stays in force.
    pub fn unaccepted_field(&self, resource: &Resource) -> Option<&FieldCode> {
        if self.accepted {
            return None;
        }
        let class = SharingClass::Conditional;
        let is_conditional =
            |code: &&FieldCode| resource.field(code.as_str()).is_some_and(|field| field.sharing_class == class);
        let agreed = self.text.fields.iter().find(is_conditional);
        agreed.or_else(|| self.text.condition.as_ref()?.field_of_class(resource, class))
    }
}

/// An agreement: its versions from 1 on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agreement {
    /// From 1 on, without a gap.
    pub versions: Vec<AgreementVersion>,
}

impl Agreement {
    /// The newest version.
    pub fn newest(&self) -> Option<&AgreementVersion> {
        self.versions.last()
    }

    /// The version that a query meets: the one in force, even if suspended; where there is none, the newest.
    pub fn governing(&self) -> Option<&AgreementVersion> {
        self.versions
            .iter()
            .rev()
            .find(|version| matches!(version.state, AgreementState::Active | AgreementState::Suspended))
            .or(self.newest())
    }

    /// The version of a number.
    pub fn version(&self, number: u32) -> Option<&AgreementVersion> {
        self.versions.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// The version of a number, to change it.
    pub(super) fn version_mut(&mut self, number: u32) -> Option<&mut AgreementVersion> {
        self.versions.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
    }
}

/// All agreements, found by id or by who uses what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreements {
    by_id: BTreeMap<AgreementId, Arc<Agreement>>,
    /// A consumer's agreements on a resource, in the order of their ids. A resource has one provider, and parties never change.
    by_use: HashMap<(Uscc, ResourceId), Vec<Arc<Agreement>>>,
    /// Those whose newest version waits for an answer.
    waiting: BTreeSet<AgreementId>,
    /// The codes of purposes and matters that any of them names.
    codes: BTreeSet<Code>,
}

impl Agreements {
    /// The agreement of an id.
    pub fn find(&self, id: &str) -> Option<&Arc<Agreement>> {
        self.by_id.get(id)
    }

    /// All, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&AgreementId, &Arc<Agreement>)> {
        self.by_id.iter()
    }

    /// All after an id, in the order of their ids.
    pub fn after<'a>(&'a self, id: &str) -> impl Iterator<Item = (&'a AgreementId, &'a Arc<Agreement>)> {
        use std::ops::Bound;
        self.by_id.range::<str, _>((Bound::Excluded(id), Bound::Unbounded))
    }

    /// Those whose newest version waits for an answer, after an id and in the order of their ids.
    pub fn waiting_after<'a>(&'a self, id: &str) -> impl Iterator<Item = (&'a AgreementId, &'a Arc<Agreement>)> {
        use std::ops::Bound;
        let ids = self.waiting.range::<str, _>((Bound::Excluded(id), Bound::Unbounded));
        ids.filter_map(|id| self.by_id.get_key_value(id))
    }

    /// A consumer's agreements on a resource, in the order of their ids.
    pub fn of_use(&self, consumer: &Uscc, resource: &ResourceId) -> impl Iterator<Item = &Arc<Agreement>> {
        // Cloning a name is a reference count; the borrowed pair has no borrowed key.
        self.by_use.get(&(*consumer, resource.clone())).into_iter().flatten()
    }

    /// Lets a text share the codes that others name too. There are few of them, and decisions under whichever agreement find them in the
    /// processor's cache; each text's own would have to come from memory.
    pub(super) fn share_codes(&mut self, text: &mut AgreementText) {
        for codes in [&mut text.purposes, &mut text.matters] {
            let shared = std::mem::take(codes).into_iter().map(|code| match self.codes.get(&code) {
                Some(known) => known.clone(),
                None => {
                    self.codes.insert(code.clone());
                    code
                }
            });
            *codes = shared.collect();
        }
    }

    /// Puts an agreement in place of what stood under its id.
    pub(super) fn put(&mut self, id: &AgreementId, agreement: Agreement) {
        let agreement = Arc::new(agreement);
        if let Some(text) = agreement.newest().map(|version| &version.text) {
            let of_use = self.by_use.entry((text.consumer, text.resource_id.clone())).or_default();
            let id_of = |known: &Arc<Agreement>| known.newest().map(|version| version.text.agreement_id.clone());
            match of_use.binary_search_by_key(&Some(id.clone()), id_of) {
                Ok(found) => of_use.splice(found..=found, [Arc::clone(&agreement)]).for_each(drop),
                Err(place) => of_use.insert(place, Arc::clone(&agreement)),
            }
        }
        if agreement.newest().is_some_and(|newest| newest.waiting.is_some()) {
            self.waiting.insert(id.clone());
        } else {
            self.waiting.remove(id);
        }
        self.by_id.insert(id.clone(), agreement);
    }
}
