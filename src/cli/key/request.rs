//! `hutong key request`, and what `hutong key new` shares with it: for whom a key is.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{Exit, OrExit as _, Output, Run},
    domain::id::{DomainName, SystemId},
    files::{self, Readable},
    sign::SigningKey,
    wire::KeyRequest,
};

/// For which system at which hub a key is.
#[derive(Args)]
pub(super) struct For {
    /// The system that signs with the key
    #[arg(long, value_name = "SPIFFE-ID")]
    system: SystemId,
    /// The hub's domain, such as hub.city.example
    #[arg(long, value_name = "DOMAIN")]
    hub: DomainName,
}

impl For {
    /// Has the key say that it is this system's.
    pub(super) fn sign(&self, key: &SigningKey) -> anyhow::Result<KeyRequest> {
        Ok(KeyRequest::sign(key, &self.hub, &self.system)?)
    }
}

/// Make the key request of a private key that exists, such as one made by another program
///
/// The request is the public JWK with the key's signature over the hub's domain, the system and the key itself: it
/// proves that the system holds the key. An administrator registers it with the hub.
#[derive(Args)]
pub(in crate::cli) struct Request {
    #[command(flatten)]
    of: For,
    /// The private JWK
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The file for the request; nothing is overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Requested {
    kid: String,
    system: String,
    public: PathBuf,
}

impl fmt::Display for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kid      {}", self.kid)?;
        writeln!(f, "system   {}", self.system)?;
        write!(f, "public   {}", self.public.display())
    }
}

impl Run for Request {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let cannot = || format!("{} is no private key", self.key.display());
        let text = files::read_secret(&self.key).or_exit(Exit::BadInput, cannot())?;
        let request = self.of.sign(&SigningKey::from_jwk(text.trim()).or_exit(Exit::BadInput, cannot())?)?;
        files::create(&self.out, request.to_jwk().as_bytes(), Readable::ByAll)
            .or_exit(Exit::CannotCreate, "cannot make a key request")?;
        output.print(&Requested {
            kid: request.key.kid().to_owned(),
            system: request.system.to_string(),
            public: self.out,
        })?;
        Ok(Exit::Success)
    }
}
