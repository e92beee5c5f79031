//! `hutong licence-id`: identifiers of electronic licences 证照标识 (GB/T 36904).

mod check;
mod new;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run};

/// Make and check identifiers of electronic licences 证照标识 (GB/T 36904), without a hub
#[derive(Args)]
pub(super) struct LicenceId {
    #[command(subcommand)]
    command: LicenceIdCommand,
}

#[derive(Subcommand)]
enum LicenceIdCommand {
    New(new::New),
    Check(check::Check),
}

impl Run for LicenceId {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            LicenceIdCommand::New(args) => args.run(output),
            LicenceIdCommand::Check(args) => args.run(output),
        }
    }
}
