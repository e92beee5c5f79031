//! `hutong verify receipt`.

use std::path::PathBuf;

use clap::Args;

use super::{Checked, ReceiptFiles};
use crate::{
    cli::{Exit, Output, Run, key::read_public},
    client::verify,
};

/// Verify a receipt: that the log, under its public key, holds this entry
///
/// Exit code 0: every check holds; 1: one failed.
#[derive(Args)]
pub(in crate::cli) struct Receipt {
    /// The entry, such as receipts/17.entry
    #[arg(value_name = "FILE")]
    entry: PathBuf,
    #[command(flatten)]
    files: ReceiptFiles,
    /// The actor's public JWK: verify the signature of the statement in the entry too
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl Run for Receipt {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let (entry, proof, log_key) = self.files.read(&self.entry)?;
        let key = self.key.as_deref().map(read_public).transpose()?;
        let mut checked = Checked::default();
        let receipt = checked.add(&verify::receipt(&entry, proof.as_bytes(), &log_key));
        if let (Some(receipt), Some(key)) = (&receipt, &key) {
            checked.add(&verify::statement_signature(&receipt.entry.envelope, key));
        }
        checked.finish(output)
    }
}
