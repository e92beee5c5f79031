//! `hutong issuing-right`: who may publish records of a resource beside its provider 颁发权限.

mod grant;
mod list;
mod withdraw;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run};

/// Grant, withdraw and list the rights to publish records of another department's resource 颁发权限
#[derive(Args)]
pub(super) struct IssuingRight {
    #[command(subcommand)]
    command: IssuingRightCommand,
}

#[derive(Subcommand)]
enum IssuingRightCommand {
    Grant(grant::Grant),
    Withdraw(withdraw::Withdraw),
    List(list::List),
}

impl Run for IssuingRight {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            IssuingRightCommand::Grant(args) => args.run(output),
            IssuingRightCommand::Withdraw(args) => args.run(output),
            IssuingRightCommand::List(args) => args.run(output),
        }
    }
}
