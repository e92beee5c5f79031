//! RFC 9901 §7.1 step 3 to 5: digests replaced by what their disclosures say, at any depth.
//!
//! Stricter than the standard in two places where it leaves a choice: `...` outside an array, and an `_sd` that is not
//! a list of texts, are refused and not taken for ordinary claims.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::digest;
use crate::sign::encoding::from_base64url;
use crate::sign::{Error, json};

/// Deepest nesting, through disclosures too. serde_json reads a single text no deeper.
const MAX_DEPTH: usize = 128;

const DIGESTS: &str = "_sd";
const ALGORITHM: &str = "_sd_alg";
const ELEMENT: &str = "...";

/// The names with a meaning of their own, which no claim has.
pub(super) const RESERVED: [&str; 3] = [DIGESTS, ALGORITHM, ELEMENT];

/// Form of the disclosure of an object's property, and so of a record's field.
pub(super) const PROPERTY_FORM: &str = "three: salt (text), claim name (text), value";
const ELEMENT_FORM: &str = "two: salt (text), value";

/// The processed payload of RFC 9901 §7.1: the claims of the verified `payload` with what `disclosures` add to them.
/// Checking the signature before and the validity after is the caller's.
///
/// # Errors
/// Everything for which §7.1 says that the SD-JWT must be rejected.
pub fn process(payload: Map<String, Value>, disclosures: &[&str]) -> Result<Map<String, Value>, Error> {
    expand(payload, disclosures).map(|expanded| expanded.payload)
}

/// [`process`]'s result, with what a record's profile has to know.
pub(super) struct Expanded {
    pub(super) payload: Map<String, Value>,
    /// Claim names by the disclosure's position; none for array elements.
    pub(super) names: Vec<Option<String>>,
    /// Whether digests stood anywhere else than in the payload's own `_sd`.
    pub(super) nested: bool,
}

pub(super) fn expand(mut payload: Map<String, Value>, disclosures: &[&str]) -> Result<Expanded, Error> {
    match payload.shift_remove(ALGORITHM) {
        None => {}
        Some(Value::String(name)) if name == "sha-256" => {}
        Some(_) => return Err(Error::HashAlgorithm),
    }
    let mut expansion = Expansion::new(disclosures)?;
    let payload = expansion.object(payload, 0)?;
    match expansion.used.iter().position(|used| !used) {
        Some(position) => Err(Error::UnreferencedDisclosure { position }),
        None => Ok(Expanded { payload, names: expansion.names, nested: expansion.nested }),
    }
}

struct Expansion<'a> {
    by_digest: HashMap<String, (usize, &'a str)>,
    used: Vec<bool>,
    names: Vec<Option<String>>,
    seen: HashSet<String>,
    nested: bool,
}

impl<'a> Expansion<'a> {
    fn new(disclosures: &[&'a str]) -> Result<Self, Error> {
        let mut by_digest = HashMap::with_capacity(disclosures.len());
        for (position, disclosure) in disclosures.iter().enumerate() {
            if by_digest.insert(digest(disclosure), (position, *disclosure)).is_some() {
                return Err(Error::RepeatedDisclosure { position });
            }
        }
        Ok(Self {
            by_digest,
            used: vec![false; disclosures.len()],
            names: vec![None; disclosures.len()],
            seen: HashSet::new(),
            nested: false,
        })
    }

    fn value(&mut self, value: Value, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            let (found, bound) = (depth as u64, MAX_DEPTH as u64);
            return Err(Error::AboveBound { what: "levels of nesting", found, bound });
        }
        match value {
            Value::Object(object) => self.object(object, depth).map(Value::Object),
            Value::Array(elements) => self.array(elements, depth).map(Value::Array),
            plain => Ok(plain),
        }
    }

    fn object(&mut self, object: Map<String, Value>, depth: usize) -> Result<Map<String, Value>, Error> {
        let (mut claims, mut digests) = (Map::new(), Vec::new());
        for (name, value) in object {
            if name == DIGESTS {
                digests = digest_list(value)?;
                self.nested |= depth > 0;
            } else {
                let value = self.value(value, depth + 1)?;
                claims.insert(permitted(name)?, value);
            }
        }
        for digest in digests {
            let Some((position, disclosure)) = self.find(digest)? else { continue };
            let (name, value) = property(position, disclosure)?;
            let name = permitted(name)?;
            if claims.contains_key(&name) {
                return Err(Error::CollidingName { name });
            }
            if let Some(slot) = self.names.get_mut(position) {
                *slot = Some(name.clone());
            }
            let value = self.value(value, depth + 1)?;
            claims.insert(name, value);
        }
        Ok(claims)
    }

    fn array(&mut self, elements: Vec<Value>, depth: usize) -> Result<Vec<Value>, Error> {
        let mut kept = Vec::with_capacity(elements.len());
        for element in elements {
            let Some(digest) = element_digest(&element)? else {
                kept.push(self.value(element, depth + 1)?);
                continue;
            };
            self.nested = true;
            if let Some((position, disclosure)) = self.find(digest)? {
                let value = array_element(position, disclosure)?;
                kept.push(self.value(value, depth + 1)?);
            }
        }
        Ok(kept)
    }

    /// The disclosure of a digest, which may occur once only; none for what is not disclosed, and for decoys.
    fn find(&mut self, digest: String) -> Result<Option<(usize, &'a str)>, Error> {
        let found = self.by_digest.get(&digest).copied();
        if !self.seen.insert(digest) {
            return Err(Error::RepeatedDigest);
        }
        if let Some(used) = found.and_then(|(position, _)| self.used.get_mut(position)) {
            *used = true;
        }
        Ok(found)
    }
}

fn permitted(name: String) -> Result<String, Error> {
    match RESERVED.into_iter().find(|reserved| *reserved == name) {
        Some(name) => Err(Error::Reserved { name }),
        None => Ok(name),
    }
}

/// The list of an `_sd`.
pub(super) fn digest_list(value: Value) -> Result<Vec<String>, Error> {
    let misused = Error::Reserved { name: DIGESTS };
    let Value::Array(digests) = value else { return Err(misused) };
    let texts = digests.into_iter().map(|digest| match digest {
        Value::String(digest) => Some(digest),
        _ => None,
    });
    texts.collect::<Option<_>>().ok_or(misused)
}

/// The digest of an array element `{"...": digest}`.
fn element_digest(element: &Value) -> Result<Option<String>, Error> {
    let Some(value) = element.as_object().and_then(|object| object.get(ELEMENT)) else { return Ok(None) };
    match (value, element.as_object().map(Map::len)) {
        (Value::String(digest), Some(1)) => Ok(Some(digest.clone())),
        _ => Err(Error::Reserved { name: ELEMENT }),
    }
}

/// `[salt, claim name, value]`.
pub(super) fn property(position: usize, disclosure: &str) -> Result<(String, Value), Error> {
    let wrong = Error::DisclosureForm { position, expected: PROPERTY_FORM };
    match <[Value; 3]>::try_from(elements(disclosure, &wrong)?) {
        Ok([Value::String(_), Value::String(name), value]) => Ok((name, value)),
        _ => Err(wrong),
    }
}

/// `[salt, value]`.
fn array_element(position: usize, disclosure: &str) -> Result<Value, Error> {
    let wrong = Error::DisclosureForm { position, expected: ELEMENT_FORM };
    match <[Value; 2]>::try_from(elements(disclosure, &wrong)?) {
        Ok([Value::String(_), value]) => Ok(value),
        _ => Err(wrong),
    }
}

/// The elements of a disclosure's array.
pub(super) fn elements(disclosure: &str, wrong: &Error) -> Result<Vec<Value>, Error> {
    match json::value("a disclosure", &from_base64url("a disclosure", disclosure)?)? {
        Value::Array(elements) => Ok(elements),
        _ => Err(wrong.clone()),
    }
}
