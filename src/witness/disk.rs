//! The steps by which a small file is replaced durably, each behind a trait so that a test can fail or cut off any of them.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

/// What the name of an unfinished file ends with.
pub(super) const TEMPORARY: &str = "tmp";

/// A file system, as far as a witness's memory needs one.
pub(super) trait Disk: Send + Sync {
    /// A file with these contents, in the place of one of that name.
    fn write(&self, path: &Path, contents: &[u8]) -> io::Result<File>;

    /// Makes a file's contents durable. By the handle that wrote it: another one may not be told of a failed write.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Puts a file in the place of another, at once. Durable after [`Disk::sync_folder`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// Why a file was not replaced.
#[derive(Debug)]
pub(super) enum Failure {
    /// Before anything could have changed: the old contents are there.
    Unchanged(io::Error),
    /// When nobody knows any more which contents are on the disk: after a failed sync nothing is tried again.
    Unsure(io::Error),
}

/// Replaces a file: temporary file, write, sync, rename, sync of the folder. Whoever finds it finds the old contents or the
/// new, whole; when this returns they are the new, also after a power cut.
pub(super) fn replace(disk: &dyn Disk, folder: &Path, name: &str, contents: &[u8]) -> Result<(), Failure> {
    let temporary = folder.join(name).with_extension(TEMPORARY);
    let file = disk.write(&temporary, contents).map_err(Failure::Unchanged)?;
    disk.sync(&file).map_err(Failure::Unsure)?;
    disk.rename(&temporary, &folder.join(name)).map_err(Failure::Unsure)?;
    disk.sync_folder(folder).map_err(Failure::Unsure)
}

/// The machine's own file system.
#[derive(Debug, Clone, Copy)]
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn write(&self, path: &Path, contents: &[u8]) -> io::Result<File> {
        let mut file = File::create(path)?;
        file.write_all(contents)?;
        Ok(file)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}
