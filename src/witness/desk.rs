//! All logs of a witness: a request in, a cosignature or a refusal out.

use std::{collections::BTreeMap, fs::File, path::Path, sync::Arc};

use tokio::sync::watch;
use tracing::info;

use super::{
    Error, Refusal,
    disk::{Disk, RealDisk},
    folder::{self, Opened},
    log::Log,
};
use crate::{
    sign::CosignatureSigner,
    tlog::{AddCheckpoint, Checkpoint, Cosigner as _, CosignerKey, NoteSignature, origin_hash},
};

/// Tells the time, in seconds since 1970.
pub type Clock = dyn Fn() -> u64 + Send + Sync;

/// A witness at work, alone on its folder.
pub struct Witness {
    signer: CosignatureSigner,
    logs: BTreeMap<String, Log>,
    clock: Arc<Clock>,
    disk: Box<dyn Disk>,
    failed: watch::Sender<bool>,
    _lock: File,
}

impl Witness {
    /// Opens a witness's folder for work.
    ///
    /// # Errors
    /// [`Error::NoWitness`], [`Error::InUse`], [`Error::Damaged`], and what files say.
    pub fn open(folder: &Path, clock: Arc<Clock>) -> Result<Self, Error> {
        Self::open_on(folder, clock, Box::new(RealDisk))
    }

    pub(super) fn open_on(folder: &Path, clock: Arc<Clock>, disk: Box<dyn Disk>) -> Result<Self, Error> {
        let Opened { signer, logs, lock } = folder::open(folder)?;
        let logs = logs.into_iter().map(|(hash, kept)| (hash, Log::new(kept))).collect();
        Ok(Self { signer, logs, clock, disk, failed: watch::Sender::new(false), _lock: lock })
    }

    /// The public key.
    pub fn key(&self) -> &CosignerKey {
        self.signer.key()
    }

    /// How many logs are witnessed.
    pub fn log_count(&self) -> usize {
        self.logs.len()
    }

    /// Answers the body of an `add-checkpoint` request. Waits for the disk, and for other requests of the same log.
    ///
    /// # Errors
    /// [`Refusal`], with its status of HTTP.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<NoteSignature, Refusal> {
        let request = AddCheckpoint::parse(body).map_err(Refusal::Malformed)?;
        let claimed: Checkpoint = request.checkpoint.text().parse().map_err(Refusal::Malformed)?;
        let log = self.logs.get(&origin_hash(&claimed.origin)).ok_or_else(|| {
            info!(origin = claimed.origin.as_str(), size = claimed.size, "refused: no such log is witnessed here");
            Refusal::UnknownLog(claimed.origin.to_string())
        })?;
        let answer = log.add(&request, (self.clock)(), &self.signer, &*self.disk);
        if let Err(Refusal::Signature(problem)) = &answer {
            info!(origin = claimed.origin.as_str(), size = claimed.size, %problem, "refused: not signed by the log");
        }
        if log.is_unsure() {
            self.failed.send_replace(true);
        }
        answer
    }

    /// What was cosigned last of the log whose origin has this hash, as a note.
    pub fn checkpoint(&self, origin_hash: &str) -> Option<String> {
        Some(self.logs.get(origin_hash)?.last()?.note.to_string())
    }

    /// Whether the witness had to end.
    pub fn has_failed(&self) -> bool {
        *self.failed.borrow()
    }

    /// Resolves when the witness must end, because nobody knows what is on its disk.
    pub async fn failed(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.failed.subscribe().wait_for(|failed| *failed).await;
    }
}
