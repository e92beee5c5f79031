//! Published checkpoints: at most one a second, if the log grew; shown to the witnesses, kept, and then everybody is told.
//!
//! ```text
//! newest checkpoint ──> witnesses (C2SP tlog-witness add-checkpoint, all at once) ──> quorum met? ──> file ──> hub publishes
//! ```
//!
//! No exchange waits for any of it. Where the quorum is not met the last checkpoint that met it stays published, and the
//! witnesses are asked again, ever less often. What is published never goes back, so it is durable before anybody is told.
//!
//! | file | what |
//! |---|---|
//! | `publisher` | the rounds, and what is kept |
//! | `witness` | asking one witness |
//! | `request` | one HTTP request |

mod publisher;
mod request;
mod witness;

use std::path::PathBuf;

pub use publisher::Publisher;

use crate::{files, hub, sign, tlog};

/// Why checkpoints cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key of the policy is not usable.
    #[error("the trust policy: {0}")]
    Key(#[from] sign::Error),
    /// The policy does not name this log.
    #[error("the trust policy is of other logs: allowed is one that names {0}, or none")]
    ForeignPolicy(String),
    /// Witnesses are required, and there is none that could be asked.
    #[error("the trust policy has a quorum, and no witness with a URL that could be asked")]
    NobodyToAsk,
    /// A witness's URL is not usable.
    #[error("witness {witness}: {url:?} {problem}")]
    Url {
        /// The witness's name in the policy.
        witness: String,
        /// Its URL.
        url: String,
        /// What is wrong, and what is allowed.
        problem: &'static str,
    },
    /// The published checkpoint that was kept is not one of this log.
    #[error("{}, the published checkpoint, is not of this log: {problem}", path.display())]
    Kept {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: tlog::Error,
    },
    /// The log does not continue the published checkpoint, or the storage failed.
    #[error(transparent)]
    Hub(#[from] hub::Error),
    /// The published checkpoint cannot be read or kept.
    #[error(transparent)]
    File(#[from] files::Error),
}
