//! `hutong catalog new`.

use std::fmt;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::{
    catalog,
    cli::{Exit, Output, Run},
    domain::{id::ResourceId, identifier::Uscc},
};

/// Print a catalog file to begin with: one resource with the fields of its kind's standard, in order as it stands
#[derive(Args)]
pub(in crate::cli) struct New {
    /// The kind of resource
    #[arg(long, value_enum)]
    kind: Kind,
    /// The resource, such as samr.business-licence
    #[arg(long)]
    id: ResourceId,
    /// Its name 信息资源名称
    #[arg(long)]
    name: String,
    /// The credit code of the department that provides it
    #[arg(long, value_name = "USCC")]
    provider: Uscc,
}

/// A kind of resource whose fields a standard names.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A licence 电子证照, with the metadata of GB/T 36903
    Licence,
}

/// The file.
#[derive(Serialize)]
struct File {
    file: String,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file.trim_end())
    }
}

impl Run for New {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let resource = match self.kind {
            Kind::Licence => catalog::new_licence(self.id, self.name, self.provider)?,
        };
        output.print(&File { file: catalog::render([], [&resource]) })?;
        Ok(Exit::Success)
    }
}
