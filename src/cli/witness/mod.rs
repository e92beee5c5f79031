//! `hutong witness`: a C2SP witness of exchange logs, run by someone who is not their operator.

mod add;
mod init;
mod serve;
mod status;

use clap::{Args, Subcommand};

use super::{Exit, OrExit as _, Output, Run};
use crate::witness::Error;

/// Witness exchange logs: cosign their checkpoints as long as they only grow
///
/// For those who are not the logs' operator: a court, an audit office, another city. A log whose checkpoints need the
/// cosignatures of several witnesses cannot show different histories to different people.
#[derive(Args)]
pub(super) struct Witness {
    #[command(subcommand)]
    command: WitnessCommand,
}

#[derive(Subcommand)]
enum WitnessCommand {
    Init(init::Init),
    Add(add::Add),
    Serve(serve::Serve),
    Status(status::Status),
}

impl Run for Witness {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            WitnessCommand::Init(args) => args.run(output),
            WitnessCommand::Add(args) => args.run(output),
            WitnessCommand::Serve(args) => args.run(output),
            WitnessCommand::Status(args) => args.run(output),
        }
    }
}

/// Gives an error of a witness its exit code.
fn or_exit<T>(result: Result<T, Error>, context: &str) -> anyhow::Result<T> {
    result.or_else(|error| {
        let exit = match &error {
            Error::NotEmpty(_) | Error::InUse(_) | Error::KnownLog { .. } => Exit::CannotCreate,
            Error::NoWitness(_) | Error::File(_) | Error::Key(_) => Exit::Config,
            Error::Damaged { .. } => Exit::Findings,
            Error::Text(_) => Exit::BadInput,
            Error::Io { .. } => Exit::Failed,
        };
        Err(error).or_exit(exit, context)
    })
}
