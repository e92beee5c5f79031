//! What a query costs when there are few records, and when there are all.

use std::fmt;

use serde::Serialize;

use super::{
    Bench,
    query::{self, Pair, Query},
};

/// Rounds on the smaller store.
const ROUNDS: usize = 3;

/// What becomes of a query's cost as the store grows.
#[derive(Debug, Clone, Serialize)]
pub struct Growth {
    /// On the smaller store.
    pub few: Query,
    /// The hub's CPU time for a query with all records over that with few.
    pub ratio: f64,
}

/// Measures on the smaller store, which is what is there.
pub(crate) fn few(bench: &Bench<'_>) -> anyhow::Result<Query> {
    let pair = Pair::start(bench, bench.options.first)?;
    let few = query::measure(bench, &pair, bench.options.first, ROUNDS)?;
    pair.hub.stop()?;
    Ok(few)
}

impl Growth {
    /// Compares.
    pub(crate) fn of(few: Query, all: &Query) -> Self {
        Self { ratio: all.query.cpu_us / few.query.cpu_us, few }
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Growth 增长: {:.1} µs CPU a query with {} records; with all it is {:.2} times that",
            self.few.query.cpu_us, self.few.records, self.ratio
        )
    }
}
