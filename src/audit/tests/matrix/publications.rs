//! Publications: who may publish, what may follow what.

use std::collections::BTreeSet;

use super::{
    super::hub::{Actor, PROVIDER, RESOURCE, administrator, consumer, kid, provider, register_key, resource},
    Hub, Row,
};
use crate::domain::{
    directory::Capability,
    issuing::IssuingGrant,
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
    let statement = hub.publication_by(&consumer(), 3, 1, RecordStatus::Active);
    accept(hub, &consumer(), &statement)
}

/// What another department has to do with the provider's resource.
const OTHER: &str = "91350100M000100Y43";

fn other() -> Actor {
    Actor::new(OTHER, "branch", 23)
}

/// Gives the other department, which may publish, the right to issue the provider's resource for so many seconds.
fn grant(hub: &mut Hub, seconds: i64, succeeds: &[&str]) {
    let (system, uscc) = (other().system, *other().system.department());
    hub.change(&administrator(), RuleChange::RegisterDepartment { uscc, name: "分局".to_owned() });
    let capabilities = BTreeSet::from([Capability::Publish]);
    hub.change(&administrator(), RuleChange::RegisterSystem { system, capabilities });
    hub.change(&administrator(), register_key(&other()));
    let (valid_from, valid_until) = (hub.time, hub.time.plus_seconds(seconds));
    let succeeds = succeeds.iter().map(|uscc| uscc.parse().unwrap()).collect();
    let resource_id = RESOURCE.parse().unwrap();
    let grant = IssuingGrant { resource_id, department: uscc, valid_from, valid_until, succeeds };
    hub.change(&administrator(), RuleChange::GrantIssuingRight(grant));
}

/// A publication by the other department, all of its records accepted.
fn by_other(hub: &mut Hub, record: u8, version: u32) -> u64 {
    let statement = hub.publication_by(&other(), record, version, RecordStatus::Active);
    accept(hub, &other(), &statement)
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = records();
    rows.extend(whole());
    rows.extend(of_others());
    rows
}

fn of_others() -> Vec<Row> {
    vec![
        Row::lie("a publication under a right that is over", &["WRONGLY_DONE:ISSUING_RIGHT_NOT_VALID"], |hub| {
            grant(hub, 60, &[]);
            by_other(hub, 3, 1);
            hub.time = hub.time.plus_seconds(60);
            by_other(hub, 4, 1)
        }),
        Row::lie("a publication under a right that was withdrawn", &["WRONGLY_DONE:RESOURCE_NOT_OWNED"], |hub| {
            grant(hub, 60, &[]);
            let department = *other().system.department();
            let resource_id = RESOURCE.parse().unwrap();
            hub.change(&administrator(), RuleChange::WithdrawIssuingRight { resource_id, department });
            by_other(hub, 3, 1)
        }),
        Row::lie("another department's record overwritten", &["RECORD_FOREIGN"], |hub| {
            grant(hub, 60, &[]);
            by_other(hub, 1, 2)
        }),
        Row::log("a record continued by who no longer succeeds its department", &["RECORD_FOREIGN"], || {
            let mut hub = Hub::running();
            grant(&mut hub, 60, &[PROVIDER]);
            by_other(&mut hub, 1, 2);
            grant(&mut hub, 60, &[]);
            let at = by_other(&mut hub, 2, 2);
            (hub, vec![at])
        }),
        Row::lie("one's own record rejected as another's", &["RECORD_FOREIGN"], |hub| {
            let statement = changed(hub, (1, 2), |_, _| {});
            let results = vec![BTreeSet::from([RecordViolation::Issuer])];
            hub.enter(provider().sign(&statement), &statement, Outcome::Published(results))
        }),
    ]
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
