//! The terms that rest on what the log cannot show, and those beside them: row conditions, networks, a minute's limit.

use super::{
    super::hub::{consumer, handle, resource},
    Hub, Row,
    queries::{asked, second},
};
use crate::domain::{
    agreement::AgreementText,
    catalog::FieldType,
    condition::{Comparison, Condition, Literal, Relation, Test},
    outcome::{Outcome, QueryPermitted, RecordWithheld},
    statement::{Query, Statement},
};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = conditions();
    rows.extend(networks());
    rows.extend(minutes());
    rows
}

/// STATUS = "open".
pub(super) fn is_open(text: &mut AgreementText) {
    let test = Test::Is(Relation::Equal, Literal::Text("open".to_owned()));
    text.condition = Some(Condition::Comparison(Comparison { field: "STATUS".parse().unwrap(), test }));
}

fn from_the_office(text: &mut AgreementText) {
    text.networks = ["10.44.0.0/16".parse().unwrap()].into();
}

fn by_second(query: &mut Query) {
    query.agreement_id = Some("second".parse().unwrap());
}

/// A query for NAME of record 1 under the second agreement, decided honestly.
fn honest(hub: &mut Hub) -> (Statement, Outcome) {
    let statement = asked(hub, by_second);
    let outcome = hub.decide(&consumer(), &statement, &[1]);
    (statement, outcome)
}

fn ask(hub: &mut Hub) -> Outcome {
    let (statement, outcome) = honest(hub);
    hub.enter(consumer().sign(&statement), &statement, outcome.clone());
    outcome
}

/// The same, permitted, and changed before it is entered.
fn entering(hub: &mut Hub, change: impl FnOnce(&mut QueryPermitted)) -> u64 {
    let (statement, outcome) = honest(hub);
    let Outcome::QueryPermitted(mut permitted) = outcome else { panic!("not permitted: {outcome:?}") };
    change(&mut permitted);
    hub.enter(consumer().sign(&statement), &statement, Outcome::QueryPermitted(permitted))
}

/// A permit as it was, for a query that is to be refused now.
fn entering_once_more(hub: &mut Hub, permitted: Outcome) -> u64 {
    let (statement, outcome) = honest(hub);
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    hub.enter(consumer().sign(&statement), &statement, permitted)
}

fn set_status(hub: &mut Hub, status: &str) {
    hub.values = vec![("STATUS".to_owned(), status.into())];
}

/// Record 1 as an entry withholds it.
fn withheld(hub: &Hub) -> RecordWithheld {
    let (_, head) = &hub.records[&handle(1)];
    RecordWithheld {
        lookup: 0,
        handle: head.handle,
        version: head.version,
        publication_index: head.publication_index,
        jwt_sha256: head.jwt_sha256,
    }
}

fn conditions() -> Vec<Row> {
    vec![
        Row::lie("a record released that its own entry says misses the row condition", &["CONDITION_MISSED"], |hub| {
            second(hub, is_open);
            set_status(hub, "closed");
            assert!(matches!(ask(hub), Outcome::QueryPermitted(permitted) if permitted.records.is_empty()));
            set_status(hub, "open");
            let withheld = withheld(hub);
            entering(hub, |permitted| permitted.withheld = Some(vec![withheld]))
        }),
        Row::lie("the result of a row condition left out", &["ATTESTED_FACTS_DIFFER"], |hub| {
            second(hub, is_open);
            set_status(hub, "open");
            entering(hub, |permitted| permitted.withheld = None)
        }),
        Row::lie("the result of a row condition that there is not", &["ATTESTED_FACTS_DIFFER"], |hub| {
            hub.query_entering(&["NAME"], &[1], |permitted| permitted.withheld = Some(Vec::new()))
        }),
        Row::lie("a record withheld in a version that was not current", &["RECORD_NOT_CURRENT"], |hub| {
            second(hub, is_open);
            set_status(hub, "closed");
            entering(hub, |permitted| permitted.withheld.as_mut().unwrap()[0].version = 2)
        }),
        Row::lie("a record withheld that answers no lookup", &["LOOKUP_UNKNOWN"], |hub| {
            second(hub, is_open);
            set_status(hub, "closed");
            entering(hub, |permitted| permitted.withheld.as_mut().unwrap()[0].lookup = 1)
        }),
        Row::lie(
            "a permit under a row condition that no longer fits the catalog",
            &["WRONGLY_DONE:CONDITION_INAPPLICABLE"],
            |hub| {
                second(hub, is_open);
                set_status(hub, "open");
                let permitted = ask(hub);
                let mut retyped = resource();
                retyped.fields[3].field_type = FieldType::Integer;
                hub.release_catalog(vec![retyped]);
                ask(hub);
                entering_once_more(hub, permitted)
            },
        ),
    ]
}

fn networks() -> Vec<Row> {
    vec![
        Row::lie("a permit to a peer outside the networks", &["WRONGLY_DONE:NETWORK_NOT_ALLOWED"], |hub| {
            second(hub, from_the_office);
            let permitted = ask(hub);
            hub.address = [10, 45, 0, 9].into();
            ask(hub);
            let Outcome::QueryPermitted(mut permitted) = permitted else { panic!("{permitted:?}") };
            permitted.peer_address = Some(hub.address);
            let lie = entering_once_more(hub, Outcome::QueryPermitted(permitted));
            hub.address = [10, 44, 0, 9].into();
            lie
        }),
        Row::lie("the peer's address left out", &["WRONGLY_DONE:NETWORK_NOT_ALLOWED"], |hub| {
            second(hub, from_the_office);
            entering(hub, |permitted| permitted.peer_address = None)
        }),
        Row::lie("a peer's address on which nothing rests", &["ATTESTED_FACTS_DIFFER"], |hub| {
            hub.query_entering(&["NAME"], &[1], |permitted| permitted.peer_address = Some([10, 44, 0, 9].into()))
        }),
        Row::lie("a peer inside the networks refused as outside", &["WRONGLY_REFUSED:NETWORK_NOT_ALLOWED"], |hub| {
            second(hub, from_the_office);
            hub.address = [10, 45, 0, 9].into();
            let (statement, outcome) = honest(hub);
            let Outcome::Refused(mut refusal) = outcome else { panic!("{outcome:?}") };
            hub.address = [10, 44, 0, 9].into();
            refusal.peer_address = Some(hub.address);
            hub.enter(consumer().sign(&statement), &statement, Outcome::Refused(refusal))
        }),
    ]
}

fn minutes() -> Vec<Row> {
    vec![Row::lie("a permit beyond the minute's limit", &["WRONGLY_DONE:MINUTE_LIMIT_EXCEEDED"], |hub| {
        second(hub, |text| text.minute_limit = Some(2));
        // The minute begins anew; what was asked for before does not count in it.
        let permitted = ask(hub);
        hub.time = hub.time.start_of_minute().plus_seconds(60);
        ask(hub);
        ask(hub);
        hub.time = hub.time.plus_seconds(59);
        ask(hub);
        let lie = entering_once_more(hub, permitted);
        hub.time = hub.time.plus_seconds(1);
        assert!(matches!(ask(hub), Outcome::QueryPermitted(_)));
        lie
    })]
}
