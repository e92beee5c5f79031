//! A hub's log is closed, and another continues it: with real processes, killed on the way.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use hutong::client::Lookup;

use crate::world::{World, hutong, licences, question, resource_id, run};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn mirror(world: &World, name: &str) -> PathBuf {
    let copy = world.home.path().join(name);
    run(["audit", "mirror", "--profile", text(&world.profile("auditor")), text(&copy)]).well();
    copy
}

/// Gives every profile the log's key as the hub has it now.
fn trust_new_log(world: &World) {
    let vkey = fs::read_to_string(world.folder.join("keys/log.vkey")).unwrap();
    for name in ["administrator", "registry", "permits", "auditor"] {
        let path = world.profile(name);
        let mut profile: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        profile.insert("log_vkey".to_owned(), vkey.trim().into());
        fs::write(&path, toml::to_string(&profile).unwrap()).unwrap();
    }
}

fn year(world: &World) -> i64 {
    let settings: toml::Table = fs::read_to_string(world.folder.join("hutong.toml")).unwrap().parse().unwrap();
    settings["log_year"].as_integer().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_held_goes_on_and_the_chain_of_logs_verifies() {
    let mut world = World::begin().await;
    let licences = licences(3);
    world.registry().await.publish(&licences).await.unwrap();
    let one = question(Lookup::Record(vec![licences[0].id.clone()]));
    let before = world.client("permits").await.query(&one).await.unwrap();
    let old_copy = mirror(&world, "old");
    let (first, next) = (year(&world), (year(&world) + 1).to_string());
    let folder = world.folder.clone();
    let roll = ["rollover", text(&folder), "--year", &next];

    // Not beside a hub that runs, and not into the past.
    run(roll).fails(70, &["in use by another process"]);
    world.stop();
    run(["rollover", text(&folder), "--year", &first.to_string()]).fails(73, &["later one"]);

    // Killed at any moment, it is to be run again.
    for pause in [10, 40, 90, 160] {
        let mut child = hutong(roll).spawn().unwrap();
        thread::sleep(Duration::from_millis(pause));
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
    }
    if year(&world) == first {
        run(roll).well();
    }
    assert_eq!(year(&world).to_string(), next);
    run(["fsck", text(&folder)]).well();

    world.start();
    // A client that does not know the new log's key trusts nothing of it.
    assert!(world.client("permits").await.query(&one).await.is_err());
    trust_new_log(&world);
    let after = world.client("permits").await.query(&one).await.unwrap();
    assert_eq!(after.records.len(), before.records.len());
    let registry = world.registry().await;
    registry.client.publish(&resource_id(), 1, &[registry.sign(&licences[0], 2)]).await.unwrap();
    assert_eq!(world.client("permits").await.query(&one).await.unwrap().records.len(), 1);

    // The old copy is kept, the new log is another's.
    let profile = world.profile("auditor");
    run(["audit", "mirror", "--profile", text(&profile), text(&old_copy)]).fails(78, &["into another folder"]);
    let new_copy = mirror(&world, "new");
    let archive = folder.join("log-archive").join(first.to_string());
    let chain = ["audit", "verify", text(&new_copy), "--previous", text(&archive)];
    let verified = run(chain).well();
    assert_eq!(verified.stdout.matches(", 0 findings").count(), 2, "{verified:#?}");
    run(["audit", "verify", text(&new_copy)]).well();
    // What was mirrored before the rollover lacks the log's end.
    let short = ["audit", "verify", text(&new_copy), "--previous", text(&old_copy)];
    run(short).fails(1, &["LOG_TRUNCATED", "PREVIOUS_DIFFERS"]);
    world.stop();
    run(["fsck", text(&folder)]).well();
    world.require_no_panic();
}
