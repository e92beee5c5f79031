//! The pure parts of a query's life, each as something that can be done over and over.

use std::{convert::Infallible, hint::black_box};

use anyhow::{Context as _, ensure};
use hutong::{
    bench::city::{City, Record, released},
    domain::{
        decide::{Usage, decide_access},
        id::{Digest, Handle},
        network::Peer,
        outcome::{Outcome, QueryPermitted, RecordRelease},
        record::RecordStatus,
        rules::Rules,
        statement::{Query, Statement},
        time::{Moment, Time},
    },
    sign::{
        Secret, SystemRandomness,
        commitment::Opening,
        dsse::Envelope,
        sd_jwt::{self, SdJwt},
        sealing::{FileKey, VaultKey},
    },
    tlog::{BatchTree, Frontier, Hash, leaf_hash},
    wire::{self, Entry},
};

/// 2026-03-02 10:00 at +08:00.
const NOW: i64 = 1_772_416_800_000;
/// Entries of the log to which a batch is added, and entries of the batch.
const LOG: u64 = 10_000;
const BATCH: u64 = 64;
/// Where a body is sealed.
const PLACE: &[u8] = b"place";

/// The name of each part, and how often it is done so that its cost is far above what the set-up differs by from run to run.
pub(crate) const NAMES: [(&str, u64); 14] = [
    ("decide", 400),
    ("statement-read", 100),
    ("statement-verify", 40),
    ("opening-verify", 400),
    ("entry-encode", 200),
    ("entry-decode", 100),
    ("leaf-hash", 400),
    ("tree-append-64", 40),
    ("tree-prove", 400),
    ("record-parse", 400),
    ("record-select", 100),
    ("record-verify", 20),
    ("body-seal", 200),
    ("body-unseal", 200),
];

/// What all parts are done with.
pub(crate) struct Parts {
    city: City,
    rules: Rules,
    now: Time,
    query: Query,
    statement: (String, Vec<u8>),
    envelope: Envelope,
    opening: Opening,
    entry: Entry,
    frontier: Frontier,
    leaves: Vec<Hash>,
    record: Record,
    fields: Vec<String>,
    key: FileKey,
}

impl Parts {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let now = Time::from_millis(NOW).context("a time")?;
        let city = City::without_hub()?;
        let (statement, openings) = city.query(1, now)?;
        let envelope = city.consumer.sign(&statement)?;
        let Statement::Query(_, query) = statement.clone() else { anyhow::bail!("it is a query") };
        let release = RecordRelease {
            replaces: None,
            original: None,
            lookup: 0,
            handle: Handle([1; 32]),
            version: 1,
            status: RecordStatus::Active,
            publication_index: 7,
            jwt_sha256: Digest([2; 32]),
            fields: released()?.into_iter().collect(),
            sd_hash: Some(Digest([3; 32])),
        };
        let outcome = Outcome::QueryPermitted(QueryPermitted {
            agreement_id: "a1".parse()?,
            agreement_version: 1,
            records: vec![release],
            withheld: None,
            peer_address: None,
        });
        let mut frontier = Frontier::default();
        for _ in 0..LOG {
            frontier.append(leaf_hash(b"entry"))?;
        }
        Ok(Self {
            rules: city.rules(now)?,
            query,
            statement: wire::encode_statement(&statement),
            opening: openings.into_iter().next().context("the case comes first")?,
            entry: Entry { time: now, envelope: Some(envelope.clone()), outcome, carried: None },
            envelope,
            frontier,
            leaves: (0..BATCH).map(|number| leaf_hash(&number.to_be_bytes())).collect(),
            record: Record::signed(&city.provider, 1, now)?,
            fields: released()?.iter().map(|code| code.as_str().to_owned()).collect(),
            key: VaultKey::new(Secret::from_bytes(&[9; 32])).file_key("bench", 0)?,
            city,
            now,
        })
    }

    /// Does a part so many times. What it needs is made before, however often it is done.
    pub(crate) fn repeat(&self, name: &str, times: u64) -> anyhow::Result<()> {
        let (random, consumer) = (SystemRandomness::new(), &self.city.consumer);
        let (payload_type, payload) = &self.statement;
        let fields: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        let (entry, commitment) = (self.entry.encode(), self.opening.commitment());
        let tree = BatchTree::new(&self.frontier, self.leaves.clone())?;
        let sd_jwt = self.record.sd_jwt.as_str();
        let parsed = SdJwt::parse(sd_jwt)?;
        let presentation = parsed.select(&fields)?;
        let sealed = self.key.seal(&random, PLACE, sd_jwt.as_bytes())?;
        let (signer, provider) = (consumer.key.verifying_key(), self.city.provider.key.verifying_key());
        let decide = || {
            let usage = |_: &_, _| Ok::<_, Infallible>(Usage::NONE);
            let peer = Peer::new(Some([10, 44, 0, 9].into()));
            let Ok(decided) = decide_access(
                &self.rules,
                &consumer.system,
                black_box(&self.query),
                &peer,
                usage,
                &Moment::new(self.now),
            );
            decided.is_ok()
        };
        let one = || -> anyhow::Result<bool> {
            Ok(match name {
                "decide" => decide(),
                "statement-read" => wire::read_statement(payload_type, black_box(payload)).is_ok(),
                "statement-verify" => black_box(&self.envelope).verify_sole(signer).is_ok(),
                "opening-verify" => black_box(&self.opening).verify(&commitment).is_ok(),
                "entry-encode" => !black_box(&self.entry).encode().is_empty(),
                "entry-decode" => Entry::decode(black_box(&entry)).is_ok(),
                "leaf-hash" => leaf_hash(black_box(&entry)) != leaf_hash(b""),
                "tree-append-64" => BatchTree::new(black_box(&self.frontier), self.leaves.clone()).is_ok(),
                "tree-prove" => tree.prove_inclusion(black_box(LOG + BATCH / 2)).is_ok(),
                "record-parse" => !SdJwt::parse(black_box(sd_jwt))?.disclosures().is_empty(),
                "record-select" => parsed.select(black_box(&fields)).is_ok(),
                "record-verify" => {
                    sd_jwt::verify(black_box(&presentation), provider, &sd_jwt::Expected::default()).is_ok()
                }
                "body-seal" => self.key.seal(&random, PLACE, black_box(sd_jwt.as_bytes())).is_ok(),
                "body-unseal" => self.key.unseal(PLACE, black_box(&sealed)).is_ok(),
                _ => anyhow::bail!("there is no part {name}"),
            })
        };
        for _ in 0..times {
            ensure!(one()?, "{name} failed");
        }
        Ok(())
    }
}
