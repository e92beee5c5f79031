//! `hutong verify credential`.

use std::path::PathBuf;

use clap::Args;

use super::{Checked, ReceiptFiles};
use crate::{
    cli::{Exit, OrExit as _, Output, Run, key::read_public, now},
    client::{
        Pins,
        verify::{self, Issued},
    },
    domain::{id::ResourceId, identifier::Uscc},
    files,
};

/// How far a credential's time may be ahead of this machine's clock, in seconds: the clock skew that hubs allow.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// Verify a credential: that its provider, under its public key, signed exactly these fields
///
/// With --entry also that the log holds the release of exactly this credential. Exit code 0: every check holds; 1: one
/// failed.
#[derive(Args)]
pub(in crate::cli) struct Credential {
    /// The SD-JWT as it was released, such as credentials/17-0.sd-jwt
    #[arg(value_name = "FILE")]
    credential: PathBuf,
    /// The provider's public JWK
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The unified social credit code of the provider whose key that is
    #[arg(long, value_name = "USCC")]
    provider: Option<Uscc>,
    /// A profile, or a file with nothing but its table `pins`: the key must be one that is pinned for the credential's
    /// provider, if any is
    #[arg(long, value_name = "FILE")]
    pins: Option<PathBuf>,
    /// The resource that it should be of
    #[arg(long, value_name = "ID")]
    resource: Option<ResourceId>,
    /// The entry of its release, such as receipts/17.entry
    #[arg(long, value_name = "FILE", requires = "vkey")]
    entry: Option<PathBuf>,
    #[command(flatten)]
    files: ReceiptFiles,
}

impl Run for Credential {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let text = files::read_text(&self.credential).or_exit(Exit::BadInput, "cannot read the credential")?;
        let presentation = text.trim_end();
        let key = read_public(&self.key)?;
        let pins = self.pins.as_deref().map(Pins::read).transpose().or_exit(Exit::BadInput, "cannot read the pins")?;
        let issued = Issued {
            provider: self.provider.as_ref().map(Uscc::as_str),
            resource: self.resource.as_ref().map(ResourceId::as_str),
            until: Some(now()?.plus_seconds(CLOCK_SKEW_SECONDS)),
            pins: pins.as_ref(),
        };
        let mut checked = Checked::default();
        let record = checked.add(&verify::credential(presentation, &key, &issued));
        if let Some(entry) = &self.entry {
            let (entry, proof, log_key) = self.files.read(entry)?;
            let receipt = checked.add(&verify::receipt(&entry, proof.as_bytes(), &log_key));
            if let (Some(record), Some(receipt)) = (&record, &receipt) {
                checked.add(&verify::release(receipt, presentation, record));
            }
        }
        checked.finish(output)
    }
}
