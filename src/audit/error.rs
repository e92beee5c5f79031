//! Why an audit could not be made. What an audit finds is no error: see [`super::Finding`].

use std::{io, path::PathBuf};

use crate::tlog::{self, Checkpoint};

/// What stopped a mirror or a verification.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, and to what.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The folder holds no copy of a log.
    #[error("{} holds no copy of a log: neither a checkpoint nor an entry bundle is there", .0.display())]
    NoLog(PathBuf),
    /// Another mirror works on the folder.
    #[error("{} is in use by another mirror", .0.display())]
    InUse(PathBuf),
    /// The folder is a copy of another log.
    #[error(
        "{} is a copy of the log with key {held}, not of {given}: keep it; if the hub's log was rolled over, copy the new one into \
         another folder",
        .folder.display()
    )]
    ForeignLog {
        /// The folder.
        folder: PathBuf,
        /// The vkey in the folder.
        held: String,
        /// The vkey given.
        given: String,
    },
    /// A text of the log does not read, or its signature does not verify.
    #[error("{place}: {source}")]
    Untrusted {
        /// What it is and where it came from.
        place: String,
        /// What is wrong with it.
        source: tlog::Error,
    },
    /// The hub offers less than the folder holds: the log was rolled back.
    #[error(
        "the log was rolled back: the folder holds {} entries with root {}, the hub signed {} entries with root {}",
        .held.size, .held.root, .offered.size, .offered.root
    )]
    RolledBack {
        /// What the folder holds.
        held: Box<Checkpoint>,
        /// What the hub signed now.
        offered: Box<Checkpoint>,
    },
    /// The hub signed two checkpoints of which neither continues the other. The signed notes of both are proof of it.
    #[error(
        "the log has two histories: the folder holds {} entries with root {}, which {} entries with root {}, signed by the \
         same key, do not continue ({problem})",
        .held.size, .held.root, .offered.size, .offered.root
    )]
    TwoHistories {
        /// What the folder holds.
        held: Box<Checkpoint>,
        /// What the hub signed now.
        offered: Box<Checkpoint>,
        /// How it was found out.
        problem: String,
    },
    /// The entries sent are not those under the signed checkpoint.
    #[error("the entries up to {size}, with root {root}, are not those of the signed checkpoint: {problem}")]
    FalseEntries {
        /// How many entries were read.
        size: u64,
        /// Their root.
        root: tlog::Hash,
        /// How it was found out.
        problem: String,
    },
    /// What the folder holds is not what was written there.
    #[error("{place} is damaged: {problem}; run `hutong audit verify` on the folder")]
    Damaged {
        /// The file.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The log's source failed.
    #[error("{what}: {source}")]
    Source {
        /// What was asked for.
        what: String,
        /// Why it did not come.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// More than fits the memory that this may take.
    #[error("there are more than {most} {what}: take them in parts")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How many are taken at once.
        most: usize,
    },
    /// The days asked for are no period.
    #[error("{from} to {to} is no period: {problem}")]
    Period {
        /// The first day.
        from: crate::domain::time::Date,
        /// The last day.
        to: crate::domain::time::Date,
        /// Why not.
        problem: String,
    },
    /// A tree could not be built.
    #[error(transparent)]
    Tree(#[from] tlog::Error),
}

impl Error {
    /// An error of the system.
    pub(super) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    /// An answer that is not as the source promises it.
    pub(super) fn unexpected(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Source { what: what.into(), source: problem.into().into() }
    }
}
