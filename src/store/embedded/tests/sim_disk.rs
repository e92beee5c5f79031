//! A disk in memory that knows what was synced and what was not.
//!
//! It can fail any one operation, or stop at it as a machine without power does. What may then be found on it is every
//! state in which the synced writes are there and of the others any subset, each torn at sectors of 512 bytes; of the
//! names not yet made durable a directory has the earliest few, since file systems keep them in a journal.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use super::super::disk::{Disk, DiskFile};

/// What a disk writes at once or not at all.
const SECTOR: u64 = 512;

/// Up to so many pieces, every subset of them is tried; of more, a sample.
const EXHAUSTIVE: u32 = 6;

/// How many random subsets a sample has, besides none, all, each alone and all but each.
const SAMPLE: usize = 16;

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// The operation fails; nothing of it happens. A failed sync has synced nothing.
    Fails(io::ErrorKind),
    /// The power goes during the operation; it may have happened in part. Every later one fails.
    PowerCut,
}

#[derive(Clone, Default)]
pub(super) struct SimDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: Vec<SimFile>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<NameChange>,
    operations: usize,
    fault: Option<(usize, Fault)>,
    off: bool,
}

#[derive(Clone, Default)]
struct SimFile {
    durable: Vec<u8>,
    current: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Clone)]
struct NameChange {
    dir: PathBuf,
    removed: Option<PathBuf>,
    added: Option<(PathBuf, usize)>,
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        if let Some(removed) = &self.removed {
            names.remove(removed);
        }
        if let Some((path, file)) = &self.added {
            names.insert(path.clone(), *file);
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => bytes.resize(*len as usize, 0),
            Self::Write(at, written) => {
                let (at, end) = (*at as usize, *at as usize + written.len());
                bytes.resize(bytes.len().max(end), 0);
                bytes[at..end].copy_from_slice(written);
            }
        }
    }

    /// The change in pieces that happen wholly or not at all.
    fn pieces(&self) -> Vec<Self> {
        let Self::Write(at, bytes) = self else { return vec![self.clone()] };
        let (mut at, mut rest, mut pieces) = (*at, bytes.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min((SECTOR - at % SECTOR) as usize));
            pieces.push(Self::Write(at, piece.to_vec()));
            (at, rest) = (at + piece.len() as u64, later);
        }
        pieces
    }
}

impl State {
    /// Counts an operation. `Ok(true)`: it happens, and the power goes with it.
    fn step(&mut self) -> io::Result<bool> {
        if self.off {
            return Err(io::Error::other("the power is off"));
        }
        self.operations += 1;
        match self.fault {
            Some((at, Fault::Fails(kind))) if at == self.operations => Err(kind.into()),
            Some((at, Fault::PowerCut)) if at == self.operations => {
                self.off = true;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn rename(&mut self, change: NameChange) -> io::Result<()> {
        let off = self.step()?;
        change.apply(&mut self.names);
        self.pending_names.push(change);
        finish(off)
    }
}

fn finish(off: bool) -> io::Result<()> {
    if off { Err(io::Error::other("the power went off")) } else { Ok(()) }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap().to_owned()
}

impl SimDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Lets the `at`th operation from now on go wrong.
    pub(super) fn inject(&self, at: usize, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.operations + at, fault));
    }

    /// How many operations there were.
    pub(super) fn operations(&self) -> usize {
        self.state().operations
    }

    /// Starts the process anew on a machine that kept its power: what was not synced is seen, and still not synced.
    pub(super) fn restart(&self) {
        let mut state = self.state();
        (state.fault, state.off) = (None, false);
    }

    /// Makes everything durable, as a long time without a power cut does.
    pub(super) fn settle(&self) {
        let mut state = self.state();
        let names = state.names.clone();
        state.durable_names = names;
        state.pending_names.clear();
        for file in &mut state.files {
            file.durable = file.current.clone();
            file.pending.clear();
        }
    }

    /// A copy as it is seen without a power cut, everything durable.
    pub(super) fn copy(&self) -> Self {
        let state = self.state();
        let files = state.files.iter().map(|file| SimFile { durable: file.current.clone(), ..file.clone() });
        let copy = Self(Arc::new(Mutex::new(State {
            files: files.map(|file| SimFile { pending: Vec::new(), ..file }).collect(),
            names: state.names.clone(),
            durable_names: state.names.clone(),
            ..State::default()
        })));
        drop(state);
        copy
    }

    /// The last write that was not synced: of which file, where, and what.
    pub(super) fn last_write(&self) -> (PathBuf, u64, Vec<u8>) {
        let state = self.state();
        let pending = |file: &usize| state.files[*file].pending.last().cloned();
        let written = state.names.iter().filter_map(|(path, file)| match pending(file)? {
            Change::Write(at, bytes) => Some((path.clone(), at, bytes)),
            Change::SetLen(_) => None,
        });
        let mut written: Vec<_> = written.collect();
        assert_eq!(written.len(), 1, "exactly one file has an unsynced write");
        written.remove(0)
    }

    /// What may be found after the power went now: a bounded number of different disks.
    pub(super) fn after_power_cut(&self, seed: u64) -> Vec<Self> {
        let state = self.state();
        let mut images = Vec::new();
        for prefix in 0..=state.pending_names.len() {
            let mut names = state.durable_names.clone();
            state.pending_names[..prefix].iter().for_each(|change| change.apply(&mut names));
            let pieces: Vec<(usize, Change)> = names
                .values()
                .flat_map(|file| {
                    state.files[*file].pending.iter().flat_map(Change::pieces).map(move |piece| (*file, piece))
                })
                .collect();
            for kept in subsets(pieces.len(), seed) {
                let mut files: Vec<SimFile> = state
                    .files
                    .iter()
                    .map(|file| SimFile { durable: file.durable.clone(), ..SimFile::default() })
                    .collect();
                for ((file, piece), _) in pieces.iter().zip(&kept).filter(|(_, kept)| **kept) {
                    piece.apply(&mut files[*file].durable);
                }
                files.iter_mut().for_each(|file| file.current = file.durable.clone());
                let state = State { files, names: names.clone(), durable_names: names.clone(), ..State::default() };
                images.push(Self(Arc::new(Mutex::new(state))));
            }
        }
        images
    }
}

/// Which of `count` pieces are kept: all subsets, or a sample of them.
fn subsets(count: usize, seed: u64) -> Vec<Vec<bool>> {
    if count <= EXHAUSTIVE as usize {
        return (0..1u64 << count).map(|bits| (0..count).map(|at| bits >> at & 1 == 1).collect()).collect();
    }
    let mut sample = vec![vec![false; count], vec![true; count]];
    for at in count.saturating_sub(8)..count {
        sample.push((0..count).map(|other| other == at).collect());
        sample.push((0..count).map(|other| other != at).collect());
    }
    let mut random = seed | 1;
    for _ in 0..SAMPLE {
        sample.push(
            (0..count)
                .map(|_| {
                    // xorshift64: any sequence would do, as long as a failure can be repeated.
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    random & 64 == 0
                })
                .collect(),
        );
    }
    sample
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        let file = state.files.len();
        state.files.push(SimFile::default());
        let added = Some((path.to_owned(), file));
        state.rename(NameChange { dir: parent(path), removed: None, added })?;
        Ok(Arc::new(Handle { disk: self.clone(), file }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.state().names.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Handle { disk: self.clone(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let file = state.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        let (removed, added) = (Some(from.to_owned()), Some((to.to_owned(), file)));
        state.rename(NameChange { dir: parent(to), removed, added })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = Some(path.to_owned());
        self.state().rename(NameChange { dir: parent(path), removed, added: None })
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        finish(state.step()?)?;
        let (synced, left) =
            std::mem::take(&mut state.pending_names).into_iter().partition(|change| change.dir == path);
        state.pending_names = left;
        let synced: Vec<NameChange> = synced;
        synced.iter().for_each(|change| change.apply(&mut state.durable_names));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let names = state.names.keys().filter(|name| name.parent() == Some(path));
        Ok(names.map(|name| name.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }
}

struct Handle {
    disk: SimDisk,
    file: usize,
}

impl Handle {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.disk.state();
        let off = state.step()?;
        let file = &mut state.files[self.file];
        change.apply(&mut file.current);
        file.pending.push(change);
        finish(off)
    }
}

impl DiskFile for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.file].current.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.state();
        let bytes = &state.files[self.file].current;
        let range = offset as usize..offset as usize + buffer.len();
        buffer.copy_from_slice(bytes.get(range).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(Change::Write(offset, bytes.to_vec()))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(len))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        finish(state.step()?)?;
        let file = &mut state.files[self.file];
        file.durable = file.current.clone();
        file.pending.clear();
        Ok(())
    }
}
