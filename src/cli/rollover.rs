//! `hutong rollover`: closes a hub's log and goes on in another.
//!
//! ```text
//! keys/log-<year>.key.jwk   made, or found as an interrupted rollover left it
//! old log                   its last entry names the new key: from here on there is only forward
//! log-archive/<old year>/   the old log as a verified copy, in the layout of tlog-tiles
//! store-<year>/             made in full
//! keys/log.vkey             the new key
//! hutong.toml               replaced: this is the moment at which the hub has another log
//! ```

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde::Serialize;

use super::{Exit, OrExit as _, Output, Run, block_on, init::LOG_VKEY, now, today};
use crate::{
    audit::{self, Folder, LogSource, mirror},
    config::{ARCHIVE, CONTRADICTION, SETTINGS, Settings},
    files::{self, Readable},
    hub,
    sign::{LogSigner, SigningKey, SystemRandomness, sealing::VaultKey},
    store::{LogReader, Store, embedded},
    tlog::{Hash, leaf_hash},
};

/// Close a hub's log and continue it in a new one, under a new key, while no hub runs on the folder
///
/// The old log's last entry names the new key, the new log's first entry names the old log; the rules and the current records
/// are carried over as they were. The old log stays in its store, and as a copy for auditors in DIR/log-archive. Needs as much
/// room again as the log and the current records take. Interrupted, it is to be run again, with the same year; until it is done
/// no hub runs on the folder.
#[derive(Args)]
pub(super) struct Rollover {
    /// The hub's folder, as `hutong init` made it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The year that the new log is named for, later than the old one's [default: this year, in UTC]
    #[arg(long, value_name = "YEAR")]
    year: Option<u16>,
}

/// What was done.
#[derive(Serialize)]
struct RolledOver {
    previous_log: PathBuf,
    previous_entries: u64,
    carried_over: u64,
    log_vkey: String,
    genesis_leaf_hash: String,
}

impl fmt::Display for RolledOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old log  {} entries, copied to {}", self.previous_entries, self.previous_log.display())?;
        writeln!(f, "new log  {} entries carried over", self.carried_over)?;
        writeln!(f, "log key  {}", self.log_vkey)?;
        writeln!(f, "genesis  {}", self.genesis_leaf_hash)?;
        write!(
            f,
            "Give the log key to every system, for log_vkey in its profile, and with the genesis hash to auditors"
        )
    }
}

impl Run for Rollover {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let settings = Settings::read(&self.folder).or_exit(Exit::Config, "cannot use the hub's settings")?;
        let year = self.year.map_or_else(|| Ok(today()?.year().unsigned_abs()), Ok::<_, anyhow::Error>)?;
        self.check(&settings, year).or_exit(Exit::CannotCreate, "cannot roll over")?;
        output.print(&self.roll(&settings, year)?)?;
        Ok(Exit::Success)
    }
}

impl Rollover {
    fn check(&self, settings: &Settings, year: u16) -> anyhow::Result<()> {
        ensure!(year > settings.log_year, "the log is of {}: allowed is --year with a later one", settings.log_year);
        let halted = self.folder.join(CONTRADICTION);
        ensure!(!halted.exists(), "the hub was halted by the checkpoint in {}", halted.display());
        Ok(())
    }

    fn roll(&self, settings: &Settings, year: u16) -> anyhow::Result<RolledOver> {
        let path = self.folder.join(SETTINGS);
        let (store, log_key) = (format!("store-{year}"), format!("keys/log-{year}.key.jwk"));
        // What cannot be written at the end is not begun.
        let text = Settings::rolled_over(&files::read_text(&path)?, year, Path::new(&store), Path::new(&log_key))
            .or_exit(Exit::Config, "cannot change the hub's settings")?;
        let vault_key = settings.read_vault_key().or_exit(Exit::Config, "cannot use the vault key")?;
        let old_signer = signer(&settings.origin(), settings.read_log_key())?;
        let random = Arc::new(SystemRandomness::new());
        let options =
            embedded::Options { high_water_path: settings.high_water_path.clone(), ..embedded::Options::default() };
        let mut old = embedded::open(&settings.store, &vault_key, random, &options)
            .with_context(|| format!("cannot open the hub in {}", self.folder.display()))?;
        let new_signer = self.new_signer(settings, year, &log_key)?;

        hub::close_log(&mut old, &old_signer, &new_signer.vkey(), now()?).context("cannot close the log")?;
        let previous_log = self.folder.join(ARCHIVE).join(settings.log_year.to_string());
        let previous_entries = archive(&old, &old_signer, &previous_log)?;
        let target = self.folder.join(store);
        let (carried_over, genesis) = fill(&target, &old, &old_signer, &new_signer, &vault_key)?;
        let vkey = new_signer.vkey().to_string();
        files::replace(&self.folder.join(LOG_VKEY), format!("{vkey}\n").as_bytes(), Readable::ByAll)?;
        files::replace(&path, text.as_bytes(), Readable::ByAll)?;
        let genesis_leaf_hash = hex::encode(genesis);
        Ok(RolledOver { previous_log, previous_entries, carried_over, log_vkey: vkey, genesis_leaf_hash })
    }

    /// The new log's key: made, or the one that an interrupted rollover made.
    fn new_signer(&self, settings: &Settings, year: u16, log_key: &str) -> anyhow::Result<LogSigner> {
        let settings = Settings { log_key: self.folder.join(log_key), ..settings.clone() };
        if !settings.log_key.exists() {
            let key = SigningKey::generate(&SystemRandomness::new())?;
            files::create(&settings.log_key, key.to_private_jwk().as_bytes(), Readable::ByOwner)
                .or_exit(Exit::CannotCreate, "cannot make the new log's key")?;
        }
        signer(&settings.origin_of(year), settings.read_log_key())
    }
}

fn signer(origin: &str, key: Result<SigningKey, crate::config::Error>) -> anyhow::Result<LogSigner> {
    let name = origin.parse().or_exit(Exit::Config, "the log's origin is no key name")?;
    Ok(LogSigner::new(name, key.or_exit(Exit::Config, "cannot use the log's key")?))
}

/// Copies a log into a folder as auditors do. Gives how many entries it has.
fn archive(store: &Store, signer: &LogSigner, path: &Path) -> anyhow::Result<u64> {
    fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))?;
    let mut source = StoreSource(Arc::clone(&store.reader));
    let mirrored = block_on(async {
        let verifier = signer.verifier();
        Ok(mirror(&mut source, &Folder::new(path), &verifier, &mut |_, _| {}).await?)
    });
    Ok(mirrored.context("cannot copy the old log")?.size)
}

/// Makes the new log's store in full, in the place of one that an interrupted rollover left. Gives how many entries were carried
/// over, and the leaf hash of the first.
fn fill(
    target: &Path,
    old: &Store,
    old_signer: &LogSigner,
    new_signer: &LogSigner,
    vault_key: &VaultKey,
) -> anyhow::Result<(u64, Hash)> {
    if target.exists() {
        fs::remove_dir_all(target).with_context(|| format!("cannot remove {}", target.display()))?;
    }
    let random = Arc::new(SystemRandomness::new());
    let mut new = embedded::create(target, vault_key, random, &embedded::Options::default())
        .context("cannot make the new log")?;
    let carried =
        hub::carry_over(old, &old_signer.vkey(), &mut new, new_signer, vault_key.blind_index(), now()?, &mut |_, _| {})
            .context("cannot carry over what holds")?;
    let first = new.reader.entries(0, 1, 1)?;
    let parent = target.parent().context("the store has no folder")?;
    let carried = (carried, leaf_hash(first.first().context("the new log has no genesis entry")?));
    drop(new);
    fs::File::open(parent)?.sync_all()?;
    Ok(carried)
}

/// A stopped hub's log, to be copied.
struct StoreSource(Arc<dyn LogReader>);

impl StoreSource {
    fn failed(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> audit::Error {
        audit::Error::Source { what: what.to_owned(), source: Box::new(source) }
    }
}

impl LogSource for StoreSource {
    async fn checkpoint(&mut self) -> Result<String, audit::Error> {
        Ok(self.0.tail().map(|tail| tail.checkpoint).unwrap_or_default())
    }

    async fn entries(&mut self, start: u64, end: u64) -> Result<Vec<Vec<u8>>, audit::Error> {
        self.0.entries(start, end, usize::MAX).map_err(|error| Self::failed("reading the log", error))
    }

    async fn consistency_proof(&mut self, first: u64, second: u64) -> Result<Vec<Hash>, audit::Error> {
        hub::prove_growth(self.0.as_ref(), first, second)
            .map_err(|error| Self::failed("proving the log's growth", error))
    }
}
