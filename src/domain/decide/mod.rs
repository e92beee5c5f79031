//! The decisions: pure functions of the rules, a statement, some facts and a moment.
//!
//! A decision that comes out otherwise a second later has learnt that from its [`Moment`]; a decision that rests on the
//! rules or on a record stands until one of them changes. The sequencer sees to both.

mod access;
mod agreement;
mod catalog;
mod directory;
mod publication;
mod release;
mod rule;
mod simulation;
mod terms;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod fixture;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod lifecycle_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod oracle;

pub use access::{Access, decide_access, explain_terms};
pub use publication::{
    FieldViolation, OriginalFacts, RecordClaims, RecordFacts, Replaced, check_record, decide_publication, may_continue,
    record_terms,
};
pub use release::{
    Found, Release, Released, decide_release, is_released, learns_successor, most_released, released_status,
};
pub use rule::{RuleFacts, decide_rule};
pub use simulation::{Permit, Simulated, Verdict, simulate};
pub use terms::{Term, Usage};

use super::{
    directory::Capability,
    id::{KeyId, SystemId},
    outcome::{Outcome, Refusal, RefusalReason},
    rules::Rules,
    statement::Statement,
    time::Moment,
};

/// What the hub knows of a statement beside its content, once its signature has been verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The key that signed; registered, and its actor's.
    pub kid: KeyId,
    /// Whether the actor used the request id before, for other bytes.
    pub request_id_reused: bool,
    /// Whether every commitment of the statement is opened beside it, and nothing else.
    pub openings_match: bool,
}

/// Whether an entry counts towards its system's limit a minute (`max_refusals_per_minute`): what costs the hub and everybody,
/// and a system could do without end. Refusals do, and changes of the rules by those who do not administer the hub: each makes
/// all decisions under way stale. `rules` are those before the entry.
pub fn counts_towards_limit(rules: &Rules, actor: &SystemId, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Refused(_) => true,
        Outcome::Applied(_) => !rules.directory.holds(actor, Capability::Administer),
        Outcome::QueryPermitted(_)
        | Outcome::Published(_)
        | Outcome::HolderTraced(_)
        | Outcome::ErasureOrdered
        | Outcome::Noted(_) => false,
    }
}

/// How long a system's limit counts: a whole minute of UTC. An auditor finds the same minutes.
pub const LIMIT_WINDOW_SECONDS: i64 = 60;

/// The rules that every statement meets first.
///
/// # Errors
/// The refusal.
pub fn admit(rules: &Rules, statement: &Statement, standing: Standing, now: &Moment) -> Result<(), Refusal> {
    let Some(header) = statement.header() else {
        return Err(Refusal::new(RefusalReason::CapabilityMissing, "genesis"));
    };
    if standing.request_id_reused {
        return Err(Refusal::new(RefusalReason::RequestIdReused, header.request_id.to_string()));
    }
    if !rules.directory.keys.get(&standing.kid).is_some_and(|key| key.is_active()) {
        return Err(Refusal::new(RefusalReason::KeyRetired, standing.kid.to_string()));
    }
    let skew = i64::from(rules.policy.clock_skew_seconds);
    // Too early is a state that passes: issued_at - skew must have been reached. Too late is one that comes.
    let opens = header.issued_at.plus_seconds(-skew);
    let closes = header.issued_at.plus_seconds(skew);
    if !now.reached(opens) || now.reached(closes) {
        return Err(Refusal::new(RefusalReason::ClockSkew, format!("allowed is {skew} s")));
    }
    if rules.issued_after.is_some_and(|last| header.issued_at <= last) {
        return Err(Refusal::new(RefusalReason::ClockSkew, "issued before this log was opened"));
    }
    if let Some(capability) = statement.capability()
        && !rules.directory.holds(&header.actor, capability)
    {
        return Err(Refusal::new(RefusalReason::CapabilityMissing, capability.as_str()));
    }
    if !standing.openings_match {
        return Err(Refusal::new(RefusalReason::OpeningMismatch, ""));
    }
    Ok(())
}

fn refuse<T>(reason: RefusalReason, term: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, term))
}
