//! `hutong audit verify`

use std::path::PathBuf;

use clap::Args;

use super::{advance, entries_bar, or_exit, read_log_key};
use crate::{
    audit::{Folder, Trust, VKEY_FILE, verify},
    cli::{Exit, OrExit as _, Output, Run},
    tlog::Hash,
};

/// Verify a copy of the exchange log, offline, and list everything that is wrong with it
///
/// Checks the checkpoint's signature, every hash of every tile and entry, every statement's signature, and replays the log:
/// the directory, keys, catalog and agreements are rebuilt entry by entry, and every decision is made again under the rules
/// in force at its place. It never stops at the first finding. Ends with code 1 if there is one.
#[derive(Args)]
pub(super) struct Verify {
    /// The copy: `checkpoint`, `log.vkey` and `tile/`, as `hutong audit mirror` made it
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The log's public key as you have it from elsewhere [default: the copy's own log.vkey, which proves nothing by itself]
    #[arg(long, value_name = "FILE")]
    vkey: Option<PathBuf>,

    /// The hash of the genesis entry as you have it from elsewhere, in hexadecimal or base64
    #[arg(long, value_name = "HASH", value_parser = genesis_hash)]
    genesis: Option<Hash>,
}

impl Run for Verify {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let given = self.vkey.clone();
        let vkey = self.vkey.unwrap_or_else(|| self.folder.join(VKEY_FILE));
        let trust = Trust { log_key: read_log_key(&vkey)?, genesis: self.genesis };
        let bar = entries_bar("verifying");
        let result = verify(&Folder::new(self.folder), &trust, &mut advance(&bar));
        bar.finish_and_clear();
        let mut report = or_exit(result, "cannot verify the copy")?;
        if given.is_none() {
            report.notes.insert(
                0,
                format!(
                    "the key was taken from the copy ({}): compare it with the hub's published key",
                    vkey.display()
                ),
            );
        }
        output.print(&report).or_exit(Exit::Failed, "cannot print the report")?;
        Ok(if report.findings.is_empty() { Exit::Success } else { Exit::Findings })
    }
}

fn genesis_hash(text: &str) -> Result<Hash, String> {
    let from_hex = || hex::decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(Hash::from);
    from_hex().or_else(|| Hash::parse(text).ok()).ok_or_else(|| "must be 32 bytes in hexadecimal or base64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genesis_hash_reads_in_either_writing() {
        let hash = Hash::from([0xab; 32]);
        assert_eq!(genesis_hash(&hash.to_string()), Ok(hash));
        assert_eq!(genesis_hash(&"ab".repeat(32)), Ok(hash));
        assert!(genesis_hash("ab").is_err());
    }
}
