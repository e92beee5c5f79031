//! `hutong opening`: what the hub keeps of who was asked about.

mod erase;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run};

/// Erase openings: what the hub keeps, sealed, of who was asked about
#[derive(Args)]
pub(super) struct Opening {
    #[command(subcommand)]
    command: OpeningCommand,
}

#[derive(Subcommand)]
enum OpeningCommand {
    Erase(erase::Erase),
}

impl Run for Opening {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            OpeningCommand::Erase(args) => args.run(output),
        }
    }
}
