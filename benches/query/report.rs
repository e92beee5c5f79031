//! The figures, for people and for machines.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{CALLS, CONNECTIONS, IN_FLIGHT, ROUNDS, cost::Verification, load::Spent};

/// fsyncs of one batch: the log's, and beside it the openings'.
const SYNCS_PER_BATCH: f64 = 2.0;

/// What one round gave.
pub(crate) struct Measured {
    pub(crate) bare: Spent,
    pub(crate) verification: Verification,
    pub(crate) query: Spent,
}

/// The medians over all rounds.
#[derive(Serialize)]
pub(crate) struct Report {
    in_flight: usize,
    connections: usize,
    rounds: usize,
    calls_per_round: u32,
    request_bytes: usize,
    answer_bytes: usize,
    bare: Calls,
    verification_us: f64,
    own_verification_us: f64,
    query: Calls,
    batch_entries: f64,
    syncs_per_second: f64,
    /// The query's CPU time over the sum of the bare call's and the verification's.
    ratio: f64,
    /// That ratio in each round.
    ratios: Vec<f64>,
}

/// The calls of one kind.
#[derive(Serialize)]
struct Calls {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    cpu_us: f64,
    cpu_user_us: f64,
    cpu_system_us: f64,
}

impl Report {
    /// The report of these rounds.
    pub(crate) fn of(rounds: &[Measured], request_bytes: usize, answer_bytes: usize) -> Self {
        let ratio = |round: &Measured| {
            per_call(round.query.cpu.total()) / (per_call(round.bare.cpu.total()) + micros(round.verification.ring))
        };
        let batches = |round: &Measured| round.query.answered.checkpoints.len() as f64;
        Self {
            in_flight: IN_FLIGHT,
            connections: CONNECTIONS,
            rounds: ROUNDS,
            calls_per_round: CALLS,
            request_bytes,
            answer_bytes,
            bare: Calls::of(rounds, |round| &round.bare),
            verification_us: median(rounds, |round| micros(round.verification.ring)),
            own_verification_us: median(rounds, |round| micros(round.verification.own)),
            query: Calls::of(rounds, |round| &round.query),
            batch_entries: median(rounds, |round| f64::from(CALLS) / batches(round)),
            syncs_per_second: median(rounds, |round| {
                SYNCS_PER_BATCH * batches(round) / round.query.answered.took.as_secs_f64()
            }),
            ratio: median(rounds, ratio),
            ratios: rounds.iter().map(ratio).collect(),
        }
    }
}

impl Calls {
    fn of(rounds: &[Measured], kind: impl Fn(&Measured) -> &Spent) -> Self {
        let percentile = |percent: usize| {
            median(rounds, |round| {
                let latencies = &kind(round).answered.latencies;
                latencies.get(latencies.len() * percent / 100).copied().map_or(f64::NAN, micros)
            })
        };
        Self {
            per_second: median(rounds, |round| f64::from(CALLS) / kind(round).answered.took.as_secs_f64()),
            p50_us: percentile(50),
            p99_us: percentile(99),
            cpu_us: median(rounds, |round| per_call(kind(round).cpu.total())),
            cpu_user_us: median(rounds, |round| per_call(kind(round).cpu.user)),
            cpu_system_us: median(rounds, |round| per_call(kind(round).cpu.system)),
        }
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn per_call(cpu: Duration) -> f64 {
    micros(cpu) / f64::from(CALLS)
}

fn median<T>(rounds: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rounds of {} calls, {} in flight over {} connections; request {} bytes, answer {} bytes; medians",
            self.rounds, self.calls_per_round, self.in_flight, self.connections, self.request_bytes, self.answer_bytes
        )?;
        writeln!(f)?;
        writeln!(f, "                          calls/s   p50 ms   p99 ms   server CPU µs/call (user + system)")?;
        for (name, calls) in [("bare call", &self.bare), ("signed durable query", &self.query)] {
            let Calls { per_second, p50_us, p99_us, cpu_us, cpu_user_us, cpu_system_us } = calls;
            writeln!(
                f,
                "{name:24} {per_second:8.0} {:8.2} {:8.2}   {cpu_us:6.1} ({cpu_user_us:.1} + {cpu_system_us:.1})",
                p50_us / 1e3,
                p99_us / 1e3,
            )?;
        }
        for (name, cost) in
            [("Ed25519 verification", self.verification_us), ("the same as the hub does", self.own_verification_us)]
        {
            writeln!(f, "{name:24} {:>8} {:>8} {:>8}   {cost:6.1}", "", "", "")?;
        }
        writeln!(f)?;
        writeln!(f, "{:.1} entries a batch, {:.0} fsyncs a second", self.batch_entries, self.syncs_per_second)?;
        let ratios: Vec<String> = self.ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        writeln!(f, "ratio {:.2} = query / (bare call + verification); by round {}", self.ratio, ratios.join(" "))
    }
}
