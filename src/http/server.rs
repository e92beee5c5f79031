//! Connections: HTTP/1.1, one answer at a time, each with a bounded life.

use std::{convert::Infallible, future::Future, pin::pin, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};
use tokio_stream::StreamExt as _;
use tracing::debug;

use super::site::Site;
use crate::{
    config::{Http, Limits},
    edge::{self, Connection, Credentials, Protocol},
    hub::Hub,
};

/// How long a peer may take for a request's head, and may say nothing between two requests.
const HEAD: Duration = Duration::from_secs(30);

/// The most bytes of a request's head: paths here have 60, and tools send a few hundred of headers.
const MAX_HEAD: usize = 16 << 10;

/// How long a connection may live. With it everything that a peer can do slowly has an end.
const LIFE: Duration = Duration::from_secs(300);

/// How long the last answer of a connection may take to be sent: 16 MiB over a line of 4 Mbit/s take 34 s.
const LAST_ANSWER: Duration = Duration::from_secs(60);

/// What a server is made of.
pub struct Server {
    /// The hub behind it.
    pub hub: Arc<Hub>,
    /// How the hub speaks TLS.
    pub tls: Arc<Credentials>,
    /// What is served to whom; without TLS nobody has a certificate.
    pub http: Http,
    /// How long a handshake and a stop may take.
    pub limits: Limits,
}

/// Serves until `stop` resolves, then ends the answers at work, for as long as the limits let it.
pub async fn serve(server: Server, listener: TcpListener, stop: impl Future<Output = ()>) {
    let Server { hub, tls, http, limits } = server;
    let trust_domain = hub.snapshot().rules.trust_domain.clone();
    let site = Arc::new(Site::new(hub, http.public, Arc::clone(&tls)));
    let tls = http.tls.then_some((tls, Protocol::Http));
    let door = edge::Door { tls, trust_domain, connections: http.connections, handshake: limits.handshake() };
    let mut connections = edge::accept(listener, door);
    let (stopping, stopped) = watch::channel(false);
    let mut open = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = open.join_next() => {}
            connection = connections.next() => match connection {
                Some(Ok(connection)) => drop(open.spawn(talk(connection, Arc::clone(&site), stopped.clone()))),
                Some(Err(error)) => debug!(%error, "a connection failed"),
                None => break,
            },
        }
    }
    drop(connections);
    let _ = stopping.send(true);
    // What is not sent by then is cut off with the set.
    let _ = timeout(limits.drain(), async { while open.join_next().await.is_some() {} }).await;
}

/// Answers what comes over one connection until its end.
async fn talk(connection: Connection, site: Arc<Site>, mut stopped: watch::Receiver<bool>) {
    let peer = Arc::clone(connection.peer());
    let answer = service_fn(|request: Request<Incoming>| {
        let (site, peer) = (Arc::clone(&site), Arc::clone(&peer));
        async move { Ok::<_, Infallible>(site.answer(&peer, request.method(), request.uri().path()).await) }
    });
    let talk = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(connection), answer);
    let mut talk = pin!(talk);
    tokio::select! {
        ended = talk.as_mut() => return trace(ended),
        () = tokio::time::sleep(LIFE) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    talk.as_mut().graceful_shutdown();
    match timeout(LAST_ANSWER, talk).await {
        Ok(ended) => trace(ended),
        Err(_) => debug!("a connection was cut off: its last answer was taken too slowly"),
    }
}

fn trace(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        debug!(%error, "a connection ended");
    }
}
