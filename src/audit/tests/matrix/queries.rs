//! Queries permitted though the rules refuse them, and refused though the rules allow them.

use std::collections::BTreeSet;

use super::{
    super::hub::{AGREEMENT, administrator, agreement_text, consent, consumer, proposal, provider, query, resource},
    Hub, Row,
};
use crate::domain::{
    agreement::{AgreementText, LookupKind},
    catalog::SharingClass,
    directory::Capability,
    outcome::{Outcome, QueryPermitted, Refusal, RefusalReason},
    statement::{Query, RuleChange, Statement},
};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = permits();
    rows.extend(permits_outside_an_agreement_s_life());
    rows.extend(limits());
    rows.extend(refusals());
    rows
}

/// Enters a statement as if it had been the query for NAME of record 1.
pub(super) fn permit(hub: &mut Hub, statement: &Statement) -> u64 {
    let permitted = permission(hub);
    hub.enter(consumer().sign(statement), statement, Outcome::QueryPermitted(permitted))
}

/// What the query for NAME of record 1 gets, whatever became of the agreement.
fn permission(hub: &Hub) -> QueryPermitted {
    let mut early = Hub::running();
    let honest = early.query_statement(&["NAME"], &[1]);
    let outcome = early.decide(&consumer(), &honest, &[1]);
    let Outcome::QueryPermitted(permitted) = outcome else { panic!("not permitted at {}: {outcome:?}", hub.time) };
    permitted
}

pub(super) fn asked(hub: &mut Hub, change: impl FnOnce(&mut Query)) -> Statement {
    let mut asked = query(&["NAME"], 1);
    change(&mut asked);
    Statement::Query(hub.header(&consumer()), asked)
}

/// A query that differs from an honest one, permitted as if it did not.
fn asking(name: &str, codes: &'static [&'static str], change: fn(&mut Query)) -> Row {
    Row::lie(name, codes, move |hub| {
        let statement = asked(hub, change);
        permit(hub, &statement)
    })
}

fn permits() -> Vec<Row> {
    vec![
        asking("a permit for a purpose not agreed", &["WRONGLY_DONE:PURPOSE_NOT_AGREED"], |query| {
            query.purpose = "marketing".parse().unwrap();
        }),
        asking("a permit for a lookup not agreed", &["WRONGLY_DONE:LOOKUP_NOT_AGREED"], |query| {
            query.lookup = LookupKind::Holder;
        }),
        asking("a permit for a field not agreed", &["WRONGLY_DONE:FIELD_NOT_AGREED", "FIELDS_DIFFER"], |query| {
            query.fields.insert("HOLDER".parse().unwrap());
        }),
        asking("a permit for a field not shared", &["WRONGLY_DONE:FIELD_NOT_SHARED", "FIELDS_DIFFER"], |query| {
            query.fields.insert("SECRET".parse().unwrap());
        }),
        asking("a permit for a field that is not", &["WRONGLY_DONE:FIELD_UNKNOWN", "FIELDS_DIFFER"], |query| {
            query.fields = BTreeSet::from(["NOTHING".parse().unwrap()]);
        }),
        asking("a permit without an agreement", &["WRONGLY_DONE:NO_AGREEMENT"], |query| {
            query.agreement_id = Some("other".parse().unwrap());
        }),
        asking(
            "a permit for a resource that is not",
            &["WRONGLY_DONE:RESOURCE_UNKNOWN", "RECORD_UNPUBLISHED"],
            |query| query.resource_id = "market.ghost".parse().unwrap(),
        ),
        Row::lie("a permit for a matter not agreed", &["WRONGLY_DONE:MATTER_NOT_AGREED"], |hub| {
            second(hub, |text| text.matters = BTreeSet::from(["housing-07".parse().unwrap()]));
            permit_second(hub)
        }),
        Row::lie("a permit to a system that may not query", &["WRONGLY_DONE:CAPABILITY_MISSING"], |hub| {
            let capabilities = |of: &[Capability]| of.iter().copied().collect();
            let system = || consumer().system;
            let less = capabilities(&[Capability::SignAgreements]);
            hub.change(&administrator(), RuleChange::RegisterSystem { system: system(), capabilities: less });
            let statement = asked(hub, |_| {});
            let lie = permit(hub, &statement);
            let again = capabilities(&[Capability::Query, Capability::SignAgreements]);
            hub.change(&administrator(), RuleChange::RegisterSystem { system: system(), capabilities: again });
            lie
        }),
        Row::lie("a permit under another agreement than the rules choose", &["AGREEMENT_DIFFERS"], |hub| {
            hub.query_entering(&["NAME"], &[1], |permitted| permitted.agreement_version = 2)
        }),
        Row::lie("a query answered as if it were a publication", &["OUTCOME_KIND"], |hub| {
            let statement = hub.query_statement(&["NAME"], &[1]);
            hub.enter(consumer().sign(&statement), &statement, Outcome::Published(Vec::new()))
        }),
    ]
}

/// The text of a second agreement between the same parties.
fn second_text(hub: &Hub, change: impl FnOnce(&mut AgreementText)) -> AgreementText {
    let mut text = agreement_text(hub.time, "second", &["NAME"]);
    change(&mut text);
    text
}

pub(super) fn second(hub: &mut Hub, change: impl FnOnce(&mut AgreementText)) {
    let text = second_text(hub, change);
    hub.change(&consumer(), proposal(&consumer(), text.clone()));
    hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
    hub.change(&administrator(), RuleChange::AgreementActivation(consent(&administrator(), &text)));
}

/// A query under the second agreement, permitted.
fn permit_second(hub: &mut Hub) -> u64 {
    let statement = asked(hub, |query| query.agreement_id = Some("second".parse().unwrap()));
    permit(hub, &statement)
}

/// A permit after something was done about the agreement that it rests on.
fn after(name: &str, codes: &'static [&'static str], act: fn(&mut Hub)) -> Row {
    Row::lie(name, codes, move |hub| {
        act(hub);
        let statement = asked(hub, |_| {});
        permit(hub, &statement)
    })
}

fn permits_outside_an_agreement_s_life() -> Vec<Row> {
    vec![
        after("a permit under a suspended agreement", &["WRONGLY_DONE:AGREEMENT_SUSPENDED"], |hub| {
            let agreement_id = AGREEMENT.parse().unwrap();
            hub.change(&provider(), RuleChange::AgreementSuspension { agreement_id, reason: None });
        }),
        after("a permit under a terminated agreement", &["WRONGLY_DONE:AGREEMENT_TERMINATED"], |hub| {
            let agreement_id = AGREEMENT.parse().unwrap();
            hub.change(&provider(), RuleChange::AgreementTermination { agreement_id, reason: None });
        }),
        after("a permit under an expired agreement", &["WRONGLY_DONE:AGREEMENT_EXPIRED"], |hub| {
            hub.time = hub.time.plus_seconds(31 * 86_400);
        }),
        Row::lie("a permit under an agreement not yet valid", &["WRONGLY_DONE:AGREEMENT_NOT_YET_VALID"], |hub| {
            second(hub, |text| text.valid_from = text.valid_from.plus_seconds(1));
            permit_second(hub)
        }),
        Row::lie(
            "a permit under an agreement that nobody activated",
            &["WRONGLY_DONE:AGREEMENT_NOT_ACTIVATED"],
            |hub| {
                let text = second_text(hub, |_| {});
                hub.change(&consumer(), proposal(&consumer(), text.clone()));
                hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
                permit_second(hub)
            },
        ),
        Row::lie(
            "a permit that needs the provider's acceptance since the catalog was tightened",
            &["WRONGLY_DONE:ACCEPTANCE_MISSING"],
            |hub| {
                let mut open = resource();
                open.sharing_class = SharingClass::Unconditional;
                open.fields[2].sharing_class = SharingClass::Unconditional;
                hub.release_catalog(vec![open]);
                let text = second_text(hub, |_| {});
                hub.change(&consumer(), proposal(&consumer(), text.clone()));
                hub.change(&administrator(), RuleChange::AgreementActivation(consent(&administrator(), &text)));
                let by_second = |query: &mut Query| query.agreement_id = Some("second".parse().unwrap());
                let permitted = asked(hub, by_second);
                hub.submit_looking_up(&consumer(), &permitted, &[1]);
                hub.release_catalog(vec![resource()]);
                let refused = asked(hub, by_second);
                hub.submit_looking_up(&consumer(), &refused, &[1]);
                let lie = permit_second(hub);
                // Accepted, it gives again what it gave.
                hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
                let permitted = asked(hub, by_second);
                hub.submit_looking_up(&consumer(), &permitted, &[1]);
                lie
            },
        ),
    ]
}

fn limits() -> Vec<Row> {
    vec![
        asking("a permit for more lookups than agreed", &["WRONGLY_DONE:BATCH_LIMIT_EXCEEDED"], |query| {
            query.commitments = vec![query.commitments[0]; 11];
        }),
        Row::lie("more records released than one query may", &["WRONGLY_DONE:TOO_MANY_RECORDS"], |hub| {
            let most = hub.rules.policy.max_released_records as usize;
            hub.query_entering(&["NAME"], &[1], |permitted| {
                permitted.records = vec![permitted.records[0].clone(); most + 1];
            })
        }),
        Row::lie("a permit beyond the day's quota", &["WRONGLY_DONE:QUOTA_EXHAUSTED"], |hub| {
            second(hub, |text| text.daily_limit = 2);
            let by_second = |query: &mut Query| query.agreement_id = Some("second".parse().unwrap());
            for _ in 0..3 {
                let statement = asked(hub, by_second);
                hub.submit_looking_up(&consumer(), &statement, &[1]);
            }
            permit_second_exactly(hub)
        }),
        Row::lie("the quota of a civil day that is not over used anew", &["WRONGLY_DONE:QUOTA_EXHAUSTED"], |hub| {
            // The log begins at 02:00 UTC, which is 10:00 where the hub is; its day ends at 16:00 UTC.
            second(hub, |text| text.daily_limit = 2);
            let use_it = |hub: &mut Hub| {
                let statement = asked(hub, |query| query.agreement_id = Some("second".parse().unwrap()));
                hub.submit_looking_up(&consumer(), &statement, &[1])
            };
            for _ in 0..2 {
                use_it(hub);
            }
            hub.time = hub.time.plus_seconds(13 * 3_600);
            let lie = permit_second_exactly(hub);
            hub.time = hub.time.plus_seconds(3_600);
            use_it(hub);
            lie
        }),
    ]
}

/// As the second agreement's own permit would be.
fn permit_second_exactly(hub: &mut Hub) -> u64 {
    let statement = asked(hub, |query| query.agreement_id = Some("second".parse().unwrap()));
    let permitted = QueryPermitted { agreement_id: "second".parse().unwrap(), ..permission(hub) };
    hub.enter(consumer().sign(&statement), &statement, Outcome::QueryPermitted(permitted))
}

fn refusals() -> Vec<Row> {
    let refuse = |reason: RefusalReason, codes| {
        Row::lie(format!("a refusal with {reason} that should have been a permit"), codes, move |hub| {
            let statement = hub.query_statement(&["NAME"], &[1]);
            hub.enter(consumer().sign(&statement), &statement, Outcome::Refused(Refusal::new(reason, "")))
        })
    };
    vec![
        refuse(RefusalReason::NoAgreement, &["WRONGLY_REFUSED:NO_AGREEMENT"]),
        refuse(RefusalReason::KeyRetired, &["WRONGLY_REFUSED:KEY_RETIRED"]),
        refuse(RefusalReason::RequestIdReused, &["WRONGLY_REFUSED:REQUEST_ID_REUSED"]),
        refuse(RefusalReason::QuotaExhausted, &["WRONGLY_REFUSED:QUOTA_EXHAUSTED"]),
        refuse(RefusalReason::ClockSkew, &["WRONGLY_REFUSED:CLOCK_SKEW"]),
        refuse(RefusalReason::FieldNotAgreed, &["WRONGLY_REFUSED:FIELD_NOT_AGREED"]),
        refuse(RefusalReason::AgreementSuspended, &["WRONGLY_REFUSED:AGREEMENT_SUSPENDED"]),
        Row::lie("a refusal for another reason than the one due", &["REFUSAL_DIFFERS"], |hub| {
            let statement = hub.query_statement(&["HOLDER"], &[1]);
            let refusal = Refusal::new(RefusalReason::PurposeNotAgreed, "permit");
            hub.enter(consumer().sign(&statement), &statement, Outcome::Refused(refusal))
        }),
        Row::lie("a refusal that names another agreement", &["REFUSAL_DIFFERS"], |hub| {
            let statement = hub.query_statement(&["HOLDER"], &[1]);
            let agreement = Some((AGREEMENT.parse().unwrap(), 2));
            let refusal = Refusal { agreement, ..Refusal::new(RefusalReason::FieldNotAgreed, "HOLDER") };
            hub.enter(consumer().sign(&statement), &statement, Outcome::Refused(refusal))
        }),
    ]
}
