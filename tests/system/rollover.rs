//! A hub's log is closed, and another continues it: with real processes, killed on the way.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use hutong::client::Lookup;

use crate::world::{World, hutong, licences, question, resource_id, run};

/// The key of a log that this hub never had.
const STRANGER: &str = "hub.example.gov/exchange-log/2026+ae04040a+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";

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
    // A client that trusts the old log's key learns the new one's by itself, and the person is told.
    let client = world.client("permits").await;
    assert!(client.has_new_log());
    let vkey = fs::read_to_string(world.folder.join("keys/log.vkey")).unwrap();
    assert_eq!(client.log_key().vkey().to_string(), vkey.trim());
    let after = client.query(&one).await.unwrap();
    let listed = ["department", "list", "--profile", &world.profile("permits").display().to_string()];
    assert!(run(listed).well().stderr.contains(vkey.trim()));
    // One that trusts another log's key does not.
    let stranger = world.profile("permits").with_file_name("stranger.toml");
    let profile = fs::read_to_string(world.profile("permits")).unwrap();
    let old_vkey = profile.lines().find(|line| line.starts_with("log_vkey")).unwrap();
    fs::write(&stranger, profile.replace(old_vkey, &format!("log_vkey = \"{STRANGER}\""))).unwrap();
    let profile = hutong::client::Profile::read(&stranger).unwrap();
    let client = hutong::client::Client::connect(&profile).await.unwrap();
    assert!(!client.has_new_log() && client.query(&one).await.is_err());
    trust_new_log(&world);
    assert!(!world.client("permits").await.has_new_log());
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

/// The calls by which something becomes durable, gets its name or loses it. A run that is killed at the N-th of them has done all
/// that comes before.
const STEPS: &str = "fsync,fdatasync,?rename,renameat,renameat2,?mkdir,mkdirat,?unlink,unlinkat,?rmdir,?link,linkat,\
                     fallocate,ftruncate";

/// What is in a folder, by name.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Runs a rollover that is killed with -9 as one of its threads is about to take its `step`-th step. Says whether it was.
fn killed_at(step: usize, folder: &Path, next: &str) -> bool {
    let status = std::process::Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={STEPS}"),
            "-e",
            &format!("inject={STEPS}:signal=KILL:when={step}"),
        ])
        .args([env!("CARGO_BIN_EXE_hutong"), "rollover", text(folder), "--year", next])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    !status.success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_step_it_is_finished_by_being_run_again() {
    let can_trace = std::process::Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    if !can_trace.is_ok_and(|status| status.success()) {
        eprintln!("skipped: needs strace, and leave to trace");
        return;
    }
    let mut world = World::begin().await;
    let licences = licences(3);
    world.registry().await.publish(&licences).await.unwrap();
    let one = question(Lookup::Record(vec![licences[0].id.clone()]));
    world.client("permits").await.query(&one).await.unwrap();
    world.stop();
    let next = (year(&world) + 1).to_string();
    let settings = |folder: &Path| fs::read_to_string(folder.join("hutong.toml")).unwrap();
    let of_world: toml::Table = settings(&world.folder).parse().unwrap();
    let mark = PathBuf::from(of_world["high_water_path"].as_str().unwrap());

    let mut kills = 0;
    loop {
        let folder = world.home.path().join(format!("killed-{kills}"));
        copy_folder(&world.folder, &folder);
        // Each has its own mark: one that rolled over would be ahead of the others.
        let own_mark = world.home.path().join(format!("killed-{kills}.mark"));
        fs::copy(&mark, &own_mark).unwrap();
        let before = settings(&folder).replace(text(&mark), text(&own_mark));
        fs::write(folder.join("hutong.toml"), &before).unwrap();
        let was_killed = killed_at(kills + 1, &folder, &next);
        if settings(&folder) == before {
            assert!(was_killed, "it ended without its end");
            run(["rollover", text(&folder), "--year", &next]).well();
        }
        assert_ne!(settings(&folder), before);
        run(["fsck", text(&folder)]).well();
        // The key that the settings name and the one that is given away are one.
        let vkey = fs::read_to_string(folder.join("keys/log.vkey")).unwrap();
        assert!(vkey.contains(&format!("/{next}+")), "{vkey}");
        fs::remove_dir_all(&folder).unwrap();
        if !was_killed {
            break;
        }
        kills += 1;
    }
    eprintln!("killed at {kills} steps");
    assert!(kills > 20, "only {kills} steps were seen");
    world.require_no_panic();
}
