//! Processors, and what runs on which.

use std::{collections::BTreeSet, fmt, io, str::FromStr};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Serialize, Serializer};

/// Some of the machine's processors, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpus(BTreeSet<usize>);

impl Cpus {
    /// Those on which this thread may run.
    ///
    /// # Errors
    /// What the system says.
    pub fn available() -> io::Result<Self> {
        let set = sched_getaffinity(None)?;
        Ok(Self((0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect()))
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The one in this place, as a set of its own.
    #[must_use]
    pub fn nth(&self, place: usize) -> Option<Self> {
        self.0.iter().nth(place).map(|cpu| Self([*cpu].into()))
    }

    /// Keeps this thread on them, and whatever threads and processes it starts from now on.
    ///
    /// # Errors
    /// When the machine has none of them, or the process may use none.
    pub fn keep_this_thread(&self) -> io::Result<()> {
        let mut set = CpuSet::new();
        self.0.iter().for_each(|cpu| set.set(*cpu));
        Ok(sched_setaffinity(None, &set)?)
    }

    /// Does something on them, such as to start a process, and puts this thread back.
    ///
    /// # Errors
    /// As [`keep_this_thread`](Self::keep_this_thread).
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        let before = sched_getaffinity(None)?;
        self.keep_this_thread()?;
        let done = work();
        sched_setaffinity(None, &before)?;
        Ok(done)
    }
}

/// As `taskset --cpu-list` writes it: numbers and ranges between commas, such as `0,2-3`.
impl FromStr for Cpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = || format!("allowed are processors from 0 to {}, such as 0 or 0,2-3", CpuSet::MAX_CPU - 1);
        let mut cpus = BTreeSet::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.parse::<usize>().ok().filter(|cpu| *cpu < CpuSet::MAX_CPU);
            match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => cpus.extend(first..=last),
                _ => return Err(allowed()),
            }
        }
        Ok(Self(cpus))
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

impl Serialize for Cpus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_taskset_reads_them() {
        for (text, read) in [("0", Some("0")), ("0,2-3", Some("0,2,3")), ("3,1,1-2", Some("1,2,3"))] {
            assert_eq!(text.parse::<Cpus>().ok().map(|cpus| cpus.to_string()).as_deref(), read, "{text}");
        }
        for text in ["", "a", "3-1", "0,", "-1", "100000"] {
            assert!(text.parse::<Cpus>().unwrap_err().contains("allowed"), "{text}");
        }
    }

    #[test]
    fn work_is_done_on_the_processors_given_and_the_thread_comes_back() {
        let before = Cpus::available().unwrap();
        let one = before.nth(0).unwrap();
        assert_eq!(one.during(|| Cpus::available().unwrap()).unwrap(), one);
        assert_eq!(Cpus::available().unwrap(), before);
        assert!(before.nth(before.count()).is_none());
    }
}
