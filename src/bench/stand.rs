//! The stand on which is measured: a hub of its own in a folder, and the city's departments.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::time::timeout;

use super::{
    city::{ADMINISTRATOR, Actor, City, HUB, TRUST_DOMAIN},
    clients::Clients,
    cpus::Cpus,
    now,
    server::Server,
};
use crate::{files, pki::Authority, sign::SigningKey, wire};

/// The name of the administrator's system.
const ADMINISTRATION: &str = "administration";

/// A hub's folder, and who acts on it.
pub(crate) struct Stand {
    program: PathBuf,
    root: PathBuf,
    /// The departments.
    pub(crate) city: City,
    /// The hub's development CA.
    pub(crate) authority: Authority,
}

impl Stand {
    /// Makes a hub in an empty folder.
    pub(crate) fn set_up(root: &Path) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find the program itself")?;
        let folder = root.join("hub");
        let made = Command::new(&program)
            .arg("init")
            .arg(&folder)
            .args(["--development", "--domain", HUB, "--trust-domain", TRUST_DOMAIN, "--listen", "127.0.0.1:0"])
            .args(["--administrator-uscc", ADMINISTRATOR, "--administrator-name", "样例市数据局"])
            .args(["--administrator-system", ADMINISTRATION])
            .stdin(Stdio::null())
            .output()?;
        ensure!(made.status.success(), "cannot make a hub: {}", String::from_utf8_lossy(&made.stderr).trim());
        let key = files::read_secret(&folder.join("profiles/administrator.key.jwk"))?;
        let administrator = Actor::new(ADMINISTRATOR, ADMINISTRATION, SigningKey::from_jwk(key.trim())?)?;
        let authority = Authority::open(&folder.join("pki"))?;
        Ok(Self { program, root: root.to_owned(), city: City::new(administrator)?, authority })
    }

    /// The run's folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The hub's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join("hub")
    }

    /// Starts the hub on these processors.
    pub(crate) fn hub(&self, cpus: &Cpus) -> anyhow::Result<Server> {
        let mut command = Command::new(&self.program);
        command.arg("serve").arg(self.folder());
        Server::start(command, cpus, &self.root.join("hub.log")).context("cannot start the hub")
    }

    /// Starts the bare server, with the hub's certificates, on these processors. It gives everyone this answer.
    pub(crate) fn echo(&self, cpus: &Cpus, answer: &[u8]) -> anyhow::Result<Server> {
        let answer_file = self.root.join("answer");
        fs::write(&answer_file, answer)?;
        let mut command = Command::new(&self.program);
        command.args(["bench", "echo"]).arg(self.folder()).arg(answer_file);
        Server::start(command, cpus, &self.root.join("echo.log")).context("cannot start the bare server")
    }

    /// Connects a department.
    pub(crate) async fn connect(&self, server: &Server, actor: &Actor, connections: usize) -> anyhow::Result<Clients> {
        Clients::connect(&server.address, &self.authority, actor, connections).await
    }

    /// Registers the departments, enters the catalog, and concludes the agreements.
    pub(crate) async fn found(&self, hub: &Server) -> anyhow::Result<()> {
        for act in self.city.founding(now()?)? {
            let clients = self.connect(hub, act.actor, 1).await?;
            clients.submit_rule(wire::envelope_to_proto(&act.actor.sign(&act.statement)?)).await?;
        }
        Ok(())
    }
}

/// Does something on these processors, with a runtime of its own, and within a time.
pub(crate) fn on<T: Send, F: Future<Output = anyhow::Result<T>>>(
    cpus: &Cpus,
    limit: Duration,
    work: impl FnOnce() -> F + Send,
) -> anyhow::Result<T> {
    let all = || {
        cpus.keep_this_thread().with_context(|| format!("cannot keep to processor {cpus}"))?;
        let runtime = match cpus.count() {
            1 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
            count => tokio::runtime::Builder::new_multi_thread().worker_threads(count).enable_all().build(),
        };
        let runtime = runtime.context("cannot start the asynchronous runtime")?;
        let done = runtime.block_on(async { timeout(limit, work()).await });
        // Calls that are still in flight have nobody who waits for them.
        runtime.shutdown_background();
        done.with_context(|| format!("took longer than {limit:?}"))?
    };
    thread::scope(|scope| match scope.spawn(all).join() {
        Ok(done) => done,
        Err(_) => bail!("a stage panicked"),
    })
}

/// The bytes of all files in a folder, as they count on the disk.
pub(crate) fn disk_bytes(folder: &Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        // A file may be a sparse one, or have space for what is to come: what the disk has given away counts, in blocks of 512 bytes.
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
