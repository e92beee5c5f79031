//! The figures together, for people and for machines.

use std::fmt;

use serde::Serialize;

use super::{
    machine::{Machine, Yardsticks},
    options::Options,
    stages::{
        fairness::Fairness, footprint::Footprint, growth::Growth, half::Half, mixed::Mixed, overload::Overload,
        postgres::Postgres, publishing::Publishing, query::Query, saturation::Saturation,
    },
    targets::Target,
};

/// The version of the JSON form, which docs/performance.md explains.
pub(super) const SCHEMA: &str = "hutong-bench/1";

/// What a run found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The form, `hutong-bench/1`.
    pub schema: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// Of which build, in the words of whoever ran it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Whether the program was built with optimizations. Figures of one that was not say nothing.
    pub optimized: bool,
    /// When the run began, RFC 3339 in UTC.
    pub began: String,
    /// The command line.
    pub command: Vec<String>,
    /// The machine.
    pub machine: Machine,
    /// What was wanted.
    pub options: Options,
    /// What the machine can do.
    pub yardsticks: Yardsticks,
    /// How fast records were taken.
    pub publishing: Publishing,
    /// What a query costs.
    pub query: Query,
    /// What becomes of that as the store grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// What the hub can do at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saturation: Option<Saturation>,
    /// Latencies at half of what the hub can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half: Option<Half>,
    /// The same while records are published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixed: Option<Mixed>,
    /// Three times what the hub can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overload: Option<Overload>,
    /// A department beside one that floods the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fairness: Option<Fairness>,
    /// What the hub takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footprint: Option<Footprint>,
    /// An audited view of a PostgreSQL beside the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Postgres>,
    /// What is aimed at, and whether it was reached.
    pub targets: Vec<Target>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, options, yardsticks, .. } = self;
        let build = self.build.as_ref().map(|build| format!(", {build}")).unwrap_or_default();
        writeln!(f, "hutong {}{build}, {}: {}", self.version, self.began, self.command.join(" "))?;
        if !self.optimized {
            writeln!(f, "A build without optimizations: its figures say nothing of the program.")?;
        }
        writeln!(
            f,
            "{}, {} processors, {:.1} GiB, {}, {}; load before {}",
            machine.cpu,
            machine.processors,
            machine.memory_bytes as f64 / f64::from(1 << 30),
            machine.kernel,
            machine.file_system,
            machine.load_average
        )?;
        writeln!(
            f,
            "servers on processor {}, clients on {}; {} in flight over {} connections",
            options.hub_cpus, options.client_cpus, options.in_flight, options.connections
        )?;
        writeln!(
            f,
            "Ed25519: {:.1} µs by ring, {:.1} µs as the hub does; {:.0} and {:.0} a second on all processors; 4 KiB and sync: {} µs, p99 {} µs",
            yardsticks.verification_us,
            yardsticks.own_verification_us,
            yardsticks.verifications_per_second,
            yardsticks.own_verifications_per_second,
            yardsticks.sync_p50_us,
            yardsticks.sync_p99_us
        )?;
        write!(f, "\n{}\n{}", self.publishing, self.query)?;
        stage(f, self.growth.as_ref())?;
        stage(f, self.saturation.as_ref())?;
        stage(f, self.half.as_ref())?;
        stage(f, self.mixed.as_ref())?;
        stage(f, self.overload.as_ref())?;
        stage(f, self.fairness.as_ref())?;
        stage(f, self.footprint.as_ref())?;
        stage(f, self.postgres.as_ref())?;
        writeln!(f, "\nTargets 目标")?;
        self.targets.iter().try_for_each(|target| writeln!(f, "  {target}"))
    }
}

/// A stage's figures, where it was gone through.
fn stage(f: &mut fmt::Formatter<'_>, figures: Option<&impl fmt::Display>) -> fmt::Result {
    figures.map_or(Ok(()), |figures| write!(f, "\n{figures}"))
}
