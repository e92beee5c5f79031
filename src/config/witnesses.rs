//! Who sees checkpoints before they are published.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The witnesses of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Witnesses {
    /// The trust policy (C2SP tlog-policy): whom to ask, and how many must have cosigned. The same file is what auditors
    /// verify with. Without it nobody is asked, and the newest checkpoint is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PathBuf>,
    /// The authorities of those witnesses that are asked over https, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}
