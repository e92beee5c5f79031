//! The bytes on the disk, which must never change: golden vectors in `tests/vectors/store/`.

use std::sync::atomic::{AtomicU8, Ordering};

use super::{sim_disk::SimDisk, *};
use crate::{
    domain::id::Digest,
    sign,
    store::{Bodies, Change, Openings as _, conformance, embedded::segment::HEADER_LEN, memory},
};

/// Randomness that is none: a byte counts the calls.
#[derive(Default)]
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), sign::Error> {
        out.fill(self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

/// A file's header block and its frames with what belongs to them, each without the zeros behind it, in hexadecimal.
fn header_and_rest(disk: &SimDisk, path: &str) -> String {
    let file = disk.open(Path::new(path)).unwrap();
    let bytes = disk::read(&*file, 0, file.len().unwrap() as usize).unwrap();
    let (header, rest) = bytes.split_at(HEADER_LEN as usize);
    let trimmed = |bytes: &[u8]| {
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        hex::encode(&bytes[..end])
    };
    format!("{}\n{}\n", trimmed(header), trimmed(rest))
}

#[test]
fn segment_files_have_their_lasting_bytes() {
    let (disk, dir) = (SimDisk::default(), Path::new("/hub"));
    let vault = Vault { key: vault_key(), random: Arc::new(Counting::default()) };
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    create_files(&shared, dir, &vault, MIN_SEGMENT_SIZE).unwrap();
    let bodies_dir = dir.join(bodies::DIR);
    let bodies =
        SealedBodies::open(&shared, &bodies_dir, &vault, MIN_SEGMENT_SIZE, memory::MemoryTable::default()).unwrap();
    bodies.put(&[(Digest([1; 32]), b"jwt~disclosure~"), (Digest([2; 32]), b"")]).unwrap();
    let mut writer = recovery::open(&shared, dir, &vault, MIN_SEGMENT_SIZE, None).unwrap();
    for lens in [&[9, 12][..], &[10]] {
        let before = writer.end.frontier.clone();
        writer.append(before.size(), &conformance::batch_of(&before, lens)).unwrap();
    }
    let eraser = Eraser::open(&shared, dir, &vault, Arc::clone(&writer.shared)).unwrap();
    let log = header_and_rest(&disk, "/hub/log/00000000000000000000.log");
    assert_eq!(log, include_str!("../../../../tests/vectors/store/log.hex"));
    let openings = header_and_rest(&disk, "/hub/openings/0000000000.openings");
    assert_eq!(openings, include_str!("../../../../tests/vectors/store/openings.hex"));
    let bodies = header_and_rest(&disk, "/hub/bodies/0000000000.bodies");
    assert_eq!(bodies, include_str!("../../../../tests/vectors/store/bodies.hex"));
    eraser.erase(&[Slot { index: 1, position: 0 }], b"account").unwrap();
    let file = disk.open(Path::new("/hub/openings/erasure")).unwrap();
    let erasure = hex::encode(disk::read(&*file, 0, file.len().unwrap() as usize).unwrap()) + "\n";
    assert_eq!(erasure, include_str!("../../../../tests/vectors/store/erasure.hex"));
}

#[test]
fn rows_of_the_index_have_their_lasting_bytes() {
    let (store, _keep) = new_store();
    let actor = "spiffe://gov.example/department/11100000000013338W/system/registry".parse().unwrap();
    let row = crate::store::RequestRow { index: 513, payload_sha256: Digest([0xAB; 32]) };
    let changes = [
        Change::Rule { index: 258 },
        Change::Request { actor, request_id: crate::domain::id::RequestId([0xCD; 16]), row },
        Change::Record(Box::new(conformance::record_row(1, 1, 50))),
        Change::Quota {
            agreement_id: "agreement-1".parse().unwrap(),
            day: crate::domain::time::Date::constant(2026, 3, 1),
            minute: crate::domain::time::Time::from_millis(1_772_416_800_000),
            asked: 3,
        },
    ];
    store.projections.apply(514, &changes).unwrap();
    let rows = store.projections.dump().unwrap();
    let rows: String =
        rows.iter().map(|(key, value)| format!("{} {}\n", hex::encode(key), hex::encode(value))).collect();
    assert_eq!(rows, include_str!("../../../../tests/vectors/store/rows.hex"));
}
