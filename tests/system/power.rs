//! The power is cut under load, again and again, on a real file system: nothing that was acknowledged is lost.

use std::{sync::Arc, time::Instant};

use crate::{
    crash::rounds,
    world::{Ledger, Load, Volume, World, licences},
};

/// Rounds of a usual run.
const ROUNDS: usize = 2;
/// Acts acknowledged in a round, at least.
const ACKNOWLEDGED: usize = 100;
/// Records kept ready for a round.
const RECORDS: usize = 320;
/// Bytes of the file system: the hub reserves three segments of 64 MiB. The image is sparse.
const VOLUME: u64 = 768 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_whose_power_is_cut_has_everything_it_acknowledged() {
    let volume = match Volume::make(VOLUME) {
        Ok(volume) => volume,
        Err(why) => return println!("skipped: power cuts on a real file system: {why}"),
    };
    let rounds = rounds("HUTONG_POWER_ROUNDS", ROUNDS);
    let mut world = World::make_in(tempfile::tempdir().unwrap(), volume.mounted_at.join("hub"));
    world.start();
    world.settle().await;
    let mut stock = licences(64 + RECORDS * rounds);
    let (permits, registry) = (world.client("permits").await, world.registry().await);
    let ledger = Arc::new(Ledger::default());
    ledger.open(&registry, &stock.split_off(stock.len() - 64)).await;

    let begun = Instant::now();
    for round in 0..rounds {
        let load = Load::begin(&ledger, &permits, &registry, &mut stock);
        load.until(&ledger, ledger.acknowledged() + ACKNOWLEDGED + round * 13 % 40).await;
        let under_way = ledger.under_way();
        // A machine without power runs nothing. What the hub has written and not synced is still in the system's memory, and
        // is lost. It must not run on beside the cut: Linux may then tell it that a sync succeeded which the cut undid.
        world.kill();
        load.stop();
        if let Err(why) = volume.cut_power() {
            return println!("skipped: power cuts on a real file system: {why}");
        }
        volume.unmount();
        volume.mount().unwrap();
        world.start();
        stock.extend(load.end().await);
        let checked = ledger.check(&world, round + 1 == rounds).await;
        println!("round {round}: {under_way} under way, {checked}, {:.1?}", begun.elapsed());
    }
    let (acknowledged, unknown) = (ledger.acknowledged(), ledger.unknown());
    println!("{rounds} power cuts in {:.1?}: {acknowledged} acknowledged, {unknown} unknown", begun.elapsed());
    world.require_no_panic();
}
