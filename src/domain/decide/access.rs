//! May this query be answered, and under which agreement?

use std::sync::Arc;

use crate::domain::{
    agreement::{Agreement, AgreementState, AgreementVersion},
    catalog::{Resource, SharingClass},
    id::{AgreementId, SystemId},
    outcome::{Refusal, RefusalReason},
    rules::Rules,
    statement::Query,
    time::{Date, Moment},
};

/// A query that may be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Under this agreement.
    pub agreement_id: AgreementId,
    /// In this version.
    pub agreement_version: u32,
    /// The civil day on which its records count.
    pub day: Date,
    /// How many records are asked for.
    pub asked: u64,
    /// How many may be asked for on the day.
    pub daily_limit: u64,
}

/// Decides whether a query may be answered.
///
/// `quota_used` tells how many records were asked for under an agreement on a day. Where the query names no agreement, the
/// one with the lowest id that permits is taken; where none does, the refusal is that of the one that came nearest.
///
/// # Errors
/// The outer error is that of `quota_used`, the inner the refusal.
pub fn decide_access<E>(
    rules: &Rules,
    actor: &SystemId,
    query: &Query,
    quota_used: impl Fn(&AgreementId, Date) -> Result<u64, E>,
    now: &Moment,
) -> Result<Result<Access, Refusal>, E> {
    let resource = match meet_catalog(rules, query) {
        Ok(resource) => resource,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let consumer = actor.department();
    let mut nearest: Option<(usize, Refusal)> = None;
    for agreement in candidates(rules, actor, query) {
        let Some(version) = agreement.governing() else { continue };
        debug_assert_eq!(&version.text.consumer, consumer);
        match meet_terms(version, resource, query, now) {
            Ok(()) => {}
            Err(refusal) => {
                keep_nearest(&mut nearest, refusal, version);
                continue;
            }
        }
        let day = now.civil_day(rules.policy.civil_day_offset_seconds);
        let asked = query.commitments.len() as u64;
        let daily_limit = version.text.daily_limit;
        if quota_used(&version.text.agreement_id, day)?.saturating_add(asked) > daily_limit {
            let refusal = Refusal::new(RefusalReason::QuotaExhausted, format!("daily_limit {daily_limit}"));
            keep_nearest(&mut nearest, refusal, version);
            continue;
        }
        return Ok(Ok(Access {
            agreement_id: version.text.agreement_id.clone(),
            agreement_version: version.text.version,
            day,
            asked,
            daily_limit,
        }));
    }
    Ok(Err(nearest.map_or_else(
        || {
            let term = query.agreement_id.as_ref().map_or(query.resource_id.as_str(), AgreementId::as_str);
            Refusal::new(RefusalReason::NoAgreement, term)
        },
        |(_, refusal)| refusal,
    )))
}

fn meet_catalog<'a>(rules: &'a Rules, query: &Query) -> Result<&'a Resource, Refusal> {
    let Some((_, resource)) = rules.catalog.newest(query.resource_id.as_str()) else {
        return Err(Refusal::new(RefusalReason::ResourceUnknown, query.resource_id.as_str()));
    };
    for code in &query.fields {
        match resource.field(code.as_str()) {
            None => return Err(Refusal::new(RefusalReason::FieldUnknown, code.as_str())),
            Some(field) if field.sharing_class == SharingClass::NotShared => {
                return Err(Refusal::new(RefusalReason::FieldNotShared, code.as_str()));
            }
            Some(_) => {}
        }
    }
    if query.commitments.len() > rules.policy.max_lookups as usize {
        return Err(Refusal::new(
            RefusalReason::BatchLimitExceeded,
            format!("max_lookups {}", rules.policy.max_lookups),
        ));
    }
    Ok(resource)
}

/// The agreements that could permit: the one named, if it is the consumer's on this resource, or all that are.
fn candidates<'a>(rules: &'a Rules, actor: &SystemId, query: &'a Query) -> impl Iterator<Item = &'a Arc<Agreement>> {
    rules.agreements.of_use(actor.department(), &query.resource_id).filter(move |agreement| {
        query
            .agreement_id
            .as_ref()
            .is_none_or(|id| agreement.newest().is_some_and(|version| version.text.agreement_id == *id))
    })
}

/// The order of the terms: the further a query gets, the nearer it came.
const ORDER: [RefusalReason; 13] = [
    RefusalReason::AgreementTerminated,
    RefusalReason::AgreementNotActivated,
    RefusalReason::AgreementExpired,
    RefusalReason::AgreementNotYetValid,
    RefusalReason::AgreementSuspended,
    RefusalReason::AcceptanceMissing,
    RefusalReason::LookupNotAgreed,
    RefusalReason::PurposeNotAgreed,
    RefusalReason::MatterNotAgreed,
    RefusalReason::FieldNotAgreed,
    RefusalReason::BatchLimitExceeded,
    RefusalReason::QuotaExhausted,
    RefusalReason::NoAgreement,
];

fn keep_nearest(nearest: &mut Option<(usize, Refusal)>, mut refusal: Refusal, version: &AgreementVersion) {
    let rank = ORDER.iter().position(|reason| *reason == refusal.reason).unwrap_or_default();
    if nearest.as_ref().is_none_or(|(best, _)| rank > *best) {
        refusal.agreement = Some((version.text.agreement_id.clone(), version.text.version));
        *nearest = Some((rank, refusal));
    }
}

fn meet_terms(version: &AgreementVersion, resource: &Resource, query: &Query, now: &Moment) -> Result<(), Refusal> {
    let text = &version.text;
    match version.state {
        AgreementState::Proposed | AgreementState::Accepted | AgreementState::Rejected | AgreementState::Withdrawn => {
            return Err(Refusal::new(RefusalReason::AgreementNotActivated, ""));
        }
        AgreementState::Terminated => return Err(Refusal::new(RefusalReason::AgreementTerminated, "")),
        AgreementState::Active | AgreementState::Suspended => {}
    }
    if !now.reached(text.valid_from) {
        return Err(Refusal::new(RefusalReason::AgreementNotYetValid, format!("valid_from {}", text.valid_from)));
    }
    if now.reached(text.valid_until) {
        return Err(Refusal::new(RefusalReason::AgreementExpired, format!("valid_until {}", text.valid_until)));
    }
    if version.state == AgreementState::Suspended {
        return Err(Refusal::new(RefusalReason::AgreementSuspended, ""));
    }
    if let Some(code) = version.unaccepted_field(resource) {
        return Err(Refusal::new(RefusalReason::AcceptanceMissing, code.as_str()));
    }
    if !text.lookups.contains(&query.lookup) {
        return Err(Refusal::new(RefusalReason::LookupNotAgreed, query.lookup.as_str()));
    }
    if !text.purposes.contains(&query.purpose) {
        return Err(Refusal::new(RefusalReason::PurposeNotAgreed, query.purpose.as_str()));
    }
    if !text.matters.is_empty() && !text.matters.contains(&query.matter) {
        return Err(Refusal::new(RefusalReason::MatterNotAgreed, query.matter.as_str()));
    }
    if let Some(field) = query.fields.iter().find(|field| !text.fields.contains(*field)) {
        return Err(Refusal::new(RefusalReason::FieldNotAgreed, field.as_str()));
    }
    if query.commitments.len() > text.batch_limit as usize {
        return Err(Refusal::new(RefusalReason::BatchLimitExceeded, format!("batch_limit {}", text.batch_limit)));
    }
    Ok(())
}
