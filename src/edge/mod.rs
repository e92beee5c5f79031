//! Connections: TLS 1.3, and who is at the other end.
//!
//! ```text
//! listener.rs  accepts, shakes hands (tls.rs, credentials.rs), learns who the peer is (identity.rs)
//! ```
//!
//! What is spoken over a connection is for [`crate::grpc`] and [`crate::http`].

mod coalesce;
mod credentials;
pub mod identity;
mod listener;
mod tls;

pub use self::{
    credentials::{Credentials, LOOK_EVERY, Standing},
    listener::{Connection, Door, Peer, accept},
    tls::{Protocol, client_config},
};

/// Why no connection can be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of certificates or a key is not usable.
    #[error("{path}: {problem}")]
    Certificate {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The certificates do not fit together.
    #[error("the TLS files do not fit together: {0}")]
    Tls(String),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] crate::files::Error),
}
