//! Annotated copies 加注件: what may be published as one, what becomes of it with its original, and for what it is released.

use serde_json::{Value, json};

use super::world::{RESOURCE, World, holder, licence, licence_id};
use crate::{
    domain::{
        agreement::{AgreementText, LookupKind},
        catalog::{CopyOf, Field, FieldType, Resource},
        id::{Commitment, Handle},
        outcome::{Outcome, RecordRelease, RecordViolation},
        record::{AnnotatedCopy, RecordStatus, Validity},
        statement::{PublishedRecord, Query},
        time::Date,
    },
    hub::RecordBody,
    sign::{
        SystemRandomness,
        commitment::{Opening, Scheme},
    },
    store::memory,
};

const COPIES: &str = "market.licence-copy";
const LAST: Date = Date::constant(2090, 12, 31);

fn copies() -> Resource {
    let base = licence();
    let field = |code: &str, field_type, required| Field {
        code: code.parse().unwrap(),
        name: code.to_owned(),
        field_type,
        required,
        ..base.fields[0].clone()
    };
    Resource {
        resource_id: COPIES.parse().unwrap(),
        name: "营业执照加注件".to_owned(),
        fields: vec![
            field("ID", FieldType::Text { max_length: 30 }, true),
            field("ZZBS", FieldType::LicenceId, true),
            field("CZZTDM", FieldType::Uscc, true),
            field("JZJZZSY", FieldType::Text { max_length: 64 }, false),
            field("JZJYXQJZSJ", FieldType::Date, true),
        ],
        record_id_field: "ID".parse().unwrap(),
        holder_field: "CZZTDM".parse().unwrap(),
        valid_until_field: Some("JZJYXQJZSJ".parse().unwrap()),
        copy_of: Some(CopyOf {
            resource_id: RESOURCE.parse().unwrap(),
            original_field: "ZZBS".parse().unwrap(),
            purpose_field: Some("JZJZZSY".parse().unwrap()),
        }),
        ..base
    }
}

async fn world() -> World {
    let world = World::furnished(memory::store()).await;
    world.apply_catalog(vec![copies()]).await;
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    let text = AgreementText {
        resource_id: COPIES.parse().unwrap(),
        fields: ["ZZBS", "JZJZZSY"].iter().map(|code| code.parse().unwrap()).collect(),
        purposes: names(&["housing-check", "loan"]),
        ..world.agreement("copies")
    };
    world.agree(text).await;
    world
}

/// Licence number 1 at a version, in force until a day.
fn original(world: &World, version: u32, until: Option<Date>) -> (PublishedRecord, RecordBody) {
    let fields = vec![
        ("ZZBS".to_owned(), json!(licence_id(1))),
        ("CZZTDM".to_owned(), json!(holder(1))),
        ("CZZT".to_owned(), json!("样例企业")),
        ("FDDBR".to_owned(), Value::Null),
        ("FDDBR_MASKED".to_owned(), Value::Null),
        ("ZZYXQJZRQ".to_owned(), json!(until.map(|until| until.to_string()))),
    ];
    let (mut record, body) = world.sign(&world.provider, RESOURCE, &licence_id(1), fields, version);
    record.validity.until = until;
    (record, body)
}

/// A copy of the licence of a number, for a purpose if one is said.
fn copy(world: &World, version: u32, of: u32, purpose: Option<&str>, until: Date) -> (PublishedRecord, RecordBody) {
    let fields = vec![
        ("ID".to_owned(), json!("C1")),
        ("ZZBS".to_owned(), json!(licence_id(of))),
        ("CZZTDM".to_owned(), json!(holder(1))),
        ("JZJZZSY".to_owned(), json!(purpose)),
        ("JZJYXQJZSJ".to_owned(), json!(until.to_string())),
    ];
    let (mut record, body) = world.sign(&world.provider, COPIES, "C1", fields, version);
    record.validity = Validity { from: None, until: Some(until) };
    let purpose = purpose.and_then(|purpose| purpose.parse().ok());
    record.copy = Some(AnnotatedCopy { original: handle(world, of), purpose });
    (record, body)
}

fn handle(world: &World, n: u32) -> Handle {
    world.sign(&world.provider, RESOURCE, &licence_id(n), Vec::new(), 1).0.handle
}

async fn publish(world: &World, record: (PublishedRecord, RecordBody)) -> Vec<RecordViolation> {
    let answer = world.publish_of(COPIES, &world.provider, world.provider.kid(), vec![record]).await;
    assert!(matches!(answer.receipt.outcome, Outcome::Published(_)), "{:?}", answer.receipt.outcome);
    answer.violations.into_iter().map(|(_, found)| found.violation).collect()
}

/// What is released of the copy under a purpose.
async fn released(world: &World, purpose: &str) -> RecordRelease {
    let opening = Opening::new(&SystemRandomness::new(), Scheme::Text, "C1").unwrap();
    let (query, mut openings) = world.query(LookupKind::Record, &licence_id(1));
    openings[1] = opening.clone();
    let query = Query {
        resource_id: COPIES.parse().unwrap(),
        purpose: purpose.parse().unwrap(),
        fields: ["ZZBS".parse().unwrap()].into(),
        commitments: vec![Commitment(opening.commitment())],
        ..query
    };
    match world.ask(query, openings).await.receipt.outcome {
        Outcome::QueryPermitted(permitted) => permitted.records.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_falls_with_its_original_and_is_released_under_its_purpose_alone() {
    use RecordStatus::{Active, Revoked, Suspended};
    let world = world().await;
    let found = world.publish(vec![original(&world, 1, Some(LAST))]).await;
    assert!(found.violations.is_empty(), "{:?}", found.violations);
    assert_eq!(publish(&world, copy(&world, 1, 1, Some("loan"), LAST)).await, []);
    let release = released(&world, "loan").await;
    assert_eq!((release.status, release.fields.len()), (Active, 1));
    assert_eq!(release.original.map(|original| (original.handle, original.status)), Some((handle(&world, 1), Active)));
    let release = released(&world, "housing-check").await;
    assert_eq!((release.status, release.fields.len()), (Active, 0));
    for (version, status) in [(2, Suspended), (3, Active), (4, Revoked)] {
        let (mut record, body) = original(&world, version, Some(LAST));
        record.status = status;
        assert!(world.publish(vec![(record, body)]).await.violations.is_empty());
        let release = released(&world, "loan").await;
        assert_eq!((release.status, release.fields.len()), (status, usize::from(status == Active)));
        assert_eq!(release.original.unwrap().status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_copy_is_rejected() {
    let world = world().await;
    assert!(world.publish(vec![original(&world, 1, Some(LAST))]).await.violations.is_empty());
    let changed = |change: fn(&mut AnnotatedCopy)| {
        let (mut record, body) = copy(&world, 1, 1, Some("loan"), LAST);
        change(record.copy.as_mut().unwrap());
        (record, body)
    };
    let (mut none, body) = copy(&world, 1, 1, None, LAST);
    none.copy = None;
    for (problem, record) in [
        ("there is no such original", copy(&world, 1, 7, None, LAST)),
        ("it ends after its original", copy(&world, 1, 1, None, Date::constant(2091, 1, 1))),
        ("its purpose is no code", copy(&world, 1, 1, Some("办理贷款"), LAST)),
        ("the statement names another original", changed(|copy| copy.original = Handle([9; 32]))),
        ("the statement names no purpose", changed(|copy| copy.purpose = None)),
        ("the statement names no original", (none, body)),
    ] {
        assert_eq!(publish(&world, record).await, [RecordViolation::Copy], "{problem}");
    }
    let (mut record, body) = original(&world, 2, Some(LAST));
    record.copy = Some(AnnotatedCopy { original: handle(&world, 1), purpose: None });
    let found = world.publish(vec![(record, body)]).await.violations;
    assert!(found.iter().all(|(_, found)| found.violation == RecordViolation::Copy) && found.len() == 1, "{found:?}");
    assert_eq!(publish(&world, copy(&world, 1, 1, None, LAST)).await, []);
}
