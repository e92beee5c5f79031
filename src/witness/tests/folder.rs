//! A witness's folder: made whole, used by one, never mended.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

#[test]
fn a_witness_hands_out_one_key_and_keeps_the_other_to_itself() {
    let history = History::of(1);
    let stage = Stage::of(&[&history]);
    let mode = |name: &str| fs::metadata(stage.folder().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("witness.key.jwk"), mode(VKEY_FILE)), (0o700, 0o600, 0o644));
    let vkey = fs::read_to_string(stage.folder().join(VKEY_FILE)).unwrap();
    assert_eq!(stage.open().key().to_string(), vkey.trim_end());
    let left: Vec<_> = fs::read_dir(stage.place.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it");
}

#[test]
fn a_folder_with_something_in_it_is_not_taken_and_an_empty_one_is() {
    let stage = Stage::of(&[]);
    let again = || init(&stage.folder(), "another".parse().unwrap(), key(1), &[]);
    assert!(matches!(again(), Err(Error::NotEmpty(_))));
    let empty = stage.place.path().join("empty");
    fs::create_dir(&empty).unwrap();
    init(&empty, "another".parse().unwrap(), key(1), &[]).unwrap();
    assert!(matches!(Witness::open(stage.place.path(), stage.clock()), Err(Error::NoWitness(_))));
}

#[test]
fn a_log_given_twice_makes_no_witness() {
    let place = tempfile::tempdir().unwrap();
    let vkey = History::of(1).vkey();
    let made = init(&place.path().join("witness"), "w".parse().unwrap(), key(1), &[vkey.clone(), vkey]);
    assert!(matches!(made, Err(Error::KnownLog { .. })));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn only_one_witness_works_on_a_folder() {
    let (one, two) = (History::of(1), History::of(2));
    let stage = Stage::of(&[&one]);
    let witness = stage.open();
    assert!(matches!(Witness::open(&stage.folder(), stage.clock()), Err(Error::InUse(_))));
    assert!(matches!(enrol(&stage.folder(), &two.vkey()), Err(Error::InUse(_))));
    assert_eq!(status(&stage.folder()).unwrap().logs.len(), 1, "looking is allowed");
    drop(witness);
    enrol(&stage.folder(), &two.vkey()).unwrap();
    assert!(matches!(enrol(&stage.folder(), &two.vkey()), Err(Error::KnownLog { .. })));
    ask(&stage.open(), &two.and(2, "entry").request(0)).unwrap();
}

#[test]
fn damage_is_named_and_never_mended() {
    type Damage = fn(&Stage, &History);
    let cases: [(&str, Damage); 13] = [
        ("memory is empty", |stage, log| fs::write(stage.log_folder(log).join("checkpoint"), "").unwrap()),
        ("memory is gone", |stage, log| fs::remove_file(stage.log_folder(log).join("checkpoint")).unwrap()),
        ("memory is cut", |stage, log| {
            let path = stage.log_folder(log).join("checkpoint");
            let text = fs::read(&path).unwrap();
            fs::write(path, &text[..text.len() - 20]).unwrap();
        }),
        ("memory is rot", |stage, log| {
            let path = stage.log_folder(log).join("checkpoint");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace("\n3\n", "\n4\n")).unwrap();
        }),
        ("memory was never cosigned", |stage, log| {
            fs::write(stage.log_folder(log).join("checkpoint"), log.checkpoint().to_string()).unwrap();
        }),
        ("memory is of another log", |stage, log| {
            let other = History::of(2).and(1, "entry");
            fs::write(stage.log_folder(log).join("checkpoint"), other.checkpoint().to_string()).unwrap();
        }),
        ("memory is not text", |stage, log| fs::write(stage.log_folder(log).join("checkpoint"), [0xff]).unwrap()),
        ("log's key is gone", |stage, log| fs::remove_file(stage.log_folder(log).join("log.vkey")).unwrap()),
        ("log's key is another", |stage, log| {
            let vkey = History::of(2).vkey().to_string();
            fs::write(stage.log_folder(log).join("log.vkey"), vkey).unwrap();
        }),
        ("evidence is gone", |stage, log| fs::remove_dir_all(stage.log_folder(log).join("evidence")).unwrap()),
        ("log lies elsewhere", |stage, log| {
            let elsewhere = stage.folder().join("logs").join(origin_hash(&History::of(2).origin));
            fs::rename(stage.log_folder(log), elsewhere).unwrap();
        }),
        ("a file among the logs", |stage, _| fs::write(stage.folder().join("logs/notes.txt"), "x").unwrap()),
        ("witness's key is another", |stage, _| {
            let path = stage.folder().join("witness.key.jwk");
            fs::write(&path, key(5).to_private_jwk().as_bytes()).unwrap();
        }),
    ];
    for (what, damage) in cases {
        let history = History::of(1).and(3, "entry");
        let stage = Stage::of(&[&history]);
        ask(&stage.open(), &history.request(0)).unwrap();
        damage(&stage, &history);
        match Witness::open(&stage.folder(), stage.clock()) {
            Err(Error::Damaged { .. }) => {}
            Err(other) => panic!("{what}: {other}"),
            Ok(_) => panic!("{what}: opened"),
        }
    }
}

#[test]
fn what_a_crash_left_unfinished_is_passed_over() {
    let history = History::of(1).and(3, "entry");
    let stage = Stage::of(&[&history]);
    fs::create_dir(stage.folder().join("logs/.unfinished")).unwrap();
    fs::write(stage.log_folder(&history).join("checkpoint.tmp"), "half").unwrap();
    fs::create_dir(stage.log_folder(&history).join("evidence/.unfinished")).unwrap();
    ask(&stage.open(), &history.request(0)).unwrap();
    assert_eq!(stage.evidence(), []);
}
