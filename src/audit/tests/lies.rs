//! Hubs that lie and seal their lies with the log's key: only the replay can see them.

use std::collections::BTreeSet;

use super::{
    copied, found,
    hub::{
        AGREEMENT, Actor, CONSUMER, DAILY_LIMIT, Hub, MAX_REFUSALS, PROVIDER, administrator, agreement_text, consent,
        consumer, handle, kid, proposal, provider, query, register_key, resource,
    },
    verified,
};
use crate::{
    domain::{
        agreement::AgreementState,
        catalog::SharingClass,
        directory::Capability,
        id::Digest,
        outcome::{Effect, Erased, HolderTraced, Notice, Outcome, Refusal, RefusalReason, Suppressed},
        record::{RecordStatus, Validity},
        statement::{RuleChange, Statement},
        time::{date_of_days, days_of_date},
    },
    wire::Entry,
};

/// Tells a lie, with honest entries before and after it, and expects exactly this to be found, at the entries that the lie
/// names.
fn expect(codes: &[&str], lie: impl FnOnce(&mut Hub) -> u64) {
    let mut hub = Hub::running();
    hub.query(&["NAME"], &[1]);
    let index = lie(&mut hub);
    hub.query(&["NAME"], &[2]);
    let (_temporary, folder) = copied(&hub);
    let report = verified(&folder);
    let expected: Vec<_> = codes.iter().map(|code| (Some(index), (*code).to_owned())).collect();
    assert_eq!(found(&report), expected, "{report}");
}

fn lie_about(hub: &mut Hub, actor: &Actor, change: RuleChange, effect: Effect) -> u64 {
    let statement = Statement::Rule(hub.header(actor), change);
    hub.enter(actor.sign(&statement), &statement, Outcome::Applied(effect))
}

fn permit(hub: &mut Hub, statement: &Statement) -> u64 {
    let honest = hub.query_statement(&["NAME"], &[1]);
    let outcome = hub.decide(&consumer(), &honest, &[1]);
    hub.enter(consumer().sign(statement), statement, outcome)
}

#[test]
fn permits_that_the_rules_did_not_allow() {
    let asking = |change: fn(&mut crate::domain::statement::Query)| {
        move |hub: &mut Hub| {
            let mut asked = query(&["NAME"], 1);
            change(&mut asked);
            let statement = Statement::Query(hub.header(&consumer()), asked);
            permit(hub, &statement)
        }
    };
    expect(&["WRONGLY_DONE:PURPOSE_NOT_AGREED"], asking(|query| query.purpose = "marketing".parse().unwrap()));
    expect(
        &["WRONGLY_DONE:LOOKUP_NOT_AGREED"],
        asking(|query| query.lookup = crate::domain::agreement::LookupKind::Holder),
    );
    expect(
        &["WRONGLY_DONE:FIELD_NOT_AGREED", "FIELDS_DIFFER"],
        asking(|query| query.fields.extend(["HOLDER".parse().unwrap()])),
    );
    expect(
        &["WRONGLY_DONE:FIELD_NOT_SHARED", "FIELDS_DIFFER"],
        asking(|query| query.fields.extend(["SECRET".parse().unwrap()])),
    );
    expect(
        &["WRONGLY_DONE:FIELD_UNKNOWN", "FIELDS_DIFFER"],
        asking(|query| query.fields = BTreeSet::from(["NOTHING".parse().unwrap()])),
    );
    expect(&["WRONGLY_DONE:BATCH_LIMIT_EXCEEDED"], asking(|query| query.commitments = vec![query.commitments[0]; 11]));
    expect(&["WRONGLY_DONE:NO_AGREEMENT"], asking(|query| query.agreement_id = Some("other".parse().unwrap())));
}

#[test]
fn releases_beyond_the_decision() {
    expect(&["FIELDS_DIFFER"], |hub| {
        hub.query_entering(&["NAME"], &[1], |permitted| permitted.records[0].fields.push("STATUS".parse().unwrap()))
    });
    expect(&["FIELDS_DIFFER"], |hub| {
        hub.query_entering(&["NAME", "STATUS"], &[1], |permitted| drop(permitted.records[0].fields.pop()))
    });
    expect(&["PRESENTATION_MISSING"], |hub| {
        hub.query_entering(&["NAME"], &[1], |permitted| permitted.records[0].sd_hash = None)
    });
    expect(&["RECORD_UNPUBLISHED"], |hub| {
        hub.query_entering(&["NAME"], &[1], |permitted| permitted.records[0].handle = handle(77))
    });
    expect(&["RECORD_NOT_CURRENT"], |hub| {
        hub.query_entering(&["NAME"], &[1], |permitted| permitted.records[0].jwt_sha256 = Digest([7; 32]))
    });
    expect(&["RECORD_NOT_CURRENT"], |hub| {
        hub.query_entering(&["NAME"], &[1], |permitted| permitted.records[0].publication_index += 1)
    });
    expect(&["LOOKUP_UNKNOWN"], |hub| hub.query_entering(&["NAME"], &[1], |permitted| permitted.records[0].lookup = 1));
    expect(&["AGREEMENT_DIFFERS"], |hub| {
        hub.query_entering(&["NAME"], &[1], |permitted| permitted.agreement_version = 2)
    });
    expect(&["RECORD_STATUS"], |hub| {
        hub.publish(1, 2, RecordStatus::Revoked);
        hub.query_entering(&["NAME"], &[1], |permitted| {
            let release = &mut permitted.records[0];
            release.status = RecordStatus::Active;
            release.fields = vec!["NAME".parse().unwrap()];
            release.sd_hash = Some(Digest([9; 32]));
        })
    });
    // Valid until yesterday, and from tomorrow on.
    for (from, until) in [(None, Some(-1)), (Some(1), None)] {
        expect(&["RECORD_STATUS"], |hub| {
            let day = |days| date_of_days(days_of_date(hub.time.civil_day(0)) + days);
            let validity = Validity { from: from.map(day), until: until.map(day) };
            let Statement::Publication(header, mut publication) = hub.publication(3, 1, RecordStatus::Active) else {
                panic!("not a publication");
            };
            publication.records[0].validity = validity;
            hub.submit(&provider(), &Statement::Publication(header, publication));
            hub.query(&["NAME"], &[3]);
            hub.query_entering(&["NAME"], &[3], |permitted| {
                let release = &mut permitted.records[0];
                release.status = RecordStatus::Active;
                release.fields = vec!["NAME".parse().unwrap()];
                release.sd_hash = Some(Digest([9; 32]));
            })
        });
    }
    expect(&["RECORD_NOT_CURRENT"], |hub| {
        let before = hub.clone();
        hub.publish(1, 2, RecordStatus::Active);
        let statement = hub.query_statement(&["NAME"], &[1]);
        let outdated = before.decide(&consumer(), &statement, &[1]);
        hub.enter(consumer().sign(&statement), &statement, outdated)
    });
}

#[test]
fn quota_overrun() {
    let mut hub = Hub::running();
    for _ in 0..DAILY_LIMIT / 10 {
        hub.query(&["NAME"], &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    }
    let refused = hub.query(&["NAME"], &[1]);
    let statement = hub.query_statement(&["NAME"], &[1]);
    let outcome = Hub::running().decide(&consumer(), &statement, &[1]);
    let lie = hub.enter(consumer().sign(&statement), &statement, outcome);
    hub.time = hub.time.plus_seconds(86_400);
    hub.query(&["NAME"], &[1]);
    let (_temporary, folder) = copied(&hub);
    let report = verified(&folder);
    assert_eq!(report.refusals.get("QUOTA_EXHAUSTED"), Some(&1), "entry {refused}");
    assert_eq!(found(&report), [(Some(lie), "WRONGLY_DONE:QUOTA_EXHAUSTED".to_owned())]);
}

#[test]
fn permits_outside_an_agreement_s_life() {
    expect(&["WRONGLY_DONE:AGREEMENT_SUSPENDED"], |hub| {
        let agreement_id = || AGREEMENT.parse().unwrap();
        hub.change(&provider(), RuleChange::AgreementSuspension { agreement_id: agreement_id(), reason: None });
        let statement = hub.query_statement(&["NAME"], &[1]);
        let outcome = Hub::running().decide(&consumer(), &statement, &[1]);
        let lie = hub.enter(consumer().sign(&statement), &statement, outcome);
        hub.change(&provider(), RuleChange::AgreementResumption { agreement_id: agreement_id() });
        lie
    });
    let mut hub = Hub::running();
    let statement = {
        hub.time = hub.time.plus_seconds(31 * 86_400);
        hub.query_statement(&["NAME"], &[1])
    };
    let mut early = Hub::running();
    let asked = early.query_statement(&["NAME"], &[1]);
    let outcome = early.decide(&consumer(), &asked, &[1]);
    let lie = hub.enter(consumer().sign(&statement), &statement, outcome);
    let (_temporary, folder) = copied(&hub);
    assert_eq!(found(&verified(&folder)), [(Some(lie), "WRONGLY_DONE:AGREEMENT_EXPIRED".to_owned())]);
}

#[test]
fn refusals_that_the_rules_did_not_justify() {
    let refuse = |reason| {
        move |hub: &mut Hub| {
            let statement = hub.query_statement(&["NAME"], &[1]);
            hub.enter(consumer().sign(&statement), &statement, Outcome::Refused(Refusal::new(reason, "")))
        }
    };
    expect(&["WRONGLY_REFUSED:NO_AGREEMENT"], refuse(RefusalReason::NoAgreement));
    expect(&["WRONGLY_REFUSED:KEY_RETIRED"], refuse(RefusalReason::KeyRetired));
    expect(&["WRONGLY_REFUSED:REQUEST_ID_REUSED"], refuse(RefusalReason::RequestIdReused));
    // What the log cannot show is the hub's word, not a finding.
    expect(&[], refuse(RefusalReason::OpeningMismatch));
    expect(&["REFUSAL_DIFFERS"], |hub| {
        let statement = hub.query_statement(&["HOLDER"], &[1]);
        let refusal = Refusal::new(RefusalReason::PurposeNotAgreed, "permit");
        hub.enter(consumer().sign(&statement), &statement, Outcome::Refused(refusal))
    });
}

#[test]
fn agreement_that_its_provider_never_accepted_after_the_catalog_was_tightened() {
    expect(&["WRONGLY_DONE:ACCEPTANCE_MISSING"], |hub| {
        let mut open = resource();
        open.sharing_class = SharingClass::Unconditional;
        open.fields[2].sharing_class = SharingClass::Unconditional;
        hub.release_catalog(vec![open]);
        let text = agreement_text(hub.time, "open", &["NAME"]);
        hub.change(&consumer(), proposal(&consumer(), text.clone()));
        hub.change(&administrator(), RuleChange::AgreementActivation(consent(&administrator(), &text)));
        let asking = |hub: &mut Hub| {
            let mut asked = query(&["NAME"], 1);
            asked.agreement_id = Some("open".parse().unwrap());
            Statement::Query(hub.header(&consumer()), asked)
        };
        let statement = asking(hub);
        let permit = hub.decide(&consumer(), &statement, &[1]);
        hub.submit_looking_up(&consumer(), &statement, &[1]);
        hub.release_catalog(vec![resource()]);
        let refused = asking(hub);
        hub.submit_looking_up(&consumer(), &refused, &[1]);
        let statement = asking(hub);
        let lie = hub.enter(consumer().sign(&statement), &statement, permit);
        // Accepted, it gives again what it gave.
        hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
        let statement = asking(hub);
        hub.submit_looking_up(&consumer(), &statement, &[1]);
        lie
    });
}

#[test]
fn signatures_that_prove_nothing() {
    // A key of the consumer that is retired, and then used all the same.
    expect(&["WRONGLY_DONE:KEY_RETIRED"], |hub| {
        let stolen = Actor { seed: 13, ..consumer() };
        hub.change(&administrator(), register_key(&stolen));
        let retired = kid(&stolen.key());
        hub.change(&administrator(), RuleChange::RetireKey { kid: retired, compromised_since: None });
        // Honestly refused, which is as it must be; then not.
        let statement = hub.query_statement(&["NAME"], &[1]);
        hub.submit(&stolen, &statement);
        let statement = hub.query_statement(&["NAME"], &[1]);
        let outcome = hub.decide(&consumer(), &statement, &[1]);
        hub.enter(stolen.sign(&statement), &statement, outcome)
    });
    expect(&["KEY_UNKNOWN"], |hub| {
        let statement = hub.query_statement(&["NAME"], &[1]);
        let outcome = hub.decide(&consumer(), &statement, &[1]);
        hub.enter(Actor { seed: 99, ..consumer() }.sign(&statement), &statement, outcome)
    });
    expect(&["KEY_FOREIGN"], |hub| {
        let statement = hub.query_statement(&["NAME"], &[1]);
        let outcome = hub.decide(&consumer(), &statement, &[1]);
        hub.enter(provider().sign(&statement), &statement, outcome)
    });
    expect(&["SIGNATURE_INVALID"], |hub| {
        let (signed, entered) = (hub.query_statement(&["NAME"], &[1]), hub.query_statement(&["NAME"], &[1]));
        let outcome = hub.decide(&consumer(), &entered, &[1]);
        let mut envelope = consumer().sign(&entered);
        envelope.signatures = consumer().sign(&signed).signatures;
        hub.enter(envelope, &entered, outcome)
    });
    expect(&["SIGNATURE_MISSING"], |hub| {
        let statement = hub.query_statement(&["NAME"], &[1]);
        let outcome = hub.decide(&consumer(), &statement, &[1]);
        let mut envelope = consumer().sign(&statement);
        envelope.signatures.clear();
        hub.enter(envelope, &statement, outcome)
    });
    expect(&["HUB_FOREIGN"], |hub| {
        let mut header = hub.header(&consumer());
        header.hub = "other.example".parse().unwrap();
        let statement = Statement::Query(header, query(&["NAME"], 1));
        let outcome = hub.decide(&consumer(), &statement, &[1]);
        hub.enter(consumer().sign(&statement), &statement, outcome)
    });
}

#[test]
fn requests_answered_again() {
    expect(&["STATEMENT_REPEATED"], |hub| {
        let statement = hub.query_statement(&["NAME"], &[1]);
        hub.submit_looking_up(&consumer(), &statement, &[1]);
        hub.submit_looking_up(&consumer(), &statement, &[1])
    });
    expect(&["WRONGLY_DONE:REQUEST_ID_REUSED"], |hub| {
        hub.query(&["NAME"], &[1]);
        let header = hub.header_again(&consumer(), hub.last_request());
        let statement = Statement::Query(header, query(&["STATUS"], 1));
        let honest = hub.query_statement(&["STATUS"], &[1]);
        let outcome = hub.decide(&consumer(), &honest, &[1]);
        hub.enter(consumer().sign(&statement), &statement, outcome)
    });
    let refused = |fields: &'static [&str], refusal: Refusal| {
        move |hub: &mut Hub| {
            hub.query(&["NAME"], &[1]);
            let header = hub.header_again(&consumer(), hub.last_request());
            let statement = Statement::Query(header, query(fields, 1));
            hub.enter(consumer().sign(&statement), &statement, Outcome::Refused(refusal))
        }
    };
    let not_agreed = Refusal {
        agreement: Some((AGREEMENT.parse().unwrap(), 1)),
        ..Refusal::new(RefusalReason::FieldNotAgreed, "HOLDER")
    };
    expect(&["REFUSAL_DIFFERS"], refused(&["HOLDER"], not_agreed));
    expect(&["REFUSAL_DIFFERS"], refused(&["STATUS"], Refusal::new(RefusalReason::RequestIdReused, "another")));
    expect(&["WRONGLY_DONE:CLOCK_SKEW"], |hub| {
        let mut header = hub.header(&consumer());
        header.issued_at = hub.time.plus_seconds(-301);
        let statement = Statement::Query(header, query(&["NAME"], 1));
        permit(hub, &statement)
    });
}

#[test]
fn forged_administration() {
    expect(&["WRONGLY_DONE:CAPABILITY_MISSING"], |hub| {
        let capabilities = BTreeSet::from([Capability::Query, Capability::SignAgreements, Capability::Audit]);
        let change = RuleChange::RegisterSystem { system: consumer().system, capabilities };
        lie_about(hub, &consumer(), change, Effect::SystemRegistered)
    });
    expect(&["WRONGLY_DONE:CAPABILITY_MISSING"], |hub| {
        let intruder = Actor::new(PROVIDER, "intruder", 14);
        let effect = Effect::KeyRegistered(kid(&intruder.key()));
        let system = Actor { system: provider().system, ..intruder };
        lie_about(hub, &consumer(), register_key(&system), effect)
    });
    // Another's public key, registered as that of a system of one's own.
    expect(&["WRONGLY_DONE:KEY_POSSESSION_UNPROVEN"], |hub| {
        let intruder = Actor { seed: 16, ..consumer() };
        let mut change = register_key(&intruder);
        if let RuleChange::RegisterKey { system, .. } = &mut change {
            *system = provider().system;
        }
        lie_about(hub, &administrator(), change, Effect::KeyRegistered(kid(&intruder.key())))
    });
    expect(&["WRONGLY_DONE:DEPARTMENT_UNKNOWN"], |hub| {
        let system = Actor::new("91350100M000100Y43", "ghost", 15).system;
        let change = RuleChange::RegisterSystem { system, capabilities: BTreeSet::new() };
        lie_about(hub, &administrator(), change, Effect::SystemRegistered)
    });
    expect(&["WRONGLY_DONE:LAST_ADMINISTRATOR"], |hub| {
        let kid = kid(&administrator().key());
        let change = RuleChange::RetireKey { kid, compromised_since: None };
        lie_about(hub, &administrator(), change, Effect::KeyRetired(kid))
    });
    expect(&["WRONGLY_DONE:CATALOG_CONFLICT", "EFFECT_INAPPLICABLE"], |hub| {
        let change = RuleChange::CatalogRelease { base_version: 9, parts: vec![Digest([5; 32])] };
        let effect = Effect::CatalogReleased { version: 10, resources: Vec::new() };
        lie_about(hub, &administrator(), change, effect)
    });
    expect(&["EFFECT_DIFFERS"], |hub| {
        let agreement_id = || AGREEMENT.parse().unwrap();
        hub.change(&provider(), RuleChange::AgreementSuspension { agreement_id: agreement_id(), reason: None });
        let change = RuleChange::AgreementResumption { agreement_id: agreement_id() };
        let lie = lie_about(
            hub,
            &provider(),
            change,
            Effect::AgreementChanged { agreement_id: agreement_id(), version: 1, state: AgreementState::Accepted },
        );
        let text = agreement_text(hub.time, AGREEMENT, &["NAME", "STATUS"]);
        hub.change(&administrator(), RuleChange::AgreementActivation(consent(&administrator(), &text)));
        lie
    });
    expect(&["OUTCOME_KIND"], |hub| {
        let statement = hub.query_statement(&["NAME"], &[1]);
        hub.enter(consumer().sign(&statement), &statement, Outcome::Published(Vec::new()))
    });
}

fn active(id: &str) -> Effect {
    Effect::AgreementChanged { agreement_id: id.parse().unwrap(), version: 1, state: AgreementState::Active }
}

#[test]
fn agreements_that_a_party_did_not_sign() {
    // The provider never accepted.
    expect(&["WRONGLY_DONE:ACCEPTANCE_MISSING"], |hub| {
        let text = agreement_text(hub.time, "second", &["NAME"]);
        hub.change(&consumer(), proposal(&consumer(), text.clone()));
        let change = RuleChange::AgreementActivation(consent(&administrator(), &text));
        lie_about(hub, &administrator(), change, active("second"))
    });
    // Somebody else activated.
    expect(&["WRONGLY_DONE:CAPABILITY_MISSING"], |hub| {
        let text = agreement_text(hub.time, "second", &["NAME"]);
        hub.change(&consumer(), proposal(&consumer(), text.clone()));
        hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
        lie_about(hub, &consumer(), RuleChange::AgreementActivation(consent(&consumer(), &text)), active("second"))
    });
    // The text's signature is by another key than the actor's.
    expect(&["WRONGLY_DONE:AGREEMENT_SIGNATURE_INVALID"], |hub| {
        let text = agreement_text(hub.time, "second", &["NAME"]);
        hub.change(&consumer(), proposal(&consumer(), text.clone()));
        hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
        let signed = consent(&consumer(), &text);
        lie_about(hub, &administrator(), RuleChange::AgreementActivation(signed), active("second"))
    });
    // Another text was signed than the one proposed.
    expect(&["WRONGLY_DONE:AGREEMENT_TEXT_INVALID"], |hub| {
        let text = agreement_text(hub.time, "second", &["NAME"]);
        let other = agreement_text(hub.time, "second", &["NAME", "HOLDER"]);
        hub.change(&consumer(), proposal(&consumer(), text.clone()));
        hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
        lie_about(
            hub,
            &administrator(),
            RuleChange::AgreementActivation(consent(&administrator(), &other)),
            active("second"),
        )
    });
    // The provider proposed in the consumer's name.
    expect(&["WRONGLY_DONE:NOT_A_PARTY"], |hub| {
        let text = agreement_text(hub.time, "second", &["NAME"]);
        assert_eq!(text.consumer.as_str(), CONSUMER);
        let effect = Effect::AgreementChanged {
            agreement_id: "second".parse().unwrap(),
            version: 1,
            state: AgreementState::Proposed,
        };
        lie_about(hub, &provider(), proposal(&provider(), text), effect)
    });
    // A field that is not shared at all.
    expect(&["WRONGLY_DONE:FIELD_NOT_SHARED"], |hub| {
        let text = agreement_text(hub.time, "second", &["SECRET"]);
        let effect = Effect::AgreementChanged {
            agreement_id: "second".parse().unwrap(),
            version: 1,
            state: AgreementState::Proposed,
        };
        lie_about(hub, &consumer(), proposal(&consumer(), text), effect)
    });
}

#[test]
fn publications_out_of_order() {
    let accept = |record, version, status| {
        move |hub: &mut Hub| {
            let statement = hub.publication(record, version, status);
            hub.enter(provider().sign(&statement), &statement, Outcome::Published(vec![BTreeSet::new()]))
        }
    };
    expect(&["RECORD_VERSION"], accept(3, 2, RecordStatus::Active));
    expect(&["RECORD_VERSION"], accept(1, 3, RecordStatus::Active));
    expect(&["RECORD_VERSION"], accept(1, 1, RecordStatus::Active));
    expect(&["RECORD_INVALID"], accept(3, 1, RecordStatus::Expired));
    expect(&["RESULT_COUNT"], |hub| {
        let statement = hub.publication(3, 1, RecordStatus::Active);
        hub.enter(provider().sign(&statement), &statement, Outcome::Published(Vec::new()))
    });
    expect(&["WRONGLY_DONE:CAPABILITY_MISSING"], |hub| {
        let Statement::Publication(mut header, publication) = hub.publication(3, 1, RecordStatus::Active) else {
            panic!("not a publication");
        };
        header.actor = consumer().system;
        let statement = Statement::Publication(header, publication);
        hub.enter(consumer().sign(&statement), &statement, Outcome::Published(vec![BTreeSet::new()]))
    });
    expect(&["WRONGLY_DONE:RESOURCE_VERSION_STALE"], |hub| {
        let statement = hub.publication(3, 1, RecordStatus::Active);
        let mut changed = resource();
        changed.summary = "changed".to_owned();
        hub.release_catalog(vec![changed]);
        hub.enter(provider().sign(&statement), &statement, Outcome::Published(vec![BTreeSet::new()]))
    });
}

/// Entries taken out, put elsewhere or put in twice, and the log sealed over what is left.
#[test]
fn rearranged_logs() {
    let honest = || {
        let mut hub = Hub::running();
        hub.time = hub.time.plus_seconds(60);
        let published = hub.publish(1, 2, RecordStatus::Active);
        hub.time = hub.time.plus_seconds(60);
        let queried = hub.query(&["NAME"], &[1]);
        (hub, published as usize, queried as usize)
    };
    let codes = |hub: &Hub| {
        let (_temporary, folder) = copied(hub);
        found(&verified(&folder))
    };
    let (mut hub, published, _) = honest();
    assert_eq!(codes(&hub), []);
    hub.entries.remove(published);
    assert_eq!(codes(&hub), [(Some(published as u64), "RECORD_NOT_CURRENT".to_owned())]);

    let (mut hub, published, queried) = honest();
    hub.entries.swap(published, queried);
    let swapped = codes(&hub);
    assert!(swapped.contains(&(Some(published as u64), "RECORD_NOT_CURRENT".to_owned())), "{swapped:?}");
    assert!(swapped.contains(&(Some(queried as u64), "CLOCK_BACKWARDS".to_owned())), "{swapped:?}");

    let (mut hub, _, queried) = honest();
    let twice = hub.entries[queried].clone();
    hub.entries.push(twice);
    assert_eq!(codes(&hub), [(Some(queried as u64 + 1), "STATEMENT_REPEATED".to_owned())]);

    let (mut hub, ..) = honest();
    let genesis = hub.entries[0].clone();
    hub.entries.push(genesis);
    let last = hub.size() - 1;
    assert_eq!(codes(&hub), [(Some(last), "CLOCK_BACKWARDS".to_owned()), (Some(last), "GENESIS_MISPLACED".to_owned())]);

    let (mut hub, ..) = honest();
    hub.entries.remove(0);
    assert_eq!(codes(&hub), [(Some(0), "GENESIS_INVALID".to_owned())]);
}

#[test]
fn entries_that_do_not_read() {
    let rewritten = |change: fn(&mut Vec<u8>)| {
        let mut hub = Hub::running();
        let index = hub.query(&["NAME"], &[1]) as usize;
        change(&mut hub.entries[index]);
        let (_temporary, folder) = copied(&hub);
        (found(&verified(&folder)), index as u64)
    };
    let (codes, index) = rewritten(|entry| entry.clear());
    assert_eq!(codes, [(Some(index), "ENTRY_MALFORMED".to_owned())]);
    let (codes, index) = rewritten(|entry| entry.extend([0x78, 0x01]));
    assert_eq!(codes, [(Some(index), "ENTRY_MALFORMED".to_owned())]);
    let (codes, index) = rewritten(|entry| {
        let mut decoded = Entry::decode(entry).unwrap();
        decoded.envelope.as_mut().unwrap().payload.push(0);
        *entry = decoded.encode();
    });
    assert_eq!(codes, [(Some(index), "STATEMENT_MALFORMED".to_owned())]);
}

/// A minute in which the consumer was refused so often that more was not entered, told of when it is over.
fn flooded(refusals: u32) -> (Hub, Suppressed) {
    let mut hub = Hub::running();
    hub.time = hub.time.start_of_minute().plus_seconds(60);
    let since = hub.time;
    for _ in 0..refusals {
        hub.query(&["HOLDER"], &[1]);
    }
    hub.time = hub.time.plus_seconds(75);
    (hub, Suppressed { system: consumer().system, count: 9, since, until: since.plus_seconds(60) })
}

#[test]
fn suppressions_that_the_log_does_not_bear_out() {
    let lie = |refusals, change: &dyn Fn(&mut Suppressed)| {
        let (mut hub, mut suppressed) = flooded(refusals);
        change(&mut suppressed);
        let index = hub.note(Notice::Suppressed(suppressed));
        let (_temporary, folder) = copied(&hub);
        (found(&verified(&folder)), index)
    };
    assert_eq!(lie(MAX_REFUSALS, &|_| {}).0, [], "the truth");
    let unfounded = |index| vec![(Some(index), "SUPPRESSION_UNFOUNDED".to_owned())];
    for (refusals, change) in [
        (MAX_REFUSALS - 1, &(|_: &mut Suppressed| {}) as &dyn Fn(&mut Suppressed)),
        (MAX_REFUSALS, &|lie| lie.system = provider().system),
        (MAX_REFUSALS, &|lie| lie.count = 0),
        (MAX_REFUSALS, &|lie| lie.until = lie.since.plus_seconds(61)),
        (MAX_REFUSALS, &|lie| lie.until = lie.since.plus_seconds(-1)),
    ] {
        let (codes, index) = lie(refusals, change);
        assert_eq!(codes, unfounded(index));
    }
    // Another minute is not the one in which the limit was reached, either.
    let (codes, index) = lie(MAX_REFUSALS, &|lie| lie.since = lie.since.plus_seconds(1));
    assert_eq!(codes, [unfounded(index), unfounded(index)].concat());
}

#[test]
fn erasures_told_out_of_order_or_before_their_day_is_over() {
    let told = |days: &[i64]| {
        let mut hub = Hub::running();
        let first = hub.time;
        for after in days {
            let until = hub.time;
            hub.time = first.plus_seconds(after * 86_400);
            hub.note(Notice::Erased(Erased { count: 3, digest: Digest([1; 32]), since: until, until }));
        }
        let (_temporary, folder) = copied(&hub);
        found(&verified(&folder)).into_iter().map(|(_, code)| code).collect::<Vec<_>>()
    };
    assert_eq!(told(&[1, 2, 9]), Vec::<String>::new());
    assert_eq!(told(&[0]), ["ERASURE_UNFOUNDED"]);
    assert_eq!(told(&[1, 1]), ["ERASURE_UNFOUNDED", "ERASURE_UNFOUNDED"], "of a day not over, and twice in a day");

    let mut hub = Hub::running();
    let (since, until) = (hub.time, hub.time);
    hub.time = hub.time.plus_seconds(86_400);
    hub.note(Notice::Erased(Erased { count: 0, digest: Digest([1; 32]), since, until }));
    hub.time = hub.time.plus_seconds(86_400);
    hub.note(Notice::Erased(Erased { count: 1, digest: Digest([1; 32]), since: since.plus_seconds(-9), until }));
    let (_temporary, folder) = copied(&hub);
    assert_eq!(found(&verified(&folder)).len(), 2);
}

#[test]
fn traces_and_orders_to_erase_that_cannot_be() {
    let traced = |more: u64, exchanges| {
        move |hub: &mut Hub| {
            let statement = hub.trace_statement(&consumer());
            let outcome = Outcome::HolderTraced(HolderTraced { log_size: hub.size() + more, exchanges });
            hub.enter(consumer().sign(&statement), &statement, outcome)
        }
    };
    expect(&[], traced(0, 3));
    expect(&["TRACE_IMPOSSIBLE"], traced(1, 3));
    expect(&["TRACE_IMPOSSIBLE"], traced(0, 1_000_000));
    expect(&["WRONGLY_DONE:CAPABILITY_MISSING"], |hub| {
        let statement = hub.trace_statement(&provider());
        let outcome = Outcome::HolderTraced(HolderTraced { log_size: hub.size(), exchanges: 1 });
        hub.enter(provider().sign(&statement), &statement, outcome)
    });
    expect(&["WRONGLY_DONE:CAPABILITY_MISSING"], |hub| {
        let statement = hub.erasure_statement(&consumer());
        hub.enter(consumer().sign(&statement), &statement, Outcome::ErasureOrdered)
    });
    expect(&["OUTCOME_KIND"], |hub| {
        let statement = hub.trace_statement(&consumer());
        hub.enter(consumer().sign(&statement), &statement, Outcome::ErasureOrdered)
    });
}
