//! `hutong verify receipt`.

use std::path::PathBuf;

use clap::Args;

use super::{Checked, ReceiptFiles};
use crate::{
    cli::{Exit, OrExit as _, Output, Run, key::read_public},
    client::verify,
};

/// Verify a receipt: that the log, under its public key, holds this entry
///
/// Exit code 0: every check holds; 1: one failed.
#[derive(Args)]
pub(in crate::cli) struct Receipt {
    /// The entry, such as receipts/17.entry, or the proof beside it
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
        // Whoever names the proof means the receipt: its entry lies beside it.
        let is_proof = self.entry.extension().is_some_and(|extension| extension == "tlog-proof");
        let entry = if is_proof { self.entry.with_extension("entry") } else { self.entry };
        let (entry, proof, log_key) = self.files.read(&entry)?;
        let key = self.key.as_deref().map(read_public).transpose()?;
        let mut checked = Checked::default();
        let receipt = checked.add(&verify::receipt(&entry, proof.as_bytes(), &log_key));
        if let (Some(receipt), Some(key)) = (&receipt, &key) {
            let envelope = receipt.entry.envelope.as_ref();
            let envelope = envelope.or_exit(Exit::BadInput, "the entry is the hub's own: it has no statement")?;
            checked.add(&verify::statement_signature(envelope, key));
        }
        checked.finish(output)
    }
}
