//! What a signed durable query costs the hub, as a ratio to what cannot be left out: a bare call with messages of the same
//! sizes over the same mutual TLS, and one verification of an Ed25519 signature.

use std::fmt;

use anyhow::Context as _;
use prost::Message as _;
use serde::Serialize;

use super::{Bench, median};
use crate::bench::{
    clients::{self, Clients},
    closed::{self, Answered},
    latencies::{Latencies, Summary},
    machine::{Signed, micros},
    process::{CpuTime, cpu_of},
    queries::bytes_of_first,
    server::Server,
};
use crate::wire::proto::exchange_service_client::ExchangeServiceClient;

/// Syncs of one batch: the log's, and beside it the openings'.
const SYNCS_PER_BATCH: f64 = 2.0;

/// The hub and the bare server, which are asked in turns.
pub(crate) struct Pair {
    pub(crate) hub: Server,
    pub(crate) bare: Server,
    request_bytes: usize,
    answer_bytes: usize,
}

impl Pair {
    /// Starts both where servers are to run. The bare one gives everyone the answer that the hub gave to one query.
    pub(crate) fn start(bench: &Bench<'_>, records: u32) -> anyhow::Result<Self> {
        let cpus = &bench.options.hub_cpus;
        let hub = bench.stand.hub(cpus)?;
        let queries = bench.consumer(records).sign(0, 1)?;
        let request_bytes = bytes_of_first(&queries);
        let query = queries.into_iter().next().context("there is one")?;
        let answer = bench.as_clients(|| async {
            bench.stand.connect(&hub, &bench.stand.city.consumer, 1).await?.ask_once(query).await
        })?;
        let bare = bench.stand.echo(cpus, &answer.encode_to_vec())?;
        Ok(Self { hub, bare, request_bytes, answer_bytes: answer.encoded_len() })
    }

    /// How many entries the log has, by the checkpoint of one more query.
    pub(crate) fn entries(&self, bench: &Bench<'_>) -> anyhow::Result<u64> {
        let query = bench.consumer(bench.options.records).sign(0, 1)?.into_iter().next().context("there is one")?;
        bench.as_clients(|| async {
            let clients = bench.stand.connect(&self.hub, &bench.stand.city.consumer, 1).await?;
            let channel = clients.in_turn().next().context("there is a connection")?;
            Ok(clients::ask(&mut ExchangeServiceClient::new(channel), query).await?)
        })
    }
}

/// What a query costs.
#[derive(Debug, Clone, Serialize)]
pub struct Query {
    /// Records in the store.
    pub records: u32,
    /// Bytes of a request.
    pub request_bytes: usize,
    /// Bytes of an answer.
    pub answer_bytes: usize,
    /// Calls in a round.
    pub calls: u32,
    /// The query's CPU time over the sum of the bare call's and the verification's by ring: the median of the rounds.
    pub ratio: f64,
    /// That ratio in each round.
    pub ratios: Vec<f64>,
    /// The same with the verification as the hub does it.
    pub ratio_to_own: f64,
    /// The bare call.
    pub bare: Calls,
    /// The CPU time of a verification by ring, in microseconds.
    pub verification_us: f64,
    /// The same as the hub does it.
    pub own_verification_us: f64,
    /// The signed durable query.
    pub query: Calls,
    /// Entries that were sealed together.
    pub batch_entries: f64,
    /// Syncs a second.
    pub syncs_per_second: f64,
}

/// The calls of one kind: medians of the rounds, latencies of all.
#[derive(Debug, Clone, Serialize)]
pub struct Calls {
    /// Calls a second.
    pub per_second: f64,
    /// The server's CPU time for a call, in microseconds.
    pub cpu_us: f64,
    /// Of it in the program.
    pub cpu_user_us: f64,
    /// Of it in the kernel.
    pub cpu_system_us: f64,
    /// The client's CPU time for a call, in microseconds.
    pub client_cpu_us: f64,
    /// How long they took.
    pub latency: Summary,
}

/// What a round of calls to one server gave.
struct Spent {
    cpu: CpuTime,
    client_cpu: CpuTime,
    answered: Answered,
}

struct Round {
    bare: Spent,
    verification: [f64; 2],
    query: Spent,
}

/// Measures, in so many rounds.
pub(crate) fn measure(bench: &Bench<'_>, pair: &Pair, records: u32, rounds: usize) -> anyhow::Result<Query> {
    let calls = bench.options.calls;
    let signed = Signed::of(&bench.stand.city)?;
    let rounds = bench.as_clients(|| async {
        let consumer = &bench.stand.city.consumer;
        let hub = bench.stand.connect(&pair.hub, consumer, bench.options.connections).await?;
        let bare = bench.stand.connect(&pair.bare, consumer, bench.options.connections).await?;
        // Warm: caches, allocators, the index.
        drive(bench, &pair.bare, &bare, records, 0).await?;
        drive(bench, &pair.hub, &hub, records, 0).await?;
        let mut done = Vec::with_capacity(rounds);
        for round in 0..rounds {
            (bench.tell)("asking in a closed loop, the bare server and the hub in turns", round as u64, rounds as u64);
            let from = u32::try_from(round + 1).unwrap_or_default().wrapping_mul(calls);
            done.push(Round {
                bare: drive(bench, &pair.bare, &bare, records, from).await?,
                verification: [micros(signed.cost_by_ring()?), micros(signed.cost()?)],
                query: drive(bench, &pair.hub, &hub, records, from).await?,
            });
        }
        Ok(done)
    })?;
    Ok(figures(bench, pair, records, &rounds))
}

/// Asks a server all of a round's queries, and tells what that cost it.
async fn drive(
    bench: &Bench<'_>,
    server: &Server,
    clients: &Clients,
    records: u32,
    from: u32,
) -> anyhow::Result<Spent> {
    let queries = bench.consumer(records).sign(from, bench.options.calls)?;
    let (before, client_before) = (cpu_of(server.pid())?, cpu_of(std::process::id())?);
    let answered = closed::ask(clients, queries, bench.options.in_flight).await?;
    Ok(Spent { cpu: cpu_of(server.pid())? - before, client_cpu: cpu_of(std::process::id())? - client_before, answered })
}

fn figures(bench: &Bench<'_>, pair: &Pair, records: u32, rounds: &[Round]) -> Query {
    let calls = bench.options.calls;
    let per_call = |spent: &Spent| micros(spent.cpu.total()) / f64::from(calls);
    let ratio = |round: &Round, verification: usize| {
        let verification = round.verification.get(verification).copied().unwrap_or(f64::NAN);
        per_call(&round.query) / (per_call(&round.bare) + verification)
    };
    let batches = |round: &Round| round.query.answered.checkpoints.len() as f64;
    let of = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure));
    Query {
        records,
        request_bytes: pair.request_bytes,
        answer_bytes: pair.answer_bytes,
        calls,
        ratio: of(&|round| ratio(round, 0)),
        ratios: rounds.iter().map(|round| ratio(round, 0)).collect(),
        ratio_to_own: of(&|round| ratio(round, 1)),
        bare: Calls::of(calls, rounds, |round| &round.bare),
        verification_us: of(&|round| round.verification[0]),
        own_verification_us: of(&|round| round.verification[1]),
        query: Calls::of(calls, rounds, |round| &round.query),
        batch_entries: of(&|round| f64::from(calls) / batches(round)),
        syncs_per_second: of(&|round| SYNCS_PER_BATCH * batches(round) / round.query.answered.took.as_secs_f64()),
    }
}

impl Calls {
    fn of(calls: u32, rounds: &[Round], kind: impl Fn(&Round) -> &Spent) -> Self {
        let cpu = |time: &dyn Fn(&Spent) -> std::time::Duration| {
            median(rounds.iter().map(|round| micros(time(kind(round))) / f64::from(calls)))
        };
        let mut latencies = Latencies::default();
        rounds.iter().for_each(|round| latencies.add(&kind(round).answered.latencies));
        Self {
            per_second: median(rounds.iter().map(|round| f64::from(calls) / kind(round).answered.took.as_secs_f64())),
            cpu_us: cpu(&|spent| spent.cpu.total()),
            cpu_user_us: cpu(&|spent| spent.cpu.user),
            cpu_system_us: cpu(&|spent| spent.cpu.system),
            client_cpu_us: cpu(&|spent| spent.client_cpu.total()),
            latency: latencies.summary(),
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request_bytes, answer_bytes, calls, records, .. } = self;
        let rounds = self.ratios.len();
        writeln!(
            f,
            "Query 查询: {rounds} rounds of {calls} calls on {records} records; request {request_bytes} bytes, answer {answer_bytes}"
        )?;
        writeln!(
            f,
            "                            calls/s   p50 ms   p99 ms   server CPU µs a call (user + system)   client"
        )?;
        for (name, calls) in [("bare call", &self.bare), ("signed durable query", &self.query)] {
            let Calls { per_second, cpu_us, cpu_user_us, cpu_system_us, client_cpu_us, latency } = calls;
            writeln!(
                f,
                "  {name:24} {per_second:8.0} {:8.2} {:8.2}   {cpu_us:6.1} ({cpu_user_us:.1} + {cpu_system_us:.1}) {client_cpu_us:22.1}",
                latency.p50_us as f64 / 1e3,
                latency.p99_us as f64 / 1e3,
            )?;
        }
        let costs = [
            ("Ed25519 verification, ring", self.verification_us),
            ("the same as the hub does", self.own_verification_us),
        ];
        for (name, cost) in costs {
            writeln!(f, "  {name:26} {:>6} {:>8} {:>8}   {cost:6.1}", "", "", "")?;
        }
        writeln!(f, "  {:.1} entries a batch, {:.0} syncs a second", self.batch_entries, self.syncs_per_second)?;
        let ratios: Vec<String> = self.ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        writeln!(
            f,
            "  ratio {:.2} = query / (bare call + verification by ring), {:.2} to the hub's own verification; by round {}",
            self.ratio,
            self.ratio_to_own,
            ratios.join(" ")
        )
    }
}
