//! Which fields of the records found are released?

use crate::domain::{
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
    let suspect = rules
        .directory
        .keys
        .get(&head.issuer_key)
        .and_then(|key| key.compromised_since)
        .is_some_and(|since| head.published_at >= since);
    let status = match head.status_at(now, rules.policy.civil_day_offset_seconds) {
        RecordStatus::Active if suspect => RecordStatus::Suspended,
        status => status,
    };
    let resource = rules.catalog.version(query.resource_id.as_str(), head.resource_version);
    let fields = match (status, resource) {
        (RecordStatus::Active, Some(resource)) => {
            query.fields.iter().filter(|code| resource.field(code.as_str()).is_some()).cloned().collect()
        }
        _ => Vec::new(),
    };
    Released { status, fields }
}
