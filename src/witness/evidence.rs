//! Refusals that a person should look at, kept as files: the checkpoint that the log signed, and the one that the witness had.
//!
//! ```text
//! evidence/<kind>-<size>-<root, hexadecimal>/
//!     refused       the log's checkpoint, with the log's signature
//!     cosigned      the checkpoint that the witness had cosigned last, with both signatures
//!     about.json    what was claimed, when, and what it means
//! ```

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::judge::Refusal;
use crate::tlog::{Checkpoint, Hash, Note, empty_root};

/// How many of each kind are kept of a log. Split views only the log itself can make, the others anybody who finds an older
/// checkpoint: apart from each other, so that a flood of these cannot crowd out those. At 64 KiB a request, 16 MiB a kind.
const MAX_OF_KIND: usize = 256;

/// What a refusal may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuspicionKind {
    /// The log signed two trees of one size. By itself proof that it showed two histories, to anyone with the log's key.
    SplitView,
    /// The log's checkpoint came without a proof that it continues the one cosigned last: of another history, or sent with a
    /// wrong proof.
    Unproven,
    /// The log's checkpoint is smaller than the one cosigned last: the log was rolled back, or somebody sent an old one again.
    Behind,
}

impl SuspicionKind {
    /// The kind as files and logs name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SplitView => "split-view",
            Self::Unproven => "unproven",
            Self::Behind => "behind",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::SplitView => "the log signed two different trees of one size: proof of two histories",
            Self::Unproven => {
                "no proof was given that the refused checkpoint continues the cosigned one; ask the log for a consistency \
                 proof between them: if there is none, these two are proof of two histories"
            }
            Self::Behind => {
                "the refused checkpoint is older than the cosigned one; if it is the newest that the log has, the log was \
                 rolled back; ask the log for a consistency proof between them: if there is none, these two are proof of two \
                 histories"
            }
        }
    }

    /// What a refusal means, of a checkpoint that the log has signed; `None` where nothing is wrong with the log.
    pub(super) fn of(held: Option<&Checkpoint>, offered: &Checkpoint, refusal: &Refusal) -> Option<Self> {
        if offered.size == 0 && offered.root != empty_root() {
            return Some(Self::SplitView); // its honest counterpart nobody needs to have signed
        }
        match held {
            Some(held) if offered.size < held.size => Some(Self::Behind),
            Some(held) if offered.size == held.size && offered.root != held.root => Some(Self::SplitView),
            _ => matches!(refusal, Refusal::Inconsistent(_)).then_some(Self::Unproven),
        }
    }
}

/// A size and a root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tree {
    size: u64,
    root: String,
}

impl From<&Checkpoint> for Tree {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self { size: checkpoint.size, root: checkpoint.root.to_string() }
    }
}

/// What `about.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// What it is.
    pub kind: SuspicionKind,
    /// The log.
    pub origin: String,
    /// When it was refused, in seconds since 1970.
    pub time: u64,
    /// The old size that the request claimed.
    old_size: u64,
    /// What the log signed.
    refused: Tree,
    /// What the witness had cosigned last.
    cosigned: Option<Tree>,
    /// The answer.
    answer: String,
    /// What it means.
    meaning: String,
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, refused, time, .. } = self;
        let time = said(*time);
        writeln!(f, "{}: {} entries, root {}, refused at {time}", kind.as_str(), refused.size, refused.root)?;
        write!(f, "    {}", self.meaning)
    }
}

/// A time as people read it.
pub(super) fn said(time: u64) -> String {
    let stamp = i64::try_from(time).ok().and_then(|time| jiff::Timestamp::from_second(time).ok());
    stamp.map_or_else(|| format!("{time} s after 1970"), |stamp| stamp.to_string())
}

/// What came, and what it met.
pub(super) struct Incident<'a> {
    pub(super) kind: SuspicionKind,
    pub(super) refused: (&'a Checkpoint, &'a Note),
    pub(super) cosigned: Option<(&'a Checkpoint, &'a Note)>,
    pub(super) old_size: u64,
    pub(super) refusal: &'a Refusal,
    pub(super) time: u64,
}

/// Keeps an incident in the folder of its log, durably. Gives where; `None` where it is kept already, or enough are.
pub(super) fn keep(log: &Path, incident: &Incident<'_>) -> io::Result<Option<PathBuf>> {
    let folder = evidence_folder(log);
    let (checkpoint, note) = incident.refused;
    let target = folder.join(name(incident.kind, checkpoint.size, &checkpoint.root));
    if target.exists() || count(&folder, incident.kind)? >= MAX_OF_KIND {
        return Ok(None);
    }
    let about = Suspicion {
        kind: incident.kind,
        origin: checkpoint.origin.to_string(),
        time: incident.time,
        old_size: incident.old_size,
        refused: checkpoint.into(),
        cosigned: incident.cosigned.map(|(checkpoint, _)| checkpoint.into()),
        answer: format!("{} {}", incident.refusal.status(), incident.refusal),
        meaning: incident.kind.meaning().to_owned(),
    };
    let draft = tempfile::Builder::new().prefix(".").tempdir_in(&folder)?;
    let write = |name: &str, text: String| {
        let mut file = File::create(draft.path().join(name))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write("refused", note.to_string())?;
    if let Some((_, cosigned)) = incident.cosigned {
        write("cosigned", cosigned.to_string())?;
    }
    write("about.json", format!("{}\n", serde_json::to_string_pretty(&about)?))?;
    File::open(draft.path())?.sync_all()?;
    fs::rename(draft.keep(), &target)?;
    File::open(&folder)?.sync_all()?;
    Ok(Some(target))
}

/// Where the evidence against a log is.
pub(super) fn evidence_folder(log: &Path) -> PathBuf {
    log.join("evidence")
}

/// What is kept against a log, oldest first.
pub(super) fn list(log: &Path) -> io::Result<Vec<Suspicion>> {
    let mut found = Vec::new();
    for name in names(&evidence_folder(log))? {
        let about = fs::read(evidence_folder(log).join(name).join("about.json"))?;
        found.push(serde_json::from_slice::<Suspicion>(&about)?);
    }
    found.sort_by_key(|suspicion| suspicion.time);
    Ok(found)
}

fn name(kind: SuspicionKind, size: u64, root: &Hash) -> String {
    format!("{}-{size}-{root:?}", kind.as_str())
}

fn count(folder: &Path, kind: SuspicionKind) -> io::Result<usize> {
    let prefix = format!("{}-", kind.as_str());
    Ok(names(folder)?.iter().filter(|name| name.starts_with(&prefix)).count())
}

/// The names in the folder, without unfinished ones.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().filter(|name| !name.starts_with('.')).collect())
}
