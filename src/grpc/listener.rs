//! Connections: accepted without waiting for any one peer, shaken hands with under a deadline, counted.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tracing::{debug, info, warn};

use super::identity::{self, system_of};
use crate::{
    config::Limits,
    domain::id::{DomainName, SystemId},
};

/// Connections ready for the server but not yet taken by it. It takes each at once; this only smooths.
const READY: usize = 16;

/// How long to wait after the system could not accept, such as for want of file descriptors: long enough not to spin,
/// short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(super) struct Peer {
    /// Where from.
    pub(super) address: SocketAddr,
    /// Which system, or why none.
    pub(super) system: Result<SystemId, identity::Error>,
}

/// A connection after its handshake. It counts as open until it is dropped.
pub(super) struct Connection {
    stream: TlsStream<TcpStream>,
    peer: Arc<Peer>,
    _open: OwnedSemaphorePermit,
}

/// Accepts connections until the stream is dropped.
pub(super) fn accept(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    trust_domain: DomainName,
    limits: &Limits,
) -> ReceiverStream<io::Result<Connection>> {
    let (ready, connections) = mpsc::channel(READY);
    let open = Arc::new(Semaphore::new(limits.connections));
    let handshake = Arc::new(Handshake { tls: tls.into(), trust_domain, limit: limits.handshake() });
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = ready.closed() => return,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&open).try_acquire_owned() else {
                // Closed at once: a peer learns more by it than by waiting.
                warn!(%address, "refused a connection: as many are open as limits.connections allows");
                continue;
            };
            tokio::spawn(Arc::clone(&handshake).shake(stream, address, permit, ready.clone()));
        }
    });
    ReceiverStream::new(connections)
}

struct Handshake {
    tls: TlsAcceptor,
    trust_domain: DomainName,
    limit: Duration,
}

impl Handshake {
    async fn shake(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        permit: OwnedSemaphorePermit,
        ready: mpsc::Sender<io::Result<Connection>>,
    ) {
        // Answers are small and whole: holding them back for more would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%address, %error, "the connection ended before its handshake");
            return;
        }
        let stream = match timeout(self.limit, self.tls.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                info!(%address, %error, "TLS handshake failed");
                return;
            }
            Err(_) => {
                info!(%address, limit = ?self.limit, "TLS handshake took too long");
                return;
            }
        };
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let system = match certificate {
            Some(certificate) => system_of(certificate, &self.trust_domain),
            None => Err(identity::Error::None),
        };
        match &system {
            Ok(system) => debug!(%address, %system, "connected"),
            Err(error) => info!(%address, %error, "connected, but as no system of this hub"),
        }
        let connection = Connection { stream, peer: Arc::new(Peer { address, system }), _open: permit };
        // When the server is stopping nobody takes it, and dropping it closes it.
        let _ = ready.send(Ok(connection)).await;
    }
}

impl Connected for Connection {
    type ConnectInfo = Arc<Peer>;

    fn connect_info(&self) -> Arc<Peer> {
        Arc::clone(&self.peer)
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
