//! The projections' rows: their keys, their bytes, and how changes become writes. Shared by the engines that keep them in a
//! table of bytes.
//!
//! ```text
//! key                                                     value, after one byte of version (1)
//! 00 "applied"                                            u64: entries applied
//! 01 ‖ u64 entry                                          nothing: the entry changed the rules
//! 02 ‖ SHA-256(actor)[..16] ‖ request id 16               u64 entry ‖ payload SHA-256 32
//! 03 ‖ handle 32                                          the record's row, below
//! 04 ‖ record key 32                                      handle 32
//! 05 ‖ holder key 32 ‖ handle 32                          nothing
//! 06 ‖ u32 day since 1970 + 2^31 ‖ agreement id           u64 records asked for on that day ‖ i64 newest minute, ms ‖ u64 in it
//! 07 ‖ handle 32                                          what replaced a record that has no row yet: as in the row
//!
//! record row: u32 version ‖ u32 resource version ‖ u8 status ‖ i32 from ‖ i32 until ‖ jwt SHA-256 32 ‖ source digest 32
//!             ‖ u64 publication entry ‖ i64 published, ms ‖ issuer key 32
//!             ‖ copy: u8 0, or u8 1 ‖ original 32 ‖ u8 length ‖ purpose ‖ record key 32
//!             ‖ what replaced it: u8 0, or u8 1 ‖ handle 32 ‖ u64 publication entry ‖ holder key 32 of each holder
//! status: 1 active, 2 suspended, 3 revoked, 4 expired, 5 superseded;  days since 1970, i32::MIN where unbounded
//! ```
//!
//! Integers are big-endian. The bytes have golden vectors: a rebuilt index is compared with a live one byte by byte.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{BlindKey, Change, Error, Projections, RecordRow, RequestRow, Row, late::Late};
use crate::{
    domain::{
        decide::Usage,
        id::{AgreementId, Code, Digest, Handle, KeyId, RequestId, SystemId},
        record::{AnnotatedCopy, RecordHead, RecordStatus, Successor, Validity},
        time::{Date, Time, date_of_days, days_of_date},
    },
    sign::sha256,
};

/// The version of the rows written here.
const VERSION: u8 = 1;

/// Where the number of entries applied is.
const APPLIED: &[u8] = b"\x00applied";

const RULE: u8 = 1;
const REQUEST: u8 = 2;
const RECORD: u8 = 3;
const BY_RECORD_KEY: u8 = 4;
const BY_HOLDER_KEY: u8 = 5;
const QUOTA: u8 = 6;
const EARLY_SUCCESSOR: u8 = 7;

/// Bytes of an actor's hash in a key: 128 bits are enough that no two of a directory's systems ever meet.
const ACTOR_LEN: usize = 16;

/// Rows to be written at once; `None` removes one.
pub(super) type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A sorted table of bytes.
pub(super) trait Table: Send + Sync + 'static {
    /// The value under a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The rows whose keys begin with `prefix`, in order, at most `limit`.
    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<Row>, Error>;

    /// Writes one row.
    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error>;

    /// Writes all rows or none.
    fn write(&self, writes: Writes) -> Result<(), Error>;

    /// Makes durable what was written.
    fn flush(&self) -> Result<(), Error>;

    /// Removes all rows.
    fn clear(&self) -> Result<(), Error>;
}

#[cfg(test)]
impl<T: Table> Table for std::sync::Arc<T> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        T::get(self, key)
    }

    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<Row>, Error> {
        T::scan(self, prefix, limit)
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        T::put(self, key, value)
    }

    fn write(&self, writes: Writes) -> Result<(), Error> {
        T::write(self, writes)
    }

    fn flush(&self) -> Result<(), Error> {
        T::flush(self)
    }

    fn clear(&self) -> Result<(), Error> {
        T::clear(self)
    }
}

/// Projections in a table.
pub(super) struct Rows<T: Table> {
    rows: Late<T>,
    /// Held while changes are applied: a quota's row is read and written back.
    applying: Mutex<()>,
}

impl<T: Table> Rows<T> {
    /// Projections in this table.
    pub(super) fn new(table: T) -> Self {
        Self { rows: Late::new(table), applying: Mutex::new(()) }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.rows.get(key)
    }
}

impl<T: Table> Projections for Rows<T> {
    fn applied(&self) -> Result<u64, Error> {
        self.get(APPLIED)?.map_or(Ok(0), |value| decode(APPLIED, &value, |fields| fields.u64()))
    }

    fn apply(&self, applied: u64, changes: &[Change]) -> Result<(), Error> {
        let _alone = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pending = Pending { rows: &self.rows, writes: Writes::new() };
        changes.iter().try_for_each(|change| pending.apply(change))?;
        pending.put(APPLIED.to_vec(), &applied.to_be_bytes());
        let can_wait = changes.iter().all(|change| matches!(change, Change::Request { .. } | Change::Quota { .. }));
        if !can_wait {
            return self.rows.settle(pending.writes);
        }
        let rows = pending.writes.into_iter().filter_map(|(key, value)| value.map(|value| (key, value)));
        // A request's row says the same however often it is written; a quota's belongs to the number of entries applied.
        let (requests, counts) = rows.partition(|(key, _)| key.first() == Some(&REQUEST));
        self.rows.add(requests, counts)
    }

    fn flush(&self) -> Result<(), Error> {
        self.rows.settle(Writes::new())?;
        self.rows.table().flush()
    }

    fn reset(&self) -> Result<(), Error> {
        let _alone = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        self.rows.settle(Writes::new())?;
        self.rows.table().clear()
    }

    fn rule_entries(&self) -> Result<Vec<u64>, Error> {
        let index = |(key, _): Row| {
            let index = key.get(1..).and_then(|index| index.try_into().ok()).map(u64::from_be_bytes);
            index.ok_or_else(|| malformed(&key))
        };
        self.rows.table().scan(&[RULE], usize::MAX)?.into_iter().map(index).collect()
    }

    fn request(&self, actor: &SystemId, request_id: &RequestId) -> Result<Option<RequestRow>, Error> {
        let key = request_key(actor, request_id);
        let row =
            |fields: &mut Fields| Some(RequestRow { index: fields.u64()?, payload_sha256: Digest(fields.array()?) });
        self.get(&key)?.map(|value| decode(&key, &value, row)).transpose()
    }

    fn record(&self, handle: &Handle) -> Result<Option<RecordRow>, Error> {
        let key = record_key(handle);
        record(&key, handle, self.get(&key)?)
    }

    fn records_of_slice(&self, slice: u8) -> Result<Vec<RecordRow>, Error> {
        let row = |(key, value): Row| {
            let handle = key.get(1..).and_then(|handle| handle.try_into().ok()).map(Handle);
            let handle = handle.ok_or_else(|| malformed(&key))?;
            record(&key, &handle, Some(value))
        };
        let rows = self.rows.table().scan(&joined(RECORD, &[&[slice]]), usize::MAX)?;
        rows.into_iter().filter_map(|found| row(found).transpose()).collect()
    }

    fn by_record_key(&self, key: &BlindKey) -> Result<Option<Handle>, Error> {
        let key = by_record_key(key);
        self.get(&key)?.map(|value| decode(&key, &value, |fields| fields.array().map(Handle))).transpose()
    }

    fn by_holder_key(&self, key: &BlindKey, limit: usize) -> Result<Vec<Handle>, Error> {
        let prefix = joined(BY_HOLDER_KEY, &[&key.0]);
        let handle = |(row, _): Row| {
            let handle = row.get(prefix.len()..).and_then(|handle| handle.try_into().ok());
            handle.ok_or_else(|| malformed(&row))
        };
        self.rows.table().scan(&prefix, limit)?.into_iter().map(handle).collect()
    }

    fn usage(&self, agreement_id: &AgreementId, day: Date) -> Result<Usage, Error> {
        let key = quota_key(agreement_id, day);
        usage(&key, self.get(&key)?)
    }

    fn dump(&self) -> Result<Vec<Row>, Error> {
        self.rows.settle(Writes::new())?;
        self.rows.table().scan(&[], usize::MAX)
    }
}

/// Changes on their way into a table: later ones see earlier ones.
struct Pending<'a, T: Table> {
    rows: &'a Late<T>,
    writes: Writes,
}

impl<T: Table> Pending<'_, T> {
    fn apply(&mut self, change: &Change) -> Result<(), Error> {
        match change {
            Change::Rule { index } => self.put(joined(RULE, &[&index.to_be_bytes()]), &[]),
            Change::Request { actor, request_id, row } => {
                let row = joined(VERSION, &[&row.index.to_be_bytes(), row.payload_sha256.as_bytes()]);
                self.writes.insert(request_key(actor, request_id), Some(row));
            }
            Change::Record(row) => self.record(row)?,
            Change::Replaced { handle, successor } => {
                let key = record_key(handle);
                match record(&key, handle, self.get(&key)?)? {
                    Some(mut row) => {
                        // The first one stays.
                        row.head.successor.get_or_insert(*successor);
                        self.put(key, &encode_record(&row));
                    }
                    None => {
                        let successor = self.early_successor(handle)?.unwrap_or(*successor);
                        self.put(early_successor_key(handle), &encode_successor(Some(&successor)));
                    }
                }
            }
            Change::Quota { agreement_id, day, minute, asked } => {
                let key = quota_key(agreement_id, *day);
                let mut usage = usage(&key, self.get(&key)?)?;
                match minute {
                    Some(minute) => usage.take(*minute, *asked),
                    None => usage.take_on_day(*asked),
                }
                self.put(key, &encode_usage(usage));
            }
        }
        Ok(())
    }

    fn record(&mut self, row: &RecordRow) -> Result<(), Error> {
        let handle = row.head.handle;
        let key = record_key(&handle);
        let mut row = row.clone();
        let before = record(&key, &handle, self.get(&key)?)?;
        row.head.successor = match &before {
            Some(before) => before.head.successor,
            None => self.early_successor(&handle)?,
        };
        if let Some(before) = before {
            before.holder_keys.iter().for_each(|holder| self.remove(by_holder_key(holder, &handle)));
            let by_record = by_record_key(&before.record_key);
            let found = self.get(&by_record)?;
            // Another record may have come to bear the identifier meanwhile.
            if found.is_some_and(|value| value.get(1..) == Some(handle.as_bytes())) {
                self.remove(by_record);
            }
        }
        self.put(key, &encode_record(&row));
        self.put(by_record_key(&row.record_key), handle.as_bytes());
        row.holder_keys.iter().for_each(|holder| self.put(by_holder_key(holder, &handle), &[]));
        Ok(())
    }

    /// What replaced a record before it had a row, if anything did.
    fn early_successor(&self, handle: &Handle) -> Result<Option<Successor>, Error> {
        let key = early_successor_key(handle);
        Ok(self.get(&key)?.map(|value| decode(&key, &value, successor)).transpose()?.flatten())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.rows.get(key),
        }
    }

    fn put(&mut self, key: Vec<u8>, value: &[u8]) {
        self.writes.insert(key, Some(joined(VERSION, &[value])));
    }

    fn remove(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }
}

fn joined(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    joined.push(first);
    parts.iter().for_each(|part| joined.extend_from_slice(part));
    joined
}

fn request_key(actor: &SystemId, request_id: &RequestId) -> Vec<u8> {
    let actor = sha256(actor.as_str().as_bytes());
    joined(REQUEST, &[actor.get(..ACTOR_LEN).unwrap_or_default(), &request_id.0])
}

fn record_key(handle: &Handle) -> Vec<u8> {
    joined(RECORD, &[handle.as_bytes()])
}

fn early_successor_key(handle: &Handle) -> Vec<u8> {
    joined(EARLY_SUCCESSOR, &[handle.as_bytes()])
}

/// What replaced a record, if anything did.
fn encode_successor(successor: Option<&Successor>) -> Vec<u8> {
    successor.map_or_else(
        || vec![0],
        |found| [&[1], found.handle.as_bytes().as_slice(), &found.publication_index.to_be_bytes()].concat(),
    )
}

fn successor(fields: &mut Fields) -> Option<Option<Successor>> {
    match fields.array()? {
        [0] => Some(None),
        [1] => Some(Some(Successor { handle: Handle(fields.array()?), publication_index: fields.u64()? })),
        _ => None,
    }
}

fn by_record_key(key: &BlindKey) -> Vec<u8> {
    joined(BY_RECORD_KEY, &[&key.0])
}

fn by_holder_key(key: &BlindKey, handle: &Handle) -> Vec<u8> {
    joined(BY_HOLDER_KEY, &[&key.0, handle.as_bytes()])
}

fn quota_key(agreement_id: &AgreementId, day: Date) -> Vec<u8> {
    // Days before 1970 sort before those after it.
    let day = (day_number(Some(day)) as u32) ^ (1 << 31);
    joined(QUOTA, &[&day.to_be_bytes(), agreement_id.as_str().as_bytes()])
}

fn encode_usage(usage: Usage) -> Vec<u8> {
    [usage.day.to_be_bytes(), usage.minute_began.as_millis().to_be_bytes(), usage.minute.to_be_bytes()].concat()
}

/// The usage in a value, if there was any.
fn usage(key: &[u8], value: Option<Vec<u8>>) -> Result<Usage, Error> {
    let row = |fields: &mut Fields| {
        let day = fields.u64()?;
        let minute_began = fields.array().map(i64::from_be_bytes).and_then(Time::from_millis)?;
        Some(Usage { day, minute_began, minute: fields.u64()? })
    };
    value.map_or(Ok(Usage::NONE), |value| decode(key, &value, row))
}

/// What stands for "without bound".
const NO_DAY: i32 = i32::MIN;

fn day_number(day: Option<Date>) -> i32 {
    // The years 1 to 9999 are within ± 4 million days of 1970.
    day.map_or(NO_DAY, |day| i32::try_from(days_of_date(day)).unwrap_or(NO_DAY))
}

fn day_of_number(number: i32) -> Option<Date> {
    (number != NO_DAY).then(|| date_of_days(number.into()))
}

fn encode_record(row: &RecordRow) -> Vec<u8> {
    let head = &row.head;
    let holders = row.holder_keys.iter().flat_map(|holder| holder.0).collect::<Vec<u8>>();
    [
        head.version.to_be_bytes().as_slice(),
        &head.resource_version.to_be_bytes(),
        &[status_number(head.status)],
        &day_number(head.validity.from).to_be_bytes(),
        &day_number(head.validity.until).to_be_bytes(),
        head.jwt_sha256.as_bytes(),
        head.source_digest.as_bytes(),
        &head.publication_index.to_be_bytes(),
        &head.published_at.as_millis().to_be_bytes(),
        head.issuer_key.as_bytes(),
        &encode_copy(head.copy.as_ref()),
        &row.record_key.0,
        &encode_successor(head.successor.as_ref()),
        &holders,
    ]
    .concat()
}

/// Nothing but 0, or 1, the original, and the purpose's length and text.
fn encode_copy(copy: Option<&AnnotatedCopy>) -> Vec<u8> {
    let Some(copy) = copy else { return vec![0] };
    let purpose = copy.purpose.as_ref().map(Code::as_str).unwrap_or_default().as_bytes();
    // A code has at most 64 characters, all ASCII.
    [&[1], copy.original.as_bytes().as_slice(), &[purpose.len() as u8], purpose].concat()
}

fn copy(fields: &mut Fields) -> Option<Option<AnnotatedCopy>> {
    match fields.array()? {
        [0] => Some(None),
        [1] => {
            let (original, [length]) = (Handle(fields.array()?), fields.array()?);
            let purpose = std::str::from_utf8(fields.take(length.into())?).ok()?;
            let purpose = if purpose.is_empty() { None } else { Some(purpose.parse().ok()?) };
            Some(Some(AnnotatedCopy { original, purpose }))
        }
        _ => None,
    }
}

/// The record's row in a value, if there is one.
fn record(key: &[u8], handle: &Handle, value: Option<Vec<u8>>) -> Result<Option<RecordRow>, Error> {
    let row = |fields: &mut Fields| {
        let mut head = RecordHead {
            handle: *handle,
            version: fields.array().map(u32::from_be_bytes)?,
            resource_version: fields.array().map(u32::from_be_bytes)?,
            status: fields.array().and_then(|[number]| status_of_number(number))?,
            validity: Validity {
                from: fields.array().map(i32::from_be_bytes).map(day_of_number)?,
                until: fields.array().map(i32::from_be_bytes).map(day_of_number)?,
            },
            jwt_sha256: Digest(fields.array()?),
            source_digest: Digest(fields.array()?),
            publication_index: fields.u64()?,
            published_at: fields.array().map(i64::from_be_bytes).and_then(Time::from_millis)?,
            issuer_key: KeyId(fields.array()?),
            successor: None,
            copy: copy(fields)?,
        };
        let record_key = BlindKey(fields.array()?);
        head.successor = successor(fields)?;
        let mut holder_keys = vec![BlindKey(fields.array()?)];
        while !fields.0.is_empty() {
            holder_keys.push(BlindKey(fields.array()?));
        }
        Some(RecordRow { head, record_key, holder_keys })
    };
    value.map(|value| decode(key, &value, row)).transpose()
}

fn status_number(status: RecordStatus) -> u8 {
    match status {
        RecordStatus::Active => 1,
        RecordStatus::Suspended => 2,
        RecordStatus::Revoked => 3,
        RecordStatus::Expired => 4,
        RecordStatus::Superseded => 5,
    }
}

fn status_of_number(number: u8) -> Option<RecordStatus> {
    match number {
        1 => Some(RecordStatus::Active),
        2 => Some(RecordStatus::Suspended),
        3 => Some(RecordStatus::Revoked),
        4 => Some(RecordStatus::Expired),
        5 => Some(RecordStatus::Superseded),
        _ => None,
    }
}

/// Reads a whole value after its version.
fn decode<V>(key: &[u8], value: &[u8], read: impl FnOnce(&mut Fields) -> Option<V>) -> Result<V, Error> {
    let mut fields = Fields(value);
    let versioned = fields.array() == Some([VERSION]);
    let row = read(&mut fields).filter(|_| versioned && fields.0.is_empty());
    row.ok_or_else(|| malformed(key))
}

fn malformed(key: &[u8]) -> Error {
    Error::Damaged { place: format!("row {} of the index", hex::encode(key)), problem: "it makes no sense".into() }
}

/// Reads fixed-width fields off the front of a value.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}
