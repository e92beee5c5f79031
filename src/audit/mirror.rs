//! Copying a log into a folder: proved first, written then.

use std::fs::File;

use crate::{
    sign::LogVerifier,
    tlog::{
        Checkpoint, Frontier, Hash, HashReader as _, MAX_ENTRIES, MAX_TILE_LEVEL, Note, TILE_WIDTH, TileKind, TilePath,
        encode_bundle, encode_hashes, leaf_hash, verify_consistency,
    },
};

use super::{
    CHECKPOINT_FILE, Error, Folder, LogSource, VKEY_FILE,
    folder::{FolderHashes, read_log_key},
};

/// What a mirror did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mirrored {
    /// How many entries the folder held before, under its checkpoint.
    pub before: u64,
    /// How many it holds now.
    pub size: u64,
    /// How many entries were read from the source: those added, and the last bundle's again where it was not full.
    pub read: u64,
    /// The root of the tree over them, in base64.
    pub root: String,
}

impl std::fmt::Display for Mirrored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} entries mirrored, {} of them new, root {}", self.size, self.size - self.before, self.root)
    }
}

/// Brings the copy in `folder` up to the source's newest checkpoint.
///
/// The checkpoint must be signed by `log_key` and must continue what the folder holds. Each bundle of 256 entries is proved
/// to lie under the checkpoint before it is written, so that memory is bounded by one bundle and an interrupted mirror leaves
/// nothing unproved; run again, it goes on after the last full bundle. Files are replaced whole; `checkpoint` comes last, and
/// then the partial tiles that wider ones replace are removed. `progress` hears how many entries are there, and of how many.
///
/// Files are written on the calling thread: this is for a program of its own, not for a server.
///
/// # Errors
/// [`Error::RolledBack`] and [`Error::TwoHistories`] when the source contradicts the folder, which stays as it was, and the
/// contradicting checkpoint is kept in its folder `conflict`; [`Error::FalseEntries`] when the entries are not those under
/// the checkpoint; [`Error::Untrusted`], [`Error::ForeignLog`], [`Error::InUse`], [`Error::Damaged`], [`Error::Source`],
/// [`Error::Io`].
pub async fn mirror(
    source: &mut impl LogSource,
    folder: &Folder,
    log_key: &LogVerifier,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Mirrored, Error> {
    let _lock = claim(folder, log_key)?;
    let note = source.checkpoint().await?;
    let target = open(note.as_bytes(), log_key, "the hub's checkpoint")?;
    let held = match folder.read(CHECKPOINT_FILE)? {
        Some(bytes) => Some(open(&bytes, log_key, &folder.name(CHECKPOINT_FILE))?),
        None => None,
    };
    if let Some(held) = &held {
        meet(source, folder, held, &target, &note).await?;
    }
    let before = held.map_or(0, |held| held.size);
    if before == target.size && before > 0 {
        return Ok(Mirrored { before, size: before, read: 0, root: target.root.to_string() });
    }
    let read = copy(source, folder, before, &target, progress).await?;
    write_upper_tiles(folder, before, target.size)?;
    folder.write(CHECKPOINT_FILE, note.as_bytes())?;
    TilePath::grown(before, target.size).try_for_each(|tile| folder.remove_partials(&tile))?;
    Ok(Mirrored { before, size: target.size, read, root: target.root.to_string() })
}

/// Makes the folder this log's, and this mirror's until the file is closed.
fn claim(folder: &Folder, log_key: &LogVerifier) -> Result<File, Error> {
    let given = log_key.vkey().to_string();
    match folder.read(VKEY_FILE)? {
        None => folder.write(VKEY_FILE, format!("{given}\n").as_bytes())?,
        Some(bytes) => {
            let held = read_log_key(&bytes)
                .map_err(|problem| Error::Damaged { place: folder.name(VKEY_FILE), problem })?
                .vkey()
                .to_string();
            if held != given {
                return Err(Error::ForeignLog { folder: folder.path().to_owned(), held, given });
            }
        }
    }
    let name = folder.name(VKEY_FILE);
    let file = File::open(&name).map_err(|error| Error::io(format!("opening {name}"), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::InUse(folder.path().to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(Error::io(format!("locking {name}"), error)),
    }
}

fn open(note: &[u8], log_key: &LogVerifier, place: &str) -> Result<Checkpoint, Error> {
    let untrusted = |source| Error::Untrusted { place: place.to_owned(), source };
    Checkpoint::open(&Note::parse(note).map_err(untrusted)?, log_key).map_err(untrusted)
}

/// Makes sure that the folder is whole, and that the target continues it.
async fn meet(
    source: &mut impl LogSource,
    folder: &Folder,
    held: &Checkpoint,
    target: &Checkpoint,
    note: &str,
) -> Result<(), Error> {
    let conflicting = |problem: String| {
        let kept = folder.keep_conflict(target.size, &target.root, note)?;
        let (held, offered) = (Box::new(held.clone()), Box::new(target.clone()));
        Err(if target.size < held.size {
            Error::RolledBack { held, offered }
        } else {
            Error::TwoHistories { held, offered, problem: format!("{problem}; its note is kept in {kept}") }
        })
    };
    if target.size < held.size {
        return conflicting(String::new());
    }
    let root = Frontier::read(&FolderHashes { folder, size: held.size }, held.size)?.root();
    if root != held.root {
        return Err(Error::Damaged {
            place: folder.name("tile"),
            problem: format!("its hashes have root {root}, the folder's checkpoint says {}", held.root),
        });
    }
    let proof = if held.size == 0 || held.size == target.size {
        Vec::new()
    } else {
        source.consistency_proof(held.size, target.size).await?
    };
    match verify_consistency(held.size, &held.root, target.size, &target.root, &proof) {
        Ok(()) => Ok(()),
        Err(error) => conflicting(error.to_string()),
    }
}

/// Copies the bundles that are not there, each with its tile of leaf hashes. Gives the number of entries read.
async fn copy(
    source: &mut impl LogSource,
    folder: &Folder,
    before: u64,
    target: &Checkpoint,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, Error> {
    let start = full_bundles(folder, before, target.size) * u64::from(TILE_WIDTH);
    let mut frontier = Frontier::read(&FolderHashes { folder, size: start }, start)?;
    if start > before {
        // What an interrupted mirror left was proved under a checkpoint that nobody kept.
        prove(source, &frontier, target).await?;
    }
    progress(start, target.size);
    while frontier.size() < target.size {
        let first = frontier.size();
        let end = target.size.min(first + MAX_ENTRIES as u64);
        let entries = source.entries(first, end).await?;
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        leaves.iter().try_for_each(|leaf| frontier.append(*leaf))?;
        if frontier.size() != end {
            let sent = entries.len();
            return Err(Error::unexpected(format!("reading entries {first} to {end}"), format!("{sent} were sent")));
        }
        prove(source, &frontier, target).await?;
        let index = first / u64::from(TILE_WIDTH);
        for (kind, bytes) in
            [(TileKind::Entries, encode_bundle(&entries)?), (TileKind::Hashes(0), encode_hashes(&leaves))]
        {
            if let Some(tile) = TilePath::at_size(kind, index, end) {
                folder.write(&tile.to_string(), &bytes)?;
            }
        }
        progress(end, target.size);
    }
    Ok(target.size - start)
}

/// How many full bundles, with their hashes, are there already.
fn full_bundles(folder: &Folder, before: u64, size: u64) -> u64 {
    let width = u64::from(TILE_WIDTH);
    let there = |index: &u64| {
        [TileKind::Entries, TileKind::Hashes(0)]
            .into_iter()
            .all(|kind| TilePath::at_size(kind, *index, size).is_some_and(|tile| folder.has(&tile)))
    };
    let sure = before / width;
    sure + (sure..size / width).take_while(there).count() as u64
}

/// Proves that the entries so far are the beginning of the log under the checkpoint.
async fn prove(source: &mut impl LogSource, frontier: &Frontier, target: &Checkpoint) -> Result<(), Error> {
    let (size, root) = (frontier.size(), frontier.root());
    let proof =
        if size == 0 || size == target.size { Vec::new() } else { source.consistency_proof(size, target.size).await? };
    verify_consistency(size, &root, target.size, &target.root, &proof).map_err(|error| Error::FalseEntries {
        size,
        root,
        problem: error.to_string(),
    })
}

/// Writes the tiles above the leaf hashes as they are at the new size.
fn write_upper_tiles(folder: &Folder, before: u64, size: u64) -> Result<(), Error> {
    let hashes = FolderHashes { folder, size };
    for level in 1..=MAX_TILE_LEVEL {
        let is_of_level = |tile: &TilePath| tile.kind() == TileKind::Hashes(level);
        for tile in TilePath::grown(before, size).filter(is_of_level) {
            folder.write(&tile.to_string(), &encode_hashes(&hashes.read(level, tile.range())?))?;
        }
    }
    Ok(())
}
