//! `hutong department show`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::list::ListedKey;
use crate::{
    cli::{
        Exit, Output, Run, block_on,
        system::{AsSystem, OrHub as _},
    },
    domain::{
        directory::{Capability, Directory},
        identifier::Uscc,
    },
    wire::proto::AgreementSelection,
};

/// Show a department: its systems with all of their keys, the resources it provides, its rights and the agreements that this
/// system may read
#[derive(Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    as_system: AsSystem,
    /// The department's unified social credit code
    #[arg(value_name = "USCC")]
    uscc: Uscc,
}

/// A department and its part in the hub.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Shown {
    uscc: String,
    name: String,
    systems: Vec<ShownSystem>,
    /// The resources of which it is the provider.
    provides: Vec<String>,
    /// The resources that it may issue beside their providers.
    issues: Vec<String>,
    agreements: Vec<ShownParty>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
struct ShownSystem {
    system: String,
    capabilities: Vec<&'static str>,
    keys: Vec<ListedKey>,
}

/// An agreement to which it is a party.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct ShownParty {
    agreement: String,
    party: &'static str,
    state: String,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.uscc, self.name)?;
        for system in &self.systems {
            let may =
                if system.capabilities.is_empty() { "nothing".to_owned() } else { system.capabilities.join(", ") };
            write!(f, "\nsystem     {}\n  may      {may}", system.system)?;
            for key in &system.keys {
                write!(f, "\n  key      {key}")?;
            }
        }
        let lists = [("provides", &self.provides), ("may issue", &self.issues)];
        for (name, resources) in lists {
            for resource in resources {
                write!(f, "\n{name:<10} {resource}")?;
            }
        }
        for party in &self.agreements {
            write!(f, "\n{:<10} of {}, {}", party.party, party.agreement, party.state)?;
        }
        Ok(())
    }
}

impl Run for Show {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let uscc = self.uscc;
        let shown = block_on(async {
            let client = self.as_system.connect().await?;
            let directory = client.department(&uscc).await.or_hub("cannot read the department")?;
            let (catalog, _) = client.catalog().await.or_hub("cannot read the catalog")?;
            let rights = client.issuing_rights().await.or_hub("cannot list the issuing rights")?;
            let agreements =
                client.agreements(AgreementSelection::Unspecified).await.or_hub("cannot list the agreements")?;
            let provided = catalog.iter().map(|entry| &entry.resource).filter(|resource| resource.provider == uscc);
            let issued = rights.iter().filter(|right| right.grant.department == uscc && right.ended_index.is_none());
            let parties = agreements.iter().filter_map(|shown| {
                let text = &shown.version.text;
                let party = match uscc {
                    _ if uscc == text.consumer => "consumer",
                    _ if uscc == text.provider => "provider",
                    _ => return None,
                };
                let state = format!("{:?}", shown.version.state).to_uppercase();
                Some(ShownParty { agreement: text.agreement_id.to_string(), party, state })
            });
            Ok(Shown {
                provides: provided.map(|resource| resource.resource_id.to_string()).collect(),
                issues: issued
                    .map(|right| format!("{} until {}", right.grant.resource_id, right.grant.valid_until))
                    .collect(),
                agreements: parties.collect(),
                ..of_directory(&directory, &uscc)
            })
        })?;
        output.print(&shown)?;
        Ok(Exit::Success)
    }
}

fn of_directory(directory: &Directory, uscc: &Uscc) -> Shown {
    let systems = directory.systems_of(uscc).map(|(id, system)| ShownSystem {
        system: id.to_string(),
        capabilities: system.capabilities.iter().copied().map(Capability::as_str).collect(),
        keys: system.keys.iter().filter_map(|kid| directory.keys.get(kid)).map(ListedKey::new).collect(),
    });
    Shown {
        uscc: uscc.as_str().to_owned(),
        name: directory.departments.get(uscc).cloned().unwrap_or_default(),
        systems: systems.collect(),
        provides: Vec::new(),
        issues: Vec::new(),
        agreements: Vec::new(),
    }
}
