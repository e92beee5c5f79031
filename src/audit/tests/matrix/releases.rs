//! What was released, against what the log says of the records.

use super::{
    super::hub::{Actor, administrator, consumer, handle, kid, provider, register_key, resource},
    Hub, Row,
};
use crate::domain::{
    id::Digest,
    outcome::{Outcome, QueryPermitted},
    record::{RecordStatus, Validity},
    statement::{RuleChange, Statement},
    time::{date_of_days, days_of_date},
};

/// An honest query for NAME of a record, whose permission was changed before it was entered.
fn entering(name: &str, codes: &'static [&'static str], change: fn(&mut QueryPermitted)) -> Row {
    Row::lie(name, codes, move |hub| hub.query_entering(&["NAME"], &[1], change))
}

/// Releases a record as if nothing were wrong with it.
fn release_as_active(hub: &mut Hub, record: u8) -> u64 {
    hub.query(&["NAME"], &[record]);
    hub.query_entering(&["NAME"], &[record], |permitted| {
        let release = &mut permitted.records[0];
        assert_ne!(release.status, RecordStatus::Active);
        release.status = RecordStatus::Active;
        release.fields = vec!["NAME".parse().unwrap()];
        release.sd_hash = Some(Digest([9; 32]));
    })
}

/// Publishes record 3, valid from and until so many days from now.
fn publish_valid(hub: &mut Hub, from: Option<i64>, until: Option<i64>) {
    let offset = hub.rules.policy.civil_day_offset_seconds;
    let day = |days| date_of_days(days_of_date(hub.time.civil_day(offset)) + days);
    let validity = Validity { from: from.map(day), until: until.map(day) };
    let Statement::Publication(header, mut publication) = hub.publication(3, 1, RecordStatus::Active) else {
        panic!("not a publication");
    };
    publication.records[0].validity = validity;
    hub.submit(&provider(), &Statement::Publication(header, publication));
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = contents();
    rows.extend(states());
    rows.extend(compromised_keys());
    rows
}

fn contents() -> Vec<Row> {
    vec![
        entering("a field released beyond those asked for, and logged", &["FIELDS_DIFFER"], |permitted| {
            permitted.records[0].fields.push("STATUS".parse().unwrap());
        }),
        Row::lie("a field withheld of those asked for", &["FIELDS_DIFFER"], |hub| {
            hub.query_entering(&["NAME", "STATUS"], &[1], |permitted| drop(permitted.records[0].fields.pop()))
        }),
        Row::lie("a field released that the record's own catalog version has not", &["FIELDS_DIFFER"], |hub| {
            let mut grown = resource();
            grown.fields.push(crate::domain::catalog::Field {
                code: "STATE".parse().unwrap(),
                name: "新".to_owned(),
                ..grown.fields[3].clone()
            });
            hub.release_catalog(vec![grown]);
            hub.agree("wide", &["NAME", "STATE"]);
            hub.query_entering(&["NAME", "STATE"], &[1], |permitted| {
                let fields = &mut permitted.records[0].fields;
                assert_eq!(fields.len(), 1, "the record is older than the field");
                fields.push("STATE".parse().unwrap());
            })
        }),
        entering("a release that names no presentation", &["PRESENTATION_MISSING"], |permitted| {
            permitted.records[0].sd_hash = None;
        }),
        Row::lie("a presentation named where nothing was released", &["PRESENTATION_MISSING"], |hub| {
            hub.publish(1, 2, RecordStatus::Revoked);
            hub.query_entering(&["NAME"], &[1], |permitted| permitted.records[0].sd_hash = Some(Digest([9; 32])))
        }),
        entering("a record released that nobody published", &["RECORD_UNPUBLISHED"], |permitted| {
            permitted.records[0].handle = handle(77);
        }),
        entering("a record released with another body than was published", &["RECORD_NOT_CURRENT"], |permitted| {
            permitted.records[0].jwt_sha256 = Digest([7; 32]);
        }),
        entering("a release that names another publication", &["RECORD_NOT_CURRENT"], |permitted| {
            permitted.records[0].publication_index += 1;
        }),
        entering("a release that answers a lookup nobody made", &["LOOKUP_UNKNOWN"], |permitted| {
            permitted.records[0].lookup = 1;
        }),
    ]
}

fn states() -> Vec<Row> {
    let published = |name: &str, status| {
        Row::lie(name, &["RECORD_STATUS"], move |hub| {
            hub.publish(1, 2, status);
            release_as_active(hub, 1)
        })
    };
    vec![
        published("a record released after its revocation", RecordStatus::Revoked),
        published("a record released while it is suspended", RecordStatus::Suspended),
        published("a record released though another took its place", RecordStatus::Superseded),
        Row::lie("a record released after its last day", &["RECORD_STATUS"], |hub| {
            publish_valid(hub, None, Some(-1));
            release_as_active(hub, 3)
        }),
        Row::lie("a record released before its first day", &["RECORD_STATUS"], |hub| {
            publish_valid(hub, Some(1), None);
            release_as_active(hub, 3)
        }),
        Row::lie("a record withheld as revoked that is not", &["RECORD_STATUS"], |hub| {
            hub.query_entering(&["NAME"], &[1], |permitted| {
                let release = &mut permitted.records[0];
                (release.status, release.sd_hash) = (RecordStatus::Revoked, None);
                release.fields.clear();
            })
        }),
        Row::lie("an outdated version released", &["RECORD_NOT_CURRENT"], |hub| {
            let before = hub.clone();
            hub.publish(1, 2, RecordStatus::Active);
            let statement = hub.query_statement(&["NAME"], &[1]);
            let outdated = before.decide(&consumer(), &statement, &[1]);
            hub.enter(consumer().sign(&statement), &statement, outdated)
        }),
        Row::lie("a record released before it was published", &["RECORD_UNPUBLISHED"], |hub| {
            let mut later = hub.clone();
            later.publish(3, 1, RecordStatus::Active);
            let statement = hub.query_statement(&["NAME"], &[3]);
            let early = later.decide(&consumer(), &statement, &[3]);
            assert!(matches!(&early, Outcome::QueryPermitted(permitted) if permitted.records.len() == 1));
            let lie = hub.enter(consumer().sign(&statement), &statement, early);
            hub.publish(3, 1, RecordStatus::Active);
            lie
        }),
    ]
}

/// A hub whose provider's key turns out to have been compromised when it signed record 3, and not yet when it signed 1 and 2;
/// and the publication of record 3.
fn compromised() -> (Hub, u64) {
    let mut hub = Hub::running();
    hub.time = hub.time.plus_seconds(60);
    let since = hub.time;
    let published = hub.publish(3, 1, RecordStatus::Active);
    hub.query(&["NAME"], &[3]);
    hub.change(&administrator(), register_key(&Actor { seed: 21, ..provider() }));
    let kid = kid(&provider().key());
    hub.change(&administrator(), RuleChange::RetireKey { kid, compromised_since: Some(since) });
    (hub, published)
}

fn compromised_keys() -> Vec<Row> {
    vec![
        Row::log("a record released that a compromised key signed", &["SIGNATURE_SUSPECT", "RECORD_SUSPECT"], || {
            let (mut hub, published) = compromised();
            let lie = release_as_active(&mut hub, 3);
            (hub, vec![published, lie])
        }),
        Row::log(
            "a record withheld as if a compromised key had signed it",
            &["SIGNATURE_SUSPECT", "RECORD_STATUS"],
            || {
                let (mut hub, published) = compromised();
                let lie = hub.query_entering(&["NAME"], &[1], |permitted| {
                    let release = &mut permitted.records[0];
                    (release.status, release.sd_hash) = (RecordStatus::Suspended, None);
                    release.fields.clear();
                });
                (hub, vec![published, lie])
            },
        ),
    ]
}
