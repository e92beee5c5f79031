//! Seals as the values of records, and what a hub knows of them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    super::{CheckName as Name, HubStatus, Kind, TrustAnchors, check_seal_fields, sealed_value, verify},
    maker::Recipe,
    *,
};
use crate::domain::{
    catalog::Resource,
    record::RecordStatus,
    value::{MAX_SEAL_BYTES, MAX_SEAL_CHARS},
};
use crate::schema::Schema;

/// The examples' resource of seals.
fn resource() -> Resource {
    let catalog = crate::catalog::parse(include_bytes!("../../../deploy/examples/catalog.toml")).unwrap();
    catalog.resources.into_iter().find(|resource| resource.resource_id.as_str() == "city.e-seal").unwrap()
}

fn record(id: &str, seal: &[u8]) -> Vec<(String, Value)> {
    vec![
        ("YZBS".to_owned(), json!(id)),
        ("SSDWDM".to_owned(), json!("11440399X000000350")),
        ("YZSJ".to_owned(), json!(STANDARD.encode(seal))),
    ]
}

#[test]
fn a_record_holds_a_seal_that_verifies_and_has_its_identifier() {
    let stage = Stage::new();
    let recipe = Recipe::default();
    let seal = stage.seal(&recipe);
    let stranger = Holder::authority("路人", 8).certified("路人制章", 9, Use::Signing);
    let foreign = recipe.seal(&stranger, &[&stage.signer], sm3);
    let mut broken = seal.clone();
    *broken.last_mut().unwrap() ^= 1;
    let (trust, none) = (stage.trust(), TrustAnchors::default());
    for (fields, trust, says) in [
        (record(&recipe.id, &seal), &trust, vec![]),
        (record(&recipe.id, &foreign), &none, vec![]),
        (record(&recipe.id, &foreign), &trust, vec!["MAKER_CHAIN: its issuer CN=路人"]),
        (record("50011200000324", &seal), &trust, vec!["the seal's identifier is \"50011200000323\", and YZBS is"]),
        (record(&recipe.id, &broken), &none, vec!["MAKER_SIGNATURE: "]),
        (record(&recipe.id, b"no seal"), &none, vec!["SEAL_FORM: SESeal at byte 0"]),
    ] {
        let found = check_seal_fields(&resource(), &fields, trust, &now());
        assert_eq!(found.len(), says.len(), "{found:?}");
        for (violation, says) in found.iter().zip(says) {
            assert_eq!((violation.violation.as_str(), violation.field.as_deref()), ("SEAL", Some("YZSJ")));
            assert!(violation.description.starts_with(says), "{}", violation.description);
        }
    }
    assert_eq!(sealed_value(&resource(), &record("a", &seal)).unwrap(), seal);
}

#[test]
fn a_seal_is_base64_of_a_bounded_size() {
    let schema = Schema::compile(&resource(), 1).unwrap();
    let check = |text: String| {
        let found = schema.check(&[("YZSJ".to_owned(), json!(text))]);
        !found.iter().any(|violation| violation.field.as_deref() == Some("YZSJ"))
    };
    assert!(check(STANDARD.encode(vec![1; MAX_SEAL_BYTES])));
    assert_eq!(STANDARD.encode(vec![1; MAX_SEAL_BYTES]).len(), MAX_SEAL_CHARS);
    assert!(!check(STANDARD.encode(vec![1; MAX_SEAL_BYTES + 1])));
    for wrong in ["", "MIIB", "MIJ=", "MI I=", "MIIB\nMIIB", "-_-_"] {
        assert_eq!(check(wrong.to_owned()), wrong == "MIIB", "{wrong:?}");
    }
}

#[test]
fn what_a_hub_knows_decides_about_a_seal_and_is_told_about_a_signature() {
    let stage = Stage::new();
    let recipe = Recipe::default();
    for (status, finding_of, seal_holds) in [
        (HubStatus::NotPublished, Finding::Noted, true),
        (HubStatus::Another, Finding::Failed, false),
        (HubStatus::Published(RecordStatus::Active), Finding::Passed, true),
        (HubStatus::Published(RecordStatus::Suspended), Finding::Failed, false),
        (HubStatus::Published(RecordStatus::Revoked), Finding::Failed, false),
        (HubStatus::Published(RecordStatus::Expired), Finding::Failed, false),
        (HubStatus::Published(RecordStatus::Superseded), Finding::Failed, false),
    ] {
        for (kind, bytes, holds) in
            [(Kind::Seal, stage.seal(&recipe), seal_holds), (Kind::Signature, stage.signature(&recipe), true)]
        {
            let mut verification = verify(&bytes, &stage.trust(), &now());
            verification.parts[0].add_hub_status(kind, status);
            assert_eq!(finding(only(&verification), Name::HubStatus), finding_of);
            assert_eq!(verification.holds(), holds, "{kind:?} {status:?}");
        }
    }
}
