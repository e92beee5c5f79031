//! `hutong catalog schema`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::{
    catalog,
    cli::{Exit, OrExit as _, Output, Run, block_on, system::connect},
    client::Profile,
    domain::{catalog::Resource, id::ResourceId},
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
                schema::document(
                    &resource.ok_or_else(|| anyhow::anyhow!(problem)).or_exit(Exit::BadInput, "no schema")?,
                    1,
                )
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
    fn find(&self, resources: Vec<Resource>) -> Option<Resource> {
        resources.into_iter().find(|resource| resource.resource_id == self.resource)
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
