//! The form of a signature made with an e-seal, an electronic signature 电子签章: `SES_Signature` of versions 1, 4 and 5.

use super::{
    der::{
        BIT_STRING, CONTEXT_0, GENERALIZED_TIME, IA5_STRING, Malformed, OCTET_STRING, Reader, SEQUENCE, UTC_TIME,
        time_of,
    },
    form::{Extension, Seal, Version, read_extensions, read_time_stamp},
};
use crate::domain::time::Time;

/// The most bytes of a signature: its seal, and as much again for certificate, time-stamp and extensions.
pub const MAX_SIGNATURE_BYTES: usize = 2 * super::form::MAX_SEAL_BYTES;
/// The longest description of what was signed, in characters: usually the path of a file in a document.
const MAX_PROPERTY: usize = 4096;

/// When a signature says that it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningTime<'a> {
    /// The signer's own word.
    Stated(Time),
    /// A time-stamp, which version 1 may have in its place.
    Stamped(&'a [u8]),
}

/// A signature made with an e-seal, read but not verified. It borrows the bytes it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealSignature<'a> {
    /// The version it says it follows.
    pub version: Version,
    /// The seal that signed.
    pub seal: Seal<'a>,
    /// When.
    pub time: SigningTime<'a>,
    /// The hash of what was signed.
    pub data_hash: &'a [u8],
    /// What was signed, in the signer's words; in an OFD the path of `Signature.xml`.
    pub property: &'a str,
    /// Its extensions.
    pub extensions: Vec<Extension>,
    /// The signer's certificate, DER as received.
    pub signer: &'a [u8],
    /// The algorithm of the signature.
    pub algorithm: String,
    /// The bytes of `toSign`, as received.
    pub(super) to_sign: &'a [u8],
    /// The signature, DER.
    pub(super) signature: &'a [u8],
    /// The time-stamp over it.
    pub time_stamp: Option<&'a [u8]>,
}

impl<'a> SealSignature<'a> {
    /// Reads a signature of any version.
    ///
    /// # Errors
    /// Which field is not as its standard has it, and where.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if bytes.len() > MAX_SIGNATURE_BYTES {
            let problem = format!("has {} bytes, allowed are {MAX_SIGNATURE_BYTES}", bytes.len());
            return reader.wrong("SES_Signature", problem);
        }
        let mut parts = reader.sequence("SES_Signature")?;
        reader.finish("SES_Signature")?;
        let to_sign = parts.element(SEQUENCE, "toSign")?;
        let mut tbs = Reader::within(&to_sign);
        let version = Version::read(&mut tbs, "toSign.version")?;
        let seal = Seal::read(&mut tbs)?;
        // Version 1 has certificate and algorithm within `toSign`, the others after it: the shape tells, whatever the numbers say.
        let is_first = parts.peek() == Some(BIT_STRING);
        let time =
            if is_first { read_first_time(&mut tbs)? } else { SigningTime::Stated(tbs.time("toSign.timeInfo")?) };
        let data_hash = read_hash(&mut tbs, is_first)?;
        let property = tbs.ascii(IA5_STRING, MAX_PROPERTY, "toSign.propertyInfo")?;
        let mut signature = Self {
            version,
            seal,
            time,
            data_hash,
            property,
            extensions: Vec::new(),
            signer: &[],
            algorithm: String::new(),
            to_sign: to_sign.span,
            signature: &[],
            time_stamp: None,
        };
        if is_first {
            signature.signer = tbs.octets("toSign.cert")?;
            signature.algorithm = tbs.oid("toSign.signatureAlgorithm")?;
            tbs.finish("toSign")?;
            signature.signature = parts.bits("signature")?;
        } else {
            if let Some(tagged) = tbs.optional(CONTEXT_0, "toSign.extDatas")? {
                let mut inner = Reader::within(&tagged);
                signature.extensions = read_extensions(&mut inner, "toSign.extDatas")?;
                inner.finish("toSign.extDatas")?;
            }
            tbs.finish("toSign")?;
            signature.signer = parts.octets("cert")?;
            signature.algorithm = parts.oid("signatureAlgID")?;
            signature.signature = parts.bits("signature")?;
            signature.time_stamp = read_time_stamp(&mut parts)?;
        }
        parts.finish("SES_Signature")?;
        Ok(signature)
    }
}

/// The time of a signature of version 1: a BIT STRING with a UTCTime or a time-stamp in it. Some programs write the time itself.
fn read_first_time<'a>(tbs: &mut Reader<'a>) -> Result<SigningTime<'a>, Malformed> {
    const FIELD: &str = "toSign.timeInfo";
    if matches!(tbs.peek(), Some(UTC_TIME | GENERALIZED_TIME)) {
        return Ok(SigningTime::Stated(tbs.time(FIELD)?));
    }
    let content = match tbs.peek() {
        Some(OCTET_STRING) => tbs.octets(FIELD)?,
        _ => tbs.bits(FIELD)?,
    };
    let mut inner = Reader::new(content);
    let stated = match inner.peek() {
        Some(UTC_TIME | GENERALIZED_TIME) => inner.time(FIELD).ok(),
        // The bare digits, without a tag.
        _ => time_of(UTC_TIME, content).or_else(|| time_of(GENERALIZED_TIME, content)),
    };
    Ok(stated.map_or(SigningTime::Stamped(content), SigningTime::Stated))
}

/// The hash, a BIT STRING; in version 1 some programs write an OCTET STRING.
fn read_hash<'a>(tbs: &mut Reader<'a>, is_first: bool) -> Result<&'a [u8], Malformed> {
    match tbs.peek() {
        Some(OCTET_STRING) if is_first => tbs.octets("toSign.dataHash"),
        _ => tbs.bits("toSign.dataHash"),
    }
}
