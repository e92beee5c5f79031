//! `hutong audit`: a copy of the exchange log, verified by anyone with public keys alone.

mod filter;
mod mirror;
mod reconcile;
mod report;
mod show;
mod verify;

use std::path::Path;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Exit, OrExit as _, Output, Run};
use crate::{
    audit::Error,
    client::{Client, Profile},
    files,
    sign::LogVerifier,
    tlog::VerifierKey,
};

/// Copy the exchange log, verify a copy, and read it
#[derive(Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand)]
enum AuditCommand {
    Mirror(mirror::Mirror),
    Verify(verify::Verify),
    Reconcile(reconcile::Reconcile),
    Report(report::Report),
    Show(show::Show),
}

impl Run for Audit {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            AuditCommand::Mirror(args) => args.run(output),
            AuditCommand::Verify(args) => args.run(output),
            AuditCommand::Reconcile(args) => args.run(output),
            AuditCommand::Report(args) => args.run(output),
            AuditCommand::Show(args) => args.run(output),
        }
    }
}

/// The code with which the program ends on an error of an audit.
fn exit_of(error: &Error) -> Exit {
    match error {
        // What contradicts the log's own signature, or a copy that was proved, is what audits are for.
        Error::RolledBack { .. } | Error::TwoHistories { .. } | Error::FalseEntries { .. } | Error::Damaged { .. } => {
            Exit::Findings
        }
        Error::NoLog(_) | Error::Untrusted { .. } | Error::TooMuch { .. } => Exit::BadInput,
        Error::Period { .. } => Exit::Usage,
        Error::ForeignLog { .. } => Exit::Config,
        Error::InUse(_) => Exit::CannotCreate,
        Error::Source { source, .. } => exit_of_source(source.as_ref()),
        Error::Io { .. } | Error::Tree(_) => Exit::Failed,
    }
}

fn exit_of_source(source: &(dyn std::error::Error + Send + Sync + 'static)) -> Exit {
    use tonic::Code;
    match source.downcast_ref::<tonic::Status>().map(tonic::Status::code) {
        Some(Code::PermissionDenied | Code::Unauthenticated | Code::FailedPrecondition | Code::InvalidArgument) => {
            Exit::Refused
        }
        Some(_) => Exit::Unavailable,
        None => Exit::Failed,
    }
}

/// Gives an error of an audit its exit code.
fn or_exit<T>(result: Result<T, Error>, context: &str) -> anyhow::Result<T> {
    result.map_err(|error| (exit_of(&error), error)).or_else(|(exit, error)| Err(error).or_exit(exit, context))
}

/// Connects to the hub of a profile.
async fn connect(profile: &Profile) -> anyhow::Result<Client> {
    super::system::connect(profile).await.context("cannot reach the hub")
}

/// The key in a vkey file.
fn read_log_key(path: &Path) -> anyhow::Result<LogVerifier> {
    let context = || format!("cannot take the log's key from {}", path.display());
    let text = files::read_text(path).or_exit(Exit::Config, context())?;
    let vkey: VerifierKey = text.trim_end().parse().or_exit(Exit::Config, context())?;
    LogVerifier::new(vkey).or_exit(Exit::Config, context())
}

/// A bar on stderr that says how many entries are done; nothing where stderr is no terminal.
fn entries_bar(verb: &'static str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(0).with_message(verb);
    let template = "{msg} {bar:30} {human_pos}/{human_len} entries {per_sec} {eta}";
    match indicatif::ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Reports progress on a bar.
fn advance(bar: &indicatif::ProgressBar) -> impl FnMut(u64, u64) + '_ {
    |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    }
}
