//! Copies that grow, are interrupted, and are lied to.

use std::fs;

use tempfile::TempDir;

use super::{
    Error, Folder, copied, copy, found,
    hub::{Hub, Source, log_signer, seal},
    verified, wait,
};
use crate::{
    audit::mirror,
    tlog::{Frontier, leaf_hash},
};

fn grown(to: u64) -> Hub {
    let mut hub = Hub::running();
    while hub.size() < to {
        hub.query(&["NAME"], &[1]);
    }
    hub
}

fn files(folder: &Folder) -> Vec<String> {
    let mut names: Vec<_> = walkdir::WalkDir::new(folder.path())
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn copy_grows_to_the_same_files_as_a_fresh_one() {
    let whole = grown(800);
    let temporary = TempDir::new().unwrap();
    let folder = Folder::new(temporary.path());
    for size in [1, 20, 255, 256, 257, 511, 600, 800, 800] {
        let mirrored = copy(&mut Source::new(whole.entries[..size].to_vec()), &folder).unwrap();
        assert_eq!(mirrored.size, size as u64);
        assert_eq!(found(&verified(&folder)), [], "at {size}");
    }
    let (_fresh, other) = copied(&whole);
    assert_eq!(files(&folder), files(&other));
    for name in files(&folder) {
        assert_eq!(fs::read(folder.path().join(&name)).unwrap(), fs::read(other.path().join(&name)).unwrap(), "{name}");
    }
}

#[test]
fn interrupted_copy_goes_on_where_it_stopped() {
    let hub = grown(700);
    let temporary = TempDir::new().unwrap();
    let folder = Folder::new(temporary.path());
    let mut calls = 0;
    loop {
        let mut source = hub.source();
        source.patience = 4;
        calls += 1;
        if copy(&mut source, &folder).is_ok() {
            break;
        }
        assert!(calls < 10, "no progress");
    }
    assert!(calls > 1);
    assert_eq!(found(&verified(&folder)), []);
}

#[test]
fn history_is_never_overwritten() {
    let hub = grown(300);
    let (_temporary, folder) = copied(&hub);
    let before: Vec<_> = files(&folder);

    let mut shorter = Source::new(hub.entries[..290].to_vec());
    let error = copy(&mut shorter, &folder).unwrap_err();
    assert!(
        matches!(&error, Error::RolledBack { held, offered } if (held.size, offered.size) == (300, 290)),
        "{error}"
    );
    assert!(error.to_string().contains("300") && error.to_string().contains("290"));

    for (position, size) in [(299, 300), (10, 400)] {
        let mut other = grown(size);
        other.entries.swap(position, position - 1);
        let error = copy(&mut other.source(), &folder).unwrap_err();
        assert!(matches!(error, Error::TwoHistories { .. }), "{error}");
    }
    let conflicts = files(&folder).into_iter().filter(|name| name.starts_with("conflict/")).count();
    assert_eq!(conflicts, 3);
    assert_eq!(files(&folder).into_iter().filter(|name| !name.starts_with("conflict/")).collect::<Vec<_>>(), before);
    assert_eq!(found(&verified(&folder)), []);
}

#[test]
fn entries_that_are_not_under_the_checkpoint_are_not_written() {
    let hub = grown(600);
    for position in [0, 300, 599] {
        let temporary = TempDir::new().unwrap();
        let folder = Folder::new(temporary.path());
        let mut source = hub.source();
        source.entries[position][5] ^= 1;
        let error = copy(&mut source, &folder).unwrap_err();
        assert!(matches!(error, Error::FalseEntries { .. }), "{error}");
        assert!(!folder.path().join("checkpoint").exists());
        let bundle = format!("tile/entries/{:03}", position / 256);
        assert!(files(&folder).iter().all(|name| !name.starts_with(&bundle)), "{bundle}");
    }
}

#[test]
fn checkpoint_of_another_key_is_not_taken() {
    let hub = grown(20);
    let mut frontier = Frontier::new();
    hub.entries.iter().for_each(|entry| frontier.append(leaf_hash(entry)).unwrap());
    let mut source = hub.source();
    source.note = seal(&log_signer(8), &frontier).to_string();
    let temporary = TempDir::new().unwrap();
    let error = copy(&mut source, &Folder::new(temporary.path())).unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error}");
}

#[test]
fn folder_belongs_to_one_log_and_one_mirror() {
    let hub = grown(20);
    let (_temporary, folder) = copied(&hub);
    let other_key = log_signer(8).verifier();
    let error = wait(mirror(&mut hub.source(), &folder, &other_key, &mut |_, _| {})).unwrap_err();
    assert!(matches!(error, Error::ForeignLog { .. }), "{error}");

    let lock = fs::File::open(folder.path().join("log.vkey")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(copy(&mut hub.source(), &folder).unwrap_err(), Error::InUse(_)));
}

#[test]
fn damaged_copy_is_not_continued() {
    let hub = grown(300);
    let mut shorter = hub.clone();
    shorter.entries.truncate(290);
    let (_temporary, folder) = copied(&shorter);
    let tile = folder.path().join("tile/0/001.p/34");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[40] ^= 1;
    fs::write(&tile, bytes).unwrap();
    assert!(matches!(copy(&mut hub.source(), &folder).unwrap_err(), Error::Damaged { .. }));
}
