//! The power goes at any operation, or any one operation fails: what was acknowledged is there again, what was not is
//! there whole or not at all, and the folder always opens.

use super::{
    sim_disk::{Fault, SimDisk},
    *,
};
use crate::{
    domain::id::Digest,
    store::{
        Bodies, Openings as _,
        conformance::{batch_of, openings_of},
        embedded::{high_water, recovery, segment::Rest},
        memory::MemoryTable,
    },
};

const DIR: &str = "/hub";
const MARK: &str = "/elsewhere/mark";

/// A header block, then room for half a dozen batches.
const SEGMENT_SIZE: u64 = 8_192 + 6_144;

/// Lengths of the entries of each batch of the scenario: of one sector and of many; those of one entry have no openings
/// when its index is even.
const BATCHES: [&[usize]; 7] = [&[40], &[40], &[700, 300], &[1_500], &[2_500, 10, 10], &[60, 60], &[900]];

/// The batch after which the mark is written, the one after which an opening is erased, and whose.
const MARKED: usize = 2;
const ERASED: (usize, u64) = (4, 3);

/// What the scenario says of its erasure.
const ACCOUNT: &[u8] = b"one entry's";

struct Parts {
    writer: log::Writer,
    reader: log::Reader,
    openings: Eraser,
    bodies: SealedBodies<MemoryTable>,
}

fn vault() -> Vault {
    Vault { key: vault_key(), random: randomness() }
}

fn as_disk(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn new_disk() -> SimDisk {
    let disk = SimDisk::default();
    create_files(&as_disk(&disk), Path::new(DIR), &vault(), SEGMENT_SIZE).unwrap();
    disk.settle();
    disk
}

fn open_parts(disk: &SimDisk) -> Result<Parts, Error> {
    let (disk, dir) = (as_disk(disk), Path::new(DIR));
    let writer = recovery::open(&disk, dir, &vault(), SEGMENT_SIZE, Some(Path::new(MARK)))?;
    let reader = log::Reader(Arc::clone(&writer.shared));
    let openings = Eraser::open(&disk, dir, &vault(), Arc::clone(&writer.shared))?;
    let bodies = SealedBodies::open(&disk, &dir.join(bodies::DIR), &vault(), SEGMENT_SIZE, MemoryTable::default())?;
    Ok(Parts { writer, reader, openings, bodies })
}

/// What the scenario's client was told.
#[derive(Debug, Default)]
struct Ledger {
    /// Batches acknowledged.
    batches: usize,
    /// Bodies acknowledged, one a batch.
    bodies: usize,
    /// Whether the erasure was begun and whether it was acknowledged.
    erasing: bool,
    erased: bool,
}

/// The tree after so many batches of the scenario.
fn tree_after(batches: usize) -> Frontier {
    BATCHES[..batches].iter().fold(Frontier::new(), |before, lens| batch_of(&before, lens).frontier)
}

fn body(n: usize) -> (Digest, Vec<u8>) {
    (Digest([n as u8; 32]), vec![n as u8; 100 + 900 * (n % 3)])
}

/// Runs the scenario from where the ledger says until it ends or something goes wrong.
fn run(disk: &SimDisk, parts: &mut Parts, ledger: &mut Ledger) -> Result<(), Error> {
    while ledger.batches < BATCHES.len() {
        let n = ledger.batches;
        if ledger.bodies == n {
            let (name, body) = body(n);
            parts.bodies.put(&[(name, &body)])?;
            ledger.bodies += 1;
        }
        let before = parts.writer.end.frontier.clone();
        parts.writer.append(before.size(), &batch_of(&before, BATCHES[n]))?;
        ledger.batches += 1;
        if n == MARKED {
            // A mark that cannot be written holds nobody up.
            let _ = high_water::write(disk, Path::new(MARK), &parts.reader.tail().unwrap());
        }
        if n == ERASED.0 {
            ledger.erasing = true;
            let slots: Vec<_> =
                (0..openings_of(ERASED.1).len() as u32).map(|position| Slot { index: ERASED.1, position }).collect();
            parts.openings.erase(&slots, ACCOUNT)?;
            ledger.erased = true;
        }
    }
    Ok(())
}

/// Checks what is found on a disk against what was acknowledged.
fn check(disk: &SimDisk, ledger: &Ledger, case: &str) {
    let parts = open_parts(disk).unwrap_or_else(|error| panic!("{case}: {ledger:?}: {error}"));
    assert_nothing_behind_the_end(&parts, case);
    let found = parts.reader.tail().map_or_else(Frontier::new, |tail| tail.frontier);
    let batches = (0..=BATCHES.len()).find(|n| tree_after(*n) == found);
    let batches = batches.unwrap_or_else(|| panic!("{case}: no whole number of batches: {} entries", found.size()));
    let allowed = ledger.batches..=ledger.batches + 1;
    assert!(allowed.contains(&batches), "{case}: {batches} batches, {} acknowledged", ledger.batches);
    let entries = parts.reader.entries(0, found.size(), usize::MAX).unwrap();
    let mut before = Frontier::new();
    for lens in &BATCHES[..batches] {
        let batch = batch_of(&before, lens);
        let range = before.size() as usize..batch.frontier.size() as usize;
        assert_eq!(entries[range], batch.entries, "{case}");
        before = batch.frontier;
    }
    for index in 0..found.size() {
        let openings = parts.reader.openings(index).unwrap_or_else(|error| panic!("{case}: {error}"));
        let may_be_erased = index == ERASED.1 && ledger.erasing;
        if !(may_be_erased && openings.is_empty()) {
            assert_eq!(openings, openings_of(index), "{case}: entry {index}");
            assert!(!(may_be_erased && ledger.erased), "{case}: erased openings are there again");
        }
        if index == ERASED.1 {
            let account: &[u8] = if openings.is_empty() { ACCOUNT } else { b"" };
            assert_eq!(parts.openings.account(), account, "{case}: erased and not accounted for, or the reverse");
        }
    }
    for n in 0..ledger.bodies {
        let (name, body) = body(n);
        assert_eq!(parts.bodies.get(&name).unwrap(), Some(body), "{case}: body {n}");
    }
}

/// What a cut left behind could be taken for part of what is written over it later.
fn assert_nothing_behind_the_end(parts: &Parts, case: &str) {
    let end = &parts.writer.end;
    let last = parts.writer.shared.segments.read().unwrap().last().cloned().unwrap();
    assert_eq!(last.segment.rest(end.offset).unwrap(), Rest::Blank, "{case}: log");
    assert_eq!(parts.writer.shared.openings.rest(end.openings).unwrap(), Rest::Blank, "{case}: openings");
    assert_eq!(parts.bodies.rest().unwrap(), Rest::Blank, "{case}: bodies");
}

/// Goes on with the scenario on what was found, to its end.
fn go_on(disk: &SimDisk, case: &str) {
    let mut parts = open_parts(disk).unwrap();
    let found = parts.writer.end.frontier.clone();
    let batches = (0..=BATCHES.len()).find(|n| tree_after(*n) == found).unwrap();
    let mut ledger = Ledger { batches, bodies: batches, erasing: true, erased: false };
    run(disk, &mut parts, &mut ledger).unwrap_or_else(|error| panic!("{case}: {error}"));
    drop(parts);
    let whole = Ledger { bodies: 0, erasing: true, ..ledger };
    check(disk, &whole, case);
}

/// How many operations the scenario takes.
fn operations() -> usize {
    let disk = new_disk();
    let mut parts = open_parts(&disk).unwrap();
    let before = disk.operations();
    run(&disk, &mut parts, &mut Ledger::default()).unwrap();
    disk.operations() - before
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_power_goes() {
    let mut images = 0;
    for at in 1..=operations() {
        let disk = new_disk();
        let mut parts = open_parts(&disk).unwrap();
        let mut ledger = Ledger::default();
        disk.inject(at, Fault::PowerCut);
        assert!(run(&disk, &mut parts, &mut ledger).is_err() || ledger.batches == BATCHES.len());
        for (n, image) in disk.after_power_cut(at as u64).into_iter().enumerate() {
            let case = format!("power cut at operation {at}, image {n}");
            images += 1;
            check(&image, &ledger, &case);
            if n % 8 == 0 {
                go_on(&image, &case);
            }
        }
    }
    assert!(images > 1_000, "{images} images are too few to mean anything");
}

#[test]
fn what_a_start_after_a_kill_shows_survives_a_power_cut_after_it() {
    for at in 1..=operations() {
        let disk = new_disk();
        let mut parts = open_parts(&disk).unwrap();
        let mut ledger = Ledger::default();
        disk.inject(at, Fault::PowerCut);
        let _ = run(&disk, &mut parts, &mut ledger);
        drop(parts);
        disk.restart();
        let parts = open_parts(&disk).unwrap();
        let found = parts.writer.end.frontier.clone();
        ledger.batches = (0..=BATCHES.len()).find(|n| tree_after(*n) == found).unwrap();
        ledger.bodies = (0..BATCHES.len()).filter(|n| parts.bodies.get(&body(*n).0).unwrap().is_some()).count();
        for (n, image) in disk.after_power_cut(at as u64).into_iter().step_by(3).enumerate() {
            check(&image, &ledger, &format!("killed at operation {at}, power cut after the start, image {n}"));
        }
    }
}

#[test]
fn a_second_power_cut_during_the_recovery_from_the_first_loses_nothing() {
    for at in (2..=operations()).step_by(5) {
        let disk = new_disk();
        let mut parts = open_parts(&disk).unwrap();
        let mut ledger = Ledger::default();
        disk.inject(at, Fault::PowerCut);
        let _ = run(&disk, &mut parts, &mut ledger);
        let images = disk.after_power_cut(at as u64);
        let Some(first) = images.get(images.len() / 2) else { continue };
        for again in 1.. {
            let disk = first.copy();
            disk.inject(again, Fault::PowerCut);
            let recovered = open_parts(&disk);
            let done = recovered.is_ok();
            let images = disk.after_power_cut(again as u64);
            drop(recovered);
            for image in images.into_iter().step_by(3) {
                check(&image, &ledger, &format!("power cut at operation {at}, again at {again} of recovery"));
            }
            if done {
                break;
            }
        }
    }
}

#[test]
fn any_failing_operation_is_survived_or_ends_in_an_unknown_outcome() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        for at in 1..=operations() {
            let case = format!("{kind} at operation {at}");
            let disk = new_disk();
            let mut parts = open_parts(&disk).unwrap();
            let mut ledger = Ledger::default();
            disk.inject(at, Fault::Fails(kind));
            match run(&disk, &mut parts, &mut ledger) {
                Ok(()) => check(&disk.copy(), &ledger, &case),
                // The process ends; what was written may be there or not.
                Err(Error::Unknown { .. }) => {
                    let again = run(&disk, &mut parts, &mut ledger).unwrap_err();
                    assert!(matches!(again, Error::Unknown { .. }), "{case}: {again}");
                    let images = disk.after_power_cut(at as u64);
                    images.iter().step_by(4).chain([&disk.copy()]).for_each(|image| check(image, &ledger, &case));
                }
                // Nothing was appended, and the same can be tried again.
                Err(error) => {
                    assert_eq!(matches!(error, Error::Full { .. }), kind == io::ErrorKind::StorageFull, "{error}");
                    run(&disk, &mut parts, &mut ledger).unwrap_or_else(|error| panic!("{case}: {error}"));
                    check(&disk.copy(), &ledger, &case);
                }
            }
        }
    }
}

#[test]
fn a_full_disk_is_refused_until_there_is_room() {
    let disk = new_disk();
    let mut parts = open_parts(&disk).unwrap();
    let before = Frontier::new();
    let wide = batch_of(&before, &[9_000]);
    for _ in 0..3 {
        // The frame fits no segment there is; the first operation that needs room is the creation's allocation.
        disk.inject(11, Fault::Fails(io::ErrorKind::StorageFull));
        match parts.writer.append(0, &wide) {
            Err(Error::Full { .. }) => assert!(parts.reader.tail().is_none()),
            other => panic!("{other:?}"),
        }
    }
    parts.writer.append(0, &wide).unwrap();
    drop(parts);
    assert_eq!(open_parts(&disk).unwrap().reader.entries(0, 1, 0).unwrap(), wide.entries);
}

/// A disk on which the batch with this number was written and not synced, and what was acknowledged before.
fn cut_in_last_write(batch: usize, file: &str) -> (SimDisk, Ledger, (PathBuf, u64, Vec<u8>)) {
    for at in 1.. {
        let disk = new_disk();
        let mut parts = open_parts(&disk).unwrap();
        let mut ledger = Ledger::default();
        disk.inject(at, Fault::PowerCut);
        let _ = run(&disk, &mut parts, &mut ledger);
        if ledger.batches == batch && ledger.bodies == batch + 1 {
            let image = disk.copy();
            let (path, at, bytes) = disk.last_write();
            if path.extension().is_some_and(|extension| extension == file) {
                return (image, ledger, (path, at, bytes));
            }
        }
    }
    unreachable!("the batch is written at some operation")
}

#[test]
fn an_end_torn_at_any_byte_is_cut() {
    // Batch 3 has no openings, so its log frame is the only thing unsynced.
    let (image, ledger, (path, at, bytes)) = cut_in_last_write(3, "log");
    for torn in 0..=bytes.len() {
        let disk = image.copy();
        let file = disk.open(&path).unwrap();
        file.write_at(&vec![0; bytes.len()], at).unwrap();
        file.write_at(&bytes[..torn], at).unwrap();
        check(&disk, &ledger, &format!("torn after {torn} of {} bytes", bytes.len()));
    }
}

#[test]
fn after_a_file_that_could_not_be_begun_nothing_goes_into_the_one_before() {
    // The file may have got its name and not been acknowledged: what then went into the one before would be lost to it.
    for at in 1..=40 {
        let disk = new_disk();
        let mut parts = open_parts(&disk).unwrap();
        let mut before = Frontier::new();
        let mut expected = Vec::new();
        for lens in [&[40][..], &[9_000], &[40]] {
            if lens == [9_000] {
                disk.inject(at, Fault::Fails(io::ErrorKind::StorageFull));
            }
            let batch = batch_of(&before, lens);
            let (name, body) = (Digest([expected.len() as u8; 32]), vec![1; lens[0]]);
            let put = parts.bodies.put(&[(name, &body)]);
            let appended = put.and_then(|()| parts.writer.append(before.size(), &batch));
            match appended {
                Ok(()) => {
                    expected.extend(batch.entries);
                    before = batch.frontier;
                }
                Err(Error::Full { .. }) => {}
                Err(Error::Unknown { .. }) => break,
                Err(error) => panic!("operation {at}: {error}"),
            }
        }
        drop(parts);
        let parts = open_parts(&disk).unwrap_or_else(|error| panic!("operation {at}: {error}"));
        let size = parts.reader.tail().map_or(0, |tail| tail.frontier.size());
        assert!(size >= before.size(), "operation {at}");
        assert_eq!(parts.reader.entries(0, before.size(), usize::MAX).unwrap(), expected, "operation {at}");
        for n in 0..expected.len() {
            assert!(parts.bodies.get(&Digest([n as u8; 32])).unwrap().is_some(), "operation {at}, body {n}");
        }
    }
}
