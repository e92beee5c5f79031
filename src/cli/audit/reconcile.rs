//! `hutong audit reconcile`

use std::path::PathBuf;

use clap::Args;

use super::{advance, entries_bar, or_exit, read_log_key};
use crate::{
    audit::{Folder, Holdings, VKEY_FILE, reconcile},
    cli::{Exit, OrExit as _, Output, Run},
    domain::id::SystemId,
};

/// Compare the receipts that a department holds with a copy of the exchange log, offline
///
/// Takes every `*.tlog-proof` with its `*.entry` in the folder and below, every released `*.sd-jwt` (as `hutong query --save`
/// leaves them) and every `*.journal` of a client. Finds what the log omits, has altered, or tells another reader otherwise;
/// with --actor also entries that nobody holds evidence of; and presentations that were released but not logged. Never stops
/// at the first finding. Ends with code 1 if there is one.
#[derive(Args)]
pub(super) struct Reconcile {
    /// The copy of the log, as `hutong audit mirror` made it
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The folder with the receipts
    #[arg(long, value_name = "FOLDER")]
    receipts: PathBuf,

    /// A client's journal that lies elsewhere; repeat for more
    #[arg(long = "journal", value_name = "FILE")]
    journals: Vec<PathBuf>,

    /// A system of which every entry must have a receipt or a journal line; repeat for more
    #[arg(long = "actor", value_name = "SPIFFE-ID")]
    actors: Vec<SystemId>,

    /// The log's public key as you have it from elsewhere [default: the copy's own log.vkey, which proves nothing by itself]
    #[arg(long, value_name = "FILE")]
    vkey: Option<PathBuf>,
}

impl Run for Reconcile {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let is_given = self.vkey.is_some();
        let vkey = self.vkey.unwrap_or_else(|| self.folder.join(VKEY_FILE));
        let log_key = read_log_key(&vkey)?;
        let holdings =
            Holdings { folder: self.receipts, journals: self.journals, actors: self.actors.into_iter().collect() };
        let bar = entries_bar("reconciling");
        let result = reconcile(&Folder::new(self.folder), &log_key, &holdings, &mut advance(&bar));
        bar.finish_and_clear();
        let mut report = or_exit(result, "cannot reconcile")?;
        if !is_given {
            let vkey = vkey.display();
            let note = format!("the key was taken from the copy ({vkey}): compare it with the hub's published key");
            report.notes.insert(0, note);
        }
        output.print(&report).or_exit(Exit::Failed, "cannot print the report")?;
        Ok(if report.findings.is_empty() { Exit::Success } else { Exit::Findings })
    }
}
