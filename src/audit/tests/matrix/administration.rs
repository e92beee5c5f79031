//! Forged administration: of departments, systems, keys, and the catalog.

use std::collections::BTreeSet;

use super::{
    super::hub::{
        ADMINISTRATION, Actor, CONSUMER, PROVIDER, RESOURCE, administrator, consumer, kid, provider, register_key,
        resource,
    },
    Hub, Row,
};

use crate::domain::{
    calendar::CalendarYear,
    directory::Capability,
    id::Digest,
    issuing::IssuingGrant,
    outcome::{Effect, Outcome, Refusal, RefusalReason},
    statement::{RuleChange, Statement},
};

/// Enters a change of the rules with an effect that the hub made up.
pub(super) fn forge(hub: &mut Hub, actor: &Actor, change: RuleChange, effect: Effect) -> u64 {
    let statement = Statement::Rule(hub.header(actor), change);
    hub.enter(actor.sign(&statement), &statement, Outcome::Applied(effect))
}

/// A change of the rules that was made though it had to be refused.
fn forged(
    name: &str,
    codes: &'static [&'static str],
    change: impl FnOnce(&mut Hub) -> (Actor, RuleChange, Effect) + 'static,
) -> Row {
    Row::lie(name, codes, move |hub| {
        let (actor, change, effect) = change(hub);
        forge(hub, &actor, change, effect)
    })
}

fn registered(system: &Actor, capabilities: &[Capability]) -> RuleChange {
    RuleChange::RegisterSystem { system: system.system.clone(), capabilities: capabilities.iter().copied().collect() }
}

fn retired(actor: &Actor) -> (RuleChange, Effect) {
    let kid = kid(&actor.key());
    (RuleChange::RetireKey { kid, compromised_since: None }, Effect::KeyRetired(kid))
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = directory();
    rows.extend(keys());
    rows.extend(issuing_rights());
    rows.extend(catalog());
    rows.extend(calendar());
    rows.extend(effects());
    rows
}

fn directory() -> Vec<Row> {
    vec![
        forged("a system that gives itself a capability", &["WRONGLY_DONE:CAPABILITY_MISSING"], |_| {
            let capabilities = [Capability::Query, Capability::SignAgreements, Capability::Audit];
            (consumer(), registered(&consumer(), &capabilities), Effect::SystemRegistered)
        }),
        forged(
            "a department registered by another than an administrator",
            &["WRONGLY_DONE:CAPABILITY_MISSING"],
            |_| {
                let change =
                    RuleChange::RegisterDepartment { uscc: PROVIDER.parse().unwrap(), name: "住建局".to_owned() };
                (consumer(), change, Effect::DepartmentRegistered)
            },
        ),
        forged("a system of a department that nobody registered", &["WRONGLY_DONE:DEPARTMENT_UNKNOWN"], |_| {
            let ghost = Actor::new("91350100M000100Y43", "ghost", 15);
            (administrator(), registered(&ghost, &[]), Effect::SystemRegistered)
        }),
        forged("a system of another trust domain", &["WRONGLY_DONE:SYSTEM_UNKNOWN"], |_| {
            let department = PROVIDER.parse().unwrap();
            let other = crate::domain::id::SystemId::new(&"other.example".parse().unwrap(), &department, "registry");
            let other = Actor { system: other.unwrap(), seed: 15 };
            (administrator(), registered(&other, &[]), Effect::SystemRegistered)
        }),
        forged("the last administrator without its capability", &["WRONGLY_DONE:LAST_ADMINISTRATOR"], |_| {
            assert_eq!(administrator().system.department().as_str(), ADMINISTRATION);
            (administrator(), registered(&administrator(), &[]), Effect::SystemRegistered)
        }),
    ]
}

fn issuing_rights() -> Vec<Row> {
    let grant = |hub: &Hub, department: &str| IssuingGrant {
        resource_id: RESOURCE.parse().unwrap(),
        department: department.parse().unwrap(),
        valid_from: hub.time,
        valid_until: hub.time.plus_seconds(60),
        succeeds: BTreeSet::new(),
    };
    vec![
        forged(
            "a right to issue granted by another than an administrator",
            &["WRONGLY_DONE:CAPABILITY_MISSING"],
            move |hub| {
                let change = RuleChange::GrantIssuingRight(grant(hub, CONSUMER));
                (consumer(), change, Effect::IssuingRightGranted)
            },
        ),
        forged(
            "a right to issue granted until before it begins",
            &["WRONGLY_DONE:ISSUING_RIGHT_INVALID"],
            move |hub| {
                let granted = IssuingGrant { valid_until: hub.time, ..grant(hub, CONSUMER) };
                (administrator(), RuleChange::GrantIssuingRight(granted), Effect::IssuingRightGranted)
            },
        ),
        forged(
            "a right to issue withdrawn that nobody has",
            &["WRONGLY_DONE:ISSUING_RIGHT_UNKNOWN", "EFFECT_INAPPLICABLE"],
            |_| {
                let (resource_id, department) = (RESOURCE.parse().unwrap(), CONSUMER.parse().unwrap());
                let change = RuleChange::WithdrawIssuingRight { resource_id, department };
                (administrator(), change, Effect::IssuingRightWithdrawn)
            },
        ),
    ]
}

fn keys() -> Vec<Row> {
    vec![
        forged("a key registered for a system by somebody else's", &["WRONGLY_DONE:CAPABILITY_MISSING"], |_| {
            let intruder = Actor { seed: 14, ..provider() };
            (consumer(), register_key(&intruder), Effect::KeyRegistered(kid(&intruder.key())))
        }),
        forged(
            "a key registered without proof that its system holds it",
            &["WRONGLY_DONE:KEY_POSSESSION_UNPROVEN"],
            |_| {
                // Another's public key, registered as that of a system of one's own.
                let intruder = Actor { seed: 16, ..consumer() };
                let mut change = register_key(&intruder);
                if let RuleChange::RegisterKey { system, .. } = &mut change {
                    *system = provider().system;
                }
                (administrator(), change, Effect::KeyRegistered(kid(&intruder.key())))
            },
        ),
        forged("a key registered again after its retirement", &["WRONGLY_DONE:KEY_EXISTS"], |hub| {
            let stolen = Actor { seed: 13, ..consumer() };
            hub.change(&administrator(), register_key(&stolen));
            hub.change(&administrator(), retired(&stolen).0);
            (administrator(), register_key(&stolen), Effect::KeyRegistered(kid(&stolen.key())))
        }),
        forged(
            "a key of a system that nobody registered",
            &["WRONGLY_DONE:SYSTEM_UNKNOWN", "EFFECT_INAPPLICABLE"],
            |_| {
                let ghost = Actor::new(PROVIDER, "ghost", 15);
                (administrator(), register_key(&ghost), Effect::KeyRegistered(kid(&ghost.key())))
            },
        ),
        forged("a key retired that nobody registered", &["WRONGLY_DONE:KEY_UNKNOWN", "EFFECT_INAPPLICABLE"], |_| {
            let (change, effect) = retired(&Actor { seed: 99, ..consumer() });
            (administrator(), change, effect)
        }),
        forged("another system's key retired", &["WRONGLY_DONE:CAPABILITY_MISSING"], |_| {
            let (change, effect) = retired(&provider());
            (consumer(), change, effect)
        }),
        forged("the last administrator's key retired", &["WRONGLY_DONE:LAST_ADMINISTRATOR"], |_| {
            let (change, effect) = retired(&administrator());
            (administrator(), change, effect)
        }),
    ]
}

/// Enters a part of a catalog honestly, and tells its digest.
fn part(hub: &mut Hub, change: impl FnOnce(&mut crate::domain::catalog::Resource)) -> Digest {
    let (statement, part) = part_statement(hub, change);
    hub.submit(&administrator(), &statement);
    part
}

fn part_statement(hub: &mut Hub, change: impl FnOnce(&mut crate::domain::catalog::Resource)) -> (Statement, Digest) {
    let mut resource = resource();
    change(&mut resource);
    hub.catalog_part(vec![resource])
}

fn catalog() -> Vec<Row> {
    vec![
        forged("a catalog released on a version that is not the newest", &["WRONGLY_DONE:CATALOG_CONFLICT"], |hub| {
            let parts = vec![part(hub, |resource| resource.summary = "changed".to_owned())];
            let resources = vec![("market.licence".parse().unwrap(), 2)];
            let change = RuleChange::CatalogRelease { base_version: 0, parts, allow_breaking: true };
            (administrator(), change, Effect::CatalogReleased { version: 2, resources })
        }),
        forged(
            "a catalog released of parts that nobody entered",
            &["WRONGLY_DONE:CATALOG_PART_UNKNOWN", "EFFECT_INAPPLICABLE"],
            |_| {
                let change =
                    RuleChange::CatalogRelease { base_version: 1, parts: vec![Digest([5; 32])], allow_breaking: true };
                (administrator(), change, Effect::CatalogReleased { version: 2, resources: Vec::new() })
            },
        ),
        Row::lie("a field taken from all who agreed on it, unannounced", &["WRONGLY_DONE:CATALOG_BREAKING"], |hub| {
            let parts = vec![part(hub, |resource| drop(resource.fields.pop()))];
            let resources = vec![("market.licence".parse().unwrap(), 2)];
            let change = RuleChange::CatalogRelease { base_version: 1, parts, allow_breaking: false };
            forge(hub, &administrator(), change, Effect::CatalogReleased { version: 2, resources })
        }),
        Row::lie("a resource whose records are found by another field", &["WRONGLY_DONE:CATALOG_INVALID"], |hub| {
            let parts = vec![part(hub, |resource| resource.record_id_field = resource.holder_field.clone())];
            let resources = vec![("market.licence".parse().unwrap(), 2)];
            let change = RuleChange::CatalogRelease { base_version: 1, parts, allow_breaking: true };
            forge(hub, &administrator(), change, Effect::CatalogReleased { version: 2, resources })
        }),
        Row::lie("a part of a catalog that breaks its rules", &["WRONGLY_DONE:CATALOG_INVALID"], |hub| {
            let (statement, part) = part_statement(hub, |resource| resource.denial_basis.clear());
            let outcome = Outcome::Applied(Effect::CatalogPartEntered(part));
            hub.enter(administrator().sign(&statement), &statement, outcome)
        }),
        Row::lie("a catalog released by a provider", &["WRONGLY_DONE:CAPABILITY_MISSING"], |hub| {
            let parts = vec![part(hub, |resource| resource.summary = "changed".to_owned())];
            let resources = vec![("market.licence".parse().unwrap(), 2)];
            let change = RuleChange::CatalogRelease { base_version: 1, parts, allow_breaking: true };
            forge(hub, &provider(), change, Effect::CatalogReleased { version: 2, resources })
        }),
        Row::lie("a release that leaves out a resource that changed", &["EFFECT_DIFFERS"], |hub| {
            let parts = vec![part(hub, |resource| resource.summary = "changed".to_owned())];
            let change = RuleChange::CatalogRelease { base_version: 1, parts, allow_breaking: true };
            forge(hub, &administrator(), change, Effect::CatalogReleased { version: 2, resources: Vec::new() })
        }),
    ]
}

fn calendar() -> Vec<Row> {
    let year = |holidays: &[&str]| CalendarYear {
        year: 2026,
        source: "通知".to_owned(),
        holidays: holidays.iter().map(|day| day.parse().unwrap()).collect(),
        working_days: BTreeSet::new(),
    };
    vec![
        // The hub's time is 5 January 2026.
        forged("a holiday entered after it was a working day", &["WRONGLY_DONE:CALENDAR_INVALID"], move |hub| {
            hub.change(&administrator(), RuleChange::CalendarYear(year(&["2026-10-01"])));
            let change = RuleChange::CalendarYear(year(&["2026-01-02", "2026-10-01"]));
            (administrator(), change, Effect::CalendarYearEntered(2026))
        }),
        forged("a year with days of another", &["WRONGLY_DONE:CALENDAR_INVALID"], move |_| {
            let change = RuleChange::CalendarYear(year(&["2027-10-01"]));
            (administrator(), change, Effect::CalendarYearEntered(2026))
        }),
        forged("a calendar entered by a provider", &["WRONGLY_DONE:CAPABILITY_MISSING"], move |_| {
            (provider(), RuleChange::CalendarYear(year(&["2026-10-01"])), Effect::CalendarYearEntered(2026))
        }),
        forged("a year entered as another", &["EFFECT_DIFFERS", "EFFECT_INAPPLICABLE"], move |_| {
            let change = RuleChange::CalendarYear(year(&["2026-10-01"]));
            (administrator(), change, Effect::CalendarYearEntered(2027))
        }),
    ]
}

fn effects() -> Vec<Row> {
    vec![
        Row::lie("a change of the rules answered as if it were a publication", &["OUTCOME_KIND"], |hub| {
            let change = RuleChange::RegisterDepartment { uscc: PROVIDER.parse().unwrap(), name: "局".to_owned() };
            let statement = Statement::Rule(hub.header(&administrator()), change);
            hub.enter(administrator().sign(&statement), &statement, Outcome::Published(Vec::new()))
        }),
        Row::lie(
            "a department registered, and a key entered as its effect",
            &["EFFECT_DIFFERS", "EFFECT_INAPPLICABLE"],
            |hub| {
                let change = RuleChange::RegisterDepartment { uscc: PROVIDER.parse().unwrap(), name: "局".to_owned() };
                forge(hub, &administrator(), change, Effect::KeyRegistered(kid(&consumer().key())))
            },
        ),
        Row::lie("a retirement refused that should have been made", &["WRONGLY_REFUSED:LAST_ADMINISTRATOR"], |hub| {
            let (change, _) = retired(&consumer());
            let statement = Statement::Rule(hub.header(&administrator()), change);
            let refusal = Refusal::new(RefusalReason::LastAdministrator, "");
            hub.enter(administrator().sign(&statement), &statement, Outcome::Refused(refusal))
        }),
    ]
}
