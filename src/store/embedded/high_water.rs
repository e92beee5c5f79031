//! The high-water mark: the newest checkpoint, kept on other storage, so that a log that was rolled back is noticed.
//!
//! The file is the checkpoint note itself, verbatim: anybody can verify it. It never runs ahead of the log, as it is
//! written from what is durable, and at most a second behind.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    disk::{self, Disk},
    log::Shared,
    segment::damaged,
};
use crate::{
    store::{Error, Tail, checkpoint::size_and_root},
    tlog::Hash,
};

/// How long the mark may lag: writing it costs two syncs on storage that may be slow, and what it guards against,
/// a restored backup, is older than a second.
const PERIOD: Duration = Duration::from_secs(1);

/// What the mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) size: u64,
    pub(super) root: Hash,
}

/// Reads the mark; none where no file is yet, though its directory must be there: storage that is not mounted has no mark
/// either.
pub(super) fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Mark>, Error> {
    let dir = disk::dir_of(path);
    let listed = disk.list(dir);
    listed
        .map_err(|source| Error::Io { what: format!("find the high-water mark's folder {}", dir.display()), source })?;
    let bytes = match disk::read_file(disk, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Io { what: format!("read the high-water mark {}", path.display()), source }),
        Ok(bytes) => bytes,
    };
    let said = str::from_utf8(&bytes).ok().and_then(size_and_root);
    let (size, root) = said.ok_or_else(|| damaged(path, 0, "the high-water mark is no checkpoint"))?;
    Ok(Some(Mark { size, root }))
}

/// Writes the mark.
pub(super) fn write(disk: &dyn Disk, path: &Path, tail: &Tail) -> io::Result<()> {
    disk::create_whole(disk, path, |file| file.write_at(tail.checkpoint.as_bytes(), 0)).map(drop)
}

/// Writes the mark, once a second if the log grew, and when it is dropped.
pub(super) struct HighWater {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HighWater {
    /// Begins.
    pub(super) fn start(disk: Arc<dyn Disk>, path: PathBuf, log: Arc<Shared>) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("high-water mark".into()).spawn(move || {
            let mut written = None;
            while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                written = follow(&*disk, &path, &log, written);
            }
            follow(&*disk, &path, &log, written);
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

/// Writes the mark unless it was written for this size, and gives the size for which it was.
fn follow(disk: &dyn Disk, path: &Path, log: &Shared, written: Option<u64>) -> Option<u64> {
    let Some(tail) = log.tail() else { return written };
    let size = tail.frontier.size();
    if written == Some(size) {
        return written;
    }
    match write(disk, path, &tail) {
        Ok(()) => Some(size),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the high-water mark could not be written");
            written
        }
    }
}

impl Drop for HighWater {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its only result is the mark itself.
            let _ = thread.join();
        }
    }
}
