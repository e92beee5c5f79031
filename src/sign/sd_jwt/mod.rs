//! Records: SD-JWTs (RFC 9901) signed by the provider, released field by field.
//!
//! ```text
//! <header>.<payload>.<signature>~<disclosure>~…~
//!
//! header      {"alg":"EdDSA","typ":"hutong-record+sd-jwt","kid":…}
//! payload     {"iss":…,"vct":…,"jti":…,"ver":…,"iat":…,"_sd_alg":"sha-256","_sd":[sorted digests]}
//! disclosure  base64url of [salt, field code, value]; its digest is SHA-256 over the base64url text
//! ```
//!
//! The provider [`issue`]s, the hub checks that a record [`check_complete`] is and [`SdJwt::select`]s what an agreement
//! allows, the consumer [`verify`]s. Disclosures are kept as the strings received and never made anew. [`process`] is
//! the standard's general algorithm, of which a record uses the flat part: no nesting, no decoys, no key binding.

mod complete;
mod jws;
mod process;
mod record;

pub use complete::{Fault, Violation, check_complete};
pub use process::process;
pub use record::{Expected, RecordClaims, VerifiedRecord, issue, verify};

use std::borrow::Cow;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::encoding::{from_base64url, into_base64url};
use super::{Error, sha256};

/// The `typ` of a record's JOSE header.
pub const RECORD_TYP: &str = "hutong-record+sd-jwt";

/// Longest SD-JWT read, in bytes: a record of [`MAX_DISCLOSURES`] fields of some 700 bytes of text each, and a quarter of
/// the 4 MiB that gRPC implementations take for one message.
pub const MAX_BYTES: usize = 1 << 20;

/// Most fields of a record: five times the longest licence template known, so that it bounds work and nobody's data.
pub const MAX_DISCLOSURES: usize = 1024;

/// An SD-JWT taken apart, nothing decoded or verified yet. Borrows the text.
#[derive(Debug, Clone)]
pub struct SdJwt<'a> {
    jwt: &'a str,
    disclosures: Vec<&'a str>,
}

impl<'a> SdJwt<'a> {
    /// Takes the compact serialization apart. Each part has base64url's characters and is not empty.
    ///
    /// # Errors
    /// A missing final `~`, a key binding JWT, other characters, too long or too many disclosures.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        require_bound("bytes of an SD-JWT", text.len(), MAX_BYTES)?;
        let mut parts = text.split('~');
        match parts.next_back() {
            Some("") if !text.is_empty() => {}
            Some(last) if last.contains('.') && last.len() < text.len() => return Err(Error::KeyBinding),
            _ => return Err(Error::MissingFinalTilde),
        }
        let jwt = parts.next().ok_or(Error::MissingFinalTilde)?;
        let disclosures: Vec<_> = parts.collect();
        require_bound("disclosures of an SD-JWT", disclosures.len(), MAX_DISCLOSURES)?;
        jws::require_form(jwt)?;
        for disclosure in &disclosures {
            jws::require_base64url("a disclosure", disclosure)?;
        }
        Ok(Self { jwt, disclosures })
    }

    /// The issuer-signed JWT.
    #[must_use]
    pub fn jwt(&self) -> &'a str {
        self.jwt
    }

    /// The disclosures, as received and in their order.
    #[must_use]
    pub fn disclosures(&self) -> &[&'a str] {
        &self.disclosures
    }

    /// SHA-256 of the issuer-signed JWT: the record version's name in publications and outcomes.
    #[must_use]
    pub fn jwt_hash(&self) -> [u8; 32] {
        sha256(self.jwt.as_bytes())
    }

    /// The `kid` of the header, not verified: it says which key to verify with.
    ///
    /// # Errors
    /// A header that is not a record's.
    pub fn kid(&self) -> Result<String, Error> {
        jws::record_kid(self.jwt)
    }

    /// The claims that are always disclosed, of their form but **not verified**.
    ///
    /// # Errors
    /// A payload that is not a record's.
    pub fn claims_unverified(&self) -> Result<RecordClaims, Error> {
        record::Payload::read(&jws::payload_unverified(self.jwt)?).map(|payload| payload.claims)
    }

    /// The field codes of the disclosures, in their order.
    ///
    /// # Errors
    /// A disclosure that is not of a field.
    pub fn fields(&self) -> Result<Vec<String>, Error> {
        let mut decoded = Vec::new();
        let mut code = |(position, disclosure): (usize, &&str)| {
            field_code(position, disclosure, &mut decoded).map(Cow::into_owned)
        };
        self.disclosures.iter().enumerate().map(&mut code).collect()
    }

    /// The fields with their values, in the order of the disclosures, of their form but **not verified**.
    ///
    /// # Errors
    /// A disclosure that is not of a field.
    pub fn values(&self) -> Result<Vec<(String, Value)>, Error> {
        self.disclosures.iter().enumerate().map(|(position, disclosure)| field_value(position, disclosure)).collect()
    }

    /// The presentation `<jwt>~<disclosure>~…~` with exactly the disclosures of `fields`, in the record's order. Verifies
    /// nothing: whoever holds the record has verified it when it came.
    ///
    /// # Errors
    /// [`Error::NoSuchField`] for a field the record does not have, [`Error::FieldName`] for one it has twice, and for a
    /// disclosure that is not of a field.
    pub fn select(&self, fields: &[&str]) -> Result<String, Error> {
        let most = self.disclosures.iter().map(|disclosure| disclosure.len() + 1).sum::<usize>();
        let mut presentation = String::with_capacity(self.jwt.len() + 1 + most);
        presentation.push_str(self.jwt);
        presentation.push('~');
        let mut times = vec![0_usize; fields.len()];
        let mut decoded = Vec::new();
        for (position, disclosure) in self.disclosures.iter().enumerate() {
            let code = field_code(position, disclosure, &mut decoded)?;
            let asked = fields.iter().zip(&mut times).filter(|(field, _)| **field == code);
            if asked.map(|(_, times)| *times += 1).count() > 0 {
                presentation.push_str(disclosure);
                presentation.push('~');
            }
        }
        for (field, times) in fields.iter().zip(times) {
            match times {
                0 => return Err(Error::NoSuchField { name: (*field).to_owned() }),
                1 => {}
                _ => return Err(Error::FieldName { name: (*field).to_owned() }),
            }
        }
        Ok(presentation)
    }
}

/// `sd_hash` of RFC 9901 §4.3.1: SHA-256 of the presentation's ASCII, final `~` included.
#[must_use]
pub fn sd_hash(presentation: &str) -> [u8; 32] {
    sha256(presentation.as_bytes())
}

/// The compact serialization.
fn join<'d>(jwt: &str, disclosures: impl Iterator<Item = &'d str>) -> String {
    let mut text = format!("{jwt}~");
    for disclosure in disclosures {
        text.push_str(disclosure);
        text.push('~');
    }
    text
}

/// The field code of `[salt, field code, value]`, without keeping the rest.
fn field_code<'d>(position: usize, disclosure: &str, decoded: &'d mut Vec<u8>) -> Result<Cow<'d, str>, Error> {
    /// A text that is borrowed where it has no escapes.
    #[derive(Deserialize)]
    struct Code<'d>(#[serde(borrow)] Cow<'d, str>);

    into_base64url("a disclosure", disclosure, decoded)?;
    serde_json::from_slice::<(IgnoredAny, Code<'d>, IgnoredAny)>(decoded)
        .map(|(_, Code(code), _)| code)
        .map_err(|_| Error::DisclosureForm { position, expected: process::PROPERTY_FORM })
}

/// The field code and the value of `[salt, field code, value]`.
fn field_value(position: usize, disclosure: &str) -> Result<(String, Value), Error> {
    let bytes = from_base64url("a disclosure", disclosure)?;
    serde_json::from_slice::<(IgnoredAny, String, Value)>(&bytes)
        .map(|(_, code, value)| (code, value))
        .map_err(|_| Error::DisclosureForm { position, expected: process::PROPERTY_FORM })
}

/// `base64url(SHA-256(disclosure))`, over the text of the disclosure.
fn digest(disclosure: &str) -> String {
    super::encoding::base64url(&sha256(disclosure.as_bytes()))
}

fn require_bound(what: &'static str, found: usize, bound: usize) -> Result<(), Error> {
    if found <= bound { Ok(()) } else { Err(Error::AboveBound { what, found: found as u64, bound: bound as u64 }) }
}
