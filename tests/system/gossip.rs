//! What clients have seen of the log, and a hub that does not continue it.

use std::{fs, path::Path, process::Command};

use hutong::{
    client::Client,
    files,
    sign::{LogSigner, Secret, SigningKey},
    tlog::{Checkpoint, Note, leaf_hash},
    wire::proto::{GetCheckpointRequest, audit_service_client::AuditServiceClient},
};
use tonic::{Code, Request, Status, metadata::MetadataValue};
use tonic_types::StatusExt as _;

use crate::world::{World, licences, run};

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").args(["-a", "--sparse=always"]).arg(from).arg(to).status().unwrap().success());
}

/// Asks for the checkpoint, showing this note.
async fn show(client: &Client, note: &[u8]) -> Result<String, Status> {
    let mut request = Request::new(GetCheckpointRequest::default());
    request.metadata_mut().insert_bin("hutong-checkpoint-bin", MetadataValue::from_bytes(note));
    let answer = AuditServiceClient::new(client.channel()).get_checkpoint(request).await?;
    Ok(answer.into_inner().checkpoint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_was_rolled_back_is_told_by_a_client_and_enters_nothing() {
    let mut world = World::begin().await;
    world.stop();
    // Nothing on other storage tells this hub that it is behind.
    world.change_settings(|settings| drop(settings.remove("high_water_path")));
    let backup = world.home.path().join("backup");
    copy(&world.folder, &backup);
    world.start();
    let published = world.registry().await.publish(&licences(1)).await.unwrap();
    world.stop();
    let newest = world.home.path().join("newest");
    fs::rename(&world.folder, &newest).unwrap();
    fs::rename(&backup, &world.folder).unwrap();

    // It starts and knows no better, until one comes who was there.
    world.start();
    let behind = world.log().await.size();
    assert!(behind <= published.receipt.index);
    let refused = world.registry().await.publish(&licences(2)[1..]).await.unwrap_err().to_string();
    assert!(refused.contains("halted"), "{refused}");
    assert_eq!(world.hub().wait().code(), Some(70));
    world.forget();
    let traces = world.traces_read();
    assert!(traces.contains("rolled back") && traces.contains("look for the newer data"), "{traces}");
    let counted = run(["fsck", world.folder.to_str().unwrap()]).well().stdout;
    assert!(counted.contains(&format!("{behind} entries")), "something was entered: {counted}");
    world.try_start().unwrap_err().fails(70, &["was halted by the checkpoint", "rolled back"]);

    // With the newer data back, it goes on.
    let contradiction = world.folder.join("contradiction.checkpoint");
    fs::copy(&contradiction, newest.join("contradiction.checkpoint")).unwrap();
    fs::remove_dir_all(&world.folder).unwrap();
    fs::rename(&newest, &world.folder).unwrap();
    world.start();
    assert!(!contradiction.exists());
    world.registry().await.publish(&licences(2)[1..]).await.unwrap();
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditors_copy_tells_a_hub_that_was_rolled_back_and_keeps_the_proof() {
    let mut world = World::begin().await;
    world.stop();
    world.change_settings(|settings| drop(settings.remove("high_water_path")));
    let backup = world.home.path().join("backup");
    copy(&world.folder, &backup);
    world.start();
    world.registry().await.publish(&licences(1)).await.unwrap();
    let (mirror, profile) = (world.home.path().join("mirror"), world.profile("auditor"));
    let mirrored = || run(["audit", "mirror", "--profile", profile.to_str().unwrap(), mirror.to_str().unwrap()]);
    mirrored().well();
    world.stop();
    fs::remove_dir_all(&world.folder).unwrap();
    fs::rename(&backup, &world.folder).unwrap();
    world.start();
    mirrored().fails(1, &["rolled back"]);
    assert_eq!(fs::read_dir(mirror.join("conflict")).unwrap().count(), 1);
    assert_eq!(world.hub().wait().code(), Some(70));
    world.forget();
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_halts_a_hub_by_what_its_key_did_not_sign_and_a_fork_does() {
    let mut world = World::begin().await;
    let permits = world.client("permits").await;
    let honest = show(&permits, b"").await.unwrap();
    let said: Checkpoint = Note::parse(honest.as_bytes()).unwrap().text().parse().unwrap();
    let key = SigningKey::from_seed(&Secret::from_bytes(&[3; 32])).unwrap();
    let forger = LogSigner::new(said.origin.clone(), key);
    let ahead = Checkpoint { size: said.size + 1, ..said.clone() };
    let forged = ahead.sign(&forger).unwrap().to_string();
    let resigned = honest.replace(&said.to_string(), &ahead.to_string());
    let foreign = Checkpoint { origin: "another.example/log".parse().unwrap(), ..ahead.clone() };
    let foreign = foreign
        .sign(&LogSigner::new(foreign.origin.clone(), SigningKey::from_seed(&Secret::from_bytes(&[3; 32])).unwrap()));
    let foreign = foreign.unwrap().to_string();
    for note in
        [forged.as_bytes(), resigned.as_bytes(), foreign.as_bytes(), &[0xff; 9_000], b"nonsense", honest.as_bytes()]
    {
        for _ in 0..100 {
            assert_eq!(show(&permits, note).await.unwrap(), honest);
        }
    }

    // What the budget of a second keeps from being compared is shown again.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let jwk = files::read_secret(&world.folder.join("keys/log.key.jwk")).unwrap();
    let own = LogSigner::new(said.origin.clone(), SigningKey::from_jwk(&jwk).unwrap());
    let fork = Checkpoint { root: leaf_hash(b"another history"), ..said };
    let halted = show(&permits, fork.sign(&own).unwrap().to_string().as_bytes()).await.unwrap_err();
    assert_eq!(halted.code(), Code::DataLoss, "{halted:?}");
    assert_eq!(halted.get_error_details().error_info().unwrap().reason, "HALTED");
    assert_eq!(world.hub().wait().code(), Some(70));
    assert!(world.traces_read().contains("two logs of one key"));
    world.forget();
    world.try_start().unwrap_err().fails(70, &["was halted by the checkpoint", "two logs of one key"]);
}
