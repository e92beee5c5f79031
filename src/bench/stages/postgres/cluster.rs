//! A PostgreSQL server of the run's own, on loopback with TLS, on the same disk as the hub.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use super::{super::Bench, tools::Tools};
use crate::{
    bench::{cpus::Cpus, now},
    files::{self, Readable},
    sign::{Random as _, SystemRandomness},
};

/// How long the server may take to start or to stop, and to fill its table: far above what ten million rows need.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// How often is looked whether something is done.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the server may take to stop where it is dropped.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// The share of the memory that its buffers get: a quarter is what the manual advises.
const BUFFERS_SHARE: u64 = 4;
/// Connections beyond the callers', for whoever fills the table.
const SPARE_CONNECTIONS: usize = 10;

/// Who may connect, over TLS only: the owner by a password, for it could run programs as whoever runs the server; the department
/// without one, for it sees nothing but synthetic rows, and a password's check would be in its figures.
const WHO_MAY: &str = "hostssl all housing 127.0.0.1/32 trust\nhostssl all postgres 127.0.0.1/32 scram-sha-256\n";

/// The server's process and its folder.
pub(super) struct Cluster {
    pub(super) tools: Tools,
    pub(super) port: u16,
    folder: PathBuf,
    password: String,
    server: Child,
}

impl Cluster {
    /// Makes one and starts it on these processors.
    pub(super) fn start(bench: &Bench<'_>, tools: Tools, cpus: &Cpus) -> anyhow::Result<Self> {
        let root = bench.stand.root();
        let folder = root.join("postgres");
        fs::create_dir(&folder)?;
        tools.give(&folder)?;
        tools.let_through(root, &folder)?;
        let data = folder.join("data");
        let mut secret = [0; 16];
        SystemRandomness::new().fill(&mut secret)?;
        let password = hex::encode(secret);
        let password_file = folder.join("password");
        files::create(&password_file, password.as_bytes(), Readable::ByOwner)?;
        tools.give(&password_file)?;
        let mut initdb = tools.command(&tools.initdb);
        initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password_file);
        initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"]);
        finish(initdb, cpus, &folder.join("initdb.log"), PATIENCE)?;
        fs::write(data.join("pg_hba.conf"), WHO_MAY)?;
        let issued = bench.stand.authority.issue_server(&["localhost".to_owned()], now()?.civil_day(0))?;
        for (name, pem) in [("server.crt", issued.certificate.as_bytes()), ("server.key", issued.key.as_bytes())] {
            files::create(&data.join(name), pem, Readable::ByOwner)?;
            tools.give(&data.join(name))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = tools.command(&tools.postgres);
        command.arg("-D").arg(&data);
        let connections = bench.options.in_flight + SPARE_CONNECTIONS;
        let buffers = (bench.memory_bytes / BUFFERS_SHARE) >> 20;
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            "ssl=on".to_owned(),
            "fsync=on".to_owned(),
            "synchronous_commit=on".to_owned(),
            "max_wal_size=8GB".to_owned(),
            format!("max_connections={connections}"),
            format!("shared_buffers={buffers}MB"),
        ] {
            command.arg("-c").arg(setting);
        }
        let log = File::create(folder.join("server.log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let server = cpus.during(|| command.spawn())?.context("cannot start PostgreSQL")?;
        let mut cluster = Self { tools, port, folder, password, server };
        let begun = Instant::now();
        while cluster.psql("SELECT 1").is_err() {
            if let Some(status) = cluster.server.try_wait()? {
                bail!("PostgreSQL ended with {status}: {}", cluster.log("server.log"));
            }
            ensure!(begun.elapsed() < PATIENCE, "PostgreSQL takes no connections");
            thread::sleep(LOOK_EVERY);
        }
        Ok(cluster)
    }

    /// The server's process.
    pub(super) fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Runs statements as the database's owner, and gives what they printed.
    pub(super) fn psql(&self, statements: &str) -> anyhow::Result<String> {
        let mut psql = self.client(&self.tools.psql, "postgres");
        psql.env("PGPASSWORD", &self.password);
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command"])
            .arg(statements);
        finish(psql, &Cpus::available()?, &self.folder.join("psql.log"), PATIENCE)
    }

    /// A client's command as this role, over TLS.
    pub(super) fn client(&self, program: &Path, role: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string()).env("PGUSER", role);
        command.env("PGDATABASE", "postgres").env("PGSSLMODE", "require").env("PGCLIENTENCODING", "UTF8");
        command
    }

    /// A file of the cluster's folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn log(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().last().unwrap_or_default().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGINT is its fast stop: it ends its sessions, and no process of it stays behind.
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
        if wait(&mut self.server, ENDS_WITHIN).is_err() {
            let _ = self.server.kill();
            let _ = self.server.wait();
        }
    }
}

/// Runs a command to its end on these processors, and gives what it said on stdout. What it says in all is kept in a file.
pub(super) fn finish(mut command: Command, cpus: &Cpus, log: &Path, limit: Duration) -> anyhow::Result<String> {
    let errors = log.with_extension("err");
    command.stdin(Stdio::null()).stdout(File::create(log)?).stderr(File::create(&errors)?);
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = cpus.during(|| command.spawn())?.with_context(|| format!("cannot run {name}"))?;
    let status = match wait(&mut child, limit) {
        Ok(status) => status,
        Err(problem) => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(problem.context(name));
        }
    };
    ensure!(status.success(), "{name} ended with {status}: {}", fs::read_to_string(&errors)?.trim());
    Ok(fs::read_to_string(log)?)
}

fn wait(child: &mut Child, limit: Duration) -> anyhow::Result<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        ensure!(begun.elapsed() < limit, "did not end within {limit:?}");
        thread::sleep(LOOK_EVERY);
    }
}
