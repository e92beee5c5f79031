//! `hutong catalog schema`.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::{
    catalog::{self, Content},
    cli::{Exit, OrExit as _, Output, Run, block_on, system::connect},
    client::Profile,
    domain::{
        catalog::{CatalogPart, CodeTableRef, Resource},
        id::ResourceId,
    },
    schema,
};

/// Print a resource's records as a JSON Schema (draft 2020-12), for programs that make or read them
///
/// The hub checks records with this very document. Validators of others understand it; where they do not know the formats of
/// identifiers, they check their patterns.
#[derive(Args)]
pub(in crate::cli) struct Schema {
    /// The resource, such as samr.business-licence
    resource: ResourceId,
    /// The profile of a registered system: the resource as it is in force
    #[arg(long, value_name = "FILE", required_unless_present = "file")]
    profile: Option<PathBuf>,
    /// A catalog file: the resource as it would be, as version 1
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    file: Option<PathBuf>,
}

impl Run for Schema {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let document = match (&self.file, &self.profile) {
            (Some(file), _) => {
                let resource = self.find(catalog::parse(&super::read(file)?).unwrap_or_default());
                let problem = format!("{} has no resource {} in order", file.display(), self.resource);
                let resource = resource.ok_or_else(|| anyhow::anyhow!(problem)).or_exit(Exit::BadInput, "no schema")?;
                schema::document(resource.as_ref(), 1)
            }
            (None, profile) => {
                let profile = profile.as_deref().unwrap_or(std::path::Path::new(""));
                let profile = Profile::read(profile).or_exit(Exit::Config, "cannot ask for the catalog")?;
                let entry = block_on(async { Ok(connect(&profile).await?.resource(&self.resource).await?) })?;
                schema::document(&entry.resource, entry.version)
            }
        };
        output.print(&Document(document))?;
        Ok(Exit::Success)
    }
}

impl Schema {
    /// The resource of a file, with the code tables that the file holds too.
    fn find(&self, content: Content) -> Option<Arc<Resource>> {
        let CatalogPart { resources, code_tables } = content.into();
        let resource = resources.into_iter().find(|resource| resource.resource_id == self.resource)?;
        let named = |reference: &CodeTableRef| {
            let found = code_tables.iter().find(|table| *table.table_id() == reference.table_id)?;
            [0, found.version()].contains(&reference.version).then(|| found.clone())
        };
        resource.with_code_tables(named).ok()
    }
}

/// The document: the same for people and for machines, but for the line breaks.
#[derive(Serialize)]
#[serde(transparent)]
struct Document(Value);

impl std::fmt::Display for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}
