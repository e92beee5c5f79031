//! How the program ends: exit codes that scripts may rely on, and errors that people can work from.

use std::{fmt, io::Write as _, process::ExitCode};

use crate::client;

/// How the program ended. The numbers are a promise to scripts; those from 64 on are of BSD's `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and all was well.
    Success = 0,
    /// Done, and there is something to look at: a check found a fault, or some of many were not accepted.
    Findings = 1,
    /// The command line is wrong. clap ends the program with this code itself.
    Usage = 2,
    /// Done, and nothing is wrong, but a signature is suspect: its key was compromised.
    Suspect = 3,
    /// A file that was given is malformed.
    BadInput = 65,
    /// The hub could not be reached, or did not answer in time.
    Unavailable = 69,
    /// Something else went wrong.
    Failed = 70,
    /// A file or folder cannot be created: it is there already, or its place does not allow it.
    CannotCreate = 73,
    /// A plan no longer fits what is in force: to be made again.
    Outdated = 75,
    /// The hub refused.
    Refused = 77,
    /// The configuration, a profile, or a file it names is wrong.
    Config = 78,
}

/// The same, for `--help`.
pub(super) const HELP: &str = "\
Exit codes:
   0  done, all well
   1  done, and there is something to look at: a fault was found, or some of many were not accepted
   2  the command line is wrong
   3  done, and nothing is wrong, but a signature is suspect: its key was compromised
  65  a file that was given is malformed
  69  the hub could not be reached, or did not answer in time
  70  something else went wrong
  73  a file or folder cannot be created: it is there already, or its place does not allow it
  75  a plan no longer fits what is in force: to be made again
  77  the hub refused
  78  the configuration, a profile, or a file it names is wrong";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        (exit as u8).into()
    }
}

/// Context of an error that also says how the program is to end.
#[derive(Debug)]
struct Ending {
    exit: Exit,
    context: String,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)
    }
}

/// Gives an error its exit code.
pub trait OrExit<T> {
    /// Adds context to an error, and the code with which the program is to end if nothing outside says otherwise.
    ///
    /// # Errors
    /// The error, so dressed.
    fn or_exit(self, exit: Exit, context: impl fmt::Display) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit, context: impl fmt::Display) -> anyhow::Result<T> {
        self.map_err(|error| error.into().context(Ending { exit, context: context.to_string() }))
    }
}

impl<T> OrExit<T> for Option<T> {
    fn or_exit(self, exit: Exit, context: impl fmt::Display) -> anyhow::Result<T> {
        self.ok_or_else(|| anyhow::Error::msg(Ending { exit, context: context.to_string() }))
    }
}

/// The code with which an error ends the program: the one given with it, or what the client library's own says.
pub(super) fn of(error: &anyhow::Error) -> Exit {
    let given = error.downcast_ref::<Ending>().map(|ending| ending.exit);
    let of_client = || error.chain().find_map(|cause| cause.downcast_ref().map(of_client));
    given.or_else(of_client).unwrap_or(Exit::Failed)
}

fn of_client(error: &client::Error) -> Exit {
    use client::Error::{Connect, Input, NoSecret, OutcomeUnknown, Profile, Refused, Rejected, Unavailable};
    match error {
        Refused(_) | Rejected(_) => Exit::Refused,
        Connect { .. } | Unavailable { .. } | OutcomeUnknown { .. } => Exit::Unavailable,
        Profile { .. } | NoSecret => Exit::Config,
        Input { .. } => Exit::BadInput,
        _ => Exit::Failed,
    }
}

/// Says what went wrong, from the whole to the detail.
pub(super) fn report(error: &anyhow::Error) {
    // A reader that has seen enough, such as `head`, is no failure worth a message.
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if !error.chain().any(closed) {
        // When stderr is gone there is nobody to tell.
        let _ = std::io::stderr().write_all(describe(error).as_bytes());
    }
}

/// `error: …`, then its causes, each further in; a cause that its effect already quotes is not said again.
fn describe(error: &anyhow::Error) -> String {
    let mut text = String::new();
    let mut last = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let message = cause.to_string();
        if depth > 0 && last.contains(&message) {
            continue;
        }
        let lead = if depth == 0 { "error: " } else { "  because: " };
        let indent = format!("\n{}", " ".repeat(lead.len()));
        text.push_str(lead);
        text.push_str(&message.trim_end().replace('\n', &indent));
        text.push('\n');
        last = message;
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn errors_read_from_the_whole_to_the_detail() {
        let inner: anyhow::Result<()> = Err(anyhow!("line 4: unknown key `x`\nallowed: a, b"));
        let error = inner.or_exit(Exit::Config, "cannot read hutong.toml").err();
        let text = error.as_ref().map(describe).unwrap_or_default();
        assert_eq!(
            text,
            "error: cannot read hutong.toml\n  because: line 4: unknown key `x`\n           allowed: a, b\n"
        );
        assert_eq!(error.map(|error| of(&error)), Some(Exit::Config));
    }

    #[test]
    fn the_outer_code_wins_and_plain_errors_fail() {
        let inner: anyhow::Result<()> = Err(anyhow!("a"));
        let error = inner.or_exit(Exit::BadInput, "b").or_exit(Exit::Refused, "c").err();
        assert_eq!(error.map(|error| of(&error)), Some(Exit::Refused));
        assert_eq!(of(&anyhow!("a").context("b")), Exit::Failed);
        let missing: anyhow::Result<()> = None.or_exit(Exit::Config, "no key");
        assert_eq!(missing.err().map(|error| of(&error.context("outer"))), Some(Exit::Config));
    }

    #[test]
    fn what_the_client_library_says_has_its_code_beneath_any_context() {
        let error = anyhow!(client::Error::NoSecret).context("cannot publish");
        assert_eq!(of(&error), Exit::Config);
        let connect = client::Error::Connect { hub: "https://hub".to_owned(), why: "refused".to_owned() };
        assert_eq!(of(&anyhow!(connect).context("a").context("b")), Exit::Unavailable);
        let given: anyhow::Result<()> = Err(anyhow!(client::Error::NoSecret)).or_exit(Exit::BadInput, "c");
        assert_eq!(given.err().map(|error| of(&error)), Some(Exit::BadInput));
    }

    #[test]
    fn help_lists_every_code() {
        use Exit::*;
        for exit in
            [Success, Findings, Usage, Suspect, BadInput, Unavailable, Failed, CannotCreate, Outdated, Refused, Config]
        {
            assert!(HELP.lines().any(|line| line.starts_with(&format!("{:>4}  ", exit as u8))), "{exit:?}");
        }
    }
}
