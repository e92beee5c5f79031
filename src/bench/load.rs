//! Load on a hub that runs already, by the real client library: each query is signed, written to the journal, sent, and verified in
//! full, receipt and records, before it counts as answered.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    machine::{Machine, micros},
    now,
    open::{self, Failed, Offered, Tally},
    process::cpu_of,
};
use crate::client::{Client, Error, QueryRequest};

/// The version of the JSON form.
const SCHEMA: &str = "hutong-bench-load/1";

/// How calls follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many at once, the next one when one is answered.
    InFlight(usize),
    /// So many a second, when they come, whatever became of those before.
    Rate(f64),
}

/// What a load found.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// The form, `hutong-bench-load/1`.
    pub schema: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// Whether the program was built with optimizations.
    pub optimized: bool,
    /// When it began, RFC 3339 in UTC.
    pub began: String,
    /// The command line.
    pub command: Vec<String>,
    /// The client's machine.
    pub machine: Machine,
    /// Calls in flight at once, in the closed loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<usize>,
    /// Connections.
    pub connections: usize,
    /// What became of the calls. In the closed loop a call is due when it is sent.
    pub calls: Offered,
    /// Records that were found by those answered.
    pub found: u64,
    /// The client's CPU time for a call, in microseconds.
    pub client_cpu_us: f64,
    /// The hub's, where its process was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub_cpu_us: Option<f64>,
}

/// Asks by these clients in turn, for a time; the request of each number is given.
///
/// # Errors
/// When the hub's process cannot be looked at. What becomes of a call is told, not an error.
pub async fn load(
    clients: &[Client],
    pace: Pace,
    duration: Duration,
    hub_pid: Option<u32>,
    request: impl Fn(u64) -> QueryRequest + Clone + Send + Sync + 'static,
) -> anyhow::Result<LoadReport> {
    ensure!(!clients.is_empty(), "there is no connection");
    let began = now()?;
    let machine = Machine::look(std::path::Path::new("."))?;
    let found = Arc::new(AtomicU64::new(0));
    let ask = {
        let (clients, found) = (clients.to_vec(), Arc::clone(&found));
        move |number: u64| {
            let place = usize::try_from(number).unwrap_or_default() % clients.len();
            let (client, request, found) = (clients.get(place).cloned(), request(number), Arc::clone(&found));
            async move {
                let Some(client) = client else { return Ok(()) };
                let answer = client.query(&request).await.map_err(|error| failed(&error))?;
                found.fetch_add(answer.records.len() as u64, Ordering::Relaxed);
                Ok(())
            }
        }
    };
    let cpu = |pid: u32| cpu_of(pid).with_context(|| format!("cannot look at process {pid}"));
    let (own, hub) = (cpu(std::process::id())?, hub_pid.map(cpu).transpose()?);
    let calls = match pace {
        Pace::InFlight(in_flight) => keep_in_flight(in_flight, duration, ask).await?,
        Pace::Rate(per_second) => {
            let due = (per_second * duration.as_secs_f64()).max(1.0) as u64;
            open::offer_calls(0..due, due, per_second, ask).await?
        }
    };
    let per_call = |cpu: super::process::CpuTime| micros(cpu.total()) / calls.due.max(1) as f64;
    let client_cpu_us = per_call(cpu(std::process::id())? - own);
    let hub_cpu_us = match (hub_pid, hub) {
        (Some(pid), Some(before)) => Some(per_call(cpu(pid)? - before)),
        _ => None,
    };
    Ok(LoadReport {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        optimized: !cfg!(debug_assertions),
        began: began.to_string(),
        command: std::env::args().collect(),
        machine,
        in_flight: if let Pace::InFlight(in_flight) = pace { Some(in_flight) } else { None },
        connections: clients.len(),
        found: found.load(Ordering::Relaxed),
        client_cpu_us,
        hub_cpu_us,
        calls,
    })
}

/// Keeps so many calls in flight for a time.
async fn keep_in_flight<F: Future<Output = Result<(), Failed>> + Send>(
    in_flight: usize,
    duration: Duration,
    ask: impl Fn(u64) -> F + Clone + Send + Sync + 'static,
) -> anyhow::Result<Offered> {
    let begun = Instant::now();
    let (next, tally) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Tally::default())));
    let mut callers = JoinSet::new();
    for _ in 0..in_flight {
        let (next, tally, ask) = (Arc::clone(&next), Arc::clone(&tally), ask.clone());
        callers.spawn(async move {
            while begun.elapsed() < duration {
                let sent = Instant::now();
                let came = ask(next.fetch_add(1, Ordering::Relaxed)).await;
                tally.lock().unwrap_or_else(PoisonError::into_inner).record(begun, sent, sent, came);
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.context("a caller panicked")?;
    }
    let (took, due) = (begun.elapsed(), next.load(Ordering::Relaxed));
    let tally = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(tally.told(due as f64 / took.as_secs_f64(), took, due, 0, took.saturating_sub(duration)))
}

/// Why a call brought no answer, in few words, so that calls that failed alike are counted together.
fn failed(error: &Error) -> Failed {
    let reason = match error {
        Error::Refused(refused) => format!("refused {}", refused.reason),
        Error::Rejected(rejected) => {
            format!("rejected {:?} {}", rejected.code, rejected.reason.as_deref().unwrap_or_default())
                .trim_end()
                .to_owned()
        }
        Error::Unavailable { .. } => "unavailable".to_owned(),
        // The statement was sent, and what came of it is not known; why is the connection's.
        Error::OutcomeUnknown { source, .. } => return failed(source),
        Error::Unproven { what, check, .. } => format!("not proven: {what}: {check}"),
        Error::Journal { .. } => "the journal cannot be written".to_owned(),
        _ => "other".to_owned(),
    };
    Failed { reason, retry_hint: false }
}

impl LoadReport {
    /// Whether every call was answered.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.calls.answered == self.calls.due
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, connections, calls, found, client_cpu_us, .. } = self;
        writeln!(f, "hutong {}, {}: {}", self.version, self.began, self.command.join(" "))?;
        writeln!(
            f,
            "client: {}, {} processors, load before {}",
            machine.cpu, machine.processors, machine.load_average
        )?;
        match self.in_flight {
            Some(in_flight) => writeln!(f, "closed loop 闭环, {in_flight} in flight over {connections} connections")?,
            None => {
                writeln!(f, "open loop 开环 over {connections} connections, from the moment at which a call was due")?
            }
        }
        calls.line(f, "query")?;
        calls.refusal_lines(f)?;
        write!(
            f,
            "  {:.0} answers/s, {found} records found; client {client_cpu_us:.1} µs CPU a call",
            calls.goodput_per_second
        )?;
        match self.hub_cpu_us {
            Some(hub) => write!(f, ", hub {hub:.1} µs"),
            None => Ok(()),
        }
    }
}
