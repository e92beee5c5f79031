//! Copies that rotted in more than one place, or in what says where things are; the [matrix](super::matrix) has one rotten file after another.

use std::fs;

use super::{
    Error, Folder, Options, Trust, copied, found,
    hub::{Hub, log_signer},
    verified, verified_by, verify,
};

/// A log of two full bundles and a partial one.
fn long() -> Hub {
    let mut hub = Hub::running();
    while hub.size() < 600 {
        hub.query(&["NAME"], &[1]);
    }
    hub
}

fn flip(folder: &Folder, name: &str, offset: usize) {
    let path = folder.path().join(name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[offset] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Where an entry's own bytes begin in its bundle.
fn offset_of(hub: &Hub, index: usize) -> usize {
    hub.entries[index / 256 * 256..index].iter().map(|entry| entry.len() + 2).sum::<usize>() + 2
}

#[test]
fn changed_length_is_found_at_the_first_entry_that_it_hides() {
    let hub = long();
    let (_temporary, folder) = copied(&hub);
    flip(&folder, "tile/entries/001", offset_of(&hub, 300) - 2);
    let findings = found(&verified(&folder));
    assert_eq!(findings.first(), Some(&(Some(300), "LEAF_HASH".to_owned())), "{findings:?}");
}

/// Two faults in two bundles are two findings: verification goes on after the first.
#[test]
fn every_fault_is_listed() {
    let hub = long();
    let (_temporary, folder) = copied(&hub);
    flip(&folder, "tile/entries/001", offset_of(&hub, 300) + 100);
    flip(&folder, "tile/0/000", 32 * 7);
    flip(&folder, "tile/entries/000", offset_of(&hub, 20) + 50);
    let report = verified(&folder);
    assert!(report.notes.iter().any(|note| note.contains("entry 7 could not be followed")), "{report}");
    let codes: Vec<_> = found(&report);
    assert!(codes.contains(&(Some(300), "LEAF_HASH".to_owned())), "{codes:?}");
    assert!(codes.contains(&(Some(20), "LEAF_HASH".to_owned())), "{codes:?}");
    assert!(codes.iter().any(|(index, _)| *index == Some(7)), "{codes:?}");
}

#[test]
fn wrong_key_and_empty_folder_are_told_apart_from_a_good_log() {
    let hub = long();
    let (_temporary, folder) = copied(&hub);
    let trust = Trust::in_key(log_signer(8).verifier());
    assert_eq!(found(&verified_by(&folder, &trust)), [(None, "CHECKPOINT_SIGNATURE".to_owned())]);

    let empty = tempfile::TempDir::new().unwrap();
    let error = verify(&Folder::new(empty.path()), &trust, &Options::default(), &mut ()).unwrap_err();
    assert!(matches!(error, Error::NoLog(_)), "{error}");
}

/// A checkpoint that claims more than can be is answered in no time.
#[test]
fn absurd_size_ends() {
    let hub = long();
    let (_temporary, folder) = copied(&hub);
    let path = folder.path().join("checkpoint");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\n600\n", "\n9000000000000000000\n", 1)).unwrap();
    let findings = found(&verified(&folder));
    assert_eq!(findings.first(), Some(&(None, "CHECKPOINT_SIGNATURE".to_owned())));
}
