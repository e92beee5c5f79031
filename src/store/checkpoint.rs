//! What the engines read in a checkpoint: its size and root. Its signature is for the engine's caller to verify.

use crate::tlog::{Checkpoint, Hash, Note};

/// The longest checkpoint note kept, in bytes: one signature line each of Ed25519 and of ML-DSA-44 (4.4 kB in base64) and
/// the longest origin fit.
pub const MAX_CHECKPOINT_LEN: usize = 6_000;

/// The size and root that a checkpoint note says.
pub(super) fn size_and_root(checkpoint: &str) -> Option<(u64, Hash)> {
    let note = Note::parse(checkpoint.as_bytes()).ok()?;
    let checkpoint: Checkpoint = note.text().parse().ok()?;
    Some((checkpoint.size, checkpoint.root))
}
