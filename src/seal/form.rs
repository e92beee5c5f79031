//! The form of an e-seal: GM/T 0031-2014 (version 1), GB/T 38540-2020 (version 4) and GM/T 0031-2025 (version 5).

use super::der::{BOOLEAN, CONTEXT_0, IA5_STRING, Malformed, OCTET_STRING, PRINTABLE_STRING, Reader, SEQUENCE};
use crate::domain::time::Time;

/// The most bytes of an e-seal. Almost all of them are its picture, of which real ones have up to some 100 KiB.
pub const MAX_SEAL_BYTES: usize = 1 << 20;
/// The most certificates, or digests of some, in a seal. Real ones list the one or few keys that one organisation signs with.
const MAX_CERTIFICATES: usize = 64;
/// The most extensions of a seal or a signature; real ones have up to three.
const MAX_EXTENSIONS: usize = 64;
/// The longest identifier, version, type or other code, in characters; that of a seal is usually 14 to 36 long.
const MAX_CODE: usize = 256;
/// The longest name of a seal, in bytes: some 340 Chinese characters.
const MAX_NAME: usize = 1024;

/// The version of the standard that a seal or a signature follows; its number is the one in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// GM/T 0031-2014.
    V1 = 1,
    /// GB/T 38540-2020.
    V4 = 4,
    /// GM/T 0031-2025.
    V5 = 5,
}

impl Version {
    pub(super) fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, Malformed> {
        let start = *reader;
        match reader.number(field)? {
            1 => Ok(Self::V1),
            4 => Ok(Self::V4),
            5 => Ok(Self::V5),
            other => start.wrong(field, format!("is {other}, known are 1, 4 and 5")),
        }
    }

    /// The standard.
    #[must_use]
    pub fn standard(self) -> &'static str {
        match self {
            Self::V1 => "GM/T 0031-2014",
            Self::V4 => "GB/T 38540-2020",
            Self::V5 => "GM/T 0031-2025",
        }
    }
}

/// Those who may sign with a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signers<'a> {
    /// Their certificates, each DER as received.
    Certificates(Vec<&'a [u8]>),
    /// Digests of their certificates.
    Digests(Vec<CertificateDigest<'a>>),
}

/// A digest of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateDigest<'a> {
    /// The algorithm, as an object identifier or a name.
    pub algorithm: &'a str,
    /// The digest.
    pub value: &'a [u8],
}

/// An extension, of a seal or of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its object identifier.
    pub id: String,
    /// Whether whoever does not know it must not accept the whole.
    pub critical: bool,
}

/// The picture of a seal 印章图像.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture<'a> {
    /// Its format, such as `png` or `ofd`.
    pub format: &'a str,
    /// The file.
    pub data: &'a [u8],
    /// In millimetres.
    pub width: u32,
    /// In millimetres.
    pub height: u32,
}

/// An e-seal 电子印章, read but not verified. It borrows the bytes it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal<'a> {
    /// All of it, as received.
    pub bytes: &'a [u8],
    /// The version in its header.
    pub version: Version,
    /// Who made the program that made it 厂商标识.
    pub vendor: &'a str,
    /// Its identifier 印章标识.
    pub id: &'a str,
    /// The kind of seal: 1 an organisation's, 2 a person's in version 1; codes of the standard since.
    pub kind: u32,
    /// 印章名称.
    pub name: &'a str,
    /// Who may sign with it.
    pub signers: Signers<'a>,
    /// When it was made.
    pub created: Time,
    /// From when on it may be used.
    pub valid_from: Time,
    /// Until when it may be used.
    pub valid_until: Time,
    /// Its picture.
    pub picture: Picture<'a>,
    /// Its extensions.
    pub extensions: Vec<Extension>,
    /// The certificate of the maker 制章者, DER as received.
    pub maker: &'a [u8],
    /// The algorithm of the maker's signature.
    pub algorithm: String,
    /// What is signed, in pieces of the bytes received: version 1 signs a SEQUENCE of three, the others one.
    pub(super) signed: Signed<'a>,
    /// The maker's signature, DER.
    pub(super) signature: &'a [u8],
    /// The time-stamp over it, in version 5.
    pub time_stamp: Option<&'a [u8]>,
}

/// The bytes that a signature is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signed<'a> {
    /// Exactly these.
    Span(&'a [u8]),
    /// A SEQUENCE of these.
    Sequence([&'a [u8]; 3]),
}

impl Signed<'_> {
    /// The bytes in one piece. A SEQUENCE gets the only header that DER has for its length.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Span(span) => span.to_vec(),
            Self::Sequence(parts) => {
                let length = parts.iter().map(|part| part.len()).sum::<usize>();
                let [_, high, middle, low] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
                let header = match length {
                    0..0x80 => vec![SEQUENCE, low],
                    0x80..0x100 => vec![SEQUENCE, 0x81, low],
                    0x100..0x1_0000 => vec![SEQUENCE, 0x82, middle, low],
                    _ => vec![SEQUENCE, 0x83, high, middle, low],
                };
                [&header, parts.concat().as_slice()].concat()
            }
        }
    }
}

impl<'a> Seal<'a> {
    /// Reads a seal of any version.
    ///
    /// # Errors
    /// Which field is not as its standard has it, and where.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if bytes.len() > MAX_SEAL_BYTES {
            return reader.wrong("SESeal", format!("has {} bytes, allowed are {MAX_SEAL_BYTES}", bytes.len()));
        }
        let seal = Self::read(&mut reader)?;
        reader.finish("SESeal")?;
        Ok(seal)
    }

    /// Reads a seal that stands in something larger.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let whole = reader.element(SEQUENCE, "SESeal")?;
        let mut parts = Reader::within(&whole);
        let info = parts.element(SEQUENCE, "eSealInfo")?;
        let mut reader = Reader::within(&info);

        let mut header = reader.sequence("header")?;
        let start = header;
        let id = header.ascii(IA5_STRING, MAX_CODE, "header.ID")?;
        if id != "ES" {
            return start.wrong("header.ID", format!("is {id:?}, must be \"ES\""));
        }
        let version = Version::read(&mut header, "header.version")?;
        let vendor = header.ascii(IA5_STRING, MAX_CODE, "header.Vid")?;
        header.finish("header")?;

        let id = reader.ascii(IA5_STRING, MAX_CODE, "esID")?;
        let mut property = reader.sequence("property")?;
        let kind = property.number("property.type")?;
        let name = property.utf8(MAX_NAME, "property.name")?;
        let signers = read_signers(&mut property, version)?;
        let created = property.time("property.createDate")?;
        let valid_from = property.time("property.validStart")?;
        let valid_until = property.time("property.validEnd")?;
        property.finish("property")?;

        let mut picture = reader.sequence("picture")?;
        let picture_of = Picture {
            format: picture.ascii(IA5_STRING, MAX_CODE, "picture.type")?,
            data: picture.octets("picture.data")?,
            width: picture.number("picture.width")?,
            height: picture.number("picture.height")?,
        };
        picture.finish("picture")?;
        let extensions = match reader.is_empty() {
            true => Vec::new(),
            false => read_extensions(&mut reader, "extDatas")?,
        };
        reader.finish("eSealInfo")?;

        let making = Making::read(&mut parts, version, info.span)?;
        parts.finish("SESeal")?;
        Ok(Self {
            bytes: whole.span,
            version,
            vendor,
            id,
            kind,
            name,
            signers,
            created,
            valid_from,
            valid_until,
            picture: picture_of,
            extensions,
            maker: making.certificate,
            algorithm: making.algorithm,
            signed: making.signed,
            signature: making.signature,
            time_stamp: making.time_stamp,
        })
    }
}

/// What the maker adds to a seal's information.
struct Making<'a> {
    certificate: &'a [u8],
    algorithm: String,
    signed: Signed<'a>,
    signature: &'a [u8],
    time_stamp: Option<&'a [u8]>,
}

impl<'a> Making<'a> {
    fn read(seal: &mut Reader<'a>, version: Version, info: &'a [u8]) -> Result<Self, Malformed> {
        if version == Version::V1 {
            let mut parts = seal.sequence("signInfo")?;
            let spans = parts;
            let certificate = parts.octets("signInfo.cert")?;
            let algorithm = parts.oid("signInfo.signatureAlgorithm")?;
            let signature = parts.bits("signInfo.signData")?;
            parts.finish("signInfo")?;
            let mut spans = spans;
            let certificate_span = spans.any("signInfo.cert")?.span;
            let algorithm_span = spans.any("signInfo.signatureAlgorithm")?.span;
            let signed = Signed::Sequence([info, certificate_span, algorithm_span]);
            return Ok(Self { certificate, algorithm, signed, signature, time_stamp: None });
        }
        let certificate = seal.octets("cert")?;
        let algorithm = seal.oid("signAlgID")?;
        let signature = seal.bits("signedValue")?;
        let time_stamp = match version {
            Version::V5 => read_time_stamp(seal)?,
            _ => None,
        };
        Ok(Self { certificate, algorithm, signed: Signed::Span(info), signature, time_stamp })
    }
}

/// `timeStamp [0] EXPLICIT BIT STRING OPTIONAL`.
pub(super) fn read_time_stamp<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    let Some(tagged) = reader.optional(CONTEXT_0, "timeStamp")? else { return Ok(None) };
    let mut inner = Reader::within(&tagged);
    let time_stamp = inner.bits("timeStamp")?;
    inner.finish("timeStamp")?;
    Ok(Some(time_stamp))
}

fn read_signers<'a>(property: &mut Reader<'a>, version: Version) -> Result<Signers<'a>, Malformed> {
    let start = *property;
    // Version 1 has certificates only and no field that says so.
    let kind = if version == Version::V1 { 1 } else { property.number("property.certListType")? };
    let mut list = property.sequence("property.certList")?;
    let signers = match kind {
        1 => {
            let mut certificates = Vec::new();
            while !list.is_empty() {
                certificates.push(list.octets("property.certList.cert")?);
                within_bound(&list, certificates.len(), MAX_CERTIFICATES, "property.certList")?;
            }
            Signers::Certificates(certificates)
        }
        2 => {
            let mut digests = Vec::new();
            while !list.is_empty() {
                let mut digest = list.sequence("property.certList.certDigest")?;
                digests.push(CertificateDigest {
                    algorithm: digest.ascii(PRINTABLE_STRING, MAX_CODE, "property.certList.certDigest.type")?,
                    value: digest.octets("property.certList.certDigest.value")?,
                });
                digest.finish("property.certList.certDigest")?;
                within_bound(&list, digests.len(), MAX_CERTIFICATES, "property.certList")?;
            }
            Signers::Digests(digests)
        }
        other => {
            let problem = format!("is {other}, allowed are 1 (certificates) and 2 (digests)");
            return start.wrong("property.certListType", problem);
        }
    };
    let is_empty = match &signers {
        Signers::Certificates(certificates) => certificates.is_empty(),
        Signers::Digests(digests) => digests.is_empty(),
    };
    if is_empty { start.wrong("property.certList", "is empty: nobody could sign with the seal") } else { Ok(signers) }
}

/// `ExtensionDatas`. That an extension is not critical is said explicitly in real seals, although it is the default.
pub(super) fn read_extensions(reader: &mut Reader<'_>, field: &'static str) -> Result<Vec<Extension>, Malformed> {
    let mut list = reader.sequence(field)?;
    let mut extensions = Vec::new();
    while !list.is_empty() {
        let mut extension = list.sequence(field)?;
        let id = extension.oid("extDatas.extnID")?;
        let critical = match extension.peek() {
            Some(BOOLEAN) => extension.boolean("extDatas.critical")?,
            _ => false,
        };
        extension.element(OCTET_STRING, "extDatas.extnValue")?;
        extension.finish(field)?;
        extensions.push(Extension { id, critical });
        within_bound(&list, extensions.len(), MAX_EXTENSIONS, field)?;
    }
    Ok(extensions)
}

fn within_bound(reader: &Reader<'_>, count: usize, most: usize, field: &'static str) -> Result<(), Malformed> {
    if count > most { reader.wrong(field, format!("has more than {most} members")) } else { Ok(()) }
}
