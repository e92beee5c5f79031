//! How long a caller waits at half of what the hub can do, when calls come as they like; and at the same rate of the bare server.

use std::fmt;

use serde::Serialize;

use super::{Bench, query::Pair};
use crate::bench::{
    open::{self, Offered},
    server::Server,
};

/// Syncs that a batch waits for one after the other, at most: the one at work, and its own.
const SYNCS: u64 = 2;
/// What may come on top: to decide, to seal, and to be woken, in microseconds.
const ALLOWANCE_US: u64 = 2_000;

/// Latencies at half of what the hub can do.
#[derive(Debug, Clone, Serialize)]
pub struct Half {
    /// The bare server.
    pub bare: Offered,
    /// The hub.
    pub hub: Offered,
    /// The bare call's p99, two syncs (each the median of those measured) and 2 ms, in microseconds.
    pub p99_bound_us: u64,
}

/// Measures, at half of this rate.
pub(crate) fn measure(bench: &Bench<'_>, pair: &Pair, saturation: f64) -> anyhow::Result<Half> {
    let bare = offer(bench, &pair.bare, "asking the bare server in an open loop", saturation / 2.0)?;
    let hub = offer(bench, &pair.hub, "asking the hub in an open loop, at half of its rate", saturation / 2.0)?;
    let p99_bound_us = bare.latency.p99_us + SYNCS * bench.yardsticks.sync_p50_us + ALLOWANCE_US;
    Ok(Half { bare, hub, p99_bound_us })
}

fn offer(bench: &Bench<'_>, server: &Server, what: &str, rate: f64) -> anyhow::Result<Offered> {
    (bench.tell)(what, 0, 0);
    let queries = bench.consumer(bench.options.records).sign(0, bench.calls_at(rate))?;
    bench.as_clients(|| async {
        let clients = bench.stand.connect(server, &bench.stand.city.consumer, bench.options.connections).await?;
        open::offer(&clients, queries, rate).await
    })
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Half of the rate 半负载: open loop, from the moment at which a call was due")?;
        self.bare.line(f, "bare call")?;
        self.hub.line(f, "signed durable query")?;
        let verdict = if self.hub.latency.p99_us <= self.p99_bound_us { "within" } else { "beyond" };
        writeln!(f, "  p99 is {verdict} the bare call's + 2 syncs + 2 ms = {:.2} ms", self.p99_bound_us as f64 / 1e3)
    }
}
