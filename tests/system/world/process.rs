//! The program as a child process.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How long a hub may take to start, to stop, or a command to end: some seconds, on a machine that is busy with other
/// things.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often an end is looked for: a kill is noticed within a blink.
const LOOK: Duration = Duration::from_millis(5);

/// `hutong` with these arguments.
pub(crate) fn hutong<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hutong"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ended {
    Ended::of(&hutong(arguments).output().unwrap())
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Requires success.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// Requires a failure with this exit code, that says all of this and tells of no panic.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, said: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let all = format!("{}{}", self.stdout, self.stderr);
        assert!(said.iter().all(|part| all.contains(part)), "expected {said:?}: {self:#?}");
        assert!(!all.contains("panicked"), "{self:#?}");
        self
    }
}

/// A hub that runs, with its traces going to a file. Killed when it is dropped.
pub(crate) struct HubProcess {
    child: Child,
    traces: PathBuf,
}

impl HubProcess {
    /// Starts `hutong serve`, and waits until it takes calls.
    ///
    /// # Errors
    /// What it left, when it ended instead.
    pub(crate) fn start(folder: &Path, traces: &Path) -> Result<Self, Ended> {
        let begun = traces.metadata().map_or(0, |file| file.len());
        let stderr = OpenOptions::new().append(true).create(true).open(traces).unwrap();
        let mut child = hutong([Path::new("serve"), folder]).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, first_line) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            let _ = sender.send(lines.next().and_then(Result::ok));
            // Whatever else it says is taken, so that it never waits for a reader.
            lines.for_each(drop);
        });
        let mut hub = Self { child, traces: traces.to_owned() };
        match first_line.recv_timeout(PATIENCE).expect("the hub neither started nor ended") {
            Some(line) => {
                let address = line.strip_prefix("listening on ").and_then(|text| text.parse::<SocketAddr>().ok());
                assert!(address.is_some(), "it said {line:?}");
                Ok(hub)
            }
            None => {
                let status = hub.wait();
                let mut stderr = hub.traces_read();
                Err(Ended { code: status.code(), stdout: String::new(), stderr: stderr.split_off(begun as usize) })
            }
        }
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    /// Asks it to stop as a process supervisor does.
    pub(crate) fn ask_to_stop(&self) {
        self.signal("-TERM");
    }

    /// Asks it to take its files anew, as a process supervisor does.
    pub(crate) fn ask_to_reload(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "the hub does not end: {}", self.traces_read());
            thread::sleep(LOOK);
        }
    }

    fn traces_read(&self) -> String {
        let mut text = Vec::new();
        File::open(&self.traces).unwrap().read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for HubProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
