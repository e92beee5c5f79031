//! The pure parts of a query's life, one by one: `cargo bench --bench pure`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hutong::{
    bench::city::{City, Record, released, resource},
    domain::{
        id::{Digest, Handle},
        outcome::{Outcome, QueryPermitted, RecordRelease},
        record::RecordStatus,
        time::Time,
    },
    schema::Schema,
    sign::{
        Secret, SystemRandomness,
        sd_jwt::{self, SdJwt, sd_hash},
        sealing::VaultKey,
    },
    tlog::{BatchTree, Frontier, Hash, leaf_hash},
    wire::{self, Entry},
};

mod deciding;

/// 2026-03-02 10:00 at +08:00.
const NOW: i64 = 1_772_416_800_000;

fn now() -> Time {
    Time::from_millis(NOW).unwrap()
}

fn city() -> City {
    City::without_hub().unwrap()
}

fn statements(c: &mut Criterion) {
    let city = city();
    let (statement, openings) = city.query(1, now()).unwrap();
    let (payload_type, payload) = wire::encode_statement(&statement);
    let envelope = city.consumer.sign(&statement).unwrap();
    let key = city.consumer.key.verifying_key();
    c.bench_function("statement/read", |b| {
        b.iter(|| wire::read_statement(&payload_type, black_box(&payload)).unwrap())
    });
    c.bench_function("statement/verify", |b| b.iter(|| black_box(&envelope).verify_sole(key).unwrap().len()));
    c.bench_function("opening/verify", |b| {
        let [case, ..] = openings.as_slice() else { unreachable!("the case comes first") };
        let commitment = case.commitment();
        b.iter(|| black_box(case).verify(&commitment).unwrap());
    });
}

fn entries(c: &mut Criterion) {
    let city = city();
    let (statement, _) = city.query(1, now()).unwrap();
    let release = RecordRelease {
        replaces: None,
        original: None,
        lookup: 0,
        handle: Handle([1; 32]),
        version: 1,
        status: RecordStatus::Active,
        publication_index: 7,
        jwt_sha256: Digest([2; 32]),
        fields: released().unwrap().into_iter().collect(),
        sd_hash: Some(Digest([3; 32])),
    };
    let outcome = Outcome::QueryPermitted(QueryPermitted {
        agreement_id: "a1".parse().unwrap(),
        agreement_version: 1,
        records: vec![release],
        withheld: None,
        peer_address: None,
    });
    let entry = Entry { time: now(), envelope: Some(city.consumer.sign(&statement).unwrap()), outcome, carried: None };
    let bytes = entry.encode();
    c.bench_function("entry/encode", |b| b.iter(|| black_box(&entry).encode()));
    c.bench_function("entry/decode", |b| b.iter(|| Entry::decode(black_box(&bytes)).unwrap()));
    c.bench_function("entry/leaf_hash", |b| b.iter(|| leaf_hash(black_box(&bytes))));
}

/// A batch as 64 calls in flight make it, on a log of a million entries.
fn trees(c: &mut Criterion) {
    const SIZE: u64 = 1_000_000;
    let leaves: Vec<Hash> = (0..64_u64).map(|number| leaf_hash(&number.to_be_bytes())).collect();
    let mut frontier = Frontier::default();
    (0..SIZE).for_each(|_| frontier.append(leaf_hash(b"entry")).unwrap());
    let tree = BatchTree::new(&frontier, leaves.clone()).unwrap();
    c.bench_function("tree/append 64", |b| b.iter(|| BatchTree::new(black_box(&frontier), leaves.clone()).unwrap()));
    c.bench_function("tree/prove", |b| b.iter(|| tree.prove_inclusion(black_box(SIZE + 31)).unwrap()));
}

fn records(c: &mut Criterion) {
    let provider = city().provider;
    let record = Record::signed(&provider, 1, now()).unwrap();
    let fields = released().unwrap();
    let fields: Vec<&str> = fields.iter().map(|code| code.as_str()).collect();
    c.bench_function("record/parse", |b| {
        b.iter(|| SdJwt::parse(black_box(&record.sd_jwt)).unwrap().disclosures().len())
    });
    let parsed = SdJwt::parse(&record.sd_jwt).unwrap();
    c.bench_function("record/select 8 of 12", |b| b.iter(|| parsed.select(black_box(&fields)).unwrap()));
    let presentation = parsed.select(&fields).unwrap();
    let key = provider.key.verifying_key();
    c.bench_function("record/verify 8 of 12", |b| {
        b.iter(|| sd_jwt::verify(black_box(&presentation), key, &sd_jwt::Expected::default()).unwrap())
    });
    c.bench_function("record/sd_hash", |b| b.iter(|| sd_hash(black_box(&presentation))));

    let random = SystemRandomness::new();
    let key = VaultKey::new(Secret::from_bytes(&[9; 32])).file_key("bench", 0).unwrap();
    let sealed = key.seal(&random, b"place", record.sd_jwt.as_bytes()).unwrap();
    c.bench_function("record/seal", |b| {
        b.iter(|| key.seal(&random, b"place", black_box(record.sd_jwt.as_bytes())).unwrap())
    });
    c.bench_function("record/unseal", |b| b.iter(|| key.unseal(b"place", black_box(&sealed)).unwrap()));
}

/// What a record of 12 fields costs to check against its resource's schema, and what the schema costs, once for each version.
fn schemas(c: &mut Criterion) {
    let resource = resource().unwrap();
    let record = Record::signed(&city().provider, 1, now()).unwrap();
    let fields = SdJwt::parse(&record.sd_jwt).unwrap().values().unwrap();
    assert_eq!(fields.len(), 12);
    let schema = Schema::compile(&resource, 1).unwrap();
    assert_eq!(schema.check(&fields), []);
    c.bench_function("schema/check 12 fields", |b| b.iter(|| schema.check(black_box(&fields)).len()));
    c.bench_function("schema/compile 12 fields", |b| b.iter(|| Schema::compile(black_box(&resource), 1).unwrap()));
}

criterion_group!(pure, deciding::decide, statements, entries, trees, records, schemas);
criterion_main!(pure);
