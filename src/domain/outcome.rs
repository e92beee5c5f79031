//! Outcomes: what the hub did about a statement.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use super::{
    agreement::AgreementState,
    id::{AgreementId, Digest, FieldCode, Handle, KeyId, ResourceId, SystemId},
    record::RecordStatus,
    time::{Date, Time},
};

/// What the hub did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: a rule forbade it.
    Refused(Refusal),
    /// A query was permitted.
    QueryPermitted(QueryPermitted),
    /// A publication was taken; for each record why it was not accepted, or nothing.
    Published(Vec<BTreeSet<RecordViolation>>),
    /// A rule was changed.
    Applied(Effect),
    /// It was found who asked about a holder.
    HolderTraced(HolderTraced),
    /// An order to erase openings stands.
    ErasureOrdered,
    /// The hub tells something of itself; no statement asked for it.
    Noted(Notice),
}

/// It was found who asked about a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HolderTraced {
    /// The size of the log that was looked at.
    pub log_size: u64,
    /// How many of its entries are about the holder.
    pub exchanges: u64,
}

/// What the hub tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Requests of a system were turned away without entries.
    Suppressed(Suppressed),
    /// Openings were erased.
    Erased(Erased),
    /// The log was closed: this is its last entry.
    Closed {
        /// The key of the log that continues it, as a C2SP vkey.
        next_vkey: String,
    },
    /// What was used of quotas in the log before.
    QuotasCarried(QuotasCarried),
}

/// What was asked for under agreements in the log before, on the last civil day on which anything was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotasCarried {
    /// The civil day.
    pub day: Date,
    /// How many records under which agreement, sorted.
    pub uses: Vec<(AgreementId, u64)>,
}

/// How many quotas one entry carries: of 64 characters each they are some 40 KiB, below the 65,535 bytes of an entry.
pub const MAX_QUOTAS_CARRIED: usize = 512;

/// Requests of a system that were not entered, since the system had reached its limit within a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// The system.
    pub system: SystemId,
    /// How many; at least 1.
    pub count: u64,
    /// When the minute began.
    pub since: Time,
    /// When the count ended.
    pub until: Time,
}

/// Openings that were erased on the days before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// How many; at least 1.
    pub count: u64,
    /// A salted digest of which.
    pub digest: Digest,
    /// When the first was erased.
    pub since: Time,
    /// When the last was erased.
    pub until: Time,
}

/// Declares a closed list of codes that stand in the log, each with its name in the protos.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $number:literal, $code:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$item_doc])* $item = $number,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$item,)*];

            /// The name by which people and errors know it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$item => $code,)* }
            }

            /// The number in the log.
            pub fn number(self) -> i32 {
                self as i32
            }

            /// What a number in the log stands for.
            pub fn from_number(number: i32) -> Option<Self> {
                Self::ALL.iter().copied().find(|item| item.number() == number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

codes! {
    /// Why a statement was refused; `entry.proto` and docs/refusals.md explain each.
    #[allow(missing_docs)]
    RefusalReason {
        ClockSkew = 1, "CLOCK_SKEW";
        RequestIdReused = 2, "REQUEST_ID_REUSED";
        KeyRetired = 3, "KEY_RETIRED";
        CapabilityMissing = 4, "CAPABILITY_MISSING";
        OpeningMismatch = 5, "OPENING_MISMATCH";
        ResourceUnknown = 6, "RESOURCE_UNKNOWN";
        ResourceNotOwned = 7, "RESOURCE_NOT_OWNED";
        ResourceVersionStale = 8, "RESOURCE_VERSION_STALE";
        FieldUnknown = 9, "FIELD_UNKNOWN";
        FieldNotShared = 10, "FIELD_NOT_SHARED";
        NoAgreement = 11, "NO_AGREEMENT";
        AgreementNotActivated = 12, "AGREEMENT_NOT_ACTIVATED";
        AgreementNotYetValid = 13, "AGREEMENT_NOT_YET_VALID";
        AgreementExpired = 14, "AGREEMENT_EXPIRED";
        AgreementSuspended = 15, "AGREEMENT_SUSPENDED";
        AgreementTerminated = 16, "AGREEMENT_TERMINATED";
        FieldNotAgreed = 17, "FIELD_NOT_AGREED";
        PurposeNotAgreed = 18, "PURPOSE_NOT_AGREED";
        MatterNotAgreed = 19, "MATTER_NOT_AGREED";
        LookupNotAgreed = 20, "LOOKUP_NOT_AGREED";
        BatchLimitExceeded = 21, "BATCH_LIMIT_EXCEEDED";
        QuotaExhausted = 22, "QUOTA_EXHAUSTED";
        TooManyRecords = 23, "TOO_MANY_RECORDS";
        DepartmentUnknown = 24, "DEPARTMENT_UNKNOWN";
        SystemUnknown = 25, "SYSTEM_UNKNOWN";
        KeyUnknown = 26, "KEY_UNKNOWN";
        KeyExists = 27, "KEY_EXISTS";
        LastAdministrator = 28, "LAST_ADMINISTRATOR";
        CatalogConflict = 29, "CATALOG_CONFLICT";
        CatalogPartUnknown = 30, "CATALOG_PART_UNKNOWN";
        CatalogInvalid = 31, "CATALOG_INVALID";
        AgreementConflict = 32, "AGREEMENT_CONFLICT";
        AgreementTextInvalid = 33, "AGREEMENT_TEXT_INVALID";
        AgreementSignatureInvalid = 34, "AGREEMENT_SIGNATURE_INVALID";
        AgreementState = 35, "AGREEMENT_STATE";
        NotAParty = 36, "NOT_A_PARTY";
        AcceptanceMissing = 37, "ACCEPTANCE_MISSING";
        PublicationInvalid = 38, "PUBLICATION_INVALID";
        KeyPossessionUnproven = 39, "KEY_POSSESSION_UNPROVEN";
        CalendarInvalid = 40, "CALENDAR_INVALID";
        IssuingRightNotValid = 41, "ISSUING_RIGHT_NOT_VALID";
        IssuingRightInvalid = 42, "ISSUING_RIGHT_INVALID";
        IssuingRightUnknown = 43, "ISSUING_RIGHT_UNKNOWN";
        ConditionInapplicable = 44, "CONDITION_INAPPLICABLE";
        NetworkNotAllowed = 45, "NETWORK_NOT_ALLOWED";
        MinuteLimitExceeded = 46, "MINUTE_LIMIT_EXCEEDED";
        CatalogBreaking = 47, "CATALOG_BREAKING";
        AnswerNotDeferrable = 48, "ANSWER_NOT_DEFERRABLE";
    }
}

codes! {
    /// Why a record was not accepted; `entry.proto` explains each.
    #[allow(missing_docs)]
    RecordViolation {
        Version = 1, "VERSION";
        Handle = 2, "HANDLE";
        Malformed = 3, "MALFORMED";
        Signature = 4, "SIGNATURE";
        Claim = 5, "CLAIM";
        Hash = 6, "HASH";
        Disclosure = 7, "DISCLOSURE";
        FieldSet = 8, "FIELD_SET";
        Required = 9, "REQUIRED";
        Type = 10, "TYPE";
        CheckCharacter = 11, "CHECK_CHARACTER";
        Derivation = 12, "DERIVATION";
        Validity = 13, "VALIDITY";
        IdentifierTaken = 14, "IDENTIFIER_TAKEN";
        Status = 15, "STATUS";
        Issuer = 16, "ISSUER";
        Holder = 17, "HOLDER";
        Seal = 18, "SEAL";
        Succession = 19, "SUCCESSION";
        Copy = 20, "COPY";
    }
}

/// A refusal: which rule, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule.
    pub reason: RefusalReason,
    /// What it is about, in codes; never personal data.
    pub term: String,
    /// The agreement and version that said no.
    pub agreement: Option<(AgreementId, u32)>,
    /// The peer's address, where the decision rests on it.
    pub peer_address: Option<IpAddr>,
}

impl Refusal {
    /// A refusal about a term.
    pub fn new(reason: RefusalReason, term: impl Into<String>) -> Self {
        Self { reason, term: term.into(), agreement: None, peer_address: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if !self.term.is_empty() {
            write!(f, " ({})", self.term)?;
        }
        if let Some((id, version)) = &self.agreement {
            write!(f, " by agreement {id} version {version}")?;
        }
        Ok(())
    }
}

/// What a permitted query got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryPermitted {
    /// The agreement under which.
    pub agreement_id: AgreementId,
    /// Its version.
    pub agreement_version: u32,
    /// The records released, in the order of the lookups.
    pub records: Vec<RecordRelease>,
    /// The records found that miss the agreement's row condition, or replace such ones, in the order of the lookups; `None` where it
    /// has none. Those released meet it, on the hub's word.
    pub withheld: Option<Vec<RecordWithheld>>,
    /// The peer's address, where the decision rests on it.
    pub peer_address: Option<IpAddr>,
}

/// A record found that misses the row condition, or replaces one that does: nothing of it is released, not even its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordWithheld {
    /// Which lookup found it, from 0.
    pub lookup: u32,
    /// Its name in the log.
    pub handle: Handle,
    /// Its version.
    pub version: u32,
    /// The publication that made the version current.
    pub publication_index: u64,
    /// The SHA-256 of its JWT.
    pub jwt_sha256: Digest,
}

/// One record of a permitted query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRelease {
    /// Which lookup found it, from 0.
    pub lookup: u32,
    /// Its name in the log.
    pub handle: Handle,
    /// Its version.
    pub version: u32,
    /// Its status at the entry's time.
    pub status: RecordStatus,
    /// The publication that made the version current.
    pub publication_index: u64,
    /// The SHA-256 of its JWT.
    pub jwt_sha256: Digest,
    /// The fields released; none unless ACTIVE.
    pub fields: Vec<FieldCode>,
    /// The SHA-256 of the presentation; `None` where nothing was released.
    pub sd_hash: Option<Digest>,
    /// The record before it in the outcome that it replaces; `None`: it was looked up itself.
    pub replaces: Option<Handle>,
    /// Of an annotated copy, its original.
    pub original: Option<Original>,
}

/// The original of an annotated copy, at the entry's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Original {
    /// Its name in the log.
    pub handle: Handle,
    /// The publication that made its version current.
    pub publication_index: u64,
    /// Its status.
    pub status: RecordStatus,
}

/// What a rule statement brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The log was opened.
    LogOpened,
    /// A department was registered or renamed.
    DepartmentRegistered,
    /// A system was registered, or its capabilities set.
    SystemRegistered,
    /// A key is active from this entry on.
    KeyRegistered(KeyId),
    /// A key is inactive from this entry on.
    KeyRetired(KeyId),
    /// A department may publish records of a resource, from this entry on.
    IssuingRightGranted,
    /// A department's right to publish records of a resource ended with this entry.
    IssuingRightWithdrawn,
    /// A part of a catalog was entered, without effect.
    CatalogPartEntered(Digest),
    /// A catalog is in force.
    CatalogReleased {
        /// The catalog's version.
        version: u64,
        /// The resources that changed, and the version each has now.
        resources: Vec<(ResourceId, u32)>,
    },
    /// The days of a year are known.
    CalendarYearEntered(i16),
    /// Deadlines for answers are set.
    AnswerTermsSet,
    /// An agreement changed its state.
    AgreementChanged {
        /// The agreement.
        agreement_id: AgreementId,
        /// The version that the act was about.
        version: u32,
        /// Where it stands now.
        state: AgreementState,
    },
}
