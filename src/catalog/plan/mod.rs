//! What catalog files would do to a catalog in force: what changes, what breaks, and whom it touches.

mod impact;
mod obstacle;

pub use impact::{AgreementImpact, Published, RecordImpact, agreement_impacts, record_impacts};
pub use obstacle::Obstacle;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Change, Content, changes};
use crate::domain::{
    catalog::{CatalogPart, CodeTable, CodeTableRef, FieldType, Resource, TableCode, changed_identity},
    id::{CodeTableId, ResourceId},
    identifier::Uscc,
};

/// A catalog in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    /// Its version.
    pub version: u64,
    /// The newest version of each resource, with its number and its code tables at hand.
    pub resources: BTreeMap<ResourceId, (u32, Arc<Resource>)>,
    /// The versions of code tables that are at hand; at least the newest of each table.
    pub code_tables: BTreeMap<(CodeTableId, u32), Arc<CodeTable>>,
    /// The departments that may provide resources, and their names.
    pub departments: BTreeMap<Uscc, String>,
}

impl InForce {
    /// The newest version of a code table.
    pub fn newest_table(&self, id: &CodeTableId) -> Option<u32> {
        let versions = self.code_tables.range((id.clone(), 0)..=(id.clone(), u32::MAX));
        versions.last().map(|((_, version), _)| *version)
    }
}

/// What files would do to a catalog in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What there is to enter: what is new or differs, with the versions of code tables fixed.
    pub content: CatalogPart,
    /// The changes of resources, in the order of the files.
    pub changes: Vec<Change>,
    /// The new versions of code tables, in the order of the files.
    pub code_tables: Vec<TableChange>,
}

/// A new version of a code table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChange {
    /// The table.
    pub table_id: CodeTableId,
    /// Its version.
    pub version: u32,
    /// How many codes the version before did not have.
    pub added: usize,
    /// How many say something else than in the version before, such as another name.
    pub altered: usize,
    /// The codes that it had, and this one has not. Resources keep the version that they name.
    pub removed: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.code_tables.is_empty()
    }

    /// Whether some change breaks with what is in force.
    pub fn is_breaking(&self) -> bool {
        self.changes.iter().any(|change| !change.breaking.is_empty())
    }
}

/// Finds what the content of files would do.
///
/// # Errors
/// Everything that is in the way.
pub fn plan(in_force: &InForce, content: Content) -> Result<Plan, Vec<Obstacle>> {
    let mut obstacles = repeated(&content);
    let mut tables = in_force.code_tables.clone();
    let mut made = Plan::default();
    for table in content.code_tables {
        let key = (table.table_id().clone(), table.version());
        let newest = in_force.newest_table(table.table_id());
        let next = newest.map_or(1, |newest| newest.saturating_add(1));
        if in_force.code_tables.get(&key).is_some_and(|known| **known == table) {
            continue;
        }
        if table.version() != next {
            let (table_id, found) = key;
            obstacles.push(Obstacle::CodeTableVersion { table_id, found, next });
            continue;
        }
        let before = newest.and_then(|newest| in_force.code_tables.get(&(key.0.clone(), newest)));
        made.code_tables.push(table_change(before.map(AsRef::as_ref), &table));
        let table = Arc::new(table);
        tables.insert(key, Arc::clone(&table));
        made.content.code_tables.push(table);
    }
    let known = InForce { code_tables: tables, ..InForce::default() };
    let mut resources = Vec::with_capacity(content.resources.len());
    for mut resource in content.resources {
        obstacles.extend(fix_versions(&known, &mut resource));
        let resource = Arc::new(resource);
        let table = |table: &CodeTableRef| known.code_tables.get(&(table.table_id.clone(), table.version)).cloned();
        resources.push(resource.with_code_tables(table).unwrap_or(resource));
    }
    for resource in &resources {
        let id = &resource.resource_id;
        if !in_force.departments.contains_key(&resource.provider) {
            obstacles.push(Obstacle::ProviderUnknown(id.clone(), resource.provider));
        }
        let of = resource.copy_of.as_ref().map(|copy_of| &copy_of.resource_id);
        let new = resources.iter().find(|own| Some(&own.resource_id) == of);
        let original = new.or_else(|| in_force.resources.get(of?).map(|(_, newest)| newest));
        if !resource.has_originals(original.map(AsRef::as_ref)) {
            obstacles.push(Obstacle::Originals(id.clone()));
        }
        let Some((_, newest)) = in_force.resources.get(id) else { continue };
        if newest.provider != resource.provider {
            obstacles.push(Obstacle::Provider(id.clone()));
        }
        obstacles.extend(changed_identity(newest, resource).map(|role| Obstacle::Identity(id.clone(), role)));
        if newest.copy_of != resource.copy_of {
            obstacles.push(Obstacle::CopyOf(id.clone()));
        }
    }
    if !obstacles.is_empty() {
        return Err(obstacles);
    }
    made.changes = changes(&in_force.resources, &resources);
    let changed: BTreeSet<&ResourceId> = made.changes.iter().map(|change| &change.resource_id).collect();
    made.content.resources = resources.into_iter().filter(|own| changed.contains(&own.resource_id)).collect();
    Ok(made)
}

fn repeated(content: &Content) -> Vec<Obstacle> {
    let mut seen = BTreeSet::new();
    let tables = content.code_tables.iter().map(|table| format!("code table {}", table.table_id()));
    let resources = content.resources.iter().map(|resource| resource.resource_id.to_string());
    tables.chain(resources).filter(|name| !seen.insert(name.clone())).map(Obstacle::Twice).collect()
}

/// Gives each field of a code table its version: the one that it names, or the newest.
fn fix_versions(known: &InForce, resource: &mut Resource) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    let resource_id = resource.resource_id.clone();
    for field in &mut resource.fields {
        let FieldType::CodeTable(reference) = &mut field.field_type else { continue };
        let named = (reference.version > 0).then_some(reference.version);
        let version = named.or_else(|| known.newest_table(&reference.table_id)).unwrap_or_default();
        if known.code_tables.contains_key(&(reference.table_id.clone(), version)) {
            reference.version = version;
        } else {
            let (resource_id, field, table) = (resource_id.clone(), field.code.clone(), reference.clone());
            obstacles.push(Obstacle::CodeTableUnknown { resource_id, field, table });
        }
    }
    obstacles
}

fn table_change(before: Option<&CodeTable>, after: &CodeTable) -> TableChange {
    let codes = before.map(CodeTable::codes).unwrap_or_default();
    let is_gone = |code: &&TableCode| after.find(&code.code).is_none();
    let of_before = |code: &TableCode| before.and_then(|before| before.find(&code.code));
    TableChange {
        table_id: after.table_id().clone(),
        version: after.version(),
        added: after.codes().iter().filter(|code| of_before(code).is_none()).count(),
        altered: after.codes().iter().filter(|code| of_before(code).is_some_and(|before| before != *code)).count(),
        removed: codes.iter().filter(is_gone).map(|code| code.code.clone()).collect(),
    }
}
