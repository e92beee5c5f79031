//! `hutong calendar`: the working days 工作日历, a file for each year.

mod apply;
mod file;
mod lint;
mod show;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run};

/// Check, show and enter the working days by which answers are due: holidays 法定节假日 and the weekend days worked for them 调休
#[derive(Args)]
pub(super) struct Calendar {
    #[command(subcommand)]
    command: CalendarCommand,
}

#[derive(Subcommand)]
enum CalendarCommand {
    Lint(lint::Lint),
    Apply(apply::Apply),
    Show(show::Show),
}

impl Run for Calendar {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            CalendarCommand::Lint(args) => args.run(output),
            CalendarCommand::Apply(args) => args.run(output),
            CalendarCommand::Show(args) => args.run(output),
        }
    }
}
