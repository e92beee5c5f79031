//! Projections made anew are byte-identical to those that lived through the history.

use std::sync::Arc;

use proptest::prelude::*;

use super::world::{Actor, World, vault};
use crate::{
    domain::{agreement::LookupKind, record::RecordStatus, statement::RuleChange},
    hub::projection::{Terms, catch_up},
    store::{Store, memory},
};

/// One act of a random history.
#[derive(Debug, Clone)]
enum Act {
    Publish { first: u32, count: u32, revoked: bool },
    Ask { n: u32, by_holder: bool, field: bool },
    Suspend,
    Resume,
    Wait(i64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..30u32, 1..5u32, any::<bool>())
            .prop_map(|(first, count, revoked)| Act::Publish { first, count, revoked }),
        4 => (0..32u32, any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(n, by_holder, field)| Act::Ask { n, by_holder, field }),
        1 => Just(Act::Suspend),
        1 => Just(Act::Resume),
        1 => (1..200_000i64).prop_map(Act::Wait),
    ]
}

async fn perform(world: &World, act: &Act, versions: &mut [u32; 40]) {
    let change = async |actor: &Actor, change| drop(world.change(actor, change).await);
    match act {
        Act::Publish { first, count, revoked } => {
            let batch: Vec<_> = (*first..first + count)
                .map(|n| {
                    versions[n as usize] += 1;
                    let mut record = world.record(n, versions[n as usize]);
                    if *revoked {
                        record.0.status = RecordStatus::Revoked;
                    }
                    record
                })
                .collect();
            assert_eq!(world.publish(batch).await.violations, []);
        }
        Act::Ask { n, by_holder, field } => {
            let (mut query, openings) = match by_holder {
                true => world.query(LookupKind::Holder, &super::world::holder(*n)),
                false => world.query(LookupKind::Record, &super::world::licence_id(*n)),
            };
            if !field {
                query.fields = std::collections::BTreeSet::from(["ZZBS".parse().unwrap()]);
            }
            world.ask(query, openings).await;
        }
        Act::Suspend => {
            let agreement_id = "a1".parse().unwrap();
            change(&world.provider, RuleChange::AgreementSuspension { agreement_id, reason: None }).await;
        }
        Act::Resume => {
            change(&world.provider, RuleChange::AgreementResumption { agreement_id: "a1".parse().unwrap() }).await;
        }
        Act::Wait(seconds) => world.pass(*seconds),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn projections_made_anew_are_byte_identical(acts in prop::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let Store { log, reader, openings, bodies, projections } = memory::store();
            let (kept_reader, kept_bodies, lived) = (Arc::clone(&reader), Arc::clone(&bodies), Arc::clone(&projections));
            let world = World::furnished(Store { log, reader, openings, bodies, projections }).await;
            let mut versions = [0; 40];
            for act in &acts {
                perform(&world, act, &mut versions).await;
            }
            let anew = memory::store().projections;
            let terms = Terms::new(vault().blind_index());
            let snapshot =
                catch_up(kept_reader.as_ref(), kept_bodies.as_ref(), anew.as_ref(), &terms, &mut |_, _| {}).unwrap();
            let live = world.hub.snapshot();
            assert_eq!((snapshot.size, snapshot.time), (live.size, live.time));
            assert_eq!(*snapshot.rules, *live.rules);
            assert_eq!(anew.dump().unwrap(), lived.dump().unwrap());
        });
    }
}
