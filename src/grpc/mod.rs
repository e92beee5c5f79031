//! The API as gRPC: limits and deadlines around every call, and the services.
//!
//! ```text
//! call.rs      around every call: limit, deadline, panic, trace
//! server.rs    the services on one server, and how it stops
//! status.rs    errors and refusals as `google.rpc.Status`
//!
//! exchange.rs publication.rs rule.rs audit.rs    one service each
//! ```

mod audit;
mod call;
mod exchange;
mod publication;
mod rule;
mod server;
mod status;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::sync::Arc;

use tonic::{Request, Status};

pub use self::server::{Server, serve};
use self::status::argument;
use crate::{
    domain::id::SystemId,
    edge::{Peer, identity},
    hub::{self, Hub},
    tlog::Hash,
    wire::proto,
};

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
