//! Openings: who was asked about, sealed, one slot each, so that one can be erased and no other.
//!
//! A batch with openings has one group here, and its log frame says where. A group begins with a frame (`segment`) of
//! `count` slots, extended with zeros to a multiple of 256 bytes:
//!
//! ```text
//! 24  first    8   index of the batch's first entry
//! 32  table    8 each: u32 which entry of the batch, u32 how many units of 256 bytes
//! ```
//!
//! and its slots follow, each in units of 256 bytes:
//!
//! ```text
//!  0  sealed     nonce 12 ‖ ciphertext ‖ tag 16, of: u32 length ‖ opening ‖ zeros; the slot's offset is its place
//! ```
//!
//! The frame's checksum covers the frame alone, not the slots: each has its own tag. A unit of 0xFF throughout says that
//! its slot was erased.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    disk::{self, Disk},
    segment::{Fields, Found, HEADER_LEN, Kind, PREFIX_LEN, Rest, count_and_content},
    vault::{SealedFile, Vault},
};
use crate::{
    sign::sealing::OVERHEAD,
    store::{self, Error},
};

/// The directory of openings.
pub(super) const DIR: &str = "openings";

/// Their files.
pub(super) const KIND: Kind = Kind { header: *b"HTO1", frame: *b"HTo1", extension: "openings" };

/// Slots are multiples of this: most openings (a scheme, an identifier, a salt) fill one, and their length does not show.
const UNIT: u64 = 256;

/// What an erased slot is filled with.
const ERASED: u8 = 0xFF;

/// Where a batch's group lies. A batch without openings has an empty group where the next one will begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// The file's number.
    pub(super) file: u32,
    /// Where it begins.
    pub(super) offset: u64,
    /// How many bytes it takes; none when there are no openings.
    pub(super) len: u32,
}

impl Group {
    /// Where the openings begin, when there are none yet.
    pub(super) const START: Self = Self { file: 0, offset: HEADER_LEN, len: 0 };

    /// Where the next group begins, as an empty one.
    pub(super) fn after(self) -> Self {
        Self { offset: self.offset + u64::from(self.len), len: 0, ..self }
    }
}

/// A group ready to be written.
pub(super) struct Prepared {
    pub(super) group: Group,
    file: Arc<SealedFile>,
    bytes: Vec<u8>,
}

impl Prepared {
    /// Writes the group and makes it durable.
    pub(super) fn write(&self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let file = &self.file.segment.file;
        file.write_at(&self.bytes, self.group.offset).and_then(|()| file.sync_data())
    }
}

/// All openings.
pub(super) struct Openings {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    vault: Vault,
    segment_size: u64,
    files: RwLock<Vec<Arc<SealedFile>>>,
}

/// One slot of a group.
struct Slot {
    entry: u32,
    /// Its position among those of its entry.
    position: u32,
    range: Range<u64>,
}

impl Openings {
    /// Makes the first file.
    pub(super) fn create(disk: &Arc<dyn Disk>, dir: &Path, vault: &Vault, segment_size: u64) -> Result<(), Error> {
        disk.create_dir(dir).map_err(|source| super::not_written("a directory", source))?;
        SealedFile::create(&**disk, dir, KIND, 0, segment_size, vault).map(drop)
    }

    /// Opens all files.
    pub(super) fn open(disk: &Arc<dyn Disk>, dir: &Path, vault: &Vault, segment_size: u64) -> Result<Self, Error> {
        let files = SealedFile::open_all(&**disk, dir, KIND, vault)?.into_iter().map(Arc::new).collect();
        let (disk, dir, vault) = (Arc::clone(disk), dir.to_owned(), vault.clone());
        Ok(Self { disk, dir, vault, segment_size, files: RwLock::new(files) })
    }

    /// Seals a batch's openings for the place where the last group ends. A new file is begun where that has no room.
    pub(super) fn prepare(&self, end: Group, first: u64, openings: &[Vec<Vec<u8>>]) -> Result<Prepared, Error> {
        let slots: Vec<(u32, &[u8])> = (0u32..)
            .zip(openings)
            .flat_map(|(entry, of_entry)| of_entry.iter().map(move |opening| (entry, opening.as_slice())))
            .collect();
        if slots.is_empty() {
            return Ok(Prepared { group: end, file: self.file(end.file)?, bytes: Vec::new() });
        }
        let head_len = ((PREFIX_LEN + 8 + slots.len() * 8) as u64).next_multiple_of(UNIT);
        let len = head_len + slots.iter().map(|(_, opening)| slot_len(opening)).sum::<u64>();
        let (file, offset) = self.room(end, len)?;

        let mut table = first.to_be_bytes().to_vec();
        for (entry, opening) in &slots {
            table.extend_from_slice(&entry.to_be_bytes());
            table.extend_from_slice(&((slot_len(opening) / UNIT) as u32).to_be_bytes());
        }
        table.resize(head_len as usize - PREFIX_LEN, 0);
        let malformed = |source| Error::Io { what: "lay out the openings of a batch".into(), source };
        let mut bytes = file.segment.frame(slots.len(), &table).map_err(malformed)?;
        for (_, opening) in &slots {
            let plaintext_len = slot_len(opening) as usize - OVERHEAD;
            let mut plaintext = Vec::with_capacity(plaintext_len);
            super::segment::push_bytes(&mut plaintext, opening);
            plaintext.resize(plaintext_len, 0);
            let sealed = file.seal(offset + bytes.len() as u64, &plaintext)?;
            bytes.extend_from_slice(&sealed);
        }
        let len = u32::try_from(bytes.len()).map_err(|_| malformed(io::ErrorKind::FileTooLarge.into()))?;
        Ok(Prepared { group: Group { file: file.number, offset, len }, file, bytes })
    }

    /// A file with room for `len` bytes, and where in it.
    fn room(&self, end: Group, len: u64) -> Result<(Arc<SealedFile>, u64), Error> {
        let current = self.file(end.file)?;
        if end.offset + len <= current.segment.len {
            return Ok((current, end.offset));
        }
        // A file that a failed batch began and did not use is used now.
        let existing = self.file(end.file + 1).ok().filter(|next| HEADER_LEN + len <= next.segment.len);
        if let Some(next) = existing {
            return Ok((next, HEADER_LEN));
        }
        let size = self.segment_size.max(HEADER_LEN + len);
        let created = Arc::new(SealedFile::create(&*self.disk, &self.dir, KIND, end.file + 1, size, &self.vault)?);
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.truncate(end.file as usize + 1);
        files.push(Arc::clone(&created));
        Ok((created, HEADER_LEN))
    }

    fn file(&self, number: u32) -> Result<Arc<SealedFile>, Error> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.get(number as usize).cloned().ok_or_else(|| Error::Damaged {
            place: format!("{DIR}, file {number}"),
            problem: "the log refers to it and it is not there".into(),
        })
    }

    /// The openings of one entry of a batch, those erased left out.
    pub(super) fn read(&self, group: Group, first: u64, index: u64) -> Result<Vec<Vec<u8>>, Error> {
        let file = self.file(group.file)?;
        let slots = self.slots(&file, group, first)?;
        let of_entry = slots.iter().filter(|slot| first + u64::from(slot.entry) == index);
        of_entry.filter_map(|slot| unseal(&file, slot).transpose()).collect()
    }

    /// Checks a whole group: every slot unseals or was erased.
    pub(super) fn check(&self, group: Group, first: u64) -> Result<(), Error> {
        let file = self.file(group.file)?;
        self.slots(&file, group, first)?.iter().try_for_each(|slot| unseal(&file, slot).map(drop))
    }

    /// The openings of a batch from one entry on, those erased left out, with their slots. One read for all.
    pub(super) fn read_from(&self, group: Group, first: u64, from: u64) -> Result<Vec<(store::Slot, Vec<u8>)>, Error> {
        let file = self.file(group.file)?;
        let slots = self.slots(&file, group, first)?;
        let Some(begin) = slots.first().map(|slot| slot.range.start) else { return Ok(Vec::new()) };
        let bytes = read(&file, &(begin..group.after().offset))?;
        let mut openings = Vec::with_capacity(slots.len());
        for slot in slots.iter().filter(|slot| first + u64::from(slot.entry) >= from) {
            let within = (slot.range.start - begin) as usize..(slot.range.end - begin) as usize;
            if let Some(opening) = unseal_bytes(&file, slot.range.start, bytes.get(within).unwrap_or_default())? {
                let index = first + u64::from(slot.entry);
                openings.push((store::Slot { index, position: slot.position }, opening));
            }
        }
        Ok(openings)
    }

    /// Overwrites slots of a batch, and gives the file in which, to be synced.
    pub(super) fn overwrite(&self, group: Group, first: u64, wanted: &[store::Slot]) -> Result<Arc<SealedFile>, Error> {
        let file = self.file(group.file)?;
        for slot in self.slots(&file, group, first)? {
            let index = first + u64::from(slot.entry);
            if wanted.contains(&store::Slot { index, position: slot.position }) {
                let filler = vec![ERASED; (slot.range.end - slot.range.start) as usize];
                file.segment.file.write_at(&filler, slot.range.start).map_err(not_erased)?;
            }
        }
        Ok(file)
    }

    /// The slots of a group; none of an empty one.
    fn slots(&self, file: &SealedFile, group: Group, first: u64) -> Result<Vec<Slot>, Error> {
        if group.len == 0 {
            return Ok(Vec::new());
        }
        let wrong = |problem: &str| file.segment.damaged(group.offset, problem);
        let head = match file.segment.frame_at(group.offset)? {
            Found::Frame(head) => head,
            Found::Nothing(problem) => return Err(wrong(problem)),
        };
        let (count, content) = count_and_content(&head).ok_or_else(|| wrong("it is cut off"))?;
        let mut fields = Fields::new(content);
        if fields.u64() != Some(first) {
            return Err(wrong("it belongs to other entries"));
        }
        let end = group.after().offset;
        let mut at = group.offset + head.len() as u64;
        let mut slots: Vec<Slot> = Vec::new();
        for _ in 0..count {
            let (entry, units) = fields.u32().zip(fields.u32()).ok_or_else(|| wrong("its table is cut off"))?;
            let range = at..at + u64::from(units) * UNIT;
            at = range.end;
            let before = slots.last().filter(|last| last.entry == entry);
            let position = before.map_or(0, |last| last.position + 1);
            slots.push(Slot { entry, position, range });
        }
        if at == end { Ok(slots) } else { Err(wrong("its slots do not end where the log says")) }
    }

    /// Removes what lies behind the last group that the log knows, openings of a batch that was never acknowledged, and
    /// makes durable what lies before.
    pub(super) fn cut(&self, end: Group) -> Result<(), Error> {
        let files: Vec<_> = self.files.read().unwrap_or_else(PoisonError::into_inner).clone();
        for file in files.iter().filter(|file| file.number >= end.file) {
            let from = if file.number == end.file { end.offset } else { HEADER_LEN };
            match file.segment.rest(from)? {
                Rest::Blank => {}
                Rest::Torn(until) => file.segment.blank(from, until)?,
                Rest::FrameAt(_) => file.segment.blank(from, file.segment.len)?,
            }
        }
        self.file(end.file)?.segment.sync()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
impl Openings {
    /// What lies behind the end of the file that it is in.
    pub(super) fn rest(&self, end: Group) -> Result<Rest, Error> {
        self.file(end.file).unwrap().segment.rest(end.offset)
    }
}

/// The opening in a slot; `None` if it was erased.
fn unseal(file: &SealedFile, slot: &Slot) -> Result<Option<Vec<u8>>, Error> {
    unseal_bytes(file, slot.range.start, &read(file, &slot.range)?)
}

fn read(file: &SealedFile, range: &Range<u64>) -> Result<Vec<u8>, Error> {
    disk::read(&*file.segment.file, range.start, (range.end - range.start) as usize)
        .map_err(|source| Error::Io { what: format!("read {}", file.segment.path.display()), source })
}

/// The opening in the bytes of the slot at an offset.
fn unseal_bytes(file: &SealedFile, at: u64, sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    // An erasure that a power cut tore leaves at least one whole unit; no ciphertext looks like that.
    if sealed.chunks(UNIT as usize).any(|unit| unit.iter().all(|byte| *byte == ERASED)) {
        return Ok(None);
    }
    let plaintext = file.unseal(at, sealed)?;
    let opening =
        Fields::new(&plaintext).bytes().ok_or_else(|| file.segment.damaged(at, "the slot's length is wrong"))?;
    Ok(Some(opening.to_vec()))
}

/// An erasure of which it is not known how far it came.
pub(super) fn not_erased(source: io::Error) -> Error {
    Error::Unknown { what: "an erasure of openings", source }
}

/// Bytes of the slot of an opening.
fn slot_len(opening: &[u8]) -> u64 {
    ((OVERHEAD + size_of::<u32>() + opening.len()) as u64).next_multiple_of(UNIT)
}
