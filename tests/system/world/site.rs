//! A reader of the log over HTTP.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use http_body_util::{BodyExt as _, Empty};
use hutong::files;
use hyper::{HeaderMap, Method, Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::World;

/// One who reads what the hub serves over HTTP.
pub(crate) struct Site {
    address: SocketAddr,
    tls: Option<TlsConnector>,
}

/// What came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

impl World {
    /// Has the hub serve its log over HTTP from its next start on, with these settings.
    pub(crate) fn open_site(&self, change: impl FnOnce(&mut toml::Table)) -> SocketAddr {
        let address = SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, super::free_port()));
        self.change_settings(|settings| {
            let http = settings.entry("http").or_insert_with(|| toml::Table::new().into()).as_table_mut().unwrap();
            http.insert("listen".to_owned(), address.to_string().into());
            change(http);
        });
        address
    }

    /// A reader who trusts the hub's authority and shows a system's certificate, or none.
    pub(crate) fn site(&self, address: SocketAddr, system: Option<&str>) -> Site {
        let certificates = |path: &Path| -> Vec<CertificateDer<'static>> {
            CertificateDer::pem_slice_iter(&fs::read(path).unwrap()).map(Result::unwrap).collect()
        };
        let mut roots = RootCertStore::empty();
        certificates(&self.folder.join("pki/ca.pem")).into_iter().for_each(|root| roots.add(root).unwrap());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots);
        let config = match system {
            None => config.with_no_client_auth(),
            Some(system) => {
                let folder = self.home.path().join(system);
                let key = files::read_secret(&folder.join("tls.key")).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                config.with_client_auth_cert(certificates(&folder.join("tls.pem")), key).unwrap()
            }
        };
        Site { address, tls: Some(Arc::new(config).into()) }
    }
}

impl Site {
    /// A reader without TLS.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    pub(crate) async fn ask(&self, method: Method, path: &str) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        match &self.tls {
            None => exchange(TokioIo::new(stream), method, path).await,
            Some(tls) => {
                let name = ServerName::try_from("localhost").unwrap();
                exchange(TokioIo::new(tls.connect(name, stream).await.unwrap()), method, path).await
            }
        }
    }
}

async fn exchange<S>(stream: S, method: Method, path: &str) -> Answer
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    driver.abort();
    Answer { status: head.status, headers: head.headers, body }
}
