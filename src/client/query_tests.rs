//! Composing queries and checking answers, without a hub.

use std::collections::BTreeMap;

use super::*;
use crate::{
    client::{
        CatalogEntry, Pins,
        fixture::{self, Log},
        verify,
    },
    domain::{
        directory::Key,
        id::KeyId,
        issuing::{IssuingGrant, IssuingRight},
        outcome::Outcome,
        statement::Header,
    },
    sign::SystemRandomness,
};

fn request(by: Lookup) -> QueryRequest {
    QueryRequest {
        resource: fixture::RESOURCE.parse().unwrap(),
        purpose: "housing".parse().unwrap(),
        matter: "000117001000".parse().unwrap(),
        case: "办件2026-0001".to_owned(),
        operator: "zhang.san".to_owned(),
        agreement: None,
        fields: ["CZZT".parse().unwrap()].into(),
        by,
    }
}

fn compose_at(request: &QueryRequest, now: Time) -> Result<(Query, Vec<Opening>), Error> {
    compose(request, &fixture::resource(), &Secret::from_bytes(&[3; 32]), &SystemRandomness::new(), now)
}

#[test]
fn a_query_commits_to_case_and_lookups_in_order_and_reads_back() {
    let by = Lookup::Holder(vec![fixture::CONSUMER.to_lowercase(), fixture::PROVIDER.to_owned()]);
    let (query, openings) = compose_at(&request(by), fixture::now()).unwrap();
    assert_eq!(openings.iter().map(Opening::scheme).collect::<Vec<_>>(), [Scheme::Case, Scheme::Uscc, Scheme::Uscc]);
    openings[0].verify(&query.case_commitment.0).unwrap();
    openings[1].verify(&query.commitments[0].0).unwrap();
    openings[2].verify(&query.commitments[1].0).unwrap();
    assert_eq!(openings[1].value(), fixture::CONSUMER);

    let system = fixture::consumer_system();
    let header = Header {
        request_id: crate::domain::id::RequestId([1; 16]),
        issued_at: fixture::now(),
        actor: system,
        hub: fixture::hub(),
    };
    let statement = Statement::Query(header, query);
    let (kind, payload) = wire::encode_statement(&statement);
    assert_eq!(wire::read_statement(&kind, &payload).unwrap(), statement);
}

#[test]
fn an_operator_has_one_pseudonym_a_month_by_the_clock_of_china() {
    let at = |text: &str| Time::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond()).unwrap();
    let pseudonym = |time| {
        let (query, _) = compose_at(&request(Lookup::Record(vec!["1".to_owned()])), at(time)).unwrap();
        query.operator_pseudonym
    };
    assert_eq!(pseudonym("2026-03-31T16:00:00Z"), pseudonym("2026-04-30T15:59:59Z"));
    assert_ne!(pseudonym("2026-03-31T15:59:59Z"), pseudonym("2026-03-31T16:00:00Z"));
}

#[test]
fn a_mistyped_identifier_is_found_before_anything_is_sent() {
    for (by, said) in [
        (Lookup::Holder(vec!["11440399X00000043A".to_owned()]), "lookup 1 (CZZTDM)"),
        (Lookup::Holder(vec![fixture::CONSUMER.to_owned(), "x".to_owned()]), "lookup 2 (CZZTDM)"),
        (Lookup::Record(vec![" ".to_owned()]), "lookup 1 (ZZBH)"),
    ] {
        let error = compose_at(&request(by), fixture::now()).unwrap_err();
        assert!(error.to_string().starts_with(said), "{error}");
    }
    let mut without_case = request(Lookup::Record(vec!["1".to_owned()]));
    without_case.case = String::new();
    assert!(compose_at(&without_case, fixture::now()).unwrap_err().to_string().starts_with("the case number"));
}

struct Answer {
    receipt: VerifiedReceipt,
    records: Vec<proto::ReleasedRecord>,
}

/// What a hub answers that released `presentation` and says so in the log as `fields`.
fn answer(presentation: &str, fields: &[&str]) -> Answer {
    let release = fixture::release(presentation, fields);
    let records = vec![wire::released_record_to_proto(&release, presentation.to_owned())];
    Answer { receipt: sealed(fixture::permitted(vec![release])), records }
}

fn sealed(outcome: Outcome) -> VerifiedReceipt {
    let log = Log::new();
    let (entry, proof) = log.seal(&fixture::entry(outcome));
    verify::receipt(&entry, proof.as_bytes(), &log.verifier()).into_result("receipt").unwrap()
}

/// What a query by holder asked for, and what is known when its answer comes.
struct Known {
    fields: BTreeSet<FieldCode>,
    lookups: Vec<Opening>,
    resource: Resource,
    issuers: Vec<Issuer>,
    pins: Pins,
}

fn check(answer: Answer) -> Result<QueryAnswer, Error> {
    check_as(answer, |_| {})
}

fn check_as(answer: Answer, change: impl FnOnce(&mut Known)) -> Result<QueryAnswer, Error> {
    let mut known = Known {
        fields: ["CZZT".parse().unwrap()].into(),
        lookups: vec![holder(fixture::CONSUMER)],
        resource: fixture::resource(),
        issuers: vec![provider()],
        pins: Pins::default(),
    };
    change(&mut known);
    let Known { fields, lookups, resource, issuers, pins } = &known;
    let (entry, lookup) = (&CatalogEntry { resource: resource.clone().into(), version: 1 }, LookupKind::Holder);
    Asked { entry, fields, lookup, lookups, issuers, pins, now: fixture::now() }.check(
        answer.receipt,
        answer.records,
        0,
    )
}

/// The provider, as the issuer of the fixture's record.
fn provider() -> Issuer {
    let release = fixture::release(&fixture::presentation(&["CZZT"]), &[]);
    Issuer { key: fixture::provider_key_entry(), publication_index: release.publication_index, right: None }
}

fn holder(uscc: &str) -> Opening {
    Opening::new(&SystemRandomness::new(), Scheme::Uscc, uscc).unwrap()
}

#[test]
fn a_proven_answer_gives_the_fields_that_the_provider_signed() {
    let answer = check(answer(&fixture::presentation(&["CZZT"]), &["CZZT"])).unwrap();
    assert_eq!(answer.agreement.0.as_str(), "housing-2026");
    let record = &answer.records[0];
    assert_eq!((record.version, record.status), (2, RecordStatus::Active));
    assert_eq!(record.fields["CZZT"], "样例商行");
    assert_eq!(record.issuer_key.as_ref().unwrap(), fixture::provider_key().verifying_key());
}

#[test]
fn whatever_the_hub_changes_in_an_answer_is_found() {
    let good = || fixture::presentation(&["CZZT"]);
    let more = fixture::presentation(&["CZZT", "KZ_FDDBR"]);
    type Change = fn(&mut Answer);
    let changes: [(&str, Change); 8] = [
        ("a record withheld", |answer| answer.records.clear()),
        ("a record added", |answer| answer.records.push(answer.records[0].clone())),
        ("another version", |answer| answer.records[0].version += 1),
        ("another status", |answer| answer.records[0].status = 2),
        ("another lookup", |answer| answer.records[0].lookup = 1),
        ("another publication", |answer| answer.records[0].publication_index = 9),
        ("another presentation", |answer| answer.records[0].presentation = fixture::presentation(&["KZ_FDDBR"])),
        ("no presentation", |answer| answer.records[0].presentation.clear()),
    ];
    for (what, change) in changes {
        let mut changed = answer(&good(), &["CZZT"]);
        change(&mut changed);
        assert!(matches!(check(changed), Err(Error::Unproven { .. } | Error::Sign(_))), "{what}");
    }
    assert!(check(answer(&more, &["CZZT", "KZ_FDDBR"])).is_err(), "more than was asked for");
    assert!(check(answer(&more, &["CZZT"])).is_err(), "more than the entry says");
    assert!(check(answer(&fixture::change_signature(&good()), &["CZZT"])).is_err(), "a forged signature");
    let refused = Answer { receipt: sealed(Outcome::Refused(fixture::refusal())), records: Vec::new() };
    assert!(check(refused).is_err(), "an answer whose entry is a refusal");
}

#[test]
fn a_record_not_in_force_comes_without_fields() {
    let mut release = fixture::release(&fixture::presentation(&["CZZT"]), &[]);
    (release.status, release.sd_hash) = (RecordStatus::Revoked, None);
    for records in [vec![wire::released_record_to_proto(&release, String::new())], Vec::new()] {
        let receipt = sealed(fixture::permitted(vec![release.clone()]));
        let answer = check(Answer { receipt, records }).unwrap();
        assert_eq!(answer.records[0].status, RecordStatus::Revoked);
        assert!(answer.records[0].fields.is_empty() && answer.records[0].presentation.is_none());
    }
}

#[test]
fn nothing_found_is_an_answer_too() {
    let answer = check(Answer { receipt: sealed(fixture::permitted(Vec::new())), records: Vec::new() }).unwrap();
    assert!(answer.records.is_empty());
}

#[test]
fn the_record_released_is_the_one_looked_up() {
    let presentation = fixture::presentation(&["CZZT", "CZZTDM"]);
    let released = || answer(&presentation, &["CZZT", "CZZTDM"]);
    let both = |known: &mut Known| known.fields = ["CZZT", "CZZTDM"].map(|code| code.parse().unwrap()).into();
    let of_another = |known: &mut Known| known.lookups = vec![holder(fixture::PROVIDER)];
    check_as(released(), both).unwrap();
    let error = check_as(released(), |known| {
        both(known);
        of_another(known);
    });
    let error = error.unwrap_err();
    let Error::Unproven { check, why, .. } = &error else { panic!("{error}") };
    assert_eq!(*check, "records asked for");
    assert!(why.contains("CZZTDM") && !why.contains(fixture::PROVIDER) && !why.contains(fixture::CONSUMER), "{why}");
    // What is not released cannot be compared.
    check_as(answer(&fixture::presentation(&["CZZT"]), &["CZZT"]), of_another).unwrap();
}

#[test]
fn a_record_is_believed_under_pinned_keys_alone_and_not_under_one_that_was_compromised() {
    let good = || answer(&fixture::presentation(&["CZZT"]), &["CZZT"]);
    let pins =
        |kid: KeyId| Pins::try_from(BTreeMap::from([(fixture::PROVIDER.to_owned(), vec![kid.to_string()])])).unwrap();
    let (its_own, other) = (fixture::provider_key_entry().kid, KeyId([7; 32]));
    check_as(good(), |known| known.pins = pins(its_own)).unwrap();
    let error = check_as(good(), |known| known.pins = pins(other)).unwrap_err().to_string();
    for said in [fixture::PROVIDER, &its_own.to_string(), &other.to_string()] {
        assert!(error.contains(said), "{said}: {error}");
    }

    let iat = Time::from_millis(fixture::claims().iat * 1_000).unwrap();
    for (since, believed) in [(iat.plus_seconds(1), true), (iat, false), (iat.plus_seconds(-1), false)] {
        let key = Key { compromised_since: Some(since), ..fixture::provider_key_entry() };
        let issuers = vec![Issuer { key, ..provider() }];
        assert_eq!(check_as(good(), |known| known.issuers = issuers).is_ok(), believed, "{since}");
    }
}

#[test]
fn a_record_of_another_than_the_provider_is_believed_under_a_right_that_stood_at_its_publication_alone() {
    let good = || answer(&fixture::presentation(&["CZZT"]), &["CZZT"]);
    let index = provider().publication_index;
    let iat = Time::from_millis(fixture::claims().iat * 1_000).unwrap();
    let (long_ago, soon) = (iat.plus_seconds(-86_400), iat.plus_seconds(86_400));
    let right = |valid_from, valid_until| IssuingRight {
        grant: IssuingGrant {
            resource_id: fixture::RESOURCE.parse().unwrap(),
            department: fixture::PROVIDER.parse().unwrap(),
            valid_from,
            valid_until,
            succeeds: BTreeSet::new(),
        },
        granted_index: 0,
        ended_index: None,
    };
    let issued_under = |right: Option<IssuingRight>, publication_index| {
        check_as(good(), |known| {
            known.resource.provider = fixture::CONSUMER.parse().unwrap();
            known.issuers = vec![Issuer { right, publication_index, ..provider() }];
        })
    };
    issued_under(Some(right(long_ago, soon)), index).unwrap();

    // Where the provider is pinned, a right that a hub tells of is not enough.
    let with_pins = |pinned: &[&str]| {
        let kid = fixture::provider_key_entry().kid.to_string();
        let pins = pinned.iter().map(|uscc| ((*uscc).to_owned(), vec![kid.clone()])).collect::<BTreeMap<_, _>>();
        check_as(good(), |known| {
            known.resource.provider = fixture::CONSUMER.parse().unwrap();
            known.issuers = vec![Issuer { right: Some(right(long_ago, soon)), ..provider() }];
            known.pins = Pins::try_from(pins).unwrap();
        })
    };
    assert!(with_pins(&[fixture::CONSUMER]).unwrap_err().to_string().contains("must be pinned too"));
    with_pins(&[fixture::CONSUMER, fixture::PROVIDER]).unwrap();
    with_pins(&[fixture::PROVIDER]).unwrap();
    for (what, given, index) in [
        ("no right", None, index),
        ("a right that begins after the release", Some(right(soon, soon.plus_seconds(1))), index),
        ("a right that ended before the record was issued", Some(right(long_ago, iat)), index),
        ("a right at another publication", Some(right(long_ago, soon)), index + 1),
    ] {
        let error = issued_under(given, index).unwrap_err();
        assert!(matches!(&error, Error::Unproven { check: "issuer key", .. }), "{what}: {error}");
    }
}
