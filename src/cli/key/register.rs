//! `hutong key register`.

use std::path::PathBuf;

use clap::Args;

use super::{KeyChanged, read_public};
use crate::{
    cli::{
        Exit, Output, Run, block_on,
        system::{AsSystem, OrHub as _},
    },
    domain::id::SystemId,
};

/// Register a system's public key: what the key signs is accepted from now on
///
/// For administrators; and for the system itself, with a key that is active, to bring in the next one.
#[derive(Args)]
pub(in crate::cli) struct Register {
    #[command(flatten)]
    as_system: AsSystem,
    /// The public JWK, of `hutong key new`
    #[arg(value_name = "FILE")]
    key: PathBuf,
    /// The system that signs with it [default: the profile's own]
    #[arg(long, value_name = "SPIFFE-ID")]
    system: Option<SystemId>,
}

impl Run for Register {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let key = read_public(&self.key)?;
        let (system, changed) = block_on(async {
            let client = self.as_system.connect().await?;
            let system = self.system.clone().unwrap_or_else(|| client.system().clone());
            let changed = client.register_key(system.clone(), &key).await.or_hub("cannot register the key")?;
            Ok((system, changed))
        })?;
        output.print(&KeyChanged {
            kid: key.kid().to_owned(),
            state: "active",
            system: Some(system.to_string()),
            entry: changed.receipt.index,
        })?;
        Ok(Exit::Success)
    }
}
