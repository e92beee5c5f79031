//! What is wrong with a log.

use std::{fmt, ops::Range};

use serde::{Serialize, Serializer};

use super::Description;
use crate::domain::outcome::RefusalReason;

/// Faults, their codes, and what each means: the doc comments are also what a report tells of its rules.
macro_rules! faults {
    (
        $($(#[doc = $doc:literal])+ $fault:ident = $code:literal,)+
        of a reason:
        $($(#[doc = $of_doc:literal])+ $of_fault:ident = $of_code:literal,)+
    ) => {
        /// The rule that was broken. The codes are stable: reports and scripts go by them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $($(#[doc = $doc])+ $fault,)+
            $($(#[doc = $of_doc])+ $of_fault(RefusalReason),)+
        }

        impl Fault {
            /// The code of every rule and what it means.
            pub const RULES: &'static [(&'static str, &'static str)] =
                &[$(($code, concat!($($doc),+)),)+ $(($of_code, concat!($($of_doc),+)),)+];

            /// The code of the rule, without the reason that some have.
            pub fn rule(&self) -> &'static str {
                match self {
                    $(Self::$fault => $code,)+
                    $(Self::$of_fault(_) => $of_code,)+
                }
            }

            /// The refusal that was due or was made, where the rule is about one.
            pub fn reason(&self) -> Option<RefusalReason> {
                match self {
                    $(Self::$of_fault(reason) => Some(*reason),)+
                    _ => None,
                }
            }
        }
    };
}

faults! {
    /// The checkpoint is missing or does not read.
    CheckpointMalformed = "CHECKPOINT_MALFORMED",
    /// The checkpoint is not signed by the trusted key, or is of another log.
    CheckpointSignature = "CHECKPOINT_SIGNATURE",
    /// A cosignature under the name and key ID of a trusted witness does not verify.
    CosignatureFalse = "COSIGNATURE_FALSE",
    /// The witnesses who cosigned the checkpoint are not enough for the trust policy.
    QuorumMissed = "QUORUM_MISSED",
    /// The root over the entries is not the checkpoint's.
    RootMismatch = "ROOT_MISMATCH",
    /// The log is shorter than one that its key signed before: it was cut or rolled back.
    LogTruncated = "LOG_TRUNCATED",
    /// The log does not continue one that its key signed before: it has two histories.
    LogForked = "LOG_FORKED",
    /// A tile of hashes is missing, or not as long as the log's size makes it.
    TileMalformed = "TILE_MALFORMED",
    /// A hash in a tile is not that of what lies below it.
    TileHash = "TILE_HASH",
    /// An entry bundle is missing, cut, or has another number of entries than the log's size makes.
    BundleMalformed = "BUNDLE_MALFORMED",
    /// An entry is not the one whose hash is in the tree.
    LeafHash = "LEAF_HASH",

    /// The first entry is not a genesis, or is not as a genesis must be.
    GenesisInvalid = "GENESIS_INVALID",
    /// The first entry is not the genesis that is trusted.
    GenesisForeign = "GENESIS_FOREIGN",
    /// A genesis stands elsewhere than at the beginning.
    GenesisMisplaced = "GENESIS_MISPLACED",
    /// An entry does not read, or is not in its one canonical form.
    EntryMalformed = "ENTRY_MALFORMED",
    /// A statement does not read, or is not in its one canonical form.
    StatementMalformed = "STATEMENT_MALFORMED",
    /// An entry's time is before that of the entry before it.
    ClockBackwards = "CLOCK_BACKWARDS",

    /// A statement does not carry exactly one signature, with a key's thumbprint.
    SignatureMissing = "SIGNATURE_MISSING",
    /// The signing key is not registered at this point of the log.
    KeyUnknown = "KEY_UNKNOWN",
    /// The signing key is registered for another system than the actor.
    KeyForeign = "KEY_FOREIGN",
    /// The signature does not verify.
    SignatureInvalid = "SIGNATURE_INVALID",
    /// The statement was signed with a key that was later retired as compromised since before then. Nothing shows that the
    /// log is wrong; whether the actor made the statement is in doubt.
    SignatureSuspect = "SIGNATURE_SUSPECT",
    /// The statement is meant for another hub.
    HubForeign = "HUB_FOREIGN",
    /// The same statement was entered before.
    StatementRepeated = "STATEMENT_REPEATED",

    /// The outcome is of a kind that the statement cannot have.
    OutcomeKind = "OUTCOME_KIND",
    /// The statement had to be refused, but for another reason or with other terms than those entered.
    RefusalDiffers = "REFUSAL_DIFFERS",
    /// The effect entered is not the one that the rules make of the statement.
    EffectDiffers = "EFFECT_DIFFERS",
    /// The effect entered does not fit the rules before it at all.
    EffectInapplicable = "EFFECT_INAPPLICABLE",

    /// A query was permitted under another agreement, or another version of it, than the rules choose.
    AgreementDiffers = "AGREEMENT_DIFFERS",
    /// An entry attests another set of facts than its decision rests on: the result of a row condition, or the peer's address, is
    /// left out or superfluous.
    AttestedFactsDiffer = "ATTESTED_FACTS_DIFFER",
    /// A record was released of which the same entry attests that it misses the agreement's row condition.
    ConditionMissed = "CONDITION_MISSED",
    /// A release answers a lookup that the query did not make.
    LookupUnknown = "LOOKUP_UNKNOWN",
    /// A record was released that no publication brought into the log, or that belongs to another resource.
    RecordUnpublished = "RECORD_UNPUBLISHED",
    /// A record was released in another version than the one that was current.
    RecordNotCurrent = "RECORD_NOT_CURRENT",
    /// A record was released with another status than the log shows, as after its revocation or expiry.
    RecordStatus = "RECORD_STATUS",
    /// A record was released as if nothing were wrong, though its signing key was by then retired as compromised since before
    /// the record was published.
    RecordSuspect = "RECORD_SUSPECT",
    /// Other fields were released than those asked for and agreed on.
    FieldsDiffer = "FIELDS_DIFFER",
    /// A release names a presentation where nothing was released, or none where something was.
    PresentationMissing = "PRESENTATION_MISSING",

    /// A publication's results are not one for each of its records.
    ResultCount = "RESULT_COUNT",
    /// A record was accepted though its version does not follow the current one, or rejected though it does.
    RecordVersion = "RECORD_VERSION",
    /// A record was accepted that no body can make right: an impossible status or validity, or another resource's handle.
    RecordInvalid = "RECORD_INVALID",
    /// A record was accepted as the successor of one that was none, that another had replaced, or that it may not replace, or
    /// though it was itself replaced.
    RecordSuccession = "RECORD_SUCCESSION",
    /// What replaced a record was released though it was not asked for, was withheld, or is another.
    SuccessorDiffers = "SUCCESSOR_DIFFERS",
    /// A record was accepted as the annotated copy of one that was none, that another department may alone copy, or that ends before it.
    RecordCopy = "RECORD_COPY",
    /// A copy was released as made of another record than it was.
    OriginalDiffers = "ORIGINAL_DIFFERS",
    /// A record was accepted though it is another department's, or rejected as such though it may be continued.
    RecordForeign = "RECORD_FOREIGN",

    /// A trace of a holder looked at more entries than there were, or found more than it looked at.
    TraceImpossible = "TRACE_IMPOSSIBLE",
    /// The hub says that it suppressed requests of a system, and the log does not show that the system had reached its limit in
    /// that minute, or the minute is none.
    SuppressionUnfounded = "SUPPRESSION_UNFOUNDED",
    /// The hub tells of erasures in a period that overlaps one told before, or of the same civil day.
    ErasureUnfounded = "ERASURE_UNFOUNDED",

    /// An entry is said to be carried over where none can be: not right after the genesis of a log that continues another, out of
    /// its order, or later than it was; or quotas are, later than there.
    CarryMisplaced = "CARRY_MISPLACED",
    /// An entry stands after the one that closed the log.
    EntryAfterClose = "ENTRY_AFTER_CLOSE",
    /// The log before is not the one that the genesis names, was not closed in favour of this one, or was opened on other terms.
    PreviousDiffers = "PREVIOUS_DIFFERS",
    /// An entry that was carried over is not the one that it is said to have been, or quotas said to have been used were not.
    CarryDiffers = "CARRY_DIFFERS",
    /// What holds at the end of the log before was not carried over.
    CarryMissing = "CARRY_MISSING",
    /// An entry was carried over on which nothing rests any more.
    CarryUndue = "CARRY_UNDUE",

    of a reason:
    /// The statement had an effect, though the rules in force refused it for this reason.
    WronglyDone = "WRONGLY_DONE",
    /// The statement was refused for this reason, though the rules in force allowed it.
    WronglyRefused = "WRONGLY_REFUSED",
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The log is not what an honest hub writes.
    Error,
    /// The log is in order, but what it says is in doubt.
    Warning,
}

impl Fault {
    /// The code; that of a wrong decision names the refusal that was due or was made.
    pub fn code(&self) -> String {
        match self.reason() {
            Some(reason) => format!("{}:{reason}", self.rule()),
            None => self.rule().to_owned(),
        }
    }

    /// How grave it is.
    pub fn level(&self) -> Level {
        Self::level_of(self.rule())
    }

    /// How grave it is to break the rule of a code.
    pub(super) fn level_of(rule: &str) -> Level {
        if rule == Self::SignatureSuspect.rule() { Level::Warning } else { Level::Error }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule())?;
        self.reason().map_or(Ok(()), |reason| write!(f, ":{reason}"))
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The entry; `None` where the finding is about the log as a whole. For a file of several entries, the first of them.
    pub index: Option<u64>,
    /// The rule.
    pub rule: Fault,
    /// How grave it is.
    pub level: Level,
    /// What is wrong, with what it should be.
    pub message: String,
    /// Where the entry stands, as far as it is there.
    pub place: Option<Place>,
    /// The entry, decoded, where it reads.
    pub entry: Option<Description>,
}

/// Where an entry stands in the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, from the copy's folder.
    pub file: String,
    /// The entry's own bytes in it, without the length before them.
    pub bytes: Range<u64>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "entry {index}: ")?,
            None => write!(f, "log: ")?,
        }
        if self.level == Level::Warning {
            write!(f, "SUSPECT: ")?;
        }
        write!(f, "{}: {}", self.rule, self.message)?;
        match &self.entry {
            Some(entry) => write!(f, "\n    {}", entry.summary()),
            None => Ok(()),
        }
    }
}
