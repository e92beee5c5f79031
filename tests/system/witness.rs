//! The witness as a process: asked over HTTP, stopped, killed, looked into.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use hutong::{
    sign::{LogSigner, Secret, SigningKey},
    tlog::{
        self, AddCheckpoint, Checkpoint, Hash, HashReader, leaf_hash, origin_hash, parse_size, prove_consistency,
        tree_root,
    },
};

use crate::world::{Ended, hutong, run};

/// How long a witness may take to start, to answer or to stop: some seconds, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// The leaf hashes of a log.
struct Leaves(Vec<Hash>);

impl HashReader for Leaves {
    type Error = tlog::Error;

    fn read(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, tlog::Error> {
        let width = 256_usize.pow(u32::from(level));
        Ok(range.map(|index| tree_root(&self.0[index as usize * width..][..width])).collect())
    }
}

fn log() -> LogSigner {
    let key = SigningKey::from_seed(&Secret::from_bytes(&[7; 32])).unwrap();
    LogSigner::new("hub.example.gov/exchange-log/2026".parse().unwrap(), key)
}

/// A request by a log that tells this from entry 50 on.
fn request(old_size: u64, size: u64, told: &str) -> AddCheckpoint {
    let entry = |n| leaf_hash(format!("{} {n}", if n < 50 { "common" } else { told }).as_bytes());
    let leaves = Leaves((0..size).map(entry).collect());
    let proof = prove_consistency(&leaves, old_size.min(size), size).unwrap();
    let origin = log().vkey().name().clone();
    let checkpoint = Checkpoint { origin, size, root: tree_root(&leaves.0) }.sign(&log()).unwrap();
    AddCheckpoint { old_size, proof, checkpoint }
}

/// A witness that runs; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    fn start(folder: &Path) -> Self {
        Self::start_at(folder, "127.0.0.1:0")
    }

    /// Starts the witness of a folder at this address.
    pub(crate) fn start_at(folder: &Path, listen: &str) -> Self {
        let arguments = ["--json", "witness", "serve", folder.to_str().unwrap(), "--listen", listen];
        let mut child = hutong(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { address: said["listening"].as_str().unwrap().parse().unwrap(), child }
    }

    /// The status and the body of an answer; `None` where the witness was gone before it came.
    fn send(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {}", body.len());
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    fn add(&self, request: &AddCheckpoint) -> Option<(u16, String)> {
        self.send("POST", "/add-checkpoint", &request.to_string())
    }

    fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "the witness does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with a witness of the log.
fn witness() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("witness");
    let vkey = log().vkey().to_string();
    let folder_text = folder.to_str().unwrap();
    run(["witness", "init", folder_text, "--name", "court.example.gov/witness", "--log", &vkey]).well();
    (place, folder)
}

fn status(folder: &Path) -> Ended {
    run(["--json", "witness", "status", folder.to_str().unwrap()])
}

#[test]
fn a_split_view_and_a_rollback_are_refused_reported_and_kept() {
    let (_place, folder) = witness();
    let process = Process::start(&folder);
    let status_of = |request: &AddCheckpoint| process.add(request).unwrap().0;
    assert_eq!(status_of(&request(0, 40, "court")), 200);
    assert_eq!(status_of(&request(40, 60, "court")), 200);
    status(&folder).well();

    assert_eq!(status_of(&request(60, 60, "city")), 422);
    assert_eq!(status_of(&request(60, 70, "city")), 422);
    let (conflict, size) = process.add(&request(0, 30, "court")).unwrap();
    assert_eq!((conflict, parse_size(size.as_bytes())), (409, Ok(60)));
    assert_eq!(status_of(&request(60, 30, "court")), 400);
    let path = format!("/{}/checkpoint", origin_hash(log().vkey().name()));
    assert!(process.send("GET", &path, "").unwrap().1.contains("\n60\n"));

    run(["witness", "serve", folder.to_str().unwrap()]).fails(73, &["in use by another witness"]);
    let ended = status(&folder);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(said["size"], 60);
    let mut kinds: Vec<_> =
        said["evidence"].as_array().unwrap().iter().map(|kept| kept["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["behind", "split-view", "unproven"]);
    run(["witness", "status", folder.to_str().unwrap()]).fails(1, &["split-view", "rolled back", "60 entries"]);

    assert!(process.terminate().success());
    let process = Process::start(&folder);
    assert_eq!(process.add(&request(60, 60, "city")).unwrap().0, 422, "it remembers");
    assert_eq!(process.add(&request(60, 61, "court")).unwrap().0, 200);
}

/// A cosignature that somebody has, the witness remembers, whenever it was killed.
#[test]
fn killed_in_the_midst_of_cosigning_it_remembers_all_that_it_gave_away() {
    let (_place, folder) = witness();
    let mut cosigned = 0;
    for round in 0..8_u64 {
        let mut process = Process::start(&folder);
        let (status, held) = process.add(&request(cosigned + 999, cosigned + 1_000, "x")).unwrap();
        assert_eq!(status, 409, "{held}");
        let held = parse_size(held.as_bytes()).unwrap();
        // It may have remembered one whose cosignature did not arrive any more.
        assert!(held == cosigned || held == cosigned + 1, "round {round}: {held} after {cosigned}");
        cosigned = held;
        let id = process.child.id().to_string();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(20 + 13 * round));
                assert!(Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
            });
            while let Some((200, _)) = process.add(&request(cosigned, cosigned + 1, "told")) {
                cosigned += 1;
            }
        });
        process.child.wait().unwrap();
    }
    assert!(cosigned > 0);
}

#[test]
fn damage_is_said_with_the_file_and_what_to_do() {
    let (_place, folder) = witness();
    let process = Process::start(&folder);
    assert_eq!(process.add(&request(0, 40, "court")).unwrap().0, 200);
    assert!(process.terminate().success());
    let memory = folder.join("logs").join(origin_hash(log().vkey().name())).join("checkpoint");
    std::fs::write(&memory, "").unwrap();
    for command in ["serve", "status"] {
        run(["witness", command, folder.to_str().unwrap()]).fails(1, &["checkpoint is damaged", "new witness"]);
    }
    run(["witness", "serve", "/nowhere"]).fails(78, &["holds no witness"]);
    let vkey = log().vkey().to_string();
    run(["witness", "init", folder.to_str().unwrap(), "--name", "w", "--log", &vkey]).fails(73, &["not empty"]);
    run(["witness", "add", folder.to_str().unwrap(), "--log", &vkey]).fails(73, &["knows"]);
}
