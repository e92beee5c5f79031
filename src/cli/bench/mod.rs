//! `hutong bench`: what a hub can do.

mod city;
mod echo;
mod load;
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
    Load(load::Load),
    #[command(hide = true)]
    Echo(echo::Echo),
}

impl Run for Bench {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            Command::City(args) => args.run(output),
            Command::Load(args) => args.run(output),
            Command::Echo(args) => args.run(output),
        }
    }
}

/// For how long something is measured.
fn seconds(text: &str) -> Result<f64, &'static str> {
    let seconds: Option<f64> = text.parse().ok();
    seconds.filter(|seconds| (0.1..=3_600.0).contains(seconds)).ok_or("allowed are 0.1 to 3600")
}
