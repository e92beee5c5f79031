//! The profile of SD-JWT that a record is: what a provider issues and a consumer verifies.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::process::{self, RESERVED, digest_list};
use super::{MAX_BYTES, MAX_DISCLOSURES, SdJwt, digest, join, jws, require_bound};
use crate::sign::commitment::Scheme;
use crate::sign::encoding::{array_from_base64url, base64url};
use crate::sign::{Error, Random, Signer, Verifier, random};

/// Bytes of a disclosure's salt: the 128 bits that RFC 9901 §9.3 recommends.
pub(super) const SALT_LENGTH: usize = 16;

/// The members of a record's payload, all of them and no others.
const CLAIMS: [&str; 7] = ["iss", "vct", "jti", "ver", "iat", "_sd_alg", "_sd"];

/// What a record always discloses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordClaims {
    /// The provider's USCC.
    pub iss: String,
    /// The resource and its version.
    pub vct: String,
    /// The record's handle.
    pub jti: [u8; 32],
    /// The record's version, from 1.
    pub ver: u64,
    /// When it was issued, in seconds since 1970-01-01T00:00:00Z.
    pub iat: i64,
}

impl RecordClaims {
    fn check(&self) -> Result<(), Error> {
        let uscc = Scheme::Uscc.require_canonical(&self.iss).is_ok();
        for (holds, name, form) in [
            (uscc, "iss", "a USCC of 18 characters"),
            (!self.vct.is_empty(), "vct", "a resource and its version"),
            (self.ver > 0, "ver", "a number from 1"),
            (self.iat >= 0, "iat", "a number of seconds since 1970"),
        ] {
            if !holds {
                return Err(Error::Claim { name, form });
            }
        }
        Ok(())
    }
}

/// Makes and signs a record of all `fields`, in the order given, each with a fresh salt.
///
/// # Errors
/// [`Error::FieldName`] for a name that is reserved, empty or there twice, [`Error::Reserved`] for such a name within a
/// value, [`Error::Claim`] for claims not of their form, [`Error::AboveBound`] for too much of it; what the signer or the
/// randomness say.
pub fn issue(
    signer: &dyn Signer,
    random: &dyn Random,
    claims: &RecordClaims,
    fields: &[(String, Value)],
) -> Result<String, Error> {
    claims.check()?;
    require_bound("fields of a record", fields.len(), MAX_DISCLOSURES)?;
    let (mut names, mut salts) = (HashSet::new(), HashSet::new());
    let mut disclosures = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        if name.is_empty() || is_taken(name) || !names.insert(name) {
            return Err(Error::FieldName { name: name.clone() });
        }
        require_flat(value)?;
        let salt: [u8; SALT_LENGTH] = random::bytes(random)?;
        if !salts.insert(salt) {
            // A generator that repeats 128 bits is broken, and a repeated salt would link fields.
            return Err(Error::Randomness);
        }
        disclosures.push(base64url(json!([base64url(&salt), name, value]).to_string().as_bytes()));
    }
    let mut digests: Vec<_> = disclosures.iter().map(|disclosure| digest(disclosure)).collect();
    digests.sort_unstable();
    let payload = json!({
        "iss": claims.iss,
        "vct": claims.vct,
        "jti": base64url(&claims.jti),
        "ver": claims.ver,
        "iat": claims.iat,
        "_sd_alg": "sha-256",
        "_sd": digests,
    });
    let jwt = jws::sign(signer, &payload.to_string())?;
    let record = join(&jwt, disclosures.iter().map(String::as_str));
    require_bound("bytes of an SD-JWT", record.len(), MAX_BYTES)?;
    Ok(record)
}

/// What a verifier knows beforehand; what is `None` is not checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// The department whose key the verifier's is. RFC 9901 wants it checked: leave it out only where the key itself
    /// is all that is known.
    pub iss: Option<&'a str>,
    /// The resource and its version.
    pub vct: Option<&'a str>,
    /// The latest `iat` accepted: now, and the clock skew allowed.
    pub latest_iat: Option<i64>,
}

impl Expected<'_> {
    fn check(&self, claims: &RecordClaims) -> Result<(), Error> {
        for (name, expected, found) in [("iss", self.iss, &claims.iss), ("vct", self.vct, &claims.vct)] {
            if let Some(expected) = expected.filter(|expected| expected != found) {
                return Err(Error::Expectation { name, expected: expected.to_owned() });
            }
        }
        match self.latest_iat {
            Some(latest) if claims.iat > latest => {
                Err(Error::Expectation { name: "iat", expected: format!("at most {latest}") })
            }
            _ => Ok(()),
        }
    }
}

/// A record, or the part of it that was released, that the provider has signed.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedRecord {
    /// What is always disclosed.
    pub claims: RecordClaims,
    /// The fields disclosed, by code, in the order of their disclosures.
    pub fields: Map<String, Value>,
    /// SHA-256 of the issuer-signed JWT.
    pub jwt_hash: [u8; 32],
}

/// Verifies a record or a presentation of it, by RFC 9901 §7.1 and the record's profile.
///
/// # Errors
/// Everything for which §7.1 says that it must be rejected, and everything that is not a record's form: other headers
/// or claims, nested digests, digests not sorted, a key binding JWT.
pub fn verify(presentation: &str, verifier: &dyn Verifier, expected: &Expected<'_>) -> Result<VerifiedRecord, Error> {
    let sd_jwt = SdJwt::parse(presentation)?;
    let payload = jws::verify(sd_jwt.jwt(), verifier)?;
    let claims = Payload::read(&payload)?.claims;
    expected.check(&claims)?;
    let mut expanded = process::expand(payload, sd_jwt.disclosures())?;
    if expanded.nested {
        return Err(Error::Reserved { name: "_sd" });
    }
    let mut fields = Map::new();
    for name in expanded.names.into_iter().flatten() {
        if let Some(value) = expanded.payload.get_mut(&name) {
            fields.insert(name, value.take());
        }
    }
    Ok(VerifiedRecord { claims, fields, jwt_hash: sd_jwt.jwt_hash() })
}

/// A record's payload, read.
pub(super) struct Payload {
    pub(super) claims: RecordClaims,
    pub(super) digests: Vec<String>,
}

impl Payload {
    /// Reads exactly the members a record has.
    pub(super) fn read(payload: &Map<String, Value>) -> Result<Self, Error> {
        if let Some(name) = payload.keys().find(|name| !CLAIMS.contains(&name.as_str())) {
            return Err(Error::ClaimExtra { name: name.clone() });
        }
        if payload.get("_sd_alg").and_then(Value::as_str) != Some("sha-256") {
            return Err(Error::HashAlgorithm);
        }
        let claims = RecordClaims {
            iss: claim(payload, "iss", "a USCC of 18 characters", |value| value.as_str().map(str::to_owned))?,
            vct: claim(payload, "vct", "a resource and its version", |value| value.as_str().map(str::to_owned))?,
            jti: claim(payload, "jti", "a handle of 43 characters", |value| {
                array_from_base64url("jti", value.as_str()?).ok()
            })?,
            ver: claim(payload, "ver", "a number from 1", Value::as_u64)?,
            iat: claim(payload, "iat", "a number of seconds since 1970", Value::as_i64)?,
        };
        claims.check()?;
        let digests = digest_list(payload.get("_sd").cloned().unwrap_or_default())?;
        let sorted = digests.is_sorted();
        if !sorted || digests.iter().any(|digest| array_from_base64url::<32>("a digest", digest).is_err()) {
            return Err(Error::Claim { name: "_sd", form: "a sorted list of SHA-256 digests" });
        }
        Ok(Self { claims, digests })
    }
}

fn claim<T>(
    payload: &Map<String, Value>,
    name: &'static str,
    form: &'static str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<T, Error> {
    payload.get(name).and_then(read).ok_or(Error::Claim { name, form })
}

/// Whether a field cannot be called so, because a claim is.
pub(super) fn is_taken(name: &str) -> bool {
    CLAIMS.contains(&name) || RESERVED.contains(&name)
}

/// A field's value is disclosed whole: no digests within.
pub(super) fn require_flat(value: &Value) -> Result<(), Error> {
    match value {
        Value::Object(object) => {
            object.iter().try_for_each(|(name, value)| match RESERVED.into_iter().find(|reserved| reserved == name) {
                Some(name) => Err(Error::Reserved { name }),
                None => require_flat(value),
            })
        }
        Value::Array(elements) => elements.iter().try_for_each(require_flat),
        _ => Ok(()),
    }
}
