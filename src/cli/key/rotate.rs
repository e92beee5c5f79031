//! `hutong key rotate`.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::new::public_path;
use crate::{
    cli::{
        Exit, OrExit as _, Output, Run, block_on,
        system::{AsSystem, OrHub as _},
    },
    client::{Client, Profile},
    domain::id::KeyId,
    files::{self, Readable},
    sign::{SigningKey, SystemRandomness},
    wire::{self, KeyRequest},
};

/// How often it is said how long the overlap still lasts.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Give this system its next signing key: make it, register it with the present one, and name it in the profile
///
/// Both keys are active until the earlier one is retired: at once after the overlap given, or later by the command that is
/// printed, once every program of the system signs with the new one. What the earlier key signed stays valid.
#[derive(Args)]
pub(in crate::cli) struct Rotate {
    #[command(flatten)]
    as_system: AsSystem,
    /// The file for the new private key, such as next.key.jwk; nothing is overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Retire the earlier key after so many seconds [default: it stays active]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    retire_after: Option<u64>,
}

/// What was done, and the entries that say so.
#[derive(Serialize)]
struct Rotated {
    kid: String,
    earlier_kid: String,
    private: PathBuf,
    registered_entry: u64,
    retired_entry: Option<u64>,
    #[serde(skip)]
    profile: PathBuf,
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "new key      {} active, entry {}", self.kid, self.registered_entry)?;
        writeln!(f, "private      {}, named in {}", self.private.display(), self.profile.display())?;
        match self.retired_entry {
            Some(entry) => write!(f, "earlier key  {} retired, entry {entry}", self.earlier_kid),
            None => write!(
                f,
                "earlier key  {} is still active; when nothing signs with it any more:\n  hutong key retire --profile {} {}",
                self.earlier_kid,
                self.profile.display(),
                self.earlier_kid
            ),
        }
    }
}

impl Run for Rotate {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let profile = self.as_system.read()?;
        let path = &self.as_system.profile;
        let text = files::read_text(path).or_exit(Exit::Config, "cannot read the profile")?;
        let earlier = KeyId(*profile.signing_key().verifying_key().thumbprint());
        let key = SigningKey::generate(&SystemRandomness::new())?;
        let kid = key.verifying_key().kid().to_owned();
        let request = KeyRequest::sign(&key, profile.hub_domain(), profile.system())?;
        let switched = switched(&text, &named_from(path, &self.out)?)
            .or_exit(Exit::Config, format!("cannot name another key in {}", path.display()))?;
        files::create_together(&[
            (&self.out, key.to_private_jwk().as_bytes(), Readable::ByOwner),
            (&public_path(&self.out), request.to_jwk().as_bytes(), Readable::ByAll),
        ])
        .or_exit(Exit::CannotCreate, "cannot make a key")?;
        let (registered_entry, retired_entry) = block_on(async {
            let client = Client::connect(&profile).await.or_hub("cannot reach the hub")?;
            let registered = client.register_key(request).await;
            let registered =
                registered.or_hub(format_args!("the new key in {} is not registered", self.out.display()))?;
            files::replace(path, switched.as_bytes(), Readable::ByAll).with_context(|| {
                format!("the new key is registered, but {} still names the earlier one", path.display())
            })?;
            let Some(seconds) = self.retire_after else { return Ok((registered.receipt.index, None)) };
            wait(Duration::from_secs(seconds)).await;
            // With the new key: that it works is shown before the earlier one goes.
            let client =
                Client::connect(&Profile::read(path)?).await.or_hub("cannot reach the hub with the new key")?;
            let retired = client.retire_key(earlier, None).await.or_hub("the earlier key is still active")?;
            Ok((registered.receipt.index, Some(retired.receipt.index)))
        })?;
        output.print(&Rotated {
            kid,
            earlier_kid: wire::kid_to_text(&earlier),
            private: self.out,
            registered_entry,
            retired_entry,
            profile: path.clone(),
        })?;
        Ok(Exit::Success)
    }
}

async fn wait(mut left: Duration) {
    while !left.is_zero() {
        eprintln!("both keys are active; the earlier one is retired in {} s", left.as_secs());
        let pause = left.min(TOLD_EVERY);
        tokio::time::sleep(pause).await;
        left -= pause;
    }
}

/// How a profile names a file: from its own folder where it lies there, else in full.
fn named_from(profile: &Path, file: &Path) -> anyhow::Result<PathBuf> {
    let folder = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))
    };
    let name = file.file_name().context("the new key's file has no name")?;
    let of_file = folder(file)?;
    Ok(if of_file == folder(profile)? { name.into() } else { of_file.join(name) })
}

/// A profile's text with another signing key. Everything else, comments too, stays as it is.
fn switched(text: &str, signing_key: &Path) -> anyhow::Result<String> {
    const KEY: &str = "signing_key";
    let value = signing_key.to_str().context("the new key's file has a name that is not UTF-8")?;
    let line = format!("{KEY} = {}", toml::Value::from(value));
    let is_it = |line: &&str| line.split_once('=').is_some_and(|(key, _)| key.trim() == KEY);
    let lines: Vec<&str> = text.lines().map(|found| if is_it(&found) { line.as_str() } else { found }).collect();
    let switched = lines.join("\n") + "\n";
    let mut expected: toml::Table = text.parse()?;
    expected.insert(KEY.to_owned(), value.into());
    anyhow::ensure!(switched.parse::<toml::Table>()? == expected, "`{KEY}` must stand on a line of its own");
    Ok(switched)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn only_the_signing_key_of_a_profile_changes() {
        let text =
            "# ours\nhub = \"https://h:1\"\n  signing_key = 'a.jwk' # the first\n\n[pins]\nx = [\"signing_key = 1\"]\n";
        let expected = "# ours\nhub = \"https://h:1\"\nsigning_key = \"b.jwk\"\n\n[pins]\nx = [\"signing_key = 1\"]\n";
        assert_eq!(switched(text, Path::new("b.jwk")).unwrap(), expected);
        for text in ["hub = 1\n", "x = '''\nsigning_key = 1\n'''\nsigning_key = 'a'\n"] {
            assert!(switched(text, Path::new("b.jwk")).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_beside_the_profile_is_named_from_there() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        std::fs::create_dir(&other).unwrap();
        let profile = folder.path().join("profile.toml");
        assert_eq!(named_from(&profile, &folder.path().join("next.jwk")).unwrap(), Path::new("next.jwk"));
        let elsewhere = named_from(&profile, &other.join("next.jwk")).unwrap();
        assert_eq!(elsewhere, other.canonicalize().unwrap().join("next.jwk"));
    }
}
