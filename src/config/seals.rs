//! Whom e-seals are trusted by.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How e-seals are verified.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Seals {
    /// A folder with the certificates of trusted authorities and their revocation lists; without it only what needs none is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<PathBuf>,
}
