//! `hutong init`: a hub's folder, whole or not at all.

mod administrator;
mod vault;

use std::{
    fmt,
    fs::{self, File},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use self::{administrator::Administrator, vault::Vault};
use super::{Exit, OrExit as _, Output, Run, now};
use crate::{
    config::{SETTINGS, STORE, Settings},
    domain::{
        id::DomainName,
        statement::{DECISION_VERSION, Genesis, Policy},
        time::{Date, Time},
    },
    files::{self, Readable},
    hub,
    pki::{Authority, CA_CERTIFICATE, CA_KEY},
    sign::{LogSigner, SigningKey, SystemRandomness},
    store::embedded,
    tlog::{VerifierKey, leaf_hash},
};

/// Who may enter a hub's folder.
const OWNER_ONLY: u32 = 0o700;
/// The log's public key, in a hub's folder.
pub(super) const LOG_VKEY: &str = "keys/log.vkey";

/// Make a hub's folder: settings, the log with its first entry, keys, and a development CA
///
/// What genesis fixes can never be changed: the hub's domain, the trust domain, the log's key and the first
/// administrator. The folder appears whole or not at all.
#[derive(Args)]
pub(super) struct Init {
    /// The folder: absent, or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The hub's stable domain, which every statement names, such as hub.example.gov
    #[arg(long, value_name = "NAME")]
    domain: DomainName,
    /// The trust domain of the systems' SPIFFE IDs [default: the hub's domain]
    #[arg(long, value_name = "NAME")]
    trust_domain: Option<DomainName>,
    /// Where the hub listens [default: 127.0.0.1:7443]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where the hub serves its log over HTTPS, for other people's tools [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// A DNS name or IP address by which clients reach the hub; repeat for more [default: the hub's domain, localhost,
    /// 127.0.0.1 and ::1]
    #[arg(long, value_name = "NAME")]
    server_name: Vec<String>,
    /// The key that seals record bodies and openings, made if absent: outside the folder, best on other storage
    #[arg(long, value_name = "FILE", required_unless_present = "development")]
    vault_key: Option<PathBuf>,
    /// Where the newest checkpoint is kept, on other storage, so that a log that was rolled back is noticed
    #[arg(long, value_name = "FILE")]
    high_water: Option<PathBuf>,
    /// Allow what only a development hub may: the vault key inside the folder, the administrator's key made here
    #[arg(long)]
    development: bool,
    #[command(flatten)]
    administrator: administrator::Given,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    folder: PathBuf,
    log_vkey: String,
    genesis_leaf_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<PathBuf>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.display();
        writeln!(f, "hub      {folder}")?;
        writeln!(f, "log key  {}", self.log_vkey)?;
        writeln!(f, "genesis  {}", self.genesis_leaf_hash)?;
        if let Some(profile) = &self.profile {
            writeln!(f, "profile  {}", profile.display())?;
        }
        write!(f, "Give the log key and the genesis hash to auditors. Run the hub with: hutong serve {folder}")
    }
}

impl Run for Init {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let folder = std::path::absolute(&self.folder)?;
        refuse_in_use(&folder).or_exit(Exit::CannotCreate, "cannot make a hub here")?;
        let vault = Vault::choose(self.vault_key.as_deref(), &folder, self.development)
            .or_exit(Exit::Config, "cannot use this vault key")?;
        let parent = folder.parent().context("the folder cannot be the root")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
        // Made beside its place and then renamed to it, so that no half-made hub is ever found there.
        let draft = tempfile::Builder::new()
            .prefix(".hutong-init-")
            .permissions(fs::Permissions::from_mode(OWNER_ONLY))
            .tempdir_in(parent)?;
        let made = self.fill(draft.path(), &folder, &vault)?;
        publish(draft, &folder).or_exit(Exit::CannotCreate, format!("cannot make {}", folder.display()))?;
        output.print(&made)?;
        Ok(Exit::Success)
    }
}

impl Init {
    /// Makes everything in the draft of the folder; the settings last.
    fn fill(&self, draft: &Path, folder: &Path, vault: &Vault) -> anyhow::Result<Made> {
        let now = now()?;
        let today = now.civil_day(0);
        let trust_domain = self.trust_domain.clone().unwrap_or_else(|| self.domain.clone());
        let mut settings =
            Settings::new(self.domain.clone(), trust_domain, today.year().unsigned_abs(), vault.in_settings.clone());
        settings.listen = self.listen.unwrap_or(settings.listen);
        settings.http.listen = self.http;
        settings.high_water_path = self.high_water.as_deref().map(std::path::absolute).transpose()?;

        let authority = self.make_certificates(draft, today)?;
        let random = SystemRandomness::new();
        make_folder(&draft.join("keys"))?;
        let log_key = SigningKey::generate(&random)?;
        files::create(&draft.join(&settings.log_key), log_key.to_private_jwk().as_bytes(), Readable::ByOwner)?;
        let signer = LogSigner::new(settings.origin().parse()?, log_key);
        let vkey = signer.vkey();
        files::create(&draft.join(LOG_VKEY), format!("{vkey}\n").as_bytes(), Readable::ByAll)?;

        let administrator = Administrator::of(&self.administrator, &settings.trust_domain, self.development)?;
        let profile = self.make_profile(&administrator, draft, &settings, &authority, &vkey, today)?;
        let vault_key = vault.open_or_make(draft, &random)?;
        let genesis = genesis(&settings, &administrator, now);
        let options = embedded::Options::default();
        let mut store = embedded::create(&draft.join(STORE), &vault_key, Arc::new(random), &options)
            .context("cannot make the log")?;
        hub::open_log(store.log.as_mut(), &signer, genesis).context("cannot write the log's first entry")?;
        let first = store.reader.entries(0, 1, 1)?;
        let genesis_leaf_hash = leaf_hash(first.first().context("the log's first entry is missing")?);
        files::create(&draft.join(SETTINGS), settings.to_toml()?.as_bytes(), Readable::ByAll)?;
        Ok(Made {
            folder: folder.to_owned(),
            log_vkey: vkey.to_string(),
            genesis_leaf_hash: hex::encode(genesis_leaf_hash),
            profile: profile.map(|path| folder.join(path)),
        })
    }

    /// The names in the hub's certificate.
    fn server_names(&self) -> Vec<String> {
        if self.server_name.is_empty() {
            [self.domain.as_str(), "localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec()
        } else {
            self.server_name.clone()
        }
    }

    fn make_certificates(&self, draft: &Path, today: Date) -> anyhow::Result<Authority> {
        let authority = Authority::new(&format!("{} development CA", self.domain), today)?;
        let (pki, tls) = (draft.join("pki"), draft.join("tls"));
        make_folder(&pki)?;
        make_folder(&tls)?;
        let own = authority.own();
        files::create_together(&[
            (&pki.join(CA_KEY), own.key.as_bytes(), Readable::ByOwner),
            (&pki.join(CA_CERTIFICATE), own.certificate.as_bytes(), Readable::ByAll),
        ])?;
        super::pki::write(&authority.issue_server(&self.server_names(), today)?, &tls, "server")?;
        Ok(authority)
    }

    /// The profile of an administrator whose key is made here; its path in the folder.
    fn make_profile(
        &self,
        administrator: &Administrator,
        draft: &Path,
        settings: &Settings,
        authority: &Authority,
        vkey: &VerifierKey,
        today: Date,
    ) -> anyhow::Result<Option<PathBuf>> {
        let Some(key) = &administrator.made_key else { return Ok(None) };
        let folder = PathBuf::from("profiles");
        make_folder(&draft.join(&folder))?;
        let names = self.server_names();
        let server_name = names.first().context("the hub has no name")?;
        let text = administrator.profile(settings, server_name, vkey)?;
        administrator::write_profile(&draft.join(&folder), administrator, key, &text, authority, today)?;
        Ok(Some(folder.join(administrator::PROFILE)))
    }
}

fn genesis(settings: &Settings, administrator: &Administrator, now: Time) -> Genesis {
    Genesis {
        hub: settings.hub.clone(),
        origin: settings.origin(),
        trust_domain: settings.trust_domain.clone(),
        administrators: vec![administrator.department()],
        policy: Policy::default(),
        decision_version: DECISION_VERSION,
        created_at: now,
        previous: None,
    }
}

/// Refuses a folder that anything is in.
fn refuse_in_use(folder: &Path) -> anyhow::Result<()> {
    match fs::read_dir(folder) {
        Ok(mut found) => {
            if folder.join(SETTINGS).exists() {
                bail!("{} is a hub's folder already: allowed is one that is absent or empty", folder.display());
            }
            if found.next().is_some() {
                bail!("{} is not empty: allowed is a folder that is absent or empty", folder.display());
            }
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot look into {}", folder.display())),
    }
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    fs::create_dir(path).with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Gives the draft its name. A folder that something came into meanwhile is not replaced.
fn publish(draft: tempfile::TempDir, folder: &Path) -> std::io::Result<()> {
    File::open(draft.path())?.sync_all()?;
    fs::rename(draft.path(), folder)?;
    // What would be removed has another name now.
    let _ = draft.keep();
    folder.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
