//! Signatures on which verifiers of Ed25519 are known to differ: a signature that the hub accepts and an auditor's tool refuses would be
//! a hole in the evidence. ring, and Go's library, verify without the cofactor and compare R byte by byte; so must we.

use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::EdwardsPoint,
    scalar::Scalar,
};
use hutong::sign::{PreparedKey, Verifier as _, VerifyingKey};
use ring::{
    digest::{Context, SHA512},
    signature::{ED25519, UnparsedPublicKey},
};

/// What both say: ours, ring's. Ours says the same with the key made ready for many verifications.
fn verdicts(public: &[u8; 32], message: &[u8], signature: &[u8]) -> (bool, bool) {
    let key = VerifyingKey::from_bytes(public).ok();
    let ours = key.as_ref().is_some_and(|key| key.verify(message, signature).is_ok());
    let prepared = key.as_ref().and_then(PreparedKey::new);
    assert_eq!(prepared.is_some_and(|key| key.verify(message, signature).is_ok()), ours);
    (ours, UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok())
}

fn scalar_of(parts: &[&[u8]]) -> Scalar {
    let mut context = Context::new(&SHA512);
    parts.iter().for_each(|part| context.update(part));
    Scalar::from_bytes_mod_order_wide(context.finish().as_ref().try_into().unwrap())
}

/// Signs with a secret scalar under a public key and with an R of one's choice, as its bytes.
fn sign(secret: Scalar, public: &[u8; 32], nonce: Scalar, r: [u8; 32], message: &[u8]) -> [u8; 64] {
    let s = nonce + scalar_of(&[&r, public, message]) * secret;
    [r, s.to_bytes()].concat().try_into().unwrap()
}

fn secret() -> Scalar {
    scalar_of(&[b"a secret of this test only"])
}

fn multiple(scalar: Scalar) -> EdwardsPoint {
    ED25519_BASEPOINT_POINT * scalar
}

#[test]
fn a_key_of_mixed_order_verifies_where_the_equation_without_cofactor_holds_and_only_there() {
    let nonce = scalar_of(&[b"nonce"]);
    let mut accepted = 0;
    for torsion in EIGHT_TORSION {
        let public = (multiple(secret()) + torsion).compress().to_bytes();
        for message in 0..64_u8 {
            let signature = sign(secret(), &public, nonce, multiple(nonce).compress().to_bytes(), &[message]);
            let (ours, ring) = verdicts(&public, &[message], &signature);
            assert_eq!(ours, ring, "torsion {torsion:?}, message {message}");
            accepted += u32::from(ours);
        }
    }
    // All 64 of the plain key, some of the others, by chance.
    assert!((65..512).contains(&accepted), "{accepted}");
}

#[test]
fn an_r_of_small_order_counts_in_its_one_encoding() {
    let public = multiple(secret()).compress().to_bytes();
    for torsion in EIGHT_TORSION {
        let r = torsion.compress().to_bytes();
        let signature = sign(secret(), &public, Scalar::ZERO, r, b"message");
        let (ours, ring) = verdicts(&public, b"message", &signature);
        assert_eq!(ours, ring);
        // Without the cofactor only the neutral element is what the equation gives.
        assert_eq!(ours, torsion == EIGHT_TORSION[0]);
    }
    // The neutral element again, its y = 1 written as p + 1, and its x = 0 with a sign.
    let mut above = [0xff; 32];
    (above[0], above[31]) = (0xee, 0x7f);
    let mut signed_zero = [0; 32];
    (signed_zero[0], signed_zero[31]) = (1, 0x80);
    for r in [above, signed_zero] {
        let signature = sign(secret(), &public, Scalar::ZERO, r, b"message");
        assert_eq!(verdicts(&public, b"message", &signature), (false, false));
    }
}

#[test]
fn an_s_beyond_the_order_is_refused() {
    // The order of the group, little-endian.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (public, nonce) = (multiple(secret()).compress().to_bytes(), scalar_of(&[b"nonce"]));
    let mut signature = sign(secret(), &public, nonce, multiple(nonce).compress().to_bytes(), b"message");
    assert_eq!(verdicts(&public, b"message", &signature), (true, true));
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(verdicts(&public, b"message", &signature), (false, false));
}

#[test]
fn keys_that_are_no_points_or_not_in_their_one_encoding_verify_nothing() {
    let nonce = scalar_of(&[b"nonce"]);
    for low in 0..=u8::MAX {
        // The encodings from p on, and a run of plain ones of which half are no points.
        let mut public = [0xff; 32];
        (public[0], public[31]) = (low, if low % 2 == 0 { 0x7f } else { 0x2a });
        let signature = sign(secret(), &public, nonce, multiple(nonce).compress().to_bytes(), b"message");
        assert_eq!(verdicts(&public, b"message", &signature), (false, false), "{low}");
    }
}
