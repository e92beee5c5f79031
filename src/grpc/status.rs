//! What went wrong, as gRPC says it: the one place where errors become [`Status`].
//!
//! Every status has an `ErrorInfo` whose reason is one of a closed list (docs/refusals.md). Details fit the headers that
//! real clients take.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tracing::{Span, error};

use crate::{
    domain::outcome::{Refusal, RefusalReason},
    edge::identity,
    hub::{self, Receipt},
    store, wire,
};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "hutong";

/// The most bytes of details: as base64 in a header they are 4 KiB. Clients take headers of 8 KiB and more in all.
const MAX_DETAILS: usize = 3 << 10;

/// The longest message, in bytes. It travels in a header of its own and again in the details, and there each byte that
/// is not ASCII takes three.
const MAX_MESSAGE: usize = 512;

/// The longest text about one field, in bytes: a line and a half.
const MAX_TEXT: usize = 256;

/// What is cut from a text ends in this.
const CUT: &str = "…";

/// When a caller may come again, after a limit that clears within milliseconds under way.
const SOON: Duration = Duration::from_secs(1);

/// When a caller may come again who used up what it has of a minute.
const NEXT_MINUTE: Duration = Duration::from_secs(60);

/// An error on its way to a status.
struct Problem {
    code: Code,
    reason: &'static str,
    message: String,
    metadata: Vec<(&'static str, String)>,
    violations: Vec<(String, String)>,
    resource: Option<String>,
    retry: Option<Duration>,
}

impl Problem {
    fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            metadata: Vec::new(),
            violations: Vec::new(),
            resource: None,
            retry: None,
        }
    }

    fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.metadata.push((key, value.into()));
        self
    }

    fn violation(mut self, field: impl Into<String>, description: impl Into<String>) -> Self {
        self.violations.push((field.into(), description.into()));
        self
    }

    fn retry(mut self, delay: Duration) -> Self {
        self.retry = Some(delay);
        self
    }

    /// The status; of its violations as many as fit, and how many did not.
    fn status(self) -> Status {
        Span::current().record("reason", self.reason);
        let whole = self.with_violations(self.violations.len());
        if whole.details().len() <= MAX_DETAILS {
            return whole;
        }
        let (mut fits, mut exceeds) = (0, self.violations.len());
        while exceeds - fits > 1 {
            let middle = fits.midpoint(exceeds);
            if self.with_violations(middle).details().len() <= MAX_DETAILS {
                fits = middle;
            } else {
                exceeds = middle;
            }
        }
        self.with_violations(fits)
    }

    fn with_violations(&self, count: usize) -> Status {
        let mut metadata: Vec<(String, String)> =
            self.metadata.iter().map(|(key, value)| ((*key).to_owned(), cut(value, MAX_TEXT))).collect();
        let left_out = self.violations.len().saturating_sub(count);
        if left_out > 0 {
            metadata.push(("violations_left_out".to_owned(), left_out.to_string()));
        }
        let mut details = ErrorDetails::with_error_info(
            self.reason,
            DOMAIN,
            metadata.into_iter().collect::<std::collections::HashMap<_, _>>(),
        );
        for (field, description) in self.violations.iter().take(count) {
            details.add_bad_request_violation(cut(field, MAX_TEXT), cut(description, MAX_TEXT));
        }
        if let Some(resource) = &self.resource {
            details.set_resource_info("hutong.v1", cut(resource, MAX_TEXT), "", "");
        }
        if let Some(delay) = self.retry {
            details.set_retry_info(Some(delay));
        }
        Status::with_error_details(self.code, cut(&self.message, MAX_MESSAGE), details)
    }
}

/// The text, or as much of it as fits, with a sign that it was cut.
fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max - CUT.len());
    format!("{}{CUT}", text.get(..end).unwrap_or_default())
}

/// The status of an error that left no entry.
pub(super) fn of(error: hub::Error) -> Status {
    use hub::Error;
    let message = error.to_string();
    let problem = |code, reason| Problem::new(code, reason, message.as_str());
    match error {
        Error::Malformed(malformed) => return of_malformed(malformed),
        Error::WrongKind { .. } => problem(Code::InvalidArgument, "WRONG_KIND").violation("envelope", &message),
        Error::UnknownSystem(system) => {
            problem(Code::PermissionDenied, "SYSTEM_NOT_REGISTERED").with("system", system.as_str())
        }
        Error::ForeignActor { .. } => problem(Code::PermissionDenied, "FOREIGN_ACTOR"),
        Error::ForeignHub { hub, .. } => problem(Code::InvalidArgument, "FOREIGN_HUB").with("hub", hub),
        Error::NotSigned(_) => problem(Code::Unauthenticated, "NOT_SIGNED"),
        Error::UnknownKey { kid, .. } => {
            problem(Code::Unauthenticated, "KEY_NOT_REGISTERED").with("kid", wire::kid_to_text(&kid))
        }
        Error::Forged(kid) => problem(Code::Unauthenticated, "SIGNATURE").with("kid", wire::kid_to_text(&kid)),
        Error::EntryTooLarge { .. } => problem(Code::InvalidArgument, "ENTRY_TOO_LARGE"),
        Error::Overloaded { .. } => problem(Code::ResourceExhausted, "OVERLOADED").retry(SOON),
        Error::TooManyRefusals { .. } => problem(Code::ResourceExhausted, "TOO_MANY_REFUSALS").retry(NEXT_MINUTE),
        Error::Contended { .. } => problem(Code::Aborted, "CONTENDED").retry(SOON),
        Error::NotAllowed(capability) => {
            problem(Code::PermissionDenied, "NOT_ALLOWED").with("capability", capability.as_str())
        }
        Error::NotFound(what) => Problem { resource: Some(what), ..problem(Code::NotFound, "NOT_FOUND") },
        Error::Argument { field, problem: allowed } => {
            problem(Code::InvalidArgument, "ARGUMENT").violation(field, allowed)
        }
        Error::NotPublished { .. } => problem(Code::Unavailable, "NOT_PUBLISHED").retry(SOON),
        Error::Contradicted => problem(Code::DataLoss, "HALTED"),
        Error::Stopping => problem(Code::Unavailable, "STOPPING"),
        Error::Store(error) => return of_store(&error),
        Error::Inconsistent(_) => return internal(&message),
    }
    .status()
}

fn of_store(failure: &store::Error) -> Status {
    match failure {
        store::Error::Full { .. } => {
            error!(%failure, "the storage is full");
            Problem::new(Code::ResourceExhausted, "STORAGE_FULL", "the hub has no room: nothing was entered").status()
        }
        store::Error::Unknown { .. } => {
            error!(%failure, "the outcome of a write is unknown");
            let message = "it is not known whether this was entered: ask again with the same request id";
            Problem::new(Code::Unavailable, "OUTCOME_UNKNOWN", message).status()
        }
        store::Error::Malformed(_)
        | store::Error::Conflict { .. }
        | store::Error::Damaged { .. }
        | store::Error::Io { .. }
        | store::Error::Index(_)
        | store::Error::RolledBack { .. }
        | store::Error::InUse(_) => internal(failure),
    }
}

/// The status of a message that does not read: all that is wrong with it.
pub(super) fn of_malformed(malformed: wire::Malformed) -> Status {
    let found = malformed.0.len();
    let message = match malformed.0.first() {
        Some(first) if found == 1 => first.to_string(),
        Some(first) => format!("{first}; and {} more", found - 1),
        None => "the message is malformed".to_owned(),
    };
    let problem = Problem::new(Code::InvalidArgument, "MALFORMED", message);
    let add = |problem: Problem, each: wire::Violation| problem.violation(each.field, each.description);
    malformed.0.into_iter().fold(problem, add).status()
}

/// The status of an argument that is not allowed.
pub(super) fn argument(field: &str, allowed: &str) -> Status {
    Problem::new(Code::InvalidArgument, "ARGUMENT", format!("{field} {allowed}")).violation(field, allowed).status()
}

/// The status of something that is not there.
pub(super) fn not_found(what: String) -> Status {
    of(hub::Error::NotFound(what))
}

/// The status of a refusal: it names the entry that records it.
pub(super) fn refused(refusal: &Refusal, receipt: &Receipt) -> Status {
    refused_citing(refusal, receipt, None)
}

/// The status of a refusal that cites. `denial_basis` 不予共享依据 is that of the resource, where a field of it
/// is not shared: it stands in the catalog, and the log holds the field's code only.
pub(super) fn refused_citing(refusal: &Refusal, receipt: &Receipt, denial_basis: Option<&str>) -> Status {
    let mut problem = Problem::new(code_of(refusal.reason), refusal.reason.as_str(), format!("refused: {refusal}"))
        .with("entry_index", receipt.index.to_string())
        .with("leaf_hash", hex::encode(receipt.leaf_hash()))
        .with("repeated_request", receipt.repeated.to_string());
    if !refusal.term.is_empty() {
        problem = problem.with("term", &refusal.term);
    }
    if let Some(basis) = denial_basis {
        problem = problem.with("denial_basis", basis);
    }
    if refusal.reason == RefusalReason::MinuteLimitExceeded {
        problem = problem.retry(NEXT_MINUTE);
    }
    if let Some((id, version)) = &refusal.agreement {
        problem = problem.with("agreement_id", id.as_str()).with("agreement_version", version.to_string());
    }
    problem.status()
}

/// Whether a refusal is for the caller to correct, to ask permission for, or to wait for.
fn code_of(reason: RefusalReason) -> Code {
    use RefusalReason as R;
    match reason {
        R::OpeningMismatch
        | R::FieldUnknown
        | R::BatchLimitExceeded
        | R::CatalogInvalid
        | R::CalendarInvalid
        | R::AgreementTextInvalid
        | R::AgreementSignatureInvalid
        | R::KeyPossessionUnproven
        | R::IssuingRightInvalid
        | R::PublicationInvalid => Code::InvalidArgument,
        R::ResourceUnknown
        | R::DepartmentUnknown
        | R::SystemUnknown
        | R::KeyUnknown
        | R::IssuingRightUnknown
        | R::CatalogPartUnknown => Code::NotFound,
        R::RequestIdReused | R::KeyExists => Code::AlreadyExists,
        R::CapabilityMissing
        | R::ResourceNotOwned
        | R::FieldNotShared
        | R::NoAgreement
        | R::FieldNotAgreed
        | R::PurposeNotAgreed
        | R::MatterNotAgreed
        | R::LookupNotAgreed
        | R::NetworkNotAllowed
        | R::NotAParty => Code::PermissionDenied,
        R::ClockSkew
        | R::KeyRetired
        | R::ResourceVersionStale
        | R::IssuingRightNotValid
        | R::AgreementNotActivated
        | R::AgreementNotYetValid
        | R::AgreementExpired
        | R::AgreementSuspended
        | R::AgreementTerminated
        | R::AgreementState
        | R::AnswerNotDeferrable
        | R::AcceptanceMissing
        | R::ConditionInapplicable
        | R::LastAdministrator
        | R::CatalogBreaking
        | R::TooManyRecords => Code::FailedPrecondition,
        R::CatalogConflict | R::AgreementConflict => Code::Aborted,
        R::QuotaExhausted | R::MinuteLimitExceeded => Code::ResourceExhausted,
    }
}

/// The status of a peer that is no system of this hub.
pub(super) fn not_identified(error: &identity::Error) -> Status {
    Problem::new(Code::Unauthenticated, "PEER_IDENTITY", error.to_string()).status()
}

/// The status of a call beyond the limit of calls at work.
pub(super) fn overloaded(limit: usize) -> Status {
    let message = format!("the hub is at its limit of {limit} calls at work; try again");
    Problem::new(Code::ResourceExhausted, "OVERLOADED", message).retry(SOON).status()
}

/// The status of a call beyond its department's share of the calls at work.
pub(super) fn over_share(limit: usize) -> Status {
    let message = format!("your department is at its limit of {limit} calls at work; try again with fewer at once");
    Problem::new(Code::ResourceExhausted, "OVERLOADED", message).retry(SOON).status()
}

/// The status of a call whose deadline passed.
pub(super) fn too_late(deadline: Duration) -> Status {
    let message =
        format!("not answered within {deadline:?}: ask again with the same request id to learn what became of it");
    Problem::new(Code::DeadlineExceeded, "DEADLINE", message).status()
}

/// The status of a fault of the hub's own: the caller gets an id, by which those who run the hub find the trace line.
pub(super) fn internal(fault: &dyn std::fmt::Display) -> Status {
    static FAULTS: AtomicU64 = AtomicU64::new(0);
    // Nobody can guess how often the hub failed, and two runs do not repeat each other's ids.
    let id = RandomState::new().hash_one(FAULTS.fetch_add(1, Ordering::Relaxed));
    let id = format!("{id:016x}");
    error!(fault_id = id, %fault, "a call failed by the hub's own fault");
    let message = format!("the hub failed; those who run it find the reason by the id {id}");
    Problem::new(Code::Internal, "INTERNAL", message).with("fault_id", id).status()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::domain::directory::Capability;

    fn reason_of(status: &Status) -> String {
        status.get_error_details().error_info().unwrap().reason.clone()
    }

    #[test]
    fn errors_have_their_codes_and_reasons() {
        use hub::Error;
        let system = || "spiffe://gov.example/department/11100000000013338W/system/registry".parse().unwrap();
        let io = || std::io::Error::other("disk");
        let table = [
            (Error::WrongKind { expected: "a query" }, Code::InvalidArgument, "WRONG_KIND"),
            (Error::UnknownSystem(system()), Code::PermissionDenied, "SYSTEM_NOT_REGISTERED"),
            (Error::ForeignActor { actor: system(), peer: system() }, Code::PermissionDenied, "FOREIGN_ACTOR"),
            (Error::ForeignHub { stated: "a".into(), hub: "b".into() }, Code::InvalidArgument, "FOREIGN_HUB"),
            (Error::NotSigned("x"), Code::Unauthenticated, "NOT_SIGNED"),
            (Error::Overloaded { limit: 1 }, Code::ResourceExhausted, "OVERLOADED"),
            (Error::Contended { attempts: 1 }, Code::Aborted, "CONTENDED"),
            (Error::NotAllowed(Capability::Audit), Code::PermissionDenied, "NOT_ALLOWED"),
            (Error::NotFound("x".into()), Code::NotFound, "NOT_FOUND"),
            (Error::NotPublished { index: 1, size: 0 }, Code::Unavailable, "NOT_PUBLISHED"),
            (Error::Contradicted, Code::DataLoss, "HALTED"),
            (Error::Stopping, Code::Unavailable, "STOPPING"),
            (Error::Inconsistent("x".into()), Code::Internal, "INTERNAL"),
            (Error::Store(store::Error::Full { what: "x", source: io() }), Code::ResourceExhausted, "STORAGE_FULL"),
            (Error::Store(store::Error::Unknown { what: "x", source: io() }), Code::Unavailable, "OUTCOME_UNKNOWN"),
            (Error::Store(store::Error::Index("x".into())), Code::Internal, "INTERNAL"),
        ];
        for (error, code, reason) in table {
            let status = of(error);
            assert_eq!((status.code(), reason_of(&status).as_str()), (code, reason));
        }
    }

    #[test]
    fn a_fault_of_the_hub_says_nothing_but_an_id() {
        let status = internal(&"secret place");
        assert!(!format!("{status:?}").contains("secret place"));
        let id = status.get_error_details().error_info().unwrap().metadata["fault_id"].clone();
        assert!(status.message().contains(&id));
    }

    #[test]
    fn details_are_bounded_and_say_what_was_left_out() {
        let violations: Vec<_> = (0..300)
            .map(|n| wire::Violation::new(format!("records[{n}].handle"), "必须是三十二个字节".repeat(60)))
            .collect();
        let status = of_malformed(wire::Malformed(violations));
        assert!(status.details().len() <= MAX_DETAILS, "{}", status.details().len());
        assert!(status.message().len() <= MAX_MESSAGE);
        let details = status.get_error_details();
        let shown = details.bad_request().unwrap().field_violations.len();
        assert!(shown > 3);
        assert_eq!(details.error_info().unwrap().metadata["violations_left_out"], (300 - shown).to_string());
    }

    #[test]
    fn a_refusal_names_its_entry_and_its_term() {
        let refusal = Refusal {
            agreement: Some(("housing-1".parse().unwrap(), 2)),
            ..Refusal::new(RefusalReason::FieldNotAgreed, "FDDBRZJHM")
        };
        let receipt = Receipt {
            index: 7,
            entry: b"entry".to_vec(),
            proof: String::new(),
            outcome: crate::domain::outcome::Outcome::Refused(refusal.clone()),
            repeated: false,
        };
        let status = refused_citing(&refusal, &receipt, Some("样例办法第六条"));
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(status.message(), "refused: FIELD_NOT_AGREED (FDDBRZJHM) by agreement housing-1 version 2");
        let metadata = status.get_error_details().error_info().unwrap().metadata.clone();
        assert_eq!((metadata["entry_index"].as_str(), metadata["term"].as_str()), ("7", "FDDBRZJHM"));
        assert_eq!(metadata["denial_basis"], "样例办法第六条");
        assert_eq!(metadata["leaf_hash"], hex::encode(receipt.leaf_hash()));
    }
}
