//! Random honest histories: nothing is found in them.

use proptest::prelude::*;

use super::{
    copied, found,
    hub::{AGREEMENT, Actor, Hub, administrator, consumer, kid, provider, query, register_key},
    verified,
};
use crate::domain::{
    outcome::{Notice, Suppressed},
    record::RecordStatus,
    statement::{RuleChange, Statement},
};

/// One act, honest or not; the hub's answer to it is honest.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Wait(u32),
    Publish { record: u8, skip: u32, status: RecordStatus },
    Query { fields: Vec<&'static str>, records: Vec<u8> },
    QueryFor(&'static str),
    Suspend(bool),
    Resume(bool),
    RotateKey,
    Compromise(u32),
    Replay,
    Usurp,
    Late,
    Flood(u64),
    Trace,
    Erase(bool),
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let status = prop::sample::select(vec![
        RecordStatus::Active,
        RecordStatus::Active,
        RecordStatus::Suspended,
        RecordStatus::Revoked,
    ]);
    let fields = prop::sample::subsequence(vec!["NAME", "STATUS", "HOLDER", "SECRET"], 1..3);
    prop_oneof![
        2 => (0..200_000u32).prop_map(Act::Wait),
        4 => (1..6u8, prop::sample::select(vec![0, 0, 0, 1]), status)
            .prop_map(|(record, skip, status)| Act::Publish { record, skip, status }),
        8 => (fields, prop::collection::vec(1..8u8, 1..12)).prop_map(|(fields, records)| Act::Query { fields, records }),
        1 => prop::sample::select(vec!["permit", "marketing"]).prop_map(Act::QueryFor),
        1 => any::<bool>().prop_map(Act::Suspend),
        1 => any::<bool>().prop_map(Act::Resume),
        1 => Just(Act::RotateKey),
        1 => (0..400_000u32).prop_map(Act::Compromise),
        1 => Just(Act::Replay),
        1 => Just(Act::Usurp),
        1 => Just(Act::Late),
        1 => (0..9u64).prop_map(Act::Flood),
        1 => Just(Act::Trace),
        1 => any::<bool>().prop_map(Act::Erase),
    ]
}

pub(super) fn play(hub: &mut Hub, asker: &mut Actor, publisher: &mut Actor, act: Act) {
    let agreement_id = AGREEMENT.parse().unwrap();
    match act {
        Act::Wait(millis) => hub.time = hub.time.plus_seconds(millis.into()),
        Act::Publish { record, skip, status } => {
            let current = hub.records.get(&super::hub::handle(record)).map_or(0, |(_, head)| head.version);
            let statement = hub.publication_by(publisher, record, current + 1 + skip, status);
            hub.submit(publisher, &statement);
        }
        Act::Query { fields, records } => {
            let statement = hub.query_statement(&fields, &records);
            hub.submit_looking_up(asker, &statement, &records);
        }
        Act::QueryFor(purpose) => {
            let mut asked = query(&["NAME"], 1);
            asked.purpose = purpose.parse().unwrap();
            let statement = Statement::Query(hub.header(asker), asked);
            hub.submit_looking_up(asker, &statement, &[1]);
        }
        Act::Suspend(by) => {
            hub.change(newest(by, asker, publisher), RuleChange::AgreementSuspension { agreement_id, reason: None });
        }
        Act::Resume(by) => {
            hub.change(newest(by, asker, publisher), RuleChange::AgreementResumption { agreement_id });
        }
        Act::RotateKey if asker.seed < 60 => {
            let retired = asker.clone();
            let next = Actor { seed: if asker.seed < 20 { 20 } else { asker.seed + 1 }, ..asker.clone() };
            hub.change(&administrator(), register_key(&next));
            let kid = kid(&retired.key());
            hub.change(&administrator(), RuleChange::RetireKey { kid, compromised_since: None });
            *asker = next;
            let statement = hub.query_statement(&["NAME"], &[1]);
            hub.submit_looking_up(&retired, &statement, &[1]);
        }
        Act::RotateKey => {}
        // The provider finds out that its key has been known to others for a while, and goes on with a new one.
        Act::Compromise(seconds) if publisher.seed < 220 => {
            let retired = kid(&publisher.key());
            publisher.seed = if publisher.seed < 120 { 120 } else { publisher.seed + 1 };
            hub.change(&administrator(), register_key(publisher));
            let since = hub.time.plus_seconds(-i64::from(seconds));
            hub.change(&administrator(), RuleChange::RetireKey { kid: retired, compromised_since: Some(since) });
        }
        Act::Compromise(_) => {}
        Act::Replay => {
            let statement = hub.query_statement(&["NAME"], &[1]);
            hub.submit_looking_up(asker, &statement, &[1]);
            let header = hub.header_again(asker, hub.last_request());
            let changed = Statement::Query(header, query(&["STATUS"], 1));
            hub.submit_looking_up(asker, &changed, &[1]);
        }
        Act::Usurp => {
            hub.change(asker, register_key(&Actor { seed: 90, ..provider() }));
        }
        Act::Late => {
            let mut header = hub.header(asker);
            header.issued_at = hub.time.plus_seconds(-3_600);
            let statement = Statement::Query(header, query(&["NAME"], 1));
            hub.submit_looking_up(asker, &statement, &[1]);
        }
        Act::Trace => {
            let statement = hub.trace_statement(asker);
            hub.submit(asker, &statement);
        }
        Act::Erase(may) => {
            let orders = if may { administrator() } else { asker.clone() };
            let statement = hub.erasure_statement(&orders);
            hub.submit(&orders, &statement);
        }
        Act::Flood(suppressed) => {
            hub.time = hub.time.start_of_minute().plus_seconds(60);
            let since = hub.time;
            for _ in 0..hub.rules.policy.max_refusals_per_minute {
                hub.change(asker, register_key(&Actor { seed: 90, ..provider() }));
            }
            hub.time = hub.time.plus_seconds(30);
            if suppressed > 0 {
                let (system, until) = (asker.system.clone(), hub.time);
                hub.note(Notice::Suppressed(Suppressed { system, count: suppressed, since, until }));
            }
        }
    }
}

/// Keys change; acts are signed with the newest.
fn newest<'a>(is_provider: bool, asker: &'a Actor, publisher: &'a Actor) -> &'a Actor {
    if is_provider { publisher } else { asker }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn honest_history_has_no_findings(acts in prop::collection::vec(act(), 1..60)) {
        let mut hub = Hub::running();
        let (mut asker, mut publisher) = (consumer(), provider());
        for act in acts {
            play(&mut hub, &mut asker, &mut publisher, act);
        }
        let (_temporary, folder) = copied(&hub);
        let report = verified(&folder);
        // What a compromised key signed is suspect in an honest log, too.
        let mut findings = found(&report);
        findings.retain(|(_, code)| code != "SIGNATURE_SUSPECT");
        prop_assert_eq!(findings, vec![], "{}", report);
        prop_assert_eq!(report.entries, hub.size());
    }
}
