//! A witness: it cosigns the checkpoints of logs that it has seen to only grow, and nothing else (C2SP tlog-witness).
//!
//! ```text
//! POST /add-checkpoint ──> parse ──> log's signature ──> judge: does it continue what was cosigned last?
//!                                                          │ yes                        │ no
//!                                        cosign, make durable, answer      refuse; keep both checkpoints if a person
//!                                                                          should look at them
//! GET /<origin hash>/checkpoint ──> what was cosigned last
//! ```
//!
//! Whoever runs one, a court, an audit office, another city, takes from a log's operator the power to show different people
//! different histories: a checkpoint with the cosignatures of enough witnesses is the only one of its size. A witness knows
//! no hub, reads no entries, and needs no trust in its clock or its network for that; only its key and its memory of the last
//! checkpoint matter. So that memory is durable before a cosignature leaves, and a folder that lost it is not used.
//!
//! | file | what |
//! |---|---|
//! | `folder` | what a witness keeps, made and read |
//! | `judge` | the rules, pure |
//! | `log` | one log: judge, make durable, cosign, one after the other |
//! | `evidence` | what a person should look at |
//! | `disk` | the steps of durability |
//! | `desk` | all logs: a request in, an answer out |
//! | `server` | HTTP |

mod desk;
mod disk;
mod error;
mod evidence;
mod folder;
mod judge;
mod log;
mod server;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use desk::{Clock, Witness};
pub use error::Error;
pub use evidence::{Suspicion, SuspicionKind};
pub use folder::{LogStatus, Status, VKEY_FILE, enrol, init, status};
pub use judge::Refusal;
pub use server::serve;
