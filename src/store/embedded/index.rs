//! sled: the projections' rows and where each record body lies. Nothing in it is primary.
//!
//! What a start does with an index that was not closed:
//!
//! | found | done |
//! |---|---|
//! | closed properly | used |
//! | left open by a process of this boot (`kill -9`) | used: what it wrote is in the page cache |
//! | left open under another boot id (a power cut, a crash of the system) | set aside, made anew |
//! | cannot be opened, or knows more entries than the log has | set aside, made anew |

use std::{
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::disk::{self, Disk, RealDisk};
use crate::store::{
    Error, Row,
    rows::{Table, Writes},
};

/// The directory of the database.
pub(super) const DIR: &str = "index";

/// Where an index that is not trusted goes; the one set aside before it is removed.
const SET_ASIDE: &str = "index.set-aside";

/// The file that says how the index was left: `clean`, or the boot id under which it is open.
const STATE: &str = "index.state";

/// What [`STATE`] says of an index that was closed.
const CLEAN: &str = "clean";

/// Where Linux says which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Bytes of sled's page cache: a million reads of 1 KiB values were measured at 51,000 a second with a quarter of a gigabyte
/// and at 90,000 with four times as much; rows here are a tenth as long.
const CACHE_BYTES: u64 = 256 << 20;

/// The tree of the projections' rows.
const ROWS: &str = "rows";

/// The tree of the record bodies' places.
const BODIES: &str = "bodies";

/// What a key of the database's own tree begins with while the tree that it names is being cleared.
const CLEARING: &str = "clearing ";

/// An open database.
pub(super) struct Index {
    db: sled::Db,
    dir: PathBuf,
    /// The folder stays locked until the index is closed.
    _lock: Arc<File>,
}

impl Index {
    /// Opens the index in a folder, empty if there is none to be trusted.
    pub(super) fn open(dir: &Path, lock: Arc<File>) -> Result<Arc<Self>, Error> {
        let failed = |what: &'static str| move |source| Error::Io { what: format!("{what} the index"), source };
        if !was_left_well(dir) {
            set_aside(dir).map_err(failed("set aside"))?;
        }
        // Durable before sled writes anything: a state that lies would have a torn index trusted.
        let boot = boot_id().unwrap_or_else(|| "unknown boot".into());
        write_state(dir, &boot).map_err(failed("mark as open"))?;
        let db = match open_db(dir) {
            Ok(db) => db,
            Err(problem) => {
                tracing::warn!(problem, "the index cannot be opened and is made anew");
                set_aside(dir).map_err(failed("set aside"))?;
                open_db(dir).map_err(Error::Index)?
            }
        };
        Ok(Arc::new(Self { db, dir: dir.to_owned(), _lock: lock }))
    }

    /// The projections' rows.
    pub(super) fn rows(self: &Arc<Self>) -> Result<SledTable, Error> {
        self.table(ROWS)
    }

    /// The places of the record bodies.
    pub(super) fn bodies(self: &Arc<Self>) -> Result<SledTable, Error> {
        self.table(BODIES)
    }

    fn table(self: &Arc<Self>, name: &'static str) -> Result<SledTable, Error> {
        let tree = self.db.open_tree(name).map_err(failed)?;
        let table = SledTable { tree, index: Arc::clone(self), clearing: format!("{CLEARING}{name}") };
        if self.db.contains_key(&table.clearing).map_err(failed)? {
            table.clear()?;
        }
        Ok(table)
    }

    /// Makes everything written durable.
    ///
    /// sled 0.34 syncs with `sync_file_range`, which does not make the file's size durable: after a power cut, what
    /// `flush` acknowledged is gone. One `fdatasync` of its file after the flush closes that hole; neither call may ever
    /// stand without the other.
    fn flush(&self) -> Result<(), Error> {
        self.db.flush().map_err(failed)?;
        let file = self.dir.join(DIR).join("db");
        File::open(file).and_then(|file| file.sync_data()).map_err(|error| Error::Index(error.to_string()))
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let closed = self.flush().and_then(|()| {
            write_state(&self.dir, CLEAN)
                .map_err(|source| Error::Io { what: "mark the index as closed".into(), source })
        });
        if let Err(error) = closed {
            tracing::warn!(%error, "the index was not closed properly");
        }
    }
}

/// Opens the database; sled answers some broken files with a panic.
fn open_db(dir: &Path) -> Result<sled::Db, String> {
    let config = sled::Config::new().path(dir.join(DIR)).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
    opened.map_err(|_| "sled panicked".to_owned())?.map_err(|error| error.to_string())
}

/// Whether the index in a folder can be trusted, or there is none.
pub(super) fn was_left_well(dir: &Path) -> bool {
    match fs::read_to_string(dir.join(STATE)) {
        Ok(state) => state == CLEAN || boot_id().is_some_and(|boot| state == boot),
        // No state, no index: a new folder. An index without a state is not trusted.
        Err(error) => error.kind() == io::ErrorKind::NotFound && !dir.join(DIR).exists(),
    }
}

fn write_state(dir: &Path, state: &str) -> io::Result<()> {
    disk::create_whole(&RealDisk, &dir.join(STATE), |file| file.write_at(state.as_bytes(), 0)).map(drop)
}

fn boot_id() -> Option<String> {
    fs::read_to_string(BOOT_ID).ok().map(|id| id.trim().to_owned())
}

/// Moves the database out of the way.
pub(super) fn set_aside(dir: &Path) -> io::Result<()> {
    let (from, to) = (dir.join(DIR), dir.join(SET_ASIDE));
    if !from.exists() {
        return Ok(());
    }
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    fs::rename(&from, &to)?;
    RealDisk.sync_dir(dir)
}

/// A tree of the database.
pub(super) struct SledTable {
    tree: sled::Tree,
    index: Arc<Index>,
    /// The key that says that the tree is being cleared.
    clearing: String,
}

impl Table for SledTable {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.tree.get(key).map_err(failed)?.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<Row>, Error> {
        let rows = self.tree.scan_prefix(prefix).take(limit);
        rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(failed)).collect()
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.tree.insert(key, value).map(drop).map_err(failed)
    }

    fn write(&self, writes: Writes) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.tree.apply_batch(batch).map_err(failed)
    }

    fn flush(&self) -> Result<(), Error> {
        self.index.flush()
    }

    fn clear(&self) -> Result<(), Error> {
        // sled removes row by row: a start after a kill in between must not take what is left for an index.
        let db = &self.index.db;
        db.insert(&self.clearing, &[])
            .and_then(|_| self.tree.clear())
            .and_then(|()| db.remove(&self.clearing))
            .map_err(failed)?;
        Ok(())
    }
}

fn failed(error: sled::Error) -> Error {
    match error {
        sled::Error::Io(source) if source.kind() == io::ErrorKind::StorageFull => {
            Error::Full { what: "the index", source }
        }
        error => Error::Index(error.to_string()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn clearing_that_was_interrupted_is_finished_by_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Index::open(dir.path(), Arc::new(tempfile::tempfile().unwrap())).unwrap();
        let index = open();
        for table in [index.rows().unwrap(), index.bodies().unwrap()] {
            table.write(Writes::from([(vec![1], Some(vec![2]))])).unwrap();
        }
        index.db.insert(format!("{CLEARING}{ROWS}"), &[]).unwrap();
        drop(index);
        for _ in 0..2 {
            let index = open();
            assert_eq!(index.rows().unwrap().scan(&[], 9).unwrap(), []);
            assert_eq!(index.bodies().unwrap().scan(&[], 9).unwrap().len(), 1);
            assert!(index.db.is_empty());
        }
    }
}
