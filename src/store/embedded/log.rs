//! The exchange log: its segments, its one writer and its readers.
//!
//! A segment's name is the index of its first entry. Its header block says all that is needed to go on from there:
//!
//! ```text
//!  0  openings: file      4   where the openings of its first batch will begin
//!  4  openings: offset    8
//! 12  frontier length     4
//! 16  frontier                of the tree before its first entry (`tlog::Frontier`)
//!     checkpoint length   4
//!     checkpoint              over that tree; empty in the first segment
//! ```

use std::{
    collections::VecDeque,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    batch_frame::{self, HEAD_LEN, Head},
    beside::Beside,
    disk::{self, Disk},
    high_water::HighWater,
    levels::{Levels, Place},
    openings::{self, Group, Openings},
    segment::{self, Fields, Found, HEADER_LEN, Kind, PREFIX_LEN, Segment, aligned, push_bytes},
    vault::{SealedFile, Vault},
};
use crate::{
    store::{Batch, Error, ExchangeLog, Kept, LogReader, Slot, Tail, checkpoint::size_and_root},
    tlog::{BatchTree, Frontier, Hash, MAX_ENTRY_LEN, leaf_hash},
};

/// The directory of the segments.
pub(super) const DIR: &str = "log";

/// Their files.
pub(super) const KIND: Kind = Kind { header: *b"HTL1", frame: *b"HTl1", extension: "log" };

/// A segment and what its header says.
pub(super) struct LogSegment {
    pub(super) segment: Segment,
    pub(super) frontier: Frontier,
    pub(super) checkpoint: Option<String>,
    pub(super) openings: Group,
}

impl LogSegment {
    /// Makes a segment that goes on from this tree, durably.
    pub(super) fn create(
        disk: &dyn Disk,
        dir: &Path,
        vault: &Vault,
        (frontier, checkpoint, openings): (Frontier, Option<String>, Group),
        len: u64,
    ) -> Result<Self, Error> {
        let mut header = openings.file.to_be_bytes().to_vec();
        header.extend_from_slice(&openings.offset.to_be_bytes());
        push_bytes(&mut header, &frontier.encode());
        push_bytes(&mut header, checkpoint.as_deref().unwrap_or_default().as_bytes());
        let path = path(dir, frontier.size());
        let segment = Segment::create(disk, path, KIND, vault.random()?, header, len)
            .map_err(|source| super::not_written("a new segment of the log", source))?;
        Ok(Self { segment, frontier, checkpoint, openings })
    }

    fn open(disk: &dyn Disk, path: PathBuf) -> Result<Self, Error> {
        let segment = Segment::open(disk, path, KIND)?;
        let read = || {
            let mut fields = Fields::new(&segment.header);
            let openings = Group { file: fields.u32()?, offset: fields.u64()?, len: 0 };
            let frontier = Frontier::decode(fields.bytes()?).ok()?;
            let checkpoint = str::from_utf8(fields.bytes()?).ok()?;
            Some((openings, frontier, Some(checkpoint.to_owned()).filter(|checkpoint| !checkpoint.is_empty())))
        };
        let (openings, frontier, checkpoint) = read().ok_or_else(|| segment.damaged(0, "the header makes no sense"))?;
        Ok(Self { segment, frontier, checkpoint, openings })
    }

    /// Opens all segments, which follow each other without a gap as far as their names tell.
    pub(super) fn open_all(disk: &dyn Disk, dir: &Path) -> Result<Vec<Self>, Error> {
        let segments = segment::list(disk, dir, KIND)?;
        let segments = segments.into_iter().map(|path| Self::open(disk, path)).collect::<Result<Vec<_>, _>>()?;
        let misnamed = segments.iter().find(|segment| segment.segment.path != path(dir, segment.frontier.size()));
        match (misnamed, segments.first()) {
            (Some(segment), _) => Err(segment.segment.damaged(0, "it is named after another entry than its first")),
            (None, Some(first)) if first.frontier.size() > 0 => {
                Err(first.segment.damaged(0, "the segments before it are missing"))
            }
            (None, Some(_)) => Ok(segments),
            (None, None) => Err(segment::damaged(dir, 0, "there is no segment of the log")),
        }
    }

    /// Reads all batches in order, each recomputed and compared with its checkpoint. Gives where the last one ends.
    pub(super) fn scan(&self, mut visit: impl FnMut(Scanned) -> Result<(), Error>) -> Result<ScanEnd, Error> {
        let mut end = ScanEnd {
            offset: HEADER_LEN,
            frontier: self.frontier.clone(),
            checkpoint: self.checkpoint.clone(),
            openings: self.openings,
            problem: "",
        };
        loop {
            match self.segment.frame_at(end.offset)? {
                Found::Nothing(problem) => return Ok(ScanEnd { problem, ..end }),
                Found::Frame(bytes) => {
                    let scanned =
                        Scanned::read(&end, &bytes).map_err(|problem| self.segment.damaged(end.offset, problem))?;
                    end = scanned.end();
                    visit(scanned)?;
                }
            }
        }
    }
}

/// Where a scan has come to: the state of the log there.
#[derive(Debug, Clone)]
pub(super) struct ScanEnd {
    pub(super) offset: u64,
    pub(super) frontier: Frontier,
    pub(super) checkpoint: Option<String>,
    pub(super) openings: Group,
    /// Why no frame follows.
    pub(super) problem: &'static str,
}

/// One batch as read and recomputed.
pub(super) struct Scanned {
    pub(super) before: ScanEnd,
    pub(super) openings: Group,
    pub(super) tree: BatchTree,
    pub(super) places: Vec<Place>,
    checkpoint: String,
    end: u64,
}

impl Scanned {
    fn read(before: &ScanEnd, frame: &[u8]) -> Result<Self, String> {
        let batch = batch_frame::decode(frame)?;
        if batch.head.first != before.frontier.size() {
            let (found, expected) = (batch.head.first, before.frontier.size());
            return Err(format!("the batch begins with entry {found}, expected is {expected}"));
        }
        let leaves = batch.entries.iter().map(|entry| leaf_hash(entry)).collect();
        let tree = BatchTree::new(&before.frontier, leaves).map_err(|error| error.to_string())?;
        if size_and_root(batch.checkpoint) != Some((tree.size(), tree.root())) {
            return Err("the entries do not hash to the batch's checkpoint".into());
        }
        let places = places(before.offset, &batch.places).ok_or("the segment is too long")?;
        Ok(Self {
            openings: batch.head.openings,
            checkpoint: batch.checkpoint.to_owned(),
            end: aligned(before.offset + frame.len() as u64),
            before: before.clone(),
            tree,
            places,
        })
    }

    /// The state of the log behind the batch.
    pub(super) fn end(&self) -> ScanEnd {
        ScanEnd {
            offset: self.end,
            frontier: self.tree.frontier(),
            checkpoint: Some(self.checkpoint.clone()),
            openings: self.openings.after(),
            problem: "",
        }
    }
}

/// Where the entries of a frame lie in their segment; `None` beyond 4 GiB.
fn places(frame: u64, in_frame: &[usize]) -> Option<Vec<Place>> {
    let frame_at = u32::try_from(frame).ok()?;
    let place = |at: &usize| Some(Place { frame: frame_at, entry: frame_at.checked_add(u32::try_from(*at).ok()?)? });
    in_frame.iter().map(place).collect()
}

/// What writer and readers share.
pub(super) struct Shared {
    pub(super) segments: RwLock<Vec<Arc<LogSegment>>>,
    pub(super) levels: Levels,
    pub(super) openings: Openings,
    pub(super) tail: RwLock<Option<Arc<Tail>>>,
    /// A write failed: what the files hold is not known until they are opened anew.
    pub(super) failed: AtomicBool,
}

impl Shared {
    /// After a failed write nothing more is written: a failed sync that is tried again may seem to succeed.
    pub(super) fn check_usable(&self) -> Result<(), Error> {
        match self.failed.load(Ordering::Acquire) {
            true => Err(unknown(io::Error::other("an earlier write failed; open the log anew"))),
            false => Ok(()),
        }
    }

    /// Where the log ends.
    pub(super) fn tail(&self) -> Option<Arc<Tail>> {
        self.tail.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn size(&self) -> u64 {
        self.tail().map_or(0, |tail| tail.frontier.size())
    }

    fn publish(&self, tail: Tail) {
        *self.tail.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(tail));
    }

    /// The segment of an entry.
    fn segment_of(&self, index: u64) -> Result<Arc<LogSegment>, Error> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let after = segments.partition_point(|segment| segment.frontier.size() <= index);
        let segment = after.checked_sub(1).and_then(|at| segments.get(at)).cloned();
        segment.ok_or_else(|| segment::damaged(Path::new(DIR), 0, format!("entry {index} is in no segment")))
    }

    /// The head of the frame that an entry is in, and that frame's end.
    fn head_of(&self, index: u64) -> Result<(Arc<LogSegment>, Place, Head, u64), Error> {
        let place = self.levels.places(index..index + 1)?.first().copied();
        let place = place.ok_or_else(|| segment::damaged(Path::new(DIR), 0, format!("entry {index} has no place")))?;
        let segment = self.segment_of(index)?;
        let bytes = read(&segment, place.frame.into(), HEAD_LEN)?;
        let len = bytes.get(8..12).and_then(|len| len.try_into().ok()).map_or(0, u32::from_be_bytes);
        let head = Head::decode(&bytes)
            .filter(|head| bytes.starts_with(&KIND.frame) && head.first <= index)
            .ok_or_else(|| segment.segment.damaged(place.frame.into(), format!("entry {index} is not there")))?;
        Ok((segment, place, head, u64::from(place.frame) + u64::from(len)))
    }

    /// The head of the batch that an entry is in, and the entry behind the batch.
    fn batch_of(&self, index: u64) -> Result<(Head, u64), Error> {
        let (segment, place, head, _) = self.head_of(index)?;
        let prefix = read(&segment, place.frame.into(), PREFIX_LEN)?;
        let count = segment::count_and_content(&prefix).map_or(0, |(count, _)| count as u64);
        let next = head.first + count;
        if next > index {
            Ok((head, next))
        } else {
            Err(segment.segment.damaged(place.frame.into(), "its count is wrong"))
        }
    }

    /// The openings of the batch that an entry is in, from that entry on.
    pub(super) fn kept(&self, from: u64) -> Result<Kept, Error> {
        let (head, next) = self.batch_of(from)?;
        Ok(Kept { openings: self.openings.read_from(head.openings, head.first, from)?, next })
    }

    /// Overwrites slots, durably.
    pub(super) fn erase(&self, slots: &[Slot]) -> Result<(), Error> {
        let size = self.size();
        let mut rest = slots;
        let mut written: Vec<Arc<SealedFile>> = Vec::new();
        while let Some(slot) = rest.first() {
            if slot.index >= size {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (head, next) = self.batch_of(slot.index)?;
            let of_batch = rest.iter().take_while(|slot| (head.first..next).contains(&slot.index)).count();
            let (wanted, others) = rest.split_at(of_batch);
            let file = self.openings.overwrite(head.openings, head.first, wanted)?;
            if !written.iter().any(|known| known.number == file.number) {
                written.push(file);
            }
            rest = others;
        }
        written.iter().try_for_each(|file| file.segment.file.sync_data().map_err(openings::not_erased))
    }

    /// Entries of one frame: from `start` on, before `end`, at least one, else as many as fit `max_bytes`.
    fn entries_of_frame(&self, start: u64, end: u64, max_bytes: usize) -> Result<Vec<Vec<u8>>, Error> {
        let (segment, place, _, frame_end) = self.head_of(start)?;
        let at = u64::from(place.entry);
        let room = usize::try_from(frame_end.saturating_sub(at)).unwrap_or(usize::MAX);
        let bytes = read(&segment, at, room.min(max_bytes.max(MAX_ENTRY_LEN + size_of::<u16>())))?;
        let mut entries: Vec<Vec<u8>> = Vec::new();
        let mut left = max_bytes;
        // A last entry that is cut off by the bound ends the run, as the bound itself does.
        for entry in crate::tlog::Entries::new(&bytes).map_while(Result::ok).take((end - start) as usize) {
            if entry.len() > left && !entries.is_empty() {
                break;
            }
            left = left.saturating_sub(entry.len());
            entries.push(entry.to_vec());
        }
        let leaves = self.levels.hashes(0, start..start + entries.len() as u64)?;
        let rotten = entries.iter().zip(&leaves).position(|(entry, leaf)| leaf_hash(entry) != *leaf);
        match rotten {
            Some(position) => {
                let problem = format!("entry {} does not hash to its leaf", start + position as u64);
                Err(segment.segment.damaged(at, problem))
            }
            None if entries.is_empty() => Err(segment.segment.damaged(at, format!("entry {start} is cut off"))),
            None => Ok(entries),
        }
    }
}

fn read(segment: &LogSegment, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
    let what = || format!("read {} at byte {offset}", segment.segment.path.display());
    disk::read(&*segment.segment.file, offset, len).map_err(|source| Error::Io { what: what(), source })
}

/// Reads what is durable.
pub(super) struct Reader(pub(super) Arc<Shared>);

impl LogReader for Reader {
    fn tail(&self) -> Option<Tail> {
        self.0.tail().map(|tail| Tail::clone(&tail))
    }

    fn entries(&self, start: u64, end: u64, max_bytes: usize) -> Result<Vec<Vec<u8>>, Error> {
        let end = end.min(self.0.size());
        let mut entries: Vec<Vec<u8>> = Vec::new();
        let mut left = max_bytes;
        let mut at = start;
        while at < end {
            let run = self.0.entries_of_frame(at, end, left)?;
            let bytes = run.iter().map(Vec::len).sum::<usize>();
            if bytes > left && !entries.is_empty() {
                break;
            }
            left = left.saturating_sub(bytes);
            at += run.len() as u64;
            entries.extend(run);
        }
        Ok(entries)
    }

    fn hashes(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, Error> {
        self.0.levels.hashes(level, range)
    }

    fn openings(&self, index: u64) -> Result<Vec<Vec<u8>>, Error> {
        let (_, _, head, _) = self.0.head_of(index)?;
        self.0.openings.read(head.openings, head.first, index)
    }
}

/// The one writer.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) vault: Vault,
    pub(super) segment_size: u64,
    /// The state of the log, where the next frame goes included.
    pub(super) end: ScanEnd,
    /// A segment could not be begun. It may be there or not, so nothing may be written to the one before it.
    pub(super) must_roll: bool,
    /// Writes the openings while the log is written.
    pub(super) beside: Beside,
    /// Writes the high-water mark until this is dropped.
    pub(super) high_water: Option<HighWater>,
}

impl ExchangeLog for Writer {
    fn tail(&self) -> Option<Tail> {
        self.shared.tail().map(|tail| Tail::clone(&tail))
    }

    fn append(&mut self, expected: u64, batch: &Batch) -> Result<(), Error> {
        self.shared.check_usable()?;
        disk::require_room(&*self.disk, &self.dir).map_err(|source| super::not_written("the index", source))?;
        let size = self.end.frontier.size();
        if expected != size {
            return Err(Error::Conflict { expected, found: size });
        }
        let tree = batch.tree(&self.end.frontier)?;
        let openings = self.shared.openings.prepare(self.end.openings, size, &batch.openings)?;
        let head = Head { first: size, openings: openings.group };
        let (content, in_frame) = batch_frame::encode(head, &batch.checkpoint, &batch.entries)?;
        let segment = self.segment_with_room((PREFIX_LEN + content.len()) as u64)?;
        let frame = segment
            .segment
            .frame(batch.entries.len(), &content)
            .map_err(|error| Error::Malformed(error.to_string()))?;
        let places =
            places(self.end.offset, &in_frame).ok_or_else(|| Error::Malformed("the segment is too long".into()))?;

        // From here on something may be found again that was not acknowledged.
        let offset = self.end.offset;
        let file = &segment.segment.file;
        let write = || file.write_at(&frame, offset).and_then(|()| file.sync_data());
        let group = openings.group;
        let written = if group.len == 0 { write() } else { self.beside.both(write, move || openings.write()) };
        if let Err(source) = written {
            self.shared.failed.store(true, Ordering::Release);
            return Err(unknown(source));
        }
        self.end = ScanEnd {
            offset: aligned(offset + frame.len() as u64),
            frontier: tree.frontier(),
            checkpoint: Some(batch.checkpoint.clone()),
            openings: group.after(),
            problem: "",
        };
        self.shared.levels.push(&tree, &places);
        self.shared.publish(Tail { frontier: tree.frontier(), checkpoint: batch.checkpoint.clone() });
        // The batch is durable; what is derived from it may wait in memory for as long as writing it fails.
        if let Err(error) = self.shared.levels.settle_if_due() {
            tracing::warn!(%error, "the derived hashes could not be written yet");
        }
        Ok(())
    }
}

impl Writer {
    /// The last segment, or a new one where a frame of this length does not fit.
    fn segment_with_room(&mut self, frame_len: u64) -> Result<Arc<LogSegment>, Error> {
        let last = self.shared.segments.read().unwrap_or_else(PoisonError::into_inner).last().cloned();
        match last {
            Some(last) if !self.must_roll && self.end.offset + frame_len <= last.segment.len => Ok(last),
            _ => self.roll(frame_len),
        }
    }

    /// Begins a segment. What is derived from the ones before becomes durable first: a start makes only the last
    /// segment's part of it again.
    fn roll(&mut self, frame_len: u64) -> Result<Arc<LogSegment>, Error> {
        self.must_roll = true;
        self.shared.levels.settle().map_err(|source| super::not_written("the derived hashes", source))?;
        if let Err(source) = self.shared.levels.sync() {
            self.shared.failed.store(true, Ordering::Release);
            return Err(unknown(source));
        }
        let state = (self.end.frontier.clone(), self.end.checkpoint.clone(), self.end.openings);
        let len = self.segment_size.max(HEADER_LEN + frame_len);
        let segment = Arc::new(LogSegment::create(&*self.disk, &self.dir, &self.vault, state, len)?);
        self.shared.segments.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&segment));
        self.end.offset = HEADER_LEN;
        self.must_roll = false;
        Ok(segment)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Not needed for anything but a quicker start of those who read the files without us.
        if let Err(error) = self.shared.levels.settle() {
            tracing::warn!(%error, "the derived hashes could not be written");
        }
        drop(self.high_water.take());
    }
}

fn unknown(source: io::Error) -> Error {
    Error::Unknown { what: "a batch of the log", source }
}

/// Where the segment beginning with this entry is.
fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.{}", KIND.extension))
}

/// Batches of the last segment, as recovery reads them.
pub(super) type ScannedBatches = VecDeque<Scanned>;
