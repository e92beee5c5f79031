//! What processes take, as Linux counts it.

use std::{
    fs,
    ops::{Add, Sub},
    time::Duration,
};

use anyhow::Context as _;
use serde::Serialize;

/// The unit of a process's CPU times: a hundredth of a second on every architecture of Linux.
const TICK: Duration = Duration::from_millis(10);

/// CPU time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CpuTime {
    /// In the program.
    pub(crate) user: Duration,
    /// In the kernel on its behalf.
    pub(crate) system: Duration,
}

impl CpuTime {
    /// Both.
    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

impl Sub for CpuTime {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { user: self.user.saturating_sub(earlier.user), system: self.system.saturating_sub(earlier.system) }
    }
}

impl Add for CpuTime {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { user: self.user + other.user, system: self.system + other.system }
    }
}

/// The CPU time that a process has taken, all of its threads, ended ones included.
pub(crate) fn cpu_of(pid: u32) -> anyhow::Result<CpuTime> {
    Ok(Stat::read(pid)?.own)
}

/// The CPU time that a process has taken with those that it started, whether they run still or were waited for.
pub(crate) fn cpu_of_family(pid: u32) -> anyhow::Result<CpuTime> {
    let mut total = CpuTime::default();
    for entry in fs::read_dir("/proc")? {
        let Some(other) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that ended meanwhile is in its parent's count.
        let Ok(stat) = Stat::read(other) else { continue };
        if other == pid || stat.parent == pid {
            total = total + stat.own + stat.waited_for;
        }
    }
    Ok(total)
}

/// What `/proc/…/stat` says.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: CpuTime,
    waited_for: CpuTime,
}

impl Stat {
    fn read(pid: u32) -> anyhow::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("this needs Linux's /proc")?;
        Self::parse(&text).context("/proc/…/stat is too short")
    }

    fn parse(text: &str) -> Option<Self> {
        // The name may hold anything and ends with the last parenthesis. After it the parent is the 2nd field, and utime, stime, cutime
        // and cstime are the 12th to 15th.
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let time = |place: usize| Some(TICK * fields.get(place)?.parse::<u32>().ok()?);
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: CpuTime { user: time(11)?, system: time(12)? },
            waited_for: CpuTime { user: time(13)?, system: time(14)? },
        })
    }
}

/// The memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: u64,
    /// The most that was resident, since it was last [forgotten](forget_peak).
    pub(crate) peak: u64,
}

/// The memory of a process.
pub(crate) fn memory_of(pid: u32) -> anyhow::Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("this needs Linux's /proc")?;
    memory(&text).context("/proc/…/status does not tell the memory")
}

fn memory(status: &str) -> Option<Memory> {
    let bytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
    };
    Some(Memory { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
}

/// Lets a process's peak of memory begin anew.
pub(crate) fn forget_peak(pid: u32) -> anyhow::Result<()> {
    // As proc(5) has it: 5 resets the peak resident set size to what is resident now.
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("the peak of memory cannot be reset")
}

/// The CPU time that this thread has taken.
pub(crate) fn thread_time() -> anyhow::Result<Duration> {
    let stat =
        fs::read_to_string("/proc/thread-self/schedstat").context("this needs the kernel's CONFIG_SCHED_INFO")?;
    Ok(Duration::from_nanos(stat.split(' ').next().context("schedstat is empty")?.parse()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_after_whatever_name() {
        let stat = "17 (a) b (c)) S 5 17 17 0 -1 4194304 1 2 3 4 150 25 7 9 20 0 1 0 100 1 1";
        let time = |user, system| CpuTime { user: TICK * user, system: TICK * system };
        assert_eq!(Stat::parse(stat), Some(Stat { parent: 5, own: time(150, 25), waited_for: time(7, 9) }));
        assert_eq!(Stat::parse("17 (a) S 5"), None);
    }

    #[test]
    fn memory_is_told_in_bytes() {
        let status = "Name:\thutong\nVmPeak:\t  90 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(memory(status), Some(Memory { resident: 1 << 20, peak: 2 << 20 }));
        assert_eq!(memory("VmRSS:\t 1 kB\n"), None);
    }

    #[test]
    fn the_program_itself_can_be_asked_about() {
        let pid = std::process::id();
        let (before, after) = (cpu_of(pid).unwrap(), cpu_of(pid).unwrap());
        assert!(after.user >= before.user && after.system >= before.system);
        let family = cpu_of_family(pid).unwrap();
        assert!(family.user >= after.user && family.system >= after.system);
        assert!(memory_of(pid).unwrap().resident > 0);
        assert!(thread_time().unwrap() > Duration::ZERO);
    }
}
