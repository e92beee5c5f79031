//! The services on one server, from its first connection to its last answer.

use std::{future::Future, sync::Arc};

use tokio::net::TcpListener;
use tonic::{service::Routes, transport::server::Connected};
use tracing::{info, warn};

use super::{Error, Services, call::CallLayer, seal};
use crate::{
    config::Limits,
    edge::{self, Connection, Credentials, Peer, Protocol},
    hub::Hub,
    tlog::Hash,
    wire::proto::{
        audit_service_server::AuditServiceServer, exchange_service_server::ExchangeServiceServer,
        opening_service_server::OpeningServiceServer, publication_service_server::PublicationServiceServer,
        rule_service_server::RuleServiceServer, seal_service_server::SealServiceServer,
    },
};

/// The descriptors of `hutong.v1`, for reflection.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hutong.v1.bin"));

/// The largest query taken: 64 lookups with their openings are 16 KiB, asked for under any agreement's fields.
const MAX_QUERY: usize = 256 << 10;

/// The largest rule statement taken: its entry has at most 65,535 bytes, and texts are opened beside it.
const MAX_RULE: usize = 1 << 20;

/// The largest question about the log.
const MAX_AUDIT: usize = 64 << 10;

/// How much of a stream, and of a connection, a peer may send ahead of its being read. Large enough that a publication of
/// some megabytes is not held up by round trips.
const WINDOW: u32 = 1 << 20;

/// The largest header list taken: what HTTP/2 peers use by default.
const MAX_HEADERS: u32 = 16 << 10;

/// What a server is made of.
pub struct Server {
    /// The hub behind it.
    pub hub: Arc<Hub>,
    /// The leaf hash of entry 0.
    pub genesis_leaf_hash: Hash,
    /// How it speaks TLS.
    pub tls: Arc<Credentials>,
    /// Its bounds.
    pub limits: Limits,
}

impl Connected for Connection {
    type ConnectInfo = Arc<Peer>;

    fn connect_info(&self) -> Arc<Peer> {
        Arc::clone(self.peer())
    }
}

/// Serves until `stop` resolves, then answers the calls at work, for as long as the limits let it.
///
/// # Errors
/// [`Error::Serve`].
pub async fn serve(server: Server, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<(), Error> {
    let Server { hub, genesis_leaf_hash, tls, limits } = server;
    let trust_domain = hub.snapshot().rules.trust_domain.clone();
    let verifications = Arc::new(tokio::sync::Semaphore::new(seal::MAX_AT_ONCE));
    let services = Services { hub: Arc::clone(&hub), genesis_leaf_hash, verifications };
    let (health, health_service) = tonic_health::server::health_reporter();
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let failed = |error: tonic_reflection::server::Error| Error::Serve(error.to_string());
    let reflection = described().build_v1().map_err(failed)?;
    // Many clients, Python's grpcio-reflection among them, know only the protocol's older name.
    let reflection_v1alpha = described().build_v1alpha().map_err(failed)?;

    let exchange = ExchangeServiceServer::new(services.clone()).max_decoding_message_size(MAX_QUERY);
    let publication =
        PublicationServiceServer::new(services.clone()).max_decoding_message_size(limits.max_message_bytes);
    let rule = RuleServiceServer::new(services.clone()).max_decoding_message_size(MAX_RULE);
    let opening = OpeningServiceServer::new(services.clone()).max_decoding_message_size(MAX_AUDIT);
    let seal = SealServiceServer::new(services.clone()).max_decoding_message_size(limits.max_message_bytes);
    let audit = AuditServiceServer::new(services).max_decoding_message_size(MAX_AUDIT);
    health.set_serving::<ExchangeServiceServer<Services>>().await;
    health.set_serving::<PublicationServiceServer<Services>>().await;
    health.set_serving::<RuleServiceServer<Services>>().await;
    health.set_serving::<AuditServiceServer<Services>>().await;
    health.set_serving::<OpeningServiceServer<Services>>().await;
    health.set_serving::<SealServiceServer<Services>>().await;
    let routes = Routes::new(exchange)
        .add_service(publication)
        .add_service(rule)
        .add_service(audit)
        .add_service(opening)
        .add_service(seal)
        .add_service(health_service)
        .add_service(reflection)
        .add_service(reflection_v1alpha);

    // Two signals of one event: the server stops taking calls, and the drain's time begins.
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let signal = {
        let health = health.clone();
        async move {
            stop.await;
            health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
            info!("stopping: no more calls are taken");
            let _ = stopping.send(true);
        }
    };
    let door = edge::Door {
        tls: Some((tls, Protocol::Grpc)),
        trust_domain,
        connections: limits.connections,
        handshake: limits.handshake(),
    };
    let connections = edge::accept(listener, door);
    let drain = limits.drain();
    let serving = tonic::transport::Server::builder()
        .layer(CallLayer::new(Arc::clone(&hub), limits.clone()))
        .max_concurrent_streams(limits.calls_per_connection)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_max_header_list_size(MAX_HEADERS)
        .http2_keepalive_interval(Some(limits.keepalive()))
        .http2_keepalive_timeout(Some(limits.keepalive()))
        .add_routes(routes)
        .serve_with_incoming_shutdown(connections, signal);
    tokio::select! {
        served = serving => served.map_err(|error| Error::Serve(error.to_string())),
        () = async {
            // Ends with the drain's time; while nobody stops the server it never does.
            if stopped.wait_for(|stopping| *stopping).await.is_ok() {
                tokio::time::sleep(drain).await;
            } else {
                std::future::pending::<()>().await;
            }
        } => {
            warn!(?drain, "stopped with calls unanswered: their drain took too long");
            Ok(())
        }
    }
}
