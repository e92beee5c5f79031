//! Checkpoints (C2SP tlog-checkpoint): what a log signs about itself.
//!
//! ```text
//! hub.example.gov/exchange-log/2026               origin: the log, and the name of its key
//! 80017                                           size: how many entries
//! p6WUjVnsRzFJcGlIRtfZFC8rp6AcFm6vdWJMBzHaxNw=    root of the tree over them
//! ```

use std::{fmt, str::FromStr};

use super::{
    Error,
    hash::Hash,
    merkle::MAX_TREE_SIZE,
    note::{Note, NoteSigner, NoteVerifier},
    vkey::KeyName,
};

/// A log's size and root.
///
/// Whoever signs one must never sign another that is inconsistent with it: that would be two histories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log this is about.
    pub origin: KeyName,
    /// The number of entries.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Signs the checkpoint with the log's key, which bears the log's origin as its name.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignCheckpoint`] if the key is named otherwise.
    pub fn sign(&self, log_key: &dyn NoteSigner) -> Result<Note, Error> {
        self.check_origin(log_key.name())?;
        Note::sign(&self.to_string(), &[log_key])
    }

    /// Verifies the log's signature on a note and reads the checkpoint in it.
    ///
    /// Signatures by others, such as witnesses, do not matter here: see [`Note::verify`].
    ///
    /// # Errors
    ///
    /// [`Error::BadSignature`], [`Error::Unsigned`], [`Error::Checkpoint`], and [`Error::ForeignCheckpoint`] if the
    /// log's key signed a checkpoint of another origin.
    pub fn open(note: &Note, log_key: &dyn NoteVerifier) -> Result<Self, Error> {
        note.verify(&[log_key])?;
        let checkpoint: Self = note.text().parse()?;
        checkpoint.check_origin(log_key.name())?;
        Ok(checkpoint)
    }

    fn check_origin(&self, key: &KeyName) -> Result<(), Error> {
        if self.origin == *key {
            return Ok(());
        }
        Err(Error::ForeignCheckpoint { origin: self.origin.to_string(), key: key.to_string() })
    }
}

impl fmt::Display for Checkpoint {
    /// The note text: three lines. Extension lines are never written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = Error;

    /// Reads a note text. Extension lines are tolerated and forgotten, as nobody can audit them.
    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = |what| Error::Checkpoint { what };
        let text = text.strip_suffix('\n').ok_or(malformed("does not end with a newline"))?;
        let mut lines = text.split('\n');
        let origin = lines.next().unwrap_or_default().parse()?;
        let size = lines.next().ok_or(malformed("no size"))?;
        let size = parse_decimal(size).filter(|size| *size <= MAX_TREE_SIZE);
        let size = size.ok_or(malformed("size is not a plain decimal below 2^63"))?;
        let root = Hash::parse(lines.next().ok_or(malformed("no root"))?)?;
        if lines.any(str::is_empty) {
            return Err(malformed("extension line is empty"));
        }
        Ok(Self { origin, size, root })
    }
}

/// Reads a decimal in its only spelling: no sign, no leading zero.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}
