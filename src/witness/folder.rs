//! What a witness keeps, made and read.
//!
//! ```text
//! witness.vkey                         its public key, to hand out; locked by the witness that works here
//! witness.key.jwk                      its private key, for its owner alone
//! logs/<SHA-256 of the origin>/
//!     log.vkey                         the log's public key
//!     checkpoint                       what was cosigned last, with both signatures; `nothing yet` before the first time
//!     evidence/                        refusals that a person should look at
//! ```
//!
//! A log's `checkpoint` that is missing, empty or does not verify is damage, not a beginning: a witness that forgot what it cosigned
//! could cosign another history.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    Error, Suspicion,
    evidence::{self, evidence_folder},
    log::{Cosigned, read_last},
};
use crate::{
    files::{self, Readable},
    sign::{CosignatureSigner, CosignatureVerifier, LogVerifier, SigningKey},
    tlog::{Cosigner as _, CosignerKey, KeyName, VerifierKey, origin_hash},
};

/// The witness's public key.
pub const VKEY_FILE: &str = "witness.vkey";
/// Its private key.
const KEY_FILE: &str = "witness.key.jwk";
/// The logs.
const LOGS: &str = "logs";
/// A log's public key.
const LOG_VKEY_FILE: &str = "log.vkey";
/// What was cosigned last of a log.
pub(super) const CHECKPOINT_FILE: &str = "checkpoint";
/// What stands there before the first time: an empty file would be a lost one.
pub(super) const NOTHING_YET: &str = "nothing yet\n";
/// Who may enter: its owner.
const OWNER_ONLY: u32 = 0o700;

/// Makes a witness's folder: whole, or not at all.
///
/// # Errors
/// [`Error::NotEmpty`], [`Error::Io`], [`Error::File`], [`Error::Key`], [`Error::KnownLog`] for a log given twice.
pub fn init(folder: &Path, name: KeyName, key: SigningKey, logs: &[VerifierKey]) -> Result<CosignerKey, Error> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match fs::read_dir(folder).map(|mut names| names.next().is_some()) {
        Ok(true) => return Err(Error::NotEmpty(folder.to_owned())),
        Ok(false) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("read", folder)(error)),
    }
    let draft = draft_in(parent).map_err(Error::io("create", folder))?;
    let private = key.to_private_jwk();
    let public = CosignatureSigner::new(name, key).key().clone();
    files::create(&draft.path().join(KEY_FILE), private.as_bytes(), Readable::ByOwner)?;
    files::create(&draft.path().join(VKEY_FILE), format!("{public}\n").as_bytes(), Readable::ByAll)?;
    make_folder(&draft.path().join(LOGS))?;
    logs.iter().try_for_each(|log| make_log(draft.path(), log))?;
    sync(draft.path())?;
    fs::rename(draft.path(), folder).map_err(Error::io("create", folder))?;
    let _ = draft.keep(); // it is no longer there under its old name
    sync(parent)?;
    Ok(public)
}

/// Adds a log to those witnessed, from its next checkpoint on. The witness must not be at work.
///
/// # Errors
/// [`Error::KnownLog`], [`Error::InUse`], and as [`status`].
pub fn enrol(folder: &Path, log: &VerifierKey) -> Result<(), Error> {
    let (_, _lock) = lock(folder)?;
    make_log(folder, log)
}

/// The folder of a log, with nothing cosigned: whole, or not at all.
fn make_log(folder: &Path, log: &VerifierKey) -> Result<(), Error> {
    LogVerifier::new(log.clone())?;
    let logs = folder.join(LOGS);
    let target = logs.join(origin_hash(log.name()));
    if target.symlink_metadata().is_ok() {
        let held = read_log_key(&target)?.vkey().to_string();
        return Err(Error::KnownLog { origin: log.name().to_string(), held });
    }
    let draft = draft_in(&logs).map_err(Error::io("create", &target))?;
    files::create(&draft.path().join(LOG_VKEY_FILE), format!("{log}\n").as_bytes(), Readable::ByAll)?;
    files::create(&draft.path().join(CHECKPOINT_FILE), NOTHING_YET.as_bytes(), Readable::ByAll)?;
    make_folder(&evidence_folder(draft.path()))?;
    sync(draft.path())?;
    fs::rename(draft.path(), &target).map_err(Error::io("create", &target))?;
    let _ = draft.keep();
    sync(&logs)
}

/// What is kept of one log.
pub(super) struct Kept {
    pub(super) folder: PathBuf,
    pub(super) key: LogVerifier,
    /// What was cosigned last.
    pub(super) last: Option<Cosigned>,
}

/// A witness's folder as it was found.
pub(super) struct Opened {
    pub(super) signer: CosignatureSigner,
    /// The logs by their origins' hashes.
    pub(super) logs: BTreeMap<String, Kept>,
    /// Held for as long as the witness works.
    pub(super) lock: File,
}

/// Opens a witness's folder for work, and reads all that is in it.
///
/// # Errors
/// [`Error::NoWitness`], [`Error::InUse`], [`Error::Damaged`], and what files say.
pub(super) fn open(folder: &Path) -> Result<Opened, Error> {
    let (public, lock) = lock(folder)?;
    let path = folder.join(KEY_FILE);
    let key = SigningKey::from_jwk(&files::read_secret(&path)?).map_err(|error| Error::damaged(&path, error))?;
    let signer = CosignatureSigner::new(public.name().clone(), key);
    if *signer.key() != public {
        return Err(Error::damaged(path, format!("is not the key of {}", folder.join(VKEY_FILE).display())));
    }
    let logs = read_logs(folder, &signer.verifier())?;
    Ok(Opened { signer, logs, lock })
}

fn read_logs(folder: &Path, witness: &CosignatureVerifier) -> Result<BTreeMap<String, Kept>, Error> {
    let path = folder.join(LOGS);
    let mut logs = BTreeMap::new();
    for entry in fs::read_dir(&path).map_err(Error::io("read", &path))? {
        let entry = entry.map_err(Error::io("read", &path))?;
        let hash = entry.file_name().to_string_lossy().into_owned();
        if hash.starts_with('.') {
            continue; // unfinished
        }
        let key = read_log_key(&entry.path())?;
        if origin_hash(key.vkey().name()) != hash {
            return Err(Error::damaged(entry.path(), format!("is not the place of {}", key.vkey().name())));
        }
        let last = read_last(&entry.path(), &key, witness)?;
        let kept = evidence_folder(&entry.path());
        if !kept.is_dir() {
            return Err(Error::damaged(kept, "is missing"));
        }
        logs.insert(hash, Kept { folder: entry.path(), key, last });
    }
    Ok(logs)
}

/// What a witness has cosigned and refused.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The witness's public key.
    pub vkey: String,
    /// Its logs, by origin.
    pub logs: Vec<LogStatus>,
}

/// What a witness has of one log.
#[derive(Debug, Serialize)]
pub struct LogStatus {
    /// The log's origin.
    pub origin: String,
    /// The log's public key.
    pub log_vkey: String,
    /// Under which it is found in the witness's monitoring paths.
    pub origin_hash: String,
    /// The size of what was cosigned last; `None` before the first time.
    pub size: Option<u64>,
    /// Its root, in base64.
    pub root: Option<String>,
    /// When it was cosigned, in seconds since 1970.
    pub cosigned_at: Option<u64>,
    /// Refusals that a person should look at, oldest first.
    pub evidence: Vec<Suspicion>,
    /// Where their checkpoints are.
    pub evidence_folder: PathBuf,
}

impl fmt::Display for LogStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        match (self.size, &self.root, self.cosigned_at) {
            (Some(size), Some(root), Some(time)) => {
                write!(f, "\n  cosigned: {size} entries, root {root}, at {}", evidence::said(time))?;
            }
            _ => write!(f, "\n  cosigned: nothing yet")?,
        }
        self.evidence.iter().try_for_each(|suspicion| write!(f, "\n  {suspicion}"))?;
        if self.evidence.is_empty() {
            return Ok(());
        }
        write!(f, "\n  both checkpoints of each are in {}", self.evidence_folder.display())
    }
}

/// Reads a witness's folder, also while the witness works.
///
/// # Errors
/// [`Error::NoWitness`], [`Error::Damaged`], and what files say.
pub fn status(folder: &Path) -> Result<Status, Error> {
    let public = read_vkey(folder)?;
    let witness = CosignatureVerifier::new(public.clone())?;
    let mut logs = Vec::new();
    for (origin_hash, Kept { folder: path, key, last }) in read_logs(folder, &witness)? {
        logs.push(LogStatus {
            origin: key.vkey().name().to_string(),
            log_vkey: key.vkey().to_string(),
            origin_hash,
            size: last.as_ref().map(|last| last.checkpoint.size),
            root: last.as_ref().map(|last| last.checkpoint.root.to_string()),
            cosigned_at: last.as_ref().map(|last| last.time),
            evidence: evidence::list(&path).map_err(Error::io("read the evidence in", &path))?,
            evidence_folder: evidence_folder(&path),
        });
    }
    logs.sort_by(|a, b| a.origin.cmp(&b.origin));
    Ok(Status { vkey: public.to_string(), logs })
}

/// The witness's public key, and the lock by which only one works on the folder.
fn lock(folder: &Path) -> Result<(CosignerKey, File), Error> {
    let public = read_vkey(folder)?;
    let path = folder.join(VKEY_FILE);
    let file = File::open(&path).map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok((public, file)),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
    }
}

fn read_vkey(folder: &Path) -> Result<CosignerKey, Error> {
    let path = folder.join(VKEY_FILE);
    if !path.is_file() {
        return Err(Error::NoWitness(folder.to_owned()));
    }
    files::read_text(&path)?.trim_end().parse().map_err(|error| Error::damaged(path, error))
}

fn read_log_key(log: &Path) -> Result<LogVerifier, Error> {
    let path = log.join(LOG_VKEY_FILE);
    let text = files::read_text(&path).map_err(|error| Error::damaged(&path, error))?;
    let vkey = text.trim_end().parse().map_err(|error: crate::tlog::Error| Error::damaged(&path, error))?;
    LogVerifier::new(vkey).map_err(|error| Error::damaged(&path, error))
}

/// A folder that is not there yet for anybody who looks: its name begins with a dot.
fn draft_in(parent: &Path) -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(".").permissions(fs::Permissions::from_mode(OWNER_ONLY)).tempdir_in(parent)
}

fn make_folder(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().mode(OWNER_ONLY).create(path).map_err(Error::io("create", path))
}

fn sync(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))
}
