//! What is wrong with a log.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::domain::outcome::RefusalReason;

/// The rule that was broken. The codes are stable: reports and scripts go by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The checkpoint is missing or does not read.
    CheckpointMalformed,
    /// The checkpoint is not signed by the trusted key, or is of another log.
    CheckpointSignature,
    /// The root over the entries is not the checkpoint's.
    RootMismatch,
    /// A tile of hashes is missing, or not as long as the log's size makes it.
    TileMalformed,
    /// A hash in a tile is not that of what lies below it.
    TileHash,
    /// An entry bundle is missing, cut, or has another number of entries than the log's size makes.
    BundleMalformed,
    /// An entry is not the one whose hash is in the tree.
    LeafHash,

    /// The first entry is not a genesis, or is not as a genesis must be.
    GenesisInvalid,
    /// The first entry is not the genesis that is trusted.
    GenesisForeign,
    /// A genesis stands elsewhere than at the beginning.
    GenesisMisplaced,
    /// An entry does not read, or is not in its one canonical form.
    EntryMalformed,
    /// A statement does not read, or is not in its one canonical form.
    StatementMalformed,
    /// An entry's time is before that of the entry before it.
    ClockBackwards,

    /// A statement does not carry exactly one signature, with a key's thumbprint.
    SignatureMissing,
    /// The signing key is not registered at this point of the log.
    KeyUnknown,
    /// The signing key is registered for another system than the actor.
    KeyForeign,
    /// The signature does not verify.
    SignatureInvalid,
    /// The statement is meant for another hub.
    HubForeign,
    /// The same statement was entered before.
    StatementRepeated,

    /// The outcome is of a kind that the statement cannot have.
    OutcomeKind,
    /// The statement had an effect, though the rules in force refused it for this reason.
    WronglyDone(RefusalReason),
    /// The statement was refused for this reason, though the rules in force allowed it.
    WronglyRefused(RefusalReason),
    /// The statement had to be refused, but for another reason or with other terms than those entered.
    RefusalDiffers,
    /// The effect entered is not the one that the rules make of the statement.
    EffectDiffers,
    /// The effect entered does not fit the rules before it at all.
    EffectInapplicable,

    /// A query was permitted under another agreement, or another version of it, than the rules choose.
    AgreementDiffers,
    /// A release answers a lookup that the query did not make.
    LookupUnknown,
    /// A record was released that no publication brought into the log, or that belongs to another resource.
    RecordUnpublished,
    /// A record was released in another version than the one that was current.
    RecordNotCurrent,
    /// A record was released with another status than the log shows, as after its revocation.
    RecordStatus,
    /// Other fields were released than those asked for and agreed on.
    FieldsDiffer,
    /// A release names a presentation where nothing was released, or none where something was.
    PresentationMissing,

    /// A publication's results are not one for each of its records.
    ResultCount,
    /// A record was accepted though its version does not follow the current one, or rejected though it does.
    RecordVersion,
    /// A record was accepted that no body can make right: an impossible status or validity, or another resource's handle.
    RecordInvalid,

    /// The hub says that it suppressed requests of a system, and the log does not show that the system had reached its limit in
    /// that minute, or the minute is none.
    SuppressionUnfounded,
    /// The hub tells of erasures in a period that overlaps one told before, or of the same civil day.
    ErasureUnfounded,
}

impl Fault {
    /// The code; that of a wrong decision names the refusal that was due or was made.
    pub fn code(&self) -> String {
        let code = match self {
            Self::CheckpointMalformed => "CHECKPOINT_MALFORMED",
            Self::CheckpointSignature => "CHECKPOINT_SIGNATURE",
            Self::RootMismatch => "ROOT_MISMATCH",
            Self::TileMalformed => "TILE_MALFORMED",
            Self::TileHash => "TILE_HASH",
            Self::BundleMalformed => "BUNDLE_MALFORMED",
            Self::LeafHash => "LEAF_HASH",
            Self::GenesisInvalid => "GENESIS_INVALID",
            Self::GenesisForeign => "GENESIS_FOREIGN",
            Self::GenesisMisplaced => "GENESIS_MISPLACED",
            Self::EntryMalformed => "ENTRY_MALFORMED",
            Self::StatementMalformed => "STATEMENT_MALFORMED",
            Self::ClockBackwards => "CLOCK_BACKWARDS",
            Self::SignatureMissing => "SIGNATURE_MISSING",
            Self::KeyUnknown => "KEY_UNKNOWN",
            Self::KeyForeign => "KEY_FOREIGN",
            Self::SignatureInvalid => "SIGNATURE_INVALID",
            Self::HubForeign => "HUB_FOREIGN",
            Self::StatementRepeated => "STATEMENT_REPEATED",
            Self::OutcomeKind => "OUTCOME_KIND",
            Self::WronglyDone(reason) => return format!("WRONGLY_DONE:{reason}"),
            Self::WronglyRefused(reason) => return format!("WRONGLY_REFUSED:{reason}"),
            Self::RefusalDiffers => "REFUSAL_DIFFERS",
            Self::EffectDiffers => "EFFECT_DIFFERS",
            Self::EffectInapplicable => "EFFECT_INAPPLICABLE",
            Self::AgreementDiffers => "AGREEMENT_DIFFERS",
            Self::LookupUnknown => "LOOKUP_UNKNOWN",
            Self::RecordUnpublished => "RECORD_UNPUBLISHED",
            Self::RecordNotCurrent => "RECORD_NOT_CURRENT",
            Self::RecordStatus => "RECORD_STATUS",
            Self::FieldsDiffer => "FIELDS_DIFFER",
            Self::PresentationMissing => "PRESENTATION_MISSING",
            Self::ResultCount => "RESULT_COUNT",
            Self::RecordVersion => "RECORD_VERSION",
            Self::RecordInvalid => "RECORD_INVALID",
            Self::SuppressionUnfounded => "SUPPRESSION_UNFOUNDED",
            Self::ErasureUnfounded => "ERASURE_UNFOUNDED",
        };
        code.to_owned()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code())
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.code())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The entry; `None` where the finding is about the log as a whole. For a file of several entries, the first of them.
    pub index: Option<u64>,
    /// The rule.
    pub rule: Fault,
    /// What is wrong, with what it should be.
    pub message: String,
    /// The entry in one line, where it reads.
    pub entry: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "entry {index}: ")?,
            None => write!(f, "log: ")?,
        }
        write!(f, "{}: {}", self.rule, self.message)?;
        match &self.entry {
            Some(entry) => write!(f, "\n    {entry}"),
            None => Ok(()),
        }
    }
}
