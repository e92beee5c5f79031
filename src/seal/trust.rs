//! Trust anchors: the authorities whose certificates a seal's maker and its signers must have, and what these have revoked.

use std::path::{Path, PathBuf};

use x509_parser::pem::Pem;

use super::certificate::{Certificate, RevocationList};
use crate::{domain::time::Time, files};

/// The most files of trust anchors: there are some 60 licensed certification authorities in the country, each with a few keys.
const MAX_FILES: usize = 1_024;

/// Why trust anchors cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file or the folder cannot be read.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The folder cannot be listed.
    #[error("cannot list {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{} {problem}; a folder of trust anchors holds certificates of authorities and their revocation lists, PEM or DER", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There are no certificates.
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
    /// There are too many files.
    #[error("{} holds more than {MAX_FILES} files", .0.display())]
    TooMany(PathBuf),
}

/// Certificates that are trusted, and lists of revoked ones. With none, only what needs none can be verified.
#[derive(Debug, Clone, Default)]
pub struct TrustAnchors {
    certificates: Vec<Certificate>,
    revocations: Vec<RevocationList>,
}

/// What a chain came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chained {
    /// The trusted certificate's subject.
    pub(super) anchor: String,
    /// Revoked since, but after the time that matters.
    pub(super) revoked_later: Option<Time>,
    /// Until when the revocation list that was looked at is good; `None` where there is none.
    pub(super) revocations_until: Option<Option<Time>>,
}

/// Why there is no chain, in Chinese and in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unchained {
    pub(super) zh: String,
    pub(super) en: String,
}

impl TrustAnchors {
    /// Reads every file of a folder, and none of folders within it.
    ///
    /// # Errors
    /// [`TrustError`]: nothing in the folder is passed over, for what is missing from the anchors would only show later.
    pub fn read(folder: &Path) -> Result<Self, TrustError> {
        let failed = |source| TrustError::Folder { path: folder.to_owned(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if path.is_file() && !is_hidden {
                paths.push(path);
            }
            if paths.len() > MAX_FILES {
                return Err(TrustError::TooMany(folder.to_owned()));
            }
        }
        paths.sort();
        let mut anchors = Self::default();
        let mut lists = Vec::new();
        for path in paths {
            let wrong = |problem| TrustError::Content { path: path.clone(), problem };
            for der in pieces(&files::read_bytes(&path)?).map_err(wrong)? {
                match Certificate::parse(&der) {
                    Ok(certificate) => anchors.certificates.push(certificate),
                    // Whichever it is, what is wrong with it is said.
                    Err(problem) if is_certificate(&der) => return Err(wrong(problem)),
                    Err(_) => lists.push((path.clone(), RevocationList::parse(&der).map_err(wrong)?)),
                }
            }
        }
        if anchors.certificates.is_empty() {
            return Err(TrustError::Empty(folder.to_owned()));
        }
        for (path, list) in lists {
            if !anchors.certificates.iter().any(|authority| list.is_signed_by(authority)) {
                let problem =
                    format!("is a revocation list of {} that no certificate of the folder signed", list.issuer());
                return Err(TrustError::Content { path, problem });
            }
            anchors.revocations.push(list);
        }
        Ok(anchors)
    }

    /// Whether nothing is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// Leads a certificate to a trusted one, as things were at a time: it is one itself, or one issued it. Certificates in between are
    /// trusted by being in the folder; seals bring none along.
    pub(super) fn chain(&self, certificate: &Certificate, at: Time) -> Result<Chained, Unchained> {
        let subject = certificate.subject();
        if let Some(extension) = certificate.unknown_critical() {
            return Err(Unchained {
                zh: format!("证书 {subject} 含有未知的关键扩展 {extension}"),
                en: format!("the certificate of {subject} has the critical extension {extension}, which is unknown"),
            });
        }
        let mut chained = Chained { anchor: subject.to_owned(), revoked_later: None, revocations_until: None };
        if !self.certificates.iter().any(|trusted| trusted.der == certificate.der) {
            let issuer = self.issuer_of(certificate, at)?;
            chained.anchor = issuer.subject().to_owned();
            self.look_up_revocation(issuer, at, &mut chained)?;
        }
        self.look_up_revocation(certificate, at, &mut chained)?;
        Ok(chained)
    }

    fn issuer_of(&self, certificate: &Certificate, at: Time) -> Result<&Certificate, Unchained> {
        let issuer = certificate.issuer();
        let named: Vec<_> = self.certificates.iter().filter(|trusted| certificate.names_issuer(trusted)).collect();
        if named.is_empty() {
            return Err(Unchained {
                zh: format!("签发者 {issuer} 不在信任锚中"),
                en: format!("its issuer {issuer} is not among the trust anchors"),
            });
        }
        let Some(signer) = named.into_iter().find(|trusted| certificate.is_issued_by(trusted)) else {
            return Err(Unchained {
                zh: format!("信任锚 {issuer} 的公钥验证不了该证书的签名"),
                en: format!("the trust anchor {issuer} did not sign it"),
            });
        };
        if !signer.may_issue() {
            return Err(Unchained {
                zh: format!("信任锚 {issuer} 的证书不得签发证书"),
                en: format!("the certificate of {issuer} is not one that may issue certificates"),
            });
        }
        if !signer.covers(at) {
            return Err(Unchained {
                zh: format!("信任锚 {issuer} 的证书在 {at} 不在有效期内"),
                en: format!("the certificate of {issuer} was not valid at {at}"),
            });
        }
        Ok(signer)
    }

    fn look_up_revocation(&self, certificate: &Certificate, at: Time, chained: &mut Chained) -> Result<(), Unchained> {
        for list in self.revocations.iter().filter(|list| list.is_about(certificate)) {
            chained.revocations_until = Some(list.next_update);
            match list.revoked_since(certificate) {
                Some(since) if since <= at => {
                    let subject = certificate.subject();
                    return Err(Unchained {
                        zh: format!("证书 {subject} 已于 {since} 被吊销"),
                        en: format!("the certificate of {subject} was revoked at {since}"),
                    });
                }
                Some(since) => chained.revoked_later = Some(since),
                None => {}
            }
        }
        Ok(())
    }
}

/// The DER in a file: the file itself, or each block of its PEM.
fn pieces(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if bytes.first() == Some(&super::der::SEQUENCE) {
        return Ok(vec![bytes.to_vec()]);
    }
    let mut blocks = Vec::new();
    for block in Pem::iter_from_buffer(bytes) {
        blocks.push(block.map_err(|_| "is neither DER nor PEM".to_owned())?.contents);
    }
    if blocks.is_empty() { Err("is neither DER nor PEM".to_owned()) } else { Ok(blocks) }
}

/// Whether bytes have a certificate's form, whatever its key: what is signed begins with a version or a number, then comes an
/// algorithm; a revocation list has a time where a certificate has its issuer's name.
fn is_certificate(der: &[u8]) -> bool {
    use x509_parser::prelude::FromDer as _;
    x509_parser::certificate::X509Certificate::from_der(der).is_ok()
}
