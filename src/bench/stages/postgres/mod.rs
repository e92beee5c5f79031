//! What a department would do otherwise: a shared PostgreSQL, a view with the agreed columns, column grants, and an audit table
//! that is written in the transaction of each query. It verifies nobody's signature, gives no receipt, and believes its administrator.

mod cluster;
mod tools;

use std::{fmt, time::Duration};

use anyhow::Context as _;
use serde::Serialize;

use self::{
    cluster::{Cluster, finish},
    tools::Tools,
};
use super::{Bench, LIMIT, median};
use crate::bench::{
    closed,
    machine::micros,
    process::{cpu_of, cpu_of_family},
    stand,
};

/// Rounds, each with every way of asking and the hub.
const ROUNDS: usize = 3;
/// How much longer than its time pgbench may take: to connect and to end.
const GRACE: Duration = Duration::from_secs(120);

/// The table of 12 columns and 1 KiB a row, the view of 8 of them, who may see it, and the audit table.
const SCHEMA: &str = include_str!("schema.sql");
/// The ways of asking, each one transaction a query.
const WAYS: [(&str, &str); 3] = [
    ("plain", include_str!("plain.sql")),
    ("in a function", include_str!("function.sql")),
    ("pipelined", include_str!("pipelined.sql")),
];

/// The hub beside an audited view, both with their clients on all processors.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Postgres {
    /// It was measured.
    Measured(Measured),
    /// It was not, and why.
    Skipped {
        /// Why.
        skipped: String,
    },
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The server's version.
    pub version: String,
    /// Rows in the table.
    pub rows: u32,
    /// Queries in flight, at the view as at the hub.
    pub in_flight: usize,
    /// Each way of asking.
    pub ways: Vec<Way>,
    /// The hub.
    pub hub: Way,
    /// The hub's queries a second over those of the fastest way.
    pub ratio: f64,
}

/// A way of asking: medians of the rounds.
#[derive(Debug, Clone, Serialize)]
pub struct Way {
    /// What it is called.
    pub name: &'static str,
    /// Queries a second.
    pub per_second: f64,
    /// The server's CPU time for a query, in microseconds.
    pub cpu_us: f64,
}

/// Measures, or says why not.
pub(crate) fn measure(bench: &Bench<'_>) -> Postgres {
    match Tools::find().and_then(|tools| measured(bench, tools)) {
        Ok(measured) => Postgres::Measured(measured),
        Err(problem) => Postgres::Skipped { skipped: format!("{problem:#}") },
    }
}

fn measured(bench: &Bench<'_>, tools: Tools) -> anyhow::Result<Measured> {
    let rows = bench.options.records;
    (bench.tell)("making a PostgreSQL with as many rows", 0, 0);
    let cluster = Cluster::start(bench, tools, bench.all)?;
    cluster.psql(&SCHEMA.replace(":rows", &rows.to_string()))?;
    // What filling left to do is none of the queries'.
    cluster.psql("VACUUM (ANALYZE) licence")?;
    cluster.psql("CHECKPOINT")?;
    let version = cluster.psql("SHOW server_version")?.trim().to_owned();
    for (name, script) in WAYS {
        std::fs::write(cluster.path(&format!("{name}.sql")), script)?;
    }
    let mut asked: Vec<Vec<(f64, f64)>> = vec![Vec::new(); WAYS.len()];
    let mut hub = Vec::new();
    for round in 0..ROUNDS {
        (bench.tell)("asking PostgreSQL and the hub in turns", round as u64, ROUNDS as u64);
        for ((name, _), rounds) in WAYS.iter().zip(&mut asked) {
            rounds.push(pgbench(bench, &cluster, name)?);
        }
        hub.push(ask_hub(bench)?);
    }
    let way = |name, rounds: &[(f64, f64)]| Way {
        name,
        per_second: median(rounds.iter().map(|round| round.0)),
        cpu_us: median(rounds.iter().map(|round| round.1)),
    };
    let ways: Vec<Way> = WAYS.iter().zip(&asked).map(|((name, _), rounds)| way(name, rounds)).collect();
    let hub = way("hutong", &hub);
    let fastest = ways.iter().map(|way| way.per_second).fold(f64::NAN, f64::max);
    Ok(Measured { version, rows, in_flight: bench.options.in_flight, ratio: hub.per_second / fastest, ways, hub })
}

/// Queries a second, and the server's CPU time for each.
fn pgbench(bench: &Bench<'_>, cluster: &Cluster, name: &str) -> anyhow::Result<(f64, f64)> {
    let seconds = bench.options.duration.as_secs().max(1);
    let mut pgbench = cluster.client(&cluster.tools.pgbench, "housing");
    pgbench.args(["--no-vacuum", "--protocol=prepared", "--client"]).arg(bench.options.in_flight.to_string());
    let threads = bench.all.count().min(bench.options.in_flight);
    pgbench.arg("--jobs").arg(threads.to_string()).arg("--time").arg(seconds.to_string());
    pgbench.arg(format!("--define=rows={}", bench.options.records));
    pgbench.arg("--file").arg(cluster.path(&format!("{name}.sql")));
    let before = cpu_of_family(cluster.pid())?;
    let said = finish(pgbench, bench.all, &cluster.path("pgbench.log"), Duration::from_secs(seconds) + GRACE)?;
    let cpu = cpu_of_family(cluster.pid())? - before;
    let (count, per_second) = told(&said).with_context(|| format!("pgbench told no rate: {said}"))?;
    Ok((per_second, micros(cpu.total()) / count))
}

/// How many transactions pgbench made, and how many a second.
fn told(said: &str) -> Option<(f64, f64)> {
    let after = |key: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(key))?;
        line.split([' ', '/']).next()?.parse().ok()
    };
    Some((after("number of transactions actually processed: ")?, after("tps = ")?))
}

/// The same of the hub, with as many in flight.
fn ask_hub(bench: &Bench<'_>) -> anyhow::Result<(f64, f64)> {
    let options = bench.options;
    let hub = bench.stand.hub(bench.all)?;
    let consumer = bench.consumer(options.records);
    let (warm, queries) = (consumer.sign(0, options.calls)?, consumer.sign(0, options.calls)?);
    let asked = stand::on(bench.all, LIMIT, || async {
        let clients = bench.stand.connect(&hub, &bench.stand.city.consumer, options.connections).await?;
        closed::ask(&clients, warm, options.in_flight).await?;
        let before = cpu_of(hub.pid())?;
        let answered = closed::ask(&clients, queries, options.in_flight).await?;
        let cpu = cpu_of(hub.pid())? - before;
        let calls = f64::from(options.calls);
        Ok((calls / answered.took.as_secs_f64(), micros(cpu.total()) / calls))
    })?;
    hub.stop()?;
    Ok(asked)
}

impl fmt::Display for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measured = match self {
            Self::Skipped { skipped } => return writeln!(f, "PostgreSQL: skipped 跳过: {skipped}"),
            Self::Measured(measured) => measured,
        };
        let Measured { version, rows, in_flight, ways, hub, ratio } = measured;
        writeln!(
            f,
            "PostgreSQL {version} 对照: {rows} rows, an audited view, {in_flight} in flight; servers and clients on all processors"
        )?;
        for Way { name, per_second, cpu_us } in ways.iter().chain([hub]) {
            writeln!(f, "  {name:24} {per_second:8.0} queries/s, {cpu_us:6.1} µs of the server's CPU each")?;
        }
        writeln!(f, "  the hub answers {ratio:.2} times as many as the fastest of them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pgbench_says_is_read() {
        let said = "pgbench (15.18)\nnumber of transactions actually processed: 12345\nlatency average = 1.0 ms\n\
                    tps = 4115.123456 (without initial connection time)\n";
        assert_eq!(told(said), Some((12_345.0, 4_115.123_456)));
        assert_eq!(told("number of transactions actually processed: 7/100\ntps = 2\n"), Some((7.0, 2.0)));
        assert_eq!(told("tps = none"), None);
    }
}
