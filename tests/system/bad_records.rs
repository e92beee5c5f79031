//! Records and tables that are not in order: each fault is named, and what is in order lands.

use std::fs;

use hutong::{
    client::{RecordResult, SignedRecord},
    domain::outcome::RecordViolation as Violation,
    sign::{
        SigningKey, SystemRandomness,
        sd_jwt::{self, SdJwt},
    },
};
use serde_json::{Value, json};

use crate::world::{Licence, RESOURCE, Registry, World, files_under, licences, resource_id, run, table};

/// Sets a field that is there.
fn set(code: &'static str, value: Value) -> impl FnOnce(&mut Vec<(String, Value)>) {
    move |fields| {
        let field = fields.iter_mut().find(|(own, _)| own == code).unwrap();
        assert_ne!(field.1, value);
        field.1 = value;
    }
}

/// The same with another last character.
fn other_check_character(identifier: &str) -> Value {
    let (body, check) = identifier.split_at(identifier.len() - 1);
    json!(format!("{body}{}", if check == "1" { '2' } else { '1' }))
}

/// The fault put into a record, the violation that must be found, and the field it must name.
type Fault = (&'static str, SignedRecord, Violation, &'static str);

fn faults(registry: &Registry, licences: &[Licence]) -> Vec<Fault> {
    let mut next = licences.iter();
    let mut next = || next.next().unwrap();
    let changed = |licence: &Licence, code, value| registry.sign_changed(licence, set(code, value));
    let uscc = |licence: &Licence| changed(licence, "CZZTDM", other_check_character(&licence.holder));
    let citizen = |licence: &Licence| changed(licence, "KZ_FDDBRZJH", other_check_character(&licence.citizen_id));
    let licence_id = |licence: &Licence| changed(licence, "ZZBS", other_check_character(&licence.id));
    let body = |licence: &Licence, change: &dyn Fn(&str) -> String| {
        let record = registry.sign(licence, 1);
        SignedRecord { sd_jwt: change(&record.sd_jwt), ..record }
    };
    let without_last = |sd_jwt: &str| sd_jwt[..sd_jwt[..sd_jwt.len() - 1].rfind('~').unwrap() + 1].to_owned();
    vec![
        ("a wrong check character of a credit code", uscc(next()), Violation::CheckCharacter, "CZZTDM"),
        ("a wrong check character of a citizen id", citizen(next()), Violation::CheckCharacter, "KZ_FDDBRZJH"),
        ("a wrong check character of a licence id", licence_id(next()), Violation::CheckCharacter, "ZZBS"),
        (
            "an unknown field",
            registry.sign_changed(next(), |fields| fields.push(("KZ_NONSENSE".to_owned(), json!("x")))),
            Violation::FieldSet,
            "KZ_NONSENSE",
        ),
        ("a date that does not exist", changed(next(), "KZ_CLRQ", json!("2015-02-30")), Violation::Type, "KZ_CLRQ"),
        ("a number for a text", changed(next(), "CZZT", json!(5)), Violation::Type, "CZZT"),
        ("a required field that is null", changed(next(), "CZZT", Value::Null), Violation::Required, "CZZT"),
        (
            "a masked value that is not what its rule gives",
            changed(next(), "KZ_FDDBR_MASKED", json!("样例全名")),
            Violation::Derivation,
            "KZ_FDDBR_MASKED",
        ),
        (
            "a credential cut in the middle",
            body(next(), &|text| text[..text.len() / 2].to_owned()),
            Violation::Malformed,
            "",
        ),
        ("a credential without its last disclosure", body(next(), &without_last), Violation::Disclosure, ""),
        (
            "a disclosure without a digest",
            body(next(), &|text| format!("{text}{}~", "WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwiWFhYWCIsIngiXQ")),
            Violation::Disclosure,
            "",
        ),
        ("a credential signed by another key", resigned(registry, next()), Violation::Signature, ""),
        ("a second version before the first", registry.sign(next(), 2), Violation::Version, ""),
    ]
}

/// A licence signed by a key that nobody registered.
fn resigned(registry: &Registry, licence: &Licence) -> SignedRecord {
    let record = registry.sign(licence, 1);
    let honest = SdJwt::parse(&record.sd_jwt).unwrap();
    let random = SystemRandomness::new();
    let stranger = SigningKey::generate(&random).unwrap();
    let (claims, fields) = (honest.claims_unverified().unwrap(), honest.values().unwrap());
    let sd_jwt = sd_jwt::issue(&stranger, &random, &claims, &fields).unwrap();
    let mut published = record.published;
    published.jwt_sha256.0 = SdJwt::parse(&sd_jwt).unwrap().jwt_hash();
    SignedRecord { published, sd_jwt, ..record }
}

#[track_caller]
fn require_violation(result: &RecordResult, (fault, _, violation, field): &Fault) {
    assert!(result.violations.contains(violation), "{fault}: {result:?}");
    let detail = result.details.iter().find(|detail| detail.violation == *violation);
    let detail = detail.unwrap_or_else(|| panic!("{fault}: {result:?}"));
    assert!(field.is_empty() || detail.field == *field, "{fault}: {detail:?}");
    assert!(!detail.description.is_empty(), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_faulty_record_is_told_its_fault_and_the_rest_lands() {
    let world = World::begin().await;
    let registry = world.registry().await;
    let licences = licences(16);
    let before = world.log().await.size();
    let faults = faults(&registry, &licences[1..]);
    let good = registry.sign(&licences[0], 1);
    let records: Vec<_> = std::iter::once(&good).chain(faults.iter().map(|(_, record, ..)| record)).cloned().collect();
    let answer = registry.client.publish(&resource_id(), 1, &records).await.unwrap();
    assert!(answer.results[0].is_accepted(), "{:?}", answer.results[0]);
    for (result, fault) in answer.results[1..].iter().zip(&faults) {
        require_violation(result, fault);
    }
    assert_eq!(world.log().await.size(), before + 1, "one publication, one entry");
    let handles: Vec<_> = records.iter().map(|record| record.published.handle).collect();
    let states = registry.client.record_states(&resource_id(), &handles).await.unwrap();
    assert_eq!(states.iter().filter(|state| state.is_some()).count(), 1, "only the good one is there");
    assert_eq!(states[0].as_ref().unwrap().version, 1);
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_rows_are_reported_by_line_field_and_reason_and_the_rest_lands() {
    const ROWS: u64 = 40;
    const FAULTS: u64 = 8;
    let world = World::begin().await;
    let mut text = String::from_utf8(table(ROWS, FAULTS)).unwrap();
    text.push_str("a row,with too few cells\n");
    let file = world.home.path().join("licences.csv");
    fs::write(&file, &text).unwrap();
    let profile = world.profile("registry");
    let publish = |file: &std::path::Path| {
        let [profile, file] = [profile.to_str().unwrap(), file.to_str().unwrap()];
        run(["publish", "--profile", profile, "--resource", RESOURCE, "--json", file])
    };
    let published = publish(&file);
    assert_eq!(published.code, Some(1), "{published:?}");
    let summary: Value = serde_json::from_str(&published.stdout).unwrap();
    assert_eq!(summary["rows"], ROWS + 1);
    assert_eq!(summary["rejected"], FAULTS + 1, "{summary}");
    assert_eq!(summary["published"], ROWS - FAULTS);
    let report = fs::read_to_string(world.home.path().join("licences.rejected.csv")).unwrap();
    assert!(report.contains(&format!("\n{},", ROWS + 2)), "the short row: {report}");
    assert!(report.contains("CZZTDM") || report.contains("ZZBS"), "{report}");

    // What the hub has is skipped; what was faulty is told again.
    let again: Value = serde_json::from_str(&publish(&file).stdout).unwrap();
    assert_eq!((&again["published"], &again["unchanged"]), (&json!(0), &json!(ROWS - FAULTS)));

    let misspelt = world.home.path().join("misspelt.csv");
    fs::write(&misspelt, text.replacen("经营范围", "经营范畴", 1)).unwrap();
    let size = world.log().await.size();
    publish(&misspelt).fails(65, &["line 1", "经营范畴", "names no field"]);
    assert_eq!(world.log().await.size(), size);
    assert!(!files_under(&world.folder).is_empty());
    world.require_no_panic();
}
