//! Cosignatures (C2SP tlog-cosignature v1.0.1, Ed25519): a witness's word on a log's checkpoint.
//!
//! A cosignature says: as of this time, the largest consistent tree that I have seen of this log is the one with this size
//! and root. On the note it is a signature of type 0x04 whose bytes are the time and the Ed25519 signature:
//!
//! ```text
//! 8 bytes, big-endian     POSIX time in seconds
//! 64 bytes                Ed25519 signature over
//!                             cosignature/v1
//!                             time <the same time, decimal>
//!                             <the note's text, its last newline included>
//! ```

use std::{fmt, str::FromStr};

use super::{
    Error,
    checkpoint::Checkpoint,
    note::{Note, NoteSignature},
    vkey::{KeyId, KeyName, PUBLIC_KEY_LEN, SignatureType, read_vkey, write_vkey},
};

/// The header line, which keeps cosignatures apart from everything else that a key could sign.
const HEADER: &str = "cosignature/v1";

/// Length of the time in bytes.
const TIME_LEN: usize = size_of::<u64>();

/// Length of an Ed25519 signature in bytes.
const SIGNATURE_LEN: usize = 64;

/// Length of a cosignature in bytes, without the key ID.
pub const COSIGNATURE_LEN: usize = TIME_LEN + SIGNATURE_LEN;

/// The latest time of a cosignature, in seconds since 1970: the standard's 2⁶³ − 1.
pub const MAX_COSIGNATURE_TIME: u64 = i64::MAX as u64;

/// The public key of a cosigner, a witness for instance, and its name; its text is a vkey of type 0x04.
///
/// The type is another than that of a log's [`VerifierKey`](super::VerifierKey), so neither can be mistaken for the other.
///
/// ```
/// use hutong::tlog::CosignerKey;
///
/// let text = "witness.example.org/1+f061f8c0+BBOY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPK";
/// let key: CosignerKey = text.parse()?;
/// assert_eq!(key.name().as_str(), "witness.example.org/1");
/// assert_eq!(key.to_string(), text);
/// # Ok::<(), hutong::tlog::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignerKey {
    name: KeyName,
    public_key: [u8; PUBLIC_KEY_LEN],
}

impl CosignerKey {
    /// A named Ed25519 public key. Whether the bytes are a point of the curve shows when a cosignature is verified.
    #[must_use]
    pub const fn new(name: KeyName, public_key: [u8; PUBLIC_KEY_LEN]) -> Self {
        Self { name, public_key }
    }

    /// The cosigner's name.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's ID: the first four bytes of `SHA-256(name ‖ "\n" ‖ 0x04 ‖ public key)`.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        KeyId::of(SignatureType::Cosignature, &self.name, &self.public_key)
    }

    /// The Ed25519 public key.
    #[must_use]
    pub const fn public_key(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.public_key
    }
}

impl FromStr for CosignerKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, public_key) = read_vkey(text, SignatureType::Cosignature)?;
        Ok(Self { name, public_key })
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_vkey(f, SignatureType::Cosignature, &self.name, &self.public_key)
    }
}

/// Makes cosignatures with one key.
pub trait Cosigner {
    /// The public key.
    fn key(&self) -> &CosignerKey;

    /// Signs a [`cosigned_message`]: the 64 bytes of RFC 8032.
    fn sign(&self, message: &[u8]) -> Vec<u8>;
}

/// Cosigns a checkpoint as of this time, in seconds since 1970. It is for the caller to have checked that it may.
///
/// # Errors
///
/// [`Error::Checkpoint`] and others if the note is no checkpoint; [`Error::Cosignature`] for a time that is 0, which would
/// say that there is none, or after [`MAX_COSIGNATURE_TIME`].
pub fn cosign(checkpoint: &Note, time: u64, cosigner: &dyn Cosigner) -> Result<NoteSignature, Error> {
    let text = checkpoint.text();
    text.parse::<Checkpoint>()?;
    check_time(time)?;
    let signature = cosigner.sign(&cosigned_message(time, text));
    let key = cosigner.key();
    NoteSignature::new(key.name().clone(), key.key_id(), [time.to_be_bytes().as_slice(), &signature].concat())
}

/// What a cosigner signs: the header, the time, and the checkpoint's note text with its extension lines, if any.
#[must_use]
pub fn cosigned_message(time: u64, text: &str) -> Vec<u8> {
    format!("{HEADER}\ntime {time}\n{text}").into_bytes()
}

/// A cosignature's two parts; nothing is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosignature {
    /// When it was made, in seconds since 1970.
    pub time: u64,
    /// The Ed25519 signature over [`cosigned_message`].
    pub signature: [u8; SIGNATURE_LEN],
}

impl Cosignature {
    /// Reads the bytes of a note signature by a cosigner's key.
    ///
    /// # Errors
    ///
    /// [`Error::Cosignature`] for another length, or a time that no cosignature can have.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let length = Error::Cosignature { what: "must have 72 bytes: 8 of time and 64 of signature" };
        let (time, signature) = bytes.split_first_chunk::<TIME_LEN>().ok_or_else(|| length.clone())?;
        let signature = signature.try_into().map_err(|_| length)?;
        let time = u64::from_be_bytes(*time);
        check_time(time)?;
        Ok(Self { time, signature })
    }
}

fn check_time(time: u64) -> Result<(), Error> {
    match time {
        1..=MAX_COSIGNATURE_TIME => Ok(()),
        _ => Err(Error::Cosignature { what: "time must be from 1 to 2^63 - 1 seconds since 1970" }),
    }
}
