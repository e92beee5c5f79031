//! TLS 1.3 with client certificates.

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig, crypto,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::Error;
use crate::{config::TlsFiles, files};

/// HTTP/2, the only protocol spoken.
const ALPN: &[u8] = b"h2";

/// How the hub speaks TLS: version 1.3, HTTP/2, and only with peers whose certificate one of its authorities signed.
///
/// # Errors
/// [`Error::File`], [`Error::Certificate`], [`Error::Tls`].
pub fn server_config(tls: &TlsFiles) -> Result<Arc<ServerConfig>, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Tls(error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tls.client_ca)? {
        roots.add(certificate).map_err(|error| certificate_error(&tls.client_ca, &error))?;
    }
    let key = PrivateKeyDer::from_pem_slice(files::read_secret(&tls.key)?.as_bytes())
        .map_err(|error| certificate_error(&tls.key, &error))?;

    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| wrong(&error))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| wrong(&error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&tls.certificate)?, key)
        .map_err(|error| wrong(&error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Without resumption each connection proves its certificate, and its validity today, anew.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
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
