//! A log that continues another.

use super::{
    issuing::{grant, grant_of, register_branch},
    licences::{replacing, replacing_by, replacing_world, told, violations},
    world::{World, applied, licence_id, log_signer, system, vault},
};
use crate::{
    domain::{
        agreement::{AgreementText, LookupKind},
        outcome::{Outcome, RecordViolation, RefusalReason},
        statement::{Query, RuleChange, Statement},
        time::Time,
    },
    hub::{Clock as _, Hub, Parts, SystemClock, carry_over, check_projections, close_log},
    sign::{LogSigner, Secret, SigningKey},
    store::{Store, embedded, memory},
    wire::Entry,
};

fn next_signer(seed: u8) -> LogSigner {
    let key = SigningKey::from_seed(&Secret::from_bytes(&[seed; 32])).unwrap();
    LogSigner::new("hub.example/exchange-log/2027".parse().unwrap(), key)
}

fn open_folder(folder: &std::path::Path) -> Store {
    let random = std::sync::Arc::new(crate::sign::SystemRandomness::new());
    let options = embedded::Options::default();
    if folder.exists() {
        embedded::open(folder, &vault(), random, &options).unwrap()
    } else {
        embedded::create(folder, &vault(), random, &options).unwrap()
    }
}

fn carried_over(old: &Store, now: Time) -> (Store, u64) {
    let mut new = memory::store();
    let carried =
        carry_over(old, &log_signer().vkey(), &mut new, &next_signer(9), vault().blind_index(), now, &mut |_, _| {});
    (new, carried.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_current_records_go_on_in_the_new_log() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("store");
    let world = World::furnished(open_folder(&folder)).await;
    world.publish((0..3).map(|n| world.record(n, 1)).collect()).await;
    world.publish(vec![world.record(1, 2)]).await;
    world.ask_holder(0).await;
    let suspension = RuleChange::AgreementSuspension { agreement_id: "a1".parse().unwrap(), reason: None };
    applied(&world.change(&world.administrator, suspension).await);
    applied(
        &world
            .change(&world.administrator, RuleChange::AgreementResumption { agreement_id: "a1".parse().unwrap() })
            .await,
    );
    let (query, openings) = world.query(LookupKind::Record, &licence_id(1));
    let earlier = world.consumer.sign(&Statement::Query(world.header(&world.consumer), query));
    let answered = world
        .hub
        .query(world.consumer.system.clone(), super::world::address(), earlier.clone(), openings.clone())
        .await
        .unwrap();
    assert_eq!(answered.presentations.len(), 1);
    let rules = world.hub.snapshot().rules.clone();
    world.hub.stop().unwrap();
    let now = world.clock.now();
    drop(world);

    let mut old = open_folder(&folder);
    close_log(&mut old, &log_signer(), &next_signer(9).vkey(), now).unwrap();
    let size = old.reader.tail().unwrap().frontier.size();
    // Once more, as after a kill, changes nothing; in favour of another key it is refused.
    close_log(&mut old, &log_signer(), &next_signer(9).vkey(), now).unwrap();
    assert_eq!(old.reader.tail().unwrap().frontier.size(), size);
    assert!(close_log(&mut old, &log_signer(), &next_signer(10).vkey(), now).is_err());

    let (new, carried) = carried_over(&old, now);
    let today = now.civil_day(rules.policy.civil_day_offset_seconds);
    let used = |store: &Store| store.projections.usage(&"a1".parse().unwrap(), today).unwrap().day;
    assert_eq!((used(&old), used(&new)), (2, 2), "the day's quotas do not begin anew");
    let verifier = next_signer(9).verifier();
    let scratch = memory::store().projections;
    let same = check_projections(&new, vault().blind_index(), &verifier, scratch.as_ref(), |_, _| {}).unwrap();
    assert_eq!(same, None);
    let last = new.reader.entries(carried, carried + 1, 1).unwrap();
    assert!(Entry::decode(&last[0]).unwrap().carried.is_some());

    let refused = Hub::open(
        Parts {
            store: old,
            blind_index: vault().blind_index(),
            log_signer: log_signer(),
            seal_trust: crate::seal::TrustAnchors::default(),
            clock: std::sync::Arc::new(SystemClock),
            random: std::sync::Arc::new(crate::sign::SystemRandomness::new()),
        },
        |_, _| {},
    );
    assert!(refused.err().unwrap().to_string().contains("closed in favour of"));

    let world = World::open_signed(new, next_signer(9));
    let after = world.hub.snapshot();
    // The genesis, what was carried over, and the quotas.
    assert_eq!(after.size, carried + 2);
    assert_eq!(after.rules.directory.systems, rules.directory.systems);
    assert_eq!(after.rules.catalog, rules.catalog);
    world.pass(60);
    let answer = world.ask_holder(0).await;
    assert_eq!(answer.presentations.len(), 3, "three licences of one holder");
    let Outcome::QueryPermitted(permitted) = &answer.receipt.outcome else { panic!("{:?}", answer.receipt.outcome) };
    assert!(permitted.records.iter().all(|record| record.publication_index <= carried));
    assert_eq!(permitted.records.iter().map(|record| record.version).max(), Some(2));
    let answer = world.publish(vec![world.record(1, 3)]).await;
    assert_eq!(answer.violations, []);

    // What was said in the old log is not taken in the new one.
    let again =
        world.hub.query(system(super::world::CONSUMER), super::world::address(), earlier, openings).await.unwrap();
    let Outcome::Refused(refusal) = &again.receipt.outcome else { panic!("{:?}", again.receipt.outcome) };
    assert_eq!(refusal.reason, RefusalReason::ClockSkew);
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_to_issue_and_successors_go_on_and_a_minute_begins_anew_within_the_same_day() {
    use crate::domain::record::RecordStatus::{Active, Superseded};
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("store");
    let world = replacing_world(open_folder(&folder)).await;
    let branch = register_branch(&world).await;
    let now = world.clock.now();
    applied(&grant(&world, grant_of(now, 0, 3_600)).await);
    world.agree(AgreementText { minute_limit: Some(2), ..world.agreement("a3") }).await;
    assert_eq!(violations(&world, vec![replacing(&world, 1, 1, None), replacing(&world, 4, 1, Some(1))]).await, []);
    // What makes 4 current is no longer what made it the successor.
    assert_eq!(violations(&world, vec![replacing(&world, 4, 2, Some(1))]).await, []);
    let of_branch = world.publish_by(&branch, branch.kid(), vec![replacing_by(&world, &branch, 5, 1, None)]).await;
    assert_eq!(of_branch.violations, []);
    let chain = [(1, Superseded, 0), (4, Active, 1)];
    assert_eq!(told(&world, 1, &["ZZBS", "CZZT"]).await, chain);
    let ask = async |world: &World| {
        let (query, openings) = world.query(LookupKind::Record, &licence_id(4));
        let agreement_id = Some("a3".parse().unwrap());
        match world.ask(Query { agreement_id, ..query }, openings).await.receipt.outcome {
            Outcome::Refused(refusal) => Some(refusal.reason),
            _ => None,
        }
    };
    let limited = Some(RefusalReason::MinuteLimitExceeded);
    assert_eq!([ask(&world).await, ask(&world).await, ask(&world).await], [None, None, limited]);
    world.hub.stop().unwrap();
    drop(world);

    let mut old = open_folder(&folder);
    close_log(&mut old, &log_signer(), &next_signer(9).vkey(), now).unwrap();
    let (new, _) = carried_over(&old, now);
    let world = World::open_signed(new, next_signer(9));
    // Later than all that was said in the old log, and in the minute in which two were asked for there.
    world.pass(1);
    assert_eq!(world.clock.now().start_of_minute(), now.start_of_minute());
    assert_eq!([ask(&world).await, ask(&world).await, ask(&world).await], [None, None, limited]);
    assert_eq!(told(&world, 1, &["ZZBS", "CZZT"]).await, chain);
    let second = violations(&world, vec![replacing(&world, 7, 1, Some(1))]).await;
    assert_eq!(second, [(0, RecordViolation::Succession)], "1 has its successor");
    let of_branch = world.publish_by(&branch, branch.kid(), vec![replacing_by(&world, &branch, 5, 2, None)]).await;
    assert_eq!(of_branch.violations, []);
    assert!(matches!(of_branch.receipt.outcome, Outcome::Published(_)), "{:?}", of_branch.receipt.outcome);
    world.hub.stop().unwrap();
}
