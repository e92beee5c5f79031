//! Ed25519 keys (RFC 8032), their thumbprints (RFC 7638) and their files (JWK, RFC 7517 and RFC 8037).
//!
//! A key file is one JSON object, `{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":…,"x":…}`, with `d`
//! when it is private. On reading, `alg`, `use` and `kid` may be missing but must be right when present; members that
//! RFC 7517 defines for others are ignored.

use ed25519_dalek::Verifier as _;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::encoding::{array_from_base64url, base64url};
use super::{Algorithm, Error, Random, Secret, Signer, Verifier, sha256};

/// The public half of a key, with its thumbprint.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifyingKey {
    public: [u8; Self::LENGTH],
    /// The key as a point, found once rather than for every signature; `None` where the bytes are no point's, so that nothing ever
    /// verifies.
    point: Option<ed25519_dalek::VerifyingKey>,
    thumbprint: [u8; 32],
    kid: String,
}

impl VerifyingKey {
    /// Bytes of an Ed25519 public key.
    pub const LENGTH: usize = 32;

    /// The key of 32 raw bytes.
    ///
    /// # Errors
    /// [`Error::WeakKey`] for a point of small order.
    pub fn from_bytes(public: &[u8; Self::LENGTH]) -> Result<Self, Error> {
        if is_small_order(public) {
            return Err(Error::WeakKey);
        }
        Ok(Self::of(*public))
    }

    fn of(public: [u8; Self::LENGTH]) -> Self {
        let thumbprint = thumbprint(&public);
        let point = ed25519_dalek::VerifyingKey::from_bytes(&public).ok();
        Self { public, point, thumbprint, kid: base64url(&thumbprint) }
    }

    /// Reads a public JWK.
    ///
    /// # Errors
    /// Another kind of key, a private key, a wrong `kid`, or text that is no such JWK.
    pub fn from_jwk(text: &str) -> Result<Self, Error> {
        let jwk = Jwk::parse(text)?;
        match jwk.d {
            None => jwk.public(),
            Some(_) => Err(Error::PrivateKeyAsPublic),
        }
    }

    /// The 32 raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.public
    }

    /// The key's RFC 7638 thumbprint (SHA-256), raw.
    #[must_use]
    pub fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// The key's RFC 7638 thumbprint: 43 characters of base64url.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public JWK, on one line.
    #[must_use]
    pub fn to_jwk(&self) -> String {
        let (kid, x) = (&self.kid, base64url(&self.public));
        format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"{kid}","x":"{x}"}}"#)
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifyingKey({})", self.kid)
    }
}

impl Verifier for VerifyingKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDsa
    }

    fn kid(&self) -> &str {
        &self.kid
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let signature = ed25519_dalek::Signature::from_slice(signature).ok();
        let verified =
            self.point.zip(signature).is_some_and(|(point, signature)| point.verify(message, &signature).is_ok());
        verified.then_some(()).ok_or_else(|| Error::Signature { kid: self.kid.clone() })
    }
}

/// A key pair. The seed is wiped on drop; ring's expanded copy is not ours to wipe.
pub struct SigningKey {
    seed: Secret,
    pair: Ed25519KeyPair,
    public: VerifyingKey,
}

impl SigningKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        Self::from_seed(&Secret::generate(random)?)
    }

    /// The key of an RFC 8032 seed.
    ///
    /// # Errors
    /// None for any seed in practice: [`Error::WeakKey`] is what the backend's refusal would be called.
    pub fn from_seed(seed: &Secret) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| Error::WeakKey)?;
        let bytes = pair.public_key().as_ref();
        let public = <[u8; VerifyingKey::LENGTH]>::try_from(bytes).map_err(|_| Error::WeakKey)?;
        Ok(Self { seed: seed.clone(), pair, public: VerifyingKey::of(public) })
    }

    /// Reads a private JWK (with `d`); the text is the caller's to wipe.
    ///
    /// # Errors
    /// As [`VerifyingKey::from_jwk`]; [`Error::KeyPairMismatch`] when `d` and `x` are not of one key.
    pub fn from_jwk(text: &str) -> Result<Self, Error> {
        let jwk = Jwk::parse(text)?;
        let d = jwk.d.ok_or(Error::Empty { what: "the key's private part d" })?;
        let public = jwk.public()?;
        let bytes = Zeroizing::new(array_from_base64url("the key's d", d)?);
        let key = Self::from_seed(&Secret::from_bytes(&bytes))?;
        if key.public == public { Ok(key) } else { Err(Error::KeyPairMismatch) }
    }

    /// The private JWK, on one line, wiped on drop.
    #[must_use]
    pub fn to_private_jwk(&self) -> Zeroizing<String> {
        let (kid, x) = (&self.public.kid, base64url(&self.public.public));
        let d = Zeroizing::new(base64url(self.seed.expose()));
        Zeroizing::new(format!(
            r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"{kid}","x":"{x}","d":"{}"}}"#,
            *d
        ))
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public.kid)
    }
}

impl Signer for SigningKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDsa
    }

    fn kid(&self) -> &str {
        &self.public.kid
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.pair.sign(message).as_ref().to_vec())
    }
}

/// A JWK as read. Its texts borrow, so that no copy of `d` is left behind; none of them ever needs a JSON escape.
#[derive(Deserialize)]
struct Jwk<'a> {
    kty: &'a str,
    crv: &'a str,
    x: &'a str,
    d: Option<&'a str>,
    alg: Option<&'a str>,
    #[serde(rename = "use")]
    usage: Option<&'a str>,
    kid: Option<&'a str>,
}

impl<'a> Jwk<'a> {
    fn parse(text: &'a str) -> Result<Self, Error> {
        let jwk: Self = serde_json::from_str(text).map_err(|error| Error::json("the key", &error))?;
        let required = [
            ("kty", jwk.kty, "OKP"),
            ("crv", jwk.crv, "Ed25519"),
            ("alg", jwk.alg.unwrap_or("EdDSA"), "EdDSA"),
            ("use", jwk.usage.unwrap_or("sig"), "sig"),
        ];
        for (member, found, allowed) in required {
            if found != allowed {
                return Err(Error::KeyParameter { member, found: found.to_owned(), allowed });
            }
        }
        Ok(jwk)
    }

    fn public(&self) -> Result<VerifyingKey, Error> {
        let key = VerifyingKey::from_bytes(&array_from_base64url("the key's x", self.x)?)?;
        match self.kid {
            Some(kid) if kid != key.kid => Err(Error::KidNotThumbprint { thumbprint: key.kid }),
            _ => Ok(key),
        }
    }
}

/// RFC 7638: SHA-256 of the required members in lexicographic order, without white space.
fn thumbprint(public: &[u8; VerifyingKey::LENGTH]) -> [u8; 32] {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(public));
    sha256(members.as_bytes())
}

/// The y coordinates (little-endian, sign bit clear) of Ed25519's points of order 1, 2, 4 and 8, and the encodings
/// of the same that are not reduced modulo p. ring takes them as keys; a signature under such a key says nothing
/// about who made it, so an actor could disown it.
const SMALL_ORDER: [[u8; 32]; 7] = [
    low(0),
    low(1),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    near_p(0xec),
    near_p(0xed),
    near_p(0xee),
];

const fn low(first: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = first;
    bytes
}

/// p = 2²⁵⁵ − 19 ends in 0xed when little-endian.
const fn near_p(first: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = first;
    bytes[31] = 0x7f;
    bytes
}

fn is_small_order(public: &[u8; VerifyingKey::LENGTH]) -> bool {
    let mut y = *public;
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.2 to A.4.
    const RFC8037_PUBLIC: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const RFC8037_KID: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    const RFC8037_INPUT: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    const RFC8037_SIGNATURE: &str =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn key() -> SigningKey {
        SigningKey::from_seed(&Secret::from_bytes(&[7; Secret::LENGTH])).unwrap()
    }

    fn rfc_8037() -> VerifyingKey {
        VerifyingKey::from_jwk(RFC8037_PUBLIC).unwrap()
    }

    #[test]
    fn rfc_8037_thumbprint_and_signature() {
        assert_eq!(rfc_8037().kid(), RFC8037_KID);
        let signature: [u8; 64] = array_from_base64url("signature", RFC8037_SIGNATURE).unwrap();
        rfc_8037().verify(RFC8037_INPUT.as_bytes(), &signature).unwrap();
        let signature = key().sign(RFC8037_INPUT.as_bytes()).unwrap();
        key().verifying_key().verify(RFC8037_INPUT.as_bytes(), &signature).unwrap();
        rfc_8037().verify(RFC8037_INPUT.as_bytes(), &signature).unwrap_err();
    }

    #[test]
    fn key_files_read_back() {
        let key = key();
        assert_eq!(SigningKey::from_jwk(&key.to_private_jwk()).unwrap().verifying_key(), key.verifying_key());
        assert_eq!(&VerifyingKey::from_jwk(&key.verifying_key().to_jwk()).unwrap(), key.verifying_key());
        assert!(!format!("{key:?}").contains(&base64url(&[7; Secret::LENGTH])));
    }

    #[test]
    fn a_private_file_is_no_public_key() {
        assert_eq!(VerifyingKey::from_jwk(&key().to_private_jwk()), Err(Error::PrivateKeyAsPublic));
        assert!(SigningKey::from_jwk(&key().verifying_key().to_jwk()).is_err());
    }

    #[test]
    fn other_keys_are_refused() {
        let good = rfc_8037().to_jwk();
        for (from, to) in [
            ("OKP", "EC"),
            ("Ed25519", "X25519"),
            ("\"EdDSA\"", "\"none\""),
            ("\"EdDSA\"", "\"ES256\""),
            ("\"sig\"", "\"enc\""),
            (RFC8037_KID, "other"),
            ("\"x\":\"1", "\"x\":\"1=="),
            ("HURo\"", "HURp\""),
            ("HURo\"", "HUR\""),
            ("HURo\"", "HURo\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""),
            ("}", "} x"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert!(VerifyingKey::from_jwk(&bad).is_err(), "{bad}");
        }
        let own = base64url(key().verifying_key().as_bytes());
        let mismatched = key().to_private_jwk().replace(&own, &base64url(rfc_8037().as_bytes()));
        let mismatched = mismatched.replace(key().verifying_key().kid(), RFC8037_KID);
        assert_eq!(SigningKey::from_jwk(&mismatched).unwrap_err(), Error::KeyPairMismatch);
    }

    #[test]
    fn points_of_small_order_are_refused() {
        for mut point in SMALL_ORDER {
            assert_eq!(VerifyingKey::from_bytes(&point), Err(Error::WeakKey));
            point[31] |= 0x80;
            assert_eq!(VerifyingKey::from_bytes(&point), Err(Error::WeakKey));
        }
    }

    #[test]
    fn a_changed_message_or_signature_does_not_verify() {
        let key = key();
        let signature = key.sign(b"message").unwrap();
        let public = key.verifying_key();
        assert!(public.verify(b"messagf", &signature).is_err());
        assert!(public.verify(b"message", &signature[..63]).is_err());
        for position in 0..64 {
            let mut changed = signature.clone();
            changed[position] ^= 1;
            assert!(public.verify(b"message", &changed).is_err());
        }
    }
}
