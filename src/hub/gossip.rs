//! What others have seen of this log: checkpoints that its own key signed, compared with the log that is here.
//!
//! Whoever got a receipt holds a checkpoint. If the log that is here is shorter than it, or another, then this log was rolled
//! back or there are two of it, and every further entry would make the fork worse. So the hub halts, and says what a person
//! can do. Nobody can halt it by making something up: the checkpoint must bear the signature of the log's own key.

use std::{
    collections::{HashSet, VecDeque},
    sync::PoisonError,
    time::{Duration, Instant},
};

use crate::tlog::{Checkpoint, Frontier, Hash, Note};

use super::{Error, Hub, receipt::Stored};

/// The longest note that is heard: a checkpoint and the cosignatures of a dozen witnesses.
pub const MAX_HEARD: usize = 4 << 10;

/// How many checkpoints that agreed are remembered: what a thousand clients saw last. Each takes some 100 bytes.
const REMEMBERED: usize = 1_024;

/// How many checkpoints are compared within a second at most: at a signature and some reads of tiles each, half a percent of
/// a processor. A client sends at most one a second, so those of some clients wait for their next.
const COMPARED_A_SECOND: u32 = 64;

/// A checkpoint of this log's key that the log which is here does not continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The checkpoint, with the log's signature: the proof.
    pub checkpoint: String,
    /// What it contradicts, and what a person can do.
    pub reason: String,
}

/// Which checkpoints were compared, and how many lately.
pub(super) struct Heard {
    agreed: HashSet<(u64, Hash)>,
    oldest: VecDeque<(u64, Hash)>,
    since: Instant,
    compared: u32,
}

impl Heard {
    pub(super) fn new() -> Self {
        Self { agreed: HashSet::new(), oldest: VecDeque::new(), since: Instant::now(), compared: 0 }
    }

    /// Whether this checkpoint is worth comparing, and may be compared now.
    fn admits(&mut self, checkpoint: &Checkpoint, now: Instant) -> bool {
        if self.agreed.contains(&(checkpoint.size, checkpoint.root)) {
            return false;
        }
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.compared) = (now, 0);
        }
        self.compared = self.compared.saturating_add(1);
        self.compared <= COMPARED_A_SECOND
    }

    fn remember(&mut self, checkpoint: &Checkpoint) {
        let seen = (checkpoint.size, checkpoint.root);
        if self.agreed.insert(seen) {
            self.oldest.push_back(seen);
        }
        if self.oldest.len() > REMEMBERED
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.agreed.remove(&oldest);
        }
    }
}

impl Hub {
    /// Hears a checkpoint that somebody saw. One that this log's key signed and that the log does not continue halts the hub:
    /// from then on nothing is entered, and [`Hub::failed`] resolves. Anything else changes nothing. Blocks.
    ///
    /// # Errors
    /// [`Error::Contradicted`] when it halted the hub; when the storage fails.
    pub fn hear(&self, note: &[u8]) -> Result<(), Error> {
        let Some((note, checkpoint)) =
            read(note).filter(|(_, checkpoint)| checkpoint.origin == *self.verifier.vkey().name())
        else {
            return Ok(());
        };
        let admitted = self.heard.lock().unwrap_or_else(PoisonError::into_inner).admits(&checkpoint, Instant::now());
        if !admitted || Checkpoint::open(&note, &self.verifier).is_err() {
            return Ok(());
        }
        match self.compare(&checkpoint)? {
            None => {
                self.heard.lock().unwrap_or_else(PoisonError::into_inner).remember(&checkpoint);
                Ok(())
            }
            Some(reason) => {
                let contradiction = Contradiction { checkpoint: note.to_string(), reason: reason.clone() };
                // The first one is enough, and stays.
                let _ = self.contradiction.set(contradiction);
                self.sequencer.fail(reason);
                Err(Error::Contradicted)
            }
        }
    }

    /// What halted the hub, if a checkpoint did.
    pub fn contradiction(&self) -> Option<&Contradiction> {
        self.contradiction.get()
    }

    /// How the log contradicts a checkpoint of its key, if it does.
    fn compare(&self, checkpoint: &Checkpoint) -> Result<Option<String>, Error> {
        // Whatever was signed was durable before, so what is durable now is never behind an honest checkpoint.
        let tail = self.reader.tail().ok_or(Error::Stopping)?;
        let (size, Checkpoint { size: seen, root, .. }) = (tail.frontier.size(), checkpoint);
        let what_to_do = "nothing more is entered, as it would fork the log: look for the newer data, and compare with \
                          mirrors, receipts and witnesses";
        if *seen > size {
            return Ok(Some(format!(
                "a checkpoint of {seen} entries was shown that this log's key signed, and the log has {size}: it was rolled \
                 back, such as by a restored backup; {what_to_do}"
            )));
        }
        let here = Frontier::read(&Stored(self.reader.as_ref()), *seen)?.root();
        Ok((here != *root).then(|| {
            format!(
                "a checkpoint of {seen} entries with root {root} was shown that this log's key signed, and the log had root \
                 {here} then: there are two logs of one key; {what_to_do}"
            )
        }))
    }
}

fn read(note: &[u8]) -> Option<(Note, Checkpoint)> {
    if note.len() > MAX_HEARD {
        return None;
    }
    let note = Note::parse(note).ok()?;
    let checkpoint = note.text().parse().ok()?;
    Some((note, checkpoint))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::tlog::leaf_hash;

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint { origin: "hub.example/log".parse().unwrap(), size, root: leaf_hash(&size.to_be_bytes()) }
    }

    #[test]
    fn what_agreed_is_not_compared_again_and_memory_is_bounded() {
        let mut heard = Heard::new();
        let now = heard.since;
        assert!(heard.admits(&checkpoint(1), now));
        heard.remember(&checkpoint(1));
        assert!(!heard.admits(&checkpoint(1), now));
        (2..5_000).for_each(|size| heard.remember(&checkpoint(size)));
        assert_eq!((heard.agreed.len(), heard.oldest.len()), (REMEMBERED, REMEMBERED));
        assert!(heard.admits(&checkpoint(1), now), "the oldest is forgotten");
    }

    #[test]
    fn only_so_many_are_compared_within_a_second() {
        let mut heard = Heard::new();
        let now = heard.since;
        let admitted = (0..1_000).filter(|size| heard.admits(&checkpoint(*size), now)).count();
        assert_eq!(admitted, COMPARED_A_SECOND as usize);
        assert!(heard.admits(&checkpoint(1_001), now + Duration::from_secs(1)));
    }
}
