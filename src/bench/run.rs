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
        Bench, fairness, footprint,
        growth::{self, Growth},
        half, mixed, overload, postgres,
        publishing::Parts,
        query::{self, Pair},
        saturation,
    },
    stand::{self, Stand},
    targets,
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
    let memory_bytes = machine.memory_bytes;
    let bench = Bench { options, stand: &stand, yardsticks: &yardsticks, memory_bytes, all: &all, tell };

    let wanted = |stage| options.stages.contains(&stage);
    let hub = stand.hub(&all)?;
    stand::on(&all, FOUNDS_WITHIN, || stand.found(&hub))?;
    let mut parts = Parts::default();
    let grows = wanted(Stage::Growth) && options.first < options.records;
    let (hub, few) = if grows {
        parts.publish(&bench, &hub, options.first)?;
        hub.stop()?;
        let few = growth::few(&bench)?;
        (stand.hub(&all)?, Some(few))
    } else {
        (hub, None)
    };
    parts.publish(&bench, &hub, options.records)?;
    let publishing = parts.figures(&bench);
    hub.stop()?;

    let pair = Pair::start(&bench, options.records)?;
    // The other stages go by what the hub can do, so one round is always needed.
    let rounds = if wanted(Stage::Closed) { options.rounds } else { 1 };
    let query = query::measure(&bench, &pair, options.records, rounds)?;
    let saturates = options.stages.iter().any(|stage| stage.is_open());
    let saturation = saturates.then(|| saturation::measure(&bench, &pair, &query)).transpose()?;
    let most = saturation.as_ref().map_or(query.query.per_second, |saturation| saturation.per_second);
    let half = wanted(Stage::Half).then(|| half::measure(&bench, &pair, most)).transpose()?;
    let mixed = wanted(Stage::Mixed).then(|| mixed::measure(&bench, &pair, most)).transpose()?;
    let overload = wanted(Stage::Overload).then(|| overload::measure(&bench, &pair, most)).transpose()?;
    let fairness = wanted(Stage::Fairness).then(|| fairness::measure(&bench, &pair, most)).transpose()?;
    let records = options.records + mixed.as_ref().map_or(0, |mixed| mixed.records);
    let entries = pair.entries(&bench)?;
    let footprint =
        wanted(Stage::Footprint).then(|| footprint::measure(&bench, pair.hub, records, entries)).transpose()?;
    let postgres = wanted(Stage::Postgres).then(|| postgres::measure(&bench));
    let mut report = Report {
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
        growth: few.map(|few| Growth::of(few, &query)),
        query,
        saturation,
        half,
        mixed,
        overload,
        fairness,
        footprint,
        postgres,
        targets: Vec::new(),
    };
    report.targets = targets::of(&report);
    Ok(report)
}
