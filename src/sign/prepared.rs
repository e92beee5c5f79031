//! A key made ready for many verifications.
//!
//! A signature (R, s) of Ed25519 holds where R is the encoding of `s·B − k·A`: B the base point, A the key, k a hash. Verified once, that
//! takes some 250 doublings. With the multiples of A written down beforehand no doubling is left: both scalars are cut into
//! digits, and for each digit one point is added.
//!
//! ```text
//! k = k₀ + k₁·64 + k₂·64² + …        k·A = k₀·A + k₁·(64·A) + k₂·(64²·A) + …        −32 ≤ kᵢ < 32
//! ```
//!
//! The point is the same, and so is every check around it, so exactly the same signatures hold as for [`VerifyingKey`]:
//! `tests/sign/strictness.rs` says so. Batches would be cheaper still, but accept other signatures where keys or nonces have a part
//! of small order.
//!
//! Everything here is public; its time depends on the values.

use std::sync::LazyLock;

use curve25519_dalek::{
    constants::ED25519_BASEPOINT_POINT,
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
    traits::Identity as _,
};
use ring::digest::{Context, SHA512};

use super::{Algorithm, Error, Verifier, VerifyingKey};

/// How many bits a digit has: 6 make 220 kB of multiples a key, which the processor's cache holds for some keys; 8 would save a
/// quarter of the additions and take three times as much.
const DIGIT_BITS: usize = 6;
/// How many digits a scalar below 2^253 has, with room for a carry out of the last but one.
const DIGITS: usize = 253_usize.div_ceil(DIGIT_BITS);
/// Digits lie within half a range on either side of zero: points are negated for nothing.
const HALF: usize = 1 << (DIGIT_BITS - 1);

/// A public key with its multiples at hand.
pub struct PreparedKey {
    key: VerifyingKey,
    /// Of −A: `(order − k)·A` would be another point where A has a part of small order.
    multiples: Multiples,
}

impl PreparedKey {
    /// How much memory a prepared key takes, in bytes.
    pub const BYTES: usize = DIGITS * HALF * size_of::<EdwardsPoint>();
    /// After how many verifications preparing has paid off: it takes as long as some 30.
    pub const WORTH: u32 = 64;

    /// Prepares a key; `None` where its bytes are no point's, so that nothing ever verifies.
    #[must_use]
    pub fn new(key: &VerifyingKey) -> Option<Self> {
        let point = CompressedEdwardsY(*key.as_bytes()).decompress()?;
        Some(Self { key: key.clone(), multiples: Multiples::of(-point) })
    }

    /// Whether a signature is this key's, as `ed25519_dalek` finds it without tables.
    fn holds(&self, message: &[u8], signature: &[u8]) -> Option<bool> {
        let (r, s) = signature.split_first_chunk::<32>()?;
        // An s beyond the order would be a second form of a signature.
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
        let mut hash = Context::new(&SHA512);
        [r, self.key.as_bytes(), message].into_iter().for_each(|part| hash.update(part));
        let k = Scalar::from_bytes_mod_order_wide(hash.finish().as_ref().try_into().ok()?);
        let mut sum = EdwardsPoint::identity();
        BASE.add_times(&mut sum, &s);
        self.multiples.add_times(&mut sum, &k);
        Some(sum.compress().as_bytes() == r)
    }
}

impl Verifier for PreparedKey {
    fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    fn kid(&self) -> &str {
        self.key.kid()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        match self.holds(message, signature) {
            Some(true) => Ok(()),
            _ => Err(Error::Signature { kid: self.key.kid().to_owned() }),
        }
    }
}

static BASE: LazyLock<Multiples> = LazyLock::new(|| Multiples::of(ED25519_BASEPOINT_POINT));

/// For each place of a digit its multiples 1 to [`HALF`].
struct Multiples(Vec<[EdwardsPoint; HALF]>);

impl Multiples {
    fn of(mut unit: EdwardsPoint) -> Self {
        let row = |_| {
            let mut row = [unit; HALF];
            let mut multiple = unit;
            for next in row.iter_mut().skip(1) {
                multiple += unit;
                *next = multiple;
            }
            unit = multiple + multiple;
            row
        };
        Self((0..DIGITS).map(row).collect())
    }

    /// Adds the product of a scalar and the point.
    fn add_times(&self, sum: &mut EdwardsPoint, scalar: &Scalar) {
        for (row, digit) in self.0.iter().zip(digits(scalar)) {
            let Some(multiple) = usize::from(digit.unsigned_abs()).checked_sub(1).and_then(|at| row.get(at)) else {
                continue;
            };
            if digit > 0 { *sum += multiple } else { *sum -= multiple }
        }
    }
}

/// The digits of a reduced scalar, the lowest first, each from `-HALF` to `HALF - 1`.
fn digits(scalar: &Scalar) -> impl Iterator<Item = i8> {
    let mut bytes = [0; 40];
    bytes.iter_mut().zip(scalar.as_bytes()).for_each(|(to, from)| *to = *from);
    let mut carry = 0;
    (0..DIGITS).map(move |place| {
        let bit = place * DIGIT_BITS;
        let pair = bytes.get(bit / 8..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        let value = (u16::from_le_bytes(pair) >> (bit % 8)) % (2 * HALF as u16) + carry;
        carry = u16::from(value >= HALF as u16);
        // At most 2 * HALF, 64: both fit.
        value as i8 - (carry as i8) * 2 * HALF as i8
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use proptest::prelude::*;

    use super::*;
    use crate::sign::{Secret, Signer as _, SigningKey};

    fn product(point: EdwardsPoint, scalar: &Scalar) -> EdwardsPoint {
        let mut sum = EdwardsPoint::identity();
        Multiples::of(point).add_times(&mut sum, scalar);
        sum
    }

    #[test]
    fn products_of_extreme_scalars_are_those_of_the_group_whatever_the_order_of_the_point() {
        let half = Scalar::from_canonical_bytes([[0x20; 31].as_slice(), &[0]].concat().try_into().unwrap()).unwrap();
        let digits = Scalar::from(0x7df7_df7d_f7df_7df7_u64);
        for scalar in [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, -Scalar::from(32_u8), half, -half, digits, -digits] {
            for torsion in EIGHT_TORSION {
                let point = ED25519_BASEPOINT_POINT + torsion;
                assert_eq!(product(point, &scalar), point * scalar, "{scalar:?}");
                assert_eq!(product(torsion, &scalar), torsion * scalar, "{scalar:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn it_says_of_every_signature_what_the_plain_key_says(
            seed: [u8; 32],
            messages: Vec<Vec<u8>>,
            at in 0..64_usize,
            bit in 0..8_u8,
        ) {
            let key = SigningKey::from_seed(&Secret::from_bytes(&seed)).unwrap();
            let (plain, prepared) = (key.verifying_key(), PreparedKey::new(key.verifying_key()).unwrap());
            for message in &messages {
                let mut signature = key.sign(message).unwrap();
                prop_assert_eq!(prepared.verify(message, &signature), Ok(()));
                signature[at] ^= 1_u8 << bit;
                prop_assert_eq!(prepared.verify(message, &signature), plain.verify(message, &signature));
                prop_assert!(prepared.verify(message, &signature[1..]).is_err());
            }
        }
    }
}
