//! The two servers, each in a process of its own.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, ensure};
use hutong::{files, sign::SigningKey};

use super::{
    city::{ADMINISTRATOR, Actor, HUB, TRUST_DOMAIN},
    echo,
};

/// The program under measurement.
const HUTONG: &str = env!("CARGO_BIN_EXE_hutong");
/// The name of the administrator's system.
const ADMINISTRATION: &str = "administration";

/// Makes a hub's folder; gives its administrator.
pub(crate) fn hub_folder(folder: &Path) -> anyhow::Result<Actor> {
    let made = Command::new(HUTONG)
        .arg("init")
        .arg(folder)
        .args(["--development", "--domain", HUB, "--trust-domain", TRUST_DOMAIN, "--listen", "127.0.0.1:0"])
        .args(["--administrator-uscc", ADMINISTRATOR, "--administrator-name", "样例市数据局"])
        .args(["--administrator-system", ADMINISTRATION])
        .stdout(Stdio::null())
        .status()?;
    ensure!(made.success(), "hutong init failed: {made}");
    let key = files::read_secret(&folder.join("profiles/administrator.key.jwk"))?;
    Actor::new(ADMINISTRATOR, ADMINISTRATION, SigningKey::from_jwk(key.trim())?)
}

/// A server's process, which ends with this.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
}

impl Server {
    /// The hub of a folder. What it says goes to a file in `logs`.
    pub(crate) fn hub(folder: &Path, logs: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(HUTONG);
        command.arg("serve").arg(folder);
        Self::start(command, &logs.join("hub.log"))
    }

    /// The bare server with the certificates of the hub in `folder`.
    pub(crate) fn echo(folder: &Path, answer: &Path, logs: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(echo::COMMAND).arg(folder).arg(answer);
        Self::start(command, &logs.join("echo.log"))
    }

    fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?).spawn()?;
        let mut server = Self { child, address: String::new() };
        let said = server.child.stdout.take().context("its standard output is ours")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ");
        let address = address.with_context(|| std::fs::read_to_string(log).unwrap_or_default())?;
        server.address = address.to_owned();
        Ok(server)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing left to do, and its folder goes with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
