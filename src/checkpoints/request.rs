//! One HTTP request: a connection, a question, an answer of bounded length.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, StatusCode, Uri,
    body::{Body, Bytes},
    client::conn::http1,
    header::{HOST, USER_AGENT},
    rt::{Read, Write},
};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::tlog::{MAX_COSIGNATURES_LEN, MAX_NOTE_LEN};

/// The longest answer taken: a checkpoint with cosignatures, or cosignatures alone, of sixteen witnesses.
const MAX_ANSWER: usize = MAX_COSIGNATURES_LEN + (4 << 10);
const _: () = assert!(MAX_ANSWER <= MAX_NOTE_LEN);

/// Why there was no answer; for people.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where a witness is.
pub(super) struct Address {
    tls: Option<(TlsConnector, ServerName<'static>)>,
    host: String,
    port: u16,
    authority: String,
    prefix: String,
}

impl Address {
    /// Reads a URL, `http://` or, where authorities are known, `https://`.
    pub(super) fn parse(url: &str, tls: Option<&Arc<ClientConfig>>) -> Result<Self, &'static str> {
        const ALLOWED: &str = "is no address: allowed is http://<host>[:<port>][/<path>], or https://…";
        let uri: Uri = url.parse().map_err(|_| ALLOWED)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(ALLOWED)?;
        if uri.query().is_some() {
            return Err(ALLOWED);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let (tls, default_port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => {
                let config = tls.ok_or("is https, and witnesses.ca names no authorities")?;
                let name = ServerName::try_from(host.clone()).map_err(|_| ALLOWED)?;
                (Some((TlsConnector::from(Arc::clone(config)), name)), 443)
            }
            _ => return Err(ALLOWED),
        };
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self {
            tls,
            host,
            port: authority.port_u16().unwrap_or(default_port),
            authority: authority.to_string(),
            prefix,
        })
    }

    /// Asks, and takes the answer. The caller sees to it that this ends.
    pub(super) async fn ask(&self, method: Method, path: &str, body: String) -> Result<(StatusCode, Bytes), Failure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(HOST, &self.authority)
            .header(USER_AGENT, concat!("hutong/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(body)))?;
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match &self.tls {
            None => exchange(TokioIo::new(stream), request).await,
            Some((tls, name)) => exchange(TokioIo::new(tls.connect(name.clone(), stream).await?), request).await,
        }
    }
}

async fn exchange<S, B>(stream: S, request: Request<B>) -> Result<(StatusCode, Bytes), Failure>
where
    S: Read + Write + Unpin + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Failure>> + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await?;
    // Ends with the sender, and with it when the caller waits no longer.
    let driving = tokio::spawn(connection);
    let _ends = AbortOnDrop(driving.abort_handle());
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
    Ok((head.status, body))
}

/// Ends the connection's driver with the exchange.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for (url, host, port, prefix) in [
            ("http://witness.example", "witness.example", 80, ""),
            ("http://witness.example:8080/", "witness.example", 8080, ""),
            ("http://127.0.0.1:1/a/b", "127.0.0.1", 1, "/a/b"),
            ("http://[::1]:2/a/", "::1", 2, "/a"),
        ] {
            let address = Address::parse(url, None).unwrap();
            assert_eq!((address.host.as_str(), address.port, address.prefix.as_str()), (host, port, prefix), "{url}");
        }
        for url in ["", "witness.example", "ftp://a", "http://", "http://a@b", "http://a/?b", "https://a", "http://a b"]
        {
            assert!(Address::parse(url, None).is_err(), "{url}");
        }
    }
}
