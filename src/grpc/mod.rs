//! The edge: mutual TLS, who is calling, limits and deadlines, and the API as gRPC.
//!
//! ```text
//! listener.rs  accepts, handshakes (tls.rs), learns who the peer is (identity.rs)
//! call.rs      around every call: limit, deadline, panic, trace
//! server.rs    the services on one server, and how it stops
//! ```

mod call;
pub mod identity;
mod listener;
mod server;
mod status;
mod tls;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use self::tls::server_config;

/// Why the edge cannot work.
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
    /// The address is not to be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The server failed.
    #[error("the server failed: {0}")]
    Serve(String),
}
