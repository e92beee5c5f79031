//! `hutong key retire`.

use clap::Args;

use super::KeyChanged;
use crate::{
    cli::{
        Exit, Output, Run, block_on,
        system::{AsSystem, OrHub as _},
        time,
    },
    domain::{id::KeyId, time::Time},
    wire,
};

/// Retire a key: what it signs is refused from now on
///
/// For administrators, and for the system itself. What it signed before stays valid, unless the key was compromised.
#[derive(Args)]
pub(in crate::cli) struct Retire {
    #[command(flatten)]
    as_system: AsSystem,
    /// The key's thumbprint, as `hutong department list` shows it
    #[arg(value_name = "KID", value_parser = kid)]
    kid: KeyId,
    /// The key was in foreign hands since this time, such as 2026-03-01T08:00:00+08:00: what it signed since then is
    /// suspect and no longer released
    #[arg(long, value_name = "TIME", value_parser = time)]
    compromised_since: Option<Time>,
}

fn kid(text: &str) -> Result<KeyId, &'static str> {
    wire::kid_from_text(text).ok_or("a thumbprint is 43 characters of base64url")
}

impl Run for Retire {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let changed = block_on(async {
            let client = self.as_system.connect().await?;
            client.retire_key(self.kid, self.compromised_since).await.or_hub("cannot retire the key")
        })?;
        output.print(&KeyChanged {
            kid: wire::kid_to_text(&self.kid),
            state: if self.compromised_since.is_some() { "retired, compromised" } else { "retired" },
            system: None,
            entry: changed.receipt.index,
        })?;
        Ok(Exit::Success)
    }
}
