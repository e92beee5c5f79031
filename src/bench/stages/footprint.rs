//! What a hub takes: memory, disk, and time to start.

use std::fmt;

use anyhow::Context as _;
use serde::Serialize;

use super::{Bench, mib};
use crate::bench::{process::memory_of, server::Server, stand::disk_bytes};

/// What a hub takes with these records and entries.
#[derive(Debug, Clone, Serialize)]
pub struct Footprint {
    /// Records in the store.
    pub records: u32,
    /// Entries in the log.
    pub entries: u64,
    /// Resident memory right after the start, in bytes.
    pub resident_at_start: u64,
    /// Resident memory after all the calls, in bytes.
    pub resident: u64,
    /// The most that was resident, in bytes.
    pub peak: u64,
    /// From the start of the process until it takes calls, after a stop in good order, in seconds.
    pub start_seconds: f64,
    /// The same after a kill.
    pub start_after_kill_seconds: f64,
    /// What each part of the store takes on the disk, with the room that it has reserved, in bytes.
    pub disk: Vec<(String, u64)>,
    /// Bytes of sealed bodies for a record.
    pub bytes_a_record: f64,
    /// Bytes of everything else for an entry: the log, what opens it, the indexes.
    pub bytes_an_entry: f64,
}

/// The part of the store that grows with records and not with entries.
const BODIES: &str = "bodies";

/// Looks at the hub that did all the work, ends it, and starts it twice.
pub(crate) fn measure(bench: &Bench<'_>, hub: Server, records: u32, entries: u64) -> anyhow::Result<Footprint> {
    let Bench { options, stand, tell, .. } = bench;
    let worked = memory_of(hub.pid())?;
    tell("stopping and starting the hub", 0, 0);
    hub.stop()?;
    let disk = disk(bench)?;
    let started = stand.hub(&options.hub_cpus)?;
    let (start_seconds, fresh) = (started.started_in.as_secs_f64(), memory_of(started.pid())?);
    // Dropped servers are killed.
    drop(started);
    let started = stand.hub(&options.hub_cpus)?;
    let start_after_kill_seconds = started.started_in.as_secs_f64();
    started.stop()?;
    let bytes =
        |bodies: bool| disk.iter().filter(|(part, _)| (part == BODIES) == bodies).map(|(_, bytes)| *bytes).sum::<u64>();
    Ok(Footprint {
        records,
        entries,
        resident_at_start: fresh.resident,
        resident: worked.resident,
        peak: worked.peak,
        start_seconds,
        start_after_kill_seconds,
        bytes_a_record: bytes(true) as f64 / f64::from(records),
        bytes_an_entry: bytes(false) as f64 / entries as f64,
        disk,
    })
}

/// What each part of the store takes.
fn disk(bench: &Bench<'_>) -> anyhow::Result<Vec<(String, u64)>> {
    let store = crate::config::Settings::read(&bench.stand.folder())?.store;
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(&store).with_context(|| format!("cannot read {}", store.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            parts.push((entry.file_name().to_string_lossy().into_owned(), disk_bytes(&entry.path())?));
        }
    }
    parts.sort();
    Ok(parts)
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Footprint 占用: {} records, {} entries", self.records, self.entries)?;
        writeln!(
            f,
            "  memory {:.0} MiB, at most {:.0}, {:.0} after a start; starts in {:.2} s, after a kill in {:.2} s",
            mib(self.resident),
            mib(self.peak),
            mib(self.resident_at_start),
            self.start_seconds,
            self.start_after_kill_seconds
        )?;
        let disk: Vec<String> =
            self.disk.iter().map(|(part, bytes)| format!("{part} {:.0} MiB", mib(*bytes))).collect();
        writeln!(
            f,
            "  disk: {:.0} bytes a record, {:.0} an entry; {}",
            self.bytes_a_record,
            self.bytes_an_entry,
            disk.join(", ")
        )
    }
}
