//! Queries, decided again: everything but which records the lookups found.

use std::convert::Infallible;

use crate::{
    audit::{Basis, Fact},
    domain::{
        decide::{Access, Usage, decide_access, most_released},
        id::AgreementId,
        network::Peer,
        outcome::{Outcome, QueryPermitted, RecordRelease, Refusal, RefusalReason},
        record::RecordStatus,
        statement::Query,
    },
};

use super::{
    Error, Fault,
    replay::{Act, Found, Ledger, compare},
};

/// Decides a query again, and hands over what it says of each record.
pub(super) fn follow(
    ledger: &mut Ledger<'_>,
    act: &Act<'_>,
    query: &Query,
    admitted: Result<(), Refusal>,
    found: &mut Found,
) -> Result<Basis, Error> {
    let usage = |agreement: &AgreementId, day| {
        let (minute_began, minute) = ledger.minutes.used(agreement, day);
        Ok::<_, Infallible>(Usage { day: ledger.quotas.used(agreement, day), minute_began, minute })
    };
    // From where the query came is the hub's word; what follows from it is not.
    let peer = Peer::new(match &act.entry.outcome {
        Outcome::Refused(refusal) => refusal.peer_address,
        Outcome::QueryPermitted(permitted) => permitted.peer_address,
        _ => None,
    });
    let access = admitted.and_then(|()| {
        let Ok(access) = decide_access(&ledger.rules, &act.header.actor, query, &peer, usage, &act.now);
        access
    });
    let permitted = match &act.entry.outcome {
        Outcome::Refused(refusal) => {
            let due = access.map(|_| ());
            let lookup = Basis::Attested(Fact::LookupResult);
            let basis = compare(due, &act.entry.outcome, &[(RefusalReason::TooManyRecords, lookup)], found);
            let is_of_address = basis == Basis::Recomputed && refusal.peer_address.is_some();
            return Ok(if is_of_address { Basis::Attested(Fact::PeerAddress) } else { basis });
        }
        Outcome::QueryPermitted(permitted) => permitted,
        _ => {
            found.add(Fault::OutcomeKind, "a query is permitted or refused");
            return Ok(Basis::Recomputed);
        }
    };
    if let Ok(due) = &access
        && (&due.agreement_id, due.agreement_version) != (&permitted.agreement_id, permitted.agreement_version)
    {
        let message = format!(
            "it was permitted under {} version {}; the rules choose {} version {}",
            permitted.agreement_id, permitted.agreement_version, due.agreement_id, due.agreement_version
        );
        found.add(Fault::AgreementDiffers, message);
    }
    let day = match &access {
        Ok(access) => access.day,
        Err(_) => act.now.civil_day(ledger.rules.policy.civil_day_offset_seconds),
    };
    check_attested(ledger, permitted, access.as_ref().ok(), found);
    compare(access.map(|_| ()), &act.entry.outcome, &[], found);
    check_releases(ledger, act, query, permitted, found)?;
    let asked = query.commitments.len() as u64;
    ledger.quotas.take(&permitted.agreement_id, day, asked);
    ledger.minutes.take(&permitted.agreement_id, (day, act.now.minute()), asked);
    Ok(Basis::Attested(if permitted.withheld.is_some() { Fact::RowCondition } else { Fact::LookupResult }))
}

/// Whether the entry attests exactly what the decision rests on and the log cannot show: a row condition's result where the
/// agreement has one, the peer's address where it has networks.
fn check_attested(ledger: &Ledger<'_>, permitted: &QueryPermitted, access: Option<&Access>, found: &mut Found) {
    let agreement = ledger.rules.agreements.find(permitted.agreement_id.as_str());
    let version = agreement.and_then(|agreement| agreement.version(permitted.agreement_version));
    // That it rests on no agreement is found already.
    let Some(text) = version.map(|version| &version.text) else { return };
    let mut require = |is_due: bool, is_attested: bool, what: &str| {
        if is_due != is_attested {
            let said = if is_attested { "is attested, and" } else { "is not attested, though" };
            found.add(Fault::AttestedFactsDiffer, format!("{what} {said} the decision rests on it: {is_due}"));
        }
    };
    require(text.condition.is_some(), permitted.withheld.is_some(), "the result of the row condition");
    if let Some(access) = access {
        require(access.peer_address.is_some(), permitted.peer_address.is_some(), "the peer's address");
    }
}

fn check_releases(
    ledger: &mut Ledger<'_>,
    act: &Act<'_>,
    query: &Query,
    permitted: &QueryPermitted,
    found: &mut Found,
) -> Result<(), Error> {
    let most = most_released(&ledger.rules.policy, query);
    let withheld = permitted.withheld.as_deref().unwrap_or_default();
    let count = permitted.records.len() + withheld.len();
    if count > most {
        let message = format!("{count} records were released or withheld, at most {most} may be");
        found.add(Fault::WronglyDone(RefusalReason::TooManyRecords), message);
    }
    for release in &permitted.records {
        check_release(query, release, found);
        if withheld.iter().any(|withheld| withheld.handle == release.handle) {
            let message =
                format!("record {} was released, and by the same entry misses the row condition", release.handle);
            found.add(Fault::ConditionMissed, message);
        }
    }
    withheld.iter().for_each(|withheld| check_lookup(query, withheld.lookup, found));
    let mut before = None;
    let mut rest = permitted.records.iter().peekable();
    for position in 0.. {
        let Some(release) = rest.next() else { break };
        check_replaced(before, release, found);
        before = Some(release);
        let next = rest.peek().filter(|next| next.replaces == Some(release.handle));
        ledger.records.release(act, query, (position, release), next.map(|next| next.handle), withheld)?;
        if let Some(original) = &release.original {
            let resource = ledger.rules.catalog.newest(query.resource_id.as_str());
            // What copies are made of never changes.
            match resource.and_then(|(_, resource)| resource.copy_of.clone()) {
                Some(copy_of) => ledger.records.consult(act, &copy_of.resource_id, (position, original))?,
                None => {
                    let message = format!("record {}: an original is said, though it is no copy", release.handle);
                    found.add(Fault::OriginalDiffers, message);
                }
            }
        }
    }
    // A record stands once in an entry; one that was released and withheld both is found by that.
    (0..).zip(withheld).try_for_each(|withheld| ledger.records.withhold(act, query, withheld))
}

/// What is released as another's successor follows that one, and was found by the same lookup.
fn check_replaced(before: Option<&RecordRelease>, release: &RecordRelease, found: &mut Found) {
    let Some(replaced) = release.replaces else { return };
    let follows = |before: &RecordRelease| {
        (before.handle, before.lookup, before.status) == (replaced, release.lookup, RecordStatus::Superseded)
    };
    if !before.is_some_and(follows) {
        let message = format!("record {}: what it is said to replace, {replaced}, is not before it", release.handle);
        found.add(Fault::SuccessorDiffers, message);
    }
}

/// What a release must be, whatever the record.
fn check_release(query: &Query, release: &RecordRelease, found: &mut Found) {
    check_lookup(query, release.lookup, found);
    let is_named = release.sd_hash.is_some();
    if is_named == release.fields.is_empty() {
        let not = if is_named { "" } else { "not " };
        let count = release.fields.len();
        let message =
            format!("record {}: {count} fields were released, and the presentation is {not}named", release.handle);
        found.add(Fault::PresentationMissing, message);
    }
}

fn check_lookup(query: &Query, lookup: u32, found: &mut Found) {
    if lookup as usize >= query.commitments.len() {
        let message = format!("lookup {lookup} of a query with {}", query.commitments.len());
        found.add(Fault::LookupUnknown, message);
    }
}
