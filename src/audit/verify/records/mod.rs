//! Records: what became of each, from its publications to its releases, in the order of the log.
//!
//! The replay hands over what entries say of records. All of it is sorted by record and followed record by record, so that any
//! number of records takes no memory.

use std::collections::BTreeSet;

use prost::Message;

use crate::{
    domain::{
        agreement::LookupKind,
        id::{Code, FieldCode, Handle, ResourceId},
        outcome::{Original, RecordRelease, RecordViolation, RecordWithheld},
        record::RecordStatus,
        rules::Rules,
        statement::{Publication, PublishedRecord, Query},
        time::days_of_date,
    },
    wire::status_to_number,
};

use super::carry::Due;
use super::{Error, findings::Findings, replay::Act, sorter::Sorter, suspects::Compromises};

mod life;

use self::life::Life;

/// What entries say of records, to be followed once all of it is known.
pub(super) struct Records {
    sorter: Sorter,
    item: Vec<u8>,
}

/// What one entry says of a record. These messages live in one run's temporary files only.
#[derive(Clone, PartialEq, Message)]
struct Said {
    /// Of an entry that is not the one that the log sealed nothing is found.
    #[prost(bool, tag = "1")]
    is_sealed: bool,
    /// The entry's time, in milliseconds.
    #[prost(sint64, tag = "2")]
    time: i64,
    #[prost(string, tag = "3")]
    resource_id: String,
    #[prost(uint32, tag = "4")]
    version: u32,
    #[prost(int32, tag = "5")]
    status: i32,
    #[prost(bytes = "vec", tag = "6")]
    jwt_sha256: Vec<u8>,
    #[prost(oneof = "Deed", tags = "7, 8, 9, 10, 11, 12")]
    deed: Option<Deed>,
}

/// What was done with it.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Deed {
    #[prost(message, tag = "7")]
    Published(Published),
    #[prost(message, tag = "8")]
    Released(Released),
    /// By the publication of this entry.
    #[prost(uint64, tag = "9")]
    Withheld(u64),
    #[prost(message, tag = "10")]
    Replaced(Replaced),
    #[prost(message, tag = "11")]
    Copied(Copied),
    /// A copy's status was made to rest on its own, as the publication of this entry made it current.
    #[prost(uint64, tag = "12")]
    Consulted(u64),
}

/// A copy was made of it.
#[derive(Clone, PartialEq, Message)]
struct Copied {
    /// The copy: a handle.
    #[prost(bytes = "vec", tag = "1")]
    copy: Vec<u8>,
    /// The key that signed the copy.
    #[prost(bytes = "vec", tag = "2")]
    issuer_key: Vec<u8>,
    /// In days since 1970.
    #[prost(sint64, optional, tag = "3")]
    valid_until: Option<i64>,
    #[prost(bool, tag = "4")]
    is_carried: bool,
}

/// It was replaced by another.
#[derive(Clone, PartialEq, Message)]
struct Replaced {
    /// By what: a handle.
    #[prost(bytes = "vec", tag = "1")]
    by: Vec<u8>,
    /// The key that signed what replaced it.
    #[prost(bytes = "vec", tag = "2")]
    issuer_key: Vec<u8>,
    #[prost(bool, tag = "3")]
    is_carried: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Published {
    #[prost(bool, tag = "1")]
    is_accepted: bool,
    /// Whether its version is among the reasons for which it was rejected.
    #[prost(bool, tag = "2")]
    is_version_rejected: bool,
    #[prost(uint32, tag = "3")]
    resource_version: u32,
    /// In days since 1970.
    #[prost(sint64, optional, tag = "4")]
    valid_from: Option<i64>,
    #[prost(sint64, optional, tag = "5")]
    valid_until: Option<i64>,
    #[prost(bytes = "vec", tag = "6")]
    issuer_key: Vec<u8>,
    /// Whether it was carried over: of versions that nothing rests on any more, the log need not have all.
    #[prost(bool, tag = "7")]
    is_carried: bool,
    /// Whether that it is another department's is among the reasons for which it was rejected.
    #[prost(bool, tag = "8")]
    is_issuer_rejected: bool,
    /// The handle of the record that it replaces, if any.
    #[prost(bytes = "vec", tag = "9")]
    replaces: Vec<u8>,
    /// The handle of the record that it is a copy of, if any.
    #[prost(bytes = "vec", tag = "10")]
    original: Vec<u8>,
    /// The purpose of a copy; empty: any.
    #[prost(string, tag = "11")]
    purpose: String,
}

#[derive(Clone, PartialEq, Message)]
struct Released {
    #[prost(uint64, tag = "1")]
    publication_index: u64,
    /// The fields asked for, a space between two of them.
    #[prost(string, tag = "2")]
    asked: String,
    /// The fields released; absent where they are those asked for.
    #[prost(string, optional, tag = "3")]
    released: Option<String>,
    /// Whether it was released as the successor of what was looked up.
    #[prost(bool, tag = "4")]
    is_successor: bool,
    /// The handle of what was released as its own successor, if anything.
    #[prost(bytes = "vec", tag = "5")]
    successor: Vec<u8>,
    /// Whether records were looked up by their identifiers.
    #[prost(bool, tag = "6")]
    is_record_lookup: bool,
    /// Where no successor was released: the handles of what the same lookup found and the row condition withheld.
    #[prost(bytes = "vec", repeated, tag = "7")]
    withheld: Vec<Vec<u8>>,
    /// The handle of its original, as the entry says, if any.
    #[prost(bytes = "vec", tag = "8")]
    original: Vec<u8>,
    /// And that one's status.
    #[prost(int32, tag = "9")]
    original_status: i32,
    #[prost(string, tag = "10")]
    purpose: String,
}

impl Records {
    pub(super) fn new() -> Self {
        Self { sorter: Sorter::new(), item: Vec::new() }
    }

    /// Takes a record of a publication, and for which violations it was rejected, if for any.
    pub(super) fn publish(
        &mut self,
        act: &Act<'_>,
        publication: &Publication,
        (position, record): (u32, &PublishedRecord),
        violations: &BTreeSet<RecordViolation>,
    ) -> Result<(), Error> {
        let said = Said {
            is_sealed: act.is_sealed,
            time: act.entry.decided_at().as_millis(),
            resource_id: publication.resource_id.to_string(),
            version: record.version,
            status: status_to_number(record.status),
            jwt_sha256: record.jwt_sha256.0.to_vec(),
            deed: Some(Deed::Published(Published {
                is_accepted: violations.is_empty(),
                is_version_rejected: violations.contains(&RecordViolation::Version),
                is_issuer_rejected: violations.contains(&RecordViolation::Issuer),
                resource_version: publication.resource_version,
                valid_from: record.validity.from.map(days_of_date),
                valid_until: record.validity.until.map(days_of_date),
                issuer_key: publication.issuer_key.0.to_vec(),
                is_carried: act.entry.carried.is_some(),
                replaces: record.replaces.map(|handle| handle.0.to_vec()).unwrap_or_default(),
                original: record.copy.as_ref().map(|copy| copy.original.0.to_vec()).unwrap_or_default(),
                purpose: record
                    .copy
                    .as_ref()
                    .and_then(|copy| copy.purpose.as_ref())
                    .map(Code::to_string)
                    .unwrap_or_default(),
            })),
        };
        self.push(&record.handle, act.index, position, &said)
    }

    /// Takes that a record of a publication, accepted, replaced another.
    pub(super) fn replace(
        &mut self,
        act: &Act<'_>,
        publication: &Publication,
        (position, replaced): (u32, &Handle),
        by: &Handle,
    ) -> Result<(), Error> {
        let said = Said {
            is_sealed: act.is_sealed,
            time: act.entry.decided_at().as_millis(),
            resource_id: publication.resource_id.to_string(),
            deed: Some(Deed::Replaced(Replaced {
                by: by.0.to_vec(),
                issuer_key: publication.issuer_key.0.to_vec(),
                is_carried: act.entry.carried.is_some(),
            })),
            ..Said::default()
        };
        self.push(replaced, act.index, position, &said)
    }

    /// Takes that a record of a publication, accepted, is a copy of another, of another resource.
    pub(super) fn copy(
        &mut self,
        act: &Act<'_>,
        publication: &Publication,
        (position, record): (u32, &PublishedRecord),
        (resource_id, original): (&ResourceId, &Handle),
    ) -> Result<(), Error> {
        let said = Said {
            is_sealed: act.is_sealed,
            time: act.entry.decided_at().as_millis(),
            resource_id: resource_id.to_string(),
            deed: Some(Deed::Copied(Copied {
                copy: record.handle.0.to_vec(),
                issuer_key: publication.issuer_key.0.to_vec(),
                valid_until: record.validity.until.map(days_of_date),
                is_carried: act.entry.carried.is_some(),
            })),
            ..Said::default()
        };
        self.push(original, act.index, position, &said)
    }

    /// Takes that the status of a copy was made to rest on its original's.
    pub(super) fn consult(
        &mut self,
        act: &Act<'_>,
        resource_id: &ResourceId,
        (position, original): (u32, &Original),
    ) -> Result<(), Error> {
        let said = Said {
            is_sealed: act.is_sealed,
            time: act.entry.decided_at().as_millis(),
            resource_id: resource_id.to_string(),
            status: status_to_number(original.status),
            deed: Some(Deed::Consulted(original.publication_index)),
            ..Said::default()
        };
        self.push(&original.handle, act.index, position, &said)
    }

    /// Takes a release, what was released as its successor, and what the same entry withholds.
    pub(super) fn release(
        &mut self,
        act: &Act<'_>,
        query: &Query,
        (position, release): (u32, &RecordRelease),
        successor: Option<Handle>,
        withheld: &[RecordWithheld],
    ) -> Result<(), Error> {
        // Only a record that something replaced, and of which no successor is told, can have one that was withheld.
        let is_untold = release.status == RecordStatus::Superseded && successor.is_none();
        let withheld = withheld.iter().filter(|withheld| is_untold && withheld.lookup == release.lookup);
        let asked = list(&query.fields);
        let released = (!release.fields.iter().eq(&query.fields)).then(|| list(&release.fields));
        let said = Said {
            is_sealed: act.is_sealed,
            time: act.entry.decided_at().as_millis(),
            resource_id: query.resource_id.to_string(),
            version: release.version,
            status: status_to_number(release.status),
            jwt_sha256: release.jwt_sha256.0.to_vec(),
            deed: Some(Deed::Released(Released {
                publication_index: release.publication_index,
                asked,
                released,
                is_successor: release.replaces.is_some(),
                successor: successor.map(|handle| handle.0.to_vec()).unwrap_or_default(),
                is_record_lookup: query.lookup == LookupKind::Record,
                withheld: withheld.map(|withheld| withheld.handle.0.to_vec()).collect(),
                original: release.original.map(|original| original.handle.0.to_vec()).unwrap_or_default(),
                original_status: release.original.map(|original| status_to_number(original.status)).unwrap_or_default(),
                purpose: query.purpose.to_string(),
            })),
        };
        self.push(&release.handle, act.index, position, &said)
    }

    /// Takes a record that was withheld.
    pub(super) fn withhold(
        &mut self,
        act: &Act<'_>,
        query: &Query,
        (position, withheld): (u32, &RecordWithheld),
    ) -> Result<(), Error> {
        let said = Said {
            is_sealed: act.is_sealed,
            time: act.entry.decided_at().as_millis(),
            resource_id: query.resource_id.to_string(),
            version: withheld.version,
            // Of a record withheld no status is said.
            status: 0,
            jwt_sha256: withheld.jwt_sha256.0.to_vec(),
            deed: Some(Deed::Withheld(withheld.publication_index)),
        };
        self.push(&withheld.handle, act.index, position, &said)
    }

    fn push(&mut self, handle: &Handle, index: u64, position: u32, said: &Said) -> Result<(), Error> {
        self.item.clear();
        self.item.extend_from_slice(&handle.0);
        self.item.extend_from_slice(&index.to_be_bytes());
        self.item.extend_from_slice(&position.to_be_bytes());
        // A vector takes any length.
        said.encode(&mut self.item).map_err(|error| Error::io("noting what an entry says", error.into()))?;
        self.sorter.push(&self.item)
    }

    /// Follows each record through the log, and marks the publications that are current at its end. `rules` are those at its
    /// end: of catalogs they hold every version there was.
    pub(super) fn check(
        self,
        rules: &Rules,
        compromises: &Compromises,
        due: &mut Due,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let mut life: Option<Life<'_>> = None;
        self.sorter.drain(|item| {
            let Some((handle, index, said)) = read(item) else { return Ok(()) };
            let new = || Life::new(handle, rules, compromises);
            let life = match &mut life {
                Some(known) if known.handle == handle => known,
                known => {
                    known.take().into_iter().for_each(|ended| ended.end(due));
                    known.insert(new())
                }
            };
            life.follow(index, &said, findings);
            Ok(())
        })?;
        life.into_iter().for_each(|ended| ended.end(due));
        Ok(())
    }
}

fn read(item: &[u8]) -> Option<(Handle, u64, Said)> {
    let (handle, rest) = item.split_first_chunk()?;
    let (index, rest) = rest.split_first_chunk()?;
    let said = Said::decode(rest.get(size_of::<u32>()..)?).ok()?;
    Some((Handle(*handle), u64::from_be_bytes(*index), said))
}

fn list<'a>(fields: impl IntoIterator<Item = &'a FieldCode>) -> String {
    fields.into_iter().map(FieldCode::as_str).collect::<Vec<_>>().join(" ")
}
