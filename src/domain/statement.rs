//! Statements: what actors want, as they signed it.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    agreement::{AgreementText, LookupKind},
    answer::AnswerTerms,
    calendar::CalendarYear,
    catalog::CatalogPart,
    directory::Capability,
    id::{
        AgreementId, Code, Commitment, Digest, DomainName, FieldCode, Handle, KeyId, Pseudonym, RequestId, ResourceId,
        SystemId,
    },
    identifier::Uscc,
    issuing::IssuingGrant,
    record::{AnnotatedCopy, RecordStatus, Validity},
    time::Time,
};

/// What every statement begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Unique per actor for the log's life.
    pub request_id: RequestId,
    /// When the actor signed.
    pub issued_at: Time,
    /// Who.
    pub actor: SystemId,
    /// The hub that it is meant for.
    pub hub: DomainName,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Opens a log; unsigned, its hash is what an auditor trusts.
    Genesis(Box<Genesis>),
    /// Changes the rules.
    Rule(Header, RuleChange),
    /// Publishes records.
    Publication(Header, Publication),
    /// Asks for fields of records.
    Query(Header, Query),
    /// Asks who asked about a holder.
    Trace(Header, Trace),
    /// Orders openings to be erased.
    Erasure(Header, Erasure),
}

impl Statement {
    /// The header; genesis has none.
    pub fn header(&self) -> Option<&Header> {
        match self {
            Self::Genesis(_) => None,
            Self::Rule(header, _)
            | Self::Publication(header, _)
            | Self::Query(header, _)
            | Self::Trace(header, _)
            | Self::Erasure(header, _) => Some(header),
        }
    }

    /// The capability that an actor needs at least.
    pub fn capability(&self) -> Option<Capability> {
        match self {
            Self::Genesis(_) => None,
            Self::Rule(_, change) => change.capability(),
            Self::Publication(..) => Some(Capability::Publish),
            Self::Query(..) => Some(Capability::Query),
            Self::Trace(..) => Some(Capability::Trace),
            Self::Erasure(..) => Some(Capability::Administer),
        }
    }
}

/// What a hub fixes at its genesis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How far a new statement's time may be from the hub's clock, in seconds.
    pub clock_skew_seconds: u32,
    /// The offset from UTC of the hub's civil day, in seconds.
    pub civil_day_offset_seconds: i32,
    /// The most lookups in one query.
    pub max_lookups: u32,
    /// The most records that one query may release.
    pub max_released_records: u32,
    /// The most records in one publication.
    pub max_publication_records: u32,
    /// The most refusals a minute that are entered for one system.
    pub max_refusals_per_minute: u32,
}

impl Policy {
    /// The greatest values: with them an entry still fits 65,535 bytes. A query releases no more records
    /// than fit, see `decide::most_released`; a publication entry takes 256 × about 180 bytes.
    pub const GREATEST: Self = Self {
        clock_skew_seconds: 3_600,
        civil_day_offset_seconds: 14 * 3_600,
        max_lookups: 64,
        max_released_records: 64,
        max_publication_records: 256,
        max_refusals_per_minute: 100_000,
    };
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            clock_skew_seconds: 300,
            civil_day_offset_seconds: 8 * 3_600,
            max_lookups: 64,
            max_released_records: 64,
            max_publication_records: 256,
            max_refusals_per_minute: 600,
        }
    }
}

/// A system as genesis registers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstSystem {
    /// The system.
    pub system: SystemId,
    /// What it may do.
    pub capabilities: BTreeSet<Capability>,
    /// Its keys.
    pub keys: Vec<(KeyId, [u8; 32])>,
}

/// A department as genesis registers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstDepartment {
    /// The credit code.
    pub uscc: Uscc,
    /// The name.
    pub name: String,
    /// Its systems.
    pub systems: Vec<FirstSystem>,
}

/// Opens a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The hub's stable domain.
    pub hub: DomainName,
    /// The log's origin.
    pub origin: String,
    /// The trust domain of the systems.
    pub trust_domain: DomainName,
    /// The first administrators.
    pub administrators: Vec<FirstDepartment>,
    /// The policy in force.
    pub policy: Policy,
    /// The version of the rules of decision.
    pub decision_version: u32,
    /// When the hub was initialised, or this log opened.
    pub created_at: Time,
    /// The log that this one continues.
    pub previous: Option<PreviousLog>,
}

/// The log that another continues, as it was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousLog {
    /// Its key, as a C2SP vkey.
    pub vkey: String,
    /// How many entries it has.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// The leaf hash of its genesis entry.
    pub genesis_hash: Digest,
    /// The latest time of a statement that was not refused there.
    pub issued_until: Time,
    /// The receipts of the entries that closed it and the logs before it, newest last.
    pub closings: Vec<ClosingReceipt>,
}

/// How many logs back the receipts of their closing reach: with a log a year, longer than programs go without an update. Of two
/// kilobytes each they leave half of an entry free.
pub const MAX_CLOSINGS: usize = 16;

/// The receipt of the entry that closed a log. What it is worth is for whoever has that log's key to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosingReceipt {
    /// The serialized entry.
    pub entry: Vec<u8>,
    /// The proof under the closed log's key, in the C2SP tlog-proof format.
    pub proof: String,
}

/// The version of the rules of decision that this program follows.
pub const DECISION_VERSION: u32 = 1;

/// A change of the directory, of the catalog, of the calendar, or of an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // Said in statement.proto, field by field.
pub enum RuleChange {
    RegisterDepartment { uscc: Uscc, name: String },
    RegisterSystem { system: SystemId, capabilities: BTreeSet<Capability> },
    RegisterKey { system: SystemId, kid: KeyId, public_key: [u8; 32], possession: Vec<u8> },
    RetireKey { kid: KeyId, compromised_since: Option<Time> },
    GrantIssuingRight(IssuingGrant),
    WithdrawIssuingRight { resource_id: ResourceId, department: Uscc },
    CatalogPart { part: Digest, content: CatalogPart },
    CatalogRelease { base_version: u64, parts: Vec<Digest>, allow_breaking: bool },
    CalendarYear(CalendarYear),
    AnswerTerms(AnswerTerms),
    AgreementProposal { text: Box<AgreementText>, serialized: Arc<[u8]>, digest: Digest, signature: Vec<u8> },
    AgreementAcceptance(AgreementConsent),
    AgreementActivation(AgreementConsent),
    AgreementRejection { agreement_id: AgreementId, version: u32, digest: Digest, reason: Commitment },
    AgreementWithdrawal { agreement_id: AgreementId, version: u32, reason: Option<Commitment> },
    AnswerDeferral { agreement_id: AgreementId, version: u32, digest: Digest, reason: Commitment },
    AgreementSuspension { agreement_id: AgreementId, reason: Option<Commitment> },
    AgreementResumption { agreement_id: AgreementId },
    AgreementTermination { agreement_id: AgreementId, reason: Option<Commitment> },
}

impl RuleChange {
    /// The capability that an actor needs at least; where more than one will do, the decision says.
    fn capability(&self) -> Option<Capability> {
        match self {
            Self::RegisterDepartment { .. }
            | Self::RegisterSystem { .. }
            | Self::GrantIssuingRight(_)
            | Self::WithdrawIssuingRight { .. }
            | Self::CatalogPart { .. }
            | Self::CatalogRelease { .. }
            | Self::CalendarYear(_)
            | Self::AnswerTerms(_)
            | Self::AgreementActivation(_) => Some(Capability::Administer),
            Self::AgreementProposal { .. } | Self::AgreementAcceptance(_) | Self::AgreementWithdrawal { .. } => {
                Some(Capability::SignAgreements)
            }
            Self::RegisterKey { .. }
            | Self::RetireKey { .. }
            | Self::AgreementRejection { .. }
            | Self::AnswerDeferral { .. }
            | Self::AgreementSuspension { .. }
            | Self::AgreementResumption { .. }
            | Self::AgreementTermination { .. } => None,
        }
    }

    /// The commitments to texts that must be opened beside the statement, in order.
    pub fn text_commitments(&self) -> Vec<Commitment> {
        match self {
            Self::AgreementProposal { text, .. } => text.text_commitments().collect(),
            Self::AgreementRejection { reason, .. } | Self::AnswerDeferral { reason, .. } => vec![*reason],
            Self::AgreementWithdrawal { reason, .. }
            | Self::AgreementSuspension { reason, .. }
            | Self::AgreementTermination { reason, .. } => reason.iter().copied().collect(),
            _ => Vec::new(),
        }
    }
}

/// A signature under the text of an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementConsent {
    /// The agreement.
    pub agreement_id: AgreementId,
    /// The version.
    pub version: u32,
    /// The SHA-256 of the text.
    pub digest: Digest,
    /// The actor's signature over the PAE of the text.
    pub signature: Vec<u8>,
}

/// A batch of records of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The resource.
    pub resource_id: ResourceId,
    /// The version of its catalog entry that the records follow.
    pub resource_version: u32,
    /// The records.
    pub records: Vec<PublishedRecord>,
    /// The key that signed the records' JWTs.
    pub issuer_key: KeyId,
}

/// One record of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRecord {
    /// Its name in the log.
    pub handle: Handle,
    /// Counts from 1.
    pub version: u32,
    /// The SHA-256 of its JWT.
    pub jwt_sha256: Digest,
    /// Tells its provider whether the source row changed.
    pub source_digest: Digest,
    /// The days on which it is valid.
    pub validity: Validity,
    /// The status published.
    pub status: RecordStatus,
    /// The record that it replaces.
    pub replaces: Option<Handle>,
    /// What it is an annotated copy of.
    pub copy: Option<AnnotatedCopy>,
}

/// A question for fields of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The resource.
    pub resource_id: ResourceId,
    /// 用途.
    pub purpose: Code,
    /// 事项.
    pub matter: Code,
    /// A commitment to the case number 办件编号.
    pub case_commitment: Commitment,
    /// The operator's pseudonym.
    pub operator_pseudonym: Pseudonym,
    /// The agreement to use; `None`: the one with the lowest id that permits.
    pub agreement_id: Option<AgreementId>,
    /// The fields asked for; all or nothing.
    pub fields: BTreeSet<FieldCode>,
    /// How the records are named.
    pub lookup: LookupKind,
    /// A commitment for each lookup.
    pub commitments: Vec<Commitment>,
}

/// A question of who asked about a holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// 用途.
    pub purpose: Code,
    /// A commitment to the holder's identifier.
    pub holder: Commitment,
    /// A commitment to the case number 办件编号.
    pub case_commitment: Commitment,
    /// A commitment to the legal basis 使用依据.
    pub legal_basis: Option<Commitment>,
    /// Only entries of this time or later.
    pub since: Option<Time>,
    /// Only entries before this time.
    pub until: Option<Time>,
}

/// Which openings are to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// Those of queries and traces entered before a time.
    Before(Time),
    /// Those that name a holder: a commitment to its identifier.
    Holder(Commitment),
}
