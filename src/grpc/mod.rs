//! The API as gRPC: limits and deadlines around every call, and the services.
//!
//! ```text
//! call.rs      around every call: limit, deadline, panic, trace
//! server.rs    the services on one server, and how it stops
//! status.rs    errors and refusals as `google.rpc.Status`
//!
//! stream.rs    answers in parts
//!
//! exchange.rs publication.rs rule.rs audit.rs opening.rs seal.rs    one service each
//! ```

mod audit;
mod call;
mod exchange;
mod gossip;
mod opening;
mod publication;
mod rule;
mod seal;
mod server;
mod shares;
mod status;
mod stream;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::{net::IpAddr, sync::Arc};

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
    /// Turns of verifying e-seals.
    verifications: Arc<tokio::sync::Semaphore>,
}

/// The system that calls.
fn peer_of<T>(request: &Request<T>) -> Result<SystemId, Status> {
    match request.extensions().get::<Arc<Peer>>().map(|peer| &peer.system) {
        Some(Ok(system)) => Ok(system.clone()),
        Some(Err(error)) => Err(status::not_identified(error)),
        None => Err(status::not_identified(&identity::Error::None)),
    }
}

/// From where it calls: the other end of the connection. What headers say of addresses is not believed.
fn address_of<T>(request: &Request<T>) -> Result<IpAddr, Status> {
    let peer = request.extensions().get::<Arc<Peer>>();
    peer.map(|peer| peer.address.ip()).ok_or_else(|| status::not_identified(&identity::Error::None))
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
/// The bytes at which a page ends: half of the 4 MiB that gRPC clients take of a message when nobody tells them otherwise, so
/// that the last member, of which the largest takes the 64 KiB of an entry, has room too.
const MAX_PAGE_BYTES: usize = 2 << 20;

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

    /// Of the members after the last one seen, by their ids, those that the page holds: so many, and so many bytes, of which
    /// at least one. And the token of the next page, if there is one.
    fn fill<M: prost::Message>(&self, members: impl Iterator<Item = (String, M)>) -> (Vec<M>, String) {
        let (mut page, mut bytes, mut last) = (Vec::new(), 0, String::new());
        for (id, member) in members {
            if page.len() == self.size || bytes >= MAX_PAGE_BYTES {
                return (page, last);
            }
            bytes += member.encoded_len();
            page.push(member);
            last = id;
        }
        (page, String::new())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod page_tests {
    use super::*;
    use crate::wire::proto;

    fn members(count: usize, bytes: usize) -> impl Iterator<Item = (String, proto::Department)> {
        (0..count).map(move |n| {
            let department = proto::Department { name: "x".repeat(bytes), ..Default::default() };
            (n.to_string(), department)
        })
    }

    #[test]
    fn a_page_ends_at_its_members_or_its_bytes_and_names_the_next() {
        let page = Page::of(10, "").unwrap();
        for (count, bytes, held, token) in [
            (0, 1, 0, ""),
            (10, 1, 10, ""),
            (11, 1, 10, "9"),
            (10, MAX_PAGE_BYTES, 1, "0"),
            (10, MAX_PAGE_BYTES / 4, 4, "3"),
            (4, MAX_PAGE_BYTES / 4, 4, ""),
            (1, 2 * MAX_PAGE_BYTES, 1, ""),
        ] {
            let (found, next) = page.fill(members(count, bytes));
            assert_eq!((found.len(), next.as_str()), (held, token), "{count} of {bytes} bytes");
        }
    }
}
