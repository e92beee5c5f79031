//! May this step in the life of an agreement be taken?

use super::{RuleFacts, refuse};
use crate::domain::{
    agreement::{Agreement, AgreementState, AgreementText, AgreementVersion, MAX_AGREEMENTS_OF_USE},
    answer::{Awaited, pending},
    catalog::SharingClass,
    directory::Capability,
    id::{AgreementId, Digest, SystemId},
    lifecycle::AgreementAct,
    outcome::{Effect, Refusal, RefusalReason as Reason},
    rules::Rules,
    statement::AgreementConsent,
    time::Moment,
};

fn administers(rules: &Rules, actor: &SystemId) -> bool {
    rules.directory.holds(actor, Capability::Administer)
}

pub(super) fn propose(
    rules: &Rules,
    actor: &SystemId,
    text: &AgreementText,
    facts: RuleFacts,
    now: &Moment,
) -> Result<Effect, Refusal> {
    if *actor.department() != text.consumer {
        return refuse(Reason::NotAParty, "only the consumer proposes");
    }
    check_text(rules, text, now)?;
    signature(facts)?;
    let standing = rules.agreements.find(text.agreement_id.as_str());
    if standing.is_none() && rules.agreements.of_use(&text.consumer, &text.resource_id).count() >= MAX_AGREEMENTS_OF_USE
    {
        let most = format!("{MAX_AGREEMENTS_OF_USE} agreements of a department on a resource");
        return refuse(Reason::AgreementConflict, most);
    }
    follow(standing.map(AsRef::as_ref), text)?;
    Ok(changed(&text.agreement_id, text.version, AgreementState::Proposed))
}

fn check_text(rules: &Rules, text: &AgreementText, now: &Moment) -> Result<(), Refusal> {
    let invalid = |term: &str| refuse(Reason::AgreementTextInvalid, term);
    if text.hub != rules.hub {
        return invalid("hub");
    }
    let Some((_, resource)) = rules.catalog.newest(text.resource_id.as_str()) else {
        return refuse(Reason::ResourceUnknown, text.resource_id.as_str());
    };
    if resource.provider != text.provider {
        return invalid("provider");
    }
    for code in &text.fields {
        match resource.field(code.as_str()).map(|field| field.sharing_class) {
            None => return refuse(Reason::FieldUnknown, code.as_str()),
            Some(SharingClass::NotShared) => {
                return refuse(Reason::FieldNotShared, code.as_str());
            }
            Some(_) => {}
        }
    }
    if let Some(condition) = &text.condition {
        if let Some(misfit) = condition.misfit(resource) {
            return invalid(&misfit.to_string());
        }
        if let Some(code) = condition.not_shared_field(resource) {
            return refuse(Reason::FieldNotShared, code.as_str());
        }
    }
    for (term, holds) in [
        ("fields", !text.fields.is_empty()),
        ("purposes", !text.purposes.is_empty()),
        ("lookups", !text.lookups.is_empty()),
        ("valid_until", text.valid_from < text.valid_until && !now.reached(text.valid_until)),
        ("daily_limit", text.daily_limit > 0),
        ("minute_limit", text.minute_limit.is_none_or(|limit| limit <= text.daily_limit)),
        ("batch_limit", (1..=rules.policy.max_lookups).contains(&text.batch_limit)),
    ] {
        if !holds {
            return invalid(term);
        }
    }
    Ok(())
}

/// A text is the first version, the next one, or takes the place of the next one where that never came into force.
fn follow(standing: Option<&Agreement>, text: &AgreementText) -> Result<(), Refusal> {
    let conflict = |term: String| refuse(Reason::AgreementConflict, term);
    let Some(newest) = standing.and_then(Agreement::newest) else {
        return if text.version == 1 && text.previous_digest.is_none() {
            Ok(())
        } else {
            conflict("the first version is 1".to_owned())
        };
    };
    let number = if newest.state.is_replaceable() { newest.text.version } else { newest.text.version + 1 };
    if text.version != number {
        return conflict(format!("the next version is {number}"));
    }
    if (&newest.text.consumer, &newest.text.provider, &newest.text.resource_id)
        != (&text.consumer, &text.provider, &text.resource_id)
    {
        return conflict("parties and resource cannot change".to_owned());
    }
    let previous = standing.and_then(|agreement| agreement.version(number.saturating_sub(1)));
    if previous.map(|version| version.digest) != text.previous_digest {
        return conflict("previous_digest".to_owned());
    }
    Ok(())
}

fn signature(facts: RuleFacts) -> Result<(), Refusal> {
    if facts.text_signature_valid { Ok(()) } else { refuse(Reason::AgreementSignatureInvalid, "") }
}

/// The version that a consent is about, the newest or the one in force, with the consent's digest and signature found in
/// order.
fn consented<'a>(
    rules: &'a Rules,
    consent: &AgreementConsent,
    facts: RuleFacts,
    now: &Moment,
) -> Result<&'a AgreementVersion, Refusal> {
    let found = rules.agreements.find(consent.agreement_id.as_str());
    let Some((newest, governing)) = found.and_then(|found| found.newest().zip(found.governing())) else {
        return refuse(Reason::NoAgreement, consent.agreement_id.as_str());
    };
    let Some(version) = [newest, governing].into_iter().find(|version| version.text.version == consent.version) else {
        return refuse(Reason::AgreementConflict, format!("the newest version is {}", newest.text.version));
    };
    if version.digest != consent.digest {
        return refuse(Reason::AgreementTextInvalid, "text_digest");
    }
    signature(facts)?;
    // The catalog may have moved on since the proposal, and time has.
    check_text(rules, &version.text, now)?;
    Ok(version)
}

/// The provider accepts what is proposed; and what is in force without its acceptance, which the catalog may have come to
/// require since.
pub(super) fn accept(
    rules: &Rules,
    actor: &SystemId,
    consent: &AgreementConsent,
    facts: RuleFacts,
    now: &Moment,
) -> Result<Effect, Refusal> {
    let version = consented(rules, consent, facts, now)?;
    if *actor.department() != version.text.provider {
        return refuse(Reason::NotAParty, "only the provider accepts");
    }
    if version.accepted {
        return wrong_state(version);
    }
    after(version, AgreementAct::Accept)
}

pub(super) fn activate(
    rules: &Rules,
    consent: &AgreementConsent,
    facts: RuleFacts,
    now: &Moment,
) -> Result<Effect, Refusal> {
    let version = consented(rules, consent, facts, now)?;
    let effect = after(version, AgreementAct::Activate)?;
    let resource = rules.catalog.newest(version.text.resource_id.as_str()).map(|(_, resource)| resource);
    if let Some(code) = resource.and_then(|resource| version.unaccepted_field(resource)) {
        return refuse(Reason::AcceptanceMissing, code.as_str());
    }
    Ok(effect)
}

/// The newest version, for who answers it otherwise than by signing it.
fn unanswered<'a>(rules: &'a Rules, id: &AgreementId, number: u32) -> Result<&'a AgreementVersion, Refusal> {
    let Some(newest) = rules.agreements.find(id.as_str()).and_then(|agreement| agreement.newest()) else {
        return refuse(Reason::NoAgreement, id.as_str());
    };
    if newest.text.version != number {
        return refuse(Reason::AgreementConflict, format!("the newest version is {}", newest.text.version));
    }
    Ok(newest)
}

/// The newest version as [`unanswered`] finds it, if its text is the one named.
fn unanswered_text<'a>(
    rules: &'a Rules,
    id: &AgreementId,
    (number, digest): (u32, &Digest),
) -> Result<&'a AgreementVersion, Refusal> {
    let version = unanswered(rules, id, number)?;
    if version.digest == *digest { Ok(version) } else { refuse(Reason::AgreementTextInvalid, "text_digest") }
}

/// The provider rejects what it was asked to accept, the authority what it was asked to activate; both name the text.
pub(super) fn reject(
    rules: &Rules,
    actor: &SystemId,
    id: &AgreementId,
    text: (u32, &Digest),
) -> Result<Effect, Refusal> {
    let version = unanswered_text(rules, id, text)?;
    if !administers(rules, actor) {
        if *actor.department() != version.text.provider {
            return refuse(Reason::NotAParty, "the provider or an administrator rejects");
        }
        may_sign(rules, actor)?;
        if version.accepted {
            // It gave its answer; what it signed it may suspend once it is in force.
            return wrong_state(version);
        }
    }
    after(version, AgreementAct::Reject)
}

/// Who must answer defers the answer 延长答复, once and before it is overdue, where the deadline allows it.
pub(super) fn defer(
    rules: &Rules,
    actor: &SystemId,
    id: &AgreementId,
    text: (u32, &Digest),
    now: &Moment,
) -> Result<Effect, Refusal> {
    let version = unanswered_text(rules, id, text)?;
    let found = rules.agreements.find(id.as_str());
    let Some(pending) = found.and_then(|agreement| pending(rules, agreement, version)) else {
        return wrong_state(version);
    };
    match pending.awaited {
        Awaited::Provider if *actor.department() != version.text.provider => {
            return refuse(Reason::NotAParty, "the provider must answer, and alone defers its answer");
        }
        Awaited::Provider => may_sign(rules, actor)?,
        Awaited::Authority if !administers(rules, actor) => {
            return refuse(Reason::NotAParty, "an administrator must answer, and alone defers the answer");
        }
        Awaited::Authority => {}
    }
    for (term, holds) in [
        ("deferred already", !pending.is_deferred),
        ("no deferral_days", pending.deferral_days > 0),
        ("overdue", !pending.is_overdue(now)),
    ] {
        if !holds {
            return refuse(Reason::AnswerNotDeferrable, term);
        }
    }
    Ok(changed(id, version.text.version, version.state))
}

fn may_sign(rules: &Rules, actor: &SystemId) -> Result<(), Refusal> {
    if rules.directory.holds(actor, Capability::SignAgreements) {
        Ok(())
    } else {
        refuse(Reason::CapabilityMissing, Capability::SignAgreements.as_str())
    }
}

pub(super) fn withdraw(rules: &Rules, actor: &SystemId, id: &AgreementId, number: u32) -> Result<Effect, Refusal> {
    let version = unanswered(rules, id, number)?;
    if *actor.department() != version.text.consumer {
        return refuse(Reason::NotAParty, "only the consumer withdraws");
    }
    after(version, AgreementAct::Withdraw)
}

/// What an act makes of a version, by the one table of states.
fn after(version: &AgreementVersion, act: AgreementAct) -> Result<Effect, Refusal> {
    match version.state.after(act) {
        Some(state) => Ok(changed(&version.text.agreement_id, version.text.version, state)),
        None => wrong_state(version),
    }
}

fn wrong_state<T>(version: &AgreementVersion) -> Result<T, Refusal> {
    refuse(Reason::AgreementState, format!("{:?}", version.state).to_uppercase())
}

/// The version that governs, for a party to it or an administrator.
fn party_to<'a>(rules: &'a Rules, actor: &SystemId, id: &AgreementId) -> Result<&'a AgreementVersion, Refusal> {
    let Some(version) = rules.agreements.find(id.as_str()).and_then(|agreement| agreement.governing()) else {
        return refuse(Reason::NoAgreement, id.as_str());
    };
    let department = *actor.department();
    if department != version.text.consumer && department != version.text.provider && !administers(rules, actor) {
        return refuse(Reason::NotAParty, department.as_str());
    }
    if !administers(rules, actor) {
        may_sign(rules, actor)?;
    }
    Ok(version)
}

pub(super) fn suspend(rules: &Rules, actor: &SystemId, id: &AgreementId) -> Result<Effect, Refusal> {
    after(party_to(rules, actor, id)?, AgreementAct::Suspend)
}

pub(super) fn resume(rules: &Rules, actor: &SystemId, id: &AgreementId) -> Result<Effect, Refusal> {
    let version = party_to(rules, actor, id)?;
    let effect = after(version, AgreementAct::Resume)?;
    if version.suspended_by != Some(*actor.department()) {
        return refuse(Reason::NotAParty, "who suspended resumes");
    }
    Ok(effect)
}

pub(super) fn terminate(rules: &Rules, actor: &SystemId, id: &AgreementId) -> Result<Effect, Refusal> {
    let version = party_to(rules, actor, id)?;
    let newest = rules.agreements.find(id.as_str()).and_then(|agreement| agreement.newest()).unwrap_or(version);
    // With a version that is in force ends also what was proposed to follow it, whatever became of that.
    after(version, AgreementAct::Terminate)?;
    Ok(changed(id, newest.text.version, AgreementState::Terminated))
}

fn changed(id: &AgreementId, version: u32, state: AgreementState) -> Effect {
    Effect::AgreementChanged { agreement_id: id.clone(), version, state }
}
