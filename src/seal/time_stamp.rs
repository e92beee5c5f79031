//! Time-stamps over signatures: an RFC 3161 token (GM/T 0033) with an SM2 signature, as seals of version 5 may carry.

use super::{
    certificate::{Certificate, SM2_WITH_SM3},
    der::{
        CONTEXT_0, Element, GENERALIZED_TIME, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE,
        SET, time_of,
    },
    ofd::SM3,
    trust::TrustAnchors,
};
use crate::{domain::time::Time, sign::sm3};

/// Signed data, in CMS and in GB/T 35275.
const SIGNED_DATA: [&str; 2] = ["1.2.840.113549.1.7.2", "1.2.156.10197.6.1.4.2.2"];
/// The content of a time-stamp.
const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
/// The attribute that holds the content's hash.
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
/// SM2, which some write where SM2 with SM3 belongs.
const SM2: &str = "1.2.156.10197.1.301.1";
/// The most certificates in a token: an authority's and what leads to its anchor.
const MAX_CERTIFICATES: usize = 16;

/// Verifies a time-stamp over these bytes, and gives its time.
///
/// # Errors
/// In words what is wrong with it.
pub(super) fn verify(token: &[u8], over: &[u8], trust: &TrustAnchors) -> Result<Time, String> {
    let token = Token::parse(token).map_err(|error| format!("does not read: {error}"))?;
    if token.hash_algorithm != SM3 {
        return Err(format!("hashes with {}, must be SM3, {SM3}", token.hash_algorithm));
    }
    if token.hash != sm3(over) {
        return Err("is over something else".to_owned());
    }
    if ![SM2_WITH_SM3, SM2].contains(&token.algorithm.as_str()) {
        return Err(format!("is signed by algorithm {}, must be SM2 with SM3, {SM2_WITH_SM3}", token.algorithm));
    }
    let issued = token.certificates.iter().filter_map(|der| Certificate::parse(der).ok());
    let mut named = issued.filter(|certificate| certificate.is_named(token.issuer, token.serial));
    let authority =
        named.next().ok_or("does not bring its authority's certificate along, or it is none with an SM2 key")?;
    if !authority.may_stamp_time() {
        return Err(format!("is signed by {}, whose key is not for time-stamps", authority.subject()));
    }
    if !authority.verifies(&token.signed_bytes()?, token.signature) {
        return Err("has a signature that does not verify".to_owned());
    }
    if !trust.is_empty() {
        if !authority.covers(token.time) {
            return Err(format!("is of {}, when its authority's certificate was not valid", token.time));
        }
        trust.chain(&authority, token.time).map_err(|unchained| format!("is not trusted: {}", unchained.en))?;
    }
    Ok(token.time)
}

/// What matters of a token.
struct Token<'a> {
    /// The content that is signed.
    content: &'a [u8],
    hash_algorithm: String,
    hash: &'a [u8],
    time: Time,
    certificates: Vec<&'a [u8]>,
    issuer: &'a [u8],
    serial: &'a [u8],
    /// The attributes that are signed in the content's place, as in the token: tagged `[0]`.
    attributes: Option<Element<'a>>,
    algorithm: String,
    signature: &'a [u8],
}

impl<'a> Token<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut whole = Reader::new(bytes);
        let mut info = whole.sequence("timeStamp.ContentInfo")?;
        whole.finish("timeStamp")?;
        let start = info;
        if !SIGNED_DATA.contains(&info.oid("timeStamp.contentType")?.as_str()) {
            return start.wrong("timeStamp.contentType", "is not signed data");
        }
        let mut data =
            Reader::within(&info.element(CONTEXT_0, "timeStamp.content")?).sequence("timeStamp.SignedData")?;
        data.number("timeStamp.version")?;
        data.element(SET, "timeStamp.digestAlgorithms")?;
        let mut encapsulated = data.sequence("timeStamp.encapContentInfo")?;
        let start = encapsulated;
        if encapsulated.oid("timeStamp.eContentType")? != TST_INFO {
            return start.wrong("timeStamp.eContentType", "is not that of a time-stamp");
        }
        let mut content = Reader::within(&encapsulated.element(CONTEXT_0, "timeStamp.eContent")?);
        let content = content.octets("timeStamp.eContent")?;
        let mut certificates = Vec::new();
        if let Some(set) = data.optional(CONTEXT_0, "timeStamp.certificates")? {
            let mut set = Reader::within(&set);
            while !set.is_empty() && certificates.len() < MAX_CERTIFICATES {
                certificates.push(set.any("timeStamp.certificates")?.span);
            }
        }
        // Revocation lists, which are not used.
        data.optional(0xa1, "timeStamp.crls")?;
        let mut signers = Reader::within(&data.element(SET, "timeStamp.signerInfos")?);
        let mut signer = signers.sequence("timeStamp.signerInfo")?;
        signers.finish("timeStamp.signerInfos")?;
        signer.number("timeStamp.signerInfo.version")?;
        let mut id = signer.sequence("timeStamp.signerInfo.sid")?;
        let issuer = id.element(SEQUENCE, "timeStamp.signerInfo.issuer")?.span;
        let serial = id.element(INTEGER, "timeStamp.signerInfo.serialNumber")?.content;
        signer.element(SEQUENCE, "timeStamp.signerInfo.digestAlgorithm")?;
        let attributes = signer.optional(CONTEXT_0, "timeStamp.signerInfo.signedAttrs")?;
        let algorithm = signer
            .sequence("timeStamp.signerInfo.signatureAlgorithm")?
            .oid("timeStamp.signerInfo.signatureAlgorithm")?;
        let signature = signer.octets("timeStamp.signerInfo.signature")?;

        let mut stamp = Reader::new(content).sequence("TSTInfo")?;
        stamp.number("TSTInfo.version")?;
        stamp.element(OBJECT_IDENTIFIER, "TSTInfo.policy")?;
        let mut imprint = stamp.sequence("TSTInfo.messageImprint")?;
        let hash_algorithm = imprint.sequence("TSTInfo.hashAlgorithm")?.oid("TSTInfo.hashAlgorithm")?;
        let hash = imprint.octets("TSTInfo.hashedMessage")?;
        stamp.element(INTEGER, "TSTInfo.serialNumber")?;
        let start = stamp;
        let time = stamp.element(GENERALIZED_TIME, "TSTInfo.genTime")?.content;
        // It may have fractions of a second, which do not matter here.
        let whole_seconds = time.split(|byte| *byte == b'.').next().unwrap_or_default();
        let seconds = [whole_seconds.strip_suffix(b"Z").unwrap_or(whole_seconds), b"Z"].concat();
        let Some(time) = time_of(GENERALIZED_TIME, &seconds) else {
            return start.wrong("TSTInfo.genTime", "is not a time in UTC");
        };
        Ok(Self { content, hash_algorithm, hash, time, certificates, issuer, serial, attributes, algorithm, signature })
    }

    /// The bytes under the signature: the content, or attributes that hold its hash, under the tag that they are signed with.
    fn signed_bytes(&self) -> Result<Vec<u8>, String> {
        let Some(attributes) = &self.attributes else { return Ok(self.content.to_vec()) };
        let digest = message_digest(attributes).map_err(|error| format!("does not read: {error}"))?;
        if digest != Some(&sm3(self.content)[..]) {
            return Err("has attributes that are not about its content".to_owned());
        }
        let (_, rest) = attributes.span.split_first().unwrap_or((&0, &[]));
        Ok([&[SET], rest].concat())
    }
}

fn message_digest<'a>(attributes: &Element<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    let mut reader = Reader::within(attributes);
    while !reader.is_empty() {
        let mut attribute = reader.sequence("signedAttrs")?;
        let id = attribute.oid("signedAttrs.attrType")?;
        let mut values = Reader::within(&attribute.element(SET, "signedAttrs.attrValues")?);
        if id == MESSAGE_DIGEST {
            return Ok(Some(values.element(OCTET_STRING, "signedAttrs.messageDigest")?.content));
        }
    }
    Ok(None)
}
