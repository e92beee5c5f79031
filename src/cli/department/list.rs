//! `hutong department list`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Exit, Output, Row, Run, block_on,
        system::{AsSystem, OrHub as _},
    },
    domain::directory::{Capability, Directory, Key},
    wire,
};

/// List the departments, one line for each of their systems
#[derive(Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    as_system: AsSystem,
}

/// A system of a department; a department without one has a line all the same.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Listed {
    uscc: String,
    name: String,
    system: Option<String>,
    capabilities: Vec<&'static str>,
    keys: Vec<ListedKey>,
}

/// A key and its life.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct ListedKey {
    kid: String,
    registered_index: u64,
    retired_index: Option<u64>,
    compromised_since: Option<String>,
}

impl ListedKey {
    pub(super) fn new(key: &Key) -> Self {
        Self {
            kid: wire::kid_to_text(&key.kid),
            registered_index: key.registered_index,
            retired_index: key.retired_index,
            compromised_since: key.compromised_since.map(|time| time.to_string()),
        }
    }
}

impl fmt::Display for ListedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} registered by entry {}", self.kid, self.registered_index)?;
        match (self.retired_index, &self.compromised_since) {
            (Some(entry), Some(since)) => write!(f, ", retired by {entry}, compromised since {since}"),
            (Some(entry), None) => write!(f, ", retired by {entry}"),
            _ => f.write_str(", active"),
        }
    }
}

impl Row for Listed {
    const HEADINGS: &'static [&'static str] = &["CODE", "NAME", "SYSTEM", "MAY", "ACTIVE KEYS"];

    fn cells(&self) -> Vec<String> {
        let name = self.system.as_deref().and_then(|system| system.rsplit('/').next()).unwrap_or("-");
        let active = self.keys.iter().filter(|key| key.retired_index.is_none()).map(|key| key.kid.as_str());
        vec![
            self.uscc.clone(),
            self.name.clone(),
            name.to_owned(),
            or_dash(self.capabilities.join(",")),
            or_dash(active.collect::<Vec<_>>().join(",")),
        ]
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

impl Run for List {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let directory = block_on(async {
            self.as_system.connect().await?.departments().await.or_hub("cannot list the departments")
        })?;
        output.list(&listed(&directory))?;
        Ok(Exit::Success)
    }
}

fn listed(directory: &Directory) -> Vec<Listed> {
    let mut rows = Vec::new();
    for (uscc, name) in &directory.departments {
        let row = |system, capabilities, keys| Listed {
            uscc: uscc.as_str().to_owned(),
            name: name.clone(),
            system,
            capabilities,
            keys,
        };
        let before = rows.len();
        rows.extend(directory.systems_of(uscc).map(|(id, system)| {
            let keys = system.keys.iter().filter_map(|kid| directory.keys.get(kid)).map(ListedKey::new).collect();
            row(Some(id.to_string()), system.capabilities.iter().copied().map(Capability::as_str).collect(), keys)
        }));
        if rows.len() == before {
            rows.push(row(None, Vec::new(), Vec::new()));
        }
    }
    rows
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::domain::directory::System;

    #[test]
    fn a_department_without_systems_is_listed_too() {
        let with: crate::domain::identifier::Uscc = "11440399X00000019A".parse().unwrap();
        let without = "11440399X00000043T".parse().unwrap();
        let system = "spiffe://gov.example/department/11440399X00000019A/system/registry".parse().unwrap();
        let directory = Directory {
            departments: [(with, "甲".to_owned()), (without, "乙".to_owned())].into(),
            systems: [(system, System { capabilities: [Capability::Publish].into(), keys: Vec::new() })].into(),
            ..Directory::default()
        };
        let rows = listed(&directory);
        assert_eq!(rows[0].cells(), ["11440399X00000019A", "甲", "registry", "publish", "-"]);
        assert_eq!(rows[1].cells(), ["11440399X00000043T", "乙", "-", "-", "-"]);
    }
}
