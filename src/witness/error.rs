//! Why a witness cannot be made, opened or served. What it refuses to cosign is no error: see [`super::Refusal`].

use std::{io, path::PathBuf};

use crate::{files, sign, tlog};

/// What is wrong with a witness's folder, or with the machine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A small file could not be made or read.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The folder is there, and holds something.
    #[error("{} is not empty: a witness's folder must be absent or empty", .0.display())]
    NotEmpty(PathBuf),
    /// The folder holds no witness.
    #[error("{} holds no witness: `hutong witness init` makes one", .0.display())]
    NoWitness(PathBuf),
    /// A witness works on the folder already. Two on one folder could cosign two histories.
    #[error("{} is in use by another witness", .0.display())]
    InUse(PathBuf),
    /// The witness has this log already.
    #[error("the witness knows {origin} already, with the key {held}")]
    KnownLog {
        /// The log.
        origin: String,
        /// The key by which it is known.
        held: String,
    },
    /// A file does not hold what was written there. A witness that does not know what it cosigned last must not go on.
    #[error("{} is damaged: {problem}; never restore an older copy of it: make a new witness with a new key", path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] sign::Error),
    /// A name, a key or a note cannot be used.
    #[error(transparent)]
    Text(#[from] tlog::Error),
}

impl Error {
    /// An error of the system.
    pub(super) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// A file that is not as it was written.
    pub(super) fn damaged(path: impl Into<PathBuf>, problem: impl ToString) -> Self {
        Self::Damaged { path: path.into(), problem: problem.to_string() }
    }
}
