//! `hutong key`: keys that sign statements and records.

mod new;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run};

/// Make the keys that sign statements and records
#[derive(Args)]
pub(super) struct Key {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Subcommand)]
enum KeyCommand {
    New(new::New),
}

impl Run for Key {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            KeyCommand::New(args) => args.run(output),
        }
    }
}
