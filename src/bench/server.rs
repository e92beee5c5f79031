//! Servers under measurement, each in a process of its own.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use super::cpus::Cpus;

/// How long a server may take to start: to catch up with a log of ten million entries on a slow machine.
const STARTS_WITHIN: Duration = Duration::from_secs(600);
/// How long a server may take to stop: its drain is 20 s, and what it has behind is then written.
const STOPS_WITHIN: Duration = Duration::from_secs(120);
/// How often is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A server's process. It is killed where it was not stopped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
    /// How long it took until it took calls.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts a program on these processors, and waits until it says where it listens. What else it says goes to the end of a file.
    pub(crate) fn start(mut command: Command, cpus: &Cpus, log: &Path) -> anyhow::Result<Self> {
        let traces = File::options().append(true).create(true).open(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(traces);
        let begun = Instant::now();
        let child =
            cpus.during(|| command.spawn()).with_context(|| format!("cannot keep it on processor {cpus}"))??;
        let mut server = Self { child, address: String::new(), started_in: Duration::ZERO };
        let said = server.child.stdout.take().context("its standard output is ours")?;
        let (sender, first_line) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(said).lines();
            // Nobody waits any more once it took too long.
            let _ = sender.send(lines.next().and_then(Result::ok));
            // Whatever else it says is taken, so that it never waits for a reader.
            lines.for_each(drop);
        });
        let line = first_line.recv_timeout(STARTS_WITHIN).context("the server neither started nor ended")?;
        let address = line.as_deref().and_then(|line| line.strip_prefix("listening on "));
        let Some(address) = address else {
            bail!("the server did not start: {}", fs::read_to_string(log).unwrap_or_default().trim())
        };
        server.started_in = begun.elapsed();
        server.address = address.trim().to_owned();
        Ok(server)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it in good order.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw).context("it has no pid")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            ensure!(begun.elapsed() < STOPS_WITHIN, "the server did not stop within {STOPS_WITHIN:?}");
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
