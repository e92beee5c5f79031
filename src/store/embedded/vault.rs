//! Files whose frames are sealed: record bodies and openings.
//!
//! Their header block's content:
//!
//! ```text
//!  0  number    4    counts from 0; the file's name
//!  4  file id   16   random; the data key is derived from the vault key with it
//! 20  check     28   a seal of nothing in slot 0: whether this is the vault key, known before anything depends on it
//! ```

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    disk::Disk,
    segment::{self, Fields, Kind, Segment},
};
use crate::{
    sign::{
        self, Random,
        sealing::{FileKey, OVERHEAD, VaultKey, place},
    },
    store::Error,
};

/// What makes and opens sealed files.
#[derive(Clone)]
pub(super) struct Vault {
    pub(super) key: VaultKey,
    pub(super) random: Arc<dyn Random>,
}

impl Vault {
    /// Random bytes.
    pub(super) fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).map_err(refused)?;
        Ok(bytes)
    }

    /// The data key of a file.
    pub(super) fn file_key(&self, id: &str, len: u64) -> Result<FileKey, Error> {
        // No seal is shorter than its overhead, so a file of this length holds at most so many. Files end far below the
        // length at which the key's own bound could matter.
        self.key.file_key(id, len / OVERHEAD as u64).map_err(refused)
    }
}

impl Vault {
    /// Seals the one thing of a file that is written whole, under a key of its own.
    pub(super) fn seal_alone(&self, id: &str, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        self.file_key(id, 0)?.seal(&*self.random, &place(id, 0), plaintext).map_err(refused)
    }
}

/// A file of sealed things.
pub(super) struct SealedFile {
    pub(super) number: u32,
    pub(super) segment: Segment,
    id: String,
    key: FileKey,
    vault: Vault,
}

impl SealedFile {
    /// Makes the file, durably.
    pub(super) fn create(
        disk: &dyn Disk,
        dir: &Path,
        kind: Kind,
        number: u32,
        len: u64,
        vault: &Vault,
    ) -> Result<Self, Error> {
        let id = hex::encode(vault.random::<16>()?);
        let key = vault.file_key(&id, 0)?;
        let check = key.seal(&*vault.random, &place(&id, 0), &[]).map_err(refused)?;
        let id_bytes = hex::decode(&id).unwrap_or_default();
        let header = [&number.to_be_bytes(), id_bytes.as_slice(), &check].concat();
        let path = path(dir, kind, number);
        let segment = Segment::create(disk, path, kind, vault.random()?, header, len)
            .map_err(|source| super::not_written("a new segment file", source))?;
        Ok(Self { number, segment, id, key, vault: vault.clone() })
    }

    /// Opens the file, and refuses a vault key that is not its own.
    pub(super) fn open(disk: &dyn Disk, path: PathBuf, kind: Kind, vault: &Vault) -> Result<Self, Error> {
        let segment = Segment::open(disk, path, kind)?;
        let mut header = Fields::new(&segment.header);
        let (Some(number), Some(id)) = (header.u32(), header.array::<16>()) else {
            return Err(segment.damaged(0, "the header is too short"));
        };
        let id = hex::encode(id);
        let key = vault.file_key(&id, segment.len)?;
        key.unseal(&place(&id, 0), header.rest())
            .map_err(|_| segment.damaged(0, "it was not sealed under this vault key"))?;
        Ok(Self { number, segment, id, key, vault: vault.clone() })
    }

    /// Opens all files of a directory, which are numbered without a gap.
    pub(super) fn open_all(disk: &dyn Disk, dir: &Path, kind: Kind, vault: &Vault) -> Result<Vec<Self>, Error> {
        let files = segment::list(disk, dir, kind)?;
        let files = files.into_iter().map(|path| Self::open(disk, path, kind, vault)).collect::<Result<Vec<_>, _>>()?;
        match files.iter().zip(0..).find(|(file, expected)| file.number != *expected) {
            Some((file, expected)) => Err(file.segment.damaged(0, format!("file {expected} is missing before it"))),
            None => Ok(files),
        }
    }

    /// Seals a thing for the slot at `offset`.
    pub(super) fn seal(&self, offset: u64, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.seal(&*self.vault.random, &place(&self.id, offset), plaintext).map_err(refused)
    }

    /// Unseals what was read from the slot at `offset`.
    pub(super) fn unseal(&self, offset: u64, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        self.key
            .unseal(&place(&self.id, offset), sealed)
            .map_err(|error| self.segment.damaged(offset, error.to_string()))
    }
}

/// Where the file with this number is.
fn path(dir: &Path, kind: Kind, number: u32) -> PathBuf {
    dir.join(format!("{number:010}.{}", kind.extension))
}

fn refused(error: sign::Error) -> Error {
    Error::Io { what: "seal".into(), source: std::io::Error::other(error) }
}
