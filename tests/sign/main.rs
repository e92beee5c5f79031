//! The formats of `hutong::sign` against golden vectors, other implementations, forgeries and arbitrary input.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dsse;
mod forgeries;
mod properties;
mod rfc9901;
mod strictness;
mod vectors;

use std::sync::Mutex;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hutong::sign::sd_jwt::{RecordClaims, issue};
use hutong::sign::{Error, Random, Secret, Signer as _, SigningKey, sha256};
use serde_json::{Value, json};

/// The key of `key.json`.
fn key() -> SigningKey {
    SigningKey::from_seed(&Secret::from_bytes(&sha256(b"vector seed 0"))).unwrap()
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn from_base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Known bytes in place of random ones; fails when they have run out.
struct Tape(Mutex<Vec<u8>>);

impl Tape {
    fn new(bytes: Vec<u8>) -> Self {
        Self(Mutex::new(bytes))
    }
}

impl Random for Tape {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        let mut tape = self.0.lock().unwrap();
        if tape.len() < out.len() {
            return Err(Error::Randomness);
        }
        let rest = tape.split_off(out.len());
        out.copy_from_slice(&tape);
        *tape = rest;
        Ok(())
    }
}

fn claims() -> RecordClaims {
    RecordClaims {
        iss: "11100000MB0327169X".into(),
        vct: "business-licence.v3".into(),
        jti: [7; 32],
        ver: 1,
        iat: 1_790_000_000,
    }
}

/// Salts that differ, for `fields` fields.
fn salts(fields: usize) -> Tape {
    Tape::new((0..fields).flat_map(|field| sha256(&field.to_be_bytes())[..16].to_vec()).collect())
}

/// A record of three fields.
fn record() -> String {
    let fields = [("name".into(), json!("甲")), ("until".into(), Value::Null), ("capital".into(), json!(100))];
    issue(&key(), &salts(3), &claims(), &fields).unwrap()
}

/// A JWT of any header and payload, truly signed.
fn jwt(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", base64url(header), base64url(payload));
    let signature = key().sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", base64url(signature))
}
