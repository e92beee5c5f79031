//! A log that continues another.

use super::world::{World, applied, licence_id, log_signer, system, vault};
use crate::{
    domain::{
        agreement::LookupKind,
        outcome::{Outcome, RefusalReason},
        statement::{RuleChange, Statement},
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
