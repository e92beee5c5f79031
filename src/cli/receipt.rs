//! `hutong receipt`.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::{
    Exit, Output, Run, block_on,
    saved::Evidence,
    system::{AsSystem, OrHub as _},
};
use crate::{
    client::verify::outcome_in_words,
    domain::id::{RequestId, SystemId},
};

/// Fetch the receipt of an exchange by its request id, verify it, and save it
///
/// For the exchange's actor and its counterparty: refusals have receipts too. The request id stands in the journal.
#[derive(Args)]
pub(super) struct Receipt {
    #[command(flatten)]
    as_system: AsSystem,
    /// The request id: 32 hexadecimal digits
    #[arg(value_name = "REQUEST-ID", value_parser = request_id)]
    request_id: RequestId,
    /// The system whose request it was [default: the profile's own]
    #[arg(long, value_name = "SPIFFE-ID")]
    actor: Option<SystemId>,
    /// Under the published checkpoint, with the cosignatures of the hub's witnesses, who see an entry after some seconds
    #[arg(long)]
    witnessed: bool,
    /// Save the receipt in this folder: receipts/<entry>.entry and receipts/<entry>.tlog-proof
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

fn request_id(text: &str) -> Result<RequestId, &'static str> {
    let mut id = RequestId([0; 16]);
    hex::decode_to_slice(text, &mut id.0).map_err(|_| "a request id is 32 hexadecimal digits")?;
    Ok(id)
}

/// What was fetched.
#[derive(Serialize)]
struct Fetched {
    entry: u64,
    time: String,
    outcome: String,
    saved: Vec<PathBuf>,
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}, {}: {}", self.entry, self.time, self.outcome)?;
        self.saved.iter().try_for_each(|path| write!(f, "\nsaved {}", path.display()))
    }
}

impl Run for Receipt {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let fetched = block_on(async {
            let client = self.as_system.connect().await?;
            let actor = self.actor.as_ref().unwrap_or(client.system());
            let receipt = if self.witnessed {
                client.witnessed_receipt(actor, self.request_id).await
            } else {
                client.receipt_by(actor, self.request_id).await
            };
            let receipt = receipt.or_hub("cannot fetch the receipt")?;
            let mut saved = Vec::new();
            if let Some(folder) = &self.save {
                let mut evidence = Evidence::in_folder(folder, client.log_key())?;
                evidence.receipt(&receipt)?;
                saved = evidence.saved();
            }
            let outcome = outcome_in_words(receipt.outcome());
            Ok(Fetched { entry: receipt.index, time: receipt.time().to_string(), outcome, saved })
        })?;
        output.print(&fetched)?;
        Ok(Exit::Success)
    }
}
