//! `hutong issuing-right withdraw`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Exit, Output, Run, block_on,
        system::{AsSystem, OrHub as _},
    },
    domain::{id::ResourceId, identifier::Uscc},
};

/// End a department's right to publish records of another's resource
///
/// Only for administrators. What the department published stays as it is; who succeeds it may continue it.
#[derive(Args)]
pub(in crate::cli) struct Withdraw {
    #[command(flatten)]
    as_system: AsSystem,
    /// The department's unified social credit code
    #[arg(value_name = "USCC")]
    department: Uscc,
    /// The resource, such as samr.business-licence
    #[arg(value_name = "RESOURCE")]
    resource: ResourceId,
}

/// What was withdrawn, and the entry that says so.
#[derive(Serialize)]
struct Withdrawn {
    resource: String,
    department: String,
    entry: u64,
}

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} may no longer publish records of {}, entry {}", self.department, self.resource, self.entry)
    }
}

impl Run for Withdraw {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let (resource, department) = (self.resource.to_string(), self.department.to_string());
        let changed = block_on(async {
            let client = self.as_system.connect().await?;
            client.withdraw_issuing_right(self.resource, self.department).await.or_hub("cannot withdraw the right")
        })?;
        output.print(&Withdrawn { resource, department, entry: changed.receipt.index })?;
        Ok(Exit::Success)
    }
}
