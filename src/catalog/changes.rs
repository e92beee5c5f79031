//! What a catalog file would change.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::render::{Line, field_lines, resource_lines};
use crate::domain::{
    catalog::{BreakingChange, Resource, breaking_changes},
    id::ResourceId,
};

/// A change that a catalog file would make. Entries that the file does not name stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The resource.
    pub resource_id: ResourceId,
    /// The version that it would get: 1 for a new one.
    pub version: u32,
    /// How many fields it would have.
    pub fields: usize,
    /// What differs from the version in force, line by line of the file; empty for a new resource.
    pub differences: Vec<Difference>,
    /// How the new version breaks with the one in force.
    pub breaking: Vec<BreakingChange>,
}

/// One line that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The key, such as `sharing_class` or `field[ZZBH].max_length`; for a whole field `field[ZZBH]`.
    pub path: String,
    /// What is in force; `None`: nothing.
    pub from: Option<String>,
    /// What the file has; `None`: nothing.
    pub to: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.from, &self.to) {
            (None, Some(to)) => write!(f, "+ {} = {to}", self.path),
            (Some(from), None) => write!(f, "- {} = {from}", self.path),
            (from, to) => {
                write!(f, "~ {}: {} → {}", self.path, from.as_deref().unwrap_or(""), to.as_deref().unwrap_or(""))
            }
        }
    }
}

/// What the entries of a file would change of those in force, given with their versions, in the order of the file.
pub fn changes(in_force: &BTreeMap<ResourceId, (u32, Arc<Resource>)>, file: &[Arc<Resource>]) -> Vec<Change> {
    let change = |resource: &Arc<Resource>| {
        let (resource_id, fields) = (resource.resource_id.clone(), resource.fields.len());
        match in_force.get(&resource.resource_id) {
            None => Some(Change { resource_id, version: 1, fields, differences: Vec::new(), breaking: Vec::new() }),
            Some((_, current)) if current == resource => None,
            Some((version, current)) => Some(Change {
                resource_id,
                version: version.saturating_add(1),
                fields,
                differences: differences(current, resource),
                breaking: breaking_changes(current, resource),
            }),
        }
    };
    file.iter().filter_map(change).collect()
}

fn differences(current: &Resource, new: &Resource) -> Vec<Difference> {
    let mut found = lines_that_differ("", &resource_lines(current), &resource_lines(new));
    for field in &new.fields {
        let name = format!("field[{}]", field.code);
        let lines = field_lines(field, new.sharing_class);
        match current.field(field.code.as_str()) {
            Some(old) => {
                let old = field_lines(old, current.sharing_class);
                found.extend(lines_that_differ(&format!("{name}."), &old, &lines));
            }
            None => found.push(Difference { path: name, from: None, to: Some(in_one_line(&lines)) }),
        }
    }
    for field in current.fields.iter().filter(|field| new.field(field.code.as_str()).is_none()) {
        let from = Some(in_one_line(&field_lines(field, current.sharing_class)));
        found.push(Difference { path: format!("field[{}]", field.code), from, to: None });
    }
    let order = |resource: &Resource| {
        let codes = resource.fields.iter().map(|field| field.code.to_string());
        codes.collect::<Vec<_>>().join(", ")
    };
    if found.is_empty() {
        found.push(Difference { path: "field".to_owned(), from: Some(order(current)), to: Some(order(new)) });
    }
    found
}

fn lines_that_differ(prefix: &str, current: &[Line], new: &[Line]) -> Vec<Difference> {
    let value = |lines: &[Line], key: &str| lines.iter().find(|(own, _)| *own == key).map(|(_, value)| value.clone());
    let mut keys: Vec<&str> = new.iter().map(|(key, _)| *key).collect();
    keys.extend(current.iter().map(|(key, _)| *key).filter(|key| value(new, key).is_none()));
    keys.into_iter()
        .map(|key| Difference { path: format!("{prefix}{key}"), from: value(current, key), to: value(new, key) })
        .filter(|difference| difference.from != difference.to)
        .collect()
}

fn in_one_line(lines: &[Line]) -> String {
    let lines = lines.iter().map(|(key, value)| format!("{key} = {}", value.replace('\n', " ")));
    format!("{{ {} }}", lines.collect::<Vec<_>>().join(", "))
}
