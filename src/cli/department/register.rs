//! `hutong department register`.

use std::{collections::BTreeSet, fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Exit, OrExit as _, Output, Run, block_on,
        key::read_request,
        system::{AsSystem, OrHub as _},
    },
    domain::{
        directory::Capability,
        id::{DomainName, SystemId},
        identifier::Uscc,
    },
};

/// Register a department, or rename it; with --system one of its systems too, with --key that system's key
///
/// Only for administrators. A system that is registered again gets exactly the capabilities named now.
#[derive(Args)]
pub(in crate::cli) struct Register {
    #[command(flatten)]
    as_system: AsSystem,
    /// The department's unified social credit code
    #[arg(value_name = "USCC")]
    uscc: Uscc,
    /// The department's name, such as 某市住房和城乡建设局
    #[arg(value_name = "NAME")]
    name: String,
    /// The name of a system of the department, such as permits
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// What the system may do: publish, query, sign-agreements, administer, audit, trace; repeat for more
    #[arg(long = "capability", value_name = "CAPABILITY", requires = "system", value_parser = capability)]
    capabilities: Vec<Capability>,
    /// The key request of the system's signing key, of `hutong key new`
    #[arg(long, value_name = "FILE", requires = "system")]
    key: Option<PathBuf>,
}

/// Reads a capability.
pub(in crate::cli) fn capability(text: &str) -> Result<Capability, String> {
    let allowed = || Capability::ALL.map(Capability::as_str).join(", ");
    Capability::from_code(text).ok_or_else(|| format!("allowed are {}", allowed()))
}

/// What was registered, and the entries that say so.
#[derive(Serialize)]
struct Registered {
    uscc: String,
    name: String,
    system: Option<String>,
    capabilities: Vec<&'static str>,
    kid: Option<String>,
    entries: Vec<u64>,
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "department  {} {}", self.uscc, self.name)?;
        if let Some(system) = &self.system {
            writeln!(f, "system      {system}")?;
            writeln!(f, "may         {}", self.capabilities.join(", "))?;
        }
        if let Some(kid) = &self.kid {
            writeln!(f, "key         {kid}")?;
        }
        let entries: Vec<_> = self.entries.iter().map(ToString::to_string).collect();
        write!(f, "entries     {}", entries.join(", "))
    }
}

impl Run for Register {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let key = self.key.as_deref().map(read_request).transpose()?;
        let registered = block_on(async {
            let client = self.as_system.connect().await?;
            let mut entries = Vec::new();
            let system = match &self.system {
                Some(name) => {
                    let domain: DomainName = client.system().trust_domain().parse()?;
                    Some(SystemId::new(&domain, &self.uscc, name).or_exit(Exit::Usage, "--system")?)
                }
                None => None,
            };
            if let Some(request) = key.as_ref().filter(|request| Some(&request.system) != system.as_ref()) {
                let why = anyhow::anyhow!("it is of {}", request.system);
                return Err(why).or_exit(Exit::BadInput, "the key request is not of the system named");
            }
            let kid = key.as_ref().map(|request| request.key.kid().to_owned());
            let changed = client.register_department(self.uscc, &self.name).await;
            entries.push(changed.or_hub("cannot register the department")?.receipt.index);
            let capabilities: BTreeSet<Capability> = self.capabilities.iter().copied().collect();
            if let Some(system) = &system {
                let changed = client.register_system(system.clone(), capabilities.clone()).await;
                entries.push(changed.or_hub("the department is registered, its system is not")?.receipt.index);
            }
            if let Some(request) = key {
                let changed = client.register_key(request).await;
                entries.push(changed.or_hub("department and system are registered, the key is not")?.receipt.index);
            }
            Ok(Registered {
                uscc: self.uscc.as_str().to_owned(),
                name: self.name.clone(),
                system: system.map(|system| system.to_string()),
                capabilities: capabilities.into_iter().map(Capability::as_str).collect(),
                kid,
                entries,
            })
        })?;
        output.print(&registered)?;
        Ok(Exit::Success)
    }
}
