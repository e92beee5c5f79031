//! SM2 signatures with SM3 (GB/T 32918, GM/T 0003 and 0009), verified only: e-seals and their certificates carry them.
//!
//! A signature is over `SM3(Z ‖ message)`, where Z binds the signer's identifier and key. The identifier is the one that GM/T 0009
//! gives to everybody who has agreed on none. The signature itself is a DER SEQUENCE of two integers.

use sm2::dsa::{Signature, VerifyingKey, signature::Verifier as _};
use sm3::Digest as _;

use super::encoding::base64url;
use super::{Algorithm, Error, Verifier, sha256};

/// The identifier that every signer has (GM/T 0009 §10).
const IDENTIFIER: &str = "1234567812345678";

/// Bytes of an uncompressed point: `04`, x, y.
const POINT_LENGTH: usize = 65;

/// SM3 of `bytes` (GB/T 32905).
#[must_use]
pub fn sm3(bytes: &[u8]) -> [u8; 32] {
    sm3::Sm3::digest(bytes).into()
}

/// A public SM2 key.
#[derive(Clone)]
pub struct Sm2VerifyingKey {
    key: VerifyingKey,
    kid: String,
}

impl Sm2VerifyingKey {
    /// The key of an uncompressed point, as certificates have it.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::WeakKey`] for what is no point of the curve.
    pub fn from_point(point: &[u8]) -> Result<Self, Error> {
        let length = || Error::Length { what: "SM2 public key", found: point.len(), expected: POINT_LENGTH };
        let point: &[u8; POINT_LENGTH] = point.try_into().map_err(|_| length())?;
        let key = VerifyingKey::from_sec1_bytes(IDENTIFIER, point).map_err(|_| Error::WeakKey)?;
        let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
        let thumbprint = sha256(format!(r#"{{"crv":"SM2","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes());
        Ok(Self { key, kid: base64url(&thumbprint) })
    }
}

impl std::fmt::Debug for Sm2VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sm2VerifyingKey({})", self.kid)
    }
}

impl Verifier for Sm2VerifyingKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Sm2WithSm3
    }

    fn kid(&self) -> &str {
        &self.kid
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let signature = scalars(signature).and_then(|scalars| Signature::from_slice(&scalars).ok());
        let verified = signature.is_some_and(|signature| self.key.verify(message, &signature).is_ok());
        verified.then_some(()).ok_or_else(|| Error::Signature { kid: self.kid.clone() })
    }
}

/// r and s, 32 bytes each, of a DER SEQUENCE of two INTEGERs; `None` for anything that is not exactly their DER.
fn scalars(der: &[u8]) -> Option<[u8; 64]> {
    let (content, rest) = element(der, 0x30)?;
    let (r, after) = element(content, 0x02)?;
    let (s, end) = element(after, 0x02)?;
    if !rest.is_empty() || !end.is_empty() {
        return None;
    }
    let mut scalars = [0; 64];
    let (left, right) = scalars.split_at_mut(32);
    for (integer, place) in [(r, left), (s, right)] {
        let magnitude = match integer {
            // A zero in front is there only to keep the number positive.
            [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => rest,
            [first, ..] if *first > 0 && *first < 0x80 => integer,
            _ => return None,
        };
        let start = place.len().checked_sub(magnitude.len())?;
        place.get_mut(start..)?.copy_from_slice(magnitude);
    }
    Some(scalars)
}

/// The content of the element of this tag in front, and what follows it. A signature's lengths all fit one byte.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk()?;
    if found != tag || length >= 0x80 {
        return None;
    }
    rest.split_at_checked(length.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;
    use sm2::dsa::{SigningKey, signature::Signer as _};

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    /// The DER of r and s.
    fn der(r: &str, s: &str) -> Vec<u8> {
        let integer = |hex: &str| {
            let mut integer = bytes(hex);
            if integer[0] >= 0x80 {
                integer.insert(0, 0);
            }
            [vec![2, u8::try_from(integer.len()).unwrap()], integer].concat()
        };
        let content = [integer(r), integer(s)].concat();
        [vec![0x30, u8::try_from(content.len()).unwrap()], content].concat()
    }

    /// GB/T 32918.5 appendix A, which is GM/T 0003.5's too: the curve that everybody uses, this very identifier.
    const X: &str = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020";
    const Y: &str = "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
    const R: &str = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3";
    const S: &str = "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";

    fn example_key() -> Sm2VerifyingKey {
        Sm2VerifyingKey::from_point(&bytes(&format!("04{X}{Y}"))).unwrap()
    }

    #[test]
    fn the_standards_example_verifies_and_nothing_near_it() {
        let (key, signature) = (example_key(), der(R, S));
        key.verify(b"message digest", &signature).unwrap();
        for (message, signature) in [
            (&b"message digesT"[..], signature.clone()),
            (b"message digest", der(S, R)),
            (b"message digest", [&signature[..], &[0]].concat()),
            (b"message digest", signature[..signature.len() - 1].to_vec()),
            (b"message digest", bytes(&format!("{R}{S}"))),
            (b"message digest", Vec::new()),
        ] {
            assert!(matches!(key.verify(message, &signature), Err(Error::Signature { .. })), "{signature:?}");
        }
    }

    #[test]
    fn numbers_are_read_in_their_only_encoding_and_range() {
        let order = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
        for refused in [
            bytes("3006020100020101"),
            bytes("30080202000102020001"),
            bytes("3006020181020101"),
            bytes("30060201010201ff"),
            bytes("308106020101020101"),
            der(order, S),
            der(R, order),
            bytes("30800201010201010000"),
        ] {
            assert!(example_key().verify(b"message digest", &refused).is_err(), "{refused:02x?}");
        }
        assert!(scalars(&bytes("3006020101020101")).is_some());
        assert!(scalars(&[&[0x30, 38, 2, 33, 1][..], &[0; 32], &[2, 1, 1]].concat()).is_none());
    }

    #[test]
    fn a_key_is_a_point_of_the_curve() {
        let off = bytes(&format!("04{X}{}", Y.replace("13", "14")));
        assert_eq!(Sm2VerifyingKey::from_point(&off).unwrap_err(), Error::WeakKey);
        assert!(matches!(Sm2VerifyingKey::from_point(&off[..33]), Err(Error::Length { .. })));
        let compressed_length = [&[2][..], &off[1..]].concat();
        assert_eq!(Sm2VerifyingKey::from_point(&compressed_length).unwrap_err(), Error::WeakKey);
    }

    #[test]
    fn sm3_is_that_of_its_standard() {
        assert_eq!(hex::encode(sm3(b"abc")), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_signed_verifies_and_a_changed_bit_does_not(
            secret in prop::array::uniform31(any::<u8>()),
            message in prop::collection::vec(any::<u8>(), 0..64),
            bit in 0usize..560,
        ) {
            let secret = [&[1][..], &secret].concat();
            let signing = SigningKey::from_slice(IDENTIFIER, &secret).unwrap();
            let key = Sm2VerifyingKey::from_point(&signing.verifying_key().to_sec1_bytes()).unwrap();
            let made: Signature = signing.sign(&message);
            let strip = |number: &[u8]| hex::encode(&number[number.iter().take_while(|byte| **byte == 0).count()..]);
            let signature = der(&strip(&made.r_bytes()), &strip(&made.s_bytes()));
            prop_assert!(key.verify(&message, &signature).is_ok());
            let mut changed = signature.clone();
            let place = bit % (signature.len() * 8);
            changed[place / 8] ^= 1 << (place % 8);
            prop_assert!(key.verify(&message, &changed).is_err());
        }
    }
}
