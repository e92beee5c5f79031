//! `hutong catalog export`.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use crate::{
    catalog::{self, Content, MAX_FILE_BYTES},
    cli::{
        Exit, OrExit as _, Output, Row, Run, block_on, counted, progress,
        system::{AsSystem, OrHub as _},
    },
    client::{Client, Error},
    domain::{
        catalog::Resource,
        id::{CodeTableId, ResourceId},
    },
    files::{self, Readable},
};

/// Write the catalog in force as catalog files, or as the Excel template that departments keep
///
/// What is written lints clean, and plans to no change. Code tables are written in their newest versions.
#[derive(Args)]
pub(in crate::cli) struct Export {
    /// Only these resources, and the code tables that they follow [default: everything]
    resources: Vec<ResourceId>,
    /// The file; or a folder (there already, or named with / at its end), for a file for each resource and each code table [default:
    /// standard output]
    #[arg(short, long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// Write an Excel workbook
    #[arg(long, requires = "out")]
    xlsx: bool,
    #[command(flatten)]
    as_system: AsSystem,
}

/// A file that was written.
#[derive(Serialize)]
struct Exported {
    file: String,
    resources: usize,
    code_tables: usize,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, resources, code_tables } = self;
        write!(f, "{file}: {}, {}", counted(*resources, "resource"), counted(*code_tables, "code table"))
    }
}

impl Row for Exported {
    const HEADINGS: &'static [&'static str] = &["FILE", "RESOURCES", "CODE TABLES"];

    fn cells(&self) -> Vec<String> {
        vec![self.file.clone(), self.resources.to_string(), self.code_tables.to_string()]
    }
}

impl Run for Export {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let content = block_on(async {
            let client = self.as_system.connect().await?;
            let _waiting = progress::waiting("reading the catalog in force");
            content(&client, &self.resources).await.or_hub("cannot read the catalog in force")
        })?;
        match &self.out {
            None => std::io::Write::write_all(&mut std::io::stdout().lock(), text(&content).as_bytes())?,
            Some(path) if self.xlsx => {
                let workbook = catalog::to_workbook(&content).or_exit(Exit::Failed, "cannot make the workbook")?;
                output.print(&put(path, &workbook, &content)?)?;
            }
            Some(path) if is_folder(path) => output.list(&write_all(path, content)?)?,
            Some(path) => output.print(&write(path, &content)?)?,
        }
        Ok(Exit::Success)
    }
}

/// The resources asked for, or all, each as it is in force; and the newest versions of their code tables, or of all.
async fn content(client: &Client, asked: &[ResourceId]) -> Result<Content, Error> {
    let mut resources: BTreeMap<ResourceId, Resource> = BTreeMap::new();
    let mut take = |resource: &Resource| resources.insert(resource.resource_id.clone(), resource.clone());
    if asked.is_empty() {
        client.catalog().await?.0.iter().for_each(|entry| drop(take(&entry.resource)));
    }
    for id in asked {
        take(&client.resource(id).await?.resource);
    }
    let is_followed =
        |id: &CodeTableId| resources.values().flat_map(Resource::code_table_refs).any(|own| own.table_id == *id);
    let mut tables = client.code_tables().await?;
    tables.retain(|table| asked.is_empty() || is_followed(table.table_id()));
    let code_tables = tables.iter().map(|table| (**table).clone()).collect();
    Ok(Content { code_tables, resources: resources.into_values().collect() })
}

fn text(content: &Content) -> String {
    catalog::render(&content.code_tables, &content.resources)
}

fn write(path: &Path, content: &Content) -> anyhow::Result<Exported> {
    let text = text(content);
    let too_large = format!("{} bytes are more than a catalog file may have: name a folder, with --out", text.len());
    (text.len() <= MAX_FILE_BYTES).then_some(()).or_exit(Exit::CannotCreate, too_large)?;
    put(path, text.as_bytes(), content)
}

fn put(path: &Path, bytes: &[u8], content: &Content) -> anyhow::Result<Exported> {
    files::replace(path, bytes, Readable::ByAll)
        .or_exit(Exit::CannotCreate, format!("cannot write {}", path.display()))?;
    let (resources, code_tables) = (content.resources.len(), content.code_tables.len());
    Ok(Exported { file: path.display().to_string(), resources, code_tables })
}

/// Whether a path names a folder: one that is there, or a name that ends like one.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// Writes a file for each resource and each code table, named by it.
fn write_all(folder: &Path, content: Content) -> anyhow::Result<Vec<Exported>> {
    let tables = content.code_tables.into_iter().map(|table| {
        // No resource has an underscore in its id.
        let name = format!("code_table.{}.toml", table.table_id());
        (name, Content { code_tables: vec![table], resources: Vec::new() })
    });
    let resources = content.resources.into_iter().map(|resource| {
        let name = format!("{}.toml", resource.resource_id);
        (name, Content { code_tables: Vec::new(), resources: vec![resource] })
    });
    std::fs::create_dir_all(folder).or_exit(Exit::CannotCreate, format!("cannot create {}", folder.display()))?;
    tables.chain(resources).map(|(name, content)| write(&folder.join(name), &content)).collect()
}
