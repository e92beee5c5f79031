//! Connections: accepted without waiting for any one peer, shaken hands with under a deadline, counted.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tracing::{debug, info, warn};

use super::{
    coalesce::Coalesced,
    credentials::Credentials,
    identity::{self, system_of},
    tls::Protocol,
};
use crate::domain::id::{DomainName, SystemId};

/// Connections ready for the server but not yet taken by it. It takes each at once; this only smooths.
const READY: usize = 16;

/// How long to wait after the system could not accept, such as for want of file descriptors: long enough not to spin,
/// short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who is at the other end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// Where from.
    pub address: SocketAddr,
    /// Which system, or why none.
    pub system: Result<SystemId, identity::Error>,
}

/// A connection after its handshake. It counts as open until it is dropped.
pub struct Connection {
    stream: Stream,
    peer: Arc<Peer>,
    void: Option<Void>,
    _open: OwnedSemaphorePermit,
}

/// Whether a peer's certificates are still taken.
enum Void {
    /// They are until this resolves.
    Pending(Pin<Box<dyn Future<Output = String> + Send>>),
    /// They are not, and nothing passes any more.
    Ready,
}

impl Connection {
    /// Who is at its other end.
    pub fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// Whether the peer's certificates are still taken. Whoever reads waits for the answer too: a connection that says nothing ends
    /// as well.
    fn require_valid(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match &mut self.void {
            None => return Ok(()),
            Some(Void::Ready) => {}
            Some(Void::Pending(void)) => {
                let Poll::Ready(why) = void.as_mut().poll(cx) else { return Ok(()) };
                let address = self.peer.address;
                let system = self.peer.system.as_ref().map_or_else(|_| "none".to_owned(), ToString::to_string);
                info!(%address, system, why, "closed a connection whose certificate is no longer taken");
                self.void = Some(Void::Ready);
            }
        }
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the peer's certificate is no longer taken"))
    }
}

/// What bytes go through.
enum Stream {
    Tls(Box<Coalesced<TlsStream<TcpStream>>>),
    Plain(TcpStream),
}

/// Whom connections are taken from, and how many.
pub struct Door {
    /// How TLS is spoken, and what over it; without it peers are nobody.
    pub tls: Option<(Arc<Credentials>, Protocol)>,
    /// Whose systems peers may be.
    pub trust_domain: DomainName,
    /// Connections open at once, handshakes included; more are closed.
    pub connections: usize,
    /// How long a handshake may take.
    pub handshake: Duration,
}

/// Accepts connections until the stream is dropped.
pub fn accept(listener: TcpListener, door: Door) -> ReceiverStream<io::Result<Connection>> {
    let (ready, connections) = mpsc::channel(READY);
    let open = Arc::new(Semaphore::new(door.connections));
    let handshake = Arc::new(Handshake { tls: door.tls, trust_domain: door.trust_domain, limit: door.handshake });
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
                warn!(%address, "refused a connection: as many are open as are allowed");
                continue;
            };
            tokio::spawn(Arc::clone(&handshake).shake(stream, address, permit, ready.clone()));
        }
    });
    ReceiverStream::new(connections)
}

struct Handshake {
    tls: Option<(Arc<Credentials>, Protocol)>,
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
        // What leaves together is held together here (`coalesce`): the system holding it back for more would only delay it.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%address, %error, "the connection ended before its handshake");
            return;
        }
        let (stream, system, void) = match &self.tls {
            None => (Stream::Plain(stream), Err(identity::Error::None), None),
            Some((credentials, protocol)) => {
                match timeout(self.limit, accept_tls(credentials, *protocol, stream)).await {
                    Ok(Ok(stream)) => {
                        let system = self.identify(&stream, address);
                        let void = until_void(credentials, &stream);
                        (Stream::Tls(Box::new(Coalesced::new(stream))), system, void)
                    }
                    Ok(Err(error)) => {
                        info!(%address, %error, "TLS handshake failed");
                        return;
                    }
                    Err(_) => {
                        info!(%address, limit = ?self.limit, "TLS handshake took too long");
                        return;
                    }
                }
            }
        };
        let connection = Connection { stream, peer: Arc::new(Peer { address, system }), void, _open: permit };
        // When the server is stopping nobody takes it, and dropping it closes it.
        let _ = ready.send(Ok(connection)).await;
    }

    fn identify(&self, stream: &TlsStream<TcpStream>, address: SocketAddr) -> Result<SystemId, identity::Error> {
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let system = match certificate {
            Some(certificate) => system_of(certificate, &self.trust_domain),
            None => Err(identity::Error::None),
        };
        match &system {
            Ok(system) => debug!(%address, %system, "connected"),
            Err(identity::Error::None) => debug!(%address, "connected without a certificate"),
            Err(error) => info!(%address, %error, "connected, but as no system of this hub"),
        }
        system
    }
}

async fn accept_tls(
    credentials: &Credentials,
    protocol: Protocol,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    TlsAcceptor::from(credentials.config(protocol)).accept(stream).await
}

/// What ends a connection whose peer showed certificates.
fn until_void(credentials: &Arc<Credentials>, stream: &TlsStream<TcpStream>) -> Option<Void> {
    let chain = stream.get_ref().1.peer_certificates()?;
    let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
    Some(Void::Pending(Box::pin(Arc::clone(credentials).until_void(chain))))
}

/// Does to the stream what is done to the connection.
macro_rules! through {
    ($connection:ident.$poll:ident($($argument:expr),*)) => {
        match &mut $connection.stream {
            Stream::Tls(stream) => Pin::new(stream).$poll($($argument),*),
            Stream::Plain(stream) => Pin::new(stream).$poll($($argument),*),
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.require_valid(cx)?;
        through!(self.poll_read(cx, buf))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.require_valid(cx)?;
        through!(self.poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        through!(self.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        through!(self.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.require_valid(cx)?;
        through!(self.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Tls(stream) => stream.is_write_vectored(),
            Stream::Plain(stream) => stream.is_write_vectored(),
        }
    }
}
