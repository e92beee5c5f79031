//! `hutong pki`: certificates of the development CA.

mod issue;
mod revoke;

use clap::{Args, Subcommand};

pub(super) use issue::write;

use super::{Exit, Output, Run};

/// Issue and revoke certificates of the development CA that `hutong init` makes
#[derive(Args)]
pub(super) struct Pki {
    #[command(subcommand)]
    command: PkiCommand,
}

#[derive(Subcommand)]
enum PkiCommand {
    Issue(issue::Issue),
    Revoke(revoke::Revoke),
}

impl Run for Pki {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            PkiCommand::Issue(args) => args.run(output),
            PkiCommand::Revoke(args) => args.run(output),
        }
    }
}
