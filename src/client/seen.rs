//! The newest checkpoint seen of the hub's log: kept beside the journal, shown to the hub, and required to be continued.
//!
//! A hub whose log was rolled back, or that shows different people different logs, cannot continue what this system saw. It
//! is told so by its own signature, and this system believes it no more.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Error, verify::VerifiedReceipt};
use crate::{
    files::{self, Readable},
    sign::LogVerifier,
    tlog::{Checkpoint, Note, TlogProof},
};

/// How often the hub is shown what was seen, and the file written, at most: a rollback is no matter of milliseconds, and each
/// of them costs.
const PERIOD: Duration = Duration::from_secs(1);

/// How often the hub has to prove that the log only grew: sizes alone are compared with each answer.
const PROOF_PERIOD: Duration = Duration::from_secs(60);

/// What is seen, and what has become of it.
pub(super) struct Seen {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The newest checkpoint, and its note.
    newest: Option<(Checkpoint, String)>,
    /// The size of the one in the file.
    kept: u64,
    kept_at: Option<Instant>,
    shown_at: Option<Instant>,
    /// The one that was last proven to be continued.
    proven: Option<Checkpoint>,
    /// When; never, where it is from an earlier run.
    proven_at: Option<Instant>,
}

impl Seen {
    /// What was seen in earlier runs, from the file beside a journal. A checkpoint of another log, such as that of the year
    /// before, is forgotten.
    pub(super) fn open(journal: &Path, log_key: &LogVerifier) -> Result<Self, Error> {
        let path = journal.with_extension("checkpoint");
        if !path.exists() {
            return Ok(Self { path, state: Mutex::default() });
        }
        let faulty = |why: String| Error::Seen { path: path.clone(), why };
        let text = files::read_text(&path).map_err(|error| faulty(error.to_string()))?;
        let note = Note::parse(text.as_bytes()).map_err(|error| faulty(error.to_string()))?;
        let said: Checkpoint = note.text().parse().map_err(|error: crate::tlog::Error| faulty(error.to_string()))?;
        if said.origin != *log_key.vkey().name() {
            return Ok(Self { path, state: Mutex::default() });
        }
        let checkpoint = Checkpoint::open(&note, log_key).map_err(|error| faulty(error.to_string()))?;
        let (kept, proven) = (checkpoint.size, Some(checkpoint.clone()));
        let state = State { newest: Some((checkpoint, text)), kept, proven, ..State::default() };
        Ok(Self { path, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest checkpoint seen: whatever is asked from now on must be answered from a log that continues it.
    pub(super) fn newest(&self) -> Option<Checkpoint> {
        self.state().newest.as_ref().map(|(checkpoint, _)| checkpoint.clone())
    }

    /// What to show the hub with a call that is sent now, if it is time.
    pub(super) fn to_show(&self, now: Instant) -> Option<String> {
        let mut state = self.state();
        if !is_due(state.shown_at, now, PERIOD) {
            return None;
        }
        let note = state.newest.as_ref().map(|(_, note)| note.clone())?;
        state.shown_at = Some(now);
        Some(note)
    }

    /// A call failed: the next one may reach the hub after a restart, and is to show what was seen at once.
    pub(super) fn show_again(&self) {
        self.state().shown_at = None;
    }

    /// Checks that a receipt's checkpoint does not fall behind what was seen before the hub was asked, and gives the one
    /// from which the hub is to prove that the log only grew, if it is time.
    pub(super) fn compare(
        &self,
        found: &Checkpoint,
        before: Option<&Checkpoint>,
        now: Instant,
    ) -> Result<Option<Checkpoint>, Error> {
        if let Some(before) = before {
            if found.size < before.size {
                return Err(contradicts(before, found, "the log was rolled back"));
            }
            if found.size == before.size && found.root != before.root {
                return Err(contradicts(before, found, "there are two logs of one key"));
            }
        }
        let state = self.state();
        let due = is_due(state.proven_at, now, PROOF_PERIOD);
        Ok(state.proven.clone().filter(|proven| due && proven.size < found.size))
    }

    /// Takes a checkpoint that was compared, and says whether the file is to be written. One that was proven is the ground of
    /// the next proof.
    pub(super) fn learn(&self, receipt: &VerifiedReceipt, proven: bool, now: Instant) -> bool {
        let found = &receipt.checkpoint;
        let mut state = self.state();
        if proven || state.proven.is_none() {
            (state.proven, state.proven_at) = (Some(found.clone()), Some(now));
        }
        if state.newest.as_ref().is_none_or(|(newest, _)| newest.size < found.size)
            && let Ok(proof) = TlogProof::parse(receipt.proof.as_bytes())
        {
            state.newest = Some((found.clone(), proof.checkpoint.to_string()));
        }
        is_due(state.kept_at, now, PERIOD) && state.newest.as_ref().is_some_and(|(newest, _)| newest.size > state.kept)
    }

    /// Writes the newest checkpoint to the file, unless another run has seen a newer one. Blocks.
    pub(super) fn keep(&self, now: Instant) -> Result<(), Error> {
        let Some((newest, note)) = self.state().newest.clone() else { return Ok(()) };
        let size_kept = |text: String| {
            let kept: Checkpoint = Note::parse(text.as_bytes()).ok()?.text().parse().ok()?;
            (kept.origin == newest.origin).then_some(kept.size)
        };
        if files::read_text(&self.path).ok().and_then(size_kept).is_none_or(|kept| kept < newest.size) {
            files::replace(&self.path, note.as_bytes(), Readable::ByOwner)
                .map_err(|error| Error::Seen { path: self.path.clone(), why: error.to_string() })?;
        }
        let mut state = self.state();
        (state.kept, state.kept_at) = (newest.size, Some(now));
        Ok(())
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        let state = self.state();
        let unkept = state.newest.as_ref().is_some_and(|(newest, _)| newest.size > state.kept);
        drop(state);
        if unkept {
            // What is lost is a second's worth of memory.
            let _ = self.keep(Instant::now());
        }
    }
}

fn is_due(last: Option<Instant>, now: Instant, period: Duration) -> bool {
    last.is_none_or(|last| now.duration_since(last) >= period)
}

/// The error of a hub whose answer does not continue what was seen.
pub(super) fn contradicts(before: &Checkpoint, found: &Checkpoint, why: &str) -> Error {
    Error::Unproven {
        what: "the log",
        check: "it only grew",
        why: format!(
            "{why}: the hub showed {} entries with root {} before, and now {} with root {}; keep the receipts and the \
             checkpoint beside the journal, which are proof, and tell the administrator and the auditors",
            before.size, before.root, found.size, found.root
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{
        client::{fixture, verify},
        tlog::leaf_hash,
    };

    fn receipt() -> VerifiedReceipt {
        let log = fixture::Log::new();
        let (entry, proof) = log.seal(&fixture::refused_entry());
        verify::receipt(&entry, proof.as_bytes(), &log.verifier()).into_result("receipt").unwrap()
    }

    fn seen(folder: &Path) -> Seen {
        Seen::open(&folder.join("permits.journal"), &fixture::Log::new().verifier()).unwrap()
    }

    #[test]
    fn what_was_seen_outlives_the_program_and_is_shown_first() {
        let (folder, now, receipt) = (tempfile::tempdir().unwrap(), Instant::now(), receipt());
        let first = seen(folder.path());
        assert_eq!(first.to_show(now), None, "nothing was seen yet");
        assert!(first.learn(&receipt, false, now));
        first.keep(now).unwrap();
        assert!(!first.learn(&receipt, false, now), "it is no newer");

        let next = seen(folder.path());
        assert_eq!(next.newest(), Some(receipt.checkpoint.clone()));
        let shown = next.to_show(now).unwrap();
        assert!(shown.starts_with(&receipt.checkpoint.to_string()) && shown.contains("— "), "{shown}");
        assert_eq!(next.to_show(now), None, "not with every call");
        next.show_again();
        assert!(next.to_show(now).is_some(), "after a failure at once");
        assert!(next.to_show(now + PERIOD).is_some());
    }

    #[test]
    fn what_was_seen_is_kept_at_the_end_too() {
        let (folder, receipt) = (tempfile::tempdir().unwrap(), receipt());
        drop({
            let seen = seen(folder.path());
            seen.learn(&receipt, false, Instant::now());
            seen
        });
        assert_eq!(seen(folder.path()).newest(), Some(receipt.checkpoint));
    }

    #[test]
    fn an_answer_from_a_shorter_or_another_log_is_refused() {
        let (folder, now, receipt) = (tempfile::tempdir().unwrap(), Instant::now(), receipt());
        let seen = seen(folder.path());
        let found = &receipt.checkpoint;
        let with = |size, root| Checkpoint { size, root, ..found.clone() };
        let other = leaf_hash(b"other");
        for (before, refused) in [
            (None, false),
            (Some(found.clone()), false),
            (Some(with(found.size - 1, other)), false),
            (Some(with(found.size, other)), true),
            (Some(with(found.size + 1, found.root)), true),
        ] {
            assert_eq!(seen.compare(found, before.as_ref(), now).is_err(), refused, "{before:?}");
        }
    }

    #[test]
    fn a_proof_is_asked_for_at_first_and_then_now_and_then() {
        let (folder, now, receipt) = (tempfile::tempdir().unwrap(), Instant::now(), receipt());
        let grown = Checkpoint { size: receipt.checkpoint.size + 1, ..receipt.checkpoint.clone() };
        let first = seen(folder.path());
        assert_eq!(first.compare(&grown, None, now).unwrap(), None, "nothing was seen before");
        first.learn(&receipt, false, now);
        assert_eq!(first.compare(&grown, None, now).unwrap(), None);
        assert_eq!(first.compare(&grown, None, now + PROOF_PERIOD).unwrap(), Some(receipt.checkpoint.clone()));
        drop(first);
        let next = seen(folder.path());
        assert_eq!(next.compare(&grown, None, now).unwrap(), Some(receipt.checkpoint.clone()));
        assert_eq!(next.compare(&receipt.checkpoint, None, now).unwrap(), None, "it is the same");
    }

    #[test]
    fn a_file_that_the_log_did_not_sign_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("permits.checkpoint");
        std::fs::write(&path, "nonsense").unwrap();
        let open = || Seen::open(&folder.path().join("permits.journal"), &fixture::Log::new().verifier());
        assert!(open().err().unwrap().to_string().contains("permits.checkpoint"));
        let forged = receipt().checkpoint.sign(&fixture::Log::of_seed(9).signer()).unwrap();
        std::fs::write(&path, forged.to_string()).unwrap();
        assert!(open().is_err());
    }
}
