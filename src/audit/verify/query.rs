//! Queries, decided again: everything but which records the lookups found.

use std::convert::Infallible;

use crate::{
    audit::{Basis, Fact},
    domain::{
        decide::{decide_access, most_released},
        id::AgreementId,
        outcome::{Outcome, QueryPermitted, RecordRelease, Refusal, RefusalReason},
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
    let quota = |agreement: &AgreementId, day| Ok::<_, Infallible>(ledger.quotas.used(agreement, day));
    let access = admitted.and_then(|()| {
        let Ok(access) = decide_access(&ledger.rules, &act.header.actor, query, quota, &act.now);
        access
    });
    let lookup = Basis::Attested(Fact::LookupResult);
    let permitted = match &act.entry.outcome {
        Outcome::Refused(_) => {
            let due = access.map(|_| ());
            return Ok(compare(due, &act.entry.outcome, &[(RefusalReason::TooManyRecords, lookup)], found));
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
    compare(access.map(|_| ()), &act.entry.outcome, &[], found);
    check_releases(ledger, act, query, permitted, found)?;
    ledger.quotas.take(&permitted.agreement_id, day, query.commitments.len() as u64);
    Ok(lookup)
}

fn check_releases(
    ledger: &mut Ledger<'_>,
    act: &Act<'_>,
    query: &Query,
    permitted: &QueryPermitted,
    found: &mut Found,
) -> Result<(), Error> {
    let most = most_released(&ledger.rules.policy, query);
    if permitted.records.len() > most {
        let message = format!("{} records were released, at most {most} may be", permitted.records.len());
        found.add(Fault::WronglyDone(RefusalReason::TooManyRecords), message);
    }
    (0..).zip(&permitted.records).try_for_each(|release| {
        check_release(query, release.1, found);
        ledger.records.release(act, query, release)
    })
}

/// What a release must be, whatever the record.
fn check_release(query: &Query, release: &RecordRelease, found: &mut Found) {
    if release.lookup as usize >= query.commitments.len() {
        let message = format!("lookup {} of a query with {}", release.lookup, query.commitments.len());
        found.add(Fault::LookupUnknown, message);
    }
    let is_named = release.sd_hash.is_some();
    if is_named == release.fields.is_empty() {
        let not = if is_named { "" } else { "not " };
        let count = release.fields.len();
        let message =
            format!("record {}: {count} fields were released, and the presentation is {not}named", release.handle);
        found.add(Fault::PresentationMissing, message);
    }
}
