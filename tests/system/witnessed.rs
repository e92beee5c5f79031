//! A hub and its witnesses, each a process of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use hutong::{
    client::Client,
    sign::{PolicyVerifier, Witnessed},
    tlog::{Checkpoint, Note, TlogProof, TrustPolicy, leaf_hash},
    wire::proto::{
        GetCheckpointRequest, GetReceiptRequest, audit_service_client::AuditServiceClient,
        get_receipt_request::Selector,
    },
};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{
    witness::Process,
    world::{World, free_port, licences, run},
};

/// How long a checkpoint may take to be published: two rounds, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// A witness's folder and its address.
struct Witness {
    folder: PathBuf,
    listen: String,
    vkey: String,
}

impl Witness {
    /// Makes a witness of the world's log.
    fn make(world: &World, name: &str) -> Self {
        let folder = world.home.path().join(name);
        let log = fs::read_to_string(world.folder.join("keys/log.vkey")).unwrap();
        let key_name = format!("{name}.example/witness");
        let arguments =
            ["--json", "witness", "init", folder.to_str().unwrap(), "--name", &key_name, "--log", log.trim()];
        let made: serde_json::Value = serde_json::from_str(&run(arguments).well().stdout).unwrap();
        let vkey = made["vkey"].as_str().unwrap().to_owned();
        Self { folder, listen: format!("127.0.0.1:{}", free_port()), vkey }
    }

    fn start(&self) -> Process {
        Process::start_at(&self.folder, &self.listen)
    }
}

/// Has the hub ask these witnesses, of whom so many must cosign, from its next start on.
fn require(world: &World, witnesses: &[Witness], quorum: usize) -> PolicyVerifier {
    let log = fs::read_to_string(world.folder.join("keys/log.vkey")).unwrap();
    let mut policy = format!("log {}\n", log.trim());
    let names: Vec<_> = (0..witnesses.len()).map(|number| format!("w{number}")).collect();
    for (name, Witness { listen, vkey, .. }) in names.iter().zip(witnesses) {
        policy += &format!("witness {name} {vkey} http://{listen}\n");
    }
    policy += &format!("group enough {quorum} {}\nquorum enough\n", names.join(" "));
    fs::write(world.folder.join("witnesses.policy"), &policy).unwrap();
    world.change_settings(|settings| {
        let witnesses = toml::Table::from_iter([("policy".to_owned(), "witnesses.policy".into())]);
        settings.insert("witnesses".to_owned(), witnesses.into());
    });
    PolicyVerifier::new(TrustPolicy::parse(policy.as_bytes()).unwrap()).unwrap()
}

/// The published checkpoint, or the newest.
async fn checkpoint(client: &Client, newest: bool) -> Option<(Note, Checkpoint)> {
    let asked = AuditServiceClient::new(client.channel()).get_checkpoint(GetCheckpointRequest { newest }).await;
    let note = match asked {
        Ok(answer) => Note::parse(answer.into_inner().checkpoint.as_bytes()).unwrap(),
        Err(status) => {
            assert_eq!(status.code(), Code::NotFound, "{status:?}");
            return None;
        }
    };
    let checkpoint = Checkpoint::open(&note, client.log_key()).unwrap();
    Some((note, checkpoint))
}

/// Waits until this many entries are published, and gives the note.
async fn published(client: &Client, size: u64) -> Note {
    let begun = Instant::now();
    loop {
        match checkpoint(client, false).await {
            Some((note, checkpoint)) if checkpoint.size >= size => return note,
            _ => assert!(begun.elapsed() < PATIENCE, "{size} entries are not published"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").args(["-a", "--sparse=always"]).arg(from).arg(to).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_has_been_seen_by_enough_witnesses_and_no_exchange_waits_for_them() {
    let mut world = World::begin().await;
    world.stop();
    let witnesses = ["court", "office", "absent"].map(|name| Witness::make(&world, name));
    let policy = require(&world, &witnesses, 2);
    let address = world.open_site(|_| {});
    let (court, office) = (witnesses[0].start(), witnesses[1].start());
    world.start();
    let (registry, auditor) = (world.registry().await, world.client("auditor").await);
    let first = registry.publish(&licences(1)).await.unwrap().receipt;
    let note = published(&auditor, first.index + 1).await;
    let judgement = policy.judge(&note);
    assert!(judgement.is_met, "{judgement:?}");
    assert_eq!(judgement.witnesses.iter().filter(|(_, seen)| *seen == Witnessed::Missing).count(), 1);
    let served = world.site(address, None).get("/checkpoint").await;
    assert_eq!(served.body, note.to_string());
    let (newest, _) = checkpoint(&auditor, true).await.unwrap();
    assert_eq!((newest.text(), newest.signatures().len()), (note.text(), 1));
    let header = first.statement.as_ref().unwrap().header().unwrap().clone();
    let receipt = registry.client.witnessed_receipt(&header.actor, header.request_id).await.unwrap();
    let proof = TlogProof::parse(receipt.proof.as_bytes()).unwrap();
    assert!(policy.judge(&proof.checkpoint).is_met);
    proof.verify(&leaf_hash(&receipt.entry_bytes), auditor.log_key()).unwrap();

    // What auditors copy has the cosignatures that their policy demands.
    let copy = world.home.path().join("copy");
    let (copy, profile) = (copy.to_str().unwrap(), world.profile("auditor"));
    run(["audit", "mirror", "--profile", profile.to_str().unwrap(), copy]).well();
    let trusted = world.folder.join("witnesses.policy");
    run(["audit", "verify", "--policy", trusted.to_str().unwrap(), copy]).well();

    // Without the quorum exchanges go on, what was published stays, and the rest is told to wait.
    drop(office);
    let second = registry.publish(&licences(2)[1..]).await.unwrap().receipt;
    let begun = Instant::now();
    while !world.traces_read().contains("not enough witnesses cosigned") {
        assert!(begun.elapsed() < PATIENCE, "{}", world.traces_read());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(published(&auditor, 0).await, note);
    let asked =
        |index| GetReceiptRequest { selector: Some(Selector::Index(index)), actor: String::new(), witnessed: true };
    let mut service = AuditServiceClient::new(auditor.channel());
    let later = service.get_receipt(asked(second.index)).await.unwrap_err();
    assert_eq!(later.code(), Code::Unavailable);
    assert_eq!(later.get_error_details().error_info().unwrap().reason, "NOT_PUBLISHED");
    assert_eq!(service.get_receipt(asked(1_000)).await.unwrap_err().code(), Code::NotFound);

    // What was published is there at once after a restart, and never goes back.
    world.stop();
    drop(court);
    world.start();
    let auditor = world.client("auditor").await;
    assert_eq!(published(&auditor, 0).await, note);
    let _back = [witnesses[0].start(), witnesses[1].start()];
    let caught_up = published(&auditor, second.index + 1).await;
    assert!(policy.judge(&caught_up).is_met);
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_does_not_continue_what_its_witness_cosigned_does_not_go_on() {
    let mut world = World::begin().await;
    world.stop();
    let witnesses = [Witness::make(&world, "court")];
    require(&world, &witnesses, 1);
    let court = witnesses[0].start();
    world.change_settings(|settings| drop(settings.remove("high_water_path")));
    let (backup, newest) = (world.home.path().join("backup"), world.home.path().join("newest"));
    copy(&world.folder, &backup);
    world.start();
    let registry = world.registry().await;
    let receipt = registry.publish(&licences(1)).await.unwrap().receipt;
    published(&registry.client, receipt.index + 1).await;
    world.stop();
    fs::rename(&world.folder, &newest).unwrap();

    // A backup is restored: the witness knows of more.
    copy(&backup, &world.folder);
    world.try_start().unwrap_err().fails(70, &["does not continue what was published", "rolled back"]);

    // It went on in another way while the witness was not asked: there are two histories, and they are told apart.
    fs::remove_dir_all(&world.folder).unwrap();
    copy(&backup, &world.folder);
    fs::remove_file(world.home.path().join("registry/journal.checkpoint")).unwrap();
    fs::rename(world.folder.join("witnesses.policy"), world.home.path().join("policy")).unwrap();
    world.change_settings(|settings| drop(settings.remove("witnesses")));
    world.start();
    let registry = world.registry().await;
    for licence in &licences(4)[1..] {
        registry.publish(std::slice::from_ref(licence)).await.unwrap();
    }
    world.stop();
    require(&world, &witnesses, 1);
    world.try_start().unwrap_err().fails(70, &["two logs of one key"]);

    // The one that was cosigned goes on.
    fs::remove_dir_all(&world.folder).unwrap();
    fs::rename(&newest, &world.folder).unwrap();
    // The registry has seen both by now, and has to be told which one counts.
    fs::remove_file(world.home.path().join("registry/journal.checkpoint")).unwrap();
    world.start();
    let registry = world.registry().await;
    let receipt = registry.publish(&licences(2)[1..]).await.unwrap().receipt;
    published(&registry.client, receipt.index + 1).await;
    drop(court);
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_cannot_be_used_is_said_before_the_hub_listens() {
    let mut world = World::make();
    let witnesses = [Witness::make(&world, "court")];
    require(&world, &witnesses, 1);
    let path = world.folder.join("witnesses.policy");
    let policy = fs::read_to_string(&path).unwrap();
    let log = fs::read_to_string(world.folder.join("keys/log.vkey")).unwrap();
    let other = "hub.example.gov/exchange-log/2026+ae04040a+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
    for (changed, said) in [
        (policy.replace("quorum enough", "quorum more"), "witnesses.policy"),
        (policy.replace(log.trim(), other), "of other logs"),
        (policy.replace("http://", "https://"), "witnesses.ca names no authorities"),
        (policy.replace(" http://", " ftp://"), "is no address"),
        (
            policy.lines().map(|line| line.split(" http").next().unwrap().to_owned() + "\n").collect(),
            "no witness with a URL",
        ),
    ] {
        fs::write(&path, changed).unwrap();
        world.try_start().unwrap_err().fails(78, &[said]);
    }
    fs::write(&path, policy).unwrap();
    // Nobody answers there, and the hub works all the same.
    world.start();
    assert!(world.traces_read().contains("did not say what it holds"));
    let administrator = world.client("administrator").await;
    assert_eq!(checkpoint(&administrator, false).await, None);
    assert!(checkpoint(&administrator, true).await.is_some());
    world.require_no_panic();
}
