//! `hutong seal show`.

use std::path::PathBuf;

use clap::Args;

use super::{read, report::SealLine};
use crate::{
    cli::{Exit, OrExit as _, Output, Run, now},
    domain::time::Moment,
    seal::{TrustAnchors, verify},
};

/// Show what seals say of themselves: of a seal's file, of a signature, or of each signature in an OFD document
///
/// Nothing is verified here; `seal verify` does that.
#[derive(Args)]
pub(in crate::cli) struct Show {
    /// A seal (.esl, DER), a signature made with one (SignedValue.dat), or an OFD document
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Run for Show {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let verification = verify(&read(&self.file)?, &TrustAnchors::default(), &Moment::new(now()?));
        let checks = verification.checks.0.iter().chain(verification.parts.iter().flat_map(|part| &part.checks.0));
        let problem = checks.map(|check| check.en.as_str()).next().unwrap_or_default().to_owned();
        let seals: Vec<_> = verification.parts.iter().filter_map(|part| part.seal.as_ref()).collect();
        if seals.is_empty() {
            return Err(anyhow::anyhow!(problem))
                .or_exit(Exit::BadInput, format!("there is no seal to show in {}", self.file.display()));
        }
        seals.into_iter().try_for_each(|facts| output.print(&SealLine::new(facts)))?;
        Ok(Exit::Success)
    }
}
