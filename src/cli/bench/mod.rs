//! `hutong bench`: what a hub can do.

mod city;
mod echo;
mod progress;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run};

/// Measure what a hub can do, beside what cannot be left out
#[derive(Args)]
pub(super) struct Bench {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    City(city::City),
    #[command(hide = true)]
    Echo(echo::Echo),
}

impl Run for Bench {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            Command::City(args) => args.run(output),
            Command::Echo(args) => args.run(output),
        }
    }
}
