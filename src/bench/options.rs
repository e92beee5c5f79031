//! What is wanted of a run.

use std::{collections::BTreeSet, str::FromStr, time::Duration};

use serde::Serialize;

use super::cpus::Cpus;

/// What a run measures with.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// Records in the store.
    pub records: u32,
    /// Records in the smaller store, with which the larger one is compared.
    pub first: u32,
    /// Calls in flight at once, in the closed loop.
    pub in_flight: usize,
    /// Connections over which they are.
    pub connections: usize,
    /// Rounds whose median is told.
    pub rounds: usize,
    /// Calls of each kind in a round. CPU time is told in units of 10 ms, of which a round should take a hundred.
    pub calls: u32,
    /// How long each part of the open loop goes on.
    pub duration: Duration,
    /// Where the servers run.
    pub hub_cpus: Cpus,
    /// Where the clients run.
    pub client_cpus: Cpus,
    /// What is measured.
    pub stages: BTreeSet<Stage>,
}

/// Something that is measured. The records are always published, and how fast is always told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// What a query costs, as a ratio to a bare call and a verification, in all rounds; in one round where this is not asked for.
    Closed,
    /// What it costs with few records, beside what it costs with all.
    Growth,
    /// Latencies at half of what the hub can do.
    Half,
    /// The same while records are published.
    Mixed,
    /// Three times what the hub can do.
    Overload,
    /// A department beside one that floods the hub.
    Fairness,
    /// Memory, disk, and time to start.
    Footprint,
    /// An audited view of a PostgreSQL beside the hub.
    Postgres,
}

impl Stage {
    /// All of them, in the order in which they are gone through.
    pub const ALL: [Self; 8] = [
        Self::Growth,
        Self::Closed,
        Self::Half,
        Self::Mixed,
        Self::Overload,
        Self::Fairness,
        Self::Footprint,
        Self::Postgres,
    ];

    /// Whether it is of the open loop, which goes by what the hub can do at most.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Half | Self::Mixed | Self::Overload | Self::Fairness)
    }

    /// Its name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Growth => "growth",
            Self::Half => "half",
            Self::Mixed => "mixed",
            Self::Overload => "overload",
            Self::Fairness => "fairness",
            Self::Footprint => "footprint",
            Self::Postgres => "postgres",
        }
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::as_str).join(", ");
        Self::ALL.into_iter().find(|stage| stage.as_str() == text).ok_or_else(|| format!("allowed are {}", names()))
    }
}
