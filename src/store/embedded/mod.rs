//! The engine for one machine: append-only segment files, and sled for what can be made anew.
//!
//! ```text
//! lock                  held while a process works on the folder
//! log/<first>.log       the exchange log, one frame a batch                              primary
//! openings/<n>.openings who was asked about, sealed, one slot each                       primary
//! openings/erasure      what was erased of them last, sealed                             primary
//! bodies/<n>.bodies     record bodies, sealed                                            primary
//! levels/0 … 7, offsets hashes by tile level; where each entry lies                      derived
//! index/                sled: projections' rows, where each body lies                    derived
//! index.state           how the index was left
//! ```
//!
//! | file here | what |
//! |---|---|
//! | `disk` | the file operations, so that tests can cut the power between any two |
//! | `segment` | the one form of header blocks and frames |
//! | `batch_frame`, `log`, `recovery`, `levels`, `high_water` | the exchange log |
//! | `vault`, `openings`, `erasure`, `bodies` | what is sealed |
//! | `index` | sled |
//! | [`fsck`] | checks all of it, rebuilds what is derived |
//!
//! A batch costs one write and one `fdatasync` of the log, and beside it, at the same time, one of the openings if it has
//! any. A file system that does not keep its promise of reserved room (copy-on-write ones) may answer a full disk with a
//! failed write; that ends in [`Error::Unknown`], safe but abrupt.

mod batch_frame;
mod beside;
mod bodies;
mod disk;
mod erasure;
pub mod fsck;
mod high_water;
mod index;
mod levels;
mod log;
mod openings;
mod recovery;
mod segment;
mod vault;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::{
    fs::{self, File, TryLockError},
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{Batch, Error, ExchangeLog, Kept, LogReader, Slot, Store, Tail, rows::Rows};
use crate::{
    sign::{Random, sealing::VaultKey},
    tlog::{Frontier, Hash},
};
use bodies::SealedBodies;
use disk::{Disk, RealDisk};
use erasure::Eraser;
use index::{Index, SledTable};
use log::LogSegment;
use openings::{Group, Openings};
use vault::Vault;

/// The file that is locked.
const LOCK: &str = "lock";

/// The smallest segment: header block and a few batches.
const MIN_SEGMENT_SIZE: u64 = 64 << 10;

/// The largest segment: places within one are 32 bits wide, and a frame of 256 MiB may come on top.
const MAX_SEGMENT_SIZE: u64 = 2 << 30;

/// How the engine keeps its files.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of a segment file, reserved when it is made; kept between 64 KiB and 2 GiB. A start reads the last segment
    /// of the log again: 64 MiB are a tenth of a second.
    pub segment_size: u64,
    /// Where the high-water mark is kept: a file on other storage. `None`: a rollback of the folder is not noticed.
    pub high_water_path: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_size: 64 << 20, high_water_path: None }
    }
}

/// Makes a store in a folder that is empty or not there, and opens it.
///
/// # Errors
/// [`Error::Io`] when the folder has anything in it; [`Error::Full`].
pub fn create(dir: &Path, key: &VaultKey, random: Arc<dyn Random>, options: &Options) -> Result<Store, Error> {
    let failed = |source| Error::Io { what: format!("make a store in {}", dir.display()), source };
    fs::create_dir_all(dir).map_err(failed)?;
    if fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(failed(io::Error::new(io::ErrorKind::DirectoryNotEmpty, "the folder is not empty")));
    }
    let lock = lock(dir)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let vault = Vault { key: key.clone(), random };
    create_files(&disk, dir, &vault, segment_size(options))?;
    open_locked(lock, &disk, dir, &vault, options)
}

/// Opens the store in a folder.
///
/// # Errors
/// [`Error::InUse`] when another process has it open; [`Error::Damaged`], [`Error::RolledBack`] when it is not what was
/// left there; [`Error::Io`], also when there is no store in the folder.
pub fn open(dir: &Path, key: &VaultKey, random: Arc<dyn Random>, options: &Options) -> Result<Store, Error> {
    if !dir.join(log::DIR).is_dir() {
        let source = io::Error::new(io::ErrorKind::NotFound, "there is no store in the folder");
        return Err(Error::Io { what: format!("open {}", dir.display()), source });
    }
    open_locked(lock(dir)?, &(Arc::new(RealDisk) as _), dir, &Vault { key: key.clone(), random }, options)
}

fn segment_size(options: &Options) -> u64 {
    options.segment_size.clamp(MIN_SEGMENT_SIZE, MAX_SEGMENT_SIZE)
}

/// Makes the first file of each kind, the log's last: a folder with a log has everything.
fn create_files(disk: &Arc<dyn Disk>, dir: &Path, vault: &Vault, segment_size: u64) -> Result<(), Error> {
    let failed = |source| not_written("a directory", source);
    SealedBodies::<SledTable>::create(disk, &dir.join(bodies::DIR), vault, segment_size)?;
    Openings::create(disk, &dir.join(openings::DIR), vault, segment_size)?;
    levels::Levels::open(&**disk, &dir.join(levels::DIR))?;
    let log_dir = dir.join(log::DIR);
    disk.create_dir(&log_dir).map_err(failed)?;
    disk.sync_dir(dir).map_err(failed)?;
    LogSegment::create(&**disk, &log_dir, vault, (Frontier::new(), None, Group::START), segment_size)?;
    Ok(())
}

fn open_locked(
    lock: Arc<File>,
    disk: &Arc<dyn Disk>,
    dir: &Path,
    vault: &Vault,
    options: &Options,
) -> Result<Store, Error> {
    let segment_size = segment_size(options);
    let writer = recovery::open(disk, dir, vault, segment_size, options.high_water_path.as_deref())?;
    let reader = log::Reader(Arc::clone(&writer.shared));
    let openings = Eraser::open(disk, dir, vault, Arc::clone(&writer.shared))?;
    let index = Index::open(dir, Arc::clone(&lock))?;
    let projections = Rows::new(index.rows()?);
    let size = reader.tail().map_or(0, |tail| tail.frontier.size());
    // An index that has heard of entries that the log does not have has heard of another log.
    if super::Projections::applied(&projections)? > size {
        super::Projections::reset(&projections)?;
    }
    let bodies = SealedBodies::open(disk, &dir.join(bodies::DIR), vault, segment_size, index.bodies()?)?;
    Ok(Store {
        log: Box::new(Locked { part: writer, _lock: Arc::clone(&lock) }),
        reader: Arc::new(Locked { part: reader, _lock: Arc::clone(&lock) }),
        openings: Arc::new(Locked { part: openings, _lock: lock }),
        bodies: Arc::new(bodies),
        projections: Arc::new(projections),
    })
}

/// How long a folder may still be another's that is about to let go of it: a hub that ends while the next one starts, or a child of
/// this process between `fork` and `exec`, which holds its files for some milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait before trying again.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Takes the folder for this process.
fn lock(dir: &Path) -> Result<Arc<File>, Error> {
    let failed = |source| Error::Io { what: format!("lock {}", dir.display()), source };
    let file =
        File::options().read(true).write(true).create(true).truncate(false).open(dir.join(LOCK)).map_err(failed)?;
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Arc::new(file)),
            Err(TryLockError::WouldBlock) if begin.elapsed() < LOCK_PATIENCE => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(dir.display().to_string())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

/// An end of the log that keeps the folder locked. Fields are dropped in this order.
struct Locked<P> {
    part: P,
    _lock: Arc<File>,
}

impl ExchangeLog for Locked<log::Writer> {
    fn tail(&self) -> Option<Tail> {
        self.part.tail()
    }

    fn append(&mut self, expected: u64, batch: &Batch) -> Result<(), Error> {
        self.part.append(expected, batch)
    }
}

impl LogReader for Locked<log::Reader> {
    fn tail(&self) -> Option<Tail> {
        self.part.tail()
    }

    fn entries(&self, start: u64, end: u64, max_bytes: usize) -> Result<Vec<Vec<u8>>, Error> {
        self.part.entries(start, end, max_bytes)
    }

    fn hashes(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, Error> {
        self.part.hashes(level, range)
    }

    fn openings(&self, index: u64) -> Result<Vec<Vec<u8>>, Error> {
        self.part.openings(index)
    }
}

impl super::Openings for Locked<Eraser> {
    fn kept(&self, from: u64) -> Result<Kept, Error> {
        self.part.kept(from)
    }

    fn erase(&self, slots: &[Slot], account: &[u8]) -> Result<(), Error> {
        self.part.erase(slots, account)
    }

    fn account(&self) -> Vec<u8> {
        self.part.account()
    }
}

/// A write that failed before anything was handed over: a full disk, or something else.
fn not_written(what: &'static str, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { what, source },
        _ => Error::Io { what: format!("write {what}"), source },
    }
}
