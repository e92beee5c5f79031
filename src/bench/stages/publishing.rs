//! How fast a provider's records are taken: each is verified as its provider signed it, sealed and made durable.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::Serialize;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::{Bench, LIMIT, median};
use crate::{
    bench::{
        clients::{Clients, Publication},
        machine::micros,
        now,
        process::{CpuTime, cpu_of},
        queries::in_parallel,
        server::Server,
        stand,
    },
    wire,
};

/// Records in a publication: the most that there may be.
pub(super) const BATCH: u32 = 256;
/// Publications in flight at once: while one is made durable others are being verified, on any usual number of processors.
const IN_FLIGHT: usize = 8;
/// In how many parts a publication is told, where there are enough records.
const PARTS: u32 = 100;
/// The most records in a part, all of which are signed and held before they are sent: some 30 MB.
const MOST_IN_A_PART: u32 = 10_240;

/// How fast records were taken.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Publishing {
    /// Records published.
    pub records: u32,
    /// Records in a publication.
    pub batch: u32,
    /// Records a second, of the time in which they were sent; signing them is the provider's, and goes before.
    pub per_second: f64,
    /// The hub's CPU time for a record, in microseconds.
    pub cpu_us: f64,
    /// Records a second over the verifications a second that the machine makes with ring when it does nothing else.
    pub of_verification_rate: f64,
    /// The CPU time of a verification by ring over the hub's CPU time for a record: what the former would be if clients took no time.
    pub of_cpu: f64,
    /// The rate of the last tenth of the records over that of the first; 1 is steady.
    pub last_to_first: f64,
    /// Part by part: how many records there were then, and at which rate the part was taken.
    pub parts: Vec<(u32, f64)>,
}

/// What was measured of the parts so far.
#[derive(Default)]
pub(crate) struct Parts {
    rates: Vec<(u32, f64)>,
    records: u32,
    took: Duration,
    cpu: CpuTime,
}

impl Parts {
    /// Publishes these records of `of` in all.
    pub(crate) fn publish(&mut self, bench: &Bench<'_>, hub: &Server, upto: u32) -> anyhow::Result<()> {
        let of = bench.options.records;
        let clients = |connections| bench.stand.connect(hub, &bench.stand.city.provider, connections);
        stand::on(bench.all, LIMIT, || async {
            let clients = clients(bench.options.connections).await?;
            let size = part_size(of);
            while self.records < upto {
                (bench.tell)("publishing records", u64::from(self.records), u64::from(of));
                let end = self.records.saturating_add(size).min(upto);
                let publications = sign(bench, self.records, end)?;
                let (cpu, begun) = (cpu_of(hub.pid())?, Instant::now());
                send(&clients, publications).await?;
                let took = begun.elapsed();
                self.cpu = self.cpu + (cpu_of(hub.pid())? - cpu);
                self.took += took;
                self.rates.push((end, f64::from(end - self.records) / took.as_secs_f64()));
                self.records = end;
            }
            Ok(())
        })
    }

    /// The figures.
    pub(crate) fn figures(self, bench: &Bench<'_>) -> Publishing {
        let (records, yardsticks) = (self.records, bench.yardsticks);
        let per_second = f64::from(records) / self.took.as_secs_f64();
        let cpu_us = micros(self.cpu.total()) / f64::from(records);
        Publishing {
            records,
            batch: BATCH,
            per_second,
            cpu_us,
            of_verification_rate: per_second / yardsticks.verifications_per_second,
            of_cpu: yardsticks.verification_us / cpu_us,
            last_to_first: last_to_first(&self.rates),
            parts: self.rates,
        }
    }
}

/// Records in a part: whole publications, as many parts as are told.
fn part_size(records: u32) -> u32 {
    (records / PARTS).next_multiple_of(BATCH).clamp(BATCH, MOST_IN_A_PART)
}

/// The rate of the last tenth of parts over that of the first.
fn last_to_first(rates: &[(u32, f64)]) -> f64 {
    let tenth = (rates.len() / 10).max(1);
    let of = |part: &[(u32, f64)]| median(part.iter().map(|(_, rate)| *rate));
    let first = rates.get(..tenth).unwrap_or(rates);
    let last = rates.get(rates.len().saturating_sub(tenth)..).unwrap_or(rates);
    of(last) / of(first)
}

/// Signed publications of these records.
pub(super) fn sign(bench: &Bench<'_>, first: u32, end: u32) -> anyhow::Result<Vec<Publication>> {
    let (city, now) = (&bench.stand.city, now()?);
    let batches = (end - first).div_ceil(BATCH);
    in_parallel(bench.all, 0..batches, |batch| {
        let from = first + batch * BATCH;
        let (statement, bodies) = city.publication(from..(from + BATCH).min(end), now)?;
        Ok(Publication::new(wire::envelope_to_proto(&city.provider.sign(&statement)?), bodies))
    })
}

/// Sends them, some at once.
async fn send(clients: &Clients, publications: Vec<Publication>) -> anyhow::Result<()> {
    let left = Arc::new(Mutex::new(publications.into_iter()));
    let mut workers = JoinSet::new();
    for channel in clients.in_turn().take(IN_FLIGHT) {
        workers.spawn(work(channel, Arc::clone(&left)));
    }
    while let Some(done) = workers.join_next().await {
        done.context("a caller panicked")??;
    }
    Ok(())
}

async fn work(channel: Channel, left: Arc<Mutex<std::vec::IntoIter<Publication>>>) -> anyhow::Result<()> {
    loop {
        let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(publication) = next else { return Ok(()) };
        publication.send(channel.clone()).await?;
    }
}

impl fmt::Display for Publishing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Publishing 发布: {} records, {} a publication", self.records, self.batch)?;
        writeln!(
            f,
            "  {:.0} records/s, {:.2} of the machine's Ed25519 rate; hub {:.1} µs CPU a record, of which a verification is {:.2}",
            self.per_second, self.of_verification_rate, self.cpu_us, self.of_cpu
        )?;
        writeln!(f, "  last tenth to first tenth: {:.2}", self.last_to_first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_publications_and_bounded() {
        for (records, size) in [(0, 256), (600, 256), (100_000, 1_024), (1_000_000, 10_240), (10_000_000, 10_240)] {
            assert_eq!(part_size(records), size, "{records}");
        }
    }

    #[test]
    fn steadiness_compares_the_tenths() {
        let rates: Vec<(u32, f64)> = (0..20).map(|part| (part, if part < 18 { 100.0 } else { 80.0 })).collect();
        assert!((last_to_first(&rates) - 0.8).abs() < 1e-9);
        assert!((last_to_first(&[(1, 7.0)]) - 1.0).abs() < 1e-9);
    }
}
