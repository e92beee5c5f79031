//! A department that floods the hub, and a modest one beside it.

use std::{fmt, thread};

use anyhow::bail;
use serde::Serialize;

use super::{Bench, overload::CONNECTIONS, query::Pair};
use crate::bench::{
    open::{self, Offered},
    queries::Signer,
};

/// How much the one floods, in what the hub can answer.
const FLOOD: f64 = 3.0;
/// The modest one asks a fiftieth of what the hub can answer.
const MODEST: f64 = 0.02;
/// And at least so often a second, so that there is something to tell of.
const LEAST_RATE: f64 = 20.0;

/// What became of the modest department's calls.
#[derive(Debug, Clone, Serialize)]
pub struct Fairness {
    /// The modest one alone.
    pub alone: Offered,
    /// The modest one beside the flood.
    pub beside: Offered,
    /// The flood.
    pub flood: Offered,
}

/// Measures, with what the hub can answer.
pub(crate) fn measure(bench: &Bench<'_>, pair: &Pair, saturation: f64) -> anyhow::Result<Fairness> {
    (bench.tell)("one department floods the hub, another asks beside it", 0, 0);
    let (flood_rate, rate) = (saturation * FLOOD, (saturation * MODEST).max(LEAST_RATE));
    let (city, options) = (&bench.stand.city, bench.options);
    let neighbour = Signer { actor: &city.neighbour, records: options.records, cpus: bench.all };
    let ask = |queries| {
        // On a thread of its own, so that the flood's own callers do not hold it back.
        bench.as_clients(|| async {
            let clients = bench.stand.connect(&pair.hub, &city.neighbour, 1).await?;
            open::offer(&clients, queries, rate).await
        })
    };
    let alone = ask(neighbour.sign(0, bench.calls_at(rate))?)?;
    let flooding = bench.consumer(options.records).sign(0, bench.calls_at(flood_rate))?;
    let modest = neighbour.sign(bench.calls_at(rate), bench.calls_at(rate))?;
    let (flood, beside) = thread::scope(|scope| {
        let flood = scope.spawn(|| {
            bench.as_clients(|| async {
                let clients = bench.stand.connect(&pair.hub, &city.consumer, CONNECTIONS).await?;
                open::offer(&clients, flooding, flood_rate).await
            })
        });
        let beside = ask(modest);
        match flood.join() {
            Ok(flood) => Ok((flood?, beside?)),
            Err(_) => bail!("a thread panicked"),
        }
    })?;
    Ok(Fairness { alone, beside, flood })
}

impl fmt::Display for Fairness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Fairness 公平: a department beside one that floods the hub")?;
        self.alone.line(f, "the modest one alone")?;
        self.beside.line(f, "beside the flood")?;
        self.beside.refusal_lines(f)?;
        self.flood.line(f, "the flood")?;
        self.flood.refusal_lines(f)
    }
}
