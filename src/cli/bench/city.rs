//! `hutong bench city`.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Args, ValueEnum, value_parser};

use super::progress::Progress;
use crate::{
    bench::{self, Cpus, Options, Stage},
    cli::{Exit, OrExit as _, Output, Run},
    files::{self, Readable},
};

/// The most records: their identifiers have eight digits.
const MOST_RECORDS: i64 = 99_999_999;

/// Make a hub of an example city in a folder, load it, and measure it beside a bare gRPC server
///
/// Everything that is needed is made: departments, a catalog, agreements, records, all synthetic. It takes some gigabytes for a million
/// records. Servers and clients are kept on processors of their own. docs/performance.md tells what each stage means.
#[derive(Args)]
pub(super) struct City {
    /// How many records are published, of 1 KiB in 12 fields each
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u32).range(1..=MOST_RECORDS))]
    records: u32,
    /// How many of them there are when the cost of a query is first measured, to compare; none where it is not less than all
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=MOST_RECORDS))]
    first: u32,
    /// Calls in flight at once in the closed loop
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u16).range(1..=1_024))]
    in_flight: u16,
    /// Connections over which they are
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u16).range(1..=256))]
    connections: u16,
    /// Rounds of the closed loop, whose median is told
    #[arg(long, default_value_t = 9, value_parser = value_parser!(u16).range(1..=1_000))]
    rounds: u16,
    /// Calls in a round to each of the two servers
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    calls: u32,
    /// How long each part of the open loop goes on, in seconds
    #[arg(long, default_value_t = 10.0, value_parser = super::seconds)]
    seconds: f64,
    /// The processors of the hub and of the bare server, such as 0 or 0,2-3 [default: the first]
    #[arg(long, value_name = "LIST")]
    hub_cpus: Option<Cpus>,
    /// The processors of the clients [default: the second]
    #[arg(long, value_name = "LIST")]
    client_cpus: Option<Cpus>,
    /// What is measured [default: all]; the records are always published
    #[arg(long, value_name = "STAGE", value_delimiter = ',')]
    stages: Vec<Stage>,
    /// Whether an audited view of a PostgreSQL is measured beside the hub, where its programs are found
    #[arg(long, value_enum, default_value_t)]
    postgres: Postgres,
    /// Keep the hub's folder here; it must not be there yet [default: a folder in the current one, which goes away]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Write the report to this file, as a page that stands for itself
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Of which build the figures are, such as a commit; told with them
    #[arg(long, value_name = "TEXT")]
    build: Option<String>,
}

/// Whether PostgreSQL is measured.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Postgres {
    /// If its programs are found and may be run; else it is said why not
    #[default]
    Auto,
    /// No
    Off,
}

impl Run for City {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let options = self.options()?;
        let (_temporary, root) = match &self.keep {
            Some(folder) => {
                fs::create_dir(folder).or_exit(Exit::CannotCreate, format!("cannot make {}", folder.display()))?;
                (None, folder.clone())
            }
            // Not in the system's temporary folder, which may be in memory, where nothing is ever made durable.
            None => {
                let temporary = tempfile::Builder::new().prefix("hutong-bench-").tempdir_in(".");
                let temporary = temporary.or_exit(Exit::CannotCreate, "cannot make a folder in the current one")?;
                let root = temporary.path().to_owned();
                (Some(temporary), root)
            }
        };
        let root = root.canonicalize()?;
        let progress = Progress::new();
        let report = bench::run(&options, &root, self.build.clone(), &|what, done, of| progress.tell(what, done, of))?;
        drop(progress);
        if let Some(page) = &self.html {
            let cannot = || format!("cannot write {}", page.display());
            files::replace(page, report.to_html().as_bytes(), Readable::ByAll).or_exit(Exit::CannotCreate, cannot())?;
        }
        output.print(&report)?;
        Ok(Exit::Success)
    }
}

impl City {
    fn options(&self) -> anyhow::Result<Options> {
        let all = Cpus::available().context("cannot tell the processors")?;
        let nth = |place| all.nth(place).unwrap_or_else(|| all.clone());
        Ok(Options {
            records: self.records,
            first: self.first,
            in_flight: self.in_flight.into(),
            connections: self.connections.into(),
            rounds: self.rounds.into(),
            calls: self.calls,
            duration: Duration::from_secs_f64(self.seconds),
            hub_cpus: self.hub_cpus.clone().unwrap_or_else(|| nth(0)),
            client_cpus: self.client_cpus.clone().unwrap_or_else(|| nth(1)),
            stages: match self.stages.as_slice() {
                [] => Stage::ALL.into(),
                stages => stages.iter().copied().collect::<BTreeSet<_>>(),
            }
            .into_iter()
            .filter(|stage| *stage != Stage::Postgres || self.postgres == Postgres::Auto)
            .collect(),
        })
    }
}
