//! The authority's list of revoked certificates (CRL, RFC 5280).

use std::collections::BTreeMap;

use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber, date_time_ymd};
use x509_parser::{
    pem::parse_x509_pem,
    prelude::{CertificateRevocationList, FromDer as _},
};

use super::{Authority, CA_CERTIFICATE, Error, days_after, midnight};
use crate::domain::time::Time;

/// The authority's list of revoked certificates, in its folder.
pub const CRL: &str = "ca.crl.pem";
/// How long a list is valid where nothing else is said: long enough for a development hub to be left alone for a while.
pub const CRL_DAYS: i32 = 30;

/// A list of revoked certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocations {
    /// The list, PEM.
    pub crl: String,
    /// How many certificates are on it.
    pub count: usize,
}

impl Authority {
    /// A list of what an earlier list revoked and of these certificates (PEM), valid for so many days.
    ///
    /// # Errors
    /// [`Error::Revoked`] where one of these is no certificate of this authority's, or the earlier list is none;
    /// [`Error::Make`], [`Error::Calendar`].
    pub fn revoke(
        &self,
        earlier: Option<&str>,
        certificates: &[String],
        now: Time,
        days: i32,
    ) -> Result<Revocations, Error> {
        let today = now.civil_day(0);
        let mut revoked = BTreeMap::new();
        if let Some(earlier) = earlier {
            let wrong = || Error::Revoked { problem: "the earlier list does not read".to_owned() };
            let (_, pem) = parse_x509_pem(earlier.as_bytes()).map_err(|_| wrong())?;
            let (_, list) = CertificateRevocationList::from_der(&pem.contents).map_err(|_| wrong())?;
            revoked.extend(list.iter_revoked_certificates().map(|entry| {
                let serial = entry.raw_serial().to_vec();
                (serial, entry.revocation_date.to_datetime())
            }));
        }
        for certificate in certificates {
            revoked.entry(self.serial_of(certificate)?).or_insert_with(|| midnight!(today));
        }
        let count = revoked.len();
        let revoked = revoked.into_iter().map(|(serial, revocation_time)| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&serial),
            revocation_time,
            reason_code: None,
            invalidity_date: None,
        });
        let last_day = days_after(today, days)?.min(self.last_day);
        let list = CertificateRevocationListParams {
            this_update: midnight!(today),
            next_update: midnight!(last_day),
            crl_number: SerialNumber::from(now.as_millis().unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let failed = |source| Error::Make { subject: "the list of revoked certificates".to_owned(), source };
        let crl = list.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(failed)?;
        Ok(Revocations { crl, count })
    }

    /// The serial number of a certificate that this authority issued.
    fn serial_of(&self, certificate: &str) -> Result<Vec<u8>, Error> {
        let wrong = |problem: &str| Error::Revoked { problem: problem.to_owned() };
        let (_, own) = parse_x509_pem(self.issued.certificate.as_bytes()).map_err(|_| wrong(CA_CERTIFICATE))?;
        let own = own.parse_x509().map_err(|_| wrong(CA_CERTIFICATE))?;
        let (_, pem) = parse_x509_pem(certificate.as_bytes()).map_err(|_| wrong("it is no certificate in PEM"))?;
        let parsed = pem.parse_x509().map_err(|_| wrong("it is no certificate in PEM"))?;
        if parsed.issuer().as_raw() != own.subject().as_raw() {
            return Err(wrong("another authority issued it"));
        }
        Ok(parsed.raw_serial().to_vec())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_what_earlier_ones_revoked_and_takes_nothing_of_other_authorities() {
        let now = Time::from_millis(1_780_000_000_000).unwrap();
        let today = now.civil_day(0);
        let (one, other) = (Authority::new("One", today).unwrap(), Authority::new("Other", today).unwrap());
        let issue = |authority: &Authority, name: &str| authority.issue_server(&[name.to_owned()], today).unwrap();
        let (a, b) = (issue(&one, "a").certificate, issue(&one, "b").certificate);
        let first = one.revoke(None, std::slice::from_ref(&a), now, CRL_DAYS).unwrap();
        let second = one.revoke(Some(&first.crl), &[a, b], now, CRL_DAYS).unwrap();
        assert_eq!((first.count, second.count), (1, 2));
        assert_eq!(one.revoke(Some(&second.crl), &[], now, CRL_DAYS).unwrap().count, 2);

        let foreign = one.revoke(None, &[issue(&other, "a").certificate], now, CRL_DAYS);
        assert!(matches!(foreign, Err(Error::Revoked { problem }) if problem.contains("another authority")));
        assert!(matches!(one.revoke(Some("none"), &[], now, CRL_DAYS), Err(Error::Revoked { .. })));
    }
}
