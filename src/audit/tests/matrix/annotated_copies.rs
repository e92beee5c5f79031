//! Annotated copies: of what they are made, with what they fall, and for what they are released.

use std::collections::BTreeSet;

use super::{
    super::hub::{consumer, handle, provider, resource},
    Hub, Row,
    queries::second,
};
use crate::domain::{
    catalog::{CopyOf, Field, FieldType, Resource},
    id::Digest,
    outcome::{Original, Outcome, QueryPermitted},
    record::{AnnotatedCopy, RecordStatus, Validity},
    statement::{PublishedRecord, Statement},
    time::Date,
};

const COPIES: &str = "market.licence-copy";
/// The copy that is made, of record 1.
const COPY: u8 = 5;

fn copies() -> Resource {
    let base = resource();
    let field = |code: &str, position: usize| Field {
        code: code.parse().unwrap(),
        name: code.to_owned(),
        ..base.fields[position].clone()
    };
    let until = Field { field_type: FieldType::Date, ..field("UNTIL", 2) };
    let added = [field("ORIGINAL", 0), field("PURPOSE", 2), until];
    Resource {
        resource_id: COPIES.parse().unwrap(),
        fields: base.fields.iter().cloned().chain(added).collect(),
        valid_until_field: Some("UNTIL".parse().unwrap()),
        copy_of: Some(CopyOf {
            resource_id: base.resource_id.clone(),
            original_field: "ORIGINAL".parse().unwrap(),
            purpose_field: Some("PURPOSE".parse().unwrap()),
        }),
        ..base
    }
}

/// The publication of a copy of a record, changed.
fn copy(hub: &mut Hub, original: u8, change: impl FnOnce(&mut PublishedRecord)) -> Statement {
    let Statement::Publication(header, mut publication) = hub.publication(COPY, 1, RecordStatus::Active) else {
        panic!("not a publication");
    };
    publication.resource_id = COPIES.parse().unwrap();
    let record = &mut publication.records[0];
    record.validity = Validity { from: None, until: Some(Date::constant(2090, 12, 31)) };
    record.copy = Some(AnnotatedCopy { original: handle(original), purpose: None });
    change(record);
    Statement::Publication(header, publication)
}

/// What can be copied of record 1, until a day, and who may ask for copies.
fn copying(hub: &mut Hub) {
    hub.release_catalog(vec![copies()]);
    second(hub, |text| {
        text.resource_id = COPIES.parse().unwrap();
        text.fields = BTreeSet::from(["NAME".parse().unwrap()]);
    });
    let Statement::Publication(header, mut publication) = hub.publication(1, 2, RecordStatus::Active) else {
        panic!("not a publication");
    };
    publication.records[0].validity.until = Some(Date::constant(2090, 12, 31));
    hub.submit(&provider(), &Statement::Publication(header, publication));
}

/// A copy that the hub says it accepted.
fn accepted(name: &str, original: u8, change: impl FnOnce(&mut PublishedRecord) + 'static) -> Row {
    Row::lie(name, &["RECORD_COPY"], move |hub| {
        copying(hub);
        let statement = copy(hub, original, change);
        hub.enter(provider().sign(&statement), &statement, Outcome::Published(vec![BTreeSet::new()]))
    })
}

/// A query for a copy, in order, whose permission was changed before it was entered; `before` is what came before it.
fn released(
    name: &str,
    codes: &'static [&'static str],
    purpose: Option<&'static str>,
    before: impl FnOnce(&mut Hub) + 'static,
    change: impl FnOnce(&mut QueryPermitted) + 'static,
) -> Row {
    Row::lie(name, codes, move |hub| {
        copying(hub);
        let publication = copy(hub, 1, |record| {
            record.copy.as_mut().unwrap().purpose = purpose.map(|purpose| purpose.parse().unwrap());
        });
        hub.submit(&provider(), &publication);
        before(hub);
        let mut enter = |change: Box<dyn FnOnce(&mut QueryPermitted)>| {
            let Statement::Query(header, mut query) = hub.query_statement(&["NAME"], &[COPY]) else {
                panic!("not a query");
            };
            query.resource_id = COPIES.parse().unwrap();
            let statement = Statement::Query(header, query);
            let mut outcome = hub.decide(&consumer(), &statement, &[COPY]);
            let Outcome::QueryPermitted(permitted) = &mut outcome else { panic!("{outcome:?}") };
            change(permitted);
            hub.enter(consumer().sign(&statement), &statement, outcome)
        };
        enter(Box::new(|_| {}));
        enter(Box::new(change))
    })
}

fn disclose(permitted: &mut QueryPermitted) {
    let release = &mut permitted.records[0];
    release.status = RecordStatus::Active;
    release.fields = vec!["NAME".parse().unwrap()];
    release.sd_hash = Some(Digest([9; 32]));
}

fn revoke(hub: &mut Hub) {
    hub.publish(1, 3, RecordStatus::Revoked);
}

fn original(permitted: &mut QueryPermitted) -> &mut Original {
    permitted.records[0].original.as_mut().unwrap()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        accepted("a copy of a record that is not", 9, |_| {}),
        accepted("a copy of a record of copies' own resource", COPY, |_| {}),
        accepted("a copy without an end", 1, |record| record.validity.until = None),
        accepted("a copy that ends after its original", 1, |record| {
            record.validity.until = Some(Date::constant(2091, 1, 1));
        }),
        accepted("a copy of nothing", 1, |record| record.copy = None),
        released("a copy released though its original was revoked", &["RECORD_STATUS"], None, revoke, |permitted| {
            assert_eq!(permitted.records[0].status, RecordStatus::Revoked);
            disclose(permitted);
        }),
        released("a revoked original said to be in force", &["RECORD_STATUS"], None, revoke, |permitted| {
            disclose(permitted);
            original(permitted).status = RecordStatus::Active;
        }),
        released("a copy released as made of another record", &["ORIGINAL_DIFFERS"], None, revoke, |permitted| {
            disclose(permitted);
            let status = RecordStatus::Active;
            // What entry made record 2 current, the release of the catalog and what came after do not change.
            *original(permitted) = Original { handle: handle(2), publication_index: SECOND, status };
        }),
        released(
            "a copy's status that rests on no entry",
            &["ORIGINAL_DIFFERS"],
            None,
            |_| {},
            |permitted| {
                original(permitted).publication_index = 0;
            },
        ),
        released("a copy released without its original", &["ORIGINAL_DIFFERS"], None, revoke, |permitted| {
            disclose(permitted);
            permitted.records[0].original = None;
        }),
        released(
            "a copy released for another purpose",
            &["FIELDS_DIFFER"],
            Some("loan"),
            |_| {},
            |permitted| {
                assert_eq!((permitted.records[0].status, permitted.records[0].fields.len()), (RecordStatus::Active, 0));
                disclose(permitted);
            },
        ),
        released(
            "a copy withheld from its purpose",
            &["FIELDS_DIFFER"],
            Some("permit"),
            |_| {},
            |permitted| {
                assert_eq!(permitted.records[0].fields.len(), 1);
                permitted.records[0].fields.clear();
                permitted.records[0].sd_hash = None;
            },
        ),
        Row::lie("an original of what is no copy", &["ORIGINAL_DIFFERS", "ORIGINAL_DIFFERS"], |hub| {
            hub.query_entering(&["NAME"], &[1], |permitted| {
                let (handle, status) = (handle(2), RecordStatus::Active);
                permitted.records[0].original = Some(Original { handle, publication_index: SECOND, status });
            })
        }),
    ]
}

/// The entry by which a running hub's record 2 is current.
const SECOND: u64 = 13;
