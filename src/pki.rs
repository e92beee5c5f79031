//! A certificate authority for development and tests: ECDSA P-256 certificates of exactly the profile that the hub
//! expects of a production CA (`certs/README.md`).

mod crl;

use std::path::Path;

pub use crl::{CRL, CRL_DAYS, Revocations};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};
use x509_parser::pem::parse_x509_pem;
use zeroize::Zeroizing;

use crate::{
    domain::{
        id::SystemId,
        time::{Date, Time},
    },
    files,
};

/// How long the authority itself is valid: a development hub's log is one year's, and its receipts are looked at later.
pub const AUTHORITY_DAYS: i32 = 3650;
/// How long a server's or a system's certificate is valid: 13 months, so that a yearly renewal has a month to spare.
pub const LEAF_DAYS: i32 = 397;
/// The authority's certificate in its folder.
pub const CA_CERTIFICATE: &str = "ca.pem";
/// The authority's private key in its folder.
pub const CA_KEY: &str = "ca.key";

/// What goes wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate could not be made.
    #[error("cannot make a certificate for {subject}: {source}")]
    Make {
        /// For whom.
        subject: String,
        /// Why not.
        source: rcgen::Error,
    },
    /// The authority's files are not what they should be.
    #[error("{file} in {folder} is no certificate authority's: {problem}")]
    Authority {
        /// Which file.
        file: &'static str,
        /// Of which folder.
        folder: String,
        /// What is wrong.
        problem: String,
    },
    /// The authority has expired.
    #[error("the certificate authority expired on {0}: make a new one")]
    Expired(Date),
    /// A date beyond the calendar.
    #[error("{0} is too late a date for certificates")]
    Calendar(Date),
    /// A server without a name.
    #[error("a server's certificate needs a name: a DNS name or an IP address")]
    NoName,
    /// What was to be revoked cannot be.
    #[error("the list of revoked certificates cannot be made: {problem}")]
    Revoked {
        /// What is wrong, and with which.
        problem: String,
    },
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] files::Error),
}

/// A certificate with its private key.
#[derive(Clone)]
pub struct Issued {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PKCS#8 PEM.
    pub key: Zeroizing<String>,
}

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    issued: Issued,
    last_day: Date,
}

impl Authority {
    /// A new authority of this name, valid from the day before `today`.
    ///
    /// # Errors
    /// [`Error::Make`], [`Error::Calendar`].
    pub fn new(name: &str, today: Date) -> Result<Self, Error> {
        let failed = |source| Error::Make { subject: name.to_owned(), source };
        let last_day = days_after(today, AUTHORITY_DAYS)?;
        let mut params = params(&[(DnType::CommonName, name)], today, last_day)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        let issued = Issued { certificate, key: Zeroizing::new(key.serialize_pem()) };
        Ok(Self { issuer: Issuer::new(params, key), issued, last_day })
    }

    /// The authority whose `ca.pem` and `ca.key` lie in a folder.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Authority`] when they are something else or do not belong together.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let wrong = |file, problem: String| Error::Authority { file, folder: folder.display().to_string(), problem };
        let certificate = files::read_text(&folder.join(CA_CERTIFICATE))?;
        let key = files::read_secret(&folder.join(CA_KEY))?;

        let (_, pem) =
            parse_x509_pem(certificate.as_bytes()).map_err(|error| wrong(CA_CERTIFICATE, error.to_string()))?;
        let parsed = pem.parse_x509().map_err(|error| wrong(CA_CERTIFICATE, error.to_string()))?;
        if !parsed.is_ca() {
            return Err(wrong(CA_CERTIFICATE, "the certificate is not a CA's".to_owned()));
        }
        let pair = KeyPair::from_pem_and_sign_algo(&key, &PKCS_ECDSA_P256_SHA256)
            .map_err(|error| wrong(CA_KEY, error.to_string()))?;
        if pair.public_key_raw() != parsed.public_key().subject_public_key.data.as_ref() {
            return Err(wrong(CA_KEY, format!("it is not the key of {CA_CERTIFICATE}")));
        }
        let end = parsed.validity().not_after.timestamp().saturating_mul(1000);
        let last_day = Time::from_millis(end).map_or(Date::MAX, |end| end.civil_day(0));
        let issuer =
            Issuer::from_ca_cert_pem(&certificate, pair).map_err(|error| wrong(CA_CERTIFICATE, error.to_string()))?;
        Ok(Self { issuer, issued: Issued { certificate, key }, last_day })
    }

    /// The authority's own certificate and key.
    pub fn own(&self) -> &Issued {
        &self.issued
    }

    /// A certificate for a hub that is reached by these DNS names and IP addresses.
    ///
    /// # Errors
    /// [`Error::NoName`], [`Error::Make`], [`Error::Expired`].
    pub fn issue_server(&self, names: &[String], today: Date) -> Result<Issued, Error> {
        let first = names.first().ok_or(Error::NoName)?;
        let mut params = self.leaf(&[(DnType::CommonName, first)], ExtendedKeyUsagePurpose::ServerAuth, today)?;
        let failed = |source| Error::Make { subject: names.join(", "), source };
        params.subject_alt_names = CertificateParams::new(names).map_err(failed)?.subject_alt_names;
        self.sign(&params, first)
    }

    /// A certificate for a department's system.
    ///
    /// # Errors
    /// [`Error::Make`], [`Error::Expired`].
    pub fn issue_system(&self, system: &SystemId, today: Date) -> Result<Issued, Error> {
        let subject = [(DnType::OrganizationName, system.department().as_str()), (DnType::CommonName, system.name())];
        let mut params = self.leaf(&subject, ExtendedKeyUsagePurpose::ClientAuth, today)?;
        let failed = |source| Error::Make { subject: system.to_string(), source };
        params.subject_alt_names = vec![SanType::URI(system.as_str().try_into().map_err(failed)?)];
        self.sign(&params, system.as_str())
    }

    fn leaf(
        &self,
        subject: &[(DnType, &str)],
        usage: ExtendedKeyUsagePurpose,
        today: Date,
    ) -> Result<CertificateParams, Error> {
        if self.last_day <= today {
            return Err(Error::Expired(self.last_day));
        }
        // A certificate that outlives its issuer is only seemingly valid.
        let mut params = params(subject, today, days_after(today, LEAF_DAYS)?.min(self.last_day))?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }

    fn sign(&self, params: &CertificateParams, subject: &str) -> Result<Issued, Error> {
        let failed = |source| Error::Make { subject: subject.to_owned(), source };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        Ok(Issued { certificate, key: Zeroizing::new(key.serialize_pem()) })
    }
}

/// 00:00 UTC of a day. A macro, because the type of the value is not of this crate's dependencies.
macro_rules! midnight {
    ($day:expr) => {
        date_time_ymd(i32::from($day.year()), $day.month().unsigned_abs(), $day.day().unsigned_abs())
    };
}

use midnight;

/// Valid from the day before, so that a peer whose clock is behind, or west of Greenwich, takes it at once.
fn params(subject: &[(DnType, &str)], today: Date, last_day: Date) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in subject {
        params.distinguished_name.push(kind.clone(), *value);
    }
    let first_day = days_after(today, -1)?;
    (params.not_before, params.not_after) = (midnight!(first_day), midnight!(last_day));
    Ok(params)
}

fn days_after(day: Date, days: i32) -> Result<Date, Error> {
    day.checked_add(jiff::Span::new().days(days)).map_err(|_| Error::Calendar(day))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use x509_parser::prelude::GeneralName;

    use super::*;

    const TODAY: Date = Date::constant(2026, 3, 1);

    fn inspect(issued: &Issued, check: impl FnOnce(&x509_parser::certificate::X509Certificate<'_>)) {
        let (_, pem) = parse_x509_pem(issued.certificate.as_bytes()).unwrap();
        check(&pem.parse_x509().unwrap());
    }

    #[test]
    fn a_systems_certificate_names_it_once_and_is_for_clients_alone() {
        let id: SystemId = "spiffe://gov.example/department/11100000000013338W/system/registry".parse().unwrap();
        let issued = Authority::new("Test CA", TODAY).unwrap().issue_system(&id, TODAY).unwrap();
        inspect(&issued, |certificate| {
            let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
            assert_eq!(names, &[GeneralName::URI(id.as_str())]);
            let usage = certificate.extended_key_usage().unwrap().unwrap().value;
            assert!(usage.client_auth && !usage.server_auth);
            assert!(!certificate.is_ca());
            let validity = certificate.validity();
            let days = (validity.not_after.timestamp() - validity.not_before.timestamp()) / 86_400;
            assert_eq!(days, i64::from(LEAF_DAYS) + 1);
        });
    }

    #[test]
    fn an_authority_reads_back_and_nothing_outlives_it() {
        let folder = tempfile::tempdir().unwrap();
        let made = Authority::new("Test CA", TODAY).unwrap();
        files::create(&folder.path().join(CA_CERTIFICATE), made.own().certificate.as_bytes(), files::Readable::ByAll)
            .unwrap();
        files::create(&folder.path().join(CA_KEY), made.own().key.as_bytes(), files::Readable::ByOwner).unwrap();
        let opened = Authority::open(folder.path()).unwrap();
        assert_eq!(opened.last_day, made.last_day);

        let near_its_end = days_after(made.last_day, -10).unwrap();
        let issued = opened.issue_server(&["localhost".to_owned(), "127.0.0.1".to_owned()], near_its_end).unwrap();
        inspect(&issued, |certificate| {
            let end = Time::from_millis(certificate.validity().not_after.timestamp() * 1000).unwrap();
            assert_eq!(end.civil_day(0), made.last_day);
            let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
            assert_eq!(names, &[GeneralName::DNSName("localhost"), GeneralName::IPAddress(&[127, 0, 0, 1])]);
        });
        assert!(matches!(opened.issue_server(&["a".to_owned()], made.last_day), Err(Error::Expired(_))));
        assert!(matches!(opened.issue_server(&[], TODAY), Err(Error::NoName)));
    }

    #[test]
    fn files_that_do_not_belong_together_are_no_authority() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Authority::new("One", TODAY).unwrap(), Authority::new("Other", TODAY).unwrap());
        let write = |name: &str, text: &str, readable| {
            let _ = std::fs::remove_file(folder.path().join(name));
            files::create(&folder.path().join(name), text.as_bytes(), readable).unwrap();
        };
        write(CA_CERTIFICATE, &one.own().certificate, files::Readable::ByAll);
        write(CA_KEY, &other.own().key, files::Readable::ByOwner);
        assert!(matches!(Authority::open(folder.path()), Err(Error::Authority { file: CA_KEY, .. })));

        let leaf = one.issue_server(&["localhost".to_owned()], TODAY).unwrap();
        write(CA_CERTIFICATE, &leaf.certificate, files::Readable::ByAll);
        write(CA_KEY, &leaf.key, files::Readable::ByOwner);
        assert!(matches!(Authority::open(folder.path()), Err(Error::Authority { file: CA_CERTIFICATE, .. })));
    }
}
