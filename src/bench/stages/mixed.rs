//! Queries while a provider publishes, as on any working day.

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use serde::Serialize;

use super::{
    Bench,
    publishing::{self, BATCH},
    query::Pair,
};
use crate::bench::open::{self, Offered};

/// How often a publication is sent: some 2,500 records a second.
const EVERY: Duration = Duration::from_millis(100);

/// What became of queries while records were published.
#[derive(Debug, Clone, Serialize)]
pub struct Mixed {
    /// Records published.
    pub records: u32,
    /// Records a second.
    pub records_per_second: f64,
    /// The queries, at half of the rate.
    pub queries: Offered,
}

/// Measures, with what the hub can answer.
pub(crate) fn measure(bench: &Bench<'_>, pair: &Pair, saturation: f64) -> anyhow::Result<Mixed> {
    (bench.tell)("asking at half of the rate while records are published", 0, 0);
    let rate = saturation / 2.0;
    let batches = u32::try_from(bench.options.duration.as_millis() / EVERY.as_millis()).unwrap_or(u32::MAX).max(1);
    let (first, records) = (bench.options.records, batches.saturating_mul(BATCH));
    let publications = publishing::sign(bench, first, first.saturating_add(records))?;
    let queries = bench.consumer(first).sign(0, bench.calls_at(rate))?;
    let city = &bench.stand.city;
    let (took, queries) = thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            bench.as_clients(|| async {
                let clients = bench.stand.connect(&pair.hub, &city.provider, 1).await?;
                let begun = Instant::now();
                let mut due = tokio::time::interval(EVERY);
                for (publication, channel) in publications.into_iter().zip(clients.in_turn()) {
                    due.tick().await;
                    publication.send(channel).await?;
                }
                Ok(begun.elapsed())
            })
        });
        let queries = bench.as_clients(|| async {
            let clients = bench.stand.connect(&pair.hub, &city.consumer, bench.options.connections).await?;
            open::offer(&clients, queries, rate).await
        });
        match publishing.join() {
            Ok(took) => Ok((took?, queries?)),
            Err(_) => bail!("a thread panicked"),
        }
    })?;
    Ok(Mixed { records, records_per_second: f64::from(records) / took.as_secs_f64(), queries })
}

impl fmt::Display for Mixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Mixed 混合: {} records published meanwhile, {:.0} a second",
            self.records, self.records_per_second
        )?;
        self.queries.line(f, "signed durable query")
    }
}
