//! The copy of a log as a folder, laid out as C2SP tlog-tiles serves it.
//!
//! ```text
//! checkpoint                      the signed note over everything below; written last
//! log.vkey                        the key under which it was verified; who trusts it must have it from elsewhere
//! tile/<L>/<N>[.p/<W>]            hashes
//! tile/entries/<N>[.p/<W>]        entries
//! conflict/<size>-<root>          signed checkpoints that contradict this copy: proof of two histories
//! ```

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    ops::Range,
    path::{Path, PathBuf},
};

use crate::{
    sign::LogVerifier,
    tlog::{
        HASH_LEN, Hash, HashReader, MAX_ENTRIES, MAX_ENTRY_LEN, MAX_NOTE_LEN, TILE_WIDTH, TileKind, TilePath,
        decode_hashes, tree_root,
    },
};

use super::Error;

/// The file with the newest checkpoint.
pub const CHECKPOINT_FILE: &str = "checkpoint";
/// The file with the log's public key.
pub const VKEY_FILE: &str = "log.vkey";
/// Where contradicting checkpoints are kept.
const CONFLICT_FOLDER: &str = "conflict";

/// The largest file of a log: a full bundle of the longest entries, each with its length. Notes and tiles are smaller.
const MAX_FILE_LEN: u64 = MAX_ENTRIES as u64 * (2 + MAX_ENTRY_LEN as u64);
const _: () = assert!(MAX_NOTE_LEN as u64 <= MAX_FILE_LEN);

/// A folder with a copy of a log.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at this path; nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The vkey in `log.vkey`, and what verifies with it. That the folder says so is no reason to trust it.
    ///
    /// # Errors
    /// When the file is missing, or holds no vkey.
    pub fn log_key(&self) -> Result<LogVerifier, Error> {
        let Some(bytes) = self.read(VKEY_FILE)? else {
            return Err(Error::io(self.name(VKEY_FILE), io::ErrorKind::NotFound.into()));
        };
        read_log_key(&bytes).map_err(|problem| Error::Damaged { place: self.name(VKEY_FILE), problem })
    }

    /// The entries of one bundle as the folder has it in a log of `size` entries, as bytes; `None` where it is missing.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bundle(&self, index: u64, size: u64) -> Result<Option<Vec<u8>>, Error> {
        match TilePath::at_size(TileKind::Entries, index, size) {
            Some(tile) => self.read(&tile.to_string()),
            None => Ok(None),
        }
    }

    /// The content of a file; `None` where there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let read = || {
            let file = File::open(self.path.join(name))?;
            let expected = file.metadata()?.len().min(MAX_FILE_LEN);
            // One more, so that the end is seen without growing.
            let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default() + 1);
            file.take(MAX_FILE_LEN + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > MAX_FILE_LEN {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any file of a log"));
            }
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(Error::io(format!("reading {}", self.name(name)), error)),
        }
    }

    /// Whether a file is there.
    pub(super) fn has(&self, tile: &TilePath) -> bool {
        self.path.join(tile.to_string()).is_file()
    }

    /// Puts a file in place, whole or not at all: a temporary file, synced, renamed, and the folder synced.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let target = self.path.join(name);
        let folder = target.parent().unwrap_or(&self.path);
        let write = || {
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&target).map_err(|error| error.error)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|error| Error::io(format!("writing {}", target.display()), error))
    }

    /// Keeps a signed checkpoint that contradicts this copy. Gives the file's name.
    pub(super) fn keep_conflict(&self, size: u64, root: &Hash, note: &str) -> Result<String, Error> {
        let name = format!("{CONFLICT_FOLDER}/{size}-{root:?}");
        self.write(&name, note.as_bytes())?;
        Ok(self.name(&name))
    }

    /// Removes the partial tiles in the place of a tile, but for the width that is wanted.
    pub(super) fn remove_partials(&self, tile: &TilePath) -> Result<(), Error> {
        let name = tile.to_string();
        let full = name.split(".p/").next().unwrap_or(&name);
        let folder = self.path.join(format!("{full}.p"));
        let remove = || {
            let kept = self.path.join(&name);
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                entries => entries?,
            };
            for entry in entries {
                let path = entry?.path();
                if path != kept {
                    fs::remove_file(path)?;
                }
            }
            if tile.is_partial() { Ok(()) } else { fs::remove_dir(&folder) }
        };
        remove().map_err(|error| Error::io(format!("clearing {}", folder.display()), error))
    }

    /// A file's name for messages.
    pub(super) fn name(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }
}

/// The key of a vkey file: one line.
pub(super) fn read_log_key(bytes: &[u8]) -> Result<LogVerifier, String> {
    let text = str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let vkey = text.trim_end_matches(['\r', '\n']).parse().map_err(|error: crate::tlog::Error| error.to_string())?;
    LogVerifier::new(vkey).map_err(|error| error.to_string())
}

/// The hashes of a folder that holds at least `size` entries.
///
/// A hash of a higher level whose tile was not yet written is made from the full tile below, so that a mirror can be resumed
/// wherever it was interrupted.
pub(super) struct FolderHashes<'a> {
    pub(super) folder: &'a Folder,
    pub(super) size: u64,
}

impl HashReader for FolderHashes<'_> {
    type Error = Error;

    fn read(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, Error> {
        let width = u64::from(TILE_WIDTH);
        let tile = TilePath::at_size(TileKind::Hashes(level), range.start / width, self.size);
        let stored = match &tile {
            Some(tile) => self.folder.read(&tile.to_string())?,
            None => None,
        };
        match (stored, level.checked_sub(1)) {
            (Some(bytes), _) => {
                let first = (range.start % width) as usize * HASH_LEN;
                let end = first + (range.end - range.start) as usize * HASH_LEN;
                let damaged = || Error::Damaged {
                    place: tile.map(|tile| self.folder.name(&tile.to_string())).unwrap_or_default(),
                    problem: format!("has {} bytes", bytes.len()),
                };
                Ok(decode_hashes(bytes.get(first..end).ok_or_else(damaged)?)?)
            }
            (None, Some(below)) => {
                range.map(|index| Ok(tree_root(&self.read(below, index * width..(index + 1) * width)?))).collect()
            }
            (None, None) => Err(Error::Damaged {
                place: self.folder.name(&format!("tile/0, hashes {} to {}", range.start, range.end)),
                problem: "is missing".to_owned(),
            }),
        }
    }
}
