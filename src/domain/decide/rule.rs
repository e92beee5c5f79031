//! May this change of the rules be made, and what does it bring about?

use super::{agreement, catalog, directory, refuse};
use crate::domain::{
    calendar::CalendarYear,
    identifier::Uscc,
    issuing::IssuingGrant,
    outcome::{Effect, Refusal, RefusalReason as Reason},
    rules::Rules,
    statement::{Header, RuleChange},
    time::Moment,
};

/// What only keys can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleFacts {
    /// Whether the actor's signature over the agreement's text verifies; true where the statement carries none.
    pub text_signature_valid: bool,
    /// Whether a key to be registered has signed that it is its system's; true where no key is registered.
    pub possession_proven: bool,
}

/// Decides whether a change of the rules is made.
///
/// # Errors
/// The refusal.
pub fn decide_rule(
    rules: &Rules,
    header: &Header,
    change: &RuleChange,
    facts: RuleFacts,
    now: &Moment,
) -> Result<Effect, Refusal> {
    let actor = &header.actor;
    match change {
        RuleChange::RegisterDepartment { .. } => Ok(Effect::DepartmentRegistered),
        RuleChange::RegisterSystem { system, capabilities } => directory::register_system(rules, system, capabilities),
        RuleChange::RegisterKey { system, kid, .. } => directory::register_key(rules, actor, (system, kid), facts),
        RuleChange::RetireKey { kid, .. } => directory::retire_key(rules, actor, kid),
        RuleChange::GrantIssuingRight(grant) => grant_issuing_right(rules, grant, now),
        RuleChange::WithdrawIssuingRight { resource_id, department } => {
            match rules.issuing_rights.standing(resource_id, department) {
                Some(_) => Ok(Effect::IssuingRightWithdrawn),
                None => refuse(Reason::IssuingRightUnknown, format!("{resource_id} {department}")),
            }
        }
        RuleChange::CatalogPart { part, content } => catalog::enter_part(part, content),
        RuleChange::CatalogRelease { base_version, parts, allow_breaking } => {
            catalog::release(rules, *base_version, parts, *allow_breaking)
        }
        RuleChange::CalendarYear(year) => enter_year(rules, year, now),
        RuleChange::AnswerTerms(_) => Ok(Effect::AnswerTermsSet),
        RuleChange::AgreementProposal { text, .. } => agreement::propose(rules, actor, text, facts, now),
        RuleChange::AgreementAcceptance(consent) => agreement::accept(rules, actor, consent, facts, now),
        RuleChange::AgreementActivation(consent) => agreement::activate(rules, consent, facts, now),
        RuleChange::AgreementRejection { agreement_id, version, digest, .. } => {
            agreement::reject(rules, actor, agreement_id, (*version, digest))
        }
        RuleChange::AnswerDeferral { agreement_id, version, digest, .. } => {
            agreement::defer(rules, actor, agreement_id, (*version, digest), now)
        }
        RuleChange::AgreementWithdrawal { agreement_id, version, .. } => {
            agreement::withdraw(rules, actor, agreement_id, *version)
        }
        RuleChange::AgreementSuspension { agreement_id, .. } => agreement::suspend(rules, actor, agreement_id),
        RuleChange::AgreementResumption { agreement_id } => agreement::resume(rules, actor, agreement_id),
        RuleChange::AgreementTermination { agreement_id, .. } => agreement::terminate(rules, actor, agreement_id),
    }
}

/// A grant takes the place of the one that stands. The provider has its right by the catalog: it needs a grant only to continue
/// others' records.
fn grant_issuing_right(rules: &Rules, grant: &IssuingGrant, now: &Moment) -> Result<Effect, Refusal> {
    let Some((_, resource)) = rules.catalog.newest(grant.resource_id.as_str()) else {
        return refuse(Reason::ResourceUnknown, grant.resource_id.as_str());
    };
    let unknown = |department: &&Uscc| !rules.directory.departments.contains_key(department);
    if let Some(department) = std::iter::once(&grant.department).chain(&grant.succeeds).find(unknown) {
        return refuse(Reason::DepartmentUnknown, department.as_str());
    }
    for (term, holds) in [
        ("department", grant.department != resource.provider || !grant.succeeds.is_empty()),
        ("succeeds", !grant.succeeds.contains(&grant.department)),
        ("valid_until", grant.valid_from < grant.valid_until && !now.reached(grant.valid_until)),
    ] {
        if !holds {
            return refuse(Reason::IssuingRightInvalid, term);
        }
    }
    Ok(Effect::IssuingRightGranted)
}

/// A year's days are entered, and corrected while they are still to come: what was due by them stays due.
fn enter_year(rules: &Rules, year: &CalendarYear, now: &Moment) -> Result<Effect, Refusal> {
    if let Some(fault) = year.fault() {
        return refuse(Reason::CalendarInvalid, fault.to_string());
    }
    if let Some(known) = rules.calendar.year(year.year) {
        let today = now.civil_day(rules.policy.civil_day_offset_seconds);
        if let Some(day) = known.first_past_difference(year, today) {
            return refuse(Reason::CalendarInvalid, format!("{day} has passed"));
        }
    }
    Ok(Effect::CalendarYearEntered(year.year))
}
