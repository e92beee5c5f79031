//! Acting as a system: its profile, its connection, and how the program ends on what the hub says.

use std::{fmt, path::PathBuf};

use clap::Args;

use super::{Exit, OrExit as _, refusal};
use crate::client::{Client, Error, Profile};

/// As which system a command acts.
#[derive(Debug, Clone, Args)]
pub(super) struct AsSystem {
    /// The profile of the system to act as: the hub's address, certificates and keys
    #[arg(long, value_name = "FILE", env = "HUTONG_PROFILE")]
    pub(super) profile: PathBuf,
}

impl AsSystem {
    /// Reads the profile.
    pub(super) fn read(&self) -> anyhow::Result<Profile> {
        Profile::read(&self.profile).or_exit(Exit::Config, "cannot act as this system")
    }

    /// Reads the profile and connects.
    pub(super) async fn connect(&self) -> anyhow::Result<Client> {
        let profile = self.read()?;
        connect(&profile).await.or_hub("cannot reach the hub")
    }
}

/// Connects, and tells who acts where the hub's log goes on under another key.
///
/// # Errors
/// As [`Client::connect`].
pub(super) async fn connect(profile: &Profile) -> Result<Client, Error> {
    let client = Client::connect(profile).await?;
    if client.has_new_log() {
        eprintln!(
            "note 注意: the hub has rolled over to a new log, whose key the old log's last entry names; it is trusted for that. Write it \
             into the profile 日志已续接，新公钥由旧日志证明，请写入配置:\nlog_vkey = \"{}\"",
            client.log_key().vkey()
        );
    }
    Ok(client)
}

/// Ends the program by what came of a call to the hub.
pub(super) trait OrHub<T> {
    /// Adds context, and explains a refusal.
    fn or_hub(self, context: impl fmt::Display) -> anyhow::Result<T>;
}

impl<T> OrHub<T> for Result<T, Error> {
    fn or_hub(self, context: impl fmt::Display) -> anyhow::Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(Error::Refused(refused)) => {
                Err(anyhow::Error::msg(refusal::Explained::new(&refused))).or_exit(Exit::Refused, context)
            }
            Err(error) => Err(anyhow::Error::new(error).context(context.to_string())),
        }
    }
}
