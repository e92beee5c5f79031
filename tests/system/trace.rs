//! Who looked me up, and being forgotten: what a trace finds, and what is left when openings are erased.

use std::{path::Path, sync::Arc};

use hutong::{
    client::{Error, Holder, Lookup, TraceRequest},
    config::{STORE, Settings},
    domain::{directory::Capability, outcome::Outcome},
    sign::SystemRandomness,
    store::{Store, embedded},
    wire,
};

use crate::world::{ADMINISTRATION, Ended, Licence, World, licences, question, run};

/// Runs `hutong trace` for the holder of a licence.
fn trace(world: &World, system: &str, licence: &Licence) -> Ended {
    let profile = world.profile(system);
    let profile = profile.to_str().unwrap();
    let case = "信访-2026-000123";
    run(["trace", "--json", "--profile", profile, "--holder", "uscc", &licence.holder, "--case", case])
}

/// The entries that a trace finds, and by what each names the holder.
fn traced(world: &World, licence: &Licence) -> Vec<(u64, String)> {
    let found = trace(world, "supervision", licence).well().stdout;
    let read = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        (line["entry"].as_u64().unwrap(), line["named_by"].as_str().unwrap().to_owned())
    };
    found.lines().map(read).collect()
}

/// Copies the log and verifies the copy.
fn verified(world: &World, name: &str) -> String {
    let (profile, mirror) = (world.profile("auditor"), world.home.path().join(name));
    let mirror = mirror.to_str().unwrap();
    run(["audit", "mirror", "--profile", profile.to_str().unwrap(), mirror]).well();
    let vkey = world.folder.join("keys/log.vkey");
    run(["audit", "verify", "--vkey", vkey.to_str().unwrap(), mirror]).well().stdout
}

/// The values of all openings that a stopped hub keeps, unsealed with its vault key.
fn kept(folder: &Path) -> Vec<String> {
    let key = Settings::read(folder).unwrap().read_vault_key().unwrap();
    let random = Arc::new(SystemRandomness::new());
    let Store { reader, openings, .. } =
        embedded::open(&folder.join(STORE), &key, random, &embedded::Options::default()).unwrap();
    let size = reader.tail().unwrap().frontier.size();
    let (mut next, mut values) = (0, Vec::new());
    while next < size {
        let kept = openings.kept(next).unwrap();
        values.extend(kept.openings.iter().map(|(_, bytes)| wire::decode_opening(bytes).unwrap().value().to_owned()));
        next = kept.next;
    }
    values
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_learn_who_asked_about_them_and_are_forgotten_when_that_is_ordered() {
    let mut world = World::begin().await;
    world.enrol(ADMINISTRATION, "supervision", &[Capability::Trace]).await;
    let licences = licences(4);
    let [first, other, third, _] = licences.as_slice() else { panic!() };
    world.registry().await.publish(&licences).await.unwrap();

    let permits = world.client("permits").await;
    let mut receipts = Vec::new();
    let mut ask = async |by: Lookup| {
        let receipt = permits.query(&question(by)).await.unwrap().receipt;
        let index = receipt.index;
        receipts.push(receipt);
        index
    };
    let holders = |licence: &Licence| Lookup::Holder(vec![licence.holder.clone()]);
    let by_holder = ask(holders(first)).await;
    let of_other = ask(holders(other)).await;
    let by_record = ask(Lookup::Record(vec![first.id.clone()])).await;
    let several = ask(Lookup::Record(vec![third.id.clone(), first.id.clone()])).await;
    let mut curious = question(holders(first));
    curious.purpose = "curiosity".parse().unwrap();
    let Err(Error::Refused(refused)) = permits.query(&curious).await else { panic!() };

    // Found by whoever may, after a restart too, and by nobody else.
    world.kill();
    world.start();
    let named = |index, by: &str| (index, by.to_owned());
    let expected = [
        named(by_holder, "holder"),
        named(by_record, "record"),
        named(several, "record"),
        named(refused.index, "holder"),
    ];
    assert_eq!(traced(&world, first), expected);
    assert_eq!(traced(&world, other), [named(of_other, "holder")]);
    assert_eq!(trace(&world, "permits", first).code, Some(77));
    let supervision = world.client("supervision").await;
    let request = TraceRequest {
        holder: Holder::new("uscc", &first.holder).unwrap(),
        purpose: "citizen-request".parse().unwrap(),
        case: "信访-2026-000124".to_owned(),
        legal_basis: Some("样例依据".to_owned()),
        since: None,
        until: None,
    };
    let mut heard = Vec::new();
    let answer = supervision.trace(&request, |progress| heard.push(progress)).await.unwrap();
    assert_eq!(answer.exchanges.len(), expected.len() + 2, "the traces made before, and the one refused, too");
    assert!(heard.last().is_some_and(|progress| progress.done == progress.total));
    let asked = &answer.exchanges[0];
    assert_eq!(asked.case.as_ref(), Some(&question(holders(first)).case));
    assert_eq!(asked.names[0].value(), first.holder);
    assert!(verified(&world, "before").ends_with(" 0 findings\n"));

    // Forgotten, for good.
    let administrator = world.profile("administrator");
    let erase = ["opening", "erase", "--profile", administrator.to_str().unwrap(), "--holder", "uscc", &first.holder];
    let erased = run(erase).well().stdout;
    assert!(!erased.starts_with("0 "), "{erased}");
    world.kill();
    world.start();
    assert_eq!(traced(&world, first), []);
    run(erase).well(); // What that trace said.
    let supervised: Vec<_> = traced(&world, third).into_iter().map(|(index, _)| index).collect();
    assert_eq!(supervised, [several], "nobody else is forgotten");

    let mut log = world.log().await;
    log.require_entries(&receipts);
    log.require_consistent(&receipts).await;
    let refusal = permits.refusal_receipt(&refused).await.unwrap();
    assert!(matches!(refusal.outcome(), Outcome::Refused(_)));
    assert!(verified(&world, "after").ends_with(" 0 findings\n"));

    world.stop();
    let values = kept(&world.folder);
    assert!(values.contains(&third.id) && values.contains(&other.holder));
    assert!(!values.contains(&first.holder) && !values.contains(&first.id));
    world.start();
    assert_eq!(
        run(["opening", "erase", "--profile", administrator.to_str().unwrap(), "--older-than", "1d"]).code,
        Some(0)
    );
    world.stop();
    run(["fsck", world.folder.to_str().unwrap()]).well();
    world.require_no_panic();
}
