//! Rows that are written later, in larger pieces, by a thread of their own: what every entry adds to the index.
//!
//! Until a row is in the table it is read from memory, so a reader sees it from the moment it was added. A kill loses the rows that
//! wait, and with them the number of entries applied: the next start catches up from the log.
//!
//! Rows go into the table in the order in which they were added, as far as that can be told from the table: the settled rows of a
//! piece first, one by one, each of which may be written again; then, all or none, those that may not ([`Late::add`]).

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use super::{
    Error,
    rows::{Table, Writes},
};

/// So many rows are worth a piece: neighbours meet the same page of the table, and a piece takes some tens of milliseconds.
const PIECE_ROWS: usize = 16_384;
/// A piece is written after this long, however small.
const PIECE_AFTER: Duration = Duration::from_secs(2);
/// Rows that wait at most, some 10 MiB of them. Who would add more waits for the table.
const MAX_WAITING: usize = 4 * PIECE_ROWS;

/// Rows by key; a key is added with ever newer values.
type Waiting = HashMap<Vec<u8>, Vec<u8>>;

/// A table, and the rows that are on their way into it.
pub(super) struct Late<T: Table> {
    shared: Arc<Shared<T>>,
    writer: Option<thread::JoinHandle<()>>,
}

struct Shared<T> {
    table: T,
    rows: RwLock<Rows>,
    state: Mutex<State>,
    /// Rings when `state` changed.
    changed: Condvar,
    /// Held by who takes rows into the table, so that they arrive in order.
    settling: Mutex<()>,
}

/// What waits.
#[derive(Default)]
struct Rows {
    /// Each may be written alone and again.
    single: Waiting,
    /// These are written together.
    together: Waiting,
    /// The rows that are being written now.
    leaving: Arc<Leaving>,
}

#[derive(Default)]
struct Leaving {
    single: Waiting,
    together: Waiting,
}

#[derive(Default)]
struct State {
    waiting: usize,
    since: Option<Instant>,
    stop: bool,
    failure: Option<String>,
}

impl<T: Table> Late<T> {
    /// Starts the thread. Where the system gives none, rows are written by those who add them.
    pub(super) fn new(table: T) -> Self {
        let shared = Arc::new(Shared {
            table,
            rows: RwLock::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
            settling: Mutex::new(()),
        });
        let writing = Arc::clone(&shared);
        let writer = thread::Builder::new().name("index".to_owned()).spawn(move || writing.run()).ok();
        Self { shared, writer }
    }

    /// The value under a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.shared.rows.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        found.map_or_else(|| self.shared.table.get(key), |value| Ok(Some(value)))
    }

    /// The table, which lacks what is on its way.
    pub(super) fn table(&self) -> &T {
        &self.shared.table
    }

    /// Adds rows. Each of `single` may be written before the others are, and again after a kill; those of `together` are
    /// written all or none, and never before `single`.
    pub(super) fn add(&self, single: Vec<(Vec<u8>, Vec<u8>)>, together: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), Error> {
        let added = single.len();
        {
            let mut rows = self.shared.rows.write().unwrap_or_else(PoisonError::into_inner);
            rows.single.extend(single);
            rows.together.extend(together);
        }
        let mut state = self.shared.state();
        state.waiting += added.max(1);
        state.since.get_or_insert_with(Instant::now);
        if state.waiting >= PIECE_ROWS {
            if self.writer.is_none() {
                drop(state);
                return self.settle(Writes::new());
            }
            self.shared.changed.notify_all();
        }
        while state.waiting > MAX_WAITING && state.failure.is_none() {
            state = self.shared.wait(state, PIECE_AFTER);
        }
        state.check()
    }

    /// Takes all rows into the table, and these after them, the last of them all or none.
    pub(super) fn settle(&self, last: Writes) -> Result<(), Error> {
        self.shared.settle(last)
    }
}

impl<T: Table> Drop for Late<T> {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.changed.notify_all();
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

impl State {
    fn check(&self) -> Result<(), Error> {
        self.failure.as_ref().map_or(Ok(()), |failure| Err(Error::Index(failure.clone())))
    }
}

impl Rows {
    fn get(&self, key: &[u8]) -> Option<&Vec<u8>> {
        let waiting = [&self.single, &self.together, &self.leaving.single, &self.leaving.together];
        waiting.into_iter().find_map(|rows| rows.get(key))
    }
}

impl<T: Table> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, longest: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, longest).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Takes pieces into the table until it is told to stop, then the rest.
    fn run(&self) {
        let mut state = self.state();
        loop {
            let due = state.since.map(|since| PIECE_AFTER.saturating_sub(since.elapsed()));
            if state.stop || state.waiting >= PIECE_ROWS || due.is_some_and(|due| due.is_zero()) {
                let stop = state.stop;
                drop(state);
                let settled = self.settle(Writes::new());
                if stop || settled.is_err() {
                    return;
                }
                state = self.state();
            } else {
                state = self.wait(state, due.unwrap_or(PIECE_AFTER));
            }
        }
    }

    /// Takes all rows into the table. After a failure nothing more is taken: rows that were on their way may be there or not, and must
    /// not be followed by a number of entries applied that counts them.
    fn settle(&self, last: Writes) -> Result<(), Error> {
        let settled = self.take(last);
        if let Err(error) = &settled {
            self.state().failure.get_or_insert_with(|| error.to_string());
            self.changed.notify_all();
        }
        settled
    }

    fn take(&self, last: Writes) -> Result<(), Error> {
        let _alone = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        self.state().check()?;
        // Before the rows are taken: one that is added meanwhile is counted once too often rather than never.
        {
            let mut state = self.state();
            (state.waiting, state.since) = (0, None);
            self.changed.notify_all();
        }
        let leaving = {
            let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
            let (single, together) = (std::mem::take(&mut rows.single), std::mem::take(&mut rows.together));
            rows.leaving = Arc::new(Leaving { single, together });
            Arc::clone(&rows.leaving)
        };
        // In the order of the keys, neighbours meet the same page.
        let mut single: Vec<_> = leaving.single.iter().collect();
        single.sort_unstable();
        single.into_iter().try_for_each(|(key, value)| self.table.put(key, value))?;
        let mut together: Writes =
            leaving.together.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        together.extend(last);
        if !together.is_empty() {
            self.table.write(together)?;
        }
        self.rows.write().unwrap_or_else(PoisonError::into_inner).leaving = Arc::default();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::store::{Row, memory::MemoryTable};

    /// A table that can be made to fail.
    #[derive(Default)]
    struct Failing {
        table: MemoryTable,
        fails: Arc<AtomicBool>,
    }

    impl Failing {
        fn check(&self) -> Result<(), Error> {
            if self.fails.load(Ordering::Relaxed) { Err(Error::Index("it fails".to_owned())) } else { Ok(()) }
        }
    }

    impl Table for Failing {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
            self.table.get(key)
        }

        fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<Row>, Error> {
            self.table.scan(prefix, limit)
        }

        fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
            self.check()?;
            self.table.put(key, value)
        }

        fn write(&self, writes: Writes) -> Result<(), Error> {
            self.check()?;
            self.table.write(writes)
        }

        fn flush(&self) -> Result<(), Error> {
            self.table.flush()
        }

        fn clear(&self) -> Result<(), Error> {
            self.table.clear()
        }
    }

    fn row(key: u8, value: u8) -> (Vec<u8>, Vec<u8>) {
        (vec![key], vec![value])
    }

    #[test]
    fn a_row_is_read_from_the_moment_it_was_added_and_arrives_in_its_newest_form() {
        let late = Late::new(MemoryTable::default());
        late.add(vec![row(1, 1), row(2, 1)], vec![row(9, 1)]).unwrap();
        late.add(vec![row(2, 2)], vec![row(9, 2)]).unwrap();
        for (key, value) in [(1, 1), (2, 2), (9, 2)] {
            assert_eq!(late.get(&[key]).unwrap(), Some(vec![value]));
        }
        assert_eq!(late.table().scan(&[], 9).unwrap(), []);
        late.settle(Writes::from([(vec![1], None)])).unwrap();
        assert_eq!(late.table().scan(&[], 9).unwrap(), [row(2, 2), row(9, 2)]);
        assert_eq!(late.get(&[1]).unwrap(), None);
    }

    #[test]
    fn rows_arrive_without_being_asked_for_when_there_are_many_and_at_the_end() {
        let table = Arc::new(MemoryTable::default());
        let late = Late::new(Arc::clone(&table));
        let many = |first: u32, count: u32| {
            (first..first + count).map(|key| (key.to_be_bytes().to_vec(), vec![1])).collect::<Vec<_>>()
        };
        late.add(many(0, PIECE_ROWS as u32), Vec::new()).unwrap();
        let deadline = Instant::now() + 5 * PIECE_AFTER;
        while table.scan(&[], 1).unwrap().is_empty() {
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(1));
        }
        late.add(many(u32::MAX - 1, 1), Vec::new()).unwrap();
        drop(late);
        assert_eq!(table.scan(&[], usize::MAX).unwrap().len(), PIECE_ROWS + 1);
    }

    #[test]
    fn after_a_failure_nothing_more_is_taken_though_the_table_recovers() {
        let table = Failing::default();
        let fails = Arc::clone(&table.fails);
        let late = Late::new(table);
        late.add(vec![row(1, 1)], vec![row(9, 1)]).unwrap();
        fails.store(true, Ordering::Relaxed);
        late.settle(Writes::new()).unwrap_err();
        fails.store(false, Ordering::Relaxed);
        late.add(vec![row(2, 1)], vec![row(9, 2)]).unwrap_err();
        late.settle(Writes::new()).unwrap_err();
        drop(late);
    }
}
