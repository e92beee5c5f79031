//! Three times as many calls as the hub can answer: how many it still answers, how soon it refuses the others, in how much memory,
//! and how soon all is as before.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{Bench, query::Pair};
use crate::bench::{
    open::{self, Offered},
    process::{forget_peak, memory_of},
};

/// How much more is offered than the hub can answer.
const FACTOR: f64 = 3.0;
/// Connections of a flood, as of many front-ends: so many that no bound of a single one holds it back.
pub(super) const CONNECTIONS: usize = 16;
/// For how long is looked how it recovers.
const RECOVERY: Duration = Duration::from_secs(1);

/// What became of too many calls.
#[derive(Debug, Clone, Serialize)]
pub struct Overload {
    /// At three times the rate.
    pub overload: Offered,
    /// Answers a second under overload over what the hub can do at most otherwise.
    pub goodput_of_peak: f64,
    /// In the second after the last of these calls was answered, at half of the rate.
    pub recovery: Offered,
    /// Resident memory before, in bytes.
    pub resident_before: u64,
    /// The most that was resident meanwhile, in bytes.
    pub resident_peak: u64,
}

/// Measures, with what the hub can answer.
pub(crate) fn measure(bench: &Bench<'_>, pair: &Pair, saturation: f64) -> anyhow::Result<Overload> {
    (bench.tell)("asking three times as much as the hub can answer", 0, 0);
    let signer = bench.consumer(bench.options.records);
    let (rate, half) = (saturation * FACTOR, saturation / 2.0);
    let queries = signer.sign(0, bench.calls_at(rate))?;
    let after = signer.sign(0, super::calls(half, RECOVERY))?;
    forget_peak(pair.hub.pid())?;
    let resident_before = memory_of(pair.hub.pid())?.resident;
    let (overload, recovery) = bench.as_clients(|| async {
        let clients = bench.stand.connect(&pair.hub, &bench.stand.city.consumer, CONNECTIONS).await?;
        let overload = open::offer(&clients, queries, rate).await?;
        Ok((overload, open::offer(&clients, after, half).await?))
    })?;
    Ok(Overload {
        goodput_of_peak: overload.goodput_per_second / saturation,
        overload,
        recovery,
        resident_before,
        resident_peak: memory_of(pair.hub.pid())?.peak,
    })
}

impl fmt::Display for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Overload 过载: three times the rate")?;
        self.overload.line(f, "signed durable query")?;
        self.overload.refusal_lines(f)?;
        writeln!(
            f,
            "  {:.0} answers/s, {:.2} of what it can do at most otherwise; {:.0} MiB at most, {:.0} before",
            self.overload.goodput_per_second,
            self.goodput_of_peak,
            super::mib(self.resident_peak),
            super::mib(self.resident_before)
        )?;
        writeln!(
            f,
            "  the last was answered {:.2} s after it was due; the second after that, at half of the rate:",
            self.overload.drained_in_seconds
        )?;
        self.recovery.line(f, "signed durable query")
    }
}
