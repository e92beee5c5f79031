//! Publications: who may publish, what may follow what.

use std::collections::BTreeSet;

use super::{
    super::hub::{Actor, PROVIDER, administrator, consumer, kid, provider, register_key, resource},
    Hub, Row,
};
use crate::domain::{
    directory::Capability,
    outcome::{Outcome, RecordViolation, Refusal, RefusalReason},
    record::{RecordStatus, Validity},
    statement::{Publication, RuleChange, Statement},
    time::Date,
};

/// A publication changed, and all of its records accepted.
fn accepted(
    name: &str,
    codes: &'static [&'static str],
    (record, version): (u8, u32),
    change: impl FnOnce(&mut Hub, &mut Publication) + 'static,
) -> Row {
    Row::lie(name, codes, move |hub| {
        let statement = changed(hub, (record, version), change);
        accept(hub, &provider(), &statement)
    })
}

fn changed(hub: &mut Hub, (record, version): (u8, u32), change: impl FnOnce(&mut Hub, &mut Publication)) -> Statement {
    let Statement::Publication(header, mut publication) = hub.publication(record, version, RecordStatus::Active) else {
        panic!("not a publication");
    };
    change(hub, &mut publication);
    Statement::Publication(header, publication)
}

fn accept(hub: &mut Hub, publisher: &Actor, statement: &Statement) -> u64 {
    let Statement::Publication(_, publication) = statement else { panic!("not a publication") };
    let results = vec![BTreeSet::new(); publication.records.len()];
    hub.enter(publisher.sign(statement), statement, Outcome::Published(results))
}

/// A publication by the consumer's system.
fn by_consumer(hub: &mut Hub) -> u64 {
    let Statement::Publication(mut header, publication) = hub.publication(3, 1, RecordStatus::Active) else {
        panic!("not a publication");
    };
    header.actor = consumer().system;
    accept(hub, &consumer(), &Statement::Publication(header, publication))
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = records();
    rows.extend(whole());
    rows
}

fn records() -> Vec<Row> {
    vec![
        accepted("a new record that begins with version 2", &["RECORD_VERSION"], (3, 2), |_, _| {}),
        accepted("a version skipped", &["RECORD_VERSION"], (1, 3), |_, _| {}),
        accepted("a version published a second time", &["RECORD_VERSION"], (1, 1), |_, _| {}),
        accepted("a record published as expired", &["RECORD_INVALID"], (3, 1), |_, publication| {
            publication.records[0].status = RecordStatus::Expired;
        }),
        accepted("a record whose validity ends before it begins", &["RECORD_INVALID"], (3, 1), |_, publication| {
            let (from, until) = (Some(Date::constant(2026, 2, 2)), Some(Date::constant(2026, 2, 1)));
            publication.records[0].validity = Validity { from, until };
        }),
        accepted("a record that its provider's consumer signed", &["RECORD_INVALID"], (3, 1), |_, publication| {
            publication.issuer_key = kid(&consumer().key());
        }),
        accepted("a record that nobody's key signed", &["RECORD_INVALID"], (3, 1), |_, publication| {
            publication.issuer_key = kid(&Actor { seed: 77, ..provider() }.key());
        }),
        accepted("a record that a retired key signed", &["RECORD_INVALID"], (3, 1), |hub, publication| {
            let earlier = Actor { seed: 22, ..provider() };
            hub.change(&administrator(), register_key(&earlier));
            let kid = kid(&earlier.key());
            hub.change(&administrator(), RuleChange::RetireKey { kid, compromised_since: None });
            publication.issuer_key = kid;
        }),
        accepted("a handle of another resource's record taken", &["RECORD_INVALID"], (1, 2), |hub, publication| {
            let mut other = resource();
            other.resource_id = "market.permit".parse().unwrap();
            assert_eq!(other.provider.as_str(), PROVIDER);
            hub.release_catalog(vec![other]);
            publication.resource_id = "market.permit".parse().unwrap();
        }),
        Row::lie("the next version rejected for its number", &["RECORD_VERSION"], |hub| {
            let statement = changed(hub, (1, 2), |_, _| {});
            let results = vec![BTreeSet::from([RecordViolation::Version])];
            hub.enter(provider().sign(&statement), &statement, Outcome::Published(results))
        }),
    ]
}

fn whole() -> Vec<Row> {
    vec![
        Row::lie("a publication with a result too few", &["RESULT_COUNT"], |hub| {
            let statement = hub.publication(3, 1, RecordStatus::Active);
            hub.enter(provider().sign(&statement), &statement, Outcome::Published(Vec::new()))
        }),
        accepted("a record twice in a publication", &["WRONGLY_DONE:PUBLICATION_INVALID"], (3, 1), |_, publication| {
            let mut again = publication.records[0].clone();
            again.version = 2;
            publication.records.push(again);
        }),
        accepted(
            "a publication of a resource that is not",
            &["WRONGLY_DONE:RESOURCE_UNKNOWN"],
            (3, 1),
            |_, publication| {
                publication.resource_id = "market.ghost".parse().unwrap();
            },
        ),
        accepted(
            "a publication that follows an outdated catalog",
            &["WRONGLY_DONE:RESOURCE_VERSION_STALE"],
            (3, 1),
            |hub, _| {
                let mut changed = resource();
                changed.summary = "changed".to_owned();
                hub.release_catalog(vec![changed]);
            },
        ),
        Row::lie("a publication by a system that may not", &["WRONGLY_DONE:CAPABILITY_MISSING"], by_consumer),
        Row::lie("a publication of another department's resource", &["WRONGLY_DONE:RESOURCE_NOT_OWNED"], |hub| {
            let capabilities = BTreeSet::from([Capability::Query, Capability::SignAgreements, Capability::Publish]);
            let system = consumer().system;
            hub.change(&administrator(), RuleChange::RegisterSystem { system, capabilities });
            by_consumer(hub)
        }),
        Row::lie("a publication refused that should have been taken", &["WRONGLY_REFUSED:RESOURCE_NOT_OWNED"], |hub| {
            let statement = changed(hub, (3, 1), |_, _| {});
            let refusal = Refusal::new(RefusalReason::ResourceNotOwned, "market.licence");
            hub.enter(provider().sign(&statement), &statement, Outcome::Refused(refusal))
        }),
        Row::lie("a publication answered as if it were a change of the rules", &["OUTCOME_KIND"], |hub| {
            let statement = changed(hub, (3, 1), |_, _| {});
            let effect = crate::domain::outcome::Effect::DepartmentRegistered;
            hub.enter(provider().sign(&statement), &statement, Outcome::Applied(effect))
        }),
    ]
}
