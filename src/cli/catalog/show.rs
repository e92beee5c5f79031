//! `hutong catalog show`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::{
    catalog,
    cli::{Exit, OrExit as _, Output, Row, Run, block_on, system::connect},
    client::{CatalogEntry, Profile},
    domain::id::ResourceId,
};

/// Show the catalog in force: a list, or one resource in full as it would stand in a catalog file
#[derive(Args)]
pub(in crate::cli) struct Show {
    /// The resource, such as samr.business-licence [default: a list of all]
    resource: Option<ResourceId>,
    /// The profile of a registered system
    #[arg(long, value_name = "FILE", env = "HUTONG_PROFILE")]
    profile: PathBuf,
}

/// A line of the list.
#[derive(Serialize)]
struct Listed {
    resource: String,
    version: u32,
    name: String,
    provider: String,
    sharing_class: String,
    fields: usize,
}

impl Row for Listed {
    const HEADINGS: &'static [&'static str] = &["RESOURCE", "VERSION", "NAME", "PROVIDER", "SHARING CLASS", "FIELDS"];

    fn cells(&self) -> Vec<String> {
        let Self { resource, version, name, provider, sharing_class, fields } = self;
        [resource, &version.to_string(), name, provider, sharing_class, &fields.to_string()].map(Clone::clone).to_vec()
    }
}

impl From<&CatalogEntry> for Listed {
    fn from(entry: &CatalogEntry) -> Self {
        let resource = &entry.resource;
        Self {
            resource: resource.resource_id.to_string(),
            version: entry.version,
            name: resource.name.clone(),
            provider: resource.provider.to_string(),
            sharing_class: catalog::sharing_class_word(resource.sharing_class).to_owned(),
            fields: resource.fields.len(),
        }
    }
}

impl Run for Show {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let profile = Profile::read(&self.profile).or_exit(Exit::Config, "cannot show the catalog")?;
        let entries = block_on(async {
            let client = connect(&profile).await?;
            match &self.resource {
                Some(resource) => Ok(vec![client.resource(resource).await?]),
                None => Ok(client.catalog().await?.0),
            }
        })?;
        if self.resource.is_none() {
            output.list(&entries.iter().map(Listed::from).collect::<Vec<_>>())?;
        } else {
            for entry in &entries {
                output.print(&Full::new(entry)?)?;
            }
        }
        Ok(Exit::Success)
    }
}

/// A resource in full: for people as a file has it, for machines the same keys as JSON.
#[derive(Serialize)]
struct Full {
    version: u32,
    #[serde(flatten)]
    keys: Value,
    #[serde(skip)]
    file: String,
}

impl Full {
    fn new(entry: &CatalogEntry) -> anyhow::Result<Self> {
        let file = catalog::render([], [&*entry.resource]);
        let mut document: Value = toml::from_str(&file)?;
        let keys = document.pointer_mut("/resource/0").map(Value::take).unwrap_or_default();
        Ok(Self { version: entry.version, keys, file })
    }
}

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "# version {}\n{}", self.version, self.file)
    }
}
