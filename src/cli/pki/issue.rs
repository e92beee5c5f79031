//! `hutong pki issue`.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::{
    cli::{Exit, OrExit as _, Output, Run, today},
    domain::id::SystemId,
    files::{self, Readable},
    pki::{Authority, Issued},
};

/// Issue a certificate with a new key: for a department's system, or for the hub as a server
#[derive(Args)]
#[command(group = clap::ArgGroup::new("subject").required(true))]
pub(in crate::cli) struct Issue {
    /// The CA's folder, with ca.pem and ca.key: `pki/` of the hub's folder
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// The system: spiffe://<trust domain>/department/<USCC>/system/<name>
    #[arg(long, value_name = "SPIFFE-ID", group = "subject")]
    system: Option<SystemId>,
    /// The hub: the DNS names and IP addresses by which clients reach it
    #[arg(long, value_name = "NAME", num_args = 1.., group = "subject")]
    server: Vec<String>,
    /// The folder for the certificate and the key, made if absent; nothing in it is overwritten
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    subject: String,
    certificate: PathBuf,
    key: PathBuf,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "subject      {}", self.subject)?;
        writeln!(f, "certificate  {}", self.certificate.display())?;
        write!(f, "key          {}", self.key.display())
    }
}

impl Run for Issue {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let authority = Authority::open(&self.ca).or_exit(Exit::BadInput, "cannot use the CA")?;
        let today = today()?;
        let (subject, name, issued) = match &self.system {
            Some(system) => (system.to_string(), system.name(), authority.issue_system(system, today)),
            None => (self.server.join(", "), "server", authority.issue_server(&self.server, today)),
        };
        let issued = issued.map_err(anyhow::Error::new)?;
        fs::create_dir_all(&self.out).with_context(|| format!("cannot make the folder {}", self.out.display()))?;
        let (certificate, key) =
            write(&issued, &self.out, name).or_exit(Exit::CannotCreate, "cannot keep the certificate")?;
        output.print(&Made { subject, certificate, key })?;
        Ok(Exit::Success)
    }
}

/// Writes `<name>.pem` and `<name>.key`.
pub(in crate::cli) fn write(issued: &Issued, folder: &Path, name: &str) -> Result<(PathBuf, PathBuf), files::Error> {
    let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    files::create_together(&[
        (&key, issued.key.as_bytes(), Readable::ByOwner),
        (&certificate, issued.certificate.as_bytes(), Readable::ByAll),
    ])?;
    Ok((certificate, key))
}
