//! The command line: one file per subcommand.
//!
//! To add a subcommand `x`: a file `x.rs` with a struct that derives [`clap::Args`] (its doc comment is the help) and
//! implements [`Run`], then one line `mod x;` and one line in `commands!` below.

mod agreement;
mod audit;
mod bench;
mod calendar;
mod catalog;
mod deadline;
mod demo;
mod department;
mod example_data;
mod exit;
mod fault;
mod fsck;
mod init;
mod issuing_right;
mod key;
mod licence_id;
mod opening;
mod output;
mod pki;
mod profile;
mod progress;
mod publish;
mod query;
mod receipt;
mod refusal;
mod rollover;
mod saved;
mod seal;
mod search;
mod serve;
mod system;
mod trace;
mod verify;
mod when;
mod witness;

use std::process::ExitCode;

use clap::Parser;

use crate::domain::time::{Date, Time};

pub use self::{
    exit::{Exit, OrExit},
    output::{Output, Row, counted},
};

/// What every subcommand does.
pub trait Run {
    /// Does it. Results go to `output`, what is said about the work to stderr.
    ///
    /// # Errors
    /// Whatever went wrong, with context from the whole to the detail; the exit code is the one given with
    /// [`OrExit::or_exit`], or [`Exit::Failed`].
    fn run(self, output: &Output) -> anyhow::Result<Exit>;
}

/// Declares the subcommands: the name in the program, and the type that is its arguments and runs it.
macro_rules! commands {
    ($($name:ident($args:ty),)*) => {
        #[derive(clap::Subcommand)]
        enum Command { $($name($args),)* }

        impl Run for Command {
            fn run(self, output: &Output) -> anyhow::Result<Exit> {
                match self { $(Self::$name(args) => args.run(output),)* }
            }
        }
    };
}

commands! {
    Demo(demo::Demo),
    Init(init::Init),
    Serve(serve::Serve),
    Pki(pki::Pki),
    Key(key::Key),
    Profile(profile::Profile),
    Department(department::Department),
    Catalog(catalog::Catalog),
    Calendar(calendar::Calendar),
    IssuingRight(issuing_right::IssuingRight),
    Deadline(deadline::Deadline),
    Agreement(agreement::Agreement),
    LicenceId(licence_id::LicenceId),
    Publish(publish::Publish),
    Query(query::Query),
    Receipt(receipt::Receipt),
    Verify(verify::Verify),
    Seal(seal::Seal),
    Audit(audit::Audit),
    Witness(witness::Witness),
    Trace(trace::Trace),
    Opening(opening::Opening),
    Fsck(fsck::Fsck),
    Rollover(rollover::Rollover),
    ExampleData(example_data::ExampleData),
    Bench(bench::Bench),
}

/// Hutong (互通): a data-sharing exchange hub for government departments, with evidence for every act.
#[derive(Parser)]
#[command(name = "hutong", version, propagate_version = true, after_help = exit::HELP, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

/// Runs the program named by the command line, and says on stderr what went wrong.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.run(&cli.output) {
        Ok(exit) => exit.into(),
        Err(error) => {
            exit::report(&error);
            exit::of(&error).into()
        }
    }
}

/// Now, by this machine's clock.
///
/// # Errors
/// When the clock is before year 1 or after year 9999.
pub fn now() -> anyhow::Result<Time> {
    let millis = jiff::Timestamp::now().as_millisecond();
    Time::from_millis(millis).ok_or_else(|| anyhow::anyhow!("the machine's clock is set to an impossible time"))
}

/// A time on the command line: RFC 3339 with an offset.
///
/// # Errors
/// What is allowed instead.
pub(crate) fn time(text: &str) -> Result<Time, &'static str> {
    let time = text.parse::<jiff::Timestamp>().ok();
    time.and_then(|time| Time::from_millis(time.as_millisecond())).ok_or("allowed is RFC 3339 with an offset")
}

/// Today's date in UTC.
///
/// # Errors
/// As [`now`].
pub fn today() -> anyhow::Result<Date> {
    Ok(now()?.civil_day(0))
}

/// Runs a command that waits for the network, on the current thread.
///
/// # Errors
/// The command's own, and what the system says when it gives no event queue.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    use anyhow::Context as _;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the asynchronous runtime")?.block_on(future)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// A command without help is of no use to someone who works from `--help`.
    #[test]
    fn every_command_and_every_argument_has_help() {
        fn check(command: &clap::Command, path: &str) {
            assert!(command.get_about().is_some(), "{path} has no help");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path}: {} has no help", argument.get_id());
            }
            for inner in command.get_subcommands() {
                check(inner, &format!("{path} {}", inner.get_name()));
            }
        }
        let mut command = Cli::command();
        command.build();
        check(&command, "hutong");
    }
}
