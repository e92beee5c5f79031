//! CPU time, as Linux counts it.

use std::{fs, ops::Sub, time::Duration};

use anyhow::Context as _;
use hutong::sign::{Verifier as _, dsse};
use ring::signature::{ED25519, UnparsedPublicKey};

use super::{city::City, now};

/// The unit of a process's CPU times: a hundredth of a second on every architecture of Linux.
const TICK: Duration = Duration::from_millis(10);
/// Verifications whose mean is told: some tens of milliseconds.
const VERIFICATIONS: u32 = 1_000;

/// The CPU time of a process, of all of its threads, ended ones included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    /// In the program.
    pub(crate) user: Duration,
    /// In the kernel on its behalf.
    pub(crate) system: Duration,
}

impl Cpu {
    /// Both.
    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { user: self.user.saturating_sub(earlier.user), system: self.system.saturating_sub(earlier.system) }
    }
}

/// The CPU time that a process has taken.
pub(crate) fn cpu_of(pid: u32) -> anyhow::Result<Cpu> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("this needs Linux's /proc")?;
    // After the name, which may hold anything and ends with the last parenthesis, utime and stime are the 12th and 13th.
    let (_, fields) = stat.rsplit_once(')').context("/proc/…/stat has no name")?;
    let mut times = fields.split_ascii_whitespace().skip(11);
    let mut time = || anyhow::Ok(TICK * times.next().context("/proc/…/stat is too short")?.parse::<u32>()?);
    Ok(Cpu { user: time()?, system: time()? })
}

/// What verifying the signature of one query costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verification {
    /// With ring: the yardstick, whatever the hub itself uses.
    pub(crate) ring: Duration,
    /// As the hub does it.
    pub(crate) own: Duration,
}

/// Measures both.
pub(crate) fn verification(city: &City) -> anyhow::Result<Verification> {
    let (statement, _) = city.query(0, now()?)?;
    let envelope = city.consumer.sign(&statement)?;
    let signed = dsse::pae(&envelope.payload_type, &envelope.payload);
    let signature = envelope.signatures.first().context("it is signed")?;
    let own = city.consumer.key.verifying_key();
    let ring = UnparsedPublicKey::new(&ED25519, *own.as_bytes());
    Ok(Verification {
        ring: mean_time(|| ring.verify(std::hint::black_box(&signed), &signature.sig).is_ok())?,
        own: mean_time(|| own.verify(std::hint::black_box(&signed), &signature.sig).is_ok())?,
    })
}

fn mean_time(verify: impl Fn() -> bool) -> anyhow::Result<Duration> {
    let before = thread_time()?;
    for _ in 0..VERIFICATIONS {
        anyhow::ensure!(verify(), "the signature does not verify");
    }
    Ok((thread_time()? - before) / VERIFICATIONS)
}

/// The CPU time of this thread.
fn thread_time() -> anyhow::Result<Duration> {
    let stat =
        fs::read_to_string("/proc/thread-self/schedstat").context("this needs the kernel's CONFIG_SCHED_INFO")?;
    Ok(Duration::from_nanos(stat.split(' ').next().context("schedstat is empty")?.parse()?))
}
