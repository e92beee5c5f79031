//! A disk without room: told, nothing half done, and over when there is room again.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    sync::Arc,
};

use hutong::client::Error;
use tonic::Code;

use crate::world::{Ledger, Volume, World, init, licences, resource_id, run};

/// Bytes of a file system that a hub's folder does not fit: it reserves three segments of 64 MiB.
const TOO_SMALL: u64 = 96 << 20;
/// Bytes of one that it fits, with little to spare.
const JUST_FITS: u64 = 288 << 20;
/// Records in one publication.
const BATCH: usize = 200;

/// Takes all the room that is left.
fn fill(filler: &Path) {
    let mut file = File::create(filler).unwrap();
    let mut len = 1 << 20;
    while len > 0 {
        if file.write_all(&vec![7; len]).and_then(|()| file.sync_all()).is_err() {
            len /= 16;
        }
    }
}

#[test]
fn a_hub_that_does_not_fit_is_not_made() {
    let home = tempfile::tempdir().unwrap();
    let volume = match Volume::make(TOO_SMALL) {
        Ok(volume) => volume,
        Err(why) => return println!("skipped: a full disk on a real file system: {why}"),
    };
    let folder = volume.mounted_at.join("hub");
    init(&folder, home.path()).fails(70, &["cannot make the log", "no room for"]);
    let left: Vec<_> = fs::read_dir(&volume.mounted_at).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lost+found"], "nothing half made is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_whose_disk_is_full_says_so_and_loses_nothing() {
    let volume = match Volume::make(JUST_FITS) {
        Ok(volume) => volume,
        Err(why) => return println!("skipped: a full disk on a real file system: {why}"),
    };
    let mut world = World::make_in(tempfile::tempdir().unwrap(), volume.mounted_at.join("hub"));
    world.start();
    world.settle().await;
    let registry = world.registry().await;
    let ledger = Arc::new(Ledger::default());
    let mut stock = licences(4_000);
    ledger.open(&registry, &stock.split_off(stock.len() - 64)).await;
    let filler = volume.mounted_at.join("filler");
    fill(&filler);

    // What the index needs is kept free, so this is refused before anything could fail half-way.
    let (batch, error) = loop {
        let batch = stock.split_off(stock.len().checked_sub(BATCH).expect("the disk is never full"));
        match registry.publish(&batch).await {
            Ok(answer) => ledger.accept(answer, &batch),
            Err(error) => break (batch, error),
        }
    };
    let Error::Rejected(rejected) = error else { panic!("{error}") };
    assert_eq!((rejected.code, rejected.reason.as_deref()), (Code::ResourceExhausted, Some("STORAGE_FULL")));
    assert!(world.traces_read().contains("no room for"), "{}", world.traces_read());
    let handles: Vec<_> = batch.iter().map(|licence| registry.prepare(licence).handle).collect();

    fs::remove_file(&filler).unwrap();
    world.kill();
    world.start();
    ledger.check(&world, true).await;
    let states = registry.client.record_states(&resource_id(), &handles).await.unwrap();
    assert!(states.iter().all(Option::is_none), "nothing of what was rejected is there");
    ledger.accept(registry.publish(&batch).await.unwrap(), &batch);
    ledger.check(&world, true).await;
    world.stop();
    run(["fsck", world.folder.to_str().unwrap()]).well();
    world.require_no_panic();
}
