//! What the hub asks of a record before it takes it: every digest disclosed, every disclosure with its digest.
//!
//! A provider that left a disclosure out, or put a decoy in, would have signed something that nobody can ever read
//! or that nobody can tell from a missing field. All that is wrong is said at once.

use std::collections::HashSet;

use super::process::{self, PROPERTY_FORM};
use super::record::{Payload, SALT_LENGTH, require_flat};
use super::{SdJwt, digest, jws};
use crate::sign::Error;
use crate::sign::encoding::from_base64url;

/// What is wrong with a disclosure or a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Not `[salt, field code, value]`.
    DisclosureForm,
    /// A salt of fewer than 128 bits of base64url.
    ShortSalt,
    /// A salt that another disclosure of the record has.
    RepeatedSalt,
    /// A field code that another disclosure, or an always disclosed claim, has, or that is reserved.
    RepeatedField,
    /// A value with digests within.
    NestedDigest,
    /// A disclosure that occurs twice.
    RepeatedDisclosure,
    /// A disclosure without its digest in the signed JWT.
    DisclosureWithoutDigest,
    /// A digest without its disclosure: something left out, or a decoy.
    DigestWithoutDisclosure,
    /// A digest that occurs twice.
    RepeatedDigest,
}

impl Fault {
    /// The fault's code, as an outcome lists it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::DisclosureForm => "DISCLOSURE_FORM",
            Self::ShortSalt => "SHORT_SALT",
            Self::RepeatedSalt => "REPEATED_SALT",
            Self::RepeatedField => "REPEATED_FIELD",
            Self::NestedDigest => "NESTED_DIGEST",
            Self::RepeatedDisclosure => "REPEATED_DISCLOSURE",
            Self::DisclosureWithoutDigest => "DISCLOSURE_WITHOUT_DIGEST",
            Self::DigestWithoutDisclosure => "DIGEST_WITHOUT_DISCLOSURE",
            Self::RepeatedDigest => "REPEATED_DIGEST",
        }
    }
}

/// One fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong.
    pub fault: Fault,
    /// The field's code; the digest, where there is no field; the disclosure's position from 0, where it cannot be read.
    pub at: String,
}

/// All that keeps a record from being complete; empty when nothing does. Verifies no signature.
///
/// # Errors
/// A payload that is not a record's.
pub fn check_complete(sd_jwt: &SdJwt<'_>) -> Result<Vec<Violation>, Error> {
    let digests = Payload::read(&jws::payload_unverified(sd_jwt.jwt())?)?.digests;
    let mut check = Check { violations: Vec::new(), codes: HashSet::new(), salts: HashSet::new() };
    let signed: HashSet<&str> = digests.iter().map(String::as_str).collect();
    let mut disclosed = HashSet::new();
    for (position, disclosure) in sd_jwt.disclosures().iter().enumerate() {
        let at = check.disclosure(position, disclosure);
        let digest = digest(disclosure);
        if !signed.contains(digest.as_str()) {
            check.report(Fault::DisclosureWithoutDigest, &at);
        }
        if !disclosed.insert(digest) {
            check.report(Fault::RepeatedDisclosure, &at);
        }
    }
    for digest in &digests {
        if !disclosed.contains(digest) {
            check.report(Fault::DigestWithoutDisclosure, digest);
        }
    }
    // Digests are sorted, so the same ones are neighbours.
    for pair in digests.windows(2) {
        if let [first, second] = pair
            && first == second
        {
            check.report(Fault::RepeatedDigest, first);
        }
    }
    Ok(check.violations)
}

struct Check {
    violations: Vec<Violation>,
    codes: HashSet<String>,
    salts: HashSet<String>,
}

impl Check {
    fn report(&mut self, fault: Fault, at: &str) {
        self.violations.push(Violation { fault, at: at.to_owned() });
    }

    /// Checks one disclosure by itself and against those before it; gives its name for reports.
    fn disclosure(&mut self, position: usize, disclosure: &str) -> String {
        let wrong = Error::DisclosureForm { position, expected: PROPERTY_FORM };
        let elements = process::elements(disclosure, &wrong).unwrap_or_default();
        let [serde_json::Value::String(salt), serde_json::Value::String(code), value] = elements.as_slice() else {
            self.report(Fault::DisclosureForm, &position.to_string());
            return position.to_string();
        };
        if from_base64url("salt", salt).map_or(0, |salt| salt.len()) < SALT_LENGTH {
            self.report(Fault::ShortSalt, code);
        }
        if !self.salts.insert(salt.clone()) {
            self.report(Fault::RepeatedSalt, code);
        }
        if super::record::is_taken(code) || !self.codes.insert(code.clone()) {
            self.report(Fault::RepeatedField, code);
        }
        if require_flat(value).is_err() {
            self.report(Fault::NestedDigest, code);
        }
        code.clone()
    }
}
