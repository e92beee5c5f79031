//! `hutong deadline`: by when proposals of agreements must be answered 答复时限.

mod apply;
mod file;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run, fault::in_order};

/// Check, show and set by when proposals of agreements must be answered 答复时限, in working days
#[derive(Args)]
pub(super) struct Deadline {
    #[command(subcommand)]
    command: DeadlineCommand,
}

#[derive(Subcommand)]
enum DeadlineCommand {
    Lint(Lint),
    Apply(apply::Apply),
    Show(show::Show),
}

impl Run for Deadline {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            DeadlineCommand::Lint(args) => args.run(output),
            DeadlineCommand::Apply(args) => args.run(output),
            DeadlineCommand::Show(args) => args.run(output),
        }
    }
}

/// Check a file of deadlines, without a hub: everything that is wrong with it at once, as file:line:column
///
/// Exit code 0: the file may be applied; 1: there are findings.
#[derive(Args)]
struct Lint {
    /// The file, TOML in UTF-8
    file: PathBuf,
}

impl Run for Lint {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let Some(terms) = in_order(output, file::read(&self.file)?)? else { return Ok(Exit::Findings) };
        output.list(&show::rows(&terms))?;
        Ok(Exit::Success)
    }
}
