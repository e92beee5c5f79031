//! Canonical base64: one text for each sequence of bytes, or an error.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

use super::Error;

/// base64url without padding (RFC 7515).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding; unused trailing bits must be zero.
pub(crate) fn from_base64url(what: &'static str, text: &str) -> Result<Vec<u8>, Error> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::Base64 { what, alphabet: "base64url without padding" })
}

/// The same into a buffer that is used again and again: what was in it goes.
pub(super) fn into_base64url(what: &'static str, text: &str, bytes: &mut Vec<u8>) -> Result<(), Error> {
    bytes.clear();
    let read = URL_SAFE_NO_PAD.decode_vec(text, bytes);
    read.map_err(|_| Error::Base64 { what, alphabet: "base64url without padding" })
}

/// Reads base64url of exactly `N` bytes.
pub(crate) fn array_from_base64url<const N: usize>(what: &'static str, text: &str) -> Result<[u8; N], Error> {
    let bytes = from_base64url(what, text)?;
    <[u8; N]>::try_from(bytes.as_slice()).map_err(|_| Error::Length { what, found: bytes.len(), expected: N })
}

/// Standard base64 with padding (DSSE JSON).
pub(crate) fn base64_standard(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads padded base64 of either alphabet, as DSSE requires of consumers; canonical all the same.
pub(crate) fn from_base64_either(what: &'static str, text: &str) -> Result<Vec<u8>, Error> {
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .map_err(|_| Error::Base64 { what, alphabet: "base64 with padding" })
}
