//! `hutong catalog apply`.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use clap::Args;
use serde::Serialize;

use crate::{
    catalog::{self, Change, Content},
    cli::{Exit, OrExit as _, Output, Run, block_on, system::connect},
    client::{Client, Profile},
    domain::{
        catalog::{CatalogPart, CodeTable, CodeTableRef, FieldType, Resource},
        outcome::Effect,
    },
};

/// Bring a catalog file into force, as an administrator: all of it or nothing
///
/// Resources that differ from those in force get a new version, resources and code tables that the file does not name stay. The
/// change is refused when someone else changed the catalog meanwhile, and when it breaks with what is in force, such as by taking
/// a field away, unless that is allowed.
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
    /// Also change what records or agreements in force rest on
    #[arg(long)]
    allow_breaking: bool,
}

/// What was changed, or would be.
#[derive(Debug, Serialize)]
struct Applied {
    dry_run: bool,
    /// The catalog's version after it.
    catalog_version: u64,
    /// The entry that brought it into force.
    entry: Option<u64>,
    /// The code tables entered with it, in these versions.
    code_tables: Vec<TableVersion>,
    changes: Vec<Changed>,
}

#[derive(Debug, Serialize)]
struct TableVersion {
    code_table: String,
    version: u32,
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
        for TableVersion { code_table, version } in &self.code_tables {
            writeln!(f, "code table {code_table} version {version}, new")?;
        }
        for change in &self.changes {
            let new = if change.version == 1 { ", new" } else { "" };
            writeln!(f, "{} → version {}{new}", change.resource, change.version)?;
            for difference in &change.differences {
                writeln!(f, "    {difference}")?;
            }
        }
        match (self.changes.is_empty() && self.code_tables.is_empty(), self.entry) {
            (true, _) => write!(f, "nothing to change, the catalog stays at version {}", self.catalog_version),
            (false, Some(entry)) => write!(f, "the catalog is at version {}, entry {entry}", self.catalog_version),
            (false, None) => write!(f, "nothing was changed: a dry run"),
        }
    }
}

impl Run for Apply {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let file = self.file.display().to_string();
        let content = match catalog::parse(&super::read(&self.file)?) {
            Ok(content) => content,
            Err(findings) => {
                super::lint::print(None, output, &file, &findings)?;
                return Ok(Exit::Findings);
            }
        };
        let profile = Profile::read(&self.profile).or_exit(Exit::Config, "cannot apply the catalog")?;
        let applied = block_on(apply(&profile, content, &self))?;
        output.print(&applied)?;
        Ok(Exit::Success)
    }
}

async fn apply(profile: &Profile, content: Content, how: &Apply) -> anyhow::Result<Applied> {
    let client = connect(profile).await?;
    let (entries, version) = client.catalog().await?;
    let in_force: BTreeMap<_, _> = entries
        .into_iter()
        .map(|entry| (entry.resource.resource_id.clone(), (entry.version, entry.resource)))
        .collect();
    let held = client.code_tables().await?;
    let Content { code_tables, mut resources } = content;
    let code_tables: Vec<_> = code_tables.into_iter().map(Arc::new).collect();
    // What the file says comes before what the hub has.
    let tables: Vec<_> = code_tables.iter().chain(&held).cloned().collect();
    for resource in &mut resources {
        for field in &mut resource.fields {
            if let FieldType::CodeTable(reference) = &mut field.field_type {
                let what = || format!("field {} of {}", field.code, resource.resource_id);
                follow(&client, reference, &tables).await.or_exit(Exit::BadInput, what())?;
            }
        }
    }
    let code_tables: Vec<_> = code_tables.into_iter().filter(|table| !held.contains(table)).collect();
    let changes = catalog::changes(&in_force, &resources);
    let table_version =
        |table: &Arc<CodeTable>| TableVersion { code_table: table.table_id().to_string(), version: table.version() };
    let mut applied = Applied {
        dry_run: how.dry_run,
        catalog_version: version,
        entry: None,
        code_tables: code_tables.iter().map(table_version).collect(),
        changes: changes.iter().map(Changed::from).collect(),
    };
    if how.dry_run || changes.is_empty() && code_tables.is_empty() {
        return Ok(applied);
    }
    let is_changed = |resource: &Resource| changes.iter().any(|change| change.resource_id == resource.resource_id);
    let resources = resources.into_iter().filter(is_changed).map(Arc::new).collect();
    let changed = CatalogPart { resources, code_tables };
    let released = client.apply_catalog(changed, version, how.allow_breaking, &|_, _| ()).await?;
    if let Effect::CatalogReleased { version, .. } = released.effect {
        applied.catalog_version = version;
    }
    applied.entry = Some(released.receipt.index);
    Ok(applied)
}

/// Finds the code table that a field follows: in the version that it names, or, where it names none, in that of the file or the
/// newest that the hub has.
async fn follow(client: &Client, reference: &mut CodeTableRef, tables: &[Arc<CodeTable>]) -> anyhow::Result<()> {
    let is_meant = |table: &&Arc<CodeTable>| {
        *table.table_id() == reference.table_id && (reference.version == 0 || table.version() == reference.version)
    };
    let table = match tables.iter().find(is_meant) {
        Some(table) => Arc::clone(table),
        None if reference.version == 0 => {
            anyhow::bail!("neither the file nor the hub has a code table {}", reference.table_id)
        }
        None => Arc::new(client.code_table(&reference.table_id, Some(reference.version)).await?),
    };
    reference.version = table.version();
    reference.table = Some(table);
    Ok(())
}
