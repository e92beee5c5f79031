//! The issuer-signed JWT: a JWS in compact serialization (RFC 7515) with a record's header and no other.

use serde_json::{Map, Value};

use super::RECORD_TYP;
use crate::sign::encoding::{base64url, from_base64url};
use crate::sign::{Algorithm, Error, Signer, Verifier, json};

/// Signs `payload` under a record's header.
pub(super) fn sign(signer: &dyn Signer, payload: &str) -> Result<String, Error> {
    let (alg, kid) = (signer.algorithm().name(), signer.kid());
    let header = format!(r#"{{"alg":"{alg}","typ":"{RECORD_TYP}","kid":"{kid}"}}"#);
    let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(payload.as_bytes()));
    let signature = signer.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", base64url(&signature)))
}

/// The payload of a JWT that `verifier`'s key has signed: header first, then signature, then anything else.
pub(super) fn verify(jwt: &str, verifier: &dyn Verifier) -> Result<Map<String, Value>, Error> {
    let header = record_header(jwt, verifier.algorithm())?;
    if header != verifier.kid() {
        return Err(Error::Kid { found: header, expected: verifier.kid().to_owned() });
    }
    let (signed, signature) = jwt.rsplit_once('.').ok_or(Error::JwtParts)?;
    verifier.verify(signed.as_bytes(), &from_base64url("the JWT's signature", signature)?)?;
    payload_unverified(jwt)
}

/// The payload, whoever signed it.
pub(super) fn payload_unverified(jwt: &str) -> Result<Map<String, Value>, Error> {
    let [_, payload, _] = parts(jwt)?;
    json::object("the JWT's payload", &from_base64url("the JWT's payload", payload)?)
}

/// The `kid` of a header that is a record's.
pub(super) fn record_kid(jwt: &str) -> Result<String, Error> {
    record_header(jwt, Algorithm::EdDsa)
}

/// A record's header has exactly three parameters. `crit` and everything else that could change what a signature
/// means is therefore refused, `none` with all algorithms but the key's own.
fn record_header(jwt: &str, algorithm: Algorithm) -> Result<String, Error> {
    let [header, _, _] = parts(jwt)?;
    let header = json::object("the JWT's header", &from_base64url("the JWT's header", header)?)?;
    for (name, expected) in [("alg", algorithm.name()), ("typ", RECORD_TYP)] {
        if header.get(name).and_then(Value::as_str) != Some(expected) {
            return Err(Error::Header { name, expected: expected.to_owned() });
        }
    }
    if let Some(name) = header.keys().find(|name| !["alg", "typ", "kid"].contains(&name.as_str())) {
        return Err(Error::HeaderExtra { name: name.clone() });
    }
    let kid = header.get("kid").and_then(Value::as_str);
    kid.map(str::to_owned).ok_or_else(|| Error::Header { name: "kid", expected: "a text".to_owned() })
}

/// Checks that `jwt` has three parts of base64url's characters.
pub(super) fn require_form(jwt: &str) -> Result<(), Error> {
    parts(jwt)?.into_iter().try_for_each(|part| require_base64url("a part of the JWT", part))
}

/// Checks the alphabet; padding bits are checked where the text is decoded.
pub(super) fn require_base64url(what: &'static str, text: &str) -> Result<(), Error> {
    // Without a branch for each byte, so that the compiler makes it many bytes at a time.
    let allowed = text.bytes().fold(true, |allowed, byte| allowed & is_base64url(byte));
    if text.is_empty() || !allowed {
        return Err(Error::Base64 { what, alphabet: "base64url without padding" });
    }
    Ok(())
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_lowercase() | byte.is_ascii_uppercase() | byte.is_ascii_digit() | (byte == b'-') | (byte == b'_')
}

fn parts(jwt: &str) -> Result<[&str; 3], Error> {
    let mut parts = jwt.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) if ![header, payload, signature].contains(&"") => {
            Ok([header, payload, signature])
        }
        _ => Err(Error::JwtParts),
    }
}
