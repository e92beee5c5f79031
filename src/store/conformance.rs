//! The conformance suite: what every engine must do, whatever it keeps things in.
//!
//! [`suite!`] makes one test of each function here for an engine; the function gets a fresh, empty store.

use std::{collections::BTreeMap, sync::Arc, thread};

use proptest::{prelude::*, test_runner::TestRunner};

use super::*;
use crate::{
    domain::{
        decide::Usage,
        id::{DomainName, KeyId},
        record::{RecordStatus, Validity},
        time::{Time, date_of_days},
    },
    tlog::{HashReader, leaf_hash, prove_inclusion, verify_inclusion},
};

/// Makes the suite's tests for an engine: `suite!(expression that gives a store and what must outlive it)`.
macro_rules! suite {
    ($open:expr) => {
        $crate::store::conformance::suite!(@tests $open;
            batches_become_readable_in_order, appending_to_another_size_is_a_conflict,
            batches_that_do_not_hold_together_are_refused, entries_come_in_runs_of_bounded_bytes,
            hashes_prove_every_entry, openings_stay_with_their_entries_until_erased,
            bodies_are_kept_under_their_names_and_the_first_stays, bodies_put_at_once_by_many_are_all_kept,
            projections_answer_what_was_applied, projections_keep_what_replaced_a_record_over_its_versions, projections_move_a_record_to_its_new_holder,
            projections_do_not_depend_on_how_changes_were_divided);
    };
    (@tests $open:expr; $($name:ident),*) => {
        $(#[test]
        fn $name() {
            let (store, _keep) = $open;
            $crate::store::conformance::$name(store);
        })*
    };
}
pub(super) use suite;

/// An entry of `len` bytes that no other index has.
pub(super) fn entry(index: u64, len: usize) -> Vec<u8> {
    format!("entry {index} ").into_bytes().into_iter().cycle().take(len).collect()
}

/// A batch over `before`, its checkpoint with a signature that only looks like one.
pub(super) fn batch(before: &Frontier, entries: Vec<Vec<u8>>, openings: Vec<Vec<Vec<u8>>>) -> Batch {
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let frontier = BatchTree::new(before, leaves.clone()).unwrap().frontier();
    let checkpoint = format!("log.example\n{}\n{}\n\n— log.example AAAAAAAA\n", frontier.size(), frontier.root());
    Batch { entries, leaves, openings, frontier, checkpoint }
}

/// A batch of entries of these lengths; every entry with an odd index has as many openings as its index has digits.
pub(super) fn batch_of(before: &Frontier, lens: &[usize]) -> Batch {
    let indexes = before.size()..before.size() + lens.len() as u64;
    let entries = indexes.clone().zip(lens).map(|(index, len)| entry(index, *len)).collect();
    batch(before, entries, indexes.map(openings_of).collect())
}

/// The openings that [`batch_of`] gives an entry.
pub(super) fn openings_of(index: u64) -> Vec<Vec<u8>> {
    let count = if index % 2 == 1 { index.to_string().len() } else { 0 };
    (0..count).map(|n| format!("opening {n} of {index}").into_bytes()).collect()
}

fn append(store: &mut Store, lens: &[usize]) -> Batch {
    let before = store.log.tail().map_or_else(Frontier::new, |tail| tail.frontier);
    let batch = batch_of(&before, lens);
    store.log.append(before.size(), &batch).unwrap();
    batch
}

/// Everything from `start` on, run after run.
fn read_all(reader: &dyn LogReader, start: u64, max_bytes: usize) -> Vec<Vec<u8>> {
    let end = reader.tail().unwrap().frontier.size();
    let mut entries = Vec::new();
    while start + (entries.len() as u64) < end {
        entries.extend(reader.entries(start + entries.len() as u64, end, max_bytes).unwrap());
    }
    entries
}

pub(super) fn batches_become_readable_in_order(mut store: Store) {
    assert!(store.log.tail().is_none() && store.reader.tail().is_none());
    assert!(store.reader.entries(0, 10, 100).unwrap().is_empty());
    let mut expected = Vec::new();
    for lens in [vec![10], vec![0, 1, 65_535], vec![300; 300], vec![7]] {
        let batch = append(&mut store, &lens);
        expected.extend(batch.entries.clone());
        for tail in [store.log.tail().unwrap(), store.reader.tail().unwrap()] {
            assert_eq!((tail.frontier, tail.checkpoint), (batch.frontier.clone(), batch.checkpoint.clone()));
        }
        assert_eq!(read_all(&*store.reader, 0, 1 << 20), expected);
    }
    assert!(store.reader.entries(expected.len() as u64, u64::MAX, 100).unwrap().is_empty());
}

pub(super) fn appending_to_another_size_is_a_conflict(mut store: Store) {
    let batch = append(&mut store, &[5, 5]);
    for expected in [0, 1, 3] {
        let next = batch_of(&batch.frontier, &[5]);
        match store.log.append(expected, &next) {
            Err(Error::Conflict { expected: said, found: 2 }) => assert_eq!(said, expected),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.reader.tail().unwrap().frontier.size(), 2);
    append(&mut store, &[5]);
}

pub(super) fn batches_that_do_not_hold_together_are_refused(mut store: Store) {
    let before = append(&mut store, &[5]).frontier;
    let good = batch_of(&before, &[5, 6]);
    let spoil: [fn(&mut Batch); 8] = [
        |batch| batch.entries.clear(),
        |batch| batch.leaves.truncate(1),
        |batch| drop(batch.openings.pop()),
        |batch| batch.entries[1] = vec![0; 65_536],
        |batch| batch.frontier = Frontier::new(),
        |batch| batch.leaves.swap(0, 1),
        |batch| batch.checkpoint = batch.checkpoint.replacen("\n3\n", "\n4\n", 1),
        |batch| batch.checkpoint.push_str(&"x".repeat(MAX_CHECKPOINT_LEN)),
    ];
    for (case, spoil) in spoil.iter().enumerate() {
        let mut batch = good.clone();
        spoil(&mut batch);
        assert!(matches!(store.log.append(1, &batch), Err(Error::Malformed(_))), "case {case}");
    }
    store.log.append(1, &good).unwrap();
}

pub(super) fn entries_come_in_runs_of_bounded_bytes(mut store: Store) {
    append(&mut store, &[100, 100, 100]);
    append(&mut store, &[100, 5_000, 100]);
    let lens = |start, end, max_bytes| {
        let run = store.reader.entries(start, end, max_bytes).unwrap();
        run.iter().map(Vec::len).collect::<Vec<_>>()
    };
    assert_eq!(lens(0, 6, 0), [100], "at least one");
    assert_eq!(lens(0, 6, 250), [100, 100]);
    assert_eq!(lens(0, 6, 400), [100, 100, 100, 100], "across batches");
    assert_eq!(lens(0, 2, 400), [100, 100], "not beyond the end asked for");
    assert_eq!(lens(4, 6, 100), [5_000], "at least one, however long");
    assert_eq!(lens(3, 6, usize::MAX), [100, 5_000, 100]);
    assert_eq!(lens(3, 3, 100), [0; 0]);
}

/// Hashes as `tlog` wants to read them.
struct Hashes<'a>(&'a dyn LogReader);

#[derive(Debug)]
struct HashesError;

impl From<crate::tlog::Error> for HashesError {
    fn from(_: crate::tlog::Error) -> Self {
        Self
    }
}

impl HashReader for Hashes<'_> {
    type Error = HashesError;

    fn read(&self, level: u8, range: std::ops::Range<u64>) -> Result<Vec<Hash>, HashesError> {
        self.0.hashes(level, range).map_err(|_| HashesError)
    }
}

pub(super) fn hashes_prove_every_entry(mut store: Store) {
    for lens in [vec![3; 200], vec![3; 56], vec![3; 1], vec![3; 700]] {
        append(&mut store, &lens);
    }
    let frontier = store.reader.tail().unwrap().frontier;
    for index in [0, 1, 199, 200, 255, 256, 257, 511, 512, 956] {
        let proof = prove_inclusion(&Hashes(&*store.reader), index, frontier.size()).unwrap();
        let leaf = leaf_hash(&entry(index, 3));
        verify_inclusion(&leaf, index, frontier.size(), &frontier.root(), &proof).unwrap();
    }
    assert_eq!(store.reader.hashes(1, 0..3).unwrap().len(), 3);
    for (level, range) in [(0, 956..958), (1, 0..4), (1, 3..4), (2, 0..1), (200, 0..1)] {
        assert!(store.reader.hashes(level, range.clone()).is_err(), "level {level} {range:?}");
    }
}

/// The openings of an entry, with their slots.
fn slots_of(index: u64) -> Vec<(Slot, Vec<u8>)> {
    (0..).zip(openings_of(index)).map(|(position, opening)| (Slot { index, position }, opening)).collect()
}

/// All openings kept from an entry on.
fn all_kept(store: &Store, from: u64) -> Vec<(Slot, Vec<u8>)> {
    let size = store.reader.tail().unwrap().frontier.size();
    let (mut next, mut found) = (from, Vec::new());
    while next < size {
        let kept = store.openings.kept(next).unwrap();
        assert!(kept.next > next);
        found.extend(kept.openings);
        next = kept.next;
    }
    found
}

pub(super) fn openings_stay_with_their_entries_until_erased(mut store: Store) {
    append(&mut store, &[3; 15]);
    append(&mut store, &[3]);
    append(&mut store, &[3; 4]);
    for index in 0..20 {
        assert_eq!(store.reader.openings(index).unwrap(), openings_of(index), "entry {index}");
    }
    assert_eq!(store.openings.account(), b"");
    let whole: Vec<_> = (0..20).flat_map(slots_of).collect();
    assert_eq!(all_kept(&store, 0), whole);
    assert_eq!(all_kept(&store, 7), (7..20).flat_map(slots_of).collect::<Vec<_>>());

    let several = (0..20).find(|index| openings_of(*index).len() > 1).unwrap();
    let erased = [Slot { index: 13, position: 0 }, Slot { index: several, position: 1 }];
    let nowhere = [Slot { index: 2, position: 90 }, Slot { index: 99, position: 0 }];
    store.openings.erase(&[&erased[..], &nowhere].concat(), b"two").unwrap();
    store.openings.erase(&erased, b"two again").unwrap();
    assert_eq!(store.openings.account(), b"two again");
    let left: Vec<_> = whole.into_iter().filter(|(slot, _)| !erased.contains(slot)).collect();
    assert_eq!(all_kept(&store, 0), left);
    for index in 0..20 {
        let of_entry = left.iter().filter(|(slot, _)| slot.index == index);
        let expected: Vec<_> = of_entry.map(|(_, opening)| opening.clone()).collect();
        assert_eq!(store.reader.openings(index).unwrap(), expected, "entry {index}");
    }
    store.openings.erase(&[], b"").unwrap();
    assert_eq!(store.openings.account(), b"");
    assert!(store.openings.kept(20).is_err(), "no such entry");
    // Of any length, also empty.
    let before = store.log.tail().unwrap().frontier;
    let openings = vec![vec![vec![], vec![7; 223], vec![7; 224], vec![7; 225], vec![7; 70_000]]];
    store.log.append(20, &batch(&before, vec![vec![]], openings.clone())).unwrap();
    assert_eq!(store.reader.openings(20).unwrap(), openings[0]);
}

pub(super) fn bodies_are_kept_under_their_names_and_the_first_stays(store: Store) {
    let name = |n: u8| Digest([n; 32]);
    store.bodies.put(&[(name(1), b"one"), (name(2), &[2; 200_000]), (name(1), b"not this one")]).unwrap();
    store.bodies.put(&[(name(1), b"nor this"), (name(3), b"")]).unwrap();
    store.bodies.put(&[]).unwrap();
    assert_eq!(store.bodies.get(&name(1)).unwrap().unwrap(), b"one");
    assert_eq!(store.bodies.get(&name(2)).unwrap().unwrap(), [2; 200_000]);
    assert_eq!(store.bodies.get(&name(3)).unwrap().unwrap(), b"");
    assert_eq!(store.bodies.get(&name(4)).unwrap(), None);
}

pub(super) fn bodies_put_at_once_by_many_are_all_kept(store: Store) {
    let threads: Vec<_> = (0u8..8)
        .map(|n| {
            let bodies = Arc::clone(&store.bodies);
            thread::spawn(move || {
                for m in 0u8..8 {
                    // Half of the names are everybody's.
                    let name = if m % 2 == 0 { Digest([m; 32]) } else { Digest([100 + n * 8 + m; 32]) };
                    bodies.put(&[(name, &[n, m])]).unwrap();
                    let kept = bodies.get(&name).unwrap().unwrap();
                    assert!(kept == [n, m] || (m % 2 == 0 && kept[1] == m));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn actor(name: &str) -> SystemId {
    let domain: DomainName = "gov.example".parse().unwrap();
    SystemId::new(&domain, &"11100000000013338W".parse().unwrap(), name).unwrap()
}

/// A row of the record `handle`.
pub(super) fn record_row(handle: u8, version: u32, holder: u8) -> RecordRow {
    RecordRow {
        head: RecordHead {
            handle: Handle([handle; 32]),
            version,
            resource_version: 2,
            status: [RecordStatus::Active, RecordStatus::Revoked][version as usize % 2],
            validity: Validity { from: Some(date_of_days(20_000)), until: None },
            jwt_sha256: Digest([version as u8; 32]),
            source_digest: Digest([version as u8 + 1; 32]),
            publication_index: 77,
            published_at: Time::from_millis(1_700_000_000_123).unwrap(),
            issuer_key: KeyId([9; 32]),
            successor: None,
            copy: None,
        },
        record_key: BlindKey([handle + 100; 32]),
        holder_keys: vec![BlindKey([holder; 32])],
    }
}

/// The first minute of a day.
fn minute(day: i64) -> Time {
    Time::start_of(date_of_days(day), 0)
}

fn quota(agreement: &str, day: i64, asked: u64) -> Change {
    Change::Quota { agreement_id: agreement.parse().unwrap(), day: date_of_days(day), minute: Some(minute(day)), asked }
}

pub(super) fn projections_answer_what_was_applied(store: Store) {
    let projections = &*store.projections;
    assert_eq!(projections.applied().unwrap(), 0);
    assert!(projections.rule_entries().unwrap().is_empty());
    let (id, row) = (RequestId([5; 16]), RequestRow { index: 300, payload_sha256: Digest([6; 32]) });
    let changes = [
        Change::Rule { index: 256 },
        Change::Rule { index: 2 },
        Change::Request { actor: actor("a"), request_id: id, row },
        Change::Record(Box::new(record_row(1, 1, 50))),
        Change::Record(Box::new(record_row(2, 1, 50))),
        quota("a", 20_000, 3),
        quota("a", 20_000, 4),
        quota("a", 20_001, 9),
        quota("ab", 20_000, 9),
    ];
    projections.apply(301, &changes).unwrap();
    projections.flush().unwrap();
    assert_eq!(projections.applied().unwrap(), 301);
    assert_eq!(projections.rule_entries().unwrap(), [2, 256]);
    assert_eq!(projections.request(&actor("a"), &id).unwrap(), Some(row));
    assert_eq!(projections.request(&actor("b"), &id).unwrap(), None);
    assert_eq!(projections.request(&actor("a"), &RequestId([6; 16])).unwrap(), None);
    assert_eq!(projections.record(&Handle([1; 32])).unwrap(), Some(record_row(1, 1, 50)));
    assert_eq!(projections.record(&Handle([3; 32])).unwrap(), None);
    assert_eq!(projections.records_of_slice(1).unwrap(), [record_row(1, 1, 50)]);
    assert_eq!(projections.records_of_slice(3).unwrap(), []);
    assert_eq!(projections.by_record_key(&BlindKey([101; 32])).unwrap(), Some(Handle([1; 32])));
    assert_eq!(projections.by_record_key(&BlindKey([50; 32])).unwrap(), None);
    let both = [Handle([1; 32]), Handle([2; 32])];
    assert_eq!(projections.by_holder_key(&BlindKey([50; 32]), 9).unwrap(), both);
    assert_eq!(projections.by_holder_key(&BlindKey([50; 32]), 1).unwrap(), both[..1]);
    let usage = |agreement: &str, day| projections.usage(&agreement.parse().unwrap(), date_of_days(day)).unwrap();
    assert_eq!(usage("a", 20_000), Usage { day: 7, minute_began: minute(20_000), minute: 7 });
    assert_eq!(usage("a", 20_001).day, 9);
    assert_eq!(usage("b", 20_000), Usage::NONE);
    projections.apply(302, &[quota("a", 20_000, 1)]).unwrap();
    assert_eq!(usage("a", 20_000), Usage { day: 8, minute_began: minute(20_000), minute: 8 });
    let later = minute(20_000).plus_seconds(60);
    let change =
        Change::Quota { agreement_id: "a".parse().unwrap(), day: date_of_days(20_000), minute: Some(later), asked: 2 };
    projections.apply(303, &[change]).unwrap();
    assert_eq!(
        usage("a", 20_000),
        Usage { day: 10, minute_began: later, minute: 2 },
        "of minutes only the newest is kept"
    );

    projections.reset().unwrap();
    assert_eq!(projections.applied().unwrap(), 0);
    assert!(projections.dump().unwrap().is_empty());
}

pub(super) fn projections_keep_what_replaced_a_record_over_its_versions(store: Store) {
    let projections = &*store.projections;
    let (handle, first, second) = (
        Handle([1; 32]),
        Successor { handle: Handle([2; 32]), publication_index: 300 },
        Successor { handle: Handle([3; 32]), publication_index: 301 },
    );
    let found = || projections.record(&handle).unwrap().map(|row| row.head.successor);
    // After a rollover what replaced a record may come before it.
    projections.apply(1, &[Change::Replaced { handle, successor: first }]).unwrap();
    assert_eq!(found(), None);
    projections.apply(2, &[Change::Record(Box::new(record_row(1, 1, 50)))]).unwrap();
    assert_eq!(found(), Some(Some(first)));
    let later = [Change::Replaced { handle, successor: second }, Change::Record(Box::new(record_row(1, 2, 50)))];
    projections.apply(3, &later).unwrap();
    assert_eq!(found(), Some(Some(first)), "there is one successor");
    projections.reset().unwrap();
    projections.apply(1, &[Change::Record(Box::new(record_row(1, 1, 50)))]).unwrap();
    assert_eq!(found(), Some(None));
}

pub(super) fn projections_move_a_record_to_its_new_holder(store: Store) {
    let projections = &*store.projections;
    projections.apply(1, &[Change::Record(Box::new(record_row(1, 1, 50)))]).unwrap();
    let moved = [Change::Record(Box::new(record_row(1, 2, 51))), Change::Record(Box::new(record_row(1, 3, 52)))];
    projections.apply(2, &moved).unwrap();
    assert!(projections.by_holder_key(&BlindKey([50; 32]), 9).unwrap().is_empty());
    assert!(projections.by_holder_key(&BlindKey([51; 32]), 9).unwrap().is_empty());
    assert_eq!(projections.by_holder_key(&BlindKey([52; 32]), 9).unwrap(), [Handle([1; 32])]);
    assert_eq!(projections.by_record_key(&BlindKey([101; 32])).unwrap(), Some(Handle([1; 32])));
    assert_eq!(projections.record(&Handle([1; 32])).unwrap(), Some(record_row(1, 3, 52)));

    let owners = |holders: &[u8]| holders.iter().map(|holder| BlindKey([*holder; 32])).collect();
    let joint = RecordRow { holder_keys: owners(&[53, 54, 55]), ..record_row(1, 4, 52) };
    projections.apply(3, &[Change::Record(Box::new(joint.clone()))]).unwrap();
    assert_eq!(projections.record(&Handle([1; 32])).unwrap(), Some(joint));
    let left = RecordRow { holder_keys: owners(&[55, 56]), ..record_row(1, 5, 52) };
    projections.apply(4, &[Change::Record(Box::new(left))]).unwrap();
    let found = [52, 53, 54, 55, 56].map(|holder| projections.by_holder_key(&BlindKey([holder; 32]), 9).unwrap().len());
    assert_eq!(found, [0, 0, 0, 1, 1], "of several holders each finds it, and none that left");

    // A record that comes to bear another's identifier keeps it when the other is changed.
    let heir = RecordRow { record_key: BlindKey([101; 32]), ..record_row(2, 1, 52) };
    projections.apply(3, &[Change::Record(Box::new(heir))]).unwrap();
    let renamed = RecordRow { record_key: BlindKey([120; 32]), ..record_row(1, 4, 52) };
    projections.apply(4, &[Change::Record(Box::new(renamed))]).unwrap();
    assert_eq!(projections.by_record_key(&BlindKey([101; 32])).unwrap(), Some(Handle([2; 32])));
}

/// A change of any kind, from few enough names that they meet.
pub(super) fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0u64..50).prop_map(|index| Change::Rule { index }),
        (0u8..3, any::<u64>()).prop_map(|(n, index)| Change::Request {
            actor: actor(["a", "b", "c"][usize::from(n)]),
            request_id: RequestId([n; 16]),
            row: RequestRow { index, payload_sha256: Digest([n; 32]) },
        }),
        (0u8..4, 1u32..9, 0u8..4).prop_map(|(n, version, holder)| {
            let mut row = record_row(n, version, holder);
            row.head.validity.until = (version > 4).then(|| date_of_days(i64::from(version) * 1_000));
            Change::Record(Box::new(row))
        }),
        (0i64..3, 0u64..100).prop_map(|(day, asked)| quota("agreement", day, asked)),
    ]
}

pub(super) fn projections_do_not_depend_on_how_changes_were_divided(store: Store) {
    let histories = (proptest::collection::vec(any_change(), 0..40), proptest::collection::vec(1usize..9, 0..20));
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&histories, |(changes, divisions)| {
            let reference = memory::store().projections;
            for (applied, change) in (1..).zip(&changes) {
                reference.apply(applied, std::slice::from_ref(change)).unwrap();
            }
            store.projections.reset().unwrap();
            let (mut rest, mut applied) = (changes.as_slice(), 0);
            for take in divisions.into_iter().chain([usize::MAX]) {
                let (now, later) = rest.split_at(take.min(rest.len()));
                (rest, applied) = (later, applied + now.len() as u64);
                store.projections.apply(applied, now).unwrap();
            }
            let as_map = |rows: Vec<(Vec<u8>, Vec<u8>)>| rows.into_iter().collect::<BTreeMap<_, _>>();
            let (mut expected, found) = (as_map(reference.dump().unwrap()), as_map(store.projections.dump().unwrap()));
            // Nothing applied and zero applied are told apart by the row alone.
            if changes.is_empty() {
                expected = found.clone();
            }
            assert_eq!(expected, found);
            Ok(())
        })
        .unwrap();
}
