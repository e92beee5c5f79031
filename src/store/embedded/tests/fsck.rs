//! Checks find what was broken, and nothing else; rebuilding mends what is derived.

use super::{
    super::fsck::{self, Finding, Progress},
    *,
};
use crate::{
    domain::id::Digest,
    sign::sha256,
    store::{Change, conformance::batch_of},
};

/// A folder with several segments of everything.
fn filled() -> (PathBuf, tempfile::TempDir) {
    let (mut store, keep) = new_store();
    for n in 0..20u8 {
        let before = store.log.tail().map_or_else(Frontier::new, |tail| tail.frontier);
        store.log.append(before.size(), &batch_of(&before, &[1_000; 17])).unwrap();
        let body = [vec![n; 9_000], b"~disclosure~".to_vec()].concat();
        store.bodies.put(&[(Digest(sha256(&[n; 9_000])), &body)]).unwrap();
    }
    store.projections.apply(340, &[Change::Rule { index: 7 }]).unwrap();
    (keep.path().join("hub"), keep)
}

fn findings(dir: &Path) -> Vec<Finding> {
    fsck::check(dir, &vault_key(), randomness(), &mut |_| {}).unwrap()
}

fn files(dir: &Path, kind: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir.join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn a_sound_folder_has_no_findings_and_progress_is_told() {
    let (dir, _keep) = filled();
    let mut told = Vec::new();
    let found = fsck::check(&dir, &vault_key(), randomness(), &mut |progress| told.push(progress)).unwrap();
    assert_eq!(found, []);
    for what in ["log", "bodies"] {
        let total = files(&dir, what).len();
        assert!(total > 2);
        let expected: Vec<_> = (0..=total).map(|done| Progress { what, done, total }).collect();
        assert_eq!(told.iter().filter(|told| told.what == what).copied().collect::<Vec<_>>(), expected);
    }
    drop(super::super::open(&dir, &vault_key(), randomness(), &small()).unwrap());
    assert_eq!(findings(&dir), []);
}

#[test]
fn each_broken_byte_is_found_by_its_file() {
    let (dir, _keep) = filled();
    let places = [
        ("log", 0, 4, false),
        ("log", 0, 8_192 + 700, false),
        ("log", 2, 8_192 + 20, false),
        ("openings", 0, 8_192 + 10, false),
        ("openings", 0, 8_192 + 700, false),
        ("bodies", 1, 8_192 + 40, false),
        ("bodies", 2, 8_192 + 4_000, false),
        ("levels", 0, 32 * 3, true),
        ("levels", 1, 5, true),
        ("levels", 8, 8 * 300, true),
    ];
    for (kind, file, at, is_derived) in places {
        let path = &files(&dir, kind)[file];
        flip(path, at);
        let found = findings(&dir);
        let name = if is_derived {
            format!("levels/{}", path.file_name().unwrap().display())
        } else {
            path.display().to_string()
        };
        assert!(found.iter().any(|finding| finding.place.starts_with(&name)), "{kind} {file} {at}: {found:?}");
        assert!(found.iter().all(|finding| finding.is_derived == is_derived), "{kind} {file} {at}: {found:?}");
        flip(path, at);
    }
    assert_eq!(findings(&dir), []);
}

#[test]
fn a_body_under_a_name_that_is_not_its_own_is_found() {
    let (dir, _keep) = filled();
    let store = super::super::open(&dir, &vault_key(), randomness(), &small()).unwrap();
    store.bodies.put(&[(Digest([1; 32]), b"jwt~a~")]).unwrap();
    drop(store);
    let found = findings(&dir);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].problem, "the JWT does not hash to the body's name");
}

#[test]
fn rebuilding_mends_what_is_derived_and_gives_the_same_bytes() {
    let (dir, _keep) = filled();
    let rows = || files(&dir, "levels").iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
    let before = rows();
    flip(&dir.join("levels/0"), 32 * 3);
    flip(&dir.join("levels/offsets"), 8 * 100);
    let store = fsck::rebuild(&dir, &vault_key(), randomness(), &small()).unwrap();
    assert_eq!(store.projections.applied().unwrap(), 0);
    for n in 0..20 {
        assert!(store.bodies.get(&Digest(sha256(&[n; 9_000]))).unwrap().is_some());
    }
    drop(store);
    assert!(rows() == before);
    assert_eq!(findings(&dir), []);
}

#[test]
fn rebuilding_does_not_hide_a_loss() {
    let (dir, _keep) = filled();
    fs::remove_file(files(&dir, "log").pop().unwrap()).unwrap();
    let found = findings(&dir);
    assert!(found.iter().any(|finding| finding.problem.contains("hashes of 340 were derived")), "{found:?}");
    let result = fsck::rebuild(&dir, &vault_key(), randomness(), &small());
    assert!(matches!(result.err(), Some(Error::RolledBack { mark: 340, .. })));
}

#[test]
fn a_folder_in_use_is_not_checked() {
    let (_store, keep) = new_store();
    let result = fsck::check(&keep.path().join("hub"), &vault_key(), randomness(), &mut |_| {});
    assert!(matches!(result, Err(Error::InUse(_))));
}
