//! `hutong department`: departments 部门, their systems and what these may do.

mod list;
mod register;
mod retire;
mod show;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run};

/// Register, list, show and retire departments, their systems and keys
#[derive(Args)]
pub(super) struct Department {
    #[command(subcommand)]
    command: DepartmentCommand,
}

#[derive(Subcommand)]
enum DepartmentCommand {
    Register(register::Register),
    List(list::List),
    Show(show::Show),
    Retire(retire::Retire),
}

impl Run for Department {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            DepartmentCommand::Register(args) => args.run(output),
            DepartmentCommand::List(args) => args.run(output),
            DepartmentCommand::Show(args) => args.run(output),
            DepartmentCommand::Retire(args) => args.run(output),
        }
    }
}
