//! Commitments: what a statement says about people and cases without naming them.
//!
//! ```text
//! commitment    = HMAC-SHA256(salt, scheme ‖ 0x00 ‖ value)                       salt: 32 random bytes, fresh each time
//! record handle = HMAC-SHA256(record salt, "record" ‖ 0x00 ‖ resource ‖ 0x00 ‖ record id)
//! record salt   = HKDF-SHA256(secret of the provider, "hutong record salt v1", resource ‖ 0x00 ‖ record id)
//! month secret  = HKDF-SHA256(secret of the consumer's system, "hutong operator month v1", "YYYY-MM")
//! pseudonym     = HMAC-SHA256(month secret, "operator" ‖ 0x00 ‖ operator id)
//! ```
//!
//! HKDF is RFC 5869 with the text as extraction salt, the last part as info, and 32 bytes of output. A commitment hides
//! its value as long as the salt is unknown, and binds to it. It is erased by erasing salt and value.

use std::fmt;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use zeroize::Zeroize;

use super::hash::equal;
use super::{Error, Random, Secret, hmac_sha256, random};

/// Bytes of a commitment's salt: as many as the HMAC's output, the most that make it stronger.
pub const SALT_LENGTH: usize = 32;

/// Longest value committed to, in bytes: a free text of about 1,300 Chinese characters. Openings are stored in fixed
/// slots, whose size follows from this.
pub const MAX_VALUE_BYTES: usize = 4096;

/// What kind of value a commitment is to; it fixes the value's one canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// Unified social credit code 统一社会信用代码.
    Uscc,
    /// Citizen identity number 公民身份号码.
    CitizenId,
    /// Licence id 证照标识, with its OID root.
    LicenceId,
    /// Case number 办件编号.
    Case,
    /// Free text.
    Text,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 5] = [Self::Uscc, Self::CitizenId, Self::LicenceId, Self::Case, Self::Text];

    /// The name under the HMAC and on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uscc => "uscc",
            Self::CitizenId => "citizen-id",
            Self::LicenceId => "licence-id",
            Self::Case => "case",
            Self::Text => "text",
        }
    }

    /// The scheme of this exact name.
    ///
    /// # Errors
    /// [`Error::UnknownScheme`].
    pub fn from_name(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|scheme| scheme.name() == name);
        known.ok_or_else(|| Error::UnknownScheme { found: name.to_owned() })
    }

    /// Brings a value as people write it into the scheme's canonical form: upper case, or NFC. Check characters are
    /// for others to check.
    ///
    /// # Errors
    /// [`Error::NotCanonical`] for a value that has no such form, [`Error::AboveBound`] above [`MAX_VALUE_BYTES`].
    pub fn canonical_form(self, value: &str) -> Result<String, Error> {
        // Before normalizing, so that the work is bounded; after it again, since NFC can lengthen.
        require_bound(value)?;
        let form = match self {
            Self::Uscc | Self::CitizenId | Self::LicenceId => value.to_ascii_uppercase(),
            Self::Case | Self::Text => value.nfc().collect(),
        };
        self.require_canonical(&form)?;
        Ok(form)
    }

    pub(super) fn require_canonical(self, value: &str) -> Result<(), Error> {
        require_bound(value)?;
        let is_upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let (canonical, form) = match self {
            Self::Uscc | Self::CitizenId => {
                (value.len() == 18 && value.bytes().all(is_upper), "18 ASCII digits and upper-case letters")
            }
            Self::LicenceId => {
                (is_licence_id(value), "segments of ASCII digits and upper-case letters under 1.2.156.3005.2")
            }
            Self::Case | Self::Text => (!value.is_empty() && is_nfc(value), "not empty and in Unicode's NFC"),
        };
        if canonical { Ok(()) } else { Err(Error::NotCanonical { scheme: self.name(), form }) }
    }
}

/// The OID root of licence ids (GB/T 36904): 电子证照 under China's arc.
const LICENCE_ROOT: &str = "1.2.156.3005.2.";

fn is_licence_id(value: &str) -> bool {
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    value.strip_prefix(LICENCE_ROOT).is_some_and(|rest| rest.split('.').all(is_segment))
}

fn require_bound(value: &str) -> Result<(), Error> {
    if value.len() <= MAX_VALUE_BYTES {
        return Ok(());
    }
    Err(Error::AboveBound {
        what: "bytes of a committed value",
        found: value.len() as u64,
        bound: MAX_VALUE_BYTES as u64,
    })
}

/// `HMAC-SHA256(salt, scheme ‖ 0x00 ‖ value)` of a value already in canonical form; [`Opening`] sees to that.
#[must_use]
pub fn commitment(salt: &[u8; SALT_LENGTH], scheme: Scheme, value: &str) -> [u8; 32] {
    hmac_sha256(salt, &[scheme.name().as_bytes(), &[0], value.as_bytes()])
}

/// What opens a commitment: always of canonical form, wiped on drop, its value shown by no formatter.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    scheme: Scheme,
    value: String,
    salt: [u8; SALT_LENGTH],
}

impl Opening {
    /// Commits to a value as people write it, under a fresh salt.
    ///
    /// # Errors
    /// As [`Scheme::canonical_form`]; [`Error::Randomness`].
    pub fn new(random: &dyn Random, scheme: Scheme, value: &str) -> Result<Self, Error> {
        Ok(Self { scheme, value: scheme.canonical_form(value)?, salt: random::bytes(random)? })
    }

    /// An opening as received: its value must be canonical already, since another form would commit to another thing.
    ///
    /// # Errors
    /// [`Error::NotCanonical`], [`Error::AboveBound`], [`Error::Length`] for a salt of other than 32 bytes.
    pub fn from_parts(scheme: Scheme, value: String, salt: &[u8]) -> Result<Self, Error> {
        scheme.require_canonical(&value)?;
        let salt = <[u8; SALT_LENGTH]>::try_from(salt).map_err(|_| Error::Length {
            what: "the salt of an opening",
            found: salt.len(),
            expected: SALT_LENGTH,
        })?;
        Ok(Self { scheme, value, salt })
    }

    /// The commitment it opens.
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        commitment(&self.salt, self.scheme, &self.value)
    }

    /// Checks that it opens `commitment`.
    ///
    /// # Errors
    /// [`Error::Opening`] when it does not.
    pub fn verify(&self, commitment: &[u8; 32]) -> Result<(), Error> {
        if equal(&self.commitment(), commitment) { Ok(()) } else { Err(Error::Opening) }
    }

    /// What kind of value it is.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The value, in canonical form. It may be personal: not for logs.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8; SALT_LENGTH] {
        &self.salt
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.value.zeroize();
        self.salt.zeroize();
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opening({}, …)", self.scheme.name())
    }
}

/// A record's name in the log. `resource` holds no zero byte, as no resource id does; the record id is whatever the
/// provider knows the record by, in one form that it keeps.
///
/// # Errors
/// [`Error::Empty`] for an empty or zero-bearing resource or an empty record id.
pub fn record_handle(record_salt: &[u8; SALT_LENGTH], resource: &str, record_id: &str) -> Result<[u8; 32], Error> {
    require_record(resource, record_id)?;
    Ok(hmac_sha256(record_salt, &[b"record", &[0], resource.as_bytes(), &[0], record_id.as_bytes()]))
}

/// The salt of a record's handle: the same for all versions of the record, derived from the provider's secret, so
/// that there is nothing to store. Opened to the hub at publication.
///
/// # Errors
/// As [`record_handle`].
pub fn record_salt(provider: &Secret, resource: &str, record_id: &str) -> Result<[u8; SALT_LENGTH], Error> {
    require_record(resource, record_id)?;
    Ok(*provider.derive(b"hutong record salt v1", &[resource.as_bytes(), &[0], record_id.as_bytes()]))
}

fn require_record(resource: &str, record_id: &str) -> Result<(), Error> {
    if resource.is_empty() || resource.contains('\0') {
        return Err(Error::Empty { what: "the resource of a record, or its part before a zero byte" });
    }
    if record_id.is_empty() { Err(Error::Empty { what: "the record id" }) } else { Ok(()) }
}

/// A calendar month, by the consumer's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: u16,
    month: u8,
}

impl Month {
    /// The month of a year.
    ///
    /// # Errors
    /// [`Error::Month`] outside 1–12 or the years 1–9999.
    pub fn new(year: u16, month: u8) -> Result<Self, Error> {
        if (1..=9999).contains(&year) && (1..=12).contains(&month) {
            Ok(Self { year, month })
        } else {
            Err(Error::Month { year, month })
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// An operator's name in the log for one month. The department, which has the secret and the operator's id, can say
/// who it was; others see that one operator's acts of a month belong together, and no more.
///
/// # Errors
/// [`Error::Empty`] for an empty operator id.
pub fn operator_pseudonym(consumer: &Secret, month: Month, operator_id: &str) -> Result<[u8; 32], Error> {
    if operator_id.is_empty() {
        return Err(Error::Empty { what: "the operator id" });
    }
    let secret = consumer.derive(b"hutong operator month v1", &[month.to_string().as_bytes()]);
    Ok(hmac_sha256(&*secret, &[b"operator", &[0], operator_id.as_bytes()]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::sign::random::tape::Tape;

    #[test]
    fn each_scheme_has_one_canonical_form() {
        for (scheme, written, canonical) in [
            (Scheme::Uscc, "91110000mb03271699", "91110000MB03271699"),
            (Scheme::CitizenId, "11010519491231002x", "11010519491231002X"),
            (Scheme::LicenceId, "1.2.156.3005.2.a.b9", "1.2.156.3005.2.A.B9"),
            (Scheme::Text, "cafe\u{301}", "café"),
            (Scheme::Case, "办件2026-0001", "办件2026-0001"),
        ] {
            assert_eq!(scheme.canonical_form(written).unwrap(), canonical);
            assert_eq!(scheme.canonical_form(canonical).unwrap(), canonical);
            assert_eq!(Scheme::from_name(scheme.name()).unwrap(), scheme);
            if written != canonical {
                assert!(Opening::from_parts(scheme, written.to_owned(), &[0; 32]).is_err());
            }
        }
    }

    #[test]
    fn what_has_no_canonical_form_is_refused_without_being_quoted() {
        let long = "长".repeat(MAX_VALUE_BYTES / 3 + 1);
        for (scheme, value) in [
            (Scheme::Uscc, "91110000MB0327169"),
            (Scheme::Uscc, "91110000MB0327169 "),
            (Scheme::CitizenId, "１１0105194912310021"),
            (Scheme::LicenceId, "2.2.156.3005.2.A"),
            (Scheme::LicenceId, "1.2.156.3005.2.A..B"),
            (Scheme::LicenceId, "1.2.156.3005.2."),
            (Scheme::Text, ""),
            (Scheme::Case, &long),
        ] {
            let error = scheme.canonical_form(value).unwrap_err();
            assert!(value.is_empty() || !error.to_string().contains(value), "{error}");
        }
        assert!(Scheme::from_name("USCC").is_err());
    }

    #[test]
    fn an_opening_opens_its_commitment_and_no_other() {
        let opening = Opening::new(&Tape::new(&[3; 32]), Scheme::Text, "理由").unwrap();
        let commitment = opening.commitment();
        opening.verify(&commitment).unwrap();
        for other in [
            Opening::from_parts(Scheme::Case, "理由".into(), &[3; 32]).unwrap(),
            Opening::from_parts(Scheme::Text, "理由 ".into(), &[3; 32]).unwrap(),
            Opening::from_parts(Scheme::Text, "理由".into(), &[4; 32]).unwrap(),
        ] {
            assert_eq!(other.verify(&commitment), Err(Error::Opening));
        }
        assert!(Opening::from_parts(Scheme::Text, "理由".into(), &[3; 31]).is_err());
        assert!(!format!("{opening:?}").contains("理由"));
    }

    #[test]
    fn handles_and_pseudonyms_differ_wherever_their_inputs_do() {
        let secret = Secret::from_bytes(&[5; 32]);
        let salt = record_salt(&secret, "business-licence", "1").unwrap();
        assert_ne!(salt, record_salt(&secret, "business-licence", "2").unwrap());
        assert_ne!(
            record_handle(&salt, "business-licence", "1").unwrap(),
            record_handle(&salt, "business-licenc", "e1").unwrap()
        );
        assert!(record_handle(&salt, "a\0b", "1").is_err());
        assert!(record_handle(&salt, "a", "").is_err());

        let (march, april) = (Month::new(2026, 3).unwrap(), Month::new(2026, 4).unwrap());
        let pseudonym = operator_pseudonym(&secret, march, "0042").unwrap();
        assert_eq!(pseudonym, operator_pseudonym(&secret, march, "0042").unwrap());
        assert_ne!(pseudonym, operator_pseudonym(&secret, april, "0042").unwrap());
        assert!(Month::new(2026, 13).is_err());
        assert!(operator_pseudonym(&secret, march, "").is_err());
    }
}
