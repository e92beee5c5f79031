//! How fast an auditor verifies a log, as a ratio to what cannot be left out: one Ed25519 verification for each entry. And
//! in how much memory, which must not grow with the log.
//!
//! ```text
//! cargo bench --bench verify                            a table
//! cargo bench --bench verify -- --json                  the same for machines
//! cargo bench --bench verify -- --entries 1000000       a longer log than the one of a quick run
//! ```
//!
//! Each log is verified by this program run again, so that its peak of memory is its own. Ratios are of time at work on a processor, not of
//! the clock's, so that what else the machine is at matters less. The bare rates are those of
//! verifying signatures of the same log and doing nothing else, as this program does it and as ring does, measured right before and
//! right after in the same process.

mod log;

use std::{
    fmt, fs, hint,
    num::NonZeroUsize,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hutong::{
    audit::{Folder, Options, Trust, verify},
    domain::time::Time,
    sign::{Verifier as _, VerifyingKey, dsse},
    tlog::decode_bundle,
    wire::Entry,
};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The shorter log, against whose memory the longer one's is held.
const SHORT: u64 = 10_000;
/// The longer log, unless another length is asked for: on one thread, of some 18,000 entries a second, about ten seconds.
const LONG: u64 = 200_000;
/// Bundles whose signatures are timed, after those of the founding: two thousand signatures and more.
const TIMED: std::ops::Range<u64> = 1..9;
/// How often they are: some tenths of a second in all.
const ROUNDS: u32 = 4;
/// The first argument of this program when it is run again to verify a log.
const COMMAND: &str = "verify-a-log";
/// The file with the key that signed them, beside a log.
const KEY_FILE: &str = "consumer.jwk";

/// What one verification took.
#[derive(Clone, Serialize, Deserialize)]
struct Run {
    entries: u64,
    threads: usize,
    entries_per_second: f64,
    /// Entries in a second of the main thread's work: what one core does, whatever else the machine is at. Of several threads it is
    /// that of the replay alone.
    entries_per_cpu_second: f64,
    /// Signatures that this program verifies in a second of work, on one thread, with nothing else done.
    own_per_second: f64,
    /// The same by ring.
    ring_per_second: f64,
    peak_kib: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, folder, threads] = arguments.as_slice()
        && command == COMMAND
    {
        println!("{}", serde_json::to_string(&verify_log(Path::new(folder), threads.parse()?)?)?);
        return Ok(());
    }
    let given = arguments.iter().position(|argument| argument == "--entries").and_then(|at| arguments.get(at + 1));
    let long = given.map_or(Ok(LONG), |text| text.parse())?;
    let report = measure(long)?;
    if arguments.iter().any(|argument| argument == "--json") {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

fn measure(long: u64) -> anyhow::Result<Report> {
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let all = thread::available_parallelism()?.get();
    let mut runs = Vec::new();
    for (name, size) in [("short", SHORT), ("long", long)] {
        let folder = root.path().join(name);
        fs::create_dir(&folder)?;
        let key = log::write(&folder, size, now()?)?;
        fs::write(folder.join(KEY_FILE), key.to_jwk())?;
        for threads in [1, all] {
            runs.push(again(&folder, threads)?);
        }
        fs::remove_dir_all(&folder)?;
    }
    let [short, short_on_all, one, every] = runs.as_slice() else { anyhow::bail!("there are four runs") };
    Ok(Report {
        ratio: one.entries_per_cpu_second / one.own_per_second,
        ratio_to_ring: one.entries_per_cpu_second / one.ring_per_second,
        speed_up: every.entries_per_second / one.entries_per_second,
        memory: one.peak_kib as f64 / short.peak_kib as f64,
        memory_on_all: every.peak_kib as f64 / short_on_all.peak_kib as f64,
        runs,
    })
}

/// Runs this program again to verify a log.
fn again(folder: &Path, threads: usize) -> anyhow::Result<Run> {
    let output = Command::new(std::env::current_exe()?).arg(COMMAND).arg(folder).arg(threads.to_string()).output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn verify_log(path: &Path, threads: NonZeroUsize) -> anyhow::Result<Run> {
    let folder = Folder::new(path);
    let key = VerifyingKey::from_jwk(&fs::read_to_string(path.join(KEY_FILE))?)?;
    let trust = Trust::in_key(folder.log_key()?);
    let options = Options { threads, ..Options::default() };
    let signed = signatures(&folder, &key)?;
    let own = || rate(&signed, |message, signature| key.verify(message, signature).is_ok());
    let of_ring = UnparsedPublicKey::new(&ED25519, key.as_bytes());
    let ring = || rate(&signed, |message, signature| of_ring.verify(message, signature).is_ok());
    let before = (own()?, ring()?);
    let (begin, begin_work) = (Instant::now(), worked()?);
    let report = verify(&folder, &trust, &options, &mut ())?;
    let (took, work) = (begin.elapsed(), worked()? - begin_work);
    let after = (own()?, ring()?);
    anyhow::ensure!(report.findings.is_empty() && report.entries == report.size, "{report}");
    Ok(Run {
        entries: report.entries,
        threads: threads.get(),
        entries_per_second: per_second(report.entries, took),
        entries_per_cpu_second: per_second(report.entries, work),
        own_per_second: (before.0 + after.0) / 2.0,
        ring_per_second: (before.1 + after.1) / 2.0,
        peak_kib: peak_kib()?,
    })
}

/// A message and the signature over it.
type Signed = (Vec<u8>, Vec<u8>);

/// Some of the log's signatures by a key.
fn signatures(folder: &Folder, key: &VerifyingKey) -> anyhow::Result<Vec<Signed>> {
    let mut signed = Vec::new();
    for number in TIMED {
        let bundle = folder.bundle(number, SHORT)?.context("the bundle is there")?;
        for entry in decode_bundle(&bundle)? {
            let envelope = Entry::decode(entry)?.envelope.context("it has a statement")?;
            let signature = envelope.signatures.first().filter(|signature| signature.keyid == key.kid());
            if let Some(signature) = signature {
                signed.push((dsse::pae(&envelope.payload_type, &envelope.payload), signature.sig.clone()));
            }
        }
    }
    Ok(signed)
}

/// How many signatures are verified in a second of work, on one thread.
fn rate(signed: &[Signed], verifies: impl Fn(&[u8], &[u8]) -> bool) -> anyhow::Result<f64> {
    let begin = worked()?;
    for _ in 0..ROUNDS {
        let all = signed.iter().all(|(message, signature)| verifies(hint::black_box(message), signature));
        anyhow::ensure!(all, "a signature does not verify");
    }
    Ok(per_second(signed.len() as u64 * u64::from(ROUNDS), worked()? - begin))
}

fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// How long the main thread has been at work on a processor: compilers beside it lengthen only what the clock shows.
fn worked() -> anyhow::Result<Duration> {
    let text = fs::read_to_string("/proc/self/schedstat").context("this needs Linux's /proc")?;
    let nanos = text.split(' ').next().context("schedstat is empty")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

/// The most memory that this process ever had.
fn peak_kib() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("this needs Linux's /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM is not there")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The machine's clock.
fn now() -> anyhow::Result<Time> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Time::from_millis(i64::try_from(since.as_millis())?).context("the clock is beyond the year 9999")
}

/// The figures, for people and for machines.
#[derive(Serialize)]
struct Report {
    runs: Vec<Run>,
    /// Entries in a second of one thread's work over signatures that this program verifies in one, of the longer log.
    ratio: f64,
    /// The same over ring's.
    ratio_to_ring: f64,
    /// Entries a second on all threads over those on one.
    speed_up: f64,
    /// The peak of memory at the longer log over that at the shorter, on one thread.
    memory: f64,
    /// The same on all threads.
    memory_on_all: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = ("entries", "threads", "entries/s", "per CPU s", "Ed25519/s", "by ring", "peak MiB");
        let (entries, threads, rate, work, own, ring, peak) = headings;
        writeln!(f, "{entries:>9} {threads:>8} {rate:>10} {work:>10} {own:>10} {ring:>10} {peak:>10}")?;
        for run in &self.runs {
            writeln!(
                f,
                "{:>9} {:>8} {:>10.0} {:>10.0} {:>10.0} {:>10.0} {:>10.1}",
                run.entries,
                run.threads,
                run.entries_per_second,
                run.entries_per_cpu_second,
                run.own_per_second,
                run.ring_per_second,
                run.peak_kib as f64 / 1024.0
            )?;
        }
        writeln!(
            f,
            "ratio to Ed25519 on one thread   {:.3}, to ring's {:.3}   (goal: 0.8)",
            self.ratio, self.ratio_to_ring
        )?;
        writeln!(f, "speed-up on all threads          {:.2}", self.speed_up)?;
        writeln!(
            f,
            "memory, longer over shorter log  {:.2} on one thread, {:.2} on all",
            self.memory, self.memory_on_all
        )
    }
}
