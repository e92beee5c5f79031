//! Trust anchors and revocation lists.

use super::{
    super::{CheckName as Name, Finding, TrustAnchors, verify_seal},
    maker::Recipe,
    *,
};

#[test]
fn a_revocation_counts_from_its_date_on() {
    for (revoked, expected) in [
        ("20260105070000Z", Finding::Failed),
        ("20260105080000Z", Finding::Failed),
        ("20260105080001Z", Finding::Noted),
        ("20260501000000Z", Finding::Noted),
    ] {
        let stage = Stage::new();
        let list = stage.authority.revoke(&[(7, "20250101000000Z"), (stage.maker.serial, revoked)], "20270101000000Z");
        std::fs::write(stage.folder.path().join("list.crl"), list).unwrap();
        let part = verify_seal(&stage.seal(&Recipe::default()), &stage.trust(), &now());
        assert_eq!(finding(&part, Name::MakerChain), expected, "{revoked}");
        assert_eq!(part.checks.hold(), expected == Finding::Noted);
    }
    let stage = Stage::new();
    std::fs::write(stage.folder.path().join("list.crl"), stage.authority.revoke(&[], "20260501000000Z")).unwrap();
    let part = verify_seal(&stage.seal(&Recipe::default()), &stage.trust(), &now());
    assert_eq!(finding(&part, Name::MakerChain), Finding::Noted, "the list is old");
}

#[test]
fn a_certificate_leads_to_an_anchor_or_is_one() {
    let stage = Stage::new();
    let seal = stage.seal(&Recipe::default());
    let trusting = |certificate: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.cer"), certificate).unwrap();
        let part = verify_seal(&seal, &TrustAnchors::read(folder.path()).unwrap(), &now());
        part.checks.find(Name::MakerChain).unwrap().clone()
    };
    assert_eq!(trusting(&stage.maker.certificate).finding, Finding::Passed);
    let other = trusting(&Holder::authority("别的认证", 6).certificate);
    assert_eq!(other.en, "its issuer CN=样例电子认证 is not among the trust anchors");
    let impostor = trusting(&Holder::authority("样例电子认证", 6).certificate);
    assert_eq!(impostor.en, "the trust anchor CN=样例电子认证 did not sign it");
    // The signer's certificate was issued by the authority, but is no authority's itself.
    let below = stage.signer.certified("c", 7, Use::Signing);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.cer"), &stage.signer.certificate).unwrap();
    let seal = Recipe::default().seal(&below, &[&stage.signer], sm3);
    let part = verify_seal(&seal, &TrustAnchors::read(folder.path()).unwrap(), &now());
    assert!(part.checks.find(Name::MakerChain).unwrap().en.contains("not one that may issue"));
}

#[test]
fn a_folder_of_anchors_is_read_whole_or_not_at_all() {
    let stage = Stage::new();
    let folder = stage.folder.path();
    let pem = |label: &str, der: &[u8]| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    };
    let second = Holder::authority("第二认证", 6);
    let both =
        [pem("CERTIFICATE", &second.certificate), pem("X509 CRL", &second.revoke(&[], "20270101000000Z"))].concat();
    std::fs::write(folder.join("second.pem"), both).unwrap();
    std::fs::write(folder.join(".hidden"), "anything").unwrap();
    std::fs::create_dir(folder.join("within")).unwrap();
    let by_second = second.certified("b", 9, Use::Signing);
    let seal = Recipe::default().seal(&by_second, &[&stage.signer], sm3);
    assert!(verify_seal(&seal, &stage.trust(), &now()).checks.hold());

    let third = Holder::authority("第三认证", 7);
    let ed25519 = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap();
    for (contents, problem) in [
        (third.revoke(&[], "20270101000000Z"), "no certificate of the folder signed"),
        (b"not a certificate".to_vec(), "is neither DER nor PEM"),
        (vec![0x30, 0], "is neither a certificate nor a revocation list"),
        (ed25519.cert.der().to_vec(), "is signed by algorithm"),
    ] {
        std::fs::write(folder.join("x"), contents).unwrap();
        let error = TrustAnchors::read(folder).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(TrustAnchors::read(empty.path()).unwrap_err().to_string().contains("holds no certificate"));
    assert!(TrustAnchors::read(&empty.path().join("missing")).unwrap_err().to_string().contains("cannot list"));
}
