//! Names, IDs and public keys of those who sign notes (C2SP signed-note).

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Error, error::excerpt, hash::sha256};

/// Length of a [`KeyId`] in bytes.
pub const KEY_ID_LEN: usize = 4;

/// Length of an Ed25519 public key in bytes.
pub const PUBLIC_KEY_LEN: usize = 32;

/// The longest key name in bytes: C2SP tlog-cosignature's ML-DSA form counts it in one byte.
pub const MAX_KEY_NAME_LEN: usize = 255;

/// What a named Ed25519 key signs, by signed-note's signature types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignatureType {
    /// The note's text as it is: a log's key.
    Note = 0x01,
    /// The note's text under a header and a time: a cosigner's key (C2SP tlog-cosignature).
    Cosignature = 0x04,
}

impl SignatureType {
    const fn refusal(self) -> &'static str {
        match self {
            Self::Note => "only type 0x01, Ed25519, is known",
            Self::Cosignature => "a cosigner's key has type 0x04, Ed25519 cosignature/v1",
        }
    }
}

/// The name of a key, and the origin of a log: non-empty, without `+`, Unicode spaces or control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let is_valid = (1..=MAX_KEY_NAME_LEN).contains(&name.len())
            && !name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_ascii_control());
        if is_valid { Ok(Self(name.to_owned())) } else { Err(Error::KeyName { name: excerpt(name) }) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The short hash that, with the name, says which key made a signature. It identifies, it does not authenticate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KEY_ID_LEN]);

impl KeyId {
    /// The ID of an Ed25519 key: the first four bytes of `SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key)`.
    #[must_use]
    pub fn of_ed25519(name: &KeyName, public_key: &[u8; PUBLIC_KEY_LEN]) -> Self {
        Self::of(SignatureType::Note, name, public_key)
    }

    pub(super) fn of(kind: SignatureType, name: &KeyName, public_key: &[u8; PUBLIC_KEY_LEN]) -> Self {
        let hash = sha256(&[name.as_str().as_bytes(), b"\n", &[kind as u8], public_key]);
        let [a, b, c, d, ..] = *hash.as_bytes();
        Self([a, b, c, d])
    }

    /// The ID's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_ID_LEN] {
        &self.0
    }
}

impl From<[u8; KEY_ID_LEN]> for KeyId {
    fn from(bytes: [u8; KEY_ID_LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key and its name in the form in which people hand it on, a *vkey*: `<name>+<key ID>+<base64 of type and
/// key>`. Only Ed25519 (type 0x01) is taken.
///
/// ```
/// use hutong::tlog::VerifierKey;
///
/// let text = "hub.example.gov/exchange-log/2026+ae04040a+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
/// let key: VerifierKey = text.parse()?;
/// assert_eq!(key.name().as_str(), "hub.example.gov/exchange-log/2026");
/// assert_eq!(key.to_string(), text);
/// # Ok::<(), hutong::tlog::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    public_key: [u8; PUBLIC_KEY_LEN],
}

impl VerifierKey {
    /// A named Ed25519 public key. Whether the bytes are a point of the curve shows when a signature is verified.
    #[must_use]
    pub const fn new(name: KeyName, public_key: [u8; PUBLIC_KEY_LEN]) -> Self {
        Self { name, public_key }
    }

    /// The key's name.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's ID.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        KeyId::of_ed25519(&self.name, &self.public_key)
    }

    /// The Ed25519 public key.
    #[must_use]
    pub const fn public_key(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.public_key
    }
}

impl FromStr for VerifierKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, public_key) = read_vkey(text, SignatureType::Note)?;
        Ok(Self { name, public_key })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_vkey(f, SignatureType::Note, &self.name, &self.public_key)
    }
}

/// Reads the vkey of an Ed25519 key that makes this type of signature.
pub(super) fn read_vkey(text: &str, kind: SignatureType) -> Result<(KeyName, [u8; PUBLIC_KEY_LEN]), Error> {
    let malformed = |what| Error::VerifierKey { what };
    // The base64 may hold a `+` of its own, the name and the ID may not.
    let (name, rest) = text.split_once('+').ok_or(malformed("no '+' after the name"))?;
    let (key_id, key) = rest.split_once('+').ok_or(malformed("no '+' after the key ID"))?;
    let key = BASE64_STANDARD.decode(key).map_err(|_| malformed("key is not canonical base64"))?;
    let (found, key) = key.split_first().ok_or(malformed("key is empty"))?;
    if *found != kind as u8 {
        return Err(malformed(kind.refusal()));
    }
    let key = key.try_into().map_err(|_| malformed("an Ed25519 key has 32 bytes"))?;
    let name = name.parse()?;
    if KeyId::of(kind, &name, &key).to_string() == key_id {
        Ok((name, key))
    } else {
        Err(malformed("key ID is not that of the key"))
    }
}

/// Writes what [`read_vkey`] reads.
pub(super) fn write_vkey(
    f: &mut fmt::Formatter<'_>,
    kind: SignatureType,
    name: &KeyName,
    public_key: &[u8; PUBLIC_KEY_LEN],
) -> fmt::Result {
    let key = BASE64_STANDARD.encode([&[kind as u8], public_key.as_slice()].concat());
    write!(f, "{name}+{}+{key}", KeyId::of(kind, name, public_key))
}
