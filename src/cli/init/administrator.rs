//! The first administrator 共享主管部门, whom genesis names.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{Exit, OrExit as _},
    config::Settings,
    domain::{
        directory::Capability,
        id::{DomainName, KeyId, SystemId},
        identifier::Uscc,
        statement::{FirstDepartment, FirstSystem},
        time::Date,
    },
    files::{self, Readable},
    pki::Authority,
    sign::{SigningKey, SystemRandomness, VerifyingKey},
    tlog::VerifierKey,
};

/// The profile's file.
pub(super) const PROFILE: &str = "administrator.toml";
/// The name of the files beside it.
const NAME: &str = "administrator";
const SIGNING_KEY: &str = "administrator.key.jwk";

/// What the command line says of the first administrator.
#[derive(Args)]
pub(super) struct Given {
    /// The first administrator's unified social credit code
    #[arg(long, value_name = "USCC")]
    administrator_uscc: Uscc,
    /// The first administrator's name, such as 某市数据局
    #[arg(long, value_name = "NAME")]
    administrator_name: String,
    /// The name of the first administrator's system
    #[arg(long, value_name = "NAME", default_value = "administration")]
    administrator_system: String,
    /// The public JWK of that system's signing key, of `hutong key new`
    #[arg(long, value_name = "FILE", required_unless_present = "development")]
    administrator_key: Option<PathBuf>,
}

/// The first administrator.
pub(super) struct Administrator {
    name: String,
    system: SystemId,
    key: VerifyingKey,
    /// The private key, when it was made here.
    pub(super) made_key: Option<SigningKey>,
}

impl Administrator {
    /// Who the command line says, with the key given, or in development one made here.
    pub(super) fn of(given: &Given, trust_domain: &DomainName, development: bool) -> anyhow::Result<Self> {
        let system = SystemId::new(trust_domain, &given.administrator_uscc, &given.administrator_system)
            .or_exit(Exit::Config, "cannot name the administrator's system")?;
        let name = given.administrator_name.clone();
        match &given.administrator_key {
            Some(path) => {
                let cannot = || format!("{} is no public key", path.display());
                let text = files::read_text(path).or_exit(Exit::BadInput, cannot())?;
                let key = VerifyingKey::from_jwk(text.trim()).or_exit(Exit::BadInput, cannot())?;
                Ok(Self { name, system, key, made_key: None })
            }
            None if development => {
                let made = SigningKey::generate(&SystemRandomness::new())?;
                Ok(Self { name, system, key: made.verifying_key().clone(), made_key: Some(made) })
            }
            None => anyhow::bail!("an administrator needs a key: --administrator-key"),
        }
    }

    /// As genesis registers it.
    pub(super) fn department(&self) -> FirstDepartment {
        FirstDepartment {
            uscc: *self.system.department(),
            name: self.name.clone(),
            systems: vec![FirstSystem {
                system: self.system.clone(),
                capabilities: BTreeSet::from([Capability::Administer]),
                keys: vec![(KeyId(*self.key.thumbprint()), *self.key.as_bytes())],
            }],
        }
    }

    /// The profile by which its commands reach the hub.
    pub(super) fn profile(
        &self,
        settings: &Settings,
        server_name: &str,
        log_vkey: &VerifierKey,
    ) -> anyhow::Result<String> {
        Ok(toml::to_string(&Profile {
            hub: format!("https://{}", reachable(settings.listen)),
            server_name,
            hub_domain: settings.hub.as_str(),
            log_vkey: log_vkey.to_string(),
            system: self.system.as_str(),
            ca: "../pki/ca.pem",
            certificate: format!("{NAME}.pem"),
            private_key: format!("{NAME}.key"),
            signing_key: SIGNING_KEY,
            journal: format!("{NAME}.journal"),
        })?)
    }
}

/// A profile as the client reads it.
#[derive(Serialize)]
struct Profile<'a> {
    hub: String,
    server_name: &'a str,
    hub_domain: &'a str,
    log_vkey: String,
    system: &'a str,
    ca: &'a str,
    certificate: String,
    private_key: String,
    signing_key: &'a str,
    journal: String,
}

/// The address by which a client on this machine reaches a server that listens here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Writes a profile, and the key and the certificate that it names.
pub(super) fn write_profile(
    folder: &Path,
    administrator: &Administrator,
    key: &SigningKey,
    text: &str,
    authority: &Authority,
    today: Date,
) -> anyhow::Result<()> {
    crate::cli::pki::write(&authority.issue_system(&administrator.system, today)?, folder, NAME)?;
    files::create_together(&[
        (&folder.join(SIGNING_KEY), key.to_private_jwk().as_bytes(), Readable::ByOwner),
        (&folder.join(PROFILE), text.as_bytes(), Readable::ByAll),
    ])?;
    Ok(())
}
