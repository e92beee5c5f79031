//! The stage: a folder with everything, the hub's process, and a client for each system.

use std::{
    collections::BTreeSet,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::narration::Narration;
use crate::{
    cli::{Exit, OrExit as _, today},
    client::{Client, Profile, verify::VerifiedReceipt},
    domain::{
        directory::Capability,
        id::{DomainName, SystemId},
        identifier::Uscc,
    },
    examples,
    files::{self, Readable},
    pki::Authority,
    sign::{Secret, SigningKey, SystemRandomness, VerifyingKey},
    wire::KeyRequest,
};

/// The domain of the demo's hub.
pub(super) const HUB: &str = "hub.sample-city.example";
/// The trust domain of its systems.
pub(super) const TRUST_DOMAIN: &str = "sample-city.example";
/// The example city's administrator 样例市大数据局.
const ADMINISTRATOR: &str = "11440399X000000350";
/// How long the hub may take to start, a child command to end, and the hub to stop: far above what a slow machine needs.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long a trace may take to be written: it follows what it tells of at once.
const TRACED_WITHIN: Duration = Duration::from_secs(20);

/// A system of the story.
pub(super) struct Player {
    /// Its client.
    pub(super) client: Client,
    /// Its department.
    pub(super) department: Uscc,
}

/// The whole set-up.
pub(super) struct Stage {
    folder: PathBuf,
    _temporary: Option<tempfile::TempDir>,
    program: PathBuf,
    hub: Child,
    authority: Authority,
    address: SocketAddr,
    log_vkey: String,
    receipts: u32,
    pub(super) licences: u64,
    pub(super) administrator: Player,
    pub(super) registry: Player,
    pub(super) estate: Player,
    pub(super) housing: Player,
    pub(super) tax: Player,
    pub(super) auditor: Player,
}

/// Who plays: profile, department's name, code, capabilities.
struct Part(&'static str, &'static str, Uscc, &'static [Capability]);

impl Stage {
    /// Sets the stage in a folder, or in one that goes away.
    pub(super) async fn set(keep: Option<&Path>, licences: u64, narration: &mut Narration) -> anyhow::Result<Self> {
        let (folder, temporary) = match keep {
            Some(folder) => (empty_folder(folder)?, None),
            None => {
                let temporary = tempfile::Builder::new().prefix("hutong-demo-").tempdir()?;
                (temporary.path().to_path_buf(), Some(temporary))
            }
        };
        let program = std::env::current_exe().context("cannot find the program itself")?;
        let address = free_address()?;
        init(&program, &folder, address).await?;
        let authority = Authority::open(&folder.join("hub/pki"))?;
        let log_vkey = fs::read_to_string(folder.join("hub/keys/log.vkey"))?.trim().to_owned();
        narration.step(&format!(
            "the hub's folder is made: settings, log key, vault key, development CA\nlog key {log_vkey}"
        ))?;
        let hub = serve(&program, &folder).await?;
        narration.step(&format!("the hub listens on {address}, TLS 1.3, client certificates required"))?;

        for sub in ["profiles", "receipts", "credentials", "keys"] {
            fs::create_dir_all(folder.join(sub))?;
        }
        let setting = Setting { folder: &folder, address, log_vkey: &log_vkey };
        fs::write(folder.join("profiles/administrator.toml"), setting.administrator_profile()?)?;
        let administrator = setting.player("administrator", ADMINISTRATOR.parse()?).await?;
        let mut players = Vec::new();
        for part in parts()? {
            let key = setting.equip(&authority, &part)?;
            register(&administrator.client, &part, &key).await?;
            players.push(setting.player(part.0, part.2).await?);
        }
        let Ok([registry, estate, housing, tax, auditor]) = <[Player; 5]>::try_from(players) else {
            bail!("the cast is not complete");
        };
        narration
            .step("five departments, each with a certificate for TLS and another key to sign with, are registered")?;
        Ok(Self {
            folder,
            _temporary: temporary,
            program,
            hub,
            authority,
            address,
            log_vkey,
            receipts: 0,
            licences,
            administrator,
            registry,
            estate,
            housing,
            tax,
            auditor,
        })
    }

    /// Ends the hub in good order.
    pub(super) async fn strike(&mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.hub.id() {
            let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).context("the hub has no pid")?;
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        let status = timeout(PATIENCE, self.hub.wait()).await.context("the hub did not stop")??;
        ensure!(status.success(), "the hub ended with {status}; its traces are in hub.log");
        Ok(())
    }

    /// A path in the folder.
    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// Runs a command of this program and gives its exit code and the last line of JSON that it printed.
    pub(super) async fn run(&self, arguments: &[&str]) -> anyhow::Result<(i32, Value)> {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--json").current_dir(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await.context("the command did not end")??;
        let printed = String::from_utf8_lossy(&output.stdout);
        let last = printed.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let code = output.status.code().context("the command was ended by a signal")?;
        if code > 1 {
            bail!(
                "hutong {}: exit code {code}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok((code, last))
    }

    /// Keeps a receipt, beside its entry, and gives the name of its file.
    pub(super) fn keep_receipt(&mut self, name: &str, receipt: &VerifiedReceipt) -> anyhow::Result<String> {
        self.receipts += 1;
        let file = format!("receipts/{:02}-{name}", self.receipts);
        fs::write(self.path(&format!("{file}.tlog-proof")), &receipt.proof)?;
        fs::write(self.path(&format!("{file}.entry")), &receipt.entry_bytes)?;
        Ok(file)
    }

    /// Keeps a credential, with its provider's public key in `keys`.
    pub(super) fn keep_credential(&self, name: &str, presentation: &str, key: &VerifyingKey) -> anyhow::Result<()> {
        fs::write(self.path(&format!("credentials/{name}.sd-jwt")), presentation)?;
        Ok(fs::write(self.path(&format!("keys/{}.jwk.json", key.kid())), key.to_jwk())?)
    }

    /// How many entries the log has.
    pub(super) async fn entries(&self) -> anyhow::Result<u64> {
        Ok(self.auditor.client.checkpoint().await?.0.size)
    }

    /// Waits until the hub's traces have some words.
    pub(super) async fn traced(&self, words: &str) -> anyhow::Result<()> {
        let found = async {
            while !fs::read_to_string(self.path("hub.log"))?.contains(words) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        timeout(TRACED_WITHIN, found).await.with_context(|| format!("the hub's traces do not say: {words}"))?
    }

    /// A client with a certificate of a system that the hub's CA vouches for and the directory does not know.
    pub(super) async fn stranger(
        &self,
        authority: Option<Authority>,
    ) -> anyhow::Result<Result<Client, crate::client::Error>> {
        let name = if authority.is_some() { "impostor" } else { "stranger" };
        let part = Part(name, "", self.tax.department, &[]);
        let setting = Setting { folder: &self.folder, address: self.address, log_vkey: &self.log_vkey };
        setting.equip(authority.as_ref().unwrap_or(&self.authority), &part)?;
        let profile = Profile::read(&self.folder.join(format!("profiles/{name}.toml")))?;
        Ok(Client::connect(&profile).await)
    }
}

fn parts() -> anyhow::Result<[Part; 5]> {
    use Capability::{Audit, Publish, Query, SignAgreements};
    Ok([
        Part("registry", "样例市市场监督管理局", examples::market_regulation_department()?, &[Publish, SignAgreements]),
        Part("estate", "样例市不动产登记中心", examples::real_estate_department()?, &[Publish, SignAgreements]),
        Part("housing", "样例市住房和城乡建设局", "11440399X00000043T".parse()?, &[Query, SignAgreements]),
        Part("tax", "样例市税务局", "11440399X00000051M".parse()?, &[Query, SignAgreements]),
        Part("auditor", "样例市审计局", Uscc::complete("11440399X0000007")?, &[Audit]),
    ])
}

fn empty_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    let cannot = || format!("cannot keep the demo in {}", folder.display());
    fs::create_dir_all(folder).or_exit(Exit::CannotCreate, cannot())?;
    if fs::read_dir(folder).or_exit(Exit::CannotCreate, cannot())?.next().is_some() {
        return Err(anyhow::anyhow!("the folder is not empty")).or_exit(Exit::CannotCreate, cannot());
    }
    folder.canonicalize().or_exit(Exit::CannotCreate, cannot())
}

/// An address that is free now. Another program could take it before the hub does; the hub would say so.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

async fn init(program: &Path, folder: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.arg("init").arg(folder.join("hub")).args([
        "--development",
        "--domain",
        HUB,
        "--trust-domain",
        TRUST_DOMAIN,
    ]);
    command.args(["--listen", &address.to_string(), "--administrator-uscc", ADMINISTRATOR]);
    command.args(["--administrator-name", "样例市大数据局"]).stdin(Stdio::null());
    let output = timeout(PATIENCE, command.output()).await.context("init did not end")??;
    ensure!(output.status.success(), "init failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

async fn serve(program: &Path, folder: &Path) -> anyhow::Result<Child> {
    let traces = fs::File::create(folder.join("hub.log"))?;
    let mut command = Command::new(program);
    command.arg("serve").arg(folder.join("hub")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(traces);
    let mut hub = command.kill_on_drop(true).spawn().context("cannot start the hub")?;
    let mut lines = BufReader::new(hub.stdout.take().context("the hub has no output")?).lines();
    match timeout(PATIENCE, lines.next_line()).await.context("the hub did not start")?? {
        Some(line) if line.contains("listening") => Ok(hub),
        _ => bail!("the hub did not start: {}", fs::read_to_string(folder.join("hub.log"))?.trim()),
    }
}

/// What all profiles share.
struct Setting<'a> {
    folder: &'a Path,
    address: SocketAddr,
    log_vkey: &'a str,
}

impl Setting<'_> {
    /// Makes a system's certificate, keys and profile; gives its signing key.
    fn equip(&self, authority: &Authority, part: &Part) -> anyhow::Result<SigningKey> {
        let Part(name, _, department, _) = part;
        let system = system_of(name, department)?;
        let random = SystemRandomness::new();
        let issued = authority.issue_system(&system, today()?)?;
        let key = SigningKey::generate(&random)?;
        let secret = Secret::generate(&random)?;
        let at = |file: &str| self.folder.join("profiles").join(format!("{name}{file}"));
        files::create_together(&[
            (&at(".pem"), issued.certificate.as_bytes(), Readable::ByAll),
            (&at(".key"), issued.key.as_bytes(), Readable::ByOwner),
            (&at(".key.jwk"), key.to_private_jwk().as_bytes(), Readable::ByOwner),
            (&at(".secret"), hex::encode(secret.expose()).as_bytes(), Readable::ByOwner),
            (&at(".toml"), self.profile(name, &system)?.as_bytes(), Readable::ByAll),
        ])?;
        Ok(key)
    }

    fn profile(&self, name: &str, system: &SystemId) -> anyhow::Result<String> {
        let mut profile = self.shared(system);
        for (key, file) in [
            ("certificate", format!("{name}.pem")),
            ("private_key", format!("{name}.key")),
            ("signing_key", format!("{name}.key.jwk")),
            ("secret", format!("{name}.secret")),
            ("journal", format!("{name}.journal")),
        ] {
            profile.insert(key.to_owned(), file.into());
        }
        Ok(toml::to_string(&profile)?)
    }

    /// The administrator's profile: its keys are where `init` made them.
    fn administrator_profile(&self) -> anyhow::Result<String> {
        let mut profile = self.shared(&system_of("administration", &ADMINISTRATOR.parse()?)?);
        for (key, file) in [
            ("certificate", "../hub/profiles/administrator.pem"),
            ("private_key", "../hub/profiles/administrator.key"),
            ("signing_key", "../hub/profiles/administrator.key.jwk"),
            ("journal", "administrator.journal"),
        ] {
            profile.insert(key.to_owned(), file.into());
        }
        Ok(toml::to_string(&profile)?)
    }

    fn shared(&self, system: &SystemId) -> toml::Table {
        toml::Table::from_iter([
            ("hub".to_owned(), format!("https://{}", self.address).into()),
            ("server_name".to_owned(), HUB.into()),
            ("hub_domain".to_owned(), HUB.into()),
            ("log_vkey".to_owned(), self.log_vkey.into()),
            ("system".to_owned(), system.as_str().into()),
            ("ca".to_owned(), "../hub/pki/ca.pem".into()),
        ])
    }

    async fn player(&self, name: &str, department: Uscc) -> anyhow::Result<Player> {
        let profile = Profile::read(&self.folder.join(format!("profiles/{name}.toml")))?;
        Ok(Player { client: Client::connect(&profile).await?, department })
    }
}

fn system_of(name: &str, department: &Uscc) -> anyhow::Result<SystemId> {
    Ok(SystemId::new(&TRUST_DOMAIN.parse::<DomainName>()?, department, name)?)
}

async fn register(administrator: &Client, part: &Part, key: &SigningKey) -> anyhow::Result<()> {
    let Part(name, title, department, capabilities) = part;
    let system = system_of(name, department)?;
    administrator.register_department(*department, title).await?;
    administrator.register_system(system.clone(), BTreeSet::from_iter(capabilities.iter().copied())).await?;
    administrator.register_key(KeyRequest::sign(key, &HUB.parse()?, &system)?).await?;
    Ok(())
}
