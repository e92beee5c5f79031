//! The edge: mutual TLS, who is calling, limits and deadlines, and the API as gRPC.
//!
//! ```text
//! listener.rs  accepts, handshakes (tls.rs), learns who the peer is (identity.rs)
//! call.rs      around every call: limit, deadline, panic, trace
//! server.rs    the services on one server, and how it stops
//! status.rs    errors and refusals as `google.rpc.Status`
//!
//! exchange.rs publication.rs rule.rs audit.rs    one service each
//! ```

mod audit;
mod call;
mod exchange;
pub mod identity;
mod listener;
mod publication;
mod rule;
mod server;
mod status;
mod tls;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::sync::Arc;

use tonic::{Request, Status};

use self::{listener::Peer, status::argument};
pub use self::{
    server::{Server, serve},
    tls::server_config,
};
use crate::{
    domain::id::SystemId,
    hub::{self, Hub},
    tlog::Hash,
    wire::proto,
};

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

/// The services of the API: each turns messages into a call of the hub, and the answer into a message.
#[derive(Clone)]
struct Services {
    hub: Arc<Hub>,
    genesis_leaf_hash: Hash,
}

/// The system that calls.
fn peer_of<T>(request: &Request<T>) -> Result<SystemId, Status> {
    match request.extensions().get::<Arc<Peer>>().map(|peer| &peer.system) {
        Some(Ok(system)) => Ok(system.clone()),
        Some(Err(error)) => Err(status::not_identified(error)),
        None => Err(status::not_identified(&identity::Error::None)),
    }
}

fn receipt_to_proto(receipt: hub::Receipt) -> proto::Receipt {
    proto::Receipt { entry: receipt.entry, proof: receipt.proof }
}

/// Runs a read that waits for storage off the threads that drive connections.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, hub::Error> + Send + 'static,
) -> Result<T, Status> {
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(read)).await {
        Ok(read) => read.map_err(status::of),
        Err(_) => Err(status::internal(&"a read panicked")),
    }
}

/// What members of a page come with when the caller names no number.
const DEFAULT_PAGE: usize = 100;
/// The most members of a page.
const MAX_PAGE: usize = 1_000;

/// A page asked for: so many members after the last one seen. The token is that one's id.
struct Page {
    size: usize,
    after: String,
}

impl Page {
    fn of(size: i32, token: &str) -> Result<Self, Status> {
        let size = match usize::try_from(size) {
            Ok(0) => DEFAULT_PAGE,
            Ok(size) if size <= MAX_PAGE => size,
            _ => return Err(argument("page_size", "must be from 0 to 1000")),
        };
        Ok(Self { size, after: token.to_owned() })
    }

    /// Of one more member than the page holds the page, and the token of the next one if there is one.
    fn cut<T>(&self, mut found: Vec<T>, id: impl Fn(&T) -> &str) -> (Vec<T>, String) {
        let more = found.len() > self.size;
        found.truncate(self.size);
        let token = found.last().filter(|_| more).map(|last| id(last).to_owned()).unwrap_or_default();
        (found, token)
    }
}
