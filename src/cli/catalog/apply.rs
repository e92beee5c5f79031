//! `hutong catalog apply`.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use clap::Args;
use serde::Serialize;

use crate::{
    catalog::{self, Change},
    cli::{Exit, OrExit as _, Output, Run, block_on, system::connect},
    client::Profile,
    domain::{catalog::Resource, outcome::Effect},
};

/// Bring a catalog file into force, as an administrator: all of it or nothing
///
/// Resources that differ from those in force get a new version, resources that the file does not name stay. The change is
/// refused when someone else changed the catalog meanwhile.
#[derive(Args)]
pub(in crate::cli) struct Apply {
    /// The catalog file
    file: PathBuf,
    /// The profile of an administrator's system
    #[arg(long, value_name = "FILE", env = "HUTONG_PROFILE")]
    profile: PathBuf,
    /// Only tell what would change
    #[arg(long)]
    dry_run: bool,
}

/// What was changed, or would be.
#[derive(Debug, Serialize)]
struct Applied {
    dry_run: bool,
    /// The catalog's version after it.
    catalog_version: u64,
    /// The entry that brought it into force.
    entry: Option<u64>,
    changes: Vec<Changed>,
}

#[derive(Debug, Serialize)]
struct Changed {
    resource: String,
    version: u32,
    differences: Vec<String>,
}

impl From<&Change> for Changed {
    fn from(change: &Change) -> Self {
        Self {
            resource: change.resource_id.to_string(),
            version: change.version,
            differences: change.differences.iter().map(ToString::to_string).collect(),
        }
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            let new = if change.version == 1 { ", new" } else { "" };
            writeln!(f, "{} → version {}{new}", change.resource, change.version)?;
            for difference in &change.differences {
                writeln!(f, "    {difference}")?;
            }
        }
        match (self.changes.is_empty(), self.entry) {
            (true, _) => write!(f, "nothing to change, the catalog stays at version {}", self.catalog_version),
            (false, Some(entry)) => write!(f, "the catalog is at version {}, entry {entry}", self.catalog_version),
            (false, None) => write!(f, "nothing was changed: a dry run"),
        }
    }
}

impl Run for Apply {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let file = self.file.display().to_string();
        let resources = match catalog::parse(&super::read(&self.file)?) {
            Ok(content) => content.resources,
            Err(findings) => {
                super::lint::print(None, output, &file, &findings)?;
                return Ok(Exit::Findings);
            }
        };
        let profile = Profile::read(&self.profile).or_exit(Exit::Config, "cannot apply the catalog")?;
        let applied = block_on(apply(&profile, resources, self.dry_run))?;
        output.print(&applied)?;
        Ok(Exit::Success)
    }
}

async fn apply(profile: &Profile, file: Vec<Resource>, dry_run: bool) -> anyhow::Result<Applied> {
    let client = connect(profile).await?;
    let (entries, version) = client.catalog().await?;
    let in_force: BTreeMap<_, _> = entries
        .into_iter()
        .map(|entry| (entry.resource.resource_id.clone(), (entry.version, entry.resource)))
        .collect();
    let changes = catalog::changes(&in_force, &file);
    let mut applied = Applied {
        dry_run,
        catalog_version: version,
        entry: None,
        changes: changes.iter().map(Changed::from).collect(),
    };
    if dry_run || changes.is_empty() {
        return Ok(applied);
    }
    let is_changed = |resource: &Resource| changes.iter().any(|change| change.resource_id == resource.resource_id);
    let resources = file.into_iter().filter(is_changed).map(Arc::new).collect();
    let changed = crate::domain::catalog::CatalogPart { resources, ..Default::default() };
    let released = client.apply_catalog(changed, version, true, &|_, _| ()).await?;
    if let Effect::CatalogReleased { version, .. } = released.effect {
        applied.catalog_version = version;
    }
    applied.entry = Some(released.receipt.index);
    Ok(applied)
}
