//! Small files that are read and made whole: keys, certificates, settings.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// The most that is read of a small file: far above any key, chain of certificates or settings, far below what would
/// hurt.
pub const MAX_SMALL_FILE: u64 = 1 << 20;

/// What can go wrong with a small file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is there, and is not overwritten.
    #[error("{} is there already: nothing is overwritten, name another or move it away", .0.display())]
    Exists(PathBuf),
    /// It is too large to be what it should be.
    #[error("{} is larger than {most} bytes: not such a file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that it may have.
        most: u64,
    },
    /// It is not text.
    #[error("{} is not UTF-8 text", .0.display())]
    NotText(PathBuf),
    /// Others than its owner and group can reach a secret.
    #[error("{} is a secret that every user of the machine can reach (mode {mode:03o}): allowed is 600, or 640 for a group", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

/// Who may read a file that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readable {
    /// Its owner alone (0600).
    ByOwner,
    /// Everyone (0644).
    ByAll,
}

/// Makes a file with these contents and returns when it is durable. It appears whole or not at all.
///
/// # Errors
/// [`Error::Exists`] when something has the name already, [`Error::Io`].
pub fn create(path: &Path, contents: &[u8], readable: Readable) -> Result<(), Error> {
    let file = draft(path, contents, readable)?;
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
        _ => failed("create", path)(error.error),
    })?;
    sync_folder(path)
}

/// Makes a file with these contents, in the place of an earlier one, and returns when it is durable. Whoever looks finds the
/// earlier contents or these, whole.
///
/// # Errors
/// [`Error::Io`].
pub fn replace(path: &Path, contents: &[u8], readable: Readable) -> Result<(), Error> {
    let file = draft(path, contents, readable)?;
    file.persist(path).map_err(|error| failed("replace", path)(error.error))?;
    sync_folder(path)
}

/// The contents in a file beside their place, durable.
fn draft(path: &Path, contents: &[u8], readable: Readable) -> Result<tempfile::NamedTempFile, Error> {
    let mode = match readable {
        Readable::ByOwner => 0o600,
        Readable::ByAll => 0o644,
    };
    let permissions = fs::Permissions::from_mode(mode);
    let mut file = tempfile::Builder::new()
        .permissions(permissions)
        .tempfile_in(folder_of(path))
        .map_err(failed("create", path))?;
    file.write_all(contents).and_then(|()| file.as_file().sync_all()).map_err(failed("write", path))?;
    Ok(file)
}

/// Makes a file's name durable: it is only once its folder is.
fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(folder_of(path)).and_then(|folder| folder.sync_all()).map_err(failed("sync the folder of", path))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { what, path: path.clone(), source }
}

/// Makes files that belong together, in this order; makes none of them if any name is taken.
///
/// # Errors
/// As [`create`].
pub fn create_together(files: &[(&Path, &[u8], Readable)]) -> Result<(), Error> {
    if let Some((path, ..)) = files.iter().find(|(path, ..)| path.symlink_metadata().is_ok()) {
        return Err(Error::Exists((*path).to_owned()));
    }
    files.iter().try_for_each(|(path, contents, readable)| create(path, contents, *readable))
}

/// Reads a small text.
///
/// # Errors
/// [`Error::Io`], [`Error::TooLarge`], [`Error::NotText`].
pub fn read_text(path: &Path) -> Result<String, Error> {
    String::from_utf8(read_bytes(path)?).map_err(|_| Error::NotText(path.to_owned()))
}

/// Reads a small file.
///
/// # Errors
/// [`Error::Io`], [`Error::TooLarge`].
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    read_up_to(path, MAX_SMALL_FILE)
}

/// Reads a file that may have so many bytes.
///
/// # Errors
/// As [`read_bytes`].
pub fn read_up_to(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    read(path, &mut open(path)?, most)
}

/// Reads a small secret text, which is wiped when dropped.
///
/// # Errors
/// As [`read_text`], and [`Error::Exposed`] when users other than its owner and group can reach it.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, Error> {
    let mut file = open(path)?;
    let found = file.metadata().map_err(|source| Error::Io { what: "read", path: path.to_owned(), source })?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode });
    }
    let bytes = Zeroizing::new(read(path, &mut file, MAX_SMALL_FILE)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::NotText(path.to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn open(path: &Path) -> Result<File, Error> {
    // Without O_NONBLOCK a named pipe in the place of a file would hold the program forever.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|source| Error::Io {
        what: "open",
        path: path.to_owned(),
        source,
    })
}

fn read(path: &Path, file: &mut File, most: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let count = file.take(most + 1).read_to_end(&mut bytes).map_err(|source| Error::Io {
        what: "read",
        path: path.to_owned(),
        source,
    })?;
    if count as u64 > most {
        return Err(Error::TooLarge { path: path.to_owned(), most });
    }
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_for_its_owner_alone_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        create(&path, b"secret", Readable::ByOwner).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(create(&path, b"other", Readable::ByOwner), Err(Error::Exists(_))));
        assert_eq!(*read_secret(&path).unwrap(), "secret");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        create(&path, b"secret", Readable::ByAll).unwrap();
        assert!(matches!(read_secret(&path), Err(Error::Exposed { mode: 0o644, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_secret(&path).is_ok());
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, vec![b' '; MAX_SMALL_FILE as usize + 1]).unwrap();
        assert!(matches!(read_text(&path), Err(Error::TooLarge { .. })));
        fs::write(&path, [0xff]).unwrap();
        assert!(matches!(read_text(&path), Err(Error::NotText(_))));
        assert!(matches!(read_text(folder.path()), Err(Error::Io { .. })));
    }
}
