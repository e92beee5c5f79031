//! The one form that all segment files have: a header block, then frames, then zeros.
//!
//! ```text
//! offset
//!      0  header block, 8,192 bytes: a frame whose magic says what the file is and in which version, then zeros
//!  8,192  frame, then zeros up to the next multiple of 8
//!         frame …
//!         zeros to the end: room reserved when the file was made
//! ```
//!
//! A frame:
//!
//! ```text
//!  0  magic      4   the kind of frame and its version
//!  4  crc        4   CRC-32 (IEEE) of all that follows in the frame: against rot and torn writes, not against people
//!  8  length     4   of the whole frame, the magic included
//! 12  count      4   how many things are in it
//! 16  tag        8   the file's own random tag, so that nothing a sender chooses can pass for a frame
//! 24  content
//! ```
//!
//! Integers are big-endian throughout the engine. One frame is one write and one sync, and the next begins only after
//! that: so at most one frame can be torn, it is the last, and a valid frame behind an invalid one means rot.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::disk::{self, Disk, DiskFile};
use crate::store::Error;

/// Bytes of the header block: room for a frontier of 63 hashes (2 KiB) and a checkpoint with a post-quantum signature
/// (ML-DSA-44 takes 3.3 kB, in base64 4.4 kB).
pub(super) const HEADER_LEN: u64 = 8_192;

/// Bytes of a frame before its content.
pub(super) const PREFIX_LEN: usize = 24;

/// Frames begin at multiples of this, so that looking for one behind rot tries an eighth of the places.
pub(super) const ALIGNMENT: u64 = 8;

/// Bytes looked through at a time.
const CHUNK_LEN: usize = 1 << 20;

/// A file's random tag.
pub(super) type Tag = [u8; 8];

/// What a kind of segment file is recognized by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// The header block's magic.
    pub(super) header: [u8; 4],
    /// The frames' magic.
    pub(super) frame: [u8; 4],
    /// What the files' names end with.
    pub(super) extension: &'static str,
}

/// An open segment file.
pub(super) struct Segment {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its bytes.
    pub(super) file: Arc<dyn DiskFile>,
    /// How many there are.
    pub(super) len: u64,
    /// Its tag.
    pub(super) tag: Tag,
    /// The content of its header block.
    pub(super) header: Vec<u8>,
    kind: Kind,
}

/// What is found at a place where a frame may begin.
pub(super) enum Found {
    /// A valid frame, from its magic to its end.
    Frame(Vec<u8>),
    /// No valid frame; why.
    Nothing(&'static str),
}

/// What the bytes behind the last valid frame are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Zeros.
    Blank,
    /// Something up to this offset, and no valid frame in it: a torn write.
    Torn(u64),
    /// A valid frame at this offset: what lies before it has rotted.
    FrameAt(u64),
}

impl Segment {
    /// Makes a segment of `len` bytes, all reserved, durable when this returns.
    pub(super) fn create(
        disk: &dyn Disk,
        path: PathBuf,
        kind: Kind,
        tag: Tag,
        header: Vec<u8>,
        len: u64,
    ) -> io::Result<Self> {
        let block = frame(kind.header, 0, tag, &header)?;
        if block.len() as u64 > HEADER_LEN {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the segment's header is too long"));
        }
        let file = disk::create_whole(disk, &path, |file| {
            file.allocate(len)?;
            file.write_at(&block, 0)
        })?;
        Ok(Self { path, file, len, tag, header, kind })
    }

    /// Opens a segment and reads its header block.
    pub(super) fn open(disk: &dyn Disk, path: PathBuf, kind: Kind) -> Result<Self, Error> {
        let open = || {
            let file = disk.open(&path)?;
            let len = file.len()?;
            let block = disk::read(&*file, 0, HEADER_LEN.min(len) as usize)?;
            Ok((file, len, block))
        };
        let (file, len, block) =
            open().map_err(|source| Error::Io { what: format!("open {}", path.display()), source })?;
        match parse(kind.header, None, &block) {
            Ok((tag, header)) => Ok(Self { file, len, tag, header: header.to_vec(), kind, path }),
            Err(problem) => Err(damaged(&path, 0, format!("the header: {problem}"))),
        }
    }

    /// A frame of this file, ready to be written.
    pub(super) fn frame(&self, count: usize, content: &[u8]) -> io::Result<Vec<u8>> {
        frame(self.kind.frame, count, self.tag, content)
    }

    /// What is at `offset`.
    pub(super) fn frame_at(&self, offset: u64) -> Result<Found, Error> {
        self.try_frame_at(offset).map_err(|source| Error::Io { what: format!("read {}", self.path.display()), source })
    }

    fn try_frame_at(&self, offset: u64) -> io::Result<Found> {
        let room = self.len.saturating_sub(offset);
        if room < PREFIX_LEN as u64 {
            return Ok(Found::Nothing("the file ends"));
        }
        let prefix = disk::read(&*self.file, offset, PREFIX_LEN)?;
        let len = u64::from(frame_len(&prefix).unwrap_or(0));
        if !prefix.starts_with(&self.kind.frame) {
            return Ok(Found::Nothing("no frame begins here"));
        }
        if !(PREFIX_LEN as u64..=room).contains(&len) {
            return Ok(Found::Nothing("the frame's length is impossible"));
        }
        let bytes = disk::read(&*self.file, offset, len as usize)?;
        Ok(match parse(self.kind.frame, Some(self.tag), &bytes) {
            Ok(_) => Found::Frame(bytes),
            Err(problem) => Found::Nothing(problem),
        })
    }

    /// What lies behind the last valid frame, which ends at `from`.
    pub(super) fn rest(&self, from: u64) -> Result<Rest, Error> {
        let failed = |source| Error::Io { what: format!("read {}", self.path.display()), source };
        let mut torn_until = None;
        let mut at = from;
        while at < self.len {
            let chunk = disk::read(&*self.file, at, CHUNK_LEN.min((self.len - at) as usize)).map_err(failed)?;
            if !is_blank(&chunk) {
                for (place, piece) in (at..).step_by(ALIGNMENT as usize).zip(chunk.chunks(ALIGNMENT as usize)) {
                    if piece.starts_with(&self.kind.frame)
                        && place > from
                        && let Found::Frame(_) = self.frame_at(place)?
                    {
                        return Ok(Rest::FrameAt(place));
                    }
                    if !is_blank(piece) {
                        torn_until = Some(place + piece.len() as u64);
                    }
                }
            }
            at += chunk.len() as u64;
        }
        Ok(torn_until.map_or(Rest::Blank, Rest::Torn))
    }

    /// Overwrites `from..until` with zeros, durably: what a torn write left must not be taken for part of a later one.
    pub(super) fn blank(&self, from: u64, until: u64) -> Result<(), Error> {
        let zeros = vec![0; until.saturating_sub(from) as usize];
        let blank = self.file.write_at(&zeros, from).and_then(|()| self.file.sync_data());
        blank.map_err(|source| Error::Io { what: format!("cut the torn end of {}", self.path.display()), source })
    }

    /// Makes durable what a start found: a process that was killed may have written and not synced it, and from now on it
    /// is shown, and built upon.
    pub(super) fn sync(&self) -> Result<(), Error> {
        let synced = self.file.sync_data();
        synced.map_err(|source| Error::Io { what: format!("sync {}", self.path.display()), source })
    }

    /// Something wrong at an offset of this file.
    pub(super) fn damaged(&self, offset: u64, problem: impl Into<String>) -> Error {
        damaged(&self.path, offset, problem)
    }
}

/// The names of the segments in a directory, in order, made durable; what an interrupted creation left is removed.
pub(super) fn list(disk: &dyn Disk, dir: &Path, kind: Kind) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Io { what: format!("list {}", dir.display()), source };
    let mut paths = Vec::new();
    for name in disk.list(dir).map_err(failed)? {
        let path = dir.join(&name);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(disk::TEMPORARY) => disk.remove(&path).map_err(failed)?,
            Some(extension) if extension == kind.extension => paths.push(path),
            _ => {}
        }
    }
    disk.sync_dir(dir).map_err(failed)?;
    Ok(paths)
}

/// Where the frame behind one that ends at `end` begins.
pub(super) fn aligned(end: u64) -> u64 {
    end.next_multiple_of(ALIGNMENT)
}

/// A file and an offset with something wrong.
pub(super) fn damaged(path: &Path, offset: u64, problem: impl Into<String>) -> Error {
    Error::Damaged { place: format!("{} at byte {offset}", path.display()), problem: problem.into() }
}

/// Lays out a frame.
fn frame(magic: [u8; 4], count: usize, tag: Tag, content: &[u8]) -> io::Result<Vec<u8>> {
    let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a frame is too long");
    let len = u32::try_from(PREFIX_LEN + content.len()).map_err(too_long)?;
    let count = u32::try_from(count).map_err(too_long)?;
    let mut summed = Vec::with_capacity(len as usize);
    summed.extend_from_slice(&len.to_be_bytes());
    summed.extend_from_slice(&count.to_be_bytes());
    summed.extend_from_slice(&tag);
    summed.extend_from_slice(content);
    let crc = crc32fast::hash(&summed);
    Ok([&magic, crc.to_be_bytes().as_slice(), &summed].concat())
}

/// The tag and content of the frame that the bytes begin with.
fn parse(magic: [u8; 4], tag: Option<Tag>, bytes: &[u8]) -> Result<(Tag, &[u8]), &'static str> {
    let mut fields = Fields::new(bytes);
    if fields.array() != Some(magic) {
        return Err("it does not begin as its kind does");
    }
    let crc = fields.u32().ok_or("it is cut off")?;
    let len = frame_len(bytes).ok_or("it is cut off")? as usize;
    let summed = bytes.get(8..len).ok_or("it is cut off")?;
    if crc32fast::hash(summed) != crc {
        return Err("its checksum is wrong");
    }
    let found = summed.get(8..16).and_then(|tag| tag.try_into().ok()).ok_or("it is cut off")?;
    if tag.is_some_and(|tag| tag != found) {
        return Err("it belongs to another file");
    }
    Ok((found, summed.get(16..).unwrap_or_default()))
}

/// What a frame's length field says.
fn frame_len(prefix: &[u8]) -> Option<u32> {
    prefix.get(8..12)?.try_into().ok().map(u32::from_be_bytes)
}

/// How many things a valid frame says it holds, and its content.
pub(super) fn count_and_content(frame: &[u8]) -> Option<(usize, &[u8])> {
    let count = u32::from_be_bytes(frame.get(12..16)?.try_into().ok()?);
    Some((count as usize, frame.get(PREFIX_LEN..)?))
}

fn is_blank(bytes: &[u8]) -> bool {
    // Comparing with zeros is a memcmp; looking at each byte is not.
    const ZEROS: [u8; 4_096] = [0; 4_096];
    bytes.chunks(ZEROS.len()).all(|chunk| ZEROS.starts_with(chunk))
}

/// Reads fixed-width fields off the front of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Reads from the first byte on.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    /// An unsigned number of four bytes.
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// An unsigned number of eight bytes.
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Bytes after their length in four bytes.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()? as usize;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    /// What is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Appends bytes after their length in four bytes, as [`Fields::bytes`] reads them.
pub(super) fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    // Callers bound what they push far below 4 GiB; a longer one would make a frame that `frame` refuses.
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}
