//! May this part of a catalog be entered, and may parts be released?

use std::{collections::BTreeMap, sync::Arc};

use super::refuse;
use crate::domain::{
    catalog::{
        Catalog, CatalogPart, CatalogViolation, CodeTable, CodeTableRef, Resource, assemble, breaking_changes,
        changed_identity,
    },
    id::{CodeTableId, Digest, ResourceId},
    outcome::{Effect, Refusal, RefusalReason as Reason},
    rules::Rules,
};

fn in_order(name: &str, violations: &[CatalogViolation]) -> Result<(), Refusal> {
    match violations.first() {
        None => Ok(()),
        Some(first) => refuse(Reason::CatalogInvalid, format!("{name} {} {}", first.path, first.rule)),
    }
}

/// Resources are held against the rules as they are entered, code tables as they are released: only then are they whole.
pub(super) fn enter_part(part: &Digest, content: &CatalogPart) -> Result<Effect, Refusal> {
    for resource in &content.resources {
        in_order(resource.resource_id.as_str(), &resource.violations())?;
    }
    Ok(Effect::CatalogPartEntered(*part))
}

/// A release puts its parts' resources and code tables into force. One that is already in force as it stands is left alone, so
/// that a release of a whole catalog makes new versions only of what changed.
pub(super) fn release(
    rules: &Rules,
    base_version: u64,
    parts: &[Digest],
    allow_breaking: bool,
) -> Result<Effect, Refusal> {
    let catalog = &rules.catalog;
    if base_version != catalog.version {
        return refuse(Reason::CatalogConflict, format!("the newest version is {}", catalog.version));
    }
    let mut entered = Vec::with_capacity(parts.len());
    for part in parts {
        match catalog.parts.get(part) {
            Some(part) => entered.push(part),
            None => return refuse(Reason::CatalogPartUnknown, part.to_string()),
        }
    }
    let new_tables = code_tables(catalog, entered.iter().flat_map(|part| &part.code_tables))?;
    let mut resources: BTreeMap<&ResourceId, Option<u32>> = BTreeMap::new();
    for resource in entered.iter().flat_map(|part| &part.resources) {
        let id = &resource.resource_id;
        if !rules.directory.departments.contains_key(&resource.provider) {
            return refuse(Reason::DepartmentUnknown, resource.provider.as_str());
        }
        let table = |table: &CodeTableRef| {
            let new = new_tables.get(&table.table_id).filter(|new| new.version() == table.version);
            new.or(catalog.code_table(table.table_id.as_str(), table.version)).cloned()
        };
        let resource = resource.with_code_tables(table).or_else(|missing| {
            refuse(Reason::CatalogInvalid, format!("{id} follows code table {missing}, which there is not"))
        })?;
        require_originals(catalog, &entered, &resource)?;
        if resources.insert(id, new_version(catalog, &resource, allow_breaking)?).is_some() {
            return refuse(Reason::CatalogInvalid, format!("{id} stands twice"));
        }
    }
    let changed = resources.into_iter().filter_map(|(id, version)| Some((id.clone(), version?)));
    Ok(Effect::CatalogReleased { version: catalog.version + 1, resources: changed.collect() })
}

/// Annotated copies are made of records of a resource that is in force, or comes into force with theirs.
fn require_originals(catalog: &Catalog, entered: &[&CatalogPart], resource: &Resource) -> Result<(), Refusal> {
    let Some(copy_of) = &resource.copy_of else { return Ok(()) };
    let new = entered.iter().flat_map(|part| &part.resources).find(|new| new.resource_id == copy_of.resource_id);
    let original = new.or_else(|| catalog.newest(copy_of.resource_id.as_str()).map(|(_, newest)| newest));
    if resource.has_originals(original.map(AsRef::as_ref)) {
        return Ok(());
    }
    let (id, of) = (&resource.resource_id, &copy_of.resource_id);
    refuse(Reason::CatalogInvalid, format!("{id} copy_of {of}: no resource of originals with identifiers of that type"))
}

/// The tables of a release that are new. What is in force stays as it is for good: another content is another version.
fn code_tables<'a>(
    catalog: &Catalog,
    pieces: impl Iterator<Item = &'a Arc<CodeTable>>,
) -> Result<BTreeMap<CodeTableId, Arc<CodeTable>>, Refusal> {
    let tables = assemble(pieces)
        .or_else(|id| refuse(Reason::CatalogInvalid, format!("code table {id} stands twice, in two versions")))?;
    let mut new = BTreeMap::new();
    for table in tables {
        let id = table.table_id();
        in_order(id.as_str(), &table.violations())?;
        let next = catalog.newest_code_table(id.as_str()).map_or(1, |newest| newest.version().saturating_add(1));
        if catalog.code_table(id.as_str(), table.version()).is_some_and(|known| *known == table) {
            continue;
        }
        if table.version() != next {
            return refuse(Reason::CatalogInvalid, format!("code table {id}: the next version is {next}"));
        }
        new.insert(id.clone(), table);
    }
    Ok(new)
}

/// The version that a resource gets; `None` where it is in force as it stands.
fn new_version(catalog: &Catalog, resource: &Resource, allow_breaking: bool) -> Result<Option<u32>, Refusal> {
    let id = &resource.resource_id;
    let Some((version, newest)) = catalog.newest(id.as_str()) else { return Ok(Some(1)) };
    if **newest == *resource {
        return Ok(None);
    }
    if newest.provider != resource.provider {
        return refuse(Reason::CatalogInvalid, format!("{id} provider cannot change"));
    }
    if newest.copy_of != resource.copy_of {
        return refuse(Reason::CatalogInvalid, format!("{id} copy_of cannot change"));
    }
    if let Some(role) = changed_identity(newest, resource) {
        let term = format!("{id} {role} cannot change, nor the type of its field: records are found by it");
        return refuse(Reason::CatalogInvalid, term);
    }
    match breaking_changes(newest, resource).first() {
        Some(first) if !allow_breaking => {
            refuse(Reason::CatalogBreaking, format!("{id} {} {}", first.path, first.breaking.as_str()))
        }
        _ => Ok(Some(version + 1)),
    }
}
