//! What is derived from the log's frames: a row of hashes for each tile level, and where each entry lies.
//!
//! ```text
//! levels/0 … levels/7   32 bytes a hash: level 0 leaf hashes, level l+1 the roots of full tiles of level l
//! levels/offsets        8 bytes an entry: u32 where its frame begins in its segment, u32 where its length prefix is
//! ```
//!
//! A row is written some time after its batch and synced only when a segment is full. Until it is written its end is
//! served from memory. What a start finds in it beyond the last segment's beginning is not trusted but made again from
//! that segment's frames; what is before must give the frontier that the segment's header names.

use std::{
    io,
    ops::Range,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use super::disk::{self, Disk, DiskFile};
use crate::{
    store::Error,
    tlog::{
        self, BatchTree, Frontier, HASH_LEN, Hash, HashReader, MAX_TILE_LEVEL, TILE_HEIGHT, decode_hashes,
        encode_hashes,
    },
};

/// The directory of the rows.
pub(super) const DIR: &str = "levels";

/// The row of places.
const OFFSETS: &str = "offsets";

/// Bytes of a place.
const PLACE_LEN: usize = 8;

/// Leaf hashes that may wait in memory before they are written: one full tile, so that most writes are of 8 KiB.
const SETTLE_AT: usize = 256;

/// Where an entry lies in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Where its frame begins.
    pub(super) frame: u32,
    /// Where its length prefix is.
    pub(super) entry: u32,
}

/// A file of equally long things that grows at its end.
struct Row {
    file: Arc<dyn DiskFile>,
    width: usize,
    state: RwLock<RowState>,
}

/// How far the row is in its file, and what comes after that.
struct RowState {
    written: u64,
    waiting: Arc<Vec<u8>>,
}

impl Row {
    fn open(disk: &dyn Disk, path: &Path, width: usize) -> io::Result<Self> {
        let file = match disk.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(path)?,
            opened => opened?,
        };
        let written = file.len()? / width as u64;
        Ok(Self { file, width, state: RwLock::new(RowState { written, waiting: Arc::default() }) })
    }

    /// Forgets all but the first `count`, or says that there are not so many.
    fn cut(&self, count: u64) -> io::Result<bool> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.written < count {
            return Ok(false);
        }
        self.file.set_len(count * self.width as u64)?;
        *state = RowState { written: count, waiting: Arc::default() };
        Ok(true)
    }

    fn count(&self) -> u64 {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.written + (state.waiting.len() / self.width) as u64
    }

    fn push(&self, bytes: &[u8]) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut state.waiting).extend_from_slice(bytes);
    }

    /// Writes what waits. When that fails it goes on waiting.
    fn settle(&self) -> io::Result<()> {
        let (written, waiting) = self.state();
        if waiting.is_empty() {
            return Ok(());
        }
        self.file.write_at(&waiting, written * self.width as u64)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // Only the log's one writer pushes and settles, so nothing has come to wait meanwhile.
        *state = RowState { written: written + (waiting.len() / self.width) as u64, waiting: Arc::default() };
        Ok(())
    }

    fn state(&self) -> (u64, Arc<Vec<u8>>) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (state.written, Arc::clone(&state.waiting))
    }

    /// The things in `range`; `None` if they are not all there.
    fn read(&self, range: Range<u64>) -> io::Result<Option<Vec<u8>>> {
        let (written, waiting) = self.state();
        let in_file = range.start.min(written)..range.end.min(written);
        let len = (in_file.end - in_file.start) as usize * self.width;
        let mut bytes = disk::read(&*self.file, in_file.start * self.width as u64, len)?;
        let in_memory = |index: u64| index.saturating_sub(written) as usize * self.width;
        let Some(rest) = waiting.get(in_memory(range.start)..in_memory(range.end)) else { return Ok(None) };
        bytes.extend_from_slice(rest);
        Ok(Some(bytes))
    }
}

/// All rows.
pub(super) struct Levels {
    levels: Vec<Row>,
    offsets: Row,
}

impl Levels {
    /// Opens the rows, or makes them where there are none.
    pub(super) fn open(disk: &dyn Disk, dir: &Path) -> Result<Self, Error> {
        let open = || {
            disk.create_dir(dir)?;
            let levels = (0..=MAX_TILE_LEVEL).map(|level| Row::open(disk, &dir.join(level.to_string()), HASH_LEN));
            let levels = levels.collect::<io::Result<_>>()?;
            Ok(Self { levels, offsets: Row::open(disk, &dir.join(OFFSETS), PLACE_LEN)? })
        };
        open().map_err(|source| Error::Io { what: format!("open {}", dir.display()), source })
    }

    /// How many entries the rows have heard of: more than the log holds only if the log has lost some.
    pub(super) fn entries(&self) -> u64 {
        self.levels.first().map_or(0, Row::count)
    }

    /// Forgets all that came after the tree of this frontier, and says whether what is left is that tree.
    pub(super) fn cut(&self, frontier: &Frontier) -> Result<bool, Error> {
        let size = frontier.size();
        let cut = || {
            for (row, shift) in self.levels.iter().zip((0u32..).step_by(TILE_HEIGHT as usize)) {
                if !row.cut(size >> shift)? {
                    return Ok(false);
                }
            }
            self.offsets.cut(size)
        };
        let cut = cut().map_err(|source| Error::Io { what: format!("cut {DIR}"), source })?;
        Ok(cut && Frontier::read(self, size).is_ok_and(|found| found == *frontier))
    }

    /// Adds what a batch adds.
    pub(super) fn push(&self, tree: &BatchTree, places: &[Place]) {
        for added in tree.tile_hashes() {
            if let Some(row) = self.levels.get(usize::from(added.level)) {
                row.push(&encode_hashes(added.hashes));
            }
        }
        let places = places.iter().flat_map(|place| [place.frame.to_be_bytes(), place.entry.to_be_bytes()].concat());
        self.offsets.push(&places.collect::<Vec<_>>());
    }

    /// Writes what waits once it is worth a write.
    pub(super) fn settle_if_due(&self) -> io::Result<()> {
        let due = self.offsets.state().1.len() >= SETTLE_AT * PLACE_LEN;
        if due { self.settle() } else { Ok(()) }
    }

    /// Writes what waits.
    pub(super) fn settle(&self) -> io::Result<()> {
        self.rows().try_for_each(Row::settle)
    }

    /// Makes durable what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.rows().try_for_each(|row| row.file.sync_data())
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.levels.iter().chain([&self.offsets])
    }

    /// The hashes `range` of a level.
    pub(super) fn hashes(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, Error> {
        let place = format!("{DIR}/{level}, hashes {}..{}", range.start, range.end);
        let Some(row) = self.levels.get(usize::from(level)).filter(|_| range.start <= range.end) else {
            return Err(not_there(place));
        };
        let bytes = row.read(range).map_err(|source| Error::Io { what: format!("read {place}"), source })?;
        decode_hashes(&bytes.ok_or_else(|| not_there(place))?).map_err(HashError::from).map_err(Error::from)
    }

    /// Where the entries `range` lie.
    pub(super) fn places(&self, range: Range<u64>) -> Result<Vec<Place>, Error> {
        let place = format!("{DIR}/{OFFSETS}, entries {}..{}", range.start, range.end);
        let bytes = self.offsets.read(range).map_err(|source| Error::Io { what: format!("read {place}"), source })?;
        let bytes = bytes.ok_or_else(|| not_there(place))?;
        let (places, _) = bytes.as_chunks::<PLACE_LEN>();
        Ok(places.iter().map(|bytes| decode_place(*bytes)).collect())
    }
}

fn decode_place([f0, f1, f2, f3, e0, e1, e2, e3]: [u8; PLACE_LEN]) -> Place {
    Place { frame: u32::from_be_bytes([f0, f1, f2, f3]), entry: u32::from_be_bytes([e0, e1, e2, e3]) }
}

fn not_there(place: String) -> Error {
    Error::Io { what: format!("read {place}"), source: io::Error::new(io::ErrorKind::UnexpectedEof, "not there") }
}

/// A tree's error seen through the rows.
#[derive(Debug)]
pub(super) struct HashError(Error);

impl From<tlog::Error> for HashError {
    fn from(error: tlog::Error) -> Self {
        Self(Error::Damaged { place: DIR.into(), problem: error.to_string() })
    }
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        error.0
    }
}

impl HashReader for Levels {
    type Error = HashError;

    fn read(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, HashError> {
        self.hashes(level, range).map_err(HashError)
    }
}
