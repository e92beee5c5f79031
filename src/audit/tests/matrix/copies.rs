//! Copies that rotted or were falsified, and logs that do not continue what others saw of them.

use std::{fs, sync::OnceLock};

use super::{
    super::{
        hub::seal,
        witnessed::{cosigned, policy},
    },
    Finder, Folder, Hub, Row, Staged, Trust, checked, copied, found, log_signer,
    statements::rewrite_genesis,
    verified_by,
};
use crate::tlog::{Checkpoint, Frontier, Hash, Note, leaf_hash};

/// A log of two full bundles and a partial one.
fn long() -> &'static Hub {
    static LONG: OnceLock<Hub> = OnceLock::new();
    LONG.get_or_init(|| {
        let mut hub = Hub::running();
        while hub.size() < 600 {
            hub.query(&["NAME"], &[1]);
        }
        hub
    })
}

/// Where an entry's own bytes begin in its bundle.
fn offset_of(index: usize) -> usize {
    long().entries[index / 256 * 256..index].iter().map(|entry| entry.len() + 2).sum::<usize>() + 2
}

/// A copy of the long log with one of its files rewritten; `None` takes the file away.
fn file(
    name: impl Into<String>,
    file: &'static str,
    at: Vec<Option<u64>>,
    codes: &'static [&'static str],
    rewrite: impl FnOnce(Vec<u8>) -> Option<Vec<u8>> + 'static,
) -> Row {
    Row::new(name, Finder::Copy, codes, move || {
        let (_temporary, folder) = copied(long());
        let path = folder.path().join(file);
        match rewrite(fs::read(&path).unwrap()) {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        Staged { at, found: checked(&folder) }
    })
}

/// One bit of a file flipped.
fn flip(name: &'static str, offset: usize, at: Option<u64>, codes: &'static [&'static str]) -> Row {
    file(format!("a bit flipped in {name} at {offset}"), name, vec![at], codes, move |mut bytes| {
        bytes[offset] ^= 1;
        Some(bytes)
    })
}

fn checkpoint_of(entries: &[Vec<u8>]) -> Checkpoint {
    let mut frontier = Frontier::new();
    entries.iter().for_each(|entry| frontier.append(leaf_hash(entry)).unwrap());
    let note = Note::parse(seal(&log_signer(7), &frontier).to_string().as_bytes()).unwrap();
    Checkpoint::open(&note, &log_signer(7).verifier()).unwrap()
}

/// A log against a checkpoint that its key signed, and somebody kept.
fn known(
    name: &'static str,
    codes: &'static [&'static str],
    tamper: impl FnOnce(&mut Hub) -> Checkpoint + 'static,
) -> Row {
    Row::new(name, Finder::Others, codes, move || {
        let mut hub = Hub::running();
        for _ in 0..9 {
            hub.query(&["NAME"], &[1]);
        }
        let known = tamper(&mut hub);
        let (_temporary, folder) = copied(&hub);
        let trust = Trust { known: vec![known], ..Trust::in_key(log_signer(7).verifier()) };
        Staged::at(None, codes.len(), found(&verified_by(&folder, &trust)))
    })
}

/// A copy's checkpoint against the witnesses that its reader trusts.
fn witnessed(name: &'static str, codes: &'static [&'static str], cosign: impl FnOnce(&Folder) + 'static) -> Row {
    Row::new(name, Finder::Others, codes, move || {
        let (_temporary, folder) = copied(&Hub::running());
        cosign(&folder);
        Staged::at(None, codes.len(), found(&verified_by(&folder, &policy("two"))))
    })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = rotted();
    rows.extend(falsified());
    rows.extend(seen_by_others());
    rows
}

fn rotted() -> Vec<Row> {
    let bundle = "tile/entries/001";
    vec![
        flip("tile/entries/000", offset_of(255) + 40, Some(255), &["LEAF_HASH"]),
        flip("tile/entries/002.p/88", offset_of(599) + 9, Some(599), &["LEAF_HASH"]),
        flip("tile/0/000", 32 * 7 + 3, Some(7), &["TILE_HASH"]),
        flip("tile/0/002.p/88", 32 * 5, Some(517), &["TILE_HASH"]),
        flip("tile/1/000.p/2", 32, Some(256), &["TILE_HASH"]),
        flip("checkpoint", 0, None, &["CHECKPOINT_SIGNATURE"]),
        flip("checkpoint", 110, None, &["CHECKPOINT_SIGNATURE"]),
        file("a full bundle lost", bundle, vec![Some(256)], &["BUNDLE_MALFORMED"], |_| None),
        file("the last bundle lost", "tile/entries/002.p/88", vec![Some(512)], &["BUNDLE_MALFORMED"], |_| None),
        file("a tile of leaf hashes lost", "tile/0/000", vec![Some(0)], &["TILE_MALFORMED"], |_| None),
        file("a tile above the leaves lost", "tile/1/000.p/2", vec![Some(0)], &["TILE_MALFORMED"], |_| None),
        file("the checkpoint lost", "checkpoint", vec![None], &["CHECKPOINT_MALFORMED"], |_| None),
        file("a bundle cut by a byte", bundle, vec![Some(511)], &["BUNDLE_MALFORMED"], cut),
        file("a tile of leaf hashes cut by a byte", "tile/0/001", vec![Some(256)], &["TILE_MALFORMED"], cut),
        file("a tile above the leaves cut by a byte", "tile/1/000.p/2", vec![Some(0)], &["TILE_MALFORMED"], cut),
    ]
}

fn cut(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    bytes.pop();
    Some(bytes)
}

fn falsified() -> Vec<Row> {
    let swap = |mut bytes: Vec<u8>| {
        let (first, second, end) = (offset_of(300) - 2, offset_of(301) - 2, offset_of(302) - 2);
        bytes[first..end].rotate_left(second - first);
        Some(bytes)
    };
    let replay = |bytes: Vec<u8>| {
        let (first, second, end) = (offset_of(300) - 2, offset_of(301) - 2, offset_of(302) - 2);
        Some([&bytes[..second], &bytes[first..second], &bytes[end..]].concat())
    };
    vec![
        file(
            "two entries swapped in a bundle",
            "tile/entries/001",
            vec![Some(300), Some(301)],
            &["LEAF_HASH"; 2],
            swap,
        ),
        file("an entry put in another's place", "tile/entries/001", vec![Some(301)], &["LEAF_HASH"], replay),
        file(
            "an entry appended behind the checkpoint",
            "tile/entries/002.p/88",
            vec![Some(600)],
            &["BUNDLE_MALFORMED"],
            |bytes| {
                let entry = &long().entries[599];
                Some([&bytes[..], &(entry.len() as u16).to_be_bytes(), entry].concat())
            },
        ),
        file(
            "two leaf hashes swapped in a tile",
            "tile/0/001",
            vec![Some(256 + 3), Some(256 + 4)],
            &["TILE_HASH"; 2],
            |mut bytes| {
                bytes[96..160].rotate_left(32);
                Some(bytes)
            },
        ),
        file("the checkpoint signed by another key", "checkpoint", vec![None], &["CHECKPOINT_SIGNATURE"], |bytes| {
            let text = Note::parse(&bytes).unwrap().text().to_owned();
            Some(Note::sign(&text, &[&log_signer(8)]).unwrap().to_string().into_bytes())
        }),
        file(
            "a root that the entries do not have, signed with the log's key",
            "checkpoint",
            vec![None],
            &["ROOT_MISMATCH"],
            |_| {
                let (signer, size) = (log_signer(7), long().size());
                let lie = Checkpoint { origin: signer.vkey().name().clone(), size, root: Hash::from([9; 32]) };
                Some(lie.sign(&signer).unwrap().to_string().into_bytes())
            },
        ),
    ]
}

fn seen_by_others() -> Vec<Row> {
    vec![
        known("the tail rolled back, and the rest sealed again", &["LOG_TRUNCATED"], |hub| {
            let known = checkpoint_of(&hub.entries);
            hub.entries.truncate(hub.entries.len() - 3);
            known
        }),
        known("another history from some entry on, sealed with the same key", &["LOG_FORKED"], |hub| {
            let known = checkpoint_of(&hub.entries);
            hub.entries.truncate(hub.entries.len() - 3);
            for _ in 0..5 {
                hub.query(&["STATUS"], &[2]);
            }
            known
        }),
        known("an honest entry dropped that nothing later rests on", &["LOG_FORKED"], |hub| {
            let known = checkpoint_of(&hub.entries);
            hub.entries.remove(hub.entries.len() - 5);
            hub.query(&["NAME"], &[1]);
            known
        }),
        Row::new("other rules in force at genesis", Finder::Others, &["GENESIS_FOREIGN"], || {
            let mut hub = Hub::running();
            let genesis = Some(leaf_hash(&hub.entries[0]));
            rewrite_genesis(&mut hub, |genesis| genesis.policy.clock_skew_seconds += 1);
            let (_temporary, folder) = copied(&hub);
            let trust = Trust { genesis, ..Trust::in_key(log_signer(7).verifier()) };
            Staged::at(0, 1, found(&verified_by(&folder, &trust)))
        }),
        witnessed("a checkpoint that too few witnesses cosigned", &["QUORUM_MISSED"], |folder| {
            cosigned(folder, &[("city", 21)]);
        }),
        witnessed("a cosignature forged under a witness's name", &["COSIGNATURE_FALSE"], |folder| {
            let note = cosigned(folder, &[("court", 20), ("city", 21), ("office", 22)]).to_string();
            // Of the office's only the time is changed: its last bits are in the 16th character.
            let (before, signature) = note.rsplit_once(' ').unwrap();
            let other = if signature.as_bytes()[15] == b'A' { "B" } else { "A" };
            let forged = format!("{before} {}{other}{}", &signature[..15], &signature[16..]);
            fs::write(folder.path().join("checkpoint"), forged).unwrap();
        }),
    ]
}
