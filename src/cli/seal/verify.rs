//! `hutong seal verify`.

use std::path::PathBuf;

use clap::Args;

use super::{read, report::Report};
use crate::{
    cli::{
        Exit, OrExit as _, Output, Run, block_on, now,
        system::{AsSystem, OrHub as _},
        time,
    },
    domain::time::{Moment, Time},
    seal::{TrustAnchors, Verification, verify},
};

/// Verify an e-seal, a signature made with one, or an OFD document with all its signatures
///
/// The file is told by its content. Each check is told by name, with what it found. Exit code 0: every required check holds;
/// 1: one failed. Without --trust the chain of certificates is not required, for nobody vouches for it.
#[derive(Args)]
pub(in crate::cli) struct Verify {
    /// A seal (.esl, DER), a signature made with one (SignedValue.dat), or an OFD document
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A folder with the certificates of trusted authorities and their revocation lists, PEM or DER
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
    /// The time to verify at, such as 2026-01-05T08:00:00+08:00 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Time>,
    /// The profile of a system: also asks its hub what is published there of each seal
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

/// Adds to each seal what the hub knows of it. What it verifies beside it is not used: that was done here.
async fn ask_hub(system: AsSystem, verification: &mut Verification) -> anyhow::Result<()> {
    let client = system.connect().await?;
    let kind = verification.kind;
    for part in &mut verification.parts {
        let Some(facts) = &part.seal else { continue };
        let verdict = client.verify_seal(facts.bytes.clone()).await.or_hub("cannot ask the hub about the seal")?;
        if let Some(status) = verdict.status {
            part.add_hub_status(kind, status);
        }
    }
    Ok(())
}

impl Run for Verify {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let trust = self.trust.as_deref().map(TrustAnchors::read).transpose();
        let trust = trust.or_exit(Exit::Config, "cannot read the trust anchors")?.unwrap_or_default();
        let at = self.at.map_or_else(now, Ok)?;
        let mut verification = verify(&read(&self.file)?, &trust, &Moment::new(at));
        if let Some(profile) = self.profile {
            block_on(ask_hub(AsSystem { profile }, &mut verification))?;
        }
        let holds = verification.holds();
        output.print(&Report::new(&verification, at))?;
        Ok(if holds { Exit::Success } else { Exit::Findings })
    }
}
