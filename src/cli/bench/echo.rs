//! `hutong bench echo`, which `hutong bench city` starts.

use std::path::PathBuf;

use clap::Args;

use crate::{
    bench::echo,
    cli::{Exit, Output, Run},
};

/// Give everyone the same answer, as the bare server beside a hub under measurement
#[derive(Args)]
pub(super) struct Echo {
    /// The hub's folder, whose certificates are used
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The file with the answer
    #[arg(value_name = "FILE")]
    answer: PathBuf,
}

impl Run for Echo {
    fn run(self, _: &Output) -> anyhow::Result<Exit> {
        // As many threads as the hub has, which starts its own in the same way.
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(echo::serve(&self.folder, &self.answer))?;
        Ok(Exit::Success)
    }
}
