//! Record bodies: sealed, appended, never changed.
//!
//! A frame (`segment`) holds the bodies that became durable together:
//!
//! ```text
//! 24  table    36 each: name (the JWT's SHA-256) 32 ‖ u32 length of the sealed body
//!     bodies   sealed: nonce 12 ‖ ciphertext ‖ tag 16; a body's offset in the file is its place
//! ```
//!
//! Where each body lies is kept in the index, together with how far the files have been read into it:
//!
//! ```text
//! name 32   →   u32 file ‖ u64 offset ‖ u32 length
//! "end"     →   u32 file ‖ u64 offset
//! ```

use std::{
    collections::HashSet,
    io, mem,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
};

use super::{
    disk::{self, Disk},
    segment::{Fields, Found, HEADER_LEN, Kind, PREFIX_LEN, Rest, aligned, count_and_content},
    vault::{SealedFile, Vault},
};
use crate::{
    domain::id::Digest,
    sign::sealing::OVERHEAD,
    store::{
        Bodies, Error,
        rows::{Table, Writes},
    },
};

/// The directory of bodies.
pub(super) const DIR: &str = "bodies";

/// Their files.
pub(super) const KIND: Kind = Kind { header: *b"HTB1", frame: *b"HTb1", extension: "bodies" };

/// Bytes of a body's entry in its frame's table.
const TABLE_ENTRY_LEN: usize = 36;

/// Bodies of waiting callers that go into one frame, in bytes: more would make the first of them wait for the last.
const GROUP_BYTES: usize = 16 << 20;

/// How far the files have been read into the index.
const END: &[u8] = b"end";

/// Where a body lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) file: u32,
    pub(super) offset: u64,
    pub(super) len: u32,
}

impl Location {
    fn encode(self) -> Vec<u8> {
        [self.file.to_be_bytes().as_slice(), &self.offset.to_be_bytes(), &self.len.to_be_bytes()].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        Some(Self { file: fields.u32()?, offset: fields.u64()?, len: fields.u32()? })
    }

    /// Whether the body lies before this end.
    pub(super) fn is_before(self, end: End) -> bool {
        (self.file, self.offset) < (end.file, end.offset)
    }
}

/// Where the next frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    file: u32,
    offset: u64,
}

impl End {
    const START: Self = Self { file: 0, offset: HEADER_LEN };

    fn encode(self) -> Vec<u8> {
        [self.file.to_be_bytes().as_slice(), &self.offset.to_be_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        Some(Self { file: fields.u32()?, offset: fields.u64()? })
    }
}

/// How far the files have been read into an index.
pub(super) fn known_end(locations: &impl Table) -> Result<End, Error> {
    Ok(locations.get(END)?.and_then(|end| End::decode(&end)).unwrap_or(End::START))
}

/// All bodies.
pub(super) struct SealedBodies<T> {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    vault: Vault,
    segment_size: u64,
    files: RwLock<Vec<Arc<SealedFile>>>,
    locations: T,
    /// Calls that wait for the one that writes, to be written by the next.
    waiting: Mutex<Vec<Arc<Call>>>,
    writer: Mutex<Writer>,
}

/// What the one that writes needs.
struct Writer {
    end: End,
    /// A file could not be begun; it may be there or not, so nothing may be written to the one before it.
    must_roll: bool,
    /// A write failed: what the files hold is not known until they are opened anew.
    failed: bool,
}

/// One call of [`Bodies::put`].
struct Call {
    bodies: Vec<(Digest, Vec<u8>)>,
    outcome: OnceLock<Result<(), Failure>>,
}

/// An error that several callers get.
#[derive(Debug, Clone)]
struct Failure {
    kind: io::ErrorKind,
    text: String,
    is_known: bool,
}

impl Failure {
    fn into_error(self) -> Error {
        const WHAT: &str = "record bodies";
        let source = io::Error::new(self.kind, self.text);
        if self.is_known { super::not_written(WHAT, source) } else { Error::Unknown { what: WHAT, source } }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Full { source, .. } | Error::Io { source, .. } | Error::Unknown { source, .. } => source.kind(),
            _ => io::ErrorKind::Other,
        };
        Self { kind, text: error.to_string(), is_known: !matches!(error, Error::Unknown { .. }) }
    }
}

impl<T: Table> SealedBodies<T> {
    /// Makes the first file.
    pub(super) fn create(disk: &Arc<dyn Disk>, dir: &Path, vault: &Vault, segment_size: u64) -> Result<(), Error> {
        disk.create_dir(dir).map_err(|source| super::not_written("a directory", source))?;
        SealedFile::create(&**disk, dir, KIND, 0, segment_size, vault).map(drop)
    }

    /// Opens all files and reads into the index what it does not know yet.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        vault: &Vault,
        segment_size: u64,
        locations: T,
    ) -> Result<Self, Error> {
        let files = SealedFile::open_all(&**disk, dir, KIND, vault)?;
        let known = known_end(&locations)?;
        let known_file = files.get(known.file as usize);
        let from = match known_file {
            Some(file) if known.offset <= file.segment.len => known,
            _ => {
                locations.clear()?;
                End::START
            }
        };
        let end = index(&files, from, &locations)?;
        Ok(Self {
            disk: Arc::clone(disk),
            dir: dir.to_owned(),
            vault: vault.clone(),
            segment_size,
            files: RwLock::new(files.into_iter().map(Arc::new).collect()),
            locations,
            waiting: Mutex::default(),
            writer: Mutex::new(Writer { end, must_roll: false, failed: false }),
        })
    }

    fn file(&self, number: u32) -> Option<Arc<SealedFile>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(number as usize).cloned()
    }

    /// Writes the bodies of waiting calls that are not there yet, in one frame with one sync.
    fn write(&self, writer: &mut Writer, calls: &[Arc<Call>]) -> Result<(), Error> {
        if writer.failed {
            return Err(unknown(io::Error::other("an earlier write failed; open the folder anew")));
        }
        disk::require_room(&*self.disk, &self.dir).map_err(|source| super::not_written("the index", source))?;
        let mut names = HashSet::new();
        let mut bodies: Vec<(&Digest, &[u8])> = Vec::new();
        for (name, body) in calls.iter().flat_map(|call| &call.bodies) {
            if names.insert(name) && self.locations.get(name.as_bytes())?.is_none() {
                bodies.push((name, body));
            }
        }
        if bodies.is_empty() {
            return Ok(());
        }
        let head_len = PREFIX_LEN + bodies.len() * TABLE_ENTRY_LEN;
        let len = head_len + bodies.iter().map(|(_, body)| body.len() + OVERHEAD).sum::<usize>();
        let (file, offset) = self.room(writer, len as u64)?;

        let mut table = Vec::with_capacity(len - PREFIX_LEN);
        let mut sealed_bodies = Vec::with_capacity(len - head_len);
        let mut writes = Writes::new();
        for (name, body) in &bodies {
            let at = offset + (head_len + sealed_bodies.len()) as u64;
            let sealed = file.seal(at, body)?;
            let sealed_len = u32::try_from(sealed.len()).map_err(|_| too_long())?;
            table.extend_from_slice(name.as_bytes());
            table.extend_from_slice(&sealed_len.to_be_bytes());
            let location = Location { file: file.number, offset: at, len: sealed_len };
            writes.insert(name.as_bytes().to_vec(), Some(location.encode()));
            sealed_bodies.extend_from_slice(&sealed);
        }
        table.extend_from_slice(&sealed_bodies);
        let frame = file.segment.frame(bodies.len(), &table).map_err(|_| too_long())?;

        let written = file.segment.file.write_at(&frame, offset).and_then(|()| file.segment.file.sync_data());
        if let Err(source) = written {
            writer.failed = true;
            return Err(unknown(source));
        }
        writer.end = End { file: file.number, offset: aligned(offset + frame.len() as u64) };
        writes.insert(END.to_vec(), Some(writer.end.encode()));
        self.locations.write(writes)
    }

    /// A file with room for a frame of `len` bytes, and where in it.
    fn room(&self, writer: &mut Writer, len: u64) -> Result<(Arc<SealedFile>, u64), Error> {
        let End { file: number, offset } = writer.end;
        if let Some(file) = self.file(number)
            && !writer.must_roll
            && offset + len <= file.segment.len
        {
            return Ok((file, offset));
        }
        writer.must_roll = true;
        let size = self.segment_size.max(HEADER_LEN + len);
        let file = Arc::new(SealedFile::create(&*self.disk, &self.dir, KIND, number + 1, size, &self.vault)?);
        self.files.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&file));
        *writer = Writer { end: End { file: number + 1, offset: HEADER_LEN }, must_roll: false, failed: false };
        Ok((file, HEADER_LEN))
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Arc<Call>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls that go into the next frame: the longest waiting ones.
    fn next_group(&self) -> Vec<Arc<Call>> {
        let mut waiting = self.waiting();
        let mut bytes = 0;
        let fitting = waiting.iter().take_while(|call| {
            bytes += call.bodies.iter().map(|(_, body)| body.len()).sum::<usize>();
            bytes <= GROUP_BYTES
        });
        let count = fitting.count().max(1).min(waiting.len());
        let rest = waiting.split_off(count);
        mem::replace(&mut *waiting, rest)
    }
}

impl<T: Table> Bodies for SealedBodies<T> {
    fn put(&self, bodies: &[(Digest, &[u8])]) -> Result<(), Error> {
        let bodies = bodies.iter().map(|(name, body)| (*name, body.to_vec())).collect();
        let call = Arc::new(Call { bodies, outcome: OnceLock::new() });
        self.waiting().push(Arc::clone(&call));
        // While one writes, others come to wait; the first of them to get the lock writes for all.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = call.outcome.get() {
                return outcome.clone().map_err(Failure::into_error);
            }
            let group = self.next_group();
            let outcome = self.write(&mut writer, &group).map_err(Failure::from);
            for call in group {
                // Set once: a call is taken from those waiting once.
                let _ = call.outcome.set(outcome.clone());
            }
        }
    }

    fn get(&self, jwt_sha256: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let Some(location) = self.locations.get(jwt_sha256.as_bytes())? else { return Ok(None) };
        let lost =
            || Error::Damaged { place: format!("body {jwt_sha256}"), problem: "the index points nowhere".into() };
        let location = Location::decode(&location).ok_or_else(lost)?;
        let file = self.file(location.file).ok_or_else(lost)?;
        unseal(&file, location).map(Some)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
impl<T: Table> SealedBodies<T> {
    /// What lies behind the end.
    pub(super) fn rest(&self) -> Result<Rest, Error> {
        let end = self.writer.lock().unwrap().end;
        self.file(end.file).unwrap().segment.rest(end.offset)
    }
}

/// Reads and unseals a body.
pub(super) fn unseal(file: &SealedFile, location: Location) -> Result<Vec<u8>, Error> {
    let sealed = disk::read(&*file.segment.file, location.offset, location.len as usize)
        .map_err(|source| Error::Io { what: format!("read {}", file.segment.path.display()), source })?;
    file.unseal(location.offset, &sealed)
}

/// Reads the files from a place on into the index, cuts a torn end, and gives the end.
fn index<T: Table>(files: &[SealedFile], from: End, locations: &T) -> Result<End, Error> {
    let mut end = from;
    for file in files.iter().skip(from.file as usize) {
        let start = if file.number == from.file { from.offset } else { HEADER_LEN };
        let (offset, problem) = scan(file, start, |frame| {
            let mut writes = Writes::new();
            for (name, location) in &frame.bodies {
                if locations.get(name.as_bytes())?.is_none() {
                    writes.insert(name.as_bytes().to_vec(), Some(location.encode()));
                }
            }
            writes.insert(END.to_vec(), Some(End { file: file.number, offset: frame.end }.encode()));
            locations.write(writes)
        })?;
        file.segment.sync()?;
        let is_last = file.number as usize + 1 == files.len();
        match file.segment.rest(offset)? {
            Rest::Blank => {}
            Rest::Torn(until) if is_last => file.segment.blank(offset, until)?,
            Rest::Torn(_) | Rest::FrameAt(_) => return Err(file.segment.damaged(offset, problem)),
        }
        end = End { file: file.number, offset };
    }
    Ok(end)
}

/// A frame as read.
pub(super) struct BodyFrame {
    pub(super) bodies: Vec<(Digest, Location)>,
    pub(super) end: u64,
}

/// Visits the frames of a file from an offset on. Gives where the last one ends and why none follows.
pub(super) fn scan(
    file: &SealedFile,
    from: u64,
    mut visit: impl FnMut(BodyFrame) -> Result<(), Error>,
) -> Result<(u64, &'static str), Error> {
    let mut at = from;
    loop {
        match file.segment.frame_at(at)? {
            Found::Nothing(problem) => return Ok((at, problem)),
            Found::Frame(bytes) => {
                let frame = decode(file.number, at, &bytes);
                let frame = frame.ok_or_else(|| file.segment.damaged(at, "its table does not fit its bodies"))?;
                at = frame.end;
                visit(frame)?;
            }
        }
    }
}

fn decode(file: u32, at: u64, bytes: &[u8]) -> Option<BodyFrame> {
    let (count, content) = count_and_content(bytes)?;
    let mut fields = Fields::new(content);
    let mut offset = at + (PREFIX_LEN + count.checked_mul(TABLE_ENTRY_LEN)?) as u64;
    let mut bodies = Vec::new();
    for _ in 0..count {
        let (name, len) = (Digest(fields.array()?), fields.u32()?);
        bodies.push((name, Location { file, offset, len }));
        offset += u64::from(len);
    }
    let end = at + bytes.len() as u64;
    (offset == end).then(|| BodyFrame { bodies, end: aligned(end) })
}

fn unknown(source: io::Error) -> Error {
    Error::Unknown { what: "record bodies", source }
}

fn too_long() -> Error {
    let source = io::Error::new(io::ErrorKind::InvalidInput, "bodies of more than 4 GiB at once");
    Error::Io { what: "lay out record bodies".into(), source }
}
