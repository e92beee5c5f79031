//! What an entry changes in the projections: the same code while the hub runs, when it starts, and when they are rebuilt.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher as _},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    domain::{
        catalog::Resource,
        decide::record_terms,
        id::{AgreementId, Digest, Handle, KeyId, RequestId, ResourceId, SystemId},
        outcome::{Effect, Notice, Outcome, RefusalReason},
        record::{RecordHead, Successor},
        rules::Rules,
        statement::{Publication, Statement},
        time::{Date, Time},
    },
    sign::{commitment::Scheme, sd_jwt::SdJwt, sealing::BlindIndex, sha256},
    store::{BlindKey, Bodies, Change, LogReader, Projections, RecordRow, RequestRow},
    wire::{self, Entry},
};

use super::{Error, publishing::split_body, snapshot::Snapshot};

/// Makes index keys of identifiers.
pub(super) struct Terms(BlindIndex);

/// Under what a record is found, and who signed it: what the log cannot tell of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordTerms {
    pub(super) record_key: BlindKey,
    /// One of each holder, in the order of the record.
    pub(super) holder_keys: Vec<BlindKey>,
    pub(super) issuer_key: KeyId,
}

impl Terms {
    pub(super) fn new(index: BlindIndex) -> Self {
        Self(index)
    }

    /// The index key of a record's identifier, in its canonical form.
    pub(super) fn record_key(&self, resource: &ResourceId, identifier: &str) -> BlindKey {
        BlindKey(self.0.key(c"record", &[resource.as_str().as_bytes(), identifier.as_bytes()]))
    }

    /// The index key of a holder's identifier, in its canonical form.
    pub(super) fn holder_key(&self, resource: &ResourceId, identifier: &str) -> BlindKey {
        BlindKey(self.0.key(c"holder", &[resource.as_str().as_bytes(), identifier.as_bytes()]))
    }

    /// The terms of a record; `None` where its body lacks an identifier in its type's form.
    pub(super) fn of_record(
        &self,
        resource: &Resource,
        fields: &[(String, Value)],
        issuer_key: KeyId,
    ) -> Option<RecordTerms> {
        let (record, holders) = record_terms(resource, fields)?;
        let record = canonical(resource, resource.record_id_field.as_str(), record)?;
        let holder_key = |holder: &str| {
            let holder = canonical(resource, resource.holder_field.as_str(), holder)?;
            Some(self.holder_key(&resource.resource_id, &holder))
        };
        Some(RecordTerms {
            record_key: self.record_key(&resource.resource_id, &record),
            holder_keys: holders.into_iter().map(holder_key).collect::<Option<_>>()?,
            issuer_key,
        })
    }
}

/// The canonical form of a field's value, as a commitment to it would have it. Where commitments of several schemes are possible, it
/// is the same in each that the value fits; the last takes any.
pub(super) fn canonical(resource: &Resource, field: &str, value: &str) -> Option<String> {
    schemes_of(resource, field).last()?.canonical_form(value).ok()
}

/// The schemes that a commitment to a field's value may have.
pub(super) fn schemes_of(resource: &Resource, field: &str) -> Vec<Scheme> {
    let names = resource.field(field).map(|field| field.field_type.commitment_schemes()).unwrap_or_default();
    names.iter().filter_map(|name| Scheme::from_name(name).ok()).collect()
}

/// What an entry changes. `terms` are those of the records that a publication made current, in their order.
pub(super) fn changes_of(
    rules: &Rules,
    index: u64,
    time: Time,
    statement: &Statement,
    payload_sha256: Digest,
    outcome: &Outcome,
    terms: &[RecordTerms],
) -> Vec<Change> {
    let mut changes = Vec::new();
    let reused = matches!(outcome, Outcome::Refused(refusal) if refusal.reason == RefusalReason::RequestIdReused);
    if let Some(header) = statement.header().filter(|_| !reused) {
        changes.push(Change::Request {
            actor: header.actor.clone(),
            request_id: header.request_id,
            row: RequestRow { index, payload_sha256 },
        });
    }
    match (statement, outcome) {
        (_, Outcome::Applied(_)) => changes.push(Change::Rule { index }),
        (Statement::Query(..), Outcome::QueryPermitted(_)) => {
            let offset = rules.policy.civil_day_offset_seconds;
            changes.extend(
                uses_of(offset, time, Some(statement), outcome).map(|uses| quota(uses, Some(time.start_of_minute()))),
            );
        }
        (Statement::Publication(_, publication), Outcome::Published(results)) => {
            let accepted = publication.records.iter().zip(results).filter(|(_, violations)| violations.is_empty());
            changes.extend(accepted.zip(terms).flat_map(|((record, _), terms)| {
                let successor = Successor { handle: record.handle, publication_index: index };
                let replaced = record.replaces.map(|handle| Change::Replaced { handle, successor });
                let current = Change::Record(Box::new(RecordRow {
                    head: RecordHead {
                        handle: record.handle,
                        version: record.version,
                        resource_version: publication.resource_version,
                        status: record.status,
                        validity: record.validity,
                        jwt_sha256: record.jwt_sha256,
                        source_digest: record.source_digest,
                        publication_index: index,
                        published_at: time,
                        issuer_key: terms.issuer_key,
                        successor: None,
                        copy: record.copy.clone(),
                    },
                    record_key: terms.record_key,
                    holder_keys: terms.holder_keys.clone(),
                }));
                std::iter::once(current).chain(replaced)
            }));
        }
        _ => {}
    }
    changes
}

/// What an entry used of quotas, or carried over of what was used in the log before: the agreement, the day, how many records.
pub(super) fn uses_of<'a>(
    offset_seconds: i32,
    time: Time,
    statement: Option<&Statement>,
    outcome: &'a Outcome,
) -> impl Iterator<Item = (&'a AgreementId, Date, u64)> {
    let asked = match (statement, outcome) {
        (Some(Statement::Query(_, query)), Outcome::QueryPermitted(permitted)) => {
            let day = time.civil_day(offset_seconds);
            Some((&permitted.agreement_id, day, query.commitments.len() as u64))
        }
        _ => None,
    };
    let carried = if let Outcome::Noted(Notice::QuotasCarried(carried)) = outcome { Some(carried) } else { None };
    let carried =
        carried.into_iter().flat_map(|carried| carried.uses.iter().map(|(id, asked)| (id, carried.day, *asked)));
    asked.into_iter().chain(carried)
}

fn quota((agreement_id, day, asked): (&AgreementId, Date, u64), minute: Option<Time>) -> Change {
    Change::Quota { agreement_id: agreement_id.clone(), day, minute, asked }
}

/// How many bytes of entries are caught up with at a time: a compromise between memory and round trips.
pub(super) const CATCH_UP_BYTES: usize = 1 << 20;

/// Replays the rules and brings the projections up to the log's end.
pub(super) fn catch_up(
    reader: &dyn LogReader,
    bodies: &dyn Bodies,
    projections: &dyn Projections,
    terms: &Terms,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Snapshot, Error> {
    let size = reader.tail().map_or(0, |tail| tail.frontier.size());
    let mut applied = projections.applied()?;
    if applied > size {
        return Err(Error::Inconsistent(format!("the index knows {applied} entries, the log has {size}")));
    }
    let mut replay = Replay::default();
    for index in projections.rule_entries()? {
        let entry = single(reader, index)?;
        replay.follow(index, &entry)?;
    }
    let behind = size - applied;
    while applied < size {
        let entries = reader.entries(applied, size, CATCH_UP_BYTES)?;
        let mut changes = Vec::new();
        for bytes in entries {
            let entry = decode(applied, &bytes)?;
            let statement = replay.follow(applied, &entry)?;
            let decided_at = entry.decided_at();
            // Of what the hub tells of itself only carried quotas change anything.
            if statement.is_none() {
                let offset = replay.rules()?.policy.civil_day_offset_seconds;
                changes.extend(uses_of(offset, decided_at, None, &entry.outcome).map(|uses| quota(uses, None)));
            }
            if let Some((statement, envelope)) = statement.zip(entry.envelope) {
                let rules = replay.rules()?;
                let found = published_terms(rules, bodies, terms, &statement, &entry.outcome)?;
                let digest = Digest(sha256(&envelope.payload));
                changes.extend(changes_of(rules, applied, decided_at, &statement, digest, &entry.outcome, &found));
            }
            applied += 1;
        }
        projections.apply(applied, &changes)?;
        progress(behind - (size - applied), behind);
    }
    let last = size.checked_sub(1).ok_or_else(|| Error::Inconsistent("the log is empty".to_owned()))?;
    let time = single(reader, last)?.time;
    Ok(Snapshot::new(Arc::new(replay.rules()?.clone()), size, time))
}

/// The rules while they are replayed.
#[derive(Default)]
struct Replay(Option<Rules>);

impl Replay {
    fn rules(&self) -> Result<&Rules, Error> {
        self.0.as_ref().ok_or_else(|| Error::Inconsistent("the log does not begin with a genesis entry".to_owned()))
    }

    /// Reads an entry's statement, and applies it where it is about the rules.
    fn follow(&mut self, index: u64, entry: &Entry) -> Result<Option<Statement>, Error> {
        let Some(statement) = statement_of(index, entry)? else { return Ok(None) };
        match (&statement, &entry.outcome) {
            (Statement::Genesis(genesis), Outcome::Applied(Effect::LogOpened)) if index == 0 => {
                self.0 = Some(Rules::of_genesis(genesis));
            }
            (_, Outcome::Applied(effect)) => {
                let rules = self
                    .0
                    .as_mut()
                    .ok_or_else(|| Error::Inconsistent("the log does not begin with a genesis entry".to_owned()))?;
                rules
                    .apply(index, entry.decided_at(), &statement, effect)
                    .map_err(|error| Error::Inconsistent(error.to_string()))?;
            }
            _ => {}
        }
        Ok(Some(statement))
    }
}

pub(super) fn single(reader: &dyn LogReader, index: u64) -> Result<Entry, Error> {
    let entries = reader.entries(index, index + 1, 1)?;
    let bytes = entries.first().ok_or_else(|| Error::Inconsistent(format!("entry {index} is missing")))?;
    decode(index, bytes)
}

pub(super) fn decode(index: u64, bytes: &[u8]) -> Result<Entry, Error> {
    Entry::decode(bytes).map_err(|error| Error::Inconsistent(format!("entry {index}: {error}")))
}

/// The statement of an entry; `None` where the hub told something of itself.
pub(super) fn statement_of(index: u64, entry: &Entry) -> Result<Option<Statement>, Error> {
    entry.statement().map_err(|error| Error::Inconsistent(format!("entry {index}: {error}")))
}

/// The terms of the records that a publication made current, from their bodies.
fn published_terms(
    rules: &Rules,
    bodies: &dyn Bodies,
    terms: &Terms,
    statement: &Statement,
    outcome: &Outcome,
) -> Result<Vec<RecordTerms>, Error> {
    let (Statement::Publication(_, publication), Outcome::Published(results)) = (statement, outcome) else {
        return Ok(Vec::new());
    };
    let Publication { resource_id, resource_version, records, .. } = publication;
    let resource = rules
        .catalog
        .version(resource_id.as_str(), *resource_version)
        .ok_or_else(|| Error::Inconsistent(format!("{resource_id} version {resource_version} is not in the log")))?;
    let accepted = records.iter().zip(results).filter(|(_, violations)| violations.is_empty());
    accepted
        .map(|(record, _)| {
            let missing = || {
                Error::Inconsistent(format!(
                    "the body {} of record {} is missing or unreadable",
                    record.jwt_sha256, record.handle
                ))
            };
            let body = bodies.get(&record.jwt_sha256)?.ok_or_else(missing)?;
            let (_, text) = split_body(&body).ok_or_else(missing)?;
            let sd_jwt = SdJwt::parse(text).map_err(|_| missing())?;
            let fields = sd_jwt.values().map_err(|_| missing())?;
            let kid = sd_jwt.kid().ok().and_then(|kid| wire::kid_from_text(&kid)).ok_or_else(missing)?;
            terms.of_record(resource, &fields, kid).ok_or_else(missing)
        })
        .collect()
}

/// What counts as the same ground of a decision: a change of one makes decisions on it stale. 64 bits of it are enough: two that meet
/// by chance make a decision be made once more, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Ground(u64);

impl Ground {
    /// An actor's request id.
    pub(super) fn request(actor: &SystemId, request_id: &RequestId) -> Self {
        Self::of((b'q', actor, request_id))
    }

    /// A record.
    pub(super) fn record(handle: &Handle) -> Self {
        Self::of((b'r', handle))
    }

    /// What is found by an identifier.
    pub(super) fn key(key: &BlindKey) -> Self {
        Self::of((b'k', key))
    }

    fn of(what: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The grounds that a change moves. A change of the rules moves every decision's and is not among them.
pub(super) fn grounds_of(change: &Change) -> impl Iterator<Item = Ground> {
    let (first, holders) = match change {
        Change::Rule { .. } | Change::Quota { .. } => ([None; 2], &[][..]),
        Change::Request { actor, request_id, .. } => ([Some(Ground::request(actor, request_id)), None], &[][..]),
        Change::Replaced { handle, .. } => ([Some(Ground::record(handle)), None], &[][..]),
        Change::Record(row) => {
            ([Some(Ground::record(&row.head.handle)), Some(Ground::key(&row.record_key))], row.holder_keys.as_slice())
        }
    };
    first.into_iter().flatten().chain(holders.iter().map(Ground::key))
}

/// When a ground was last moved, for the recent past.
#[derive(Default)]
pub(super) struct Recent {
    moved: HashMap<Ground, u64>,
    order: VecDeque<(u64, Ground)>,
    /// What was moved before this entry may have been forgotten.
    floor: u64,
}

/// How many moves are remembered. A publication of 256 records with one holder each takes 35 KiB of the log and moves 769 grounds,
/// so a batch of 8 MiB moves at most some 180,000: the largest batch of them never passes the drafts that were decided just before
/// it. What is older, or moved before a batch of records with many holders, is decided again, which costs time only.
const MAX_RECENT: usize = 262_144;

impl Recent {
    /// Nothing is known of what was moved before `floor`.
    pub(super) fn from(floor: u64) -> Self {
        Self { floor, ..Self::default() }
    }

    /// Whether a ground may have been moved by the entry `since` or a later one.
    pub(super) fn moved_since(&self, ground: &Ground, since: u64) -> bool {
        since < self.floor || self.moved.get(ground).is_some_and(|index| *index >= since)
    }

    pub(super) fn record(&mut self, index: u64, ground: Ground) {
        self.moved.insert(ground, index);
        self.order.push_back((index, ground));
        while self.order.len() > MAX_RECENT {
            if let Some((index, ground)) = self.order.pop_front() {
                self.floor = index + 1;
                if self.moved.get(&ground) == Some(&index) {
                    self.moved.remove(&ground);
                }
            }
        }
    }
}
