//! Envelopes against another implementation of DSSE, both ways.

use hutong::sign::dsse::{Envelope, pae};
use hutong::sign::{Signer as _, Verifier as _};

use crate::key;

struct Ours;

impl ::dsse::Signer for Ours {
    fn sign(&self, message: &[u8]) -> ::dsse::Result<Vec<u8>> {
        Ok(key().sign(message).unwrap())
    }

    fn key_id(&self) -> Option<String> {
        Some(key().kid().to_owned())
    }
}

impl ::dsse::Verifier for Ours {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        key().verifying_key().verify(message, signature).is_ok()
    }
}

#[test]
fn the_encoding_is_the_same() {
    for (payload_type, payload) in [("", &b""[..]), ("t", b"\0"), ("类型", "正文".as_bytes())] {
        assert_eq!(pae(payload_type, payload), ::dsse::pae(payload_type, payload));
    }
}

#[test]
fn others_verify_what_we_export() {
    let envelope = Envelope::sign(&key(), "application/x", b"\xfb\xff payload".to_vec()).unwrap();
    let theirs = ::dsse::Envelope::from_json(envelope.to_json().as_bytes()).unwrap();
    let verified = ::dsse::verify(&theirs, &[&Ours], 1).unwrap();
    assert_eq!(
        (verified.payload_type.as_str(), verified.payload.as_slice()),
        ("application/x", &b"\xfb\xff payload"[..])
    );
}

#[test]
fn we_verify_what_others_export() {
    let theirs = ::dsse::sign("application/x", b"payload", &Ours).unwrap();
    let envelope = Envelope::from_json(std::str::from_utf8(&theirs.to_json().unwrap()).unwrap()).unwrap();
    assert_eq!(envelope.verify_sole(key().verifying_key()).unwrap(), b"payload");
    assert_eq!(envelope.verify_any(key().verifying_key()).unwrap(), b"payload");
}
