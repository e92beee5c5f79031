//! Queries, decided again: everything but which records the lookups found.

use std::{collections::HashMap, convert::Infallible};

use crate::domain::{
    decide::decide_access,
    id::AgreementId,
    outcome::{Outcome, QueryPermitted, RecordRelease, Refusal, RefusalReason},
    record::RecordStatus,
    statement::Query,
    time::{Date, Time},
};

use super::{
    Fault,
    replay::{Act, Found, Ledger, compare},
};
use crate::audit::Basis;

/// How many records were asked for under each agreement on the newest civil day.
#[derive(Default)]
pub(super) struct Quotas {
    day: Option<Date>,
    used: HashMap<AgreementId, u64>,
}

impl Quotas {
    fn used(&self, agreement: &AgreementId, day: Date) -> u64 {
        if self.day == Some(day) { self.used.get(agreement).copied().unwrap_or_default() } else { 0 }
    }

    fn take(&mut self, agreement: &AgreementId, day: Date, asked: u64) {
        // Time does not run backwards: what was used on earlier days no longer matters.
        if self.day != Some(day) {
            self.day = Some(day);
            self.used.clear();
        }
        let used = self.used.entry(agreement.clone()).or_default();
        *used = used.saturating_add(asked);
    }
}

/// Decides a query again, and checks each release against the records as the log made them.
pub(super) fn follow(
    ledger: &mut Ledger,
    act: &Act<'_>,
    query: &Query,
    admitted: Result<(), Refusal>,
    found: &mut Found,
) -> Basis {
    let quota = |agreement: &AgreementId, day| Ok::<_, Infallible>(ledger.quotas.used(agreement, day));
    let access = admitted.and_then(|()| {
        let Ok(access) = decide_access(&ledger.rules, &act.header.actor, query, quota, &act.now);
        access
    });
    let permitted = match &act.entry.outcome {
        Outcome::Refused(_) => {
            let due = access.map(|_| ());
            return compare(due, &act.entry.outcome, &[RefusalReason::TooManyRecords], found);
        }
        Outcome::QueryPermitted(permitted) => permitted,
        _ => {
            found.add(Fault::OutcomeKind, "a query is permitted or refused");
            return Basis::Recomputed;
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
    compare(access.map(|_| ()), &act.entry.outcome, &[], found);
    check_releases(ledger, act, query, permitted, found);
    let day = act.now.civil_day(ledger.rules.policy.civil_day_offset_seconds);
    ledger.quotas.take(&permitted.agreement_id, day, query.commitments.len() as u64);
    Basis::Attested
}

fn check_releases(ledger: &Ledger, act: &Act<'_>, query: &Query, permitted: &QueryPermitted, found: &mut Found) {
    let most = ledger.rules.policy.max_released_records as usize;
    if permitted.records.len() > most {
        let message = format!("{} records were released, at most {most} may be", permitted.records.len());
        found.add(Fault::WronglyDone(RefusalReason::TooManyRecords), message);
    }
    for release in &permitted.records {
        if release.lookup as usize >= query.commitments.len() {
            let message = format!("lookup {} of a query with {}", release.lookup, query.commitments.len());
            found.add(Fault::LookupUnknown, message);
        }
        check_release(ledger, act, query, release, found);
    }
}

fn check_release(ledger: &Ledger, act: &Act<'_>, query: &Query, release: &RecordRelease, found: &mut Found) {
    let handle = release.handle;
    let Some(record) = ledger.records.current(&handle).filter(|record| record.resource_id == query.resource_id) else {
        let message = format!("record {handle} of {} was published by no earlier entry", query.resource_id);
        return found.add(Fault::RecordUnpublished, message);
    };
    let head = &record.head;
    if (release.version, release.jwt_sha256, release.publication_index)
        != (head.version, head.jwt_sha256, head.publication_index)
    {
        let message = format!(
            "record {handle}: released is version {} (JWT {}) of entry {}, current was version {} (JWT {}) of entry {}",
            release.version,
            release.jwt_sha256,
            release.publication_index,
            head.version,
            head.jwt_sha256,
            head.publication_index
        );
        return found.add(Fault::RecordNotCurrent, message);
    }
    let due = head.status_at(&act.now, ledger.rules.policy.civil_day_offset_seconds);
    // Who signed the record stands in its JWT, not in the log: that its key was compromised is the hub's word.
    let may_be_suspect = release.status == RecordStatus::Suspended && ledger.has_suspect_key(query, head.published_at);
    if release.status != due && !(due == RecordStatus::Active && may_be_suspect) {
        let message =
            format!("record {handle}: its status is entered as {}, the log shows {}", name(release.status), name(due));
        found.add(Fault::RecordStatus, message);
    }
    let resource = ledger.rules.catalog.version(query.resource_id.as_str(), head.resource_version);
    let due: Vec<_> = match (release.status, resource) {
        (RecordStatus::Active, Some(resource)) => {
            query.fields.iter().filter(|code| resource.field(code.as_str()).is_some()).cloned().collect()
        }
        _ => Vec::new(),
    };
    if release.fields != due {
        let message = format!("record {handle}: released are [{}], due were [{}]", list(&release.fields), list(&due));
        found.add(Fault::FieldsDiffer, message);
    }
    if release.sd_hash.is_some() == release.fields.is_empty() {
        let message = format!("record {handle}: {} fields were released", release.fields.len());
        found.add(Fault::PresentationMissing, format!("{message}, and the presentation is {}named", not(release)));
    }
}

impl Ledger {
    /// Whether the provider of a resource has a key compromised since before a record was published.
    fn has_suspect_key(&self, query: &Query, published_at: Time) -> bool {
        let Some((_, resource)) = self.rules.catalog.newest(query.resource_id.as_str()) else { return false };
        let mut keys = self.rules.directory.keys.values();
        keys.any(|key| {
            *key.system.department() == resource.provider
                && key.compromised_since.is_some_and(|since| published_at >= since)
        })
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn name(status: RecordStatus) -> String {
    format!("{status:?}").to_uppercase()
}

fn not(release: &RecordRelease) -> &'static str {
    if release.sd_hash.is_some() { "" } else { "not " }
}
