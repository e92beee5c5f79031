//! TLS 1.3 with client certificates.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig, crypto,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::Error;
use crate::{config::TlsFiles, files};

/// What is spoken over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC: HTTP/2, and only with peers that show a certificate.
    Grpc,
    /// HTTP/1.1, also with peers that show none.
    Http,
}

impl Protocol {
    /// Its name when the handshake agrees on a protocol.
    const fn alpn(self) -> &'static [u8] {
        match self {
            Self::Grpc => b"h2",
            Self::Http => b"http/1.1",
        }
    }
}

/// How the hub speaks TLS: version 1.3, this protocol, and where peers show a certificate only with those that one of its
/// authorities signed.
///
/// # Errors
/// [`Error::File`], [`Error::Certificate`], [`Error::Tls`].
pub fn server_config(tls: &TlsFiles, protocol: Protocol) -> Result<Arc<ServerConfig>, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Tls(error.to_string());
    let roots = authorities(&tls.client_ca)?;
    let key = PrivateKeyDer::from_pem_slice(files::read_secret(&tls.key)?.as_bytes())
        .map_err(|error| certificate_error(&tls.key, &error))?;

    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = match protocol {
        Protocol::Grpc => verifier,
        Protocol::Http => verifier.allow_unauthenticated(),
    };
    let verifier = verifier.build().map_err(|error| wrong(&error))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| wrong(&error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&tls.certificate)?, key)
        .map_err(|error| wrong(&error))?;
    config.alpn_protocols = vec![protocol.alpn().to_vec()];
    // Without resumption each connection proves its certificate, and its validity today, anew.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// How the hub speaks TLS to others who serve: version 1.3, with certificates of these authorities (PEM), and without
/// one of its own.
///
/// # Errors
/// [`Error::File`], [`Error::Certificate`], [`Error::Tls`].
pub fn client_config(ca: &Path) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| Error::Tls(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(authorities(ca)?).with_no_client_auth()))
}

/// The authorities of a PEM file; at least one.
fn authorities(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| certificate_error(path, &error))?;
    }
    Ok(roots)
}

/// The certificates of a PEM file; at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = files::read_text(path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| certificate_error(path, &error))?;
    if certificates.is_empty() {
        return Err(certificate_error(path, &"there is no certificate in it: allowed is PEM"));
    }
    Ok(certificates)
}

fn certificate_error(path: &Path, problem: &dyn std::fmt::Display) -> Error {
    Error::Certificate { path: path.display().to_string(), problem: problem.to_string() }
}
