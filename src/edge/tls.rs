//! TLS 1.3 with client certificates, made of files.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{self, CryptoProvider},
    server::{ClientCertVerifierBuilder, NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, pem::PemObject as _};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

use super::{Error, credentials::InForce};
use crate::{
    config::{CrlPolicy, TlsFiles},
    files,
};

/// The largest list of revoked certificates taken: one of a million certificates has some 40 MiB.
const MAX_CRL: u64 = 64 << 20;

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

/// How the hub speaks TLS: version 1.3, and where peers show a certificate only with those that one of its authorities signed and
/// none has revoked.
///
/// # Errors
/// [`Error::File`], [`Error::Certificate`], [`Error::Tls`].
pub(super) fn read(tls: &TlsFiles) -> Result<InForce, Error> {
    let certificates = certificates(&tls.certificate)?;
    let key = files::read_secret(&tls.key)?;
    let key = || {
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
        key.map_err(|error| certificate_error(&tls.key, &error))
    };
    let certificate_ends = match certificates.first().map(|own| X509Certificate::from_der(own)) {
        Some(Ok((_, own))) => own.validity().not_after.timestamp(),
        _ => return Err(certificate_error(&tls.certificate, &"the first certificate in it does not read")),
    };
    let crls = tls.crls.iter().map(|path| revocations(path)).collect::<Result<Vec<_>, _>>()?;
    let crls_end = crls.iter().flatten().map(|(_, end)| *end).min();
    let crls: Vec<_> = crls.into_iter().flatten().map(|(crl, _)| crl).collect();

    let provider = Arc::new(crypto::ring::default_provider());
    let roots = Arc::new(authorities(&tls.client_ca)?);
    let verifier = |protocol| {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
        let builder = checking_revocation(builder, tls, crls.clone());
        let builder = if protocol == Protocol::Http { builder.allow_unauthenticated() } else { builder };
        builder.build().map_err(|error| Error::Tls(error.to_string()))
    };
    let config = |protocol, verifier| server_config(&provider, protocol, verifier, certificates.clone(), key()?);
    let of_grpc = verifier(Protocol::Grpc)?;
    Ok(InForce {
        grpc: config(Protocol::Grpc, Arc::clone(&of_grpc))?,
        http: config(Protocol::Http, verifier(Protocol::Http)?)?,
        verifier: of_grpc,
        certificate_ends,
        crls_end,
    })
}

fn checking_revocation(
    builder: ClientCertVerifierBuilder,
    tls: &TlsFiles,
    crls: Vec<CertificateRevocationListDer<'static>>,
) -> ClientCertVerifierBuilder {
    let builder = builder.with_crls(crls);
    let builder = match tls.crl_missing {
        CrlPolicy::Refuse => builder,
        CrlPolicy::Accept => builder.allow_unknown_revocation_status(),
    };
    match tls.crl_expired {
        CrlPolicy::Refuse => builder.enforce_revocation_expiration(),
        CrlPolicy::Accept => builder,
    }
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    protocol: Protocol,
    verifier: Arc<dyn ClientCertVerifier>,
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, Error> {
    let wrong = |error: rustls::Error| Error::Tls(error.to_string());
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(wrong)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates, key)
        .map_err(wrong)?;
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

/// The lists of revoked certificates in a file, PEM or DER, at least one, each with the time at which it ends, in seconds since
/// 1970.
fn revocations(path: &Path) -> Result<Vec<(CertificateRevocationListDer<'static>, i64)>, Error> {
    let bytes = files::read_up_to(path, MAX_CRL)?;
    let lists: Vec<_> = if bytes.starts_with(b"-----") {
        let lists = CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<_, _>>();
        lists.map_err(|error| certificate_error(path, &error))?
    } else {
        vec![bytes.into()]
    };
    if lists.is_empty() {
        return Err(certificate_error(path, &"there is no list of revoked certificates in it: allowed is PEM or DER"));
    }
    let ended = |list: CertificateRevocationListDer<'static>| {
        let end = match CertificateRevocationList::from_der(&list) {
            Ok((_, read)) => read.next_update().map(|end| end.timestamp()),
            Err(_) => {
                return Err(certificate_error(path, &"it is no list of revoked certificates: allowed is PEM or DER"));
            }
        };
        end.map(|end| (list, end)).ok_or_else(|| certificate_error(path, &"it does not say when the next one is due"))
    };
    lists.into_iter().map(ended).collect()
}
