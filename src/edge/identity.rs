//! Who is at the other end: the SPIFFE ID in the URI name of a certificate (X.509-SVID).

use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::domain::id::{DomainName, SystemId};

/// Why a certificate names no system of this hub. TLS took it: one of the hub's authorities signed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There was none.
    #[error("the connection came without a certificate")]
    None,
    /// It does not read.
    #[error("the peer's certificate does not read")]
    Unreadable,
    /// It has no URI name, or several.
    #[error("the peer's certificate has {found} URI names: allowed is exactly one, {}", SystemId::FORM)]
    UriNames {
        /// How many it has.
        found: usize,
    },
    /// The URI is no system's.
    #[error("the URI name {uri:?} of the peer's certificate is no system's: allowed is {}", SystemId::FORM)]
    NotASystem {
        /// The URI, at most [`MAX_QUOTED`] characters of it.
        uri: String,
    },
    /// The system is of another trust domain.
    #[error("{system} is of the trust domain {}: allowed is {allowed}", system.trust_domain())]
    TrustDomain {
        /// The system.
        system: SystemId,
        /// The hub's trust domain.
        allowed: DomainName,
    },
}

/// How much of a foreign URI is quoted: enough to recognise any that was nearly right.
pub const MAX_QUOTED: usize = 320;

/// The system that a certificate (DER) names.
///
/// # Errors
/// When it names none, several, or one of another trust domain.
pub fn system_of(certificate: &[u8], trust_domain: &DomainName) -> Result<SystemId, Error> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| Error::Unreadable)?;
    let names = certificate.subject_alternative_name().map_err(|_| Error::Unreadable)?;
    let uris: Vec<&str> = names
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect();
    let [uri] = uris[..] else {
        return Err(Error::UriNames { found: uris.len() });
    };
    let system: SystemId =
        uri.parse().map_err(|_| Error::NotASystem { uri: uri.chars().take(MAX_QUOTED).collect() })?;
    if system.trust_domain() == trust_domain.as_str() {
        Ok(system)
    } else {
        Err(Error::TrustDomain { system, allowed: trust_domain.clone() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    const GOOD: &str = "spiffe://gov.example/department/11100000000013338W/system/registry";

    fn identify(names: &[&str]) -> Result<SystemId, Error> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.strip_prefix("dns:") {
                Some(dns) => SanType::DnsName(dns.try_into().unwrap()),
                None => SanType::URI((*name).try_into().unwrap()),
            })
            .collect();
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        system_of(certificate.der(), &"gov.example".parse().unwrap())
    }

    #[test]
    fn a_certificate_names_exactly_one_system_of_the_hubs_trust_domain() {
        assert_eq!(identify(&[GOOD]).unwrap().as_str(), GOOD);
        // Other kinds of names do no harm: SPIFFE allows them.
        assert_eq!(identify(&["dns:registry.example", GOOD]).unwrap().as_str(), GOOD);
        let bad_check_character = GOOD.replace("338W", "338X");
        let elsewhere = GOOD.replace("gov.example", "other.example");
        let table: [(&[&str], &str); 7] = [
            (&[], "the peer's certificate has 0 URI names: allowed is exactly one, spiffe://"),
            (&["dns:registry.example"], "the peer's certificate has 0 URI names"),
            (&[GOOD, "https://a.example"], "the peer's certificate has 2 URI names"),
            (&[GOOD, GOOD], "the peer's certificate has 2 URI names"),
            (&["https://a.example"], "the URI name \"https://a.example\" of the peer's certificate is no system's"),
            (&[&bad_check_character], "is no system's: allowed is spiffe://"),
            (&[&elsewhere], "is of the trust domain other.example: allowed is gov.example"),
        ];
        for (names, expected) in table {
            let error = identify(names).unwrap_err().to_string();
            assert!(error.contains(expected), "{names:?}: {error}");
        }
    }

    #[test]
    fn garbage_is_unreadable() {
        assert_eq!(system_of(b"garbage", &"gov.example".parse().unwrap()), Err(Error::Unreadable));
    }
}
