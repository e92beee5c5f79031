//! `hutong fsck`: checks everything in a hub's folder, and makes anew what is derived.

use std::{fmt, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{Exit, OrExit as _, Output, Run};
use crate::{
    config::Settings,
    hub,
    sign::{LogSigner, LogVerifier, SystemRandomness, sealing::VaultKey},
    store::{
        embedded::{self, fsck},
        memory,
    },
};

/// Check everything in a hub's folder, while no hub runs on it
///
/// Every frame's checksum, every entry's hash, every root against its checkpoint, the last checkpoint's signature, every seal
/// and every body, and the index against one made anew from the log (in memory: about 1 KiB a record). Changes nothing
/// without --rebuild.
///
/// Exit code 0: all is well; 1: findings.
#[derive(Args)]
pub(super) struct Fsck {
    /// The hub's folder, as `hutong init` made it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Make the index and the derived hashes anew from the log and the bodies
    #[arg(long)]
    rebuild: bool,
}

/// Something that is not as it should be.
#[derive(Serialize)]
struct Finding {
    place: String,
    problem: String,
    /// Whether --rebuild mends it.
    derived: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = if self.derived { " (derived: --rebuild makes it anew)" } else { "" };
        write!(f, "{}: {}{remedy}", self.place, self.problem)
    }
}

/// How it ended.
#[derive(Serialize)]
struct Summary {
    entries: u64,
    findings: usize,
    rebuilt: bool,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rebuilt = if self.rebuilt { ", index and derived hashes made anew" } else { "" };
        write!(f, "{} entries, {} findings{rebuilt}", self.entries, self.findings)
    }
}

impl Run for Fsck {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let settings = Settings::read(&self.folder).or_exit(Exit::Config, "cannot use the hub's settings")?;
        let name = settings.origin().parse().or_exit(Exit::Config, "the log's origin is no key name")?;
        let log_key = settings.read_log_key().or_exit(Exit::Config, "cannot use the log's key")?;
        let verifier = LogSigner::new(name, log_key).verifier();
        let vault_key = settings.read_vault_key().or_exit(Exit::Config, "cannot use the vault key")?;
        let mut findings = self.check_files(&settings, &vault_key)?;
        findings.iter().try_for_each(|finding| output.print(finding))?;
        // What is derived from damage would be damage too.
        let whole = findings.iter().all(|finding| finding.derived);
        let entries = if whole {
            let (entries, finding) = self.check_index(&settings, &vault_key, &verifier, !findings.is_empty())?;
            if let Some(finding) = finding {
                output.print(&finding)?;
                findings.push(finding);
            }
            entries
        } else {
            0
        };
        let rebuilt = self.rebuild && whole;
        output.print(&Summary { entries, findings: findings.len(), rebuilt })?;
        Ok(if findings.is_empty() || rebuilt { Exit::Success } else { Exit::Findings })
    }
}

impl Fsck {
    /// The engine's own checks.
    fn check_files(&self, settings: &Settings, vault_key: &VaultKey) -> anyhow::Result<Vec<Finding>> {
        let bar = bar();
        let found = fsck::check(
            &settings.store,
            vault_key,
            Arc::new(SystemRandomness::new()),
            &mut |progress: fsck::Progress| {
                bar.set_length(progress.total as u64);
                bar.set_position(progress.done as u64);
                bar.set_message(progress.what);
            },
        )
        .with_context(|| format!("cannot check {}", self.folder.display()))?;
        bar.finish_and_clear();
        let finding =
            |found: fsck::Finding| Finding { place: found.place, problem: found.problem, derived: found.is_derived };
        Ok(found.into_iter().map(finding).collect())
    }

    /// The index against the log, or made anew. Damage of what is derived must be mended before it can be compared.
    fn check_index(
        &self,
        settings: &Settings,
        vault_key: &VaultKey,
        verifier: &LogVerifier,
        damaged: bool,
    ) -> anyhow::Result<(u64, Option<Finding>)> {
        let options =
            embedded::Options { high_water_path: settings.high_water_path.clone(), ..embedded::Options::default() };
        let (dir, random) = (&settings.store, Arc::new(SystemRandomness::new()));
        let bar = bar();
        let progress = |done, of| {
            bar.set_length(of);
            bar.set_position(done);
            bar.set_message("entries replayed");
        };
        let opening = || format!("cannot open the hub in {}", self.folder.display());
        if !self.rebuild && damaged {
            return Ok((0, None));
        }
        let (store, finding) = if self.rebuild {
            let store = fsck::rebuild(dir, vault_key, random, &options).with_context(opening)?;
            hub::rebuild_projections(&store, vault_key.blind_index(), verifier, progress)?;
            (store, None)
        } else {
            let store = embedded::open(dir, vault_key, random, &options).with_context(opening)?;
            let scratch = memory::store().projections;
            let difference =
                hub::check_projections(&store, vault_key.blind_index(), verifier, scratch.as_ref(), progress)?;
            (store, difference.map(finding_of))
        };
        bar.finish_and_clear();
        let entries = store.reader.tail().map_or(0, |tail| tail.frontier.size());
        Ok((entries, finding))
    }
}

fn finding_of(difference: hub::Difference) -> Finding {
    let hub::Difference { found, expected, differing } = difference;
    Finding {
        place: "index".to_owned(),
        problem: format!("{differing} of {expected} rows are missing or differ from the log; there are {found}"),
        derived: true,
    }
}

/// Shown on a terminal only.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {eta}");
    let bar = ProgressBar::new(0);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}
