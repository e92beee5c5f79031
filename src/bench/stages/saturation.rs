//! What the hub can do at most: more calls in flight, until more of them bring no more.

use std::fmt;

use serde::Serialize;

use super::{
    Bench,
    query::{Pair, Query},
};
use crate::{bench::closed, config::Limits};

/// How many times the calls in flight of the closed loop, as far as one department may have so many at work.
const FACTORS: [usize; 3] = [2, 4, 8];

/// What the hub can do at most.
#[derive(Debug, Clone, Serialize)]
pub struct Saturation {
    /// Answers a second: the most of the steps, by which the open loop goes.
    pub per_second: f64,
    /// Step by step; the first is the closed loop's median.
    pub steps: Vec<Step>,
}

/// So many calls in flight.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Calls in flight.
    pub in_flight: usize,
    /// Answers a second.
    pub per_second: f64,
    /// Their latency, p50 in microseconds.
    pub p50_us: u64,
    /// Their latency, p99 in microseconds.
    pub p99_us: u64,
}

/// Measures, beginning with what the closed loop found.
pub(crate) fn measure(bench: &Bench<'_>, pair: &Pair, query: &Query) -> anyhow::Result<Saturation> {
    let (options, consumer) = (bench.options, &bench.stand.city.consumer);
    let found = &query.query;
    let mut steps = vec![Step {
        in_flight: options.in_flight,
        per_second: found.per_second,
        p50_us: found.latency.p50_us,
        p99_us: found.latency.p99_us,
    }];
    let most = Limits::default().calls_per_department;
    for in_flight in FACTORS.map(|factor| options.in_flight * factor).into_iter().filter(|calls| *calls <= most) {
        (bench.tell)("asking with more calls in flight", 0, 0);
        let queries = bench.consumer(options.records).sign(0, options.calls)?;
        let answered = bench.as_clients(|| async {
            let clients = bench.stand.connect(&pair.hub, consumer, options.connections).await?;
            closed::ask(&clients, queries, in_flight).await
        })?;
        steps.push(Step {
            in_flight,
            per_second: f64::from(options.calls) / answered.took.as_secs_f64(),
            p50_us: answered.latencies.percentile(50.0),
            p99_us: answered.latencies.percentile(99.0),
        });
    }
    Ok(Saturation { per_second: steps.iter().map(|step| step.per_second).fold(0.0, f64::max), steps })
}

impl fmt::Display for Saturation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Saturation 饱和: {:.0} answers/s", self.per_second)?;
        self.steps.iter().try_for_each(|step| {
            writeln!(
                f,
                "  {:5} in flight {:8.0}/s; p50 {:.2} ms, p99 {:.2} ms",
                step.in_flight,
                step.per_second,
                step.p50_us as f64 / 1e3,
                step.p99_us as f64 / 1e3
            )
        })
    }
}
