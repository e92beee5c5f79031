//! The published checkpoint: the one that everybody is told of.
//!
//! Each batch has a checkpoint of its own, which its receipts carry. Of these the newest is published; where witnesses are to
//! see it first, the newest that enough of them have cosigned. No exchange ever waits for them.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::tlog::{Checkpoint, Hash, Note, prove_consistency};

use super::{Error, Hub, receipt::Stored};

/// What is published.
pub(super) enum Publishing {
    /// The newest checkpoint.
    Newest,
    /// The newest that enough witnesses have cosigned; none before the first.
    Witnessed(Option<Arc<Note>>),
}

/// What is published, for any number of readers.
pub(super) type Publication = ArcSwap<Publishing>;

impl Hub {
    /// From now on publishes this checkpoint, until the next call, whatever becomes newer. It is for the caller to have
    /// verified that it is of this log, and has the cosignatures that it must have.
    pub fn publish_witnessed(&self, checkpoint: Option<Note>) {
        self.publication.store(Arc::new(Publishing::Witnessed(checkpoint.map(Arc::new))));
    }

    /// The checkpoint that everybody is told of, with the cosignatures of its witnesses; none before enough of them have seen
    /// one.
    ///
    /// # Errors
    /// When the log's last checkpoint does not read.
    pub fn published_checkpoint(&self) -> Result<Option<Arc<Note>>, Error> {
        match &**self.publication.load() {
            Publishing::Newest => self.newest_checkpoint().map(|note| Some(Arc::new(note))),
            Publishing::Witnessed(note) => Ok(note.clone()),
        }
    }

    /// The newest checkpoint that is durable, which the log's key alone has signed.
    ///
    /// # Errors
    /// When there is none, or it does not read.
    pub fn newest_checkpoint(&self) -> Result<Note, Error> {
        let tail = self.reader.tail().ok_or(Error::Stopping)?;
        Ok(Note::parse(tail.checkpoint.as_bytes())?)
    }

    /// The proof that the log of one size is a prefix of the log of another. Blocks.
    ///
    /// # Errors
    /// When the sizes are not in order, or the log is not so long.
    pub fn growth(&self, first: u64, second: u64) -> Result<Vec<Hash>, Error> {
        prove_consistency(&Stored(self.reader.as_ref()), first, second)
    }
}

/// The size and root that a checkpoint's note says.
pub(super) fn checkpoint_of(note: &Note) -> Result<Checkpoint, Error> {
    Ok(note.text().parse::<Checkpoint>()?)
}
