//! `hutong catalog`: the catalog 数据目录 as a file, reviewed like code.

mod apply;
mod export;
mod import;
mod lint;
mod new;
mod plan;
mod plan_file;
mod planning;
mod schema;
mod show;
mod shown_plan;

use std::path::Path;

use clap::{Args, Subcommand};

use super::{Exit, OrExit as _, Output, Run};

/// Begin, check, plan, apply, show and export catalogs of resources, written as TOML files; exchange them with Excel
#[derive(Args)]
pub(super) struct Catalog {
    #[command(subcommand)]
    command: CatalogCommand,
}

#[derive(Subcommand)]
enum CatalogCommand {
    New(new::New),
    Lint(lint::Lint),
    Plan(plan::MakePlan),
    Apply(apply::Apply),
    Show(show::Show),
    Export(export::Export),
    Import(import::Import),
    Schema(schema::Schema),
}

impl Run for Catalog {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            CatalogCommand::New(args) => args.run(output),
            CatalogCommand::Lint(args) => args.run(output),
            CatalogCommand::Plan(args) => args.run(output),
            CatalogCommand::Apply(args) => args.run(output),
            CatalogCommand::Show(args) => args.run(output),
            CatalogCommand::Export(args) => args.run(output),
            CatalogCommand::Import(args) => args.run(output),
            CatalogCommand::Schema(args) => args.run(output),
        }
    }
}

/// The bytes of a catalog file.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).or_exit(Exit::BadInput, format!("cannot read {}", file.display()))
}
