//! Which fields of the records found are released?

use crate::domain::{
    catalog::Resource,
    id::FieldCode,
    outcome::{Refusal, RefusalReason},
    record::{RecordHead, RecordStatus},
    rules::Rules,
    statement::Query,
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
    let most = rules.policy.max_released_records;
    if found.len() > most as usize {
        return Err(Refusal::new(RefusalReason::TooManyRecords, format!("max_released_records {most}")));
    }
    Ok(found.iter().map(|found| release(rules, query, &found.head, now)).collect())
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
