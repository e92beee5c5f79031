//! `hutong key`: keys that sign statements and records.

mod new;
mod register;
mod request;
mod retire;
mod rotate;

use std::{fmt, path::Path};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Exit, OrExit as _, Output, Run};
use crate::{files, sign::VerifyingKey, wire::KeyRequest};

/// Make, register, rotate and retire the keys that sign statements and records
#[derive(Args)]
pub(super) struct Key {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Subcommand)]
enum KeyCommand {
    New(new::New),
    Request(request::Request),
    Register(register::Register),
    Retire(retire::Retire),
    Rotate(rotate::Rotate),
}

impl Run for Key {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            KeyCommand::New(args) => args.run(output),
            KeyCommand::Request(args) => args.run(output),
            KeyCommand::Register(args) => args.run(output),
            KeyCommand::Retire(args) => args.run(output),
            KeyCommand::Rotate(args) => args.run(output),
        }
    }
}

/// Reads a public JWK.
pub(super) fn read_public(path: &Path) -> anyhow::Result<VerifyingKey> {
    let cannot = || format!("{} is no public key", path.display());
    let text = files::read_text(path).or_exit(Exit::BadInput, cannot())?;
    VerifyingKey::from_jwk(text.trim()).or_exit(Exit::BadInput, cannot())
}

/// Reads a key request.
pub(super) fn read_request(path: &Path) -> anyhow::Result<KeyRequest> {
    let cannot = || format!("{} is no key request", path.display());
    let text = files::read_text(path).or_exit(Exit::BadInput, cannot())?;
    KeyRequest::from_jwk(text.trim()).or_exit(Exit::BadInput, cannot())
}

/// A change in a key's life.
#[derive(Serialize)]
struct KeyChanged {
    kid: String,
    state: &'static str,
    system: Option<String>,
    entry: u64,
}

impl fmt::Display for KeyChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kid, self.state)?;
        if let Some(system) = &self.system {
            write!(f, " for {system}")?;
        }
        write!(f, ", entry {}", self.entry)
    }
}
