//! A small world: a hub in a folder of its own, three departments with their systems, an auditor, and an agreement.

mod licences;
mod load;
mod log;
mod process;
mod site;
mod volume;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU16, Ordering},
};

use hutong::{
    cli,
    client::{Client, Profile},
    domain::{
        agreement::{AgreementText, LookupKind},
        directory::Capability,
        id::SystemId,
    },
    files::{self, Readable},
    pki::Authority,
    sign::{Secret, SigningKey, SystemRandomness},
    wire::KeyRequest,
};

pub(crate) use licences::{FIELDS, Licence, RESOURCE, Registry, licences, question, resource_id, table};
pub(crate) use load::{Ledger, Load};
pub(crate) use log::Log;
pub(crate) use process::{Ended, HubProcess, hutong, run};
pub(crate) use site::Site;
pub(crate) use volume::Volume;

pub(crate) const DOMAIN: &str = "hub.gov.example";
pub(crate) const ADMINISTRATION: &str = "11440399X000000350";
pub(crate) const MARKET_REGULATION: &str = "11440399X00000019A";
pub(crate) const HOUSING: &str = "11440399X00000043T";
pub(crate) const TAXATION: &str = "11440399X00000051M";
pub(crate) const AGREEMENT: &str = "housing-2026";

/// A hub and those who use it.
pub(crate) struct World {
    /// The hub's folder.
    pub(crate) folder: PathBuf,
    /// Everybody else's files.
    pub(crate) home: tempfile::TempDir,
    hub: Option<HubProcess>,
}

/// A port that nothing listens on, below those that a system gives to outgoing connections: so it is still free when the
/// hub starts again on it.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries that run beside each other begin at different places.
    let begin = (std::process::id() * 97 % u32::from(COUNT)) as u16;
    loop {
        let port = FIRST + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

impl World {
    /// Makes a hub's folder, and starts nothing.
    pub(crate) fn make() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("hub");
        Self::make_in(home, folder)
    }

    /// Makes a hub's folder at this place.
    pub(crate) fn make_in(home: tempfile::TempDir, folder: PathBuf) -> Self {
        init(&folder, home.path()).well();
        Self { folder, home, hub: None }
    }

    /// A hub that runs, with departments, the examples' catalog and an agreement, and no record yet.
    pub(crate) async fn begin() -> Self {
        let mut world = Self::make();
        world.start();
        world.settle().await;
        world
    }

    /// Changes the hub's settings.
    pub(crate) fn change_settings(&self, change: impl FnOnce(&mut toml::Table)) {
        let path = self.folder.join("hutong.toml");
        let mut settings = fs::read_to_string(&path).unwrap().parse().unwrap();
        change(&mut settings);
        fs::write(&path, toml::to_string(&settings).unwrap()).unwrap();
    }

    // === The hub's process

    /// Where the hub's traces go.
    pub(crate) fn traces(&self) -> PathBuf {
        self.home.path().join("hub.traces")
    }

    /// Starts the hub.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        if let Err(ended) = self.try_start() {
            panic!("the hub did not start: {ended:#?}");
        }
    }

    /// Starts the hub, or gives what it said.
    pub(crate) fn try_start(&mut self) -> Result<(), Ended> {
        assert!(self.hub.is_none());
        self.hub = Some(HubProcess::start(&self.folder, &self.traces())?);
        Ok(())
    }

    /// Kills the hub in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.hub.take().unwrap().kill();
    }

    /// The hub's process.
    pub(crate) fn hub(&mut self) -> &mut HubProcess {
        self.hub.as_mut().unwrap()
    }

    /// Forgets a hub that has ended by itself.
    pub(crate) fn forget(&mut self) {
        self.hub = None;
    }

    /// Stops the hub in order.
    pub(crate) fn stop(&mut self) {
        let mut hub = self.hub.take().unwrap();
        hub.ask_to_stop();
        assert_eq!(hub.wait().code(), Some(0), "{}", self.traces_read());
    }

    /// What the hub traced.
    pub(crate) fn traces_read(&self) -> String {
        fs::read_to_string(self.traces()).unwrap_or_default()
    }

    /// Requires that the hub never panicked.
    #[track_caller]
    pub(crate) fn require_no_panic(&self) {
        let traces = self.traces_read();
        assert!(!traces.contains("panicked"), "{traces}");
    }

    // === Those who use it

    /// The path of a system's profile.
    pub(crate) fn profile(&self, name: &str) -> PathBuf {
        match name {
            "administrator" => self.folder.join("profiles/administrator.toml"),
            _ => self.home.path().join(name).join("profile.toml"),
        }
    }

    /// A system's connection.
    pub(crate) async fn client(&self, name: &str) -> Client {
        Client::connect(&Profile::read(&self.profile(name)).unwrap()).await.unwrap()
    }

    /// The provider of the licences.
    pub(crate) async fn registry(&self) -> Registry {
        Registry { client: self.client("registry").await }
    }

    /// The certificate authority for development.
    pub(crate) fn authority(&self) -> Authority {
        Authority::open(&self.folder.join("pki")).unwrap()
    }

    /// Makes a system's keys, certificate and profile. The hub knows nothing of it.
    pub(crate) fn equip(&self, department: &str, name: &str) -> (SystemId, SigningKey) {
        let system = SystemId::new(&DOMAIN.parse().unwrap(), &department.parse().unwrap(), name).unwrap();
        let random = SystemRandomness::new();
        let issued = self.authority().issue_system(&system, cli::today().unwrap()).unwrap();
        let key = SigningKey::generate(&random).unwrap();
        let secret = hex::encode(Secret::generate(&random).unwrap().expose());
        let folder = self.home.path().join(name);
        fs::create_dir(&folder).unwrap();
        let ca = fs::read_to_string(self.folder.join("pki/ca.pem")).unwrap();
        for (file, text, readable) in [
            ("ca.pem", ca.as_str(), Readable::ByAll),
            ("tls.pem", &issued.certificate, Readable::ByAll),
            ("tls.key", &issued.key, Readable::ByOwner),
            ("signing.key.jwk", &key.to_private_jwk(), Readable::ByOwner),
            ("secret", &secret, Readable::ByOwner),
            ("profile.toml", &self.profile_text(&system), Readable::ByAll),
        ] {
            files::create(&folder.join(file), text.as_bytes(), readable).unwrap();
        }
        (system, key)
    }

    fn profile_text(&self, system: &SystemId) -> String {
        let settings: toml::Table = fs::read_to_string(self.folder.join("hutong.toml")).unwrap().parse().unwrap();
        let vkey = fs::read_to_string(self.folder.join("keys/log.vkey")).unwrap();
        let keys = [
            ("hub", format!("https://{}", settings["listen"].as_str().unwrap())),
            ("server_name", "localhost".to_owned()),
            ("hub_domain", DOMAIN.to_owned()),
            ("log_vkey", vkey.trim().to_owned()),
            ("system", system.to_string()),
            ("ca", "ca.pem".to_owned()),
            ("certificate", "tls.pem".to_owned()),
            ("private_key", "tls.key".to_owned()),
            ("signing_key", "signing.key.jwk".to_owned()),
            ("secret", "secret".to_owned()),
            ("journal", "journal".to_owned()),
        ];
        toml::to_string(&BTreeMap::from(keys)).unwrap()
    }

    /// Equips and registers a system.
    pub(crate) async fn enrol(&self, department: &str, name: &str, capabilities: &[Capability]) {
        let administrator = self.client("administrator").await;
        let (system, key) = self.equip(department, name);
        let capabilities: BTreeSet<_> = capabilities.iter().copied().collect();
        administrator.register_system(system.clone(), capabilities).await.unwrap();
        let request = KeyRequest::sign(&key, &DOMAIN.parse().unwrap(), &system).unwrap();
        administrator.register_key(request).await.unwrap();
    }

    /// Registers the departments, applies the catalog, and puts an agreement into force.
    pub(crate) async fn settle(&self) {
        use Capability::{Audit, Publish, Query, SignAgreements};
        let administrator = self.client("administrator").await;
        for (uscc, name) in [
            (MARKET_REGULATION, "样例市市场监督管理局"),
            (HOUSING, "样例市住房和城乡建设局"),
            (TAXATION, "样例市税务局"),
            ("12440399X000000272", "样例市不动产登记中心"),
        ] {
            administrator.register_department(uscc.parse().unwrap(), name).await.unwrap();
        }
        self.enrol(MARKET_REGULATION, "registry", &[Publish, SignAgreements]).await;
        self.enrol(HOUSING, "permits", &[Query, SignAgreements]).await;
        self.enrol(ADMINISTRATION, "auditor", &[Audit]).await;
        let catalog = hutong::catalog::parse(licences::CATALOG).unwrap();
        administrator.apply_catalog(catalog.into(), 0, false, &|_, _| ()).await.unwrap();
        self.agree(agreement(AGREEMENT)).await;
    }

    /// Has an agreement proposed, accepted and activated.
    pub(crate) async fn agree(&self, text: AgreementText) {
        let id = text.agreement_id.clone();
        let consumer = self.client("permits").await;
        consumer
            .propose_agreement(
                text,
                None,
                hutong::client::FreeTexts {
                    legal_basis: Some("样例依据第九条"),
                    scenario: Some("样例场景"),
                    scope: None,
                },
            )
            .await
            .unwrap();
        let shown = consumer.agreement(&id, None).await.unwrap();
        self.client("registry").await.accept_agreement(&shown.version).await.unwrap();
        self.client("administrator").await.activate_agreement(&shown.version).await.unwrap();
    }

    /// The hub's log as it is now, read by the auditor.
    pub(crate) async fn log(&self) -> Log {
        Log::read(&self.client("auditor").await).await
    }
}

/// `hutong init` of a development hub, with its high-water mark at home.
pub(crate) fn init(folder: &Path, home: &Path) -> Ended {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())).to_string();
    let administrator = ["--administrator-uscc", ADMINISTRATION, "--administrator-name", "样例市大数据局"];
    let mut init = hutong(["init", "--development", "--domain", DOMAIN, "--listen", &listen]);
    init.args(administrator).arg("--high-water").arg(home.join("high-water")).arg(folder);
    Ended::of(&init.output().unwrap())
}

/// The housing department's agreement with the registry: [`FIELDS`] by either lookup, without a limit that a test would
/// meet.
pub(crate) fn agreement(id: &str) -> AgreementText {
    const YEAR: i64 = 365 * 86_400;
    let now = cli::now().unwrap();
    AgreementText {
        hub: DOMAIN.parse().unwrap(),
        agreement_id: id.parse().unwrap(),
        version: 1,
        previous_digest: None,
        consumer: HOUSING.parse().unwrap(),
        provider: MARKET_REGULATION.parse().unwrap(),
        resource_id: resource_id(),
        fields: FIELDS.iter().map(|code| code.parse().unwrap()).collect(),
        purposes: ["housing-registration".parse().unwrap()].into(),
        matters: BTreeSet::new(),
        lookups: [LookupKind::Record, LookupKind::Holder].into(),
        valid_from: now.plus_seconds(-60),
        valid_until: now.plus_seconds(YEAR),
        daily_limit: 100_000_000,
        batch_limit: 64,
        legal_basis: None,
        scenario: None,
        condition: None,
        minute_limit: None,
        networks: BTreeSet::new(),
        retention_days: None,
        scope: None,
    }
}

/// Every file under a folder.
pub(crate) fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}
