//! `hutong profile`: a system's settings.

mod check;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run};

/// Check the profile of a system
#[derive(Args)]
pub(super) struct Profile {
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Subcommand)]
enum ProfileCommand {
    Check(check::Check),
}

impl Run for Profile {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            ProfileCommand::Check(args) => args.run(output),
        }
    }
}
