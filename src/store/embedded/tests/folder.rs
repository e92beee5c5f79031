//! A folder over its life: made, opened twice, closed, left open, lost in part.

use super::*;
use crate::domain::id::Digest;
use crate::store::{
    Change,
    conformance::{batch_of, entry, openings_of},
};

fn append(store: &mut Store, lens: &[usize]) {
    let before = store.log.tail().map_or_else(Frontier::new, |tail| tail.frontier);
    store.log.append(before.size(), &batch_of(&before, lens)).unwrap();
}

fn reopen(dir: &Path) -> Result<Store, Error> {
    open(dir, &vault_key(), randomness(), &small())
}

/// The entries and openings of a log of entries of 3,000 bytes.
fn check(store: &Store, size: u64) {
    assert_eq!(store.reader.tail().map_or(0, |tail| tail.frontier.size()), size);
    for index in 0..size {
        assert_eq!(store.reader.entries(index, index + 1, 0).unwrap(), [entry(index, 3_000)]);
        assert_eq!(store.reader.openings(index).unwrap(), openings_of(index));
    }
}

fn only_error(result: Result<Store, Error>) -> Error {
    result.err().expect("an error")
}

/// The last file of a kind.
fn last_file(dir: &Path, kind: &str) -> PathBuf {
    let mut paths: Vec<_> = fs::read_dir(dir.join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.pop().unwrap()
}

#[test]
fn a_store_is_made_only_in_an_empty_folder_and_opened_only_where_one_is() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(only_error(reopen(dir.path())), Error::Io { .. }));
    fs::write(dir.path().join("something"), "").unwrap();
    let error = only_error(create(dir.path(), &vault_key(), randomness(), &small()));
    assert!(error.to_string().contains("not empty"), "{error}");
}

#[test]
fn a_second_open_is_refused_by_name_until_every_part_is_gone() {
    let (store, dir) = new_store();
    let dir = dir.path().join("hub");
    let Store { log, reader, openings, bodies, projections } = store;
    let parts = [
        Box::new(log) as Box<dyn std::any::Any>,
        Box::new(reader),
        Box::new(openings),
        Box::new(bodies),
        Box::new(projections),
    ];
    for part in parts {
        match only_error(reopen(&dir)) {
            Error::InUse(name) => assert_eq!(name, dir.display().to_string()),
            other => panic!("{other}"),
        }
        drop(part);
    }
    reopen(&dir).unwrap();
}

#[test]
fn another_vault_key_is_refused_before_anything_depends_on_it() {
    let (store, dir) = new_store();
    drop(store);
    let other = VaultKey::new(crate::sign::Secret::from_bytes(&[8; 32]));
    let error = only_error(open(&dir.path().join("hub"), &other, randomness(), &small()));
    assert!(error.to_string().contains("not sealed under this vault key"), "{error}");
}

#[test]
fn everything_is_there_again_after_reopening_over_many_segments() {
    let (mut store, dir) = new_store();
    let dir = dir.path().join("hub");
    let name = |n: u8| Digest([n; 32]);
    for n in 0..30u8 {
        append(&mut store, &[3_000; 7]);
        store.bodies.put(&[(name(n), &[n; 9_000])]).unwrap();
        if n % 10 == 9 {
            drop(store);
            store = reopen(&dir).unwrap();
            check(&store, (u64::from(n) + 1) * 7);
        }
    }
    assert!(fs::read_dir(dir.join(log::DIR)).unwrap().count() > 9);
    for n in 0..30 {
        assert_eq!(store.bodies.get(&name(n)).unwrap().unwrap(), [n; 9_000]);
    }
}

#[test]
fn what_is_derived_is_made_anew_when_it_is_lost() {
    let (mut store, dir) = new_store();
    let dir = dir.path().join("hub");
    (0..20).for_each(|_| append(&mut store, &[3_000; 7]));
    store.bodies.put(&[(Digest([1; 32]), b"body")]).unwrap();
    store.projections.apply(140, &[Change::Rule { index: 0 }]).unwrap();
    drop(store);
    for loss in ["levels", "index", "index.state"] {
        let path = dir.join(loss);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap()
        } else {
            fs::remove_file(&path).unwrap()
        }
        let store = reopen(&dir).unwrap();
        check(&store, 140);
        assert_eq!(store.bodies.get(&Digest([1; 32])).unwrap().unwrap(), b"body", "{loss}");
        if loss != "levels" {
            assert_eq!(store.projections.applied().unwrap(), 0, "{loss}");
        }
    }
    // A row whose middle has rotted gives another tree and is made anew too.
    let leaves = dir.join("levels/0");
    flip(&leaves, 32 * 20);
    check(&reopen(&dir).unwrap(), 140);
}

#[test]
fn an_index_left_open_is_used_in_the_same_boot_and_set_aside_after_another() {
    let (store, dir) = new_store();
    let dir = dir.path().join("hub");
    drop(store);
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    for (state, applied) in [("clean", 1), (boot.trim(), 1), ("4a1c0c0e-another-boot", 0), ("", 0)] {
        let mut store = reopen(&dir).unwrap();
        if store.log.tail().is_none() {
            append(&mut store, &[5]);
        }
        store.projections.apply(1, &[Change::Rule { index: 0 }]).unwrap();
        drop(store);
        fs::write(dir.join("index.state"), state).unwrap();
        assert_eq!(reopen(&dir).unwrap().projections.applied().unwrap(), applied, "{state:?}");
    }
}

#[test]
fn an_index_of_garbage_or_of_another_log_is_made_anew() {
    let (mut store, dir) = new_store();
    let dir = dir.path().join("hub");
    append(&mut store, &[3_000; 2]);
    store.projections.apply(3, &[Change::Rule { index: 0 }]).unwrap();
    drop(store);
    assert_eq!(reopen(&dir).unwrap().projections.applied().unwrap(), 0, "applied beyond the log");
    fs::write(dir.join("index/db"), [0xA5; 70_000]).unwrap();
    check(&reopen(&dir).unwrap(), 2);
}

#[test]
fn rot_in_the_middle_is_named_and_never_cut() {
    for (kind, at) in [("log", 8_192 + 100), ("bodies", 8_192 + 100)] {
        let (mut store, dir) = new_store();
        let dir = dir.path().join("hub");
        for n in 0..3 {
            append(&mut store, &[3_000]);
            store.bodies.put(&[(Digest([n; 32]), &[n; 500])]).unwrap();
        }
        drop(store);
        fs::remove_dir_all(dir.join("index")).unwrap();
        let path = last_file(&dir, kind);
        flip(&path, at);
        let before = fs::read(&path).unwrap();
        match only_error(reopen(&dir)) {
            Error::Damaged { place, .. } => {
                assert_eq!(place, format!("{} at byte 8192", path.display()));
            }
            other => panic!("{other}"),
        }
        assert_eq!(fs::read(&path).unwrap(), before);
        flip(&path, at);
        check(&reopen(&dir).unwrap(), 3);
    }
}

#[test]
fn rot_of_an_entry_and_of_an_opening_is_named_when_they_are_read() {
    let (mut store, dir) = new_store();
    let dir = dir.path().join("hub");
    append(&mut store, &[3_000; 2]);
    flip(&last_file(&dir, "log"), 8_192 + 1_000);
    flip(&last_file(&dir, "openings"), 8_192 + 300);
    assert!(matches!(store.reader.entries(0, 1, 0), Err(Error::Damaged { .. })));
    assert!(matches!(store.reader.openings(1), Err(Error::Damaged { .. })));
}

#[test]
fn a_log_behind_or_beside_its_high_water_mark_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    let options = Options { high_water_path: Some(outside.path().join("mark")), ..small() };
    let open_marked = |dir: &Path| open(dir, &vault_key(), randomness(), &options);
    let dir = outside.path().join("hub");
    let mut store = create(&dir, &vault_key(), randomness(), &options).unwrap();
    append(&mut store, &[3_000; 3]);
    drop(store);
    let then = outside.path().join("backup");
    let copied = std::process::Command::new("cp").args(["-r".as_ref(), dir.as_os_str(), then.as_os_str()]).status();
    assert!(copied.unwrap().success());
    let mut store = open_marked(&dir).unwrap();
    append(&mut store, &[3_000; 3]);
    drop(store);
    assert!(fs::read_to_string(outside.path().join("mark")).unwrap().starts_with("log.example\n6\n"));

    assert!(matches!(only_error(open_marked(&then)), Error::RolledBack { mark: 6, found: 3, .. }));
    let mut fork = reopen(&then).unwrap();
    append(&mut fork, &[2_999; 4]);
    drop(fork);
    assert!(matches!(only_error(open_marked(&then)), Error::RolledBack { mark: 6, found: 7, .. }));
    check(&open_marked(&dir).unwrap(), 6);
}

#[test]
fn a_high_water_mark_whose_folder_is_not_there_is_an_error() {
    let (store, dir) = new_store();
    drop(store);
    let options = Options { high_water_path: Some(dir.path().join("not mounted/mark")), ..small() };
    let error = only_error(open(&dir.path().join("hub"), &vault_key(), randomness(), &options));
    assert!(error.to_string().contains("high-water mark's folder"), "{error}");
}

#[test]
fn a_torn_end_below_what_is_known_to_have_been_durable_is_damage() {
    let (mut store, dir) = new_store();
    let dir = dir.path().join("hub");
    append(&mut store, &[3_000]);
    append(&mut store, &[3_000]);
    drop(store);
    let path = last_file(&dir, "log");
    flip(&path, 8_192 + 4_500);
    let error = only_error(reopen(&dir));
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("2 entries were durable, 1 are readable"), "{error}");
}
