//! Evidence on disk: receipts, credentials and keys, in the layout that `hutong verify` and third-party tools read.
//!
//! ```text
//! receipts/<index>.entry  receipts/<index>.tlog-proof
//! credentials/<index>-<n>.sd-jwt
//! keys/<kid>.jwk.json
//! log.vkey
//! ```

use std::path::{Path, PathBuf};

use super::{Exit, OrExit as _};
use crate::{
    client::{QueryAnswer, verify::VerifiedReceipt},
    files::{self, Readable},
    sign::{LogVerifier, VerifyingKey},
};

/// A folder of evidence.
pub(super) struct Evidence<'a> {
    folder: &'a Path,
    saved: Vec<PathBuf>,
}

impl<'a> Evidence<'a> {
    /// The evidence in a folder, which is made if absent.
    pub(super) fn in_folder(folder: &'a Path, log_key: &LogVerifier) -> anyhow::Result<Self> {
        for name in ["receipts", "credentials", "keys"] {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).or_exit(Exit::CannotCreate, format!("cannot create {}", path.display()))?;
        }
        let mut evidence = Self { folder, saved: Vec::new() };
        evidence.keep("log.vkey".as_ref(), format!("{}\n", log_key.vkey()).as_bytes(), Readable::ByAll)?;
        Ok(evidence)
    }

    /// Saves a receipt.
    pub(super) fn receipt(&mut self, receipt: &VerifiedReceipt) -> anyhow::Result<()> {
        let name = |ending| PathBuf::from(format!("receipts/{}.{ending}", receipt.index));
        self.keep(&name("entry"), &receipt.entry_bytes, Readable::ByAll)?;
        self.keep(&name("tlog-proof"), receipt.proof.as_bytes(), Readable::ByAll)
    }

    /// Saves an answer: its receipt, its records as their provider signed them, and the keys that they verify under.
    pub(super) fn answer(&mut self, answer: &QueryAnswer) -> anyhow::Result<()> {
        self.receipt(&answer.receipt)?;
        for (position, record) in answer.records.iter().enumerate() {
            if let Some(presentation) = &record.presentation {
                let name = format!("credentials/{}-{position}.sd-jwt", answer.receipt.index);
                // What was released names people: it is for those who asked.
                self.keep(name.as_ref(), presentation.as_bytes(), Readable::ByOwner)?;
            }
            if let Some(key) = &record.issuer_key {
                self.key(key)?;
            }
        }
        Ok(())
    }

    /// Saves a public key.
    pub(super) fn key(&mut self, key: &VerifyingKey) -> anyhow::Result<()> {
        self.keep(format!("keys/{}.jwk.json", key.kid()).as_ref(), key.to_jwk().as_bytes(), Readable::ByAll)
    }

    /// What was saved, in order.
    pub(super) fn saved(self) -> Vec<PathBuf> {
        self.saved
    }

    /// Writes a file, unless it is there: evidence of the same name is evidence of the same thing.
    fn keep(&mut self, name: &Path, contents: &[u8], readable: Readable) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        match files::create(&path, contents, readable) {
            Err(files::Error::Exists(_)) => Ok(()),
            Err(error) => Err(error).or_exit(Exit::CannotCreate, "cannot save the evidence"),
            Ok(()) => {
                self.saved.push(path);
                Ok(())
            }
        }
    }
}
