//! DSSE 1.0.2 envelopes: a payload, its type, and signatures over both.
//!
//! ```text
//! PAE(type, payload) = "DSSEv1" SP len(type) SP type SP len(payload) SP payload
//! ```
//!
//! The signature covers the type too, so a statement of one kind never passes for another. Envelopes travel as
//! protobuf; [`Envelope::to_json`] exports the standard JSON form, which any DSSE library verifies. What the payload
//! means is not this module's business: it is handed on as the bytes that were verified.

use serde::Deserialize;

use super::encoding::{base64_standard, from_base64_either};
use super::{Error, Signer, Verifier};

/// Signatures an envelope may carry: an agreement's text has three at most (consumer, provider, administrator); the
/// rest is room for a change of keys in between. It bounds what a forged envelope can cost.
pub const MAX_SIGNATURES: usize = 8;

/// The payload type of statements of `kind`: `application/vnd.hutong.<kind>.v1+protobuf`.
#[must_use]
pub fn payload_type(kind: &str) -> String {
    format!("application/vnd.hutong.{kind}.v1+protobuf")
}

/// The pre-authentication encoding: what is signed.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// One signature and the key it claims to be of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The signer's `kid`. No signature covers it: it says which key to try, and proves nothing.
    pub keyid: String,
    /// The raw signature.
    pub sig: Vec<u8>,
}

impl Signature {
    /// Signs a payload that lies elsewhere, such as an agreement's text.
    ///
    /// # Errors
    /// [`Error::Empty`] without a payload type; what the signer says.
    pub fn sign(signer: &dyn Signer, payload_type: &str, payload: &[u8]) -> Result<Self, Error> {
        require_type(payload_type)?;
        let sig = signer.sign(&pae(payload_type, payload))?;
        Ok(Self { keyid: signer.kid().to_owned(), sig })
    }

    /// Checks this signature, made by the key it names, over a payload that lies elsewhere.
    ///
    /// # Errors
    /// [`Error::Kid`] when it names another key, [`Error::Signature`] when it does not verify.
    pub fn verify(&self, verifier: &dyn Verifier, payload_type: &str, payload: &[u8]) -> Result<(), Error> {
        require_type(payload_type)?;
        if self.keyid != verifier.kid() {
            return Err(Error::Kid { found: self.keyid.clone(), expected: verifier.kid().to_owned() });
        }
        verifier.verify(&pae(payload_type, payload), &self.sig)
    }
}

/// A payload with the signatures over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The signed bytes, as received.
    pub payload: Vec<u8>,
    /// How to read them.
    pub payload_type: String,
    /// Who signed.
    pub signatures: Vec<Signature>,
}

impl Envelope {
    /// An envelope with one signature.
    ///
    /// # Errors
    /// As [`Signature::sign`].
    pub fn sign(signer: &dyn Signer, payload_type: &str, payload: Vec<u8>) -> Result<Self, Error> {
        let signature = Signature::sign(signer, payload_type, &payload)?;
        Ok(Self { payload, payload_type: payload_type.to_owned(), signatures: vec![signature] })
    }

    /// Verifies a statement: exactly one signature, naming `verifier`'s key. Nothing unsigned is tolerated beside it,
    /// so that one statement has one form. Gives the bytes that were verified.
    ///
    /// # Errors
    /// [`Error::SignatureCount`], or as [`Signature::verify`].
    pub fn verify_sole(&self, verifier: &dyn Verifier) -> Result<&[u8], Error> {
        let [signature] = self.signatures.as_slice() else {
            return Err(Error::SignatureCount { found: self.signatures.len() });
        };
        signature.verify(verifier, &self.payload_type, &self.payload)?;
        Ok(&self.payload)
    }

    /// Verifies as DSSE has it: one of the signatures, whatever key it names, is `verifier`'s. For envelopes of several
    /// signers, asked once for each.
    ///
    /// # Errors
    /// [`Error::AboveBound`] above [`MAX_SIGNATURES`]; [`Error::Signature`] when none verifies.
    pub fn verify_any(&self, verifier: &dyn Verifier) -> Result<&[u8], Error> {
        require_type(&self.payload_type)?;
        require_count(self.signatures.len())?;
        let signed = pae(&self.payload_type, &self.payload);
        if self.signatures.iter().any(|signature| verifier.verify(&signed, &signature.sig).is_ok()) {
            Ok(&self.payload)
        } else {
            Err(Error::Signature { kid: verifier.kid().to_owned() })
        }
    }

    /// The standard DSSE JSON envelope, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let signatures: Vec<_> = self
            .signatures
            .iter()
            .map(|Signature { keyid, sig }| serde_json::json!({ "keyid": keyid, "sig": base64_standard(sig) }))
            .collect();
        serde_json::json!({
            "payload": base64_standard(&self.payload),
            "payloadType": self.payload_type,
            "signatures": signatures,
        })
        .to_string()
    }

    /// Reads a DSSE JSON envelope of any maker: either alphabet of base64, unknown members ignored, `keyid` optional.
    ///
    /// # Errors
    /// Text that is no such envelope, base64 that is not canonical, no signature, or more than [`MAX_SIGNATURES`].
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let json: EnvelopeJson =
            serde_json::from_str(text).map_err(|error| Error::json("the DSSE envelope", &error))?;
        require_type(&json.payload_type)?;
        require_count(json.signatures.len())?;
        Ok(Self {
            payload: from_base64_either("payload", &json.payload)?,
            payload_type: json.payload_type,
            signatures: json.signatures.into_iter().map(SignatureJson::decode).collect::<Result<_, _>>()?,
        })
    }
}

fn require_type(payload_type: &str) -> Result<(), Error> {
    if payload_type.is_empty() { Err(Error::Empty { what: "the payload type" }) } else { Ok(()) }
}

fn require_count(found: usize) -> Result<(), Error> {
    match found {
        0 => Err(Error::Empty { what: "the list of signatures" }),
        1..=MAX_SIGNATURES => Ok(()),
        _ => Err(Error::AboveBound {
            what: "signatures of an envelope",
            found: found as u64,
            bound: MAX_SIGNATURES as u64,
        }),
    }
}

#[derive(Deserialize)]
struct EnvelopeJson {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<SignatureJson>,
}

#[derive(Deserialize)]
struct SignatureJson {
    #[serde(default)]
    keyid: String,
    sig: String,
}

impl SignatureJson {
    fn decode(self) -> Result<Signature, Error> {
        Ok(Signature { sig: from_base64_either("sig", &self.sig)?, keyid: self.keyid })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::sign::{Secret, SigningKey};

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Secret::from_bytes(&[seed; 32])).unwrap()
    }

    fn envelope() -> Envelope {
        Envelope::sign(&key(1), &payload_type("query"), vec![0xfb, 0xff, 0]).unwrap()
    }

    #[test]
    fn the_specification_s_own_encoding() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("项", b""), "DSSEv1 3 项 0 ".as_bytes());
    }

    #[test]
    fn a_statement_has_one_signature_that_names_its_key() {
        let envelope = envelope();
        assert_eq!(envelope.verify_sole(key(1).verifying_key()).unwrap(), [0xfb, 0xff, 0]);
        assert!(matches!(envelope.verify_sole(key(2).verifying_key()), Err(Error::Kid { .. })));

        let mut unnamed = envelope.clone();
        unnamed.signatures[0].keyid.clear();
        assert!(unnamed.verify_sole(key(1).verifying_key()).is_err());
        unnamed.verify_any(key(1).verifying_key()).unwrap();

        let mut twice = envelope.clone();
        twice.signatures.push(twice.signatures[0].clone());
        assert_eq!(twice.verify_sole(key(1).verifying_key()), Err(Error::SignatureCount { found: 2 }));
    }

    #[test]
    fn payload_type_and_payload_are_both_signed() {
        for change in [
            |envelope: &mut Envelope| envelope.payload_type = payload_type("check"),
            |envelope: &mut Envelope| envelope.payload.push(0),
            |envelope: &mut Envelope| envelope.payload_type.clear(),
            |envelope: &mut Envelope| envelope.signatures.clear(),
            |envelope: &mut Envelope| envelope.signatures = vec![envelope.signatures[0].clone(); MAX_SIGNATURES + 1],
        ] {
            let mut changed = envelope();
            change(&mut changed);
            assert!(changed.verify_sole(key(1).verifying_key()).is_err());
            assert!(changed.verify_any(key(1).verifying_key()).is_err());
        }
    }

    #[test]
    fn json_reads_back_in_either_alphabet() {
        let envelope = envelope();
        let json = envelope.to_json();
        assert!(json.contains("+/8A"));
        assert_eq!(Envelope::from_json(&json).unwrap(), envelope);
        assert_eq!(Envelope::from_json(&json.replace("+/8A", "-_8A")).unwrap(), envelope);
        let extended = json.replacen('{', r#"{"more":1,"#, 1);
        assert_eq!(Envelope::from_json(&extended).unwrap(), envelope);
    }

    #[test]
    fn json_that_is_no_envelope_is_refused() {
        let json = envelope().to_json();
        for (from, to) in [
            ("+/8A", "+_8A"),
            ("+/8A", "+/8"),
            ("+/8A", "+/9="),
            ("\"payload\":", "\"payload\":\"\",\"payload\":"),
            ("application/vnd.hutong.query.v1+protobuf", ""),
            ("\"sig\"", "\"signature\""),
        ] {
            assert!(Envelope::from_json(&json.replace(from, to)).is_err(), "{from} {to}");
        }
        assert!(Envelope::from_json(r#"{"payload":"","payloadType":"t","signatures":[]}"#).is_err());
    }
}
