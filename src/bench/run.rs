//! The stages in order.

use std::path::Path;

use super::{
    Tell,
    cpus::Cpus,
    machine::{Machine, Yardsticks},
    now,
    options::{Options, Stage},
    report::{Report, SCHEMA},
    stages::{
        Bench, footprint,
        publishing::Parts,
        query::{self, Pair},
    },
    stand::{self, Stand},
};

/// How long the departments may take to register and agree: some twenty statements.
const FOUNDS_WITHIN: std::time::Duration = std::time::Duration::from_secs(120);

/// Makes a hub in an empty folder and measures it, on the disk that the folder is on.
///
/// # Errors
/// What kept it from measuring. Slow or refused is a figure; an answer that is not in order is an error.
pub fn run(options: &Options, root: &Path, build: Option<String>, tell: Tell<'_>) -> anyhow::Result<Report> {
    let began = now()?;
    let machine = Machine::look(root)?;
    let all = Cpus::available()?;
    tell("making a hub", 0, 0);
    let stand = Stand::set_up(root)?;
    tell("measuring the machine", 0, 0);
    let yardsticks = Yardsticks::measure(&stand.city, root, &all)?;
    let bench = Bench { options, stand: &stand, yardsticks: &yardsticks, all: &all, tell };

    let hub = stand.hub(&all)?;
    stand::on(&all, FOUNDS_WITHIN, || stand.found(&hub))?;
    let mut parts = Parts::default();
    parts.publish(&bench, &hub, options.records)?;
    let publishing = parts.figures(&bench);
    hub.stop()?;

    let pair = Pair::start(&bench, options.records)?;
    let wanted = |stage| options.stages.contains(&stage);
    let query = match wanted(Stage::Closed) {
        true => Some(query::measure(&bench, &pair, options.records, options.rounds)?),
        false => None,
    };
    let entries = pair.entries(&bench)?;
    let footprint = match wanted(Stage::Footprint) {
        true => Some(footprint::measure(&bench, pair.hub, entries)?),
        false => None,
    };
    Ok(Report {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        build,
        optimized: !cfg!(debug_assertions),
        began: began.to_string(),
        command: std::env::args().collect(),
        machine,
        options: options.clone(),
        yardsticks,
        publishing,
        query,
        footprint,
    })
}
