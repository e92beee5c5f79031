//! `hutong bench load`.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use anyhow::anyhow;
use clap::{Args, ValueEnum, value_parser};

use super::progress::Progress;
use crate::{
    bench::{self, Pace},
    cli::{
        Exit, OrExit as _, Output, Run,
        system::{AsSystem, OrHub as _, connect},
    },
    client::{Lookup, QueryRequest},
    domain::id::{AgreementId, Code, FieldCode, ResourceId},
    files,
};

/// Ask a hub that runs, as one of its systems, and tell how long answers took and what they cost
///
/// The real client library asks: it signs, writes to the profile's journal, and verifies every receipt and record. So what is told is what
/// a caller has, the client's own work included. Each call is an entry in the log and counts against the agreement. Ends with code 1 where a
/// call brought no answer.
#[derive(Args)]
pub(super) struct Load {
    #[command(flatten)]
    as_system: AsSystem,
    /// The resource, such as samr.business-licence
    #[arg(long, value_name = "ID")]
    resource: ResourceId,
    /// The purpose code 用途, one that the agreement allows
    #[arg(long, value_name = "CODE")]
    purpose: Code,
    /// The matter code 事项编码
    #[arg(long, value_name = "CODE")]
    matter: Code,
    /// The case number 办件编号 of all the queries
    #[arg(long, value_name = "TEXT", default_value = "hutong-bench")]
    case: String,
    /// Who asks, by the department's own name
    #[arg(long, value_name = "ID", default_value = "hutong-bench")]
    operator: String,
    /// The code of a field asked for; repeat for more
    #[arg(long = "field", value_name = "CODE", required = true)]
    fields: Vec<FieldCode>,
    /// The agreement to use [default: the one with the lowest id that permits]
    #[arg(long, value_name = "ID")]
    agreement: Option<AgreementId>,
    /// A file with an identifier on each line; they are asked for in turn, over and over
    #[arg(long, value_name = "FILE")]
    identifiers: PathBuf,
    /// Of what they are the identifiers
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// Calls a second, in an open loop: sent when they are due, whether those before were answered or not
    #[arg(long, value_name = "R", conflicts_with = "in_flight", value_parser = rate)]
    rate: Option<f64>,
    /// Calls in flight at once, in a closed loop
    #[arg(long, default_value_t = 16, value_parser = value_parser!(u16).range(1..=1_024))]
    in_flight: u16,
    /// Connections, as of many front-ends of the system
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u16).range(1..=256))]
    connections: u16,
    /// For how long, in seconds
    #[arg(long, default_value_t = 10.0, value_parser = super::seconds)]
    seconds: f64,
    /// The hub's process on this machine, whose CPU time is then told
    #[arg(long, value_name = "PID")]
    hub_pid: Option<u32>,
}

/// Of what identifiers are.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum By {
    /// Of the records themselves
    #[default]
    Record,
    /// Of their holders
    Holder,
}

impl Run for Load {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let identifiers = self.identifiers()?;
        let pace = self.rate.map_or(Pace::InFlight(self.in_flight.into()), Pace::Rate);
        let duration = Duration::from_secs_f64(self.seconds);
        let profile = self.as_system.read()?;
        let progress = Progress::new();
        progress.tell("connecting", 0, 0);
        let report = tokio::runtime::Runtime::new()?.block_on(async {
            let request = self.request(identifiers);
            let mut clients = Vec::new();
            for _ in 0..self.connections {
                let client = connect(&profile).await.or_hub("cannot reach the hub")?;
                // One query each, so that what is wrong with it is said at once, and the catalog is known.
                client.query(&request(0)).await.or_hub("the first query was not answered")?;
                clients.push(client);
            }
            progress.tell("asking", 0, 0);
            bench::load(&clients, pace, duration, self.hub_pid, request).await
        })?;
        drop(progress);
        output.print(&report)?;
        Ok(if report.is_clean() { Exit::Success } else { Exit::Findings })
    }
}

impl Load {
    fn identifiers(&self) -> anyhow::Result<Vec<String>> {
        let cannot = || format!("cannot take identifiers from {}", self.identifiers.display());
        let text = files::read_text(&self.identifiers).or_exit(Exit::BadInput, cannot())?;
        let identifiers: Vec<String> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if identifiers.is_empty() {
            return Err(anyhow!("it has none; one on each line is wanted")).or_exit(Exit::BadInput, cannot());
        }
        Ok(identifiers)
    }

    /// The request of each number.
    fn request(&self, identifiers: Vec<String>) -> impl Fn(u64) -> QueryRequest + Clone + Send + Sync + 'static {
        let (by, identifiers) = (self.by, Arc::new(identifiers));
        let like = QueryRequest {
            resource: self.resource.clone(),
            purpose: self.purpose.clone(),
            matter: self.matter.clone(),
            case: self.case.clone(),
            operator: self.operator.clone(),
            agreement: self.agreement.clone(),
            fields: self.fields.iter().cloned().collect::<BTreeSet<_>>(),
            by: Lookup::Record(Vec::new()),
        };
        move |number| {
            let place = usize::try_from(number).unwrap_or_default() % identifiers.len();
            let one = identifiers.get(place).cloned().into_iter().collect();
            let by = if by == By::Record { Lookup::Record(one) } else { Lookup::Holder(one) };
            QueryRequest { by, ..like.clone() }
        }
    }
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| (0.1..=1e6).contains(rate)).ok_or("allowed are 0.1 to 1000000")
}
