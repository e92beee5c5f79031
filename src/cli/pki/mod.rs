//! `hutong pki`: certificates of the development CA.

mod issue;

use clap::{Args, Subcommand};

pub(super) use issue::write;

use super::{Exit, Output, Run};

/// Issue certificates from the development CA that `hutong init` makes
#[derive(Args)]
pub(super) struct Pki {
    #[command(subcommand)]
    command: PkiCommand,
}

#[derive(Subcommand)]
enum PkiCommand {
    Issue(issue::Issue),
}

impl Run for Pki {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            PkiCommand::Issue(args) => args.run(output),
        }
    }
}
