//! The log over HTTP.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Where the log is served over HTTP in the layout of C2SP tlog-tiles, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where; nowhere if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Whether it is TLS, with the hub's certificate. Without TLS nobody has a certificate, so that only what is public
    /// is served: for a proxy on the same machine.
    pub tls: bool,
    /// What anybody may read.
    pub public: Public,
    /// Connections open at once. One costs some 50 KiB, and gets one answer at a time.
    pub connections: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: None, tls: true, public: Public::Tiles, connections: 256 }
    }
}

/// What anybody may read, without a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Public {
    /// Nothing.
    None,
    /// The checkpoint: how many entries there are, and one hash over them.
    Checkpoint,
    /// The checkpoint and the tiles of hashes: what it takes to check that the log only grew, and that a receipt is of it.
    Tiles,
}

impl Http {
    /// Every value that is not allowed, with what is.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.tls && self.public == Public::None {
            problems.push(
                "http.tls = false, http.public = \"none\": nothing could be served; allowed is one of them".to_owned(),
            );
        }
        if !(1..=100_000).contains(&self.connections) {
            problems.push(format!("http.connections = {}: allowed is 1 to 100000", self.connections));
        }
        problems
    }
}
