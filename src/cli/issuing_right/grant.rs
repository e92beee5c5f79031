//! `hutong issuing-right grant`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Exit, Output, Run, block_on,
        system::{AsSystem, OrHub as _},
        when::When,
    },
    domain::{id::ResourceId, identifier::Uscc, issuing::IssuingGrant},
};

/// Give a department the right to publish records of a resource of which another is the provider
///
/// Only for administrators. The provider stays responsible for the catalog entry and the agreements. A right that the department
/// has on the resource is replaced. Each record stays with the department that published it first; one that took over
/// another's jurisdiction continues its records with --succeeds.
#[derive(Args)]
pub(in crate::cli) struct Grant {
    #[command(flatten)]
    as_system: AsSystem,
    /// The department's unified social credit code
    #[arg(value_name = "USCC")]
    department: Uscc,
    /// The resource, such as samr.business-licence
    #[arg(value_name = "RESOURCE")]
    resource: ResourceId,
    /// From when on: a day at +08:00 such as 2026-03-01, or a time with an offset
    #[arg(long, value_name = "WHEN")]
    from: When,
    /// Until when: the end of a day at +08:00, or a time with an offset
    #[arg(long, value_name = "WHEN")]
    until: When,
    /// A department whose records it may continue, having taken over its jurisdiction; repeat for more
    #[arg(long, value_name = "USCC")]
    succeeds: Vec<Uscc>,
}

/// What was granted, and the entry that says so.
#[derive(Serialize)]
struct Granted {
    resource: String,
    department: String,
    valid_from: String,
    valid_until: String,
    succeeds: Vec<String>,
    entry: u64,
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "resource    {}", self.resource)?;
        writeln!(f, "department  {}", self.department)?;
        writeln!(f, "valid       {} to {}", self.valid_from, self.valid_until)?;
        if !self.succeeds.is_empty() {
            writeln!(f, "succeeds    {}", self.succeeds.join(", "))?;
        }
        write!(f, "entry       {}", self.entry)
    }
}

impl Run for Grant {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let grant = IssuingGrant {
            resource_id: self.resource,
            department: self.department,
            valid_from: self.from.begin(),
            valid_until: self.until.end(),
            succeeds: self.succeeds.into_iter().collect(),
        };
        let changed = block_on(async {
            let client = self.as_system.connect().await?;
            client.grant_issuing_right(grant.clone()).await.or_hub("cannot grant the right")
        })?;
        output.print(&Granted {
            resource: grant.resource_id.to_string(),
            department: grant.department.to_string(),
            valid_from: grant.valid_from.to_string(),
            valid_until: grant.valid_until.to_string(),
            succeeds: grant.succeeds.iter().map(ToString::to_string).collect(),
            entry: changed.receipt.index,
        })?;
        Ok(Exit::Success)
    }
}
