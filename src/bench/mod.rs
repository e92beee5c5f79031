//! `hutong bench`: what a hub can do, on the machine where it is to run, beside what cannot be left out.
//!
//! A load generator with a hub of its own, and the baselines in the same run: a bare gRPC call over the same mutual TLS, the
//! machine's Ed25519 verifications, its syncs. Figures of a machine are of little use elsewhere; ratios of the same run are.
//!
//! | file | what |
//! |---|---|
//! | [`city`] | the departments, the resource, the records, the agreements; `benches/` measure with the same |
//! | `options`, `run` | what is wanted; the stages in order |
//! | `stages` | each stage and its figures |
//! | `report`, `targets`, `page` | the figures together, what is aimed at, and all of it as a page |
//! | `load` | load on a hub that runs already, by the client library |
//! | `stand`, `server`, [`echo`] | the hub and the bare server, each in a process of its own |
//! | `clients`, `queries` | connections, and signed queries made beforehand |
//! | `closed` | a fixed number of calls in flight |
//! | `open`, `schedule` | calls that come when they come |
//! | `latencies` | histograms |
//! | `cpus`, `process`, `machine` | who runs where, what that took, and what the machine is |

pub mod city;
pub mod echo;

mod clients;
mod closed;
mod cpus;
mod latencies;
mod load;
mod machine;
mod open;
mod options;
mod page;
mod process;
mod queries;
mod report;
mod run;
mod schedule;
mod server;
mod stages;
mod stand;
mod targets;

pub use self::{
    cpus::Cpus,
    load::{LoadReport, Pace, load},
    machine::{Machine, Yardsticks},
    options::{Options, Stage},
    report::Report,
    run::run,
};

use anyhow::Context as _;

use crate::domain::time::Time;

/// Is told how far it is: what is being done, how much of it is done, and of how much; of 0 where that is not known.
pub type Tell<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

/// The machine's clock.
fn now() -> anyhow::Result<Time> {
    Time::from_millis(jiff::Timestamp::now().as_millisecond()).context("the clock is set to an impossible time")
}
