//! Signatures made with seals.

use super::{
    super::{CheckName as Name, Finding, Kind, TrustAnchors, verify},
    maker::{Recipe, Use, last_signature, with_time_stamp},
    *,
};

#[test]
fn signatures_of_each_version_hold() {
    let stage = Stage::new();
    for version in [1, 4, 5] {
        for recipe in [
            Recipe::version(version),
            Recipe { by_digest: version > 1, extensions: vec![Some(false)], ..Recipe::version(version) },
        ] {
            let verification = verify(&stage.signature(&recipe), &stage.trust(), &now());
            assert!(verification.holds(), "{version}: {verification:?}");
            assert_eq!(verification.kind, Kind::Signature);
            let part = only(&verification);
            assert_eq!(part.signed_at, Some(at("2026-03-01T02:00:00Z")));
            assert_eq!(part.signer.as_deref(), Some("CN=样例市大数据局"));
            assert_eq!(finding(part, Name::SignerListed), Finding::Passed);
            assert_eq!(finding(part, Name::DataHash), Finding::NotApplicable);
        }
    }
}

#[test]
fn what_is_wrong_with_a_signature_is_told_by_name() {
    let stage = Stage::new();
    let recipe = Recipe::default();
    let seal = stage.seal(&recipe);
    let other = stage.authority.certified("别人", 9, Use::Signing);
    let sign = |signer: &Holder, time: &str| recipe.sign(&seal, signer, &[7; 32], "/a", time);
    for (signature, expected) in [
        (sign(&other, "20260301020000Z"), vec![Name::SignerListed]),
        (sign(&stage.signer, "20260105070000Z"), vec![Name::SigningTime]),
        (sign(&stage.signer, "20320105070000Z"), vec![Name::SigningTime]),
        (sign(&stage.signer, "20260701000000Z"), vec![Name::SigningTime]),
        // The certificates end in 2035, after the seal.
        (sign(&stage.signer, "20360105070000Z"), vec![Name::SignerValidity, Name::SignerChain, Name::SigningTime]),
    ] {
        let verification = verify(&signature, &stage.trust(), &now());
        assert_eq!(failures(&only(&verification).checks), expected);
    }
    let critical = Recipe { extensions: vec![Some(true)], ..Recipe::default() };
    let signature = critical.sign(&seal, &stage.signer, &[7; 32], "/a", "20260301020000Z");
    assert_eq!(failures(&only(&verify(&signature, &stage.trust(), &now())).checks), [Name::SignatureExtensions]);
    // Signed by a key other than that of the certificate beside it.
    let mixed = Holder { key: other.key, ..Stage::new().signer };
    let signature = recipe.sign(&seal, &mixed, &[7; 32], "/a", "20260301020000Z");
    assert_eq!(failures(&only(&verify(&signature, &stage.trust(), &now())).checks), [Name::SignerSignature]);
}

#[test]
fn a_seal_of_a_signature_that_was_made_by_nobody_known_fails_the_whole() {
    let stage = Stage::new();
    let stranger = Holder::authority("路人", 8);
    let seal = Recipe::default().seal(&stranger, &[&stage.signer], sm3);
    let signature = Recipe::default().sign(&seal, &stage.signer, &[7; 32], "/a", "20260301020000Z");
    let verification = verify(&signature, &stage.trust(), &now());
    // An authority's certificate is not for signing either.
    assert_eq!(failures(&only(&verification).checks), [Name::MakerCertificate, Name::MakerChain]);
}

#[test]
fn a_time_stamp_is_required_to_verify_in_version_5_and_told_in_version_4() {
    let stage = Stage::new();
    for (version, required) in [(4, false), (5, true)] {
        let signature = stage.signature(&Recipe::version(version));
        let verification = verify(&with_time_stamp(&signature, b"abc"), &stage.trust(), &now());
        assert_eq!(verification.holds(), !required);
        assert_eq!(finding(only(&verification), Name::SignatureTimeStamp), Finding::Failed);

        let stamping = stage.authority.certified("样例时间戳", 5, Use::TimeStamping);
        let hash = sm3(&last_signature(&signature));
        let token = stamping.stamp(&stage.authority.name, &hash, "20260301020005Z", sm3);
        let verification = verify(&with_time_stamp(&signature, &token), &TrustAnchors::default(), &now());
        assert_eq!(finding(only(&verification), Name::SignatureTimeStamp), Finding::Passed, "{verification:?}");
    }
}
