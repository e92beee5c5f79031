//! May this query be answered, and under which agreement?

use std::net::IpAddr;

use super::terms::{Asking, Term, Usage};
use crate::domain::{
    agreement::AgreementVersion,
    catalog::{Resource, SharingClass},
    id::{AgreementId, SystemId},
    network::Peer,
    outcome::{Refusal, RefusalReason},
    rules::Rules,
    statement::Query,
    time::{Date, Moment, Time},
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
    /// When the minute began in which they count, and how many may be asked for in it.
    pub minute_limit: Option<(Time, u64)>,
    /// The peer's address, where the decision rests on it.
    pub peer_address: Option<IpAddr>,
}

impl Access {
    /// Whether what is asked for still fits beside what was asked for on the day since the decision.
    pub fn fits(&self, usage: &Usage) -> bool {
        let fits_minute = |(began, limit)| usage.in_minute(began).saturating_add(self.asked) <= limit;
        usage.day.saturating_add(self.asked) <= self.daily_limit && self.minute_limit.is_none_or(fits_minute)
    }
}

/// Decides whether a query may be answered.
///
/// `usage` tells how many records were asked for under an agreement on a day. Where the query names no agreement, the
/// one with the lowest id that permits is taken; where none does, the refusal is that of the one that came nearest: which met the
/// most terms.
///
/// # Errors
/// The outer error is that of `usage`, the inner the refusal.
pub fn decide_access<E>(
    rules: &Rules,
    actor: &SystemId,
    query: &Query,
    peer: &Peer,
    usage: impl Fn(&AgreementId, Date) -> Result<Usage, E>,
    now: &Moment,
) -> Result<Result<Access, Refusal>, E> {
    let resource = match meet_catalog(rules, query) {
        Ok(resource) => resource,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut nearest: Option<(Term, Refusal)> = None;
    for version in candidates(rules, actor, query) {
        debug_assert_eq!(&version.text.consumer, actor.department());
        let asking = Asking { version, resource, query, peer, usage: Usage::NONE, now };
        // What was asked for before is looked up only where it decides.
        let (terms, of_usage) = Term::ALL.split_at(Term::MinuteLimit as usize);
        let met = match meet(terms, &asking) {
            Ok(()) => {
                let day = now.civil_day(rules.policy.civil_day_offset_seconds);
                let usage = usage(&version.text.agreement_id, day)?;
                meet(of_usage, &Asking { usage, ..asking }).map(|()| access(&asking, day))
            }
            Err(unmet) => Err(unmet),
        };
        match met {
            Ok(access) => return Ok(Ok(access)),
            Err((term, mut refusal)) if nearest.as_ref().is_none_or(|(nearest, _)| term > *nearest) => {
                refusal.agreement = Some((version.text.agreement_id.clone(), version.text.version));
                nearest = Some((term, refusal));
            }
            Err(_) => {}
        }
    }
    let mut refusal = nearest.map_or_else(|| no_agreement(query), |(_, refusal)| refusal);
    refusal.peer_address = peer.attested();
    Ok(Err(refusal))
}

/// Every term of a version of an agreement, in their order, and whether a query meets it: for those who want to know more than the
/// first that it does not. `usage` is what was asked for before on the day.
///
/// # Errors
/// The refusal, where the catalog, or the limits of the hub, forbid the query whatever was agreed.
pub fn explain_terms<'a>(
    rules: &'a Rules,
    version: &'a AgreementVersion,
    query: &'a Query,
    peer: &'a Peer,
    usage: Usage,
    now: &'a Moment,
) -> Result<impl Iterator<Item = (Term, Result<(), Refusal>)> + 'a, Refusal> {
    let resource = meet_catalog(rules, query)?;
    let asking = Asking { version, resource, query, peer, usage, now };
    Ok(Term::ALL.into_iter().map(move |term| (term, term.meet(&asking))))
}

fn meet(terms: &[Term], asking: &Asking<'_>) -> Result<(), (Term, Refusal)> {
    terms.iter().try_for_each(|term| term.meet(asking).map_err(|refusal| (*term, refusal)))
}

fn access(asking: &Asking<'_>, day: Date) -> Access {
    let text = &asking.version.text;
    Access {
        agreement_id: text.agreement_id.clone(),
        agreement_version: text.version,
        day,
        asked: asking.query.commitments.len() as u64,
        daily_limit: text.daily_limit,
        minute_limit: text.minute_limit.map(|limit| (asking.now.minute(), limit)),
        peer_address: asking.peer.attested(),
    }
}

fn no_agreement(query: &Query) -> Refusal {
    let term = query.agreement_id.as_ref().map_or(query.resource_id.as_str(), AgreementId::as_str);
    Refusal::new(RefusalReason::NoAgreement, term)
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

/// The agreements that could permit, in the version that governs: the one named, if it is the consumer's on this resource, or
/// all that are.
fn candidates<'a>(rules: &'a Rules, actor: &SystemId, query: &Query) -> impl Iterator<Item = &'a AgreementVersion> {
    let (consumer, resource) = (actor.department(), &query.resource_id);
    let (named, of_use) = match &query.agreement_id {
        Some(id) => (rules.agreements.find(id.as_str()), None),
        None => (None, Some(rules.agreements.of_use(consumer, resource))),
    };
    let is_of_use =
        |version: &&AgreementVersion| version.text.consumer == *consumer && version.text.resource_id == *resource;
    let named = named.and_then(|agreement| agreement.governing()).filter(is_of_use);
    named.into_iter().chain(of_use.into_iter().flatten().filter_map(|agreement| agreement.governing()))
}
