//! Forms: which field is wrong, where; and bytes of every kind.

use proptest::prelude::*;

use super::{
    super::{Kind, Seal, SealSignature, TrustAnchors, verify},
    maker::{Recipe, der, ia5, integer, sequence},
    *,
};

#[test]
fn a_malformed_field_is_named_with_its_place() {
    let stage = Stage::new();
    let seal = stage.seal(&Recipe::default());
    let swap = |from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len());
        let place = seal.windows(from.len()).position(|window| window == from).unwrap();
        let mut changed = seal.clone();
        changed.splice(place..place + to.len(), to.iter().copied());
        changed
    };
    for (bytes, says) in [
        (swap(&ia5("ES"), &ia5("EX")), "header.ID at byte 10: is \"EX\", must be \"ES\""),
        (swap(&integer(4), &integer(3)), "header.version at byte 14: is 3, known are 1, 4 and 5"),
        (
            swap(&ia5("50011200000323"), &der(0x0c, b"50011200000323")),
            "esID at byte 29: is a UTF8String, must be an IA5String",
        ),
        (swap(b"20260105080000Z", b"20260132080000Z"), "property.createDate at byte"),
        (seal[..seal.len() - 1].to_vec(), "SESeal at byte 0: is cut off"),
        ([&seal[..], &[0]].concat(), "SESeal at byte"),
        (sequence(&[sequence(&[integer(1)])]), "SESeal"),
        (Vec::new(), "SESeal at byte 0: is missing"),
    ] {
        let error = Seal::parse(&bytes).map(|_| ()).unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with(says) || (says == "SESeal" && !shown.is_empty()), "{shown}");
    }
}

#[test]
fn counts_and_sizes_are_bounded() {
    let stage = Stage::new();
    let many = |count| {
        let signers: Vec<_> = std::iter::repeat_n(&stage.signer, count).collect();
        Recipe { by_digest: true, ..Recipe::default() }.seal(&stage.maker, &signers, sm3)
    };
    assert!(Seal::parse(&many(64)).is_ok());
    assert!(Seal::parse(&many(65)).unwrap_err().problem.contains("more than 64"));
    assert!(Seal::parse(&many(0)).unwrap_err().problem.contains("is empty"));
    let extensions = |count| stage.seal(&Recipe { extensions: vec![None; count], ..Recipe::default() });
    assert!(Seal::parse(&extensions(64)).is_ok());
    assert!(Seal::parse(&extensions(65)).unwrap_err().problem.contains("more than 64"));
    let large = vec![0x30; super::super::MAX_SEAL_BYTES + 1];
    assert!(Seal::parse(&large).unwrap_err().problem.contains("allowed are"));
}

#[test]
fn a_signature_is_told_from_a_seal_by_its_content() {
    let stage = Stage::new();
    for version in [1, 4, 5] {
        let recipe = Recipe::version(version);
        let trust = TrustAnchors::default();
        assert_eq!(verify(&stage.seal(&recipe), &trust, &now()).kind, Kind::Seal);
        assert_eq!(verify(&stage.signature(&recipe), &trust, &now()).kind, Kind::Signature);
        assert!(Seal::parse(&stage.signature(&recipe)).is_err());
        assert!(SealSignature::parse(&stage.seal(&recipe)).is_err());
    }
    assert_eq!(verify(b"PK\x03\x04", &TrustAnchors::default(), &now()).kind, Kind::Document);
    assert!(!verify(b"", &TrustAnchors::default(), &now()).holds());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(!verify(&bytes, &TrustAnchors::default(), &now()).holds());
        prop_assert!(!verify(&[b"PK\x03\x04", &bytes[..]].concat(), &TrustAnchors::default(), &now()).holds());
    }

    #[test]
    fn no_mutation_makes_it_panic(
        version in prop::sample::select(vec![1u32, 4, 5]),
        is_seal in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let stage = Stage::new();
        let recipe = Recipe { extensions: vec![Some(false)], ..Recipe::version(version) };
        let mut bytes = if is_seal { stage.seal(&recipe) } else { stage.signature(&recipe) };
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = verify(&bytes, &TrustAnchors::default(), &now());
    }
}
