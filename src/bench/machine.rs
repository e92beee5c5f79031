//! The machine: what it is, and how fast it does what a hub cannot do without.

use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Serialize;

use super::{city::City, cpus::Cpus, latencies::Latencies, now, process::thread_time};
use crate::sign::{Verifier as _, VerifyingKey, dsse};

/// Verifications whose mean is told: some tens of milliseconds.
const VERIFICATIONS: u32 = 1_000;
/// For how long all processors verify at once: many of the scheduler's slices.
const ALL_AT_ONCE: Duration = Duration::from_millis(300);
/// Syncs that are timed, enough for two of them to be beyond the 99th percentile.
const SYNCS: u32 = 200;
/// What is written before each sync, in bytes: a batch of a few entries.
const SYNCED_BYTES: usize = 4_096;

/// What the machine is.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// Processors that this process may use.
    pub processors: usize,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// The operating system and its version.
    pub kernel: String,
    /// The file system that the store is on.
    pub file_system: String,
    /// How many threads wanted a processor in the minute, the five and the fifteen minutes before the run: other load, if it is not 0.
    pub load_average: String,
}

impl Machine {
    /// Looks, with the store in this folder.
    ///
    /// # Errors
    /// When the system does not say how many processors there are.
    pub fn look(folder: &Path) -> anyhow::Result<Self> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key));
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned())).unwrap_or_default()
        };
        let kib = value(&read("/proc/meminfo"), "MemTotal");
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Ok(Self {
            cpu: value(&read("/proc/cpuinfo"), "model name"),
            processors: Cpus::available()?.count(),
            memory_bytes: kib.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() << 10,
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            file_system: file_system(&read("/proc/self/mounts"), &folder),
            load_average: read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
        })
    }
}

/// The type of the file system mounted nearest above a folder; the last mount of a place is the one that is seen.
fn file_system(mounts: &str, folder: &Path) -> String {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = mounts.filter(|(place, _)| folder.starts_with(place));
    above.max_by_key(|(place, _)| place.len()).map_or_else(|| "unknown".to_owned(), |(_, kind)| kind.to_owned())
}

/// How fast the machine does what a hub cannot do without.
#[derive(Debug, Clone, Serialize)]
pub struct Yardsticks {
    /// The CPU time of one Ed25519 verification of a query's statement by ring, in microseconds: the yardstick, whatever the hub uses.
    pub verification_us: f64,
    /// The same as the hub does it.
    pub own_verification_us: f64,
    /// Verifications a second by ring, on all processors at once.
    pub verifications_per_second: f64,
    /// The same as the hub does them.
    pub own_verifications_per_second: f64,
    /// A write of 4 KiB and its fdatasync on the store's disk, in microseconds: the median.
    pub sync_p50_us: u64,
    /// The same, of 99 in a hundred.
    pub sync_p99_us: u64,
}

impl Yardsticks {
    /// Measures, with the disk that a folder is on.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn measure(city: &City, folder: &Path, all: &Cpus) -> anyhow::Result<Self> {
        let signed = Signed::of(city)?;
        let syncs = syncs(folder)?;
        Ok(Self {
            verification_us: micros(signed.cost_by_ring()?),
            own_verification_us: micros(signed.cost()?),
            verifications_per_second: on_all(all, || signed.holds_by_ring())?,
            own_verifications_per_second: on_all(all, || signed.holds())?,
            sync_p50_us: syncs.percentile(50.0),
            sync_p99_us: syncs.percentile(99.0),
        })
    }
}

/// A query's signed bytes, its signature, and the key.
pub(crate) struct Signed {
    bytes: Vec<u8>,
    signature: Vec<u8>,
    own: VerifyingKey,
    ring: UnparsedPublicKey<[u8; 32]>,
}

impl Signed {
    /// Of a query of the city's consumer.
    pub(crate) fn of(city: &City) -> anyhow::Result<Self> {
        let (statement, _) = city.query(0, now()?)?;
        let envelope = city.consumer.sign(&statement)?;
        let own = city.consumer.key.verifying_key().clone();
        Ok(Self {
            bytes: dsse::pae(&envelope.payload_type, &envelope.payload),
            signature: envelope.signatures.first().context("it is signed")?.sig.clone(),
            ring: UnparsedPublicKey::new(&ED25519, *own.as_bytes()),
            own,
        })
    }

    /// The CPU time of a verification, as the hub does it.
    pub(crate) fn cost(&self) -> anyhow::Result<Duration> {
        mean_time(|| self.holds())
    }

    /// The same, by ring.
    pub(crate) fn cost_by_ring(&self) -> anyhow::Result<Duration> {
        mean_time(|| self.holds_by_ring())
    }

    fn holds(&self) -> bool {
        self.own.verify(std::hint::black_box(&self.bytes), &self.signature).is_ok()
    }

    fn holds_by_ring(&self) -> bool {
        self.ring.verify(std::hint::black_box(&self.bytes), &self.signature).is_ok()
    }
}

fn mean_time(verify: impl Fn() -> bool) -> anyhow::Result<Duration> {
    let before = thread_time()?;
    for _ in 0..VERIFICATIONS {
        ensure!(verify(), "the signature does not verify");
    }
    Ok(thread_time()?.saturating_sub(before) / VERIFICATIONS)
}

/// How often a second something is done on all processors at once.
fn on_all(cpus: &Cpus, work: impl Fn() -> bool + Sync) -> anyhow::Result<f64> {
    let work = &work;
    let done = thread::scope(|scope| {
        let one = || {
            cpus.keep_this_thread()?;
            let (begun, mut done) = (Instant::now(), 0_u32);
            while begun.elapsed() < ALL_AT_ONCE {
                ensure!(work(), "the signature does not verify");
                done += 1;
            }
            Ok(f64::from(done) / begun.elapsed().as_secs_f64())
        };
        let threads: Vec<_> = (0..cpus.count()).map(|_| scope.spawn(one)).collect();
        let mut rates = Vec::new();
        for thread in threads {
            match thread.join() {
                Ok(rate) => rates.push(rate?),
                Err(_) => bail!("a thread panicked"),
            }
        }
        Ok(rates)
    })?;
    Ok(done.iter().sum())
}

/// How long a write to the end of a file and its sync take, in space that the file has already, as the log's segments do.
fn syncs(folder: &Path) -> anyhow::Result<Latencies> {
    let path = folder.join("syncs");
    let mut file = File::create(&path)?;
    let block = [7; SYNCED_BYTES];
    (0..SYNCS).try_for_each(|_| file.write_all(&block))?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let mut latencies = Latencies::default();
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        latencies.record(begun.elapsed());
    }
    fs::remove_file(&path)?;
    Ok(latencies)
}

/// A duration in microseconds.
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_that_of_the_nearest_mount() {
        let mounts =
            "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/disk xfs rw 0 0\nproc /proc proc rw 0 0\n";
        for (folder, kind) in
            [("/home/x", "ext4"), ("/tmp/x", "tmpfs"), ("/tmp/disk/x", "xfs"), ("/tmp/disk2", "tmpfs")]
        {
            assert_eq!(file_system(mounts, Path::new(folder)), kind, "{folder}");
        }
        assert_eq!(file_system("", Path::new("/")), "unknown");
    }

    #[test]
    fn the_machine_can_be_asked() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::look(folder.path()).unwrap();
        assert!(machine.processors > 0 && machine.memory_bytes > 0, "{machine:?}");
        assert_eq!(syncs(folder.path()).unwrap().count(), u64::from(SYNCS));
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is left behind");
    }
}
