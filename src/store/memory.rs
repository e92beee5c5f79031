//! The engine for tests: everything in memory, nothing durable, the same contracts.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use super::{
    Batch, Bodies, Error, ExchangeLog, Kept, LogReader, Openings, Row, Slot, Store, Tail,
    rows::{Rows, Table, Writes},
};
use crate::{
    domain::id::Digest,
    tlog::{BatchTree, Frontier, Hash},
};

/// An empty store that lasts as long as its parts.
#[must_use]
pub fn store() -> Store {
    let log = MemoryLog::default();
    Store {
        log: Box::new(log.clone()),
        reader: Arc::new(log.clone()),
        openings: Arc::new(log),
        bodies: Arc::new(MemoryBodies::default()),
        projections: Arc::new(Rows::new(MemoryTable::default())),
    }
}

/// The log: both its ends.
#[derive(Clone, Default)]
struct MemoryLog(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    entries: Vec<Vec<u8>>,
    /// For each entry its openings, `None` where one was erased.
    openings: Vec<Vec<Option<Vec<u8>>>>,
    account: Vec<u8>,
    levels: BTreeMap<u8, Vec<Hash>>,
    tail: Option<Tail>,
}

impl MemoryLog {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExchangeLog for MemoryLog {
    fn tail(&self) -> Option<Tail> {
        self.contents().tail.clone()
    }

    fn append(&mut self, expected: u64, batch: &Batch) -> Result<(), Error> {
        let mut contents = self.contents();
        let found = contents.entries.len() as u64;
        if expected != found {
            return Err(Error::Conflict { expected, found });
        }
        let before = contents.tail.as_ref().map_or_else(Frontier::new, |tail| tail.frontier.clone());
        let tree = batch.tree(&before)?;
        contents.add(&tree, batch);
        Ok(())
    }
}

impl Contents {
    fn add(&mut self, tree: &BatchTree, batch: &Batch) {
        for added in tree.tile_hashes() {
            self.levels.entry(added.level).or_default().extend_from_slice(added.hashes);
        }
        self.entries.extend(batch.entries.iter().cloned());
        let kept = |of_entry: &Vec<Vec<u8>>| of_entry.iter().cloned().map(Some).collect();
        self.openings.extend(batch.openings.iter().map(kept));
        self.tail = Some(Tail { frontier: batch.frontier.clone(), checkpoint: batch.checkpoint.clone() });
    }
}

impl LogReader for MemoryLog {
    fn tail(&self) -> Option<Tail> {
        self.contents().tail.clone()
    }

    fn entries(&self, start: u64, end: u64, max_bytes: usize) -> Result<Vec<Vec<u8>>, Error> {
        let contents = self.contents();
        let range = start as usize..end.min(contents.entries.len() as u64) as usize;
        let entries = contents.entries.get(range).unwrap_or_default();
        let mut total = 0;
        let fitting = entries.iter().take_while(|entry| {
            total += entry.len();
            total <= max_bytes
        });
        let count = fitting.count().max(1);
        Ok(entries.iter().take(count).cloned().collect())
    }

    fn hashes(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, Error> {
        let contents = self.contents();
        let level = contents.levels.get(&level).map(Vec::as_slice).unwrap_or_default();
        let hashes = level.get(range.start as usize..range.end as usize).map(<[Hash]>::to_vec);
        hashes.ok_or_else(|| Error::Io { what: "read hashes".into(), source: io::ErrorKind::UnexpectedEof.into() })
    }

    fn openings(&self, index: u64) -> Result<Vec<Vec<u8>>, Error> {
        Ok(self.contents().openings.get(index as usize).into_iter().flatten().flatten().cloned().collect())
    }
}

/// How many entries are looked at at a time.
const KEPT_RUN: usize = 64;

impl Openings for MemoryLog {
    fn kept(&self, from: u64) -> Result<Kept, Error> {
        let contents = self.contents();
        let run = contents.openings.get(from as usize..).filter(|rest| !rest.is_empty());
        let run =
            run.ok_or_else(|| Error::Io { what: "read openings".into(), source: io::ErrorKind::UnexpectedEof.into() })?;
        let run = run.get(..KEPT_RUN).unwrap_or(run);
        let openings = (from..).zip(run).flat_map(|(index, of_entry)| {
            let of_entry = (0..).zip(of_entry);
            of_entry.filter_map(move |(position, opening)| Some((Slot { index, position }, opening.clone()?)))
        });
        Ok(Kept { openings: openings.collect(), next: from + run.len() as u64 })
    }

    fn erase(&self, slots: &[Slot], account: &[u8]) -> Result<(), Error> {
        let mut contents = self.contents();
        for slot in slots {
            let of_entry = contents.openings.get_mut(slot.index as usize);
            if let Some(opening) = of_entry.and_then(|of_entry| of_entry.get_mut(slot.position as usize)) {
                *opening = None;
            }
        }
        contents.account = account.to_vec();
        Ok(())
    }

    fn account(&self) -> Vec<u8> {
        self.contents().account.clone()
    }
}

#[derive(Default)]
struct MemoryBodies(Mutex<HashMap<Digest, Vec<u8>>>);

impl MemoryBodies {
    fn bodies(&self) -> MutexGuard<'_, HashMap<Digest, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bodies for MemoryBodies {
    fn put(&self, bodies: &[(Digest, &[u8])]) -> Result<(), Error> {
        let mut kept = self.bodies();
        for (name, body) in bodies {
            kept.entry(*name).or_insert_with(|| body.to_vec());
        }
        Ok(())
    }

    fn get(&self, jwt_sha256: &Digest) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.bodies().get(jwt_sha256).cloned())
    }
}

/// A table that lasts as long as it is held.
#[derive(Default)]
pub(super) struct MemoryTable(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Table for MemoryTable {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<Row>, Error> {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let from = rows.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(from.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn write(&self, writes: Writes) -> Result<(), Error> {
        let mut rows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in writes {
            match value {
                Some(value) => drop(rows.insert(key, value)),
                None => drop(rows.remove(&key)),
            }
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }

    fn clear(&self) -> Result<(), Error> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    crate::store::conformance::suite!((super::store(), ()));
}
