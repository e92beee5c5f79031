//! The rules of C2SP tlog-witness, pure: what was cosigned last, and what is asked for.

use crate::tlog::{self, Checkpoint, Hash, empty_root, verify_consistency};

/// Why a checkpoint was not cosigned. Each is one status of HTTP, by the standard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 400: the request does not read.
    #[error("{0}")]
    Malformed(tlog::Error),
    /// 404: no log of this origin is witnessed here.
    #[error("no log of the origin {0} is witnessed here")]
    UnknownLog(String),
    /// 403: the log's key did not sign, or its signature is false.
    #[error("{0}")]
    Signature(tlog::Error),
    /// 400: the old size is above the checkpoint's.
    #[error("the old size {old} is above the checkpoint's size {size}")]
    OldAboveNew {
        /// The old size claimed.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
    /// 409: the old size is not that of the checkpoint cosigned last.
    #[error("the checkpoint cosigned last has the size {held}")]
    Conflict {
        /// The size of the checkpoint cosigned last; 0 for none.
        held: u64,
    },
    /// 422: the log without entries has only one root.
    #[error("a log without entries cannot have this root")]
    EmptyRoot,
    /// 422: the proof does not lead from the checkpoint cosigned last to this one.
    #[error("{0}")]
    Inconsistent(tlog::Error),
    /// 500: the witness itself failed; nothing was cosigned.
    #[error("the witness cannot cosign: {0}")]
    Failed(String),
}

impl Refusal {
    /// The status of HTTP.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::OldAboveNew { .. } => 400,
            Self::Signature(_) => 403,
            Self::UnknownLog(_) => 404,
            Self::Conflict { .. } => 409,
            Self::EmptyRoot | Self::Inconsistent(_) => 422,
            Self::Failed(_) => 500,
        }
    }
}

/// Whether a checkpoint that the log has signed may be cosigned after `held`, in the standard's order of checks.
pub(super) fn judge(held: Option<&Checkpoint>, old: u64, proof: &[Hash], offered: &Checkpoint) -> Result<(), Refusal> {
    let (held_size, held_root) = held.map_or((0, empty_root()), |held| (held.size, held.root));
    if old > offered.size {
        return Err(Refusal::OldAboveNew { old, size: offered.size });
    }
    if old != held_size {
        return Err(Refusal::Conflict { held: held_size });
    }
    if offered.size == 0 && offered.root != empty_root() {
        return Err(Refusal::EmptyRoot);
    }
    verify_consistency(old, &held_root, offered.size, &offered.root, proof).map_err(Refusal::Inconsistent)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::tlog::{leaf_hash, node_hash};

    fn checkpoint(size: u64, root: Hash) -> Checkpoint {
        Checkpoint { origin: "log".parse().unwrap(), size, root }
    }

    #[test]
    fn statuses_are_those_of_the_standard_in_its_order() {
        let leaves: Vec<Hash> = (0..2_u8).map(|n| leaf_hash(&[n])).collect();
        let (one, two) = (checkpoint(1, leaves[0]), checkpoint(2, node_hash(&leaves[0], &leaves[1])));
        let (other_one, empty) = (checkpoint(1, leaves[1]), checkpoint(0, empty_root()));
        let false_empty = checkpoint(0, leaves[0]);
        let (none, right) = (&[][..], &leaves[1..]);
        let wrong = &leaves[..1];

        let status = |held: Option<&Checkpoint>, old, proof, offered| {
            judge(held, old, proof, offered).map_or_else(|refusal| refusal.status(), |()| 200)
        };
        // The first checkpoint of a log, whatever its size.
        assert_eq!(status(None, 0, none, &empty), 200);
        assert_eq!(status(None, 0, none, &two), 200);
        assert_eq!(status(None, 0, right, &two), 422, "a proof from nothing must be empty");
        assert_eq!(status(None, 0, none, &false_empty), 422);
        assert_eq!(status(None, 1, right, &two), 409);
        assert_eq!(status(None, 3, right, &two), 400);
        // After the empty one.
        assert_eq!(status(Some(&empty), 0, none, &empty), 200);
        assert_eq!(status(Some(&empty), 0, none, &one), 200);
        assert_eq!(status(Some(&empty), 0, none, &false_empty), 422);
        assert_eq!(status(Some(&empty), 0, wrong, &one), 422);
        // Growth, and the same again.
        assert_eq!(status(Some(&one), 1, right, &two), 200);
        assert_eq!(status(Some(&one), 1, none, &one), 200);
        assert_eq!(status(Some(&one), 1, right, &one), 422);
        assert_eq!(status(Some(&one), 1, wrong, &two), 422);
        assert_eq!(status(Some(&one), 1, none, &two), 422);
        // Another history, by the sizes that it claims.
        assert_eq!(status(Some(&one), 1, none, &other_one), 422);
        assert_eq!(status(Some(&other_one), 1, right, &two), 422);
        assert_eq!(status(Some(&one), 0, none, &other_one), 409);
        // Back.
        assert_eq!(status(Some(&two), 2, none, &one), 400);
        assert_eq!(status(Some(&two), 1, none, &one), 409);
        assert_eq!(status(Some(&two), 0, none, &one), 409);
        assert_eq!(status(Some(&two), 0, none, &false_empty), 409);
        assert_eq!(judge(Some(&two), 1, none, &one), Err(Refusal::Conflict { held: 2 }));
    }
}
