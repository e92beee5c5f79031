//! What is special to licences: several holders, fields derived of a day, licences that replace others.

use serde_json::{Value, json};

use super::world::{Actor, RESOURCE, World, holder, licence, licence_id};
use crate::hub::{Clock as _, RecordBody};
use crate::{
    domain::{
        agreement::{AgreementText, LookupKind},
        catalog::{CodeValue, Derivation, Field, FieldType, Resource},
        condition::{Comparison, Condition, Literal, Test},
        derive::DerivationRule,
        id::Handle,
        identifier::HolderCodeType,
        outcome::{Outcome, RecordViolation},
        record::RecordStatus,
        statement::{PublishedRecord, Query},
    },
    sign::{
        SystemRandomness,
        commitment::{Opening, Scheme},
    },
    store::memory,
};

const HOME: &str = "city.home";
const FIRM: &str = "91440300708461136T";
const PERSON: &str = "11010519491231002X";
const CHILD: &str = "440524200801010011";
const FOREIGNER: &str = "E12345678";

/// Homes, which several may own together.
fn home() -> Resource {
    let base = licence();
    let field = |code: &str, field_type, repeated| Field {
        code: code.parse().unwrap(),
        name: code.to_owned(),
        field_type,
        repeated,
        required: true,
        ..base.fields[0].clone()
    };
    let kinds = HolderCodeType::CODES.map(|(code, name)| CodeValue { code: code.to_owned(), name: name.to_owned() });
    let adult = Field {
        required: false,
        derivation: Some(Derivation { source_field: "BORN".parse().unwrap(), rule: DerivationRule::AgeAtLeast(18) }),
        ..field("ADULT", FieldType::Boolean, false)
    };
    Resource {
        resource_id: HOME.parse().unwrap(),
        name: "不动产权证书".to_owned(),
        fields: vec![
            field("ID", FieldType::Text { max_length: 30 }, false),
            field("OWNER", FieldType::HolderCode, true),
            field("OWNER_TYPE", FieldType::Code(kinds.to_vec()), true),
            field("BORN", FieldType::Date, false),
            adult,
        ],
        record_id_field: "ID".parse().unwrap(),
        holder_field: "OWNER".parse().unwrap(),
        holder_type_field: Some("OWNER_TYPE".parse().unwrap()),
        valid_until_field: None,
        ..base
    }
}

async fn world() -> World {
    let world = World::furnished(memory::store()).await;
    world.apply_catalog(vec![home()]).await;
    let fields = ["ID", "OWNER", "ADULT"].iter().map(|code| code.parse().unwrap()).collect();
    let resource_id = HOME.parse().unwrap();
    world.agree(AgreementText { resource_id, fields, ..world.agreement("homes") }).await;
    world
}

fn fields(owners: &[(&str, &str)], born: &str, adult: Value) -> Vec<(String, Value)> {
    let (kinds, codes): (Vec<_>, Vec<_>) = owners.iter().copied().unzip();
    [
        ("ID", json!("H1")),
        ("OWNER", json!(codes)),
        ("OWNER_TYPE", json!(kinds)),
        ("BORN", json!(born)),
        ("ADULT", adult),
    ]
    .map(|(code, value)| (code.to_owned(), value))
    .to_vec()
}

/// What is found wrong with a home that is published.
async fn publish(world: &World, version: u32, fields: Vec<(String, Value)>) -> Vec<(RecordViolation, Option<String>)> {
    let record = world.sign(&world.provider, HOME, "H1", fields, version);
    let answer = world.publish_of(HOME, &world.provider, world.provider.kid(), vec![record]).await;
    assert!(matches!(answer.receipt.outcome, Outcome::Published(_)), "{:?}", answer.receipt.outcome);
    answer.violations.into_iter().map(|(_, found)| (found.violation, found.field)).collect()
}

async fn owned_by(world: &World, scheme: Scheme, owner: &str) -> usize {
    let opening = Opening::new(&SystemRandomness::new(), scheme, owner).unwrap();
    let (query, mut openings) = world.query(LookupKind::Holder, FIRM);
    openings[1] = opening.clone();
    let query = Query {
        resource_id: HOME.parse().unwrap(),
        fields: ["ADULT".parse().unwrap()].into(),
        commitments: vec![crate::domain::id::Commitment(opening.commitment())],
        ..query
    };
    match world.ask(query, openings).await.receipt.outcome {
        Outcome::QueryPermitted(permitted) => permitted.records.len(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_found_by_each_of_its_holders_and_by_none_that_left() {
    let world = world().await;
    let owners = [("001", FIRM), ("111", PERSON), ("414", FOREIGNER)];
    assert_eq!(publish(&world, 1, fields(&owners, "1990-01-01", json!(true))).await, []);
    for (scheme, owner, count) in [
        (Scheme::Uscc, FIRM, 1),
        (Scheme::CitizenId, PERSON, 1),
        (Scheme::Text, FOREIGNER, 1),
        (Scheme::CitizenId, CHILD, 0),
    ] {
        assert_eq!(owned_by(&world, scheme, owner).await, count, "{owner}");
    }
    let owners = [("111", CHILD), ("001", FIRM)];
    assert_eq!(publish(&world, 2, fields(&owners, "1990-01-01", json!(true))).await, []);
    for (scheme, owner, count) in [
        (Scheme::Uscc, FIRM, 1),
        (Scheme::CitizenId, PERSON, 0),
        (Scheme::Text, FOREIGNER, 0),
        (Scheme::CitizenId, CHILD, 1),
    ] {
        assert_eq!(owned_by(&world, scheme, owner).await, count, "{owner}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_who_are_not_what_is_said_of_them_are_rejected() {
    let world = world().await;
    let holder = |field: &str| (RecordViolation::Holder, Some(field.to_owned()));
    for (owners, found) in [
        (&[("001", PERSON)][..], holder("OWNER")),
        (&[("111", FIRM)], holder("OWNER")),
        (&[("111", PERSON), ("111", PERSON)], holder("OWNER")),
        (&[("414", "e1")], (RecordViolation::Type, Some("OWNER".to_owned()))),
        (&[], (RecordViolation::Type, Some("OWNER".to_owned()))),
    ] {
        let violations = publish(&world, 1, fields(owners, "1990-01-01", json!(true))).await;
        assert!(violations.contains(&found), "{owners:?}: {violations:?}");
    }
    let mut uneven = fields(&[("001", FIRM), ("111", PERSON)], "1990-01-01", json!(true));
    uneven[2].1 = json!(["001"]);
    assert_eq!(publish(&world, 1, uneven).await, [holder("OWNER_TYPE")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_predicate_is_checked_as_of_the_day_of_issue() {
    let world = world().await;
    let owners = [("001", FIRM)];
    let today = crate::domain::derive::day_of_issue(world.clock.now());
    let born = |days: i64| {
        let birthday = jiff::civil::Date::new(today.year() - 18, today.month(), today.day()).unwrap();
        crate::domain::time::date_of_days(crate::domain::time::days_of_date(birthday) + days).to_string()
    };
    let derivation = (RecordViolation::Derivation, Some("ADULT".to_owned()));
    for (born, said, is_right) in [
        (born(0), json!(true), true),
        (born(0), json!(false), false),
        (born(1), json!(false), true),
        (born(1), json!(true), false),
        (born(0), Value::Null, false),
    ] {
        let found = publish(&world, 9, fields(&owners, &born, said.clone())).await;
        assert_eq!(!found.contains(&derivation), is_right, "{born} {said}: {found:?}");
    }
}

/// Licences that say which they replace.
pub(super) async fn replacing_world(store: crate::store::Store) -> World {
    let world = World::furnished(store).await;
    let base = licence();
    let replaces = Field {
        code: "REPLACES".parse().unwrap(),
        name: "被替换证照标识".to_owned(),
        required: false,
        ..base.fields[0].clone()
    };
    let fields = base.fields.iter().cloned().chain([replaces]).collect();
    world.apply_catalog(vec![Resource { fields, replaces_field: Some("REPLACES".parse().unwrap()), ..base }]).await;
    let fields = ["ZZBS", "CZZT"].iter().map(|code| code.parse().unwrap()).collect();
    world.agree(AgreementText { fields, ..world.agreement("a2") }).await;
    world
}

/// Licence number `n`, at a version, that replaces another.
pub(super) fn replacing(world: &World, n: u32, version: u32, replaced: Option<u32>) -> (PublishedRecord, RecordBody) {
    replacing_by(world, &world.provider, n, version, replaced)
}

/// The same, signed by a department.
pub(super) fn replacing_by(
    world: &World,
    issuer: &Actor,
    n: u32,
    version: u32,
    replaced: Option<u32>,
) -> (PublishedRecord, RecordBody) {
    let fields = vec![
        ("ZZBS".to_owned(), json!(licence_id(n))),
        ("CZZTDM".to_owned(), json!(holder(n))),
        ("CZZT".to_owned(), json!(format!("样例企业{n}"))),
        ("FDDBR".to_owned(), Value::Null),
        ("FDDBR_MASKED".to_owned(), Value::Null),
        ("ZZYXQJZRQ".to_owned(), Value::Null),
        ("REPLACES".to_owned(), json!(replaced.map(licence_id))),
    ];
    let (mut record, body) = world.sign(issuer, RESOURCE, &licence_id(n), fields, version);
    record.replaces = replaced.map(|n| handle(world, n));
    (record, body)
}

fn handle(world: &World, n: u32) -> Handle {
    world.sign(&world.provider, RESOURCE, &licence_id(n), Vec::new(), 1).0.handle
}

/// What a query by the identifier of a licence is told: of each record its number, status, and how many fields.
pub(super) async fn told(world: &World, n: u32, fields: &[&str]) -> Vec<(u32, RecordStatus, usize)> {
    let (query, openings) = world.query(LookupKind::Record, &licence_id(n));
    let fields = fields.iter().map(|code| code.parse().unwrap()).collect();
    let answer = world.ask(Query { fields, ..query }, openings).await;
    let Outcome::QueryPermitted(permitted) = answer.receipt.outcome else { panic!("{:?}", answer.receipt.outcome) };
    let records = permitted.records.iter();
    records.map(|record| (number(world, record.handle), record.status, record.fields.len())).collect()
}

/// The number of a licence that is known by its handle.
fn number(world: &World, known: Handle) -> u32 {
    (0..20).find(|n| handle(world, *n) == known).unwrap()
}

fn succession(n: u32) -> (u32, RecordViolation) {
    (n, RecordViolation::Succession)
}

pub(super) async fn violations(
    world: &World,
    records: Vec<(PublishedRecord, RecordBody)>,
) -> Vec<(u32, RecordViolation)> {
    let answer = world.publish(records).await;
    answer.violations.into_iter().map(|(position, found)| (position, found.violation)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_replaced_licence_learns_its_successors_identifier_if_that_is_agreed() {
    use RecordStatus::{Active, Revoked, Superseded};
    let world = replacing_world(memory::store()).await;
    assert_eq!(violations(&world, vec![replacing(&world, 1, 1, None)]).await, []);
    assert_eq!(told(&world, 1, &["ZZBS", "CZZT"]).await, [(1, Active, 2)]);
    // A chain in one batch.
    assert_eq!(violations(&world, vec![replacing(&world, 4, 1, Some(1)), replacing(&world, 7, 1, Some(4))]).await, []);
    assert_eq!(told(&world, 1, &["CZZT"]).await, [(1, Superseded, 0)]);
    let chain = [(1, Superseded, 0), (4, Superseded, 0), (7, Active, 1)];
    assert_eq!(told(&world, 1, &["ZZBS", "CZZT"]).await, chain);
    // By the holder the successor is found by itself, and in full.
    assert_eq!(told(&world, 7, &["ZZBS", "CZZT"]).await, [(7, Active, 2)]);
    // A later version of the old licence changes nothing; of a revoked one nobody is sent on.
    assert_eq!(violations(&world, vec![replacing(&world, 1, 2, None)]).await, []);
    assert_eq!(told(&world, 1, &["ZZBS"]).await, [(1, Superseded, 0), (4, Superseded, 0), (7, Active, 1)]);
    let (mut revoked, body) = replacing(&world, 1, 3, None);
    revoked.status = Revoked;
    assert_eq!(violations(&world, vec![(revoked, body)]).await, []);
    assert_eq!(told(&world, 1, &["ZZBS"]).await, [(1, Revoked, 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_misses_the_row_condition_or_follows_a_withheld_licence_is_withheld_too() {
    let world = replacing_world(memory::store()).await;
    let named = [1, 7, 12].map(|n| Literal::Text(format!("样例企业{n}")));
    let test = Test::OneOf(named.into());
    let condition = Condition::Comparison(Comparison { field: "CZZT".parse().unwrap(), test });
    let fields = ["ZZBS", "CZZT"].iter().map(|code| code.parse().unwrap()).collect();
    world.agree(AgreementText { fields, condition: Some(condition), ..world.agreement("a3") }).await;
    let firsts = vec![replacing(&world, 1, 1, None), replacing(&world, 11, 1, None)];
    assert_eq!(violations(&world, firsts).await, []);
    // 4 misses the condition, and stands between two that meet it; 11 misses it, and 12, which replaces it, does not.
    let others =
        vec![replacing(&world, 4, 1, Some(1)), replacing(&world, 7, 1, Some(4)), replacing(&world, 12, 1, Some(11))];
    assert_eq!(violations(&world, others).await, []);
    for (n, released, withheld) in [(1, &[1][..], &[4, 7][..]), (7, &[7], &[]), (11, &[], &[11, 12]), (12, &[12], &[])]
    {
        let (query, openings) = world.query(LookupKind::Record, &licence_id(n));
        let fields = ["ZZBS", "CZZT"].iter().map(|code| code.parse().unwrap()).collect();
        let agreement_id = Some("a3".parse().unwrap());
        let answer = world.ask(Query { fields, agreement_id, ..query }, openings).await;
        assert_eq!(answer.presentations.len(), released.len());
        let Outcome::QueryPermitted(permitted) = answer.receipt.outcome else { panic!("{:?}", answer.receipt.outcome) };
        let records: Vec<_> = permitted.records.iter().map(|record| number(&world, record.handle)).collect();
        let held: Vec<_> = permitted.withheld.iter().flatten().map(|record| number(&world, record.handle)).collect();
        assert_eq!((&records[..], &held[..]), (released, withheld), "asked for {n}");
    }
    // Without a condition all of the chain is told.
    assert_eq!(told(&world, 11, &["ZZBS"]).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_has_one_successor_and_none_that_it_replaced() {
    let world = replacing_world(memory::store()).await;
    let first = vec![replacing(&world, 1, 1, None), replacing(&world, 2, 1, Some(1))];
    assert_eq!(violations(&world, first).await, []);
    for (records, found) in [
        (vec![replacing(&world, 3, 1, Some(1))], vec![succession(0)]),
        (vec![replacing(&world, 3, 1, Some(9))], vec![succession(0)]),
        (vec![replacing(&world, 3, 1, Some(3))], vec![succession(0)]),
        (vec![replacing(&world, 1, 2, Some(2))], vec![succession(0)]),
        // Two at once for one place, and two for each other's.
        (vec![replacing(&world, 3, 1, Some(2)), replacing(&world, 4, 1, Some(2))], vec![succession(1)]),
        (vec![replacing(&world, 4, 1, Some(3)), replacing(&world, 3, 2, Some(4))], vec![succession(1)]),
    ] {
        assert_eq!(violations(&world, records).await, found);
    }
    // The statement and the record must say the same.
    let (mut silent, body) = replacing(&world, 5, 1, Some(4));
    silent.replaces = None;
    let (mut loud, other) = replacing(&world, 6, 1, None);
    loud.replaces = Some(handle(&world, 4));
    assert_eq!(violations(&world, vec![(silent, body), (loud, other)]).await, [succession(0), succession(1)]);
    // What replaced another may say so again.
    assert_eq!(violations(&world, vec![replacing(&world, 2, 2, Some(1))]).await, []);
}
