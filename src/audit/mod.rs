//! Auditing: a copy of the exchange log, and what can be proved of it with public keys alone.
//!
//! ```text
//! hub ── AuditService ──> mirror.rs ──> folder (checkpoint, tile/…, log.vkey) ──> verify/ ──> Report
//!                                                  │                         └──> describe.rs ──> people
//! receipts, journals ──────────────────────────────┼─> reconcile/ ──> Reconciliation
//!                                                  └─> periodic/ ──> weekly and monthly reports
//! ```
//!
//! A [`mirror()`] is proved against the log's signed checkpoint before anything of it is written, and never overwrites history.
//! [`verify()`] works offline and non-interactively from such a folder and a [`Trust`]: every hash, every signature, and every
//! decision that the log alone can show, made again by the same pure rules that the hub follows ([`crate::domain::decide`]).
//! [`reconcile()`] compares such a folder with what a department holds; [`periodic`] counts what was done in it. Of the hub's
//! own code and storage nothing is used here, so what is wrong there cannot excuse itself here.

mod describe;
mod error;
mod finding;
mod folder;
mod mirror;
pub mod periodic;
mod reconcile;
mod report;
mod sarif;
mod source;
mod verify;
mod walk;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use describe::{Description, describe};
pub use error::Error;
pub use finding::{Fault, Finding, Level, Place};
pub use folder::{CHECKPOINT_FILE, Folder, VKEY_FILE};
pub use mirror::{Mirrored, mirror};
pub use reconcile::{Discrepancy, Holdings, Mismatch, Reconciliation, reconcile};
pub use report::{Basis, Decision, Decisions, Fact, Report};
pub use sarif::sarif;
pub use source::{GrpcSource, LogSource};
pub use verify::{Options, Stage, Trust, Watch, verify, verify_chain};
