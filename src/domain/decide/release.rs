//! Which fields of the records found are released?

use serde_json::Value;

use super::access::Access;
use crate::domain::{
    agreement::LookupKind,
    catalog::Resource,
    id::{FieldCode, Handle},
    outcome::{Original, Refusal, RefusalReason},
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
    /// The record found before it that it replaces; `None`: the lookup found it itself.
    pub replaces: Option<Handle>,
    /// Of an annotated copy, its original.
    pub original: Option<RecordHead>,
}

/// What is released of a record found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Its status at the moment.
    pub status: RecordStatus,
    /// The fields; none unless ACTIVE.
    pub fields: Vec<FieldCode>,
    /// Of an annotated copy, what its status rests on.
    pub original: Option<Original>,
}

/// What is released of the records found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Of each, in their order; `None` of one that misses the agreement's row condition, or replaces such a one: it is withheld.
    pub records: Vec<Option<Released>>,
    /// Whether the agreement has a row condition.
    pub is_conditional: bool,
}

/// Decides what is released of each record found: nothing, not even its status, where it, or one that it replaces, misses the row
/// condition of the agreement that gives access; the fields asked for that the record's own catalog version has, where it is ACTIVE; of any other only the
/// status. An annotated copy is no better than its original, and of one that was made for another purpose only the status is released. A record signed by a key that was compromised before it was published counts as SUSPENDED until signed anew.
///
/// `values` gives the values of a record found, by its position; it is asked only where there is a condition.
///
/// # Errors
/// The outer error is that of `values`; the inner the refusal, where more records were found than one query may release.
pub fn decide_release<E>(
    rules: &Rules,
    access: &Access,
    query: &Query,
    found: &[Found],
    mut values: impl FnMut(usize) -> Result<Vec<(String, Value)>, E>,
    now: &Moment,
) -> Result<Result<Release, Refusal>, E> {
    let most = most_released(&rules.policy, query);
    if found.len() > most {
        let term = if most == rules.policy.max_released_records as usize {
            format!("max_released_records {most}")
        } else {
            format!("at most {most} with {} fields", query.fields.len())
        };
        let refusal =
            Refusal { peer_address: access.peer_address, ..Refusal::new(RefusalReason::TooManyRecords, term) };
        return Ok(Err(refusal));
    }
    let agreement = rules.agreements.find(access.agreement_id.as_str());
    let version = agreement.and_then(|agreement| agreement.version(access.agreement_version));
    let condition = version.and_then(|version| version.text.condition.as_ref());
    let mut records: Vec<Option<Released>> = Vec::with_capacity(found.len());
    for (position, record) in found.iter().enumerate() {
        let version = record.head.resource_version;
        let resource = rules.catalog.version(query.resource_id.as_str(), version).map(AsRef::as_ref);
        // Who does not learn of a record does not learn what replaced it.
        let follows_withheld = record.replaces.is_some() && matches!(records.last(), Some(None));
        let meets = match (condition, resource) {
            (None, _) => true,
            (Some(_), _) if follows_withheld => false,
            (Some(condition), Some(resource)) => condition.holds(resource, &values(position)?),
            // Fail closed: no version of the catalog says what its values mean.
            (Some(_), None) => false,
        };
        records.push(meets.then(|| release(rules, query, record, resource, now)));
    }
    Ok(Ok(Release { records, is_conditional: condition.is_some() }))
}

/// The most bytes of an entry.
const MAX_ENTRY_BYTES: usize = 65_535;
/// What the entry of a permitted query takes beside fields, commitments and releases: the actor's SPIFFE ID (310 bytes
/// at most) and hub (200), resource (128), purpose, matter and agreement twice (64 each), the digests, signature, key
/// and payload type (under 300), the peer's address (18), and under 200 bytes of tags and lengths.
const FRAME_BYTES: usize = 2_000;
/// What a commitment takes with its tag and length.
const COMMITMENT_BYTES: usize = 34;
/// What a release takes beside its fields: four hashes of 34 bytes with tag and length, four numbers of at most 25, its own tag
/// and length of 4; and of a copy its original: a hash, two numbers of at most 13, tag and length of 2. A record withheld takes less.
const RELEASE_BYTES: usize = 165 + 49;

/// How many records a query may release: as many as the policy says, and fewer where so many times the fields asked for would
/// not fit an entry. It follows from the question alone, so that no answer is lost for its length: that would leave no
/// entry, and tell that much was found.
pub fn most_released(policy: &Policy, query: &Query) -> usize {
    let fields: usize = query.fields.iter().map(|code| code.as_str().len() + 2).sum();
    let asked = FRAME_BYTES + fields + query.commitments.len() * COMMITMENT_BYTES;
    let fit = MAX_ENTRY_BYTES.saturating_sub(asked) / (RELEASE_BYTES + fields);
    fit.min(policy.max_released_records as usize)
}

/// Whether a query learns what replaced a record that it finds: one that looks records up by their identifiers, and asks for them
/// under an agreement that gives them, learns the identifier of the successor. By a holder it would find the successor itself, if
/// that is the holder's.
pub fn learns_successor(query: &Query, resource: Option<&Resource>) -> bool {
    query.lookup == LookupKind::Record
        && resource.is_some_and(|resource| query.fields.contains(&resource.record_id_field))
}

fn release(rules: &Rules, query: &Query, found: &Found, resource: Option<&Resource>, now: &Moment) -> Released {
    let status_of = |head: &RecordHead| {
        let issuer_key = rules.directory.keys.get(&head.issuer_key);
        let since = issuer_key.and_then(|key| key.compromised_since);
        let is_suspect = since.is_some_and(|since| head.published_at >= since);
        released_status(head, is_suspect, now, rules.policy.civil_day_offset_seconds)
    };
    let original = found.original.as_ref().map(|head| Original {
        handle: head.handle,
        publication_index: head.publication_index,
        status: status_of(head),
    });
    let own = status_of(&found.head);
    let status = original.map_or(own, |original| own.falls_with(original.status));
    let serves = found.head.copy.as_ref().is_none_or(|copy| copy.serves(&query.purpose));
    let is_successor = found.replaces.is_some();
    let is_released = |code: &&FieldCode| serves && is_released(status, resource, code.as_str(), is_successor);
    let fields = query.fields.iter().filter(is_released).cloned().collect();
    Released { status, fields, original }
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

/// Whether a field that was asked for is released of a record of this status, which follows this version of its resource. Of the
/// successor of what was looked up only the identifier is.
pub fn is_released(status: RecordStatus, resource: Option<&Resource>, code: &str, is_successor: bool) -> bool {
    let has = |resource: &Resource| {
        if is_successor { resource.record_id_field.as_str() == code } else { resource.field(code).is_some() }
    };
    status == RecordStatus::Active && resource.is_some_and(has)
}
