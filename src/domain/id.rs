//! The names of things: short, validated, cheap to copy where they are fixed in length.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};

use super::identifier::Uscc;

/// A name that is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not well formed: allowed is {allowed}")]
pub struct MalformedId {
    /// What kind of name it should have been.
    pub what: &'static str,
    /// The form allowed.
    pub allowed: &'static str,
}

/// 32 bytes with a meaning of their own.
macro_rules! bytes32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = MalformedId;

            fn try_from(bytes: &[u8]) -> Result<Self, MalformedId> {
                bytes.try_into().map(Self).map_err(|_| MalformedId { what: stringify!($name), allowed: "32 bytes" })
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

/// Names that people read as hexadecimal digits.
macro_rules! shown_as_hex {
    ($($name:ident),+) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        })+
    };
}

shown_as_hex!(Digest, Handle, Commitment, Pseudonym);

bytes32! {
    /// A SHA-256.
    Digest
}
bytes32! {
    /// A record's name in the log: an HMAC of its identifier under a salt of its provider's.
    Handle
}
bytes32! {
    /// A salted commitment to a value that the log must not hold.
    Commitment
}
bytes32! {
    /// An operator's pseudonym: an HMAC under a secret of the consumer's system that changes monthly.
    Pseudonym
}
bytes32! {
    /// A key's RFC 7638 JWK thumbprint: the SHA-256 itself. Wherever it is shown it stands as in JOSE and DSSE.
    KeyId
}

impl fmt::Display for KeyId {
    /// 43 characters of base64url without padding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Names an act of one actor, once and for all. Any 16 bytes that its actor never used before will do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// An id of a moment, in milliseconds since 1970, and random bytes: a UUID of version 7 (RFC 9562, section 5.7). Ids that were made
    /// one after the other are neighbours in a hub's index, which makes looking them up and keeping them several times cheaper than
    /// ids that are random throughout.
    #[must_use]
    pub const fn version_7(millis: i64, random: [u8; 10]) -> Self {
        let [_, _, m0, m1, m2, m3, m4, m5] = millis.to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        Self([m0, m1, m2, m3, m4, m5, 0x70 | (r0 & 0x0f), r1, 0x80 | (r2 & 0x3f), r3, r4, r5, r6, r7, r8, r9])
    }
}

impl TryFrom<&[u8]> for RequestId {
    type Error = MalformedId;

    fn try_from(bytes: &[u8]) -> Result<Self, MalformedId> {
        bytes.try_into().map(Self).map_err(|_| MalformedId { what: "request id", allowed: "16 bytes" })
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A validated name, shared rather than copied.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(MalformedId { what: $what, allowed: $allowed })
                }
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// Names a resource of the catalog.
    ResourceId,
    "resource id",
    "[a-z][a-z0-9-]*(.[a-z][a-z0-9-]*)*, at most 128 characters",
    |text| {
        text.len() <= 128
            && text.split('.').all(|part| {
                part.starts_with(|c: char| c.is_ascii_lowercase())
                    && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            })
    }
}
name! {
    /// Names a code table.
    CodeTableId,
    "code table id",
    "[a-z][a-z0-9-]*, at most 64 characters",
    |text| {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
}
name! {
    /// Names an agreement; chosen by its proposer, unique on the hub.
    AgreementId,
    "agreement id",
    "[a-z0-9-]{1,64}",
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
}
name! {
    /// Names a field of a resource, such as `ZZBH` or `KZ_JYFW`.
    FieldCode,
    "field code",
    "[A-Za-z][A-Za-z0-9_]*, at most 64 characters",
    |text| {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    }
}
name! {
    /// A purpose 用途 or a matter 事项, in codes.
    Code,
    "code",
    "[A-Za-z0-9][A-Za-z0-9._-]*, at most 64 characters",
    |text| {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    }
}
name! {
    /// A domain name in lower case: of the hub, or of the trust domain of its systems.
    DomainName,
    "domain name",
    "lower-case letters, digits, hyphens and dots, at most 200 characters",
    |text| {
        (1..=200).contains(&text.len())
            && text.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            })
    }
}

/// A department's system, named by its SPIFFE ID `spiffe://<trust domain>/department/<USCC>/system/<name>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemId {
    text: Arc<str>,
    department: Uscc,
    trust_domain_len: usize,
}

impl SystemId {
    /// The form, for messages.
    pub const FORM: &'static str = "spiffe://<trust domain>/department/<USCC>/system/<name>";
    /// The longest name of a system within its department: what a DNS label may hold.
    pub const MAX_NAME: usize = 63;

    /// Builds the id of a system.
    ///
    /// # Errors
    /// When the name is not `[a-z0-9][a-z0-9-]*` of at most [`Self::MAX_NAME`] characters.
    pub fn new(trust_domain: &DomainName, department: &Uscc, name: &str) -> Result<Self, MalformedId> {
        format!("spiffe://{trust_domain}/department/{}/system/{name}", department.as_str()).parse()
    }

    /// The whole SPIFFE ID.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The department.
    pub fn department(&self) -> &Uscc {
        &self.department
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> &str {
        &self.text[PREFIX.len()..PREFIX.len() + self.trust_domain_len]
    }

    /// The system's name within its department.
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }
}

const PREFIX: &str = "spiffe://";

impl FromStr for SystemId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let malformed = || MalformedId { what: "SPIFFE ID of a system", allowed: Self::FORM };
        let mut parts = text.strip_prefix(PREFIX).ok_or_else(malformed)?.split('/');
        let (Some(trust_domain), Some("department"), Some(uscc), Some("system"), Some(name), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        trust_domain.parse::<DomainName>().map_err(|_| malformed())?;
        let department = uscc.parse().map_err(|_| malformed())?;
        let well_named = (1..=Self::MAX_NAME).contains(&name.len())
            && !name.starts_with('-')
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !well_named {
            return Err(malformed());
        }
        Ok(Self { text: text.into(), department, trust_domain_len: trust_domain.len() })
    }
}

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn names_are_accepted_or_refused_by_their_form() {
        for good in ["a", "samr.business-licence", "a1.b2.c-3"] {
            assert!(good.parse::<ResourceId>().is_ok(), "{good}");
        }
        for bad in ["", ".", "a.", "A", "1a", "a..b", "a_b", "营业执照", &"a".repeat(129)] {
            assert!(bad.parse::<ResourceId>().is_err(), "{bad}");
        }
        for bad in ["", "A", "a b", &"a".repeat(65)] {
            assert!(bad.parse::<AgreementId>().is_err(), "{bad}");
        }
        for bad in ["", "1A", "_sd", "...", "名称"] {
            assert!(bad.parse::<FieldCode>().is_err(), "{bad}");
        }
        for bad in ["", "-a", "a-", "a..b", "A.b", "a b"] {
            assert!(bad.parse::<DomainName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn key_id_is_shown_as_jose_shows_it() {
        assert_eq!(KeyId([0xff; 32]).to_string(), format!("{}8", "_".repeat(42)));
        assert_eq!(Digest([0xff; 32]).to_string(), "f".repeat(64));
    }

    #[test]
    fn system_id_gives_its_parts() {
        let id: SystemId = "spiffe://gov.example/department/11100000000013338W/system/registry".parse().unwrap();
        assert_eq!(id.department().as_str(), "11100000000013338W");
        assert_eq!((id.trust_domain(), id.name()), ("gov.example", "registry"));
        for bad in [
            "spiffe://gov.example/department/11100000000013338X/system/registry",
            "spiffe://gov.example/department/11100000000013338W/system/",
            "spiffe://gov.example/department/11100000000013338W/system/a/b",
            "https://gov.example/department/11100000000013338W/system/a",
            "spiffe:///department/11100000000013338W/system/a",
        ] {
            assert!(bad.parse::<SystemId>().is_err(), "{bad}");
        }
    }
}
