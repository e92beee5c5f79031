//! Which fields of the records found are released?

use crate::domain::{
    catalog::Resource,
    id::FieldCode,
    outcome::{Refusal, RefusalReason},
    record::{RecordHead, RecordStatus},
    rules::Rules,
    statement::{Policy, Query},
    time::Moment,
};

/// A record that a lookup found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which lookup, from 0.
    pub lookup: u32,
    /// The record.
    pub head: RecordHead,
}

/// What is released of a record found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Its status at the moment.
    pub status: RecordStatus,
    /// The fields; none unless ACTIVE.
    pub fields: Vec<FieldCode>,
}

/// Decides what is released of each record found: the fields asked for that the record's own catalog version has, where the
/// record is ACTIVE; of any other only the status. A record signed by a key that was compromised before it was published
/// counts as SUSPENDED until signed anew.
///
/// # Errors
/// The refusal, where more records were found than one query may release.
pub fn decide_release(rules: &Rules, query: &Query, found: &[Found], now: &Moment) -> Result<Vec<Released>, Refusal> {
    let most = most_released(&rules.policy, query);
    if found.len() > most {
        let term = if most == rules.policy.max_released_records as usize {
            format!("max_released_records {most}")
        } else {
            format!("at most {most} with {} fields", query.fields.len())
        };
        return Err(Refusal::new(RefusalReason::TooManyRecords, term));
    }
    Ok(found.iter().map(|found| release(rules, query, &found.head, now)).collect())
}

/// The most bytes of an entry.
const MAX_ENTRY_BYTES: usize = 65_535;
/// What the entry of a permitted query takes beside fields, commitments and releases: the actor's SPIFFE ID (310 bytes
/// at most) and hub (200), resource (128), purpose, matter and agreement twice (64 each), the digests, signature, key
/// and payload type (under 300), and under 200 bytes of tags and lengths.
const FRAME_BYTES: usize = 2_000;
/// What a commitment takes with its tag and length.
const COMMITMENT_BYTES: usize = 34;
/// What a release takes beside its fields: three hashes of 34 bytes with tag and length, four numbers of at most 25, its own tag
/// and length of 4.
const RELEASE_BYTES: usize = 131;

/// How many records a query may release: as many as the policy says, and fewer where so many times the fields asked for would
/// not fit an entry. It follows from the question alone, so that no answer is lost for its length: that would leave no
/// entry, and tell that much was found.
pub fn most_released(policy: &Policy, query: &Query) -> usize {
    let fields: usize = query.fields.iter().map(|code| code.as_str().len() + 2).sum();
    let asked = FRAME_BYTES + fields + query.commitments.len() * COMMITMENT_BYTES;
    let fit = MAX_ENTRY_BYTES.saturating_sub(asked) / (RELEASE_BYTES + fields);
    fit.min(policy.max_released_records as usize)
}

fn release(rules: &Rules, query: &Query, head: &RecordHead, now: &Moment) -> Released {
    let issuer_key = rules.directory.keys.get(&head.issuer_key);
    let is_suspect = issuer_key.and_then(|key| key.compromised_since).is_some_and(|since| head.published_at >= since);
    let status = released_status(head, is_suspect, now, rules.policy.civil_day_offset_seconds);
    let resource = rules.catalog.version(query.resource_id.as_str(), head.resource_version).map(AsRef::as_ref);
    let fields = query.fields.iter().filter(|code| is_released(status, resource, code.as_str())).cloned().collect();
    Released { status, fields }
}

/// The status with which a record is released. A suspect one, whose key was compromised before it was published, counts as
/// SUSPENDED until signed anew.
pub fn released_status(
    head: &RecordHead,
    is_suspect: bool,
    now: &Moment,
    civil_day_offset_seconds: i32,
) -> RecordStatus {
    match head.status_at(now, civil_day_offset_seconds) {
        RecordStatus::Active if is_suspect => RecordStatus::Suspended,
        status => status,
    }
}

/// Whether a field that was asked for is released of a record of this status, which follows this version of its resource.
pub fn is_released(status: RecordStatus, resource: Option<&Resource>, code: &str) -> bool {
    status == RecordStatus::Active && resource.is_some_and(|resource| resource.field(code).is_some())
}
