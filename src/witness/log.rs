//! One log: what was cosigned of it last, and how that changes.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use tracing::{error, info, warn};

use super::{
    Error,
    disk::{Disk, Failure, replace},
    evidence::{self, Incident, SuspicionKind},
    folder::{CHECKPOINT_FILE, Kept, NOTHING_YET},
    judge::{Refusal, judge},
};
use crate::{
    sign::{CosignatureSigner, CosignatureVerifier, LogVerifier},
    tlog::{AddCheckpoint, Checkpoint, Note, NoteSignature, cosign},
};

/// A checkpoint that the witness has cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cosigned {
    /// The note, with the log's signature and the witness's own, and no others.
    pub(super) note: Note,
    /// What it says.
    pub(super) checkpoint: Checkpoint,
    /// When it was cosigned, in seconds since 1970.
    pub(super) time: u64,
}

impl Cosigned {
    /// Reads a note as the witness wrote it: both signatures must verify.
    pub(super) fn read(text: &str, log: &LogVerifier, witness: &CosignatureVerifier) -> Result<Self, String> {
        let note = Note::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::open(&note, log).map_err(|error| error.to_string())?;
        let time = witness.time_of(&note).map_err(|error| error.to_string())?;
        let time = time.ok_or("does not carry the witness's own cosignature")?;
        Ok(Self { note, checkpoint, time })
    }
}

/// A log that is witnessed.
pub(super) struct Log {
    folder: PathBuf,
    key: LogVerifier,
    /// What was cosigned last. Read without waiting; changed only by who has the turn.
    last: ArcSwapOption<Cosigned>,
    /// Whose turn it is to be judged.
    turn: Mutex<()>,
    /// Whether nobody knows what is on the disk; then nothing is cosigned any more.
    is_unsure: AtomicBool,
}

impl Log {
    /// The log of which this is kept.
    pub(super) fn new(kept: Kept) -> Self {
        let Kept { folder, key, last } = kept;
        let last = ArcSwapOption::new(last.map(Arc::new));
        Self { folder, key, last, turn: Mutex::default(), is_unsure: AtomicBool::new(false) }
    }

    /// What was cosigned last, also while another is being judged or written.
    pub(super) fn last(&self) -> Option<Arc<Cosigned>> {
        self.last.load_full()
    }

    /// Cosigns what continues the log, and refuses anything else. One request after the other: what is judged is what is
    /// replaced. The new memory is durable before the cosignature is given away.
    pub(super) fn add(
        &self,
        request: &AddCheckpoint,
        now: u64,
        signer: &CosignatureSigner,
        disk: &dyn Disk,
    ) -> Result<NoteSignature, Refusal> {
        let offered = Checkpoint::open(&request.checkpoint, &self.key).map_err(Refusal::Signature)?;
        let note = self.strip(&request.checkpoint).map_err(Refusal::Signature)?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_unsure() {
            return Err(Refusal::Failed("what it cosigned last is not known to be on its disk".to_owned()));
        }
        let last = self.last();
        let held = last.as_ref().map(|last| &last.checkpoint);
        if let Err(refusal) = judge(held, request.old_size, &request.proof, &offered) {
            self.report(last.as_deref(), (&offered, &note), request.old_size, &refusal, now);
            return Err(refusal);
        }
        // A clock that went back must not make this word older than the one before it.
        let time = last.as_ref().map_or(now, |last| last.time.max(now));
        let failed = |error: crate::tlog::Error| Refusal::Failed(error.to_string());
        let cosignature = cosign(&note, time, signer).map_err(failed)?;
        let mut cosigned = note;
        cosigned.add(cosignature.clone()).map_err(failed)?;
        if let Err(failure) = replace(disk, &self.folder, CHECKPOINT_FILE, cosigned.to_string().as_bytes()) {
            let origin = offered.origin.as_str();
            let (Failure::Unchanged(problem) | Failure::Unsure(problem)) = &failure;
            error!(origin, size = offered.size, %problem, "cannot remember a checkpoint, so it is not cosigned");
            self.is_unsure.store(matches!(failure, Failure::Unsure(_)), Ordering::Release);
            return Err(Refusal::Failed("its disk does not take the checkpoint".to_owned()));
        }
        info!(origin = offered.origin.as_str(), size = offered.size, root = %offered.root, "cosigned");
        self.last.store(Some(Arc::new(Cosigned { note: cosigned, checkpoint: offered, time })));
        Ok(cosignature)
    }

    /// Whether this log's memory can no longer be relied on.
    pub(super) fn is_unsure(&self) -> bool {
        self.is_unsure.load(Ordering::Acquire)
    }

    /// The note with the log's own signature alone: what others signed was not verified.
    fn strip(&self, note: &Note) -> Result<Note, crate::tlog::Error> {
        let own = note.verify(&[&self.key])?;
        let lines: String = own.iter().map(|signature| format!("{signature}\n")).collect();
        Note::parse(format!("{}\n{lines}", note.text()).as_bytes())
    }

    /// Tells of a refusal, and keeps what a person should look at.
    fn report(
        &self,
        held: Option<&Cosigned>,
        offered: (&Checkpoint, &Note),
        old_size: u64,
        refusal: &Refusal,
        time: u64,
    ) {
        let (checkpoint, _) = offered;
        let (origin, size, root) = (checkpoint.origin.as_str(), checkpoint.size, &checkpoint.root);
        let held_size = held.map_or(0, |held| held.checkpoint.size);
        let held_root = held.map(|held| held.checkpoint.root.to_string()).unwrap_or_default();
        let status = refusal.status();
        let Some(kind) = SuspicionKind::of(held.map(|held| &held.checkpoint), checkpoint, refusal) else {
            info!(origin, size, %root, old_size, held_size, held_root, status, %refusal, "refused");
            return;
        };
        let cosigned = held.map(|held| (&held.checkpoint, &held.note));
        let incident = Incident { kind, refused: offered, cosigned, old_size, refusal, time };
        let kind = kind.as_str();
        match evidence::keep(&self.folder, &incident) {
            Ok(Some(kept)) => {
                let kept = kept.display();
                warn!(origin, size, %root, old_size, held_size, held_root, status, %refusal, kind, %kept, "refused");
            }
            Ok(None) => warn!(origin, size, %root, old_size, held_size, held_root, status, %refusal, kind, "refused"),
            Err(problem) => {
                error!(origin, size, %root, old_size, held_size, held_root, status, %refusal, kind, %problem,
                    "refused, and the evidence could not be kept");
            }
        }
    }
}

/// Reads what was cosigned last of a log from its folder; `None` before the first time.
pub(super) fn read_last(
    folder: &Path,
    log: &LogVerifier,
    witness: &CosignatureVerifier,
) -> Result<Option<Cosigned>, Error> {
    let path = folder.join(CHECKPOINT_FILE);
    let text = crate::files::read_text(&path).map_err(|error| Error::damaged(&path, error))?;
    if text == NOTHING_YET {
        return Ok(None);
    }
    Cosigned::read(&text, log, witness).map(Some).map_err(|problem| Error::damaged(&path, problem))
}
