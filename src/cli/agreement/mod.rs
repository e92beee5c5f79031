//! `hutong agreement`: agreements 共享协议, from the proposal to the end.

mod condition;
mod diff;
mod draft;
mod file;
mod life;
mod lint;
mod list;
mod propose;
mod show;
mod simulate;

use clap::{Args, Subcommand};

use super::{Exit, Output, Run};
use crate::domain::{
    agreement::{AgreementState, AgreementVersion, LookupKind},
    answer::Awaited,
    time::Time,
};

/// Propose, sign, suspend, end and read agreements 共享协议
#[derive(Args)]
pub(super) struct Agreement {
    #[command(subcommand)]
    command: AgreementCommand,
}

#[derive(Subcommand)]
enum AgreementCommand {
    New(draft::New),
    Lint(lint::Lint),
    Propose(propose::Propose),
    Extend(propose::Extend),
    Accept(life::Accept),
    Activate(life::Activate),
    Reject(life::Reject),
    Defer(life::Defer),
    Withdraw(life::Withdraw),
    Suspend(life::Suspend),
    Resume(life::Resume),
    Terminate(life::Terminate),
    Diff(diff::Diff),
    List(list::List),
    Show(show::Show),
    Simulate(simulate::Simulate),
}

impl Run for Agreement {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            AgreementCommand::New(args) => args.run(output),
            AgreementCommand::Lint(args) => args.run(output),
            AgreementCommand::Propose(args) => args.run(output),
            AgreementCommand::Extend(args) => args.run(output),
            AgreementCommand::Accept(args) => args.run(output),
            AgreementCommand::Activate(args) => args.run(output),
            AgreementCommand::Reject(args) => args.run(output),
            AgreementCommand::Defer(args) => args.run(output),
            AgreementCommand::Withdraw(args) => args.run(output),
            AgreementCommand::Suspend(args) => args.run(output),
            AgreementCommand::Resume(args) => args.run(output),
            AgreementCommand::Terminate(args) => args.run(output),
            AgreementCommand::Diff(args) => args.run(output),
            AgreementCommand::List(args) => args.run(output),
            AgreementCommand::Show(args) => args.run(output),
            AgreementCommand::Simulate(args) => args.run(output),
        }
    }
}

/// Where a version stands at a moment, by code and Chinese name: what is in force ends with its validity.
fn standing(version: &AgreementVersion, now: Time) -> (&'static str, &'static str) {
    let is_over = version.text.valid_until <= now;
    match version.state {
        // What was proposed and is over by now can be put into force no more, either.
        state
            if is_over
                && (state.is_pending() || matches!(state, AgreementState::Active | AgreementState::Suspended)) =>
        {
            ("EXPIRED", "到期")
        }
        other => state(other),
    }
}

/// A state by its code and its Chinese name.
pub(super) fn state(state: AgreementState) -> (&'static str, &'static str) {
    match state {
        AgreementState::Proposed => ("PROPOSED", "待审核"),
        AgreementState::Accepted => ("ACCEPTED", "提供方已同意"),
        AgreementState::Active => ("ACTIVE", "已生效"),
        AgreementState::Suspended => ("SUSPENDED", "暂停"),
        AgreementState::Terminated => ("TERMINATED", "终止"),
        AgreementState::Rejected => ("REJECTED", "驳回"),
        AgreementState::Withdrawn => ("WITHDRAWN", "撤回"),
    }
}

/// Whose answer is awaited, by code and Chinese name.
fn awaited(awaited: Awaited) -> (&'static str, &'static str) {
    match awaited {
        Awaited::Provider => ("provider", "提供方"),
        Awaited::Authority => ("authority", "共享主管部门"),
    }
}

/// A lookup by its code and its Chinese name.
fn lookup(kind: LookupKind) -> (&'static str, &'static str) {
    match kind {
        LookupKind::Record => (kind.as_str(), "按证照标识"),
        LookupKind::Holder => (kind.as_str(), "按持证主体"),
    }
}
