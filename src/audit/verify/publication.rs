//! Publications, decided again: everything but what only the records' bodies show.

use std::collections::{BTreeSet, HashMap};

use crate::domain::{
    decide::decide_publication,
    id::{Handle, KeyId, ResourceId},
    outcome::{Outcome, RecordViolation, Refusal, RefusalReason},
    record::{RecordHead, RecordStatus},
    statement::{Publication, PublishedRecord},
};

use super::{
    Fault,
    replay::{Act, Found, Ledger, compare},
};
use crate::audit::Basis;

/// The current version of each record, as the log made it.
#[derive(Default)]
pub(super) struct Records(HashMap<Handle, Record>);

/// A record as it is current.
pub(super) struct Record {
    pub(super) resource_id: ResourceId,
    /// Its issuer key is that of the publication: which key signed the record itself stands in its JWT, not in the log.
    pub(super) head: RecordHead,
}

impl Records {
    /// The current version of a record.
    pub(super) fn current(&self, handle: &Handle) -> Option<&Record> {
        self.0.get(handle)
    }
}

/// Decides a publication again and makes its accepted records current.
pub(super) fn follow(
    ledger: &mut Ledger,
    act: &Act<'_>,
    publication: &Publication,
    admitted: Result<(), Refusal>,
    found: &mut Found,
) -> Basis {
    let taken = admitted.and_then(|()| decide_publication(&ledger.rules, &act.header.actor, publication).map(|_| ()));
    let results = match &act.entry.outcome {
        Outcome::Refused(_) => {
            return compare(taken, &act.entry.outcome, &[RefusalReason::PublicationInvalid], found);
        }
        Outcome::Published(results) => results,
        _ => {
            found.add(Fault::OutcomeKind, "a publication is taken or refused");
            return Basis::Recomputed;
        }
    };
    compare(taken, &act.entry.outcome, &[], found);
    if results.len() != publication.records.len() {
        let message = format!("{} results for {} records", results.len(), publication.records.len());
        found.add(Fault::ResultCount, message);
    }
    for (record, violations) in publication.records.iter().zip(results) {
        check_record(&ledger.records, publication, record, violations, found);
        if violations.is_empty() {
            ledger.records.0.insert(record.handle, made_current(act, publication, record));
        }
    }
    Basis::Attested
}

fn check_record(
    records: &Records,
    publication: &Publication,
    record: &PublishedRecord,
    violations: &BTreeSet<RecordViolation>,
    found: &mut Found,
) {
    let handle = record.handle;
    let current = records.current(&handle);
    let next = current.map_or(1, |current| current.head.version.saturating_add(1));
    let follows = record.version == next;
    if follows && violations.contains(&RecordViolation::Version) {
        let message = format!("record {handle}: version {next} was rejected, though it is the next");
        found.add(Fault::RecordVersion, message);
    }
    if !violations.is_empty() {
        return;
    }
    if !follows {
        let message = format!("record {handle}: version {} was accepted, the next was {next}", record.version);
        found.add(Fault::RecordVersion, message);
    }
    let reversed = matches!((record.validity.from, record.validity.until), (Some(from), Some(until)) if from > until);
    for (is_wrong, problem) in [
        (record.status == RecordStatus::Expired, "EXPIRED is not a status that can be published"),
        (reversed, "its validity ends before it begins"),
        (
            current.is_some_and(|current| current.resource_id != publication.resource_id),
            "its handle is that of another resource's record",
        ),
    ] {
        if is_wrong {
            found.add(Fault::RecordInvalid, format!("record {handle} was accepted: {problem}"));
        }
    }
}

fn made_current(act: &Act<'_>, publication: &Publication, record: &PublishedRecord) -> Record {
    let issuer_key = act.signer.kid.unwrap_or(KeyId([0; 32]));
    Record {
        resource_id: publication.resource_id.clone(),
        head: RecordHead {
            handle: record.handle,
            version: record.version,
            resource_version: publication.resource_version,
            status: record.status,
            validity: record.validity,
            jwt_sha256: record.jwt_sha256,
            source_digest: record.source_digest,
            publication_index: act.index,
            published_at: act.entry.time,
            issuer_key,
        },
    }
}
