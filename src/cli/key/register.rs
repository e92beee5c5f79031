//! `hutong key register`.

use std::path::PathBuf;

use clap::Args;

use super::{KeyChanged, read_request};
use crate::cli::{
    Exit, Output, Run, block_on,
    system::{AsSystem, OrHub as _},
};

/// Register a system's public key: what the key signs is accepted from now on
///
/// For administrators; and for the system itself, with a key that is active, to bring in the next one.
#[derive(Args)]
pub(in crate::cli) struct Register {
    #[command(flatten)]
    as_system: AsSystem,
    /// The key request, of `hutong key new` or `hutong key request`; it names the system that signs with the key
    #[arg(value_name = "FILE")]
    key: PathBuf,
}

impl Run for Register {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let request = read_request(&self.key)?;
        let (kid, system) = (request.key.kid().to_owned(), request.system.to_string());
        let changed = block_on(async {
            let client = self.as_system.connect().await?;
            client.register_key(request).await.or_hub("cannot register the key")
        })?;
        output.print(&KeyChanged { kid, state: "active", system: Some(system), entry: changed.receipt.index })?;
        Ok(Exit::Success)
    }
}
