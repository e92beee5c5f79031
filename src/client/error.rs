//! What can go wrong between a system and the hub, by what its caller can do about it.

use std::{fmt, io, path::PathBuf};

use tonic::Status;
use tonic_types::StatusExt as _;

use crate::{
    domain::{
        id::{AgreementId, RequestId},
        outcome::RefusalReason,
    },
    sign, tlog, wire,
};

/// The `domain` of the hub's `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "hutong";

/// The error of the room `client`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // Before anything is sent
    /// The profile, or a file that it names, is at fault.
    #[error("profile {}: {what}", path.display())]
    Profile {
        /// The profile.
        path: PathBuf,
        /// What is wrong, with line and column or key.
        what: String,
    },
    /// The profile names no secret, and this act needs one.
    #[error("the profile has no `secret`, from which record salts and operators' pseudonyms are derived")]
    NoSecret,
    /// What was asked for is not of its form.
    #[error("{what}: {why}")]
    Input {
        /// Which part.
        what: String,
        /// What is wrong and what is allowed.
        why: String,
    },
    /// A key, a signature or a commitment could not be made.
    #[error(transparent)]
    Sign(#[from] sign::Error),
    /// The machine's clock is beyond the years 1 to 9999.
    #[error("the machine's clock is set to an impossible time")]
    Clock,
    /// The statement could not be written down, so it was not sent.
    #[error("cannot write the journal {}, so nothing was sent: {source}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file with the newest checkpoint seen cannot be used.
    #[error("cannot use {}, the newest checkpoint seen of the hub's log: {why}", path.display())]
    Seen {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// No connection to the hub could be set up.
    #[error("cannot connect to {hub}: {why}")]
    Connect {
        /// Its address.
        hub: String,
        /// Why not, down to the last cause.
        why: String,
    },

    // The hub's answers
    /// The hub refused, and the log says so.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// The hub would not take the request; there is no entry.
    #[error("{0}")]
    Rejected(Box<Rejected>),
    /// The hub did not answer, or only that it cannot now.
    #[error("the hub could not answer, asked {attempts} times; it last said: {last}")]
    Unavailable {
        /// How often it was asked.
        attempts: u32,
        /// What came of the last.
        last: String,
    },
    /// A statement was sent, and no answer came: whether it was entered is not known.
    #[error(
        "whether the hub entered request {request_id} is not known; its journal line and `receipt` can tell ({source})"
    )]
    OutcomeUnknown {
        /// The request.
        request_id: RequestId,
        /// Why no answer came.
        source: Box<Error>,
    },
    /// The hub had answered this request before: the receipt is there, the data came with the first answer only.
    #[error("request {request_id} was answered before, at entry {index}: its data went out with that answer")]
    AnsweredBefore {
        /// The request.
        request_id: RequestId,
        /// The entry.
        index: u64,
    },

    // A hub that does not keep to the protocol
    /// Evidence that does not hold: nothing of the answer is to be used.
    #[error("{what} is not proven: {check}: {why}")]
    Unproven {
        /// What was to be proven: the receipt, a credential, the release.
        what: &'static str,
        /// The check that failed.
        check: &'static str,
        /// Why.
        why: String,
    },
    /// An answer that is not of the protocol's form.
    #[error("the hub's answer is malformed: {0}")]
    Malformed(#[from] wire::Malformed),
}

/// A refusal: recorded in the log like any other outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The rule.
    pub reason: RefusalReason,
    /// What it is about, in codes.
    pub term: String,
    /// The agreement that said no, where one did, and its version.
    pub agreement: Option<(AgreementId, u32)>,
    /// The denial basis 不予共享依据, where a field is not shared. The hub says so; the catalog has it.
    pub denial_basis: Option<String>,
    /// The hub's words.
    pub message: String,
    /// The request refused.
    pub request_id: Option<RequestId>,
    /// The index of the entry that says so.
    pub index: u64,
    /// The leaf hash of that entry.
    pub leaf_hash: tlog::Hash,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", self.reason)?;
        if !self.term.is_empty() {
            write!(f, " ({})", self.term)?;
        }
        if let Some((id, version)) = &self.agreement {
            write!(f, " by agreement {id} version {version}")?;
        }
        write!(f, ", entry {}", self.index)
    }
}

/// A request that the hub would not take: nothing was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The gRPC status, such as `InvalidArgument`.
    pub code: tonic::Code,
    /// The hub's reason code, where it gave one.
    pub reason: Option<String>,
    /// The hub's words.
    pub message: String,
    /// Field by field, what is wrong.
    pub violations: Vec<wire::Violation>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rejected without an entry: {:?}", self.code)?;
        if let Some(reason) = &self.reason {
            write!(f, " {reason}")?;
        }
        write!(f, ": {}", self.message)?;
        self.violations.iter().try_for_each(|violation| write!(f, "; {violation}"))
    }
}

impl Error {
    /// The refusal, where it is one.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    /// What a final status of the hub says: a refusal when its `ErrorInfo` names an entry, a rejection otherwise. For calls of
    /// services that this library does not wrap.
    #[must_use]
    pub fn of_status(status: &Status) -> Self {
        match refusal(status) {
            Some(refused) => Self::Refused(Box::new(refused)),
            None => Self::Rejected(Box::new(rejection(status))),
        }
    }
}

/// The refusal in a status: `ErrorInfo{reason, domain: "hutong", metadata: {entry_index, leaf_hash, term, agreement_id,
/// agreement_version}}`. Without an entry it is none.
pub(super) fn refusal(status: &Status) -> Option<Refused> {
    let info = status.get_details_error_info().filter(|info| info.domain == ERROR_DOMAIN)?;
    let said = |key: &str| info.metadata.get(key).map(String::as_str);
    let leaf_hash: [u8; 32] = hex::decode(said("leaf_hash")?).ok()?.try_into().ok()?;
    let agreement =
        said("agreement_id").and_then(|id| Some((id.parse().ok()?, said("agreement_version")?.parse().ok()?)));
    Some(Refused {
        reason: RefusalReason::ALL.iter().copied().find(|reason| reason.as_str() == info.reason)?,
        term: said("term").unwrap_or_default().to_owned(),
        agreement,
        denial_basis: said("denial_basis").map(str::to_owned),
        message: status.message().to_owned(),
        request_id: None,
        index: said("entry_index")?.parse().ok()?,
        leaf_hash: leaf_hash.into(),
    })
}

fn rejection(status: &Status) -> Rejected {
    let info = status.get_details_error_info().filter(|info| info.domain == ERROR_DOMAIN);
    let fields = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    let preconditions = status.get_details_precondition_failure().map(|failure| failure.violations).unwrap_or_default();
    let violations =
        fields.into_iter().map(|violation| wire::Violation::new(violation.field, violation.description)).chain(
            preconditions.into_iter().map(|violation| wire::Violation::new(violation.subject, violation.description)),
        );
    Rejected {
        code: status.code(),
        reason: info.map(|info| info.reason),
        message: status.message().to_owned(),
        violations: violations.collect(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::collections::HashMap;

    use tonic::Code;
    use tonic_types::ErrorDetails;

    use super::*;

    fn status(reason: &str, domain: &str, metadata: &[(&str, &str)]) -> Status {
        let metadata: HashMap<_, _> = metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let details = ErrorDetails::with_error_info(reason, domain, metadata);
        Status::with_error_details(Code::PermissionDenied, "no", details)
    }

    #[test]
    fn a_refusal_names_its_rule_and_its_entry() {
        let hash = "ab".repeat(32);
        let all = [
            ("entry_index", "17"),
            ("leaf_hash", hash.as_str()),
            ("term", "KZ_FDDBR"),
            ("agreement_id", "housing-2026"),
            ("agreement_version", "2"),
        ];
        let error = Error::of_status(&status("FIELD_NOT_AGREED", "hutong", &all));
        let refused = error.refused().unwrap();
        assert_eq!((refused.reason, refused.index), (RefusalReason::FieldNotAgreed, 17));
        assert_eq!(refused.leaf_hash.as_bytes(), &[0xab; 32]);
        assert_eq!(
            error.to_string(),
            "refused: FIELD_NOT_AGREED (KZ_FDDBR) by agreement housing-2026 version 2, entry 17"
        );
        let bare = Error::of_status(&status("NO_AGREEMENT", "hutong", &all[..2]));
        assert_eq!(bare.refused().unwrap().agreement, None);
    }

    #[test]
    fn what_names_no_entry_is_a_rejection() {
        let hash = "ab".repeat(32);
        for (reason, domain, metadata) in [
            ("FIELD_NOT_AGREED", "hutong", &[("entry_index", "17")][..]),
            ("FIELD_NOT_AGREED", "hutong", &[("leaf_hash", hash.as_str())]),
            ("FIELD_NOT_AGREED", "hutong", &[("entry_index", "-1"), ("leaf_hash", &hash)]),
            ("FIELD_NOT_AGREED", "hutong", &[("entry_index", "1"), ("leaf_hash", "abab")]),
            ("FIELD_NOT_AGREED", "other", &[("entry_index", "17"), ("leaf_hash", &hash)]),
            ("NO_SUCH_REASON", "hutong", &[("entry_index", "17"), ("leaf_hash", &hash)]),
        ] {
            assert!(matches!(Error::of_status(&status(reason, domain, metadata)), Error::Rejected(_)), "{metadata:?}");
        }
    }

    #[test]
    fn a_rejection_says_what_is_wrong_by_field() {
        let details = ErrorDetails::with_bad_request_violation("header.hub", "is another hub");
        let status = Status::with_error_details(Code::InvalidArgument, "malformed", details);
        assert_eq!(
            Error::of_status(&status).to_string(),
            "rejected without an entry: InvalidArgument: malformed; header.hub: is another hub"
        );
    }
}
