//! Disks that fail and power that is cut, at each step by which a witness remembers.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, atomic::AtomicUsize},
};

use super::{
    super::disk::{Disk, RealDisk},
    *,
};

/// The steps of remembering, in their order.
const STEPS: [&str; 4] = ["write", "sync", "rename", "sync of the folder"];

/// A disk on which one step fails. With the power cut there, what was not synced is as the cut left it.
struct Faulty {
    at: AtomicUsize,
    step: AtomicUsize,
    /// What a power cut leaves of what was not synced: all of it, or nothing.
    keeps_unsynced: bool,
    /// The file as it was, to be put back where a rename is lost.
    before: Mutex<Option<(PathBuf, Vec<u8>)>>,
    temporary: Mutex<PathBuf>,
}

impl Faulty {
    fn new(at: usize, keeps_unsynced: bool) -> Arc<Self> {
        let (step, before, temporary) = (AtomicUsize::new(0), Mutex::default(), Mutex::default());
        Arc::new(Self { at: AtomicUsize::new(at), step, keeps_unsynced, before, temporary })
    }

    /// Whether this is the step that fails; after it none works.
    fn fails(&self) -> bool {
        self.step.fetch_add(1, Ordering::SeqCst) >= self.at.load(Ordering::SeqCst)
    }

    /// From now on every step works.
    fn mend(&self) {
        self.at.store(usize::MAX, Ordering::SeqCst);
    }

    fn failure() -> io::Error {
        io::Error::other("the disk is gone")
    }

    /// What the power cut took.
    fn cut(&self) {
        if self.keeps_unsynced {
            return;
        }
        if self.at.load(Ordering::SeqCst) <= 1 && self.temporary.lock().unwrap().exists() {
            std::fs::write(&*self.temporary.lock().unwrap(), b"").unwrap(); // the contents were not synced
        }
        if let Some((path, contents)) = &*self.before.lock().unwrap() {
            std::fs::write(path, contents).unwrap(); // the name was not synced
        }
    }
}

impl Disk for Arc<Faulty> {
    fn write(&self, path: &Path, contents: &[u8]) -> io::Result<File> {
        *self.temporary.lock().unwrap() = path.to_owned();
        if self.fails() {
            std::fs::write(path, &contents[..contents.len() / 2])?; // torn
            return Err(Faulty::failure());
        }
        RealDisk.write(path, contents)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if self.fails() { Err(Faulty::failure()) } else { RealDisk.sync(file) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.fails() {
            return Err(Faulty::failure());
        }
        *self.before.lock().unwrap() = Some((to.to_owned(), std::fs::read(to)?));
        RealDisk.rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if self.fails() {
            return Err(Faulty::failure());
        }
        *self.before.lock().unwrap() = None;
        RealDisk.sync_folder(folder)
    }
}

#[test]
fn no_cosignature_leaves_before_its_checkpoint_is_durable_wherever_the_power_is_cut() {
    for (at, step) in STEPS.iter().enumerate() {
        for keeps_unsynced in [false, true] {
            let place = format!("cut at the {step}, what was not synced is kept: {keeps_unsynced}");
            let common = History::of(1).and(10, "common");
            let stage = Stage::of(&[&common]);
            ask(&stage.open(), &common.request(0)).unwrap();

            let (one, other) = (common.and(5, "one"), common.and(5, "other"));
            let disk = Faulty::new(at, keeps_unsynced);
            let witness = Witness::open_on(&stage.folder(), stage.clock(), Box::new(Arc::clone(&disk))).unwrap();
            let answer = ask(&witness, &one.request(10));
            assert_eq!(answer.unwrap_err().status(), 500, "{place}");
            disk.cut();
            drop(witness);

            // It opens with the old memory or the new one, whole, and goes on with one history from there.
            let witness = stage.open();
            let size = status(&stage.folder()).unwrap().logs[0].size.unwrap();
            assert!(size == 10 || size == 15, "{place}: {size}");
            assert_eq!(ask(&witness, &other.request(10)).is_ok(), size == 10, "{place}");
            assert_eq!(ask(&witness, &one.request(size)).is_ok(), size == 15, "{place}");
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_cosigned_any_more_and_the_witness_ends() {
    for (at, step) in STEPS.iter().enumerate() {
        let history = History::of(1).and(10, "entry");
        let stage = Stage::of(&[&history]);
        let disk = Faulty::new(at, true);
        let witness = Witness::open_on(&stage.folder(), stage.clock(), Box::new(Arc::clone(&disk))).unwrap();
        assert_eq!(ask(&witness, &history.request(0)).unwrap_err().status(), 500, "{step}");
        assert_eq!(witness.checkpoint(&origin_hash(&history.origin)), None, "{step}");
        // The disk is well again. If nothing was on it yet, the witness goes on; otherwise nobody knows what is.
        disk.mend();
        assert_eq!(witness.has_failed(), at > 0, "{step}");
        assert_eq!(ask(&witness, &history.request(0)).is_ok(), at == 0, "{step}");
        drop(witness);
        let size = status(&stage.folder()).unwrap().logs[0].size.unwrap_or(0);
        ask(&stage.open(), &history.request(size)).unwrap();
    }
}

#[test]
fn a_cosignature_that_left_is_remembered_whatever_was_not_synced() {
    let common = History::of(1).and(10, "common");
    let stage = Stage::of(&[&common]);
    let disk = Faulty::new(STEPS.len(), false);
    let witness = Witness::open_on(&stage.folder(), stage.clock(), Box::new(Arc::clone(&disk))).unwrap();
    ask(&witness, &common.request(0)).unwrap();
    disk.cut();
    drop(witness);
    let fork = History::of(1).and(11, "other");
    assert_eq!(ask(&stage.open(), &fork.request(0)), Err(Refusal::Conflict { held: 10 }));
}
