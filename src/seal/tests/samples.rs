//! Real seals, made by others' programs, where their folder is there: `HUTONG_SEAL_SAMPLES`, or `../shared/data/seals` beside the package.

use std::path::PathBuf;

use super::{
    super::{CheckName as Name, Finding, TrustAnchors, verify},
    *,
};

fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/seals");
    let folder = std::env::var_os("HUTONG_SEAL_SAMPLES").map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

#[test]
fn real_seals_verify_as_they_are_known_to() {
    let Some(folder) = folder() else {
        eprintln!("skipped: there are no samples; HUTONG_SEAL_SAMPLES names their folder");
        return;
    };
    let now = Moment::new(at("2026-11-01T00:00:00Z"));
    let table: &[(&str, &[Name])] = &[
        ("UserV1.esl", &[]),
        ("UserV4.esl", &[]),
        ("UserV5.esl", &[]),
        ("chongqing-test-v4.der", &[]),
        ("UserV5_ts.esl", &[Name::SealTimeStamp]),
        ("SESealData.DER", &[Name::SealExtensions, Name::MakerSignature]),
    ];
    for (file, failing) in table {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let verification = verify(&bytes, &TrustAnchors::default(), &now);
        let part = only(&verification);
        assert_eq!(failures(&part.checks), *failing, "{file}: {part:?}");
        assert_eq!(verification.holds(), failing.is_empty());
        // The signature is over the bytes received: any change of what is signed shows.
        let mut changed = bytes.clone();
        let place = changed.windows(2).position(|window| window == b"ES").unwrap() + 8;
        changed[place] ^= 1;
        assert_eq!(
            finding(only(&verify(&changed, &TrustAnchors::default(), &now)), Name::MakerSignature),
            Finding::Failed
        );
    }
}
