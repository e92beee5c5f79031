//! `hutong department`: departments 部门, their systems and what these may do.

mod list;
mod register;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run};

/// Register and list departments, their systems and keys
#[derive(Args)]
pub(super) struct Department {
    #[command(subcommand)]
    command: DepartmentCommand,
}

#[derive(Subcommand)]
enum DepartmentCommand {
    Register(register::Register),
    List(list::List),
}

impl Run for Department {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            DepartmentCommand::Register(args) => args.run(output),
            DepartmentCommand::List(args) => args.run(output),
        }
    }
}
