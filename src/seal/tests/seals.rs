//! Seals that hold, and what makes others fail.

use super::{
    super::{CheckName as Name, Finding, TrustAnchors, verify, verify_seal},
    maker::{Recipe, Use, last_signature, with_time_stamp},
    *,
};

#[test]
fn seals_of_each_version_hold_with_and_without_anchors() {
    let stage = Stage::new();
    for version in [1, 4, 5] {
        for recipe in [
            Recipe::version(version),
            Recipe { extensions: vec![None, Some(false)], ..Recipe::version(version) },
            Recipe { by_digest: version > 1, ..Recipe::version(version) },
        ] {
            let seal = stage.seal(&recipe);
            let verification = verify(&seal, &stage.trust(), &now());
            assert!(verification.holds(), "{version}: {verification:?}");
            let part = only(&verification);
            assert_eq!(finding(part, Name::MakerChain), Finding::Passed);
            assert_eq!(finding(part, Name::Picture), Finding::Passed);
            assert_eq!(part.seal.as_ref().unwrap().name, recipe.name);
            assert_eq!(part.seal.as_ref().unwrap().maker, "CN=样例制章中心");

            let without = verify_seal(&seal, &TrustAnchors::default(), &now());
            assert!(without.checks.hold());
            assert_eq!(finding(&without, Name::MakerChain), Finding::NotApplicable);
        }
    }
}

#[test]
fn what_is_wrong_with_a_seal_is_told_by_name() {
    let stage = Stage::new();
    let good = Recipe::default;
    let table = [
        (Recipe { extensions: vec![Some(true)], ..good() }, Name::SealExtensions),
        (Recipe { until: "20260104000000Z", ..good() }, Name::SealTimes),
        (Recipe { created: "20310106000000Z", ..good() }, Name::SealTimes),
        (Recipe { created: "20270101000000Z", ..good() }, Name::SealTimes),
        (Recipe { algorithm: &[1, 2, 840, 10045, 4, 3, 2], ..good() }, Name::SealAlgorithm),
    ];
    for (recipe, name) in table {
        let part = verify_seal(&stage.seal(&recipe), &stage.trust(), &now());
        assert_eq!(failures(&part.checks), [name], "{part:?}");
    }
    let encipherment = stage.authority.certified("b", 9, Use::Encipherment);
    let part = verify_seal(&good().seal(&encipherment, &[&stage.signer], sm3), &stage.trust(), &now());
    assert_eq!(failures(&part.checks), [Name::MakerCertificate]);
    let anything = stage.authority.certified("b", 9, Use::Anything);
    let part = verify_seal(&good().seal(&anything, &[&stage.signer], sm3), &stage.trust(), &now());
    assert_eq!((part.checks.hold(), finding(&part, Name::MakerCertificate)), (true, Finding::Noted));
    // A picture that is none changes nothing of what was signed.
    let part = verify_seal(&stage.seal(&Recipe { picture: ("gif", b"no gif"), ..good() }), &stage.trust(), &now());
    assert_eq!((part.checks.hold(), finding(&part, Name::Picture)), (true, Finding::Failed));
}

#[test]
fn a_changed_byte_anywhere_fails_form_or_signature_or_certificate() {
    let stage = Stage::new();
    let seal = stage.seal(&Recipe::default());
    for place in (0..seal.len()).step_by(7) {
        let mut changed = seal.clone();
        changed[place] ^= 0x01;
        let verification = verify(&changed, &stage.trust(), &now());
        assert!(!verification.holds(), "byte {place}: {verification:?}");
    }
}

#[test]
fn what_expired_since_is_noted_and_what_was_not_valid_then_fails() {
    let stage = Stage::new();
    let seal = stage.seal(&Recipe::default());
    let later = verify_seal(&seal, &stage.trust(), &Moment::new(at("2040-01-01T00:00:00Z")));
    assert!(later.checks.hold(), "{later:?}");
    assert_eq!(finding(&later, Name::MakerValidity), Finding::Noted);
    assert_eq!(finding(&later, Name::SealPeriod), Finding::Noted);

    let late = stage.authority.certified_during("b", 9, ("20260106000000Z", "20270101000000Z"));
    let seal = Recipe::default().seal(&late, &[&stage.signer], sm3);
    assert_eq!(failures(&verify_seal(&seal, &stage.trust(), &now()).checks), [Name::MakerValidity]);
    // Without anchors nobody vouches for what the certificate says, so nothing hangs on it.
    let without = verify_seal(&seal, &TrustAnchors::default(), &now());
    assert_eq!((without.checks.hold(), finding(&without, Name::MakerValidity)), (true, Finding::Failed));
}

#[test]
fn a_time_stamp_of_version_5_must_verify() {
    let stage = Stage::new();
    let seal = stage.seal(&Recipe::version(5));
    let stamping = stage.authority.certified("样例时间戳", 5, Use::TimeStamping);
    let issuer = stage.authority.name.as_str();
    let hash = sm3(&last_signature(&seal));
    let stamped =
        |stamper: &Holder, hash: &[u8], at: &str| with_time_stamp(&seal, &stamper.stamp(issuer, hash, at, sm3));
    let good = stamped(&stamping, &hash, "20260105090000Z");
    let part = verify_seal(&good, &stage.trust(), &now());
    assert_eq!((failures(&part.checks), finding(&part, Name::SealTimeStamp)), (vec![], Finding::Passed), "{part:?}");
    let stranger = Holder::authority("路人", 8).certified("样例时间戳", 5, Use::TimeStamping);
    for (bad, says) in [
        (with_time_stamp(&seal, b"abc"), "does not read"),
        (stamped(&stamping, &hash, "20260104090000Z"), "before"),
        (stamped(&stamping, &sm3(b"else"), "20260105090000Z"), "something else"),
        (stamped(&stage.signer, &hash, "20260105090000Z"), "not for time-stamps"),
        (stamped(&stranger, &hash, "20260105090000Z"), "bring its authority's certificate"),
    ] {
        let part = verify_seal(&bad, &stage.trust(), &now());
        assert_eq!(failures(&part.checks), [Name::SealTimeStamp], "{says}");
        let check = part.checks.find(Name::SealTimeStamp).unwrap();
        assert!(check.en.contains(says), "{says}: {}", check.en);
    }
    // A token whose content was changed after it was signed.
    let mut changed = good.clone();
    let place = changed.windows(15).rposition(|window| window == b"20260105090000Z").unwrap();
    changed[place + 13] = b'1';
    assert_eq!(failures(&verify_seal(&changed, &stage.trust(), &now()).checks), [Name::SealTimeStamp]);
    // Version 4 has no time-stamp.
    let old = with_time_stamp(&stage.seal(&Recipe::version(4)), b"abc");
    assert_eq!(failures(&verify_seal(&old, &stage.trust(), &now()).checks), [Name::SealForm]);
}
