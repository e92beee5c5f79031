//! Publications, decided again: everything but what only the records' bodies show.

use crate::{
    audit::{Basis, Fact},
    domain::{
        decide::decide_publication,
        outcome::{Outcome, Refusal, RefusalReason},
        record::RecordStatus,
        statement::{Publication, PublishedRecord},
    },
};

use super::{
    Error, Fault,
    replay::{Act, Found, Ledger, compare},
};

/// Decides a publication again, and hands over what it says of each record.
pub(super) fn follow(
    ledger: &mut Ledger<'_>,
    act: &Act<'_>,
    publication: &Publication,
    admitted: Result<(), Refusal>,
    found: &mut Found,
) -> Result<Basis, Error> {
    let taken =
        admitted.and_then(|()| decide_publication(&ledger.rules, &act.header.actor, publication, &act.now).map(|_| ()));
    let bodies = Basis::Attested(Fact::RecordBodies);
    let results = match &act.entry.outcome {
        Outcome::Refused(_) => {
            return Ok(compare(taken, &act.entry.outcome, &[(RefusalReason::PublicationInvalid, bodies)], found));
        }
        Outcome::Published(results) => results,
        _ => {
            found.add(Fault::OutcomeKind, "a publication is taken or refused");
            return Ok(Basis::Recomputed);
        }
    };
    compare(taken, &act.entry.outcome, &[], found);
    if results.len() != publication.records.len() {
        let message = format!("{} results for {} records", results.len(), publication.records.len());
        found.add(Fault::ResultCount, message);
    }
    for (record, violations) in (0..).zip(&publication.records).zip(results) {
        let is_accepted = violations.is_empty();
        if is_accepted {
            check_accepted(ledger, act, publication, record.1, found);
        }
        ledger.records.publish(act, publication, record, violations)?;
        if let Some(replaced) = record.1.replaces.filter(|replaced| is_accepted && *replaced != record.1.handle) {
            ledger.records.replace(act, publication, (record.0, &replaced), &record.1.handle)?;
        }
        let resource = ledger.rules.catalog.version(publication.resource_id.as_str(), publication.resource_version);
        let copy_of = resource.and_then(|resource| resource.copy_of.clone());
        if is_accepted && copy_of.is_some() != record.1.copy.is_some() {
            let message =
                format!("record {} was accepted: it must name an original just where copies do", record.1.handle);
            found.add(Fault::RecordCopy, message);
        }
        if let Some((copy_of, copy)) = copy_of.zip(record.1.copy.as_ref()).filter(|_| is_accepted) {
            ledger.records.copy(act, publication, record, (&copy_of.resource_id, &copy.original))?;
        }
    }
    Ok(bodies)
}

/// What an accepted record must be, whatever its body and its earlier versions.
fn check_accepted(
    ledger: &Ledger<'_>,
    act: &Act<'_>,
    publication: &Publication,
    record: &PublishedRecord,
    found: &mut Found,
) {
    let reversed = matches!((record.validity.from, record.validity.until), (Some(from), Some(until)) if from > until);
    let issuer = ledger.rules.directory.keys.get(&publication.issuer_key).filter(|key| key.is_active());
    let is_issuer = issuer.is_some_and(|key| key.system.department() == act.header.actor.department());
    for (is_wrong, problem) in [
        (record.status == RecordStatus::Expired, "EXPIRED is not a status that can be published"),
        (record.replaces == Some(record.handle), "it replaces itself"),
        (reversed, "its validity ends before it begins"),
        (!is_issuer, "the key that signed it is not an active key of its publisher's department"),
    ] {
        if is_wrong {
            found.add(Fault::RecordInvalid, format!("record {} was accepted: {problem}", record.handle));
        }
    }
}
