//! What a witness refuses, and what it keeps for a person to look at.

use std::fs;

use super::*;
use crate::{sign::LogVerifier, tlog::verify_consistency};

/// The status of the answer.
fn status_of(witness: &Witness, request: &AddCheckpoint) -> u16 {
    ask(witness, request).map_or_else(|refusal| refusal.status(), |_| 200)
}

#[test]
fn two_hubs_with_one_key_that_fork_do_not_both_get_a_cosignature() {
    let common = History::of(1).and(100, "common");
    let (shown_to_court, shown_to_city) = (common.and(20, "for the court"), common.and(20, "for the city"));
    let stage = Stage::of(&[&common]);
    let witness = stage.open();
    assert_eq!(status_of(&witness, &common.request(0)), 200);
    assert_eq!(status_of(&witness, &shown_to_court.request(100)), 200);

    // The other hub goes on from where both were: the witness is past that.
    assert_eq!(ask(&witness, &shown_to_city.request(100)), Err(Refusal::Conflict { held: 120 }));
    // It asks from there, with the same size; then it grows beyond, with the best proof that it has.
    assert_eq!(status_of(&witness, &shown_to_city.request(120)), 422);
    let longer = shown_to_city.and(1, "more for the city");
    assert_eq!(status_of(&witness, &longer.request(120)), 422);
    // Whatever proof it borrows.
    let mut borrowed = shown_to_court.and(1, "more for the court").request(120);
    borrowed.checkpoint = longer.checkpoint();
    assert_eq!(status_of(&witness, &borrowed), 422);
    borrowed.proof.clear();
    assert_eq!(status_of(&witness, &borrowed), 422);
    // And from nothing.
    assert_eq!(status_of(&witness, &longer.request(0)), 409);

    // The first goes on as before.
    assert_eq!(status_of(&witness, &shown_to_court.and(5, "more for the court").request(120)), 200);
    assert_eq!(stage.evidence(), [SuspicionKind::SplitView, SuspicionKind::Unproven]);
}

#[test]
fn evidence_of_a_split_view_proves_it_to_anyone_with_the_logs_key() {
    let common = History::of(1).and(7, "common");
    let (one, other) = (common.and(1, "one"), common.and(1, "other"));
    let stage = Stage::of(&[&common]);
    let witness = stage.open();
    assert_eq!(status_of(&witness, &one.request(0)), 200);
    assert_eq!(status_of(&witness, &other.request(7)), 409, "also where the refusal itself looks harmless");
    assert_eq!(status_of(&witness, &other.request(8)), 422);

    let folder = stage.log_folder(&common).join("evidence");
    let kept: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    assert!(kept.file_name().unwrap().to_str().unwrap().starts_with("split-view-8-"));
    let log = LogVerifier::new(common.vkey()).unwrap();
    let read = |name: &str| {
        let note = Note::parse(&fs::read(kept.join(name)).unwrap()).unwrap();
        Checkpoint::open(&note, &log).unwrap()
    };
    let (refused, cosigned) = (read("refused"), read("cosigned"));
    assert_eq!(refused.size, cosigned.size);
    assert!(verify_consistency(8, &cosigned.root, 8, &refused.root, &[]).is_err());
    let about: serde_json::Value = serde_json::from_slice(&fs::read(kept.join("about.json")).unwrap()).unwrap();
    assert_eq!(about["kind"], "split-view");
    assert_eq!(about["time"], NOON);
    assert_eq!(about["refused"]["root"], refused.root.to_string());
    assert_eq!(about["cosigned"]["root"], cosigned.root.to_string());
}

#[test]
fn a_log_that_was_rolled_back_is_refused_until_it_is_past_and_proves_that_it_continues() {
    let before = History::of(1).and(50, "entry");
    let stage = Stage::of(&[&before]);
    let witness = stage.open();
    assert_eq!(status_of(&witness, &before.and(50, "lost").request(0)), 200);

    // Restored from a backup, it is behind, whatever it believes the witness to have.
    assert_eq!(ask(&witness, &before.request(0)), Err(Refusal::Conflict { held: 100 }));
    assert_eq!(ask(&witness, &before.request(50)), Err(Refusal::Conflict { held: 100 }));
    assert_eq!(ask(&witness, &before.request(100)), Err(Refusal::OldAboveNew { old: 100, size: 50 }));
    // It has grown past the witness by other entries.
    let rewritten = before.and(70, "again");
    assert_eq!(status_of(&witness, &rewritten.request(100)), 422);
    assert_eq!(stage.evidence(), [SuspicionKind::Behind, SuspicionKind::Unproven]);
    // It found the lost entries again.
    let found = before.and(50, "lost").and(10, "new");
    assert_eq!(status_of(&witness, &found.request(100)), 200);
}

#[test]
fn a_root_that_no_empty_log_has_is_refused_and_kept() {
    let history = History::of(1);
    let stage = Stage::of(&[&history]);
    let witness = stage.open();
    let root = leaf_hash(b"something");
    let note = Checkpoint { origin: history.origin.clone(), size: 0, root }.sign(&history.signer()).unwrap();
    let request = AddCheckpoint { old_size: 0, proof: Vec::new(), checkpoint: note };
    assert_eq!(ask(&witness, &request), Err(Refusal::EmptyRoot));
    assert_eq!(stage.evidence(), [SuspicionKind::SplitView]);
}

#[test]
fn strangers_are_turned_away_and_leave_nothing() {
    let history = History::of(1).and(3, "entry");
    let stage = Stage::of(&[&history]);
    let witness = stage.open();
    assert_eq!(ask(&witness, &History::of(2).request(0)), Err(Refusal::UnknownLog(History::of(2).origin.to_string())));

    // The log's name, signed by another key: the ID tells.
    let mut impostor = history.clone();
    impostor.seed = 3;
    assert_eq!(ask(&witness, &impostor.request(0)), Err(Refusal::Signature(tlog::Error::Unsigned)));
    // Its name and ID, and a false signature.
    let mut changed = history.request(0);
    let text = changed.checkpoint.to_string().replace("\n3\n", "\n4\n");
    changed.checkpoint = Note::parse(text.as_bytes()).unwrap();
    assert!(matches!(ask(&witness, &changed), Err(Refusal::Signature(tlog::Error::BadSignature { .. }))));

    for body in ["", "old 0\n", "old 0\n\nhub\n0\n\n", &history.request(0).to_string().replace("old 0", "old 00")] {
        assert_eq!(witness.add_checkpoint(body.as_bytes()).unwrap_err().status(), 400, "{body:?}");
    }
    assert_eq!(stage.evidence(), []);
    assert_eq!(witness.checkpoint(&origin_hash(&history.origin)), None);
}

#[test]
fn one_incident_is_kept_once_and_a_flood_of_one_kind_does_not_crowd_out_another() {
    let history = History::of(1).and(600, "entry");
    let stage = Stage::of(&[&history]);
    let witness = stage.open();
    assert_eq!(status_of(&witness, &history.request(0)), 200);
    for size in (1..=300).chain(1..=10) {
        let mut old = history.clone();
        old.leaves.truncate(size);
        assert_eq!(status_of(&witness, &old.request(0)), 409);
    }
    let fork = History::of(1).and(600, "another");
    assert_eq!(status_of(&witness, &fork.request(600)), 422);
    let kept = stage.evidence();
    let count = |kind| kept.iter().filter(|kept| **kept == kind).count();
    assert_eq!((count(SuspicionKind::Behind), count(SuspicionKind::SplitView)), (256, 1));
}
