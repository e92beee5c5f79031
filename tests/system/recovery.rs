//! Stops, restores, torn tails, rot and rebuilds.

use std::{fs, os::unix::fs::FileExt as _, path::PathBuf, process::Command, sync::Arc};

use crate::world::{Ledger, Load, World, files_under, licences, run};

/// A hub with some records, stopped in order, and the ledger of what it acknowledged.
async fn stopped_hub() -> (World, Arc<Ledger>) {
    let mut world = World::begin().await;
    let ledger = Arc::new(Ledger::default());
    let registry = world.registry().await;
    for licence in licences(6) {
        ledger.open(&registry, &[licence]).await;
    }
    world.stop();
    (world, ledger)
}

/// The segment that the log's entries are in.
fn log_segment(world: &World) -> PathBuf {
    let [segment] = &files_under(&world.folder.join("store/log"))[..] else { panic!("more than one segment") };
    segment.clone()
}

/// Where the last frame of a segment ends.
fn end_of_frames(segment: &PathBuf) -> u64 {
    let bytes = fs::read(segment).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64;
    (last + 1).next_multiple_of(8)
}

fn write_at(segment: &PathBuf, bytes: &[u8], offset: u64) {
    fs::File::options().write(true).open(segment).unwrap().write_all_at(bytes, offset).unwrap();
}

/// Changes one byte, and gives where the segment has it.
fn rot(segment: &PathBuf, offset: u64) {
    let mut byte = [0];
    fs::File::open(segment).unwrap().read_exact_at(&mut byte, offset).unwrap();
    write_at(segment, &[byte[0] ^ 0x40], offset);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    assert!(Command::new("cp").args(["-a", "--sparse=always"]).arg(from).arg(to).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_that_would_fork_the_log_is_refused() {
    let (mut world, ledger) = stopped_hub().await;
    let backup = world.home.path().join("backup");
    copy(&world.folder, &backup);
    world.start();
    let registry = world.registry().await;
    ledger.open(&registry, &licences(7).split_off(6)).await;
    world.stop();

    let newest = world.home.path().join("newest");
    fs::rename(&world.folder, &newest).unwrap();
    fs::rename(&backup, &world.folder).unwrap();
    let refused = world.try_start().unwrap_err();
    refused.fails(70, &["does not continue the known mark", "entries are missing at its end"]);

    fs::remove_dir_all(&world.folder).unwrap();
    fs::rename(&newest, &world.folder).unwrap();
    world.start();
    ledger.check(&world, true).await;
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_answers_what_was_taken() {
    let mut world = World::begin().await;
    let (permits, registry) = (world.client("permits").await, world.registry().await);
    let mut stock = licences(264);
    let ledger = Arc::new(Ledger::default());
    ledger.open(&registry, &stock.split_off(200)).await;
    let load = Load::begin(&ledger, &permits, &registry, &mut stock);
    load.until(&ledger, 60).await;
    world.hub().ask_to_stop();
    load.stop();
    assert_eq!(world.hub().wait().code(), Some(0));
    // A signal ended it in order; only now is it not there any more.
    assert!(world.traces_read().contains("stopped"));
    world.forget();
    world.start();
    load.end().await;
    assert_eq!(ledger.answers_lost(), 0, "something was entered and its answer not given");
    assert_eq!(ledger.unknown(), 0);
    ledger.check(&world, true).await;
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_that_nobody_was_told_of_is_cut_and_one_that_somebody_was_is_not() {
    let (mut world, ledger) = stopped_hub().await;
    let segment = log_segment(&world);
    let end = end_of_frames(&segment);
    write_at(&segment, b"a frame that was never whole", end);
    world.start();
    ledger.check(&world, true).await;
    // The high-water mark then knows of all of it.
    world.stop();

    let end = end_of_frames(&segment);
    rot(&segment, end - 24);
    let refused = world.try_start().unwrap_err();
    refused.fails(70, &[segment.to_str().unwrap(), "at byte", "were durable"]);
    rot(&segment, end - 24);
    world.start();
    ledger.check(&world, true).await;
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rot_in_the_middle_of_a_segment_is_named_by_file_and_offset() {
    let (mut world, ledger) = stopped_hub().await;
    let folder = world.folder.to_str().unwrap().to_owned();
    run(["fsck", &folder]).well();
    let segment = log_segment(&world);
    let middle = end_of_frames(&segment) / 2;
    rot(&segment, middle);
    let name = segment.file_name().unwrap().to_str().unwrap();
    run(["fsck", &folder]).fails(1, &[name, "at byte", "a valid frame follows at byte"]);
    run(["fsck", "--rebuild", &folder]).fails(1, &[name, "a valid frame follows at byte"]);
    world.try_start().unwrap_err().fails(70, &[name, "at byte", "a valid frame follows at byte"]);
    rot(&segment, middle);

    for kind in ["bodies", "openings"] {
        let [segment] = &files_under(&world.folder.join("store").join(kind))[..] else { panic!("{kind}") };
        let middle = end_of_frames(segment) - 40;
        rot(segment, middle);
        run(["fsck", &folder]).fails(1, &[segment.file_name().unwrap().to_str().unwrap(), "at byte"]);
        rot(segment, middle);
    }
    run(["fsck", &folder]).well();
    world.start();
    ledger.check(&world, true).await;
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_derived_is_made_anew() {
    let (mut world, ledger) = stopped_hub().await;
    let folder = world.folder.to_str().unwrap().to_owned();
    for derived in ["levels", "index"] {
        for file in files_under(&world.folder.join("store").join(derived)) {
            let len = file.metadata().unwrap().len() as usize;
            fs::write(&file, vec![0xa5; len]).unwrap();
        }
    }
    let rebuilt = run(["fsck", "--rebuild", &folder]).well();
    assert!(rebuilt.stdout.contains("made anew"), "{rebuilt:?}");
    run(["fsck", &folder]).well();
    world.start();
    ledger.check(&world, true).await;
    world.stop();

    // Without a rebuild, a start makes anew whatever is not there at all.
    for derived in ["levels", "index"] {
        fs::remove_dir_all(world.folder.join("store").join(derived)).unwrap();
    }
    world.start();
    ledger.check(&world, true).await;
    world.require_no_panic();
}
