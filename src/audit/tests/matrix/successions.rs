//! Records that take others' places, and what is told of them.

use std::collections::BTreeSet;

use super::{
    super::hub::{consumer, handle, provider},
    Hub, Row,
    queries::second,
    terms::is_open,
};
use crate::domain::{
    id::Digest,
    outcome::{Outcome, QueryPermitted, RecordRelease, RecordWithheld},
    record::RecordStatus,
    statement::Statement,
};

/// Publishes a version of a record that is to replace another, as the hub says: accepted.
fn replace(hub: &mut Hub, (record, version): (u8, u32), replaced: u8) -> u64 {
    let Statement::Publication(header, mut publication) = hub.publication(record, version, RecordStatus::Active) else {
        panic!("not a publication");
    };
    publication.records[0].replaces = Some(handle(replaced));
    let statement = Statement::Publication(header, publication);
    hub.enter(provider().sign(&statement), &statement, Outcome::Published(vec![BTreeSet::new()]))
}

fn accepted(name: &str, codes: &'static [&'static str], lie: impl FnOnce(&mut Hub) -> u64 + 'static) -> Row {
    Row::lie(name, codes, move |hub| {
        replace(hub, (3, 1), 1);
        lie(hub)
    })
}

/// A query by the identifier of record 1, which record 3 replaced, whose permission was changed before it was entered.
fn told(
    name: &str,
    codes: &'static [&'static str],
    fields: &'static [&'static str],
    change: impl FnOnce(&mut QueryPermitted) + 'static,
) -> Row {
    accepted(name, codes, move |hub| {
        hub.agree("wide", &["ID", "NAME"]);
        let statement = hub.query_statement(fields, &[1]);
        let mut outcome = hub.decide(&consumer(), &statement, &[1]);
        let Outcome::QueryPermitted(permitted) = &mut outcome else { panic!("{outcome:?}") };
        assert_eq!(permitted.records[0].status, RecordStatus::Superseded);
        assert_eq!(permitted.records.len(), 1 + usize::from(fields.contains(&"ID")));
        change(permitted);
        hub.enter(consumer().sign(&statement), &statement, outcome)
    })
}

/// A query under a row condition by the identifier of record 1, which record 3 replaced: first the row condition withholds record 3,
/// of which nothing is found; then the outcome is changed before it is entered.
fn told_on_condition(
    name: &str,
    codes: &'static [&'static str],
    change: impl FnOnce(&mut QueryPermitted) + 'static,
) -> Row {
    accepted(name, codes, move |hub| {
        second(hub, |text| {
            is_open(text);
            text.fields.insert("ID".parse().unwrap());
        });
        hub.values = vec![("STATUS".to_owned(), "open".into())];
        let mut enter = |change: Box<dyn FnOnce(&mut QueryPermitted)>| {
            let Statement::Query(header, mut query) = hub.query_statement(&["ID", "NAME"], &[1]) else {
                panic!("not a query");
            };
            query.agreement_id = Some("second".parse().unwrap());
            let statement = Statement::Query(header, query);
            let mut outcome = hub.decide(&consumer(), &statement, &[1]);
            let Outcome::QueryPermitted(permitted) = &mut outcome else { panic!("{outcome:?}") };
            assert_eq!(permitted.records.len(), 2);
            change(permitted);
            hub.enter(consumer().sign(&statement), &statement, outcome)
        };
        enter(Box::new(|permitted| withhold(permitted, 1)));
        enter(Box::new(change))
    })
}

/// Withholds a record that was to be released.
fn withhold(permitted: &mut QueryPermitted, position: usize) {
    let RecordRelease { lookup, handle, version, publication_index, jwt_sha256, .. } =
        permitted.records.remove(position);
    let withheld = RecordWithheld { lookup, handle, version, publication_index, jwt_sha256 };
    permitted.withheld.as_mut().unwrap().push(withheld);
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        told_on_condition("a successor neither told nor withheld", &["SUCCESSOR_DIFFERS"], |permitted| {
            permitted.records.truncate(1);
        }),
        told_on_condition("a successor told of a record that was withheld", &["SUCCESSOR_DIFFERS"], |permitted| {
            withhold(permitted, 0);
        }),
        Row::lie("a record that takes the place of one that is not", &["RECORD_SUCCESSION"], |hub| {
            replace(hub, (3, 1), 9)
        }),
        Row::lie("a record that takes its own place", &["RECORD_INVALID"], |hub| replace(hub, (3, 1), 3)),
        accepted("a record replaced a second time", &["RECORD_SUCCESSION"], |hub| replace(hub, (4, 1), 1)),
        accepted("records that take each other's places", &["RECORD_SUCCESSION"], |hub| replace(hub, (1, 2), 3)),
        told("a record released that another had replaced", &["RECORD_STATUS"], &["NAME"], |permitted| {
            let release = &mut permitted.records[0];
            release.status = RecordStatus::Active;
            release.fields = vec!["NAME".parse().unwrap()];
            release.sd_hash = Some(Digest([9; 32]));
        }),
        told("a successor withheld", &["SUCCESSOR_DIFFERS"], &["ID", "NAME"], |permitted| {
            permitted.records.truncate(1);
        }),
        accepted("a successor told to who did not ask", &["SUCCESSOR_DIFFERS"], |hub| {
            let (_, head) = hub.records[&handle(3)].clone();
            hub.query_entering(&["NAME"], &[1], |permitted| {
                let successor = RecordRelease {
                    handle: head.handle,
                    status: RecordStatus::Active,
                    publication_index: head.publication_index,
                    jwt_sha256: head.jwt_sha256,
                    replaces: Some(handle(1)),
                    ..permitted.records[0].clone()
                };
                permitted.records.push(successor);
            })
        }),
        told(
            "a successor told of another record",
            &["SUCCESSOR_DIFFERS", "SUCCESSOR_DIFFERS"],
            &["ID", "NAME"],
            |permitted| permitted.records[1].replaces = Some(handle(2)),
        ),
        told("more of a successor released than its identifier", &["FIELDS_DIFFER"], &["ID", "NAME"], |permitted| {
            permitted.records[1].fields.push("NAME".parse().unwrap());
        }),
    ]
}
