//! What to do about a connection that does not come about: the commonest mistakes of a new system, each with its remedy.

use std::{error::Error as StdError, io};

use rustls::{CertificateError as Certificate, Error as Tls};

/// What is wrong with the connection that an error and its causes tell of, and what helps; `None` where nothing more is known.
pub(super) fn advice(error: Cause<'_>) -> Option<&'static str> {
    causes(error).find_map(|cause| {
        if let Some(alert) = alert_of(cause) {
            return of_alert(&alert);
        }
        match tls_of(cause) {
            Some(tls) => of_tls(tls),
            None => of_io(cause.downcast_ref::<io::Error>()?.kind()),
        }
    })
}

/// Whether the hub turned this system's certificate away. To ask again would lead to the same answer.
pub(super) fn is_turned_away(error: Cause<'_>) -> bool {
    causes(error).filter_map(alert_of).any(|alert| of_alert(&alert).is_some())
}

type Cause<'e> = &'e (dyn StdError + 'static);

fn causes(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(Some(error), |error: &Cause<'_>| StdError::source(*error))
}

/// The error of TLS that a cause is, or holds.
fn tls_of(cause: Cause<'_>) -> Option<&Tls> {
    let held = || cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<Tls>();
    cause.downcast_ref::<Tls>().or_else(held)
}

/// The alert that the hub sent, by its name. HTTP/2 keeps of it no more than the words of TLS.
fn alert_of(cause: Cause<'_>) -> Option<String> {
    if let Some(Tls::AlertReceived(alert)) = tls_of(cause) {
        return Some(format!("{alert:?}"));
    }
    let said = cause.to_string();
    said.rsplit_once("received fatal alert: ").map(|(_, alert)| alert.to_owned())
}

fn of_tls(error: &Tls) -> Option<&'static str> {
    match error {
        Tls::InvalidCertificate(certificate) => of_certificate(certificate),
        Tls::InconsistentKeys(_) => Some(
            "`certificate` and `private_key` in the profile do not belong together: name the key with which this certificate was made",
        ),
        Tls::PeerIncompatible(_) | Tls::InvalidMessage(_) => Some(
            "what listens there speaks no TLS 1.3, or is no hub: `hub` in the profile is the address at which the hub itself takes calls",
        ),
        _ => None,
    }
}

/// What is wrong with the hub's certificate, as this system sees it.
fn of_certificate(error: &Certificate) -> Option<&'static str> {
    match error {
        Certificate::UnknownIssuer | Certificate::BadSignature => Some(
            "`ca` in the profile is not the authority of the hub's certificate: have the hub's ca.pem from its administrator",
        ),
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            Some("`server_name` in the profile must be one of the names in the hub's certificate")
        }
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            Some("the hub's certificate has ended: its administrator renews it; or this machine's clock is ahead")
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            Some("the hub's certificate is not valid yet: this machine's clock is behind, set it")
        }
        _ => None,
    }
}

/// What is wrong with this system's certificate, as the hub says by the name of an alert.
fn of_alert(alert: &str) -> Option<&'static str> {
    match alert {
        "UnknownCA" | "BadCertificate" | "DecryptError" => Some(
            "the hub does not take this system's certificate: it must be signed by one of the authorities of the hub's `tls.client_ca`, \
             and by one that is in its lists of revoked certificates, if it has such lists",
        ),
        "CertificateRevoked" => Some(
            "this system's certificate was revoked: have another issued, and name it as `certificate` in the profile",
        ),
        "CertificateExpired" => Some(
            "this system's certificate has ended: have another issued, and name it as `certificate` in the profile",
        ),
        "CertificateRequired" => Some("the hub wants a certificate: `certificate` in the profile names this system's"),
        "UnsupportedCertificate" | "CertificateUnknown" => Some(
            "the hub does not take this kind of certificate: it must be a client's (extended key usage clientAuth)",
        ),
        _ => None,
    }
}

fn of_io(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some(
            "nothing listens there: is the hub running, and is `hub` in the profile the address that `hutong serve` prints?",
        ),
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(
            "nothing answers there: is `hub` in the profile the right address, and does a firewall let this machine through?",
        ),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use rustls::AlertDescription as Alert;

    use super::*;

    /// An error that another caused, as transports nest them.
    #[derive(Debug, thiserror::Error)]
    #[error("transport error")]
    struct Nested(#[source] Box<dyn StdError + Send + Sync>);

    #[test]
    fn the_last_cause_is_found_however_deep_it_lies() {
        let tls = |error: Tls| Nested(Nested(io::Error::new(io::ErrorKind::InvalidData, error).into()).into());
        for (error, said) in [
            (tls(Tls::InvalidCertificate(Certificate::UnknownIssuer)), "`ca`"),
            (tls(Tls::InvalidCertificate(Certificate::NotValidForName)), "`server_name`"),
            (tls(Tls::AlertReceived(Alert::CertificateRevoked)), "was revoked"),
            (Nested(Tls::AlertReceived(Alert::UnknownCA).into()), "`tls.client_ca`"),
            (Nested(io::Error::from(io::ErrorKind::ConnectionRefused).into()), "nothing listens there"),
            // What HTTP/2 leaves of an alert.
            (
                Nested(io::Error::new(io::ErrorKind::InvalidData, "received fatal alert: CertificateExpired").into()),
                "has ended",
            ),
        ] {
            assert!(advice(&error).unwrap().contains(said), "{said}");
        }
        assert_eq!(advice(&Nested(io::Error::other("something else").into())), None);
    }

    #[test]
    fn alerts_have_the_names_that_tls_gives_them() {
        for alert in [Alert::UnknownCA, Alert::BadCertificate, Alert::DecryptError, Alert::CertificateRevoked] {
            let said = Tls::AlertReceived(alert).to_string();
            assert!(is_turned_away(&io::Error::other(said.clone())), "{said}");
        }
        let rest = [Alert::CertificateExpired, Alert::CertificateRequired, Alert::UnsupportedCertificate];
        for alert in rest.into_iter().chain([Alert::CertificateUnknown]) {
            assert!(is_turned_away(&Tls::AlertReceived(alert)), "{alert:?}");
        }
    }

    #[test]
    fn only_what_the_hub_said_of_the_certificate_turns_away() {
        let alert = |alert| io::Error::new(io::ErrorKind::InvalidData, Tls::AlertReceived(alert));
        assert!(is_turned_away(&alert(Alert::CertificateRevoked)));
        assert!(!is_turned_away(&alert(Alert::InternalError)));
        assert!(!is_turned_away(&io::Error::from(io::ErrorKind::ConnectionReset)));
    }
}
