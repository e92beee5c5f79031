//! What would become of a query, by the very decision and term by term.

use super::{
    access::{decide_access, explain_terms},
    terms::{Term, Usage},
};
use crate::domain::{
    agreement::AgreementVersion,
    id::{AgreementId, SystemId},
    network::Peer,
    outcome::Refusal,
    rules::Rules,
    statement::Query,
    time::{Date, Moment},
};

/// What would become of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// The decision.
    pub outcome: Result<Permit, Refusal>,
    /// Whether each record is released only if it meets the agreement's row condition.
    pub depends_on_record: bool,
    /// What each agreement says that could permit it.
    pub verdicts: Vec<Verdict>,
}

/// Under which agreement a query would be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// The agreement.
    pub agreement_id: AgreementId,
    /// Its version.
    pub agreement_version: u32,
}

/// What a version of an agreement says of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The agreement.
    pub agreement_id: AgreementId,
    /// The version that governs.
    pub version: u32,
    /// Every term in order, and the refusal where it is not met.
    pub terms: Vec<(Term, Result<(), Refusal>)>,
}

/// Decides on a query that nobody asks, and asks each agreement for all its terms.
///
/// # Errors
/// That of `usage`.
pub fn simulate<E>(
    rules: &Rules,
    actor: &SystemId,
    query: &Query,
    peer: &Peer,
    usage: impl Fn(&AgreementId, Date) -> Result<Usage, E>,
    now: &Moment,
) -> Result<Simulated, E> {
    let outcome = decide_access(rules, actor, query, peer, &usage, now)?;
    let day = now.civil_day(rules.policy.civil_day_offset_seconds);
    let mut verdicts = Vec::new();
    for version in governing(rules, actor, query) {
        let (agreement_id, number) = (version.text.agreement_id.clone(), version.text.version);
        let used = usage(&agreement_id, day)?;
        // Where the catalog forbids the query no agreement is asked.
        let Ok(terms) = explain_terms(rules, version, query, peer, used, now) else { break };
        let terms = terms.collect();
        verdicts.push(Verdict { agreement_id, version: number, terms });
    }
    let permit =
        outcome.map(|access| Permit { agreement_id: access.agreement_id, agreement_version: access.agreement_version });
    let depends_on_record = permit.as_ref().is_ok_and(|permit| {
        let agreement = rules.agreements.find(permit.agreement_id.as_str());
        let version = agreement.and_then(|agreement| agreement.version(permit.agreement_version));
        version.is_some_and(|version| version.text.condition.is_some())
    });
    Ok(Simulated { outcome: permit, depends_on_record, verdicts })
}

fn governing<'a>(rules: &'a Rules, actor: &SystemId, query: &'a Query) -> impl Iterator<Item = &'a AgreementVersion> {
    let of_use = rules.agreements.of_use(actor.department(), &query.resource_id);
    let is_named =
        |version: &&AgreementVersion| query.agreement_id.as_ref().is_none_or(|id| *id == version.text.agreement_id);
    of_use.filter_map(|agreement| agreement.governing()).filter(is_named)
}
