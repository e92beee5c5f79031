//! Tests of the embedded engine: the conformance suite on real files, and what only this engine can do wrong.

use std::os::unix::fs::FileExt;

use super::*;
use crate::sign::{Secret, SystemRandomness};

mod folder;
mod formats;
mod fsck;
mod power_cut;
mod sim_disk;

/// The vault key of all tests.
fn vault_key() -> VaultKey {
    VaultKey::new(Secret::from_bytes(&[7; 32]))
}

fn randomness() -> Arc<dyn Random> {
    Arc::new(SystemRandomness::new())
}

/// Segments so small that most tests need several.
fn small() -> Options {
    Options { segment_size: MIN_SEGMENT_SIZE, high_water_path: None }
}

/// A new store, and the folder that must outlive it.
fn new_store() -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (create(&dir.path().join("hub"), &vault_key(), randomness(), &small()).unwrap(), dir)
}

/// Changes one bit of a file.
fn flip(path: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x40], at).unwrap();
}

mod conformance {
    crate::store::conformance::suite!(super::new_store());
}
