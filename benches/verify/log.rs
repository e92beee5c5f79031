//! A log of honest entries, written as a copy of it lies in an auditor's folder.

use std::{fs, path::Path};

use anyhow::Context as _;
use hutong::{
    bench::city::{Actor, City, HUB, released},
    domain::{
        id::Digest,
        outcome::{Effect, Outcome, QueryPermitted, RecordRelease},
        record::RecordStatus,
        statement::{Publication, PublishedRecord, Statement},
        time::Time,
    },
    sign::{LogSigner, SigningKey, SystemRandomness, VerifyingKey, dsse},
    tlog::{
        Checkpoint, Frontier, Hash, MAX_ENTRIES, TileKind, TilePath, encode_bundle, encode_hashes, leaf_hash, tree_root,
    },
    wire::{self, Entry},
};

/// Records that the queries go through, in publications of at most so many.
const RECORDS: u32 = 1_024;
const BATCH: u32 = 256;

/// Writes a log of `size` entries into a folder: a city's founding, its publications, and then queries only. Gives the public
/// key of those who query.
pub(crate) fn write(folder: &Path, size: u64, now: Time) -> anyhow::Result<VerifyingKey> {
    let city = City::without_hub()?;
    let signer =
        LogSigner::new(format!("{HUB}/exchange-log/2026").parse()?, SigningKey::generate(&SystemRandomness::new())?);
    let mut log = Log::new(folder, now);
    log.enter(None, Statement::Genesis(Box::new(city.genesis(now)?)), Outcome::Applied(Effect::LogOpened))?;
    for act in city.founding(now)? {
        log.enter(Some(act.actor), act.statement, Outcome::Applied(act.effect))?;
    }
    let mut records = Vec::new();
    for first in (0..RECORDS).step_by(BATCH as usize) {
        let (statement, bodies) = city.publication(first..first + BATCH, now)?;
        let Statement::Publication(_, Publication { records: published, .. }) = &statement else { continue };
        records.extend(published.iter().map(|record| (record.clone(), log.size)));
        log.enter(Some(&city.provider), statement, Outcome::Published(vec![Default::default(); bodies.len()]))?;
    }
    for number in (0..RECORDS).cycle() {
        if log.size >= size {
            break;
        }
        let (statement, _) = city.query(number, now)?;
        let (record, publication_index) = records.get(number as usize).context("it was published")?;
        let outcome = permitted(record, *publication_index)?;
        log.enter(Some(&city.consumer), statement, outcome)?;
    }
    log.seal(&signer)?;
    Ok(city.consumer.key.verifying_key().clone())
}

fn permitted(record: &PublishedRecord, publication_index: u64) -> anyhow::Result<Outcome> {
    Ok(Outcome::QueryPermitted(QueryPermitted {
        agreement_id: "a1".parse()?,
        agreement_version: 1,
        records: vec![RecordRelease {
            replaces: None,
            original: None,
            lookup: 0,
            handle: record.handle,
            version: record.version,
            status: RecordStatus::Active,
            publication_index,
            jwt_sha256: record.jwt_sha256,
            fields: released()?.into_iter().collect(),
            sd_hash: Some(Digest([3; 32])),
        }],
        withheld: None,
        peer_address: None,
    }))
}

/// A log while it is written: no more of it is in memory than its bundle and the hashes that are not yet in a full tile.
struct Log<'a> {
    folder: &'a Path,
    now: Time,
    size: u64,
    bundle: Vec<Vec<u8>>,
    tree: Frontier,
    /// The hashes of each tile level that are not yet in a full tile.
    levels: Vec<Vec<Hash>>,
}

impl<'a> Log<'a> {
    fn new(folder: &'a Path, now: Time) -> Self {
        Self { folder, now, size: 0, bundle: Vec::new(), tree: Frontier::new(), levels: Vec::new() }
    }

    /// Enters a statement, signed by its actor.
    fn enter(&mut self, actor: Option<&Actor>, statement: Statement, outcome: Outcome) -> anyhow::Result<()> {
        let envelope = match actor {
            Some(actor) => actor.sign(&statement)?,
            None => {
                let (payload_type, payload) = wire::encode_statement(&statement);
                dsse::Envelope { payload, payload_type, signatures: Vec::new() }
            }
        };
        let bytes = Entry { time: self.now, envelope: Some(envelope), outcome, carried: None }.encode();
        let leaf = leaf_hash(&bytes);
        self.bundle.push(bytes);
        self.tree.append(leaf)?;
        self.size += 1;
        if self.bundle.len() == MAX_ENTRIES {
            self.write_bundle()?;
        }
        self.push_hash(0, leaf)
    }

    fn push_hash(&mut self, level: u8, hash: Hash) -> anyhow::Result<()> {
        if self.levels.len() == usize::from(level) {
            self.levels.push(Vec::new());
        }
        let row = self.levels.get_mut(usize::from(level)).context("levels grow one by one")?;
        row.push(hash);
        if row.len() < MAX_ENTRIES {
            return Ok(());
        }
        let full = std::mem::take(row);
        self.write_tile(level, &full)?;
        self.push_hash(level + 1, tree_root(&full))
    }

    fn write_bundle(&mut self) -> anyhow::Result<()> {
        let bytes = encode_bundle(&std::mem::take(&mut self.bundle))?;
        self.write(TileKind::Entries, &bytes)
    }

    fn write_tile(&self, level: u8, hashes: &[Hash]) -> anyhow::Result<()> {
        self.write(TileKind::Hashes(level), &encode_hashes(hashes))
    }

    /// Writes the last tile of a kind as the log stands.
    fn write(&self, kind: TileKind, bytes: &[u8]) -> anyhow::Result<()> {
        let covered = match kind {
            TileKind::Entries => MAX_ENTRIES as u64,
            TileKind::Hashes(level) => (MAX_ENTRIES as u64).pow(u32::from(level) + 1),
        };
        let path = TilePath::at_size(kind, (self.size - 1) / covered, self.size).context("the log has such a tile")?;
        let path = self.folder.join(path.to_string());
        fs::create_dir_all(path.parent().context("tiles lie in folders")?)?;
        Ok(fs::write(path, bytes)?)
    }

    /// Writes what is not full, the checkpoint and the key.
    fn seal(mut self, signer: &LogSigner) -> anyhow::Result<()> {
        if !self.bundle.is_empty() {
            self.write_bundle()?;
        }
        for (level, hashes) in (0..).zip(&self.levels).filter(|(_, hashes)| !hashes.is_empty()) {
            self.write_tile(level, hashes)?;
        }
        let checkpoint = Checkpoint { origin: signer.vkey().name().clone(), size: self.size, root: self.tree.root() };
        fs::write(self.folder.join("checkpoint"), checkpoint.sign(signer)?.to_string())?;
        Ok(fs::write(self.folder.join("log.vkey"), format!("{}\n", signer.vkey()))?)
    }
}
