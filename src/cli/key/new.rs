//! `hutong key new`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::request::For;
use crate::{
    cli::{Exit, OrExit as _, Output, Run},
    files::{self, Readable},
    sign::{SigningKey, SystemRandomness},
};

/// Make a new Ed25519 key pair: a private JWK that only its owner can read, and the public JWK beside it
///
/// The private key never leaves the system that signs with it. The public file is what an administrator registers with
/// the hub: it carries the key's signature over the hub's domain and the system, which proves that the system holds it.
#[derive(Args)]
pub(in crate::cli) struct New {
    #[command(flatten)]
    of: For,
    /// The file for the private key, such as registry.key.jwk; nothing is overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The file for the public key [default: FILE with its ending `.key.jwk` or `.jwk` replaced by `.pub.jwk`]
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    kid: String,
    system: String,
    private: PathBuf,
    public: PathBuf,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kid      {}", self.kid)?;
        writeln!(f, "system   {}", self.system)?;
        writeln!(f, "private  {}", self.private.display())?;
        write!(f, "public   {}", self.public.display())
    }
}

impl Run for New {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let public = self.public.unwrap_or_else(|| public_path(&self.out));
        let key = SigningKey::generate(&SystemRandomness::new())?;
        let request = self.of.sign(&key)?;
        // The private half first: a public key without its private one would be registered in vain.
        files::create_together(&[
            (&self.out, key.to_private_jwk().as_bytes(), Readable::ByOwner),
            (&public, request.to_jwk().as_bytes(), Readable::ByAll),
        ])
        .or_exit(Exit::CannotCreate, "cannot make a key")?;
        let (kid, system) = (request.key.kid().to_owned(), request.system.to_string());
        output.print(&Made { kid, system, private: self.out, public })?;
        Ok(Exit::Success)
    }
}

/// Where the public half goes when nothing else is said.
pub(super) fn public_path(private: &Path) -> PathBuf {
    let name = private.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".key.jwk").or_else(|| name.strip_suffix(".jwk")).unwrap_or(&name);
    private.with_file_name(format!("{stem}.pub.jwk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_key_lies_beside_the_private_one() {
        for (private, public) in
            [("a/registry.key.jwk", "a/registry.pub.jwk"), ("registry.jwk", "registry.pub.jwk"), ("k", "k.pub.jwk")]
        {
            assert_eq!(public_path(Path::new(private)), Path::new(public));
        }
    }
}
