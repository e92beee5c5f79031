//! The hub is killed under load, again and again: nothing that it acknowledged is lost.

use std::{sync::Arc, time::Instant};

use crate::world::{Ledger, Load, World, licences};

/// Rounds of a usual run.
const ROUNDS: usize = 4;
/// Acts acknowledged in a round, at least.
const ACKNOWLEDGED: usize = 200;
/// Acts under way when the hub is killed, at least.
const UNDER_WAY: usize = 32;

/// Records kept ready for a round: twice what is published in one.
const RECORDS: usize = 320;

/// Rounds, or what the environment says instead.
pub(crate) fn rounds(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_killed_under_load_has_everything_it_acknowledged() {
    let rounds = rounds("HUTONG_CRASH_ROUNDS", ROUNDS);
    let mut world = World::begin().await;
    let mut stock = licences(64 + RECORDS * rounds);
    let (permits, registry) = (world.client("permits").await, world.registry().await);
    let ledger = Arc::new(Ledger::default());
    ledger.open(&registry, &stock.split_off(stock.len() - 64)).await;

    let begun = Instant::now();
    let mut least_under_way = usize::MAX;
    for round in 0..rounds {
        let load = Load::begin(&ledger, &permits, &registry, &mut stock);
        // Not always at the same place of the round.
        load.until(&ledger, ledger.acknowledged() + ACKNOWLEDGED + round * 13 % 40).await;
        let under_way = ledger.under_way();
        world.kill();
        load.stop();
        world.start();
        assert!(under_way >= UNDER_WAY, "{under_way} under way");
        least_under_way = least_under_way.min(under_way);
        stock.extend(load.end().await);
        let checked = ledger.check(&world, round + 1 == rounds).await;
        println!("round {round}: {under_way} under way, {checked}, {:.1?}", begun.elapsed());
    }
    println!(
        "{rounds} kills in {:.1?}: {} acknowledged, at least {least_under_way} under way at each kill, {} unknown",
        begun.elapsed(),
        ledger.acknowledged(),
        ledger.unknown(),
    );
    world.require_no_panic();
}
