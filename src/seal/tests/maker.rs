//! Makes e-seals, signatures and certificates for tests, with keys made here: SM2 signing is in no other place.
//!
//! It stands by itself, so that tests of the whole program can include it too.

#![allow(dead_code, unreachable_pub)]

use sm2::dsa::{Signature, SigningKey, signature::Signer as _};

pub const SM2_WITH_SM3: &[u64] = &[1, 2, 156, 10197, 1, 501];
const IDENTIFIER: &str = "1234567812345678";

/// An element of DER.
pub fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let bytes = length.to_be_bytes();
    let significant: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut element = vec![tag];
    if length < 0x80 {
        element.push(u8::try_from(length).unwrap());
    } else {
        element.push(0x80 | u8::try_from(significant.len()).unwrap());
        element.extend(significant);
    }
    element.extend(content);
    element
}

pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

pub fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    der(0x31, &parts.concat())
}

pub fn integer(value: u32) -> Vec<u8> {
    unsigned(&value.to_be_bytes())
}

fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    if bytes.first().is_none_or(|first| *first >= 0x80) {
        bytes.insert(0, 0);
    }
    der(2, &bytes)
}

pub fn octets(content: &[u8]) -> Vec<u8> {
    der(4, content)
}

pub fn bits(content: &[u8]) -> Vec<u8> {
    der(3, &[&[0], content].concat())
}

pub fn boolean(value: bool) -> Vec<u8> {
    der(1, &[if value { 0xff } else { 0 }])
}

pub fn oid(arcs: &[u64]) -> Vec<u8> {
    let mut content = vec![u8::try_from(arcs[0] * 40 + arcs[1]).unwrap()];
    for arc in &arcs[2..] {
        let mut groups = vec![u8::try_from(arc & 0x7f).unwrap()];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.insert(0, u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        content.extend(groups);
    }
    der(6, &content)
}

pub fn ia5(text: &str) -> Vec<u8> {
    der(0x16, text.as_bytes())
}

pub fn utf8(text: &str) -> Vec<u8> {
    der(0x0c, text.as_bytes())
}

/// A GeneralizedTime such as `20260105000000Z`.
pub fn time(text: &str) -> Vec<u8> {
    der(0x18, text.as_bytes())
}

/// A UTCTime of the same text.
pub fn utc_time(text: &str) -> Vec<u8> {
    der(0x17, &text.as_bytes()[2..])
}

/// A name with a common name only.
fn name(common: &str) -> Vec<u8> {
    sequence(&[set(&[sequence(&[oid(&[2, 5, 4, 3]), utf8(common)])])])
}

fn algorithm() -> Vec<u8> {
    sequence(&[oid(SM2_WITH_SM3), der(5, &[])])
}

/// A key, made of a seed.
pub struct Key(SigningKey);

impl Key {
    pub fn new(seed: u8) -> Self {
        let mut secret = [0x5a; 32];
        secret[31] = seed;
        Self(SigningKey::from_slice(IDENTIFIER, &secret).unwrap())
    }

    /// A signature as DER.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(message);
        sequence(&[unsigned(&signature.r_bytes()), unsigned(&signature.s_bytes())])
    }

    fn info(&self) -> Vec<u8> {
        let curve = oid(&[1, 2, 156, 10197, 1, 301]);
        sequence(&[sequence(&[oid(&[1, 2, 840, 10045, 2, 1]), curve]), bits(&self.0.verifying_key().to_sec1_bytes())])
    }
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Authority,
    Signing,
    Encipherment,
    TimeStamping,
    Anything,
}

/// One who has a certificate.
pub struct Holder {
    pub name: String,
    pub key: Key,
    pub certificate: Vec<u8>,
    pub serial: u32,
}

pub const CERTIFIED: (&str, &str) = ("20250101000000Z", "20350101000000Z");

impl Holder {
    /// A certification authority of its own.
    pub fn authority(name: &str, seed: u8) -> Self {
        Self::made(name, seed, Use::Authority, CERTIFIED, None)
    }

    /// One with a certificate of this authority.
    pub fn certified(&self, name: &str, seed: u8, purpose: Use) -> Self {
        Self::made(name, seed, purpose, CERTIFIED, Some(self))
    }

    pub fn certified_during(&self, name: &str, seed: u8, (from, until): (&str, &str)) -> Self {
        Self::made(name, seed, Use::Signing, (from, until), Some(self))
    }

    fn made(subject: &str, seed: u8, purpose: Use, (from, until): (&str, &str), issuer: Option<&Self>) -> Self {
        let key = Key::new(seed);
        let usage = |unused: u8, bits: u8| {
            let value = der(3, &[unused, bits]);
            sequence(&[oid(&[2, 5, 29, 15]), boolean(true), octets(&value)])
        };
        let basic = |is_authority: bool| {
            let value = if is_authority { sequence(&[boolean(true)]) } else { sequence(&[]) };
            sequence(&[oid(&[2, 5, 29, 19]), octets(&value)])
        };
        let extensions = match purpose {
            // keyCertSign and cRLSign, digitalSignature and nonRepudiation, keyEncipherment.
            Use::Authority => vec![basic(true), usage(1, 0x06)],
            Use::Signing => vec![basic(false), usage(6, 0xc0)],
            Use::Encipherment => vec![basic(false), usage(5, 0x20)],
            Use::Anything => vec![basic(false)],
            Use::TimeStamping => {
                let stamping = sequence(&[oid(&[1, 3, 6, 1, 5, 5, 7, 3, 8])]);
                vec![usage(6, 0xc0), sequence(&[oid(&[2, 5, 29, 37]), boolean(true), octets(&stamping)])]
            }
        };
        let serial = 1000 + u32::from(seed);
        let to_sign = sequence(&[
            der(0xa0, &integer(2)),
            integer(serial),
            algorithm(),
            name(issuer.map_or(subject, |issuer| &issuer.name)),
            sequence(&[utc_time(from), utc_time(until)]),
            name(subject),
            key.info(),
            der(0xa3, &sequence(&extensions)),
        ]);
        let signature = issuer.map_or(&key, |issuer| &issuer.key).sign(&to_sign);
        let certificate = sequence(&[to_sign, algorithm(), bits(&signature)]);
        Self { name: subject.to_owned(), key, certificate, serial }
    }

    /// A list of revoked certificates, by serial number and time.
    pub fn revoke(&self, revoked: &[(u32, &str)], next_update: &str) -> Vec<u8> {
        let one = |(serial, at): &(u32, &str)| sequence(&[integer(*serial), utc_time(at)]);
        let to_sign = sequence(&[
            integer(1),
            algorithm(),
            name(&self.name),
            utc_time("20260101000000Z"),
            utc_time(next_update),
            sequence(&revoked.iter().map(one).collect::<Vec<_>>()),
        ]);
        let signature = self.key.sign(&to_sign);
        sequence(&[to_sign, algorithm(), bits(&signature)])
    }

    /// A time-stamp over bytes, whose SM3 is given.
    pub fn stamp(&self, issuer: &str, hash: &[u8], at: &str, digest: impl Fn(&[u8]) -> [u8; 32]) -> Vec<u8> {
        let sm3 = || sequence(&[oid(&[1, 2, 156, 10197, 1, 401])]);
        let content = sequence(&[integer(1), oid(&[1, 2, 3]), sequence(&[sm3(), octets(hash)]), integer(77), time(at)]);
        let attributes = [
            sequence(&[oid(&[1, 2, 840, 113549, 1, 9, 3]), set(&[oid(&[1, 2, 840, 113549, 1, 9, 16, 1, 4])])]),
            sequence(&[oid(&[1, 2, 840, 113549, 1, 9, 4]), set(&[octets(&digest(&content))])]),
        ];
        let signature = self.key.sign(&set(&attributes));
        let signer = sequence(&[
            integer(1),
            sequence(&[name(issuer), integer(self.serial)]),
            sm3(),
            der(0xa0, &attributes.concat()),
            sequence(&[oid(SM2_WITH_SM3)]),
            octets(&signature),
        ]);
        let data = sequence(&[
            integer(3),
            set(&[sm3()]),
            sequence(&[oid(&[1, 2, 840, 113549, 1, 9, 16, 1, 4]), der(0xa0, &octets(&content))]),
            der(0xa0, &self.certificate),
            set(&[signer]),
        ]);
        sequence(&[oid(&[1, 2, 840, 113549, 1, 7, 2]), der(0xa0, &data)])
    }
}

/// The smallest PNG there is, as a seal's picture.
pub const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82";

/// How a seal is made.
#[derive(Clone)]
pub struct Recipe {
    pub version: u32,
    pub id: String,
    pub name: String,
    pub created: &'static str,
    pub from: &'static str,
    pub until: &'static str,
    pub by_digest: bool,
    /// Extensions, whether each is critical; `None` leaves it away.
    pub extensions: Vec<Option<bool>>,
    pub picture: (&'static str, &'static [u8]),
    pub algorithm: &'static [u64],
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            version: 4,
            id: "50011200000323".to_owned(),
            name: "样例市大数据局电子印章".to_owned(),
            created: "20260105080000Z",
            from: "20260105000000Z",
            until: "20310105000000Z",
            by_digest: false,
            extensions: Vec::new(),
            picture: ("png", PICTURE),
            algorithm: SM2_WITH_SM3,
        }
    }
}

impl Recipe {
    pub fn version(version: u32) -> Self {
        Self { version, ..Self::default() }
    }

    fn extension_list(&self) -> Vec<u8> {
        let one = |critical: &Option<bool>| {
            let critical = critical.map(boolean).unwrap_or_default();
            sequence(&[oid(&[1, 2, 156, 10197, 6, 7]), critical, octets(b"2.1")])
        };
        sequence(&self.extensions.iter().map(one).collect::<Vec<_>>())
    }

    /// Makes a seal with which these may sign. `digest` is SM3.
    pub fn seal(&self, maker: &Holder, signers: &[&Holder], digest: impl Fn(&[u8]) -> [u8; 32]) -> Vec<u8> {
        let at = if self.version == 1 { utc_time } else { time };
        let list = sequence(
            &signers
                .iter()
                .map(|signer| match self.by_digest {
                    true => sequence(&[der(0x13, b"SM3"), octets(&digest(&signer.certificate))]),
                    false => octets(&signer.certificate),
                })
                .collect::<Vec<_>>(),
        );
        let kind = if self.version == 1 { Vec::new() } else { integer(if self.by_digest { 2 } else { 1 }) };
        let mut info = vec![
            sequence(&[ia5("ES"), integer(self.version), ia5("HutongTest")]),
            ia5(&self.id),
            sequence(&[integer(1), utf8(&self.name), kind, list, at(self.created), at(self.from), at(self.until)]),
            sequence(&[ia5(self.picture.0), octets(self.picture.1), integer(40), integer(40)]),
        ];
        if !self.extensions.is_empty() {
            info.push(self.extension_list());
        }
        let info = sequence(&info);
        let (certificate, algorithm) = (octets(&maker.certificate), oid(self.algorithm));
        if self.version == 1 {
            let signed = sequence(&[info.clone(), certificate.clone(), algorithm.clone()]);
            return sequence(&[info, sequence(&[certificate, algorithm, bits(&maker.key.sign(&signed))])]);
        }
        let signature = maker.key.sign(&info);
        sequence(&[info, certificate, algorithm, bits(&signature)])
    }

    /// Signs a hash with a seal.
    pub fn sign(&self, seal: &[u8], signer: &Holder, hash: &[u8], property: &str, at: &str) -> Vec<u8> {
        let certificate = octets(&signer.certificate);
        let algorithm = oid(self.algorithm);
        if self.version == 1 {
            let to_sign = sequence(&[
                integer(1),
                seal.to_vec(),
                bits(&utc_time(at)),
                bits(hash),
                ia5(property),
                certificate,
                algorithm,
            ]);
            let signature = signer.key.sign(&to_sign);
            return sequence(&[to_sign, bits(&signature)]);
        }
        let extensions = match self.extensions.is_empty() {
            true => Vec::new(),
            false => der(0xa0, &self.extension_list()),
        };
        let to_sign =
            sequence(&[integer(self.version), seal.to_vec(), time(at), bits(hash), ia5(property), extensions]);
        let signature = signer.key.sign(&to_sign);
        sequence(&[to_sign, certificate, algorithm, bits(&signature)])
    }
}

/// A seal or a signature with a time-stamp at its end.
pub fn with_time_stamp(whole: &[u8], token: &[u8]) -> Vec<u8> {
    let header = if whole[1] < 0x80 { 2 } else { 2 + usize::from(whole[1] & 0x7f) };
    sequence(&[whole[header..].to_vec(), der(0xa0, &bits(token))])
}

/// The signature at the end of a seal or a signature: what a time-stamp is over.
pub fn last_signature(whole: &[u8]) -> Vec<u8> {
    let start = (0..whole.len()).rev().find(|at| {
        whole[*at] == 3 && whole.get(at + 1).is_some_and(|length| at + 2 + usize::from(*length) == whole.len())
    });
    whole[start.unwrap() + 3..].to_vec()
}
