//! `hutong pki revoke`.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{Exit, OrExit as _, Output, Run, now},
    files::{self, Readable},
    pki::{Authority, CRL, CRL_DAYS},
};

/// Revoke certificates of the development CA: put them on its list of revoked certificates, ca.crl.pem
///
/// What is on the list stays. Without a certificate the list is only made anew, which it must be before it ends. A hub whose
/// `[tls] crls` names the list takes it within a minute, or at once on SIGHUP.
#[derive(Args)]
pub(in crate::cli) struct Revoke {
    /// The CA's folder, with ca.pem and ca.key: `pki/` of the hub's folder
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// How many days the list is valid
    #[arg(long, value_name = "DAYS", default_value_t = CRL_DAYS, value_parser = clap::value_parser!(i32).range(1..=3650))]
    days: i32,
    /// The certificates, PEM
    #[arg(value_name = "FILE")]
    certificates: Vec<PathBuf>,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    crl: PathBuf,
    revoked: usize,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "list     {}", self.crl.display())?;
        write!(f, "revoked  {}", self.revoked)
    }
}

impl Run for Revoke {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let authority = Authority::open(&self.ca).or_exit(Exit::BadInput, "cannot use the CA")?;
        let crl = self.ca.join(CRL);
        let earlier = crl.exists().then(|| files::read_text(&crl)).transpose()?;
        let read = |path: &PathBuf| files::read_text(path);
        let certificates: Vec<_> = self.certificates.iter().map(read).collect::<Result<_, _>>()?;
        let made = authority
            .revoke(earlier.as_deref(), &certificates, now()?, self.days)
            .or_exit(Exit::BadInput, "cannot revoke")?;
        files::replace(&crl, made.crl.as_bytes(), Readable::ByAll)?;
        output.print(&Made { crl, revoked: made.count })?;
        Ok(Exit::Success)
    }
}
