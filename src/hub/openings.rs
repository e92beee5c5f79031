//! Looking through the openings that are still kept: who was asked about.
//!
//! There is no index from a holder to the entries about them. It would be a second place where a holder is linked with every
//! exchange, one that an erasure would have to find too, and it would cost every query a row for the sake of a question that
//! is seldom put. So all openings are read, batch by batch, in the order in which they lie.

use std::{
    collections::HashMap,
    ops::Range,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crate::{
    domain::{
        agreement::LookupKind, catalog::Resource, decide::record_terms, id::ResourceId, statement::Statement,
        time::Time,
    },
    sign::{
        commitment::{Opening, Scheme},
        sd_jwt::SdJwt,
    },
    store::{RecordRow, Slot},
    wire,
};

use super::{
    Error, Hub,
    projection::{canonical, decode, schemes_of, statement_of},
    publishing::split_body,
    snapshot::Snapshot,
};

/// The most records of one holder whose own identifiers are looked for: a company with more is asked about by other names
/// than a person, and each costs a read of its body.
const MAX_RECORDS_OF_HOLDER: usize = 100_000;

/// How often whoever waits hears how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// How far a look through the openings has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many entries were looked at.
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

/// Who hears of the progress; `false` says that nobody waits any more.
pub(super) type Listener<'a> = &'a mut dyn FnMut(Progress) -> bool;

/// By what a holder is named in openings: their own identifier, and those of the records of which they are the holder now.
pub(super) struct Names {
    scheme: Scheme,
    holder: String,
    records: HashMap<(Scheme, String), Vec<ResourceId>>,
}

/// The openings of one entry that are still kept, in the order of their slots.
pub(super) type OfEntry = [(Slot, Opening)];

/// What of an entry is about a holder.
pub(super) struct About {
    /// The slots of the openings that name the holder.
    pub(super) slots: Vec<Slot>,
    /// Whether no other opening of the entry names anybody else.
    pub(super) is_alone: bool,
}

/// Whether an opening of this scheme can be a holder's: one with neither a credit code nor a citizen id is named by the text of
/// another document's number.
pub(super) fn is_holders(opening: &Opening) -> bool {
    matches!(opening.scheme(), Scheme::Uscc | Scheme::CitizenId | Scheme::Text)
}

impl Hub {
    /// The names of a holder.
    pub(super) fn names_of(&self, snapshot: &Snapshot, holder: &Opening) -> Result<Names, Error> {
        let mut names = Names { scheme: holder.scheme(), holder: holder.value().to_owned(), records: HashMap::new() };
        let mut left = MAX_RECORDS_OF_HOLDER;
        for id in snapshot.rules.catalog.resources.keys() {
            let key = self.terms.holder_key(id, holder.value());
            let handles = self.projections.by_holder_key(&key, left + 1)?;
            left = left.checked_sub(handles.len()).ok_or_else(|| Error::Argument {
                field: "holder",
                problem: format!("must not be the holder of more than {MAX_RECORDS_OF_HOLDER} records"),
            })?;
            for handle in handles {
                let row = self.projections.record(&handle)?;
                let row = row.ok_or_else(|| Error::Inconsistent(format!("the index has no row of record {handle}")))?;
                let version = snapshot.rules.catalog.version(id.as_str(), row.head.resource_version);
                let name = version.map(|resource| self.name_of_record(resource, &row)).transpose()?.flatten();
                if let Some(name) = name {
                    names.records.entry(name).or_default().push(id.clone());
                }
            }
        }
        Ok(names)
    }

    /// The identifier of a record, as a lookup would have it.
    fn name_of_record(&self, resource: &Resource, row: &RecordRow) -> Result<Option<(Scheme, String)>, Error> {
        let head = &row.head;
        let damaged = || Error::Inconsistent(format!("the body of record {} is missing or unreadable", head.handle));
        let body = self.bodies.get(&head.jwt_sha256)?.ok_or_else(damaged)?;
        let (_, text) = split_body(&body).ok_or_else(damaged)?;
        let fields = SdJwt::parse(text).and_then(|sd_jwt| sd_jwt.values()).map_err(|_| damaged())?;
        let code = resource.record_id_field.as_str();
        let scheme = schemes_of(resource, code).pop();
        let value = record_terms(resource, &fields).and_then(|(record, _)| canonical(resource, code, record));
        Ok(scheme.zip(value))
    }

    /// Reads the openings kept with a range of entries, entry by entry.
    pub(super) fn look_through(
        &self,
        range: Range<u64>,
        hear: Listener<'_>,
        mut visit: impl FnMut(&OfEntry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let total = range.end.saturating_sub(range.start);
        let mut at = range.start;
        let mut said = Instant::now();
        while at < range.end {
            if self.stopping.load(Ordering::Acquire) {
                return Err(Error::Stopping);
            }
            let kept = self.openings.kept(at)?;
            // What the hub kept, it reads; what it could not read would name nobody.
            let openings = kept.openings.iter().filter(|(slot, _)| slot.index < range.end);
            let openings: Vec<(Slot, Opening)> =
                openings.filter_map(|(slot, bytes)| Some((*slot, wire::decode_opening(bytes)?))).collect();
            openings.chunk_by(|(one, _), (other, _)| one.index == other.index).try_for_each(&mut visit)?;
            at = kept.next;
            if said.elapsed() >= PROGRESS_EVERY {
                said = Instant::now();
                let done = at.min(range.end) - range.start;
                if !hear(Progress { done, total }) {
                    return Err(Error::Stopping);
                }
            }
        }
        hear(Progress { done: total, total });
        Ok(())
    }

    /// What of an entry is about a holder; `None` where nothing is. The entry is read only where a value is the holder's.
    pub(super) fn about(&self, names: &Names, of_entry: &OfEntry) -> Result<Option<About>, Error> {
        let is_holder = |opening: &Opening| opening.scheme() == names.scheme && opening.value() == names.holder;
        let resources_of = |opening: &Opening| names.records.get(&(opening.scheme(), opening.value().to_owned()));
        let may_be = |(_, opening): &&(Slot, Opening)| is_holder(opening) || resources_of(opening).is_some();
        let Some((first, _)) = of_entry.iter().find(may_be) else { return Ok(None) };
        let index = first.index;
        let entries = self.reader.entries(index, index + 1, 1)?;
        let bytes = entries.first().ok_or_else(|| Error::Inconsistent(format!("entry {index} is missing")))?;
        let statement = statement_of(index, &decode(index, bytes)?)?;
        // The first opening of a query is its case's, the others its lookups'; the first of a trace is its holder's.
        let is_lookup = |slot: &Slot| match statement {
            Some(Statement::Query(..)) => slot.position > 0,
            Some(Statement::Trace(..)) => slot.position == 0,
            _ => false,
        };
        let names_record = |opening: &Opening| match &statement {
            Some(Statement::Query(_, query)) if query.lookup == LookupKind::Record => {
                resources_of(opening).is_some_and(|resources| resources.contains(&query.resource_id))
            }
            _ => false,
        };
        let lookups = of_entry.iter().filter(|(slot, _)| is_lookup(slot));
        let (about, others): (Vec<_>, Vec<_>) =
            lookups.partition(|(_, opening)| is_holder(opening) || names_record(opening));
        let slots: Vec<Slot> = about.into_iter().map(|(slot, _)| *slot).collect();
        Ok((!slots.is_empty()).then_some(About { slots, is_alone: others.is_empty() }))
    }

    /// The index of the first entry that is not before a time, among the log's first `size`.
    pub(super) fn first_since(&self, time: Time, size: u64) -> Result<u64, Error> {
        let (mut low, mut high) = (0, size);
        while low < high {
            let middle = low.midpoint(high);
            let entries = self.reader.entries(middle, middle + 1, 1)?;
            let bytes = entries.first().ok_or_else(|| Error::Inconsistent(format!("entry {middle} is missing")))?;
            if decode(middle, bytes)?.time < time { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }
}
