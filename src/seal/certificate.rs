//! SM2 certificates (X.509; GM/T 0015, GB/T 20518) and lists of revoked ones, as far as e-seals need them.

use x509_parser::{
    certificate::X509Certificate,
    extensions::ParsedExtension,
    prelude::FromDer as _,
    revocation_list::CertificateRevocationList,
    time::ASN1Time,
    x509::{AlgorithmIdentifier, X509Name},
};

use crate::{
    domain::time::Time,
    sign::{Sm2VerifyingKey, Verifier as _},
};

/// SM2 with SM3, the algorithm of every signature here.
pub(super) const SM2_WITH_SM3: &str = "1.2.156.10197.1.501";
/// A key on an elliptic curve.
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
/// The curve of SM2.
const SM2_CURVE: &str = "1.2.156.10197.1.301";

/// A certificate whose key is an SM2 key.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) der: Vec<u8>,
    /// The names as they are encoded, by which certificates are chained.
    subject: Vec<u8>,
    issuer: Vec<u8>,
    serial: Vec<u8>,
    subject_text: String,
    issuer_text: String,
    pub(super) valid_from: Time,
    pub(super) valid_until: Time,
    usage: Option<Usage>,
    is_authority: bool,
    is_time_stamping: bool,
    /// A critical extension that nobody here knows.
    unknown_critical: Option<String>,
    signed: Vec<u8>,
    signature: Vec<u8>,
    key: Sm2VerifyingKey,
}

/// What a certificate's key may be used for.
#[derive(Debug, Clone, Copy)]
struct Usage {
    signs: bool,
    issues: bool,
    revokes: bool,
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// In words why it is none, or none with an SM2 key.
    pub(super) fn parse(der: &[u8]) -> Result<Self, String> {
        let (rest, x509) = X509Certificate::from_der(der).map_err(|_| "is no X.509 certificate in DER".to_owned())?;
        if !rest.is_empty() {
            return Err(format!("has {} bytes too many at its end", rest.len()));
        }
        let algorithm = algorithm_of(&x509.signature_algorithm, &x509.tbs_certificate.signature)?;
        if algorithm != SM2_WITH_SM3 {
            return Err(format!("is signed by algorithm {algorithm}, must be SM2 with SM3, {SM2_WITH_SM3}"));
        }
        let key = x509.public_key();
        let curve =
            key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok()).map(|curve| curve.to_id_string());
        if key.algorithm.algorithm.to_id_string() != EC_PUBLIC_KEY || curve.as_deref() != Some(SM2_CURVE) {
            return Err(format!("has no SM2 key: its curve must be {SM2_CURVE}"));
        }
        let key = Sm2VerifyingKey::from_point(&key.subject_public_key.data)
            .map_err(|error| format!("has a bad key: {error}"))?;
        let mut certificate = Self {
            der: der.to_vec(),
            subject: x509.subject().as_raw().to_vec(),
            issuer: x509.issuer().as_raw().to_vec(),
            serial: x509.raw_serial().to_vec(),
            subject_text: name_text(x509.subject()),
            issuer_text: name_text(x509.issuer()),
            valid_from: time_of(x509.validity().not_before)?,
            valid_until: time_of(x509.validity().not_after)?,
            usage: None,
            is_authority: false,
            is_time_stamping: false,
            unknown_critical: None,
            signed: x509.tbs_certificate.as_ref().to_vec(),
            signature: x509.signature_value.data.to_vec(),
            key,
        };
        certificate.read_extensions(&x509)?;
        Ok(certificate)
    }

    fn read_extensions(&mut self, x509: &X509Certificate<'_>) -> Result<(), String> {
        x509.extensions_map().map_err(|_| "has an extension twice".to_owned())?;
        for extension in x509.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::KeyUsage(usage) => {
                    self.usage = Some(Usage {
                        signs: usage.digital_signature() || usage.non_repudiation(),
                        issues: usage.key_cert_sign(),
                        revokes: usage.crl_sign(),
                    });
                }
                ParsedExtension::BasicConstraints(constraints) => self.is_authority = constraints.ca,
                ParsedExtension::ExtendedKeyUsage(usage) => self.is_time_stamping = usage.time_stamping,
                // They say where to look for something, or name someone: nothing that would forbid a use.
                ParsedExtension::SubjectAlternativeName(_)
                | ParsedExtension::CertificatePolicies(_)
                | ParsedExtension::AuthorityKeyIdentifier(_)
                | ParsedExtension::SubjectKeyIdentifier(_) => {}
                ParsedExtension::ParseError { .. } => {
                    return Err(format!("has an unreadable extension {}", extension.oid.to_id_string()));
                }
                _ if extension.critical => self.unknown_critical = Some(extension.oid.to_id_string()),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject_text
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer_text
    }

    pub(super) fn covers(&self, at: Time) -> bool {
        (self.valid_from..=self.valid_until).contains(&at)
    }

    /// Whether the key may sign seals and documents; `None` where the certificate does not say what it is for.
    pub(super) fn may_sign(&self) -> Option<bool> {
        self.usage.map(|usage| usage.signs)
    }

    /// Whether the key may make time-stamps.
    pub(super) fn may_stamp_time(&self) -> bool {
        self.is_time_stamping
    }

    /// A critical extension that nobody here knows.
    pub(super) fn unknown_critical(&self) -> Option<&str> {
        self.unknown_critical.as_deref()
    }

    /// Whether it is an authority's that may issue certificates.
    pub(super) fn may_issue(&self) -> bool {
        self.is_authority && self.usage.is_none_or(|usage| usage.issues)
    }

    /// Whether `issuer` has this certificate's issuer's name.
    pub(super) fn names_issuer(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
    }

    /// Whether `issuer` signed it.
    pub(super) fn is_issued_by(&self, issuer: &Self) -> bool {
        self.names_issuer(issuer) && issuer.verifies(&self.signed, &self.signature)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify(message, signature).is_ok()
    }

    /// Whether it is the one of this issuer and serial number, both as encoded.
    pub(super) fn is_named(&self, issuer: &[u8], serial: &[u8]) -> bool {
        self.issuer == issuer && self.serial == serial
    }
}

/// A list of revoked certificates, verified when it was read.
#[derive(Debug, Clone)]
pub(super) struct RevocationList {
    issuer: Vec<u8>,
    issuer_text: String,
    /// When a newer one should be there.
    pub(super) next_update: Option<Time>,
    revoked: Vec<(Vec<u8>, Time)>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl RevocationList {
    /// Reads a list.
    ///
    /// # Errors
    /// In words why it is none.
    pub(super) fn parse(der: &[u8]) -> Result<Self, String> {
        let parsed = CertificateRevocationList::from_der(der);
        let (rest, list) =
            parsed.map_err(|_| "is neither a certificate nor a revocation list in DER or PEM".to_owned())?;
        if !rest.is_empty() {
            return Err(format!("has {} bytes too many at its end", rest.len()));
        }
        let algorithm = algorithm_of(&list.signature_algorithm, &list.tbs_cert_list.signature)?;
        if algorithm != SM2_WITH_SM3 {
            return Err(format!("is signed by algorithm {algorithm}, must be SM2 with SM3, {SM2_WITH_SM3}"));
        }
        let one = |revoked: &x509_parser::revocation_list::RevokedCertificate<'_>| {
            Ok((revoked.raw_serial().to_vec(), time_of(revoked.revocation_date)?))
        };
        let revoked = list.iter_revoked_certificates().map(one).collect::<Result<_, String>>()?;
        Ok(Self {
            issuer: list.issuer().as_raw().to_vec(),
            issuer_text: name_text(list.issuer()),
            next_update: list.next_update().map(time_of).transpose()?,
            revoked,
            signed: list.tbs_cert_list.as_ref().to_vec(),
            signature: list.signature_value.data.to_vec(),
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer_text
    }

    /// Whether `authority` signed it and may.
    pub(super) fn is_signed_by(&self, authority: &Certificate) -> bool {
        self.issuer == authority.subject
            && authority.usage.is_none_or(|usage| usage.revokes || usage.issues)
            && authority.verifies(&self.signed, &self.signature)
    }

    /// Whether the list is about certificates of this one's issuer.
    pub(super) fn is_about(&self, certificate: &Certificate) -> bool {
        self.issuer == certificate.issuer
    }

    /// Since when a certificate is revoked.
    pub(super) fn revoked_since(&self, certificate: &Certificate) -> Option<Time> {
        let found = self.revoked.iter().find(|(serial, _)| self.is_about(certificate) && *serial == certificate.serial);
        found.map(|(_, since)| *since)
    }
}

/// The algorithm, which stands twice and must be the same.
fn algorithm_of(outer: &AlgorithmIdentifier<'_>, inner: &AlgorithmIdentifier<'_>) -> Result<String, String> {
    if outer != inner {
        return Err("names two algorithms, one within what is signed and another outside".to_owned());
    }
    Ok(outer.algorithm.to_id_string())
}

/// A name for people: what x509-parser makes of it, without control characters.
fn name_text(name: &X509Name<'_>) -> String {
    name.to_string().chars().filter(|character| !character.is_control()).collect()
}

fn time_of(time: ASN1Time) -> Result<Time, String> {
    let millis = time.timestamp().checked_mul(1_000).and_then(Time::from_millis);
    millis.ok_or_else(|| "has a time beyond the year 9999".to_owned())
}
