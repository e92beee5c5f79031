//! What a signed durable query costs the hub, as a ratio to what cannot be left out: a bare gRPC call over the same mutual
//! TLS with messages of the same sizes, and one verification of an Ed25519 signature.
//!
//! ```text
//! cargo bench --bench query              a table
//! cargo bench --bench query -- --json    the same for machines
//! ```
//!
//! The hub is the program itself, set up by `hutong init --development` and run by `hutong serve` in a process of its own,
//! on a file system that `target/` is on; the bare server is this program, run again. Both are asked in turns by the same
//! clients with the same number of calls in flight. Costs are the processes' CPU time, user and system, all threads.

mod cost;
mod echo;
mod load;
mod report;
mod server;

#[path = "../city/mod.rs"]
mod city;

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use hutong::{domain::time::Time, pki::Authority, wire};
use prost::Message as _;

use self::{
    city::{Actor, City},
    cost::{cpu_of, verification},
    load::{Clients, Load, Spent},
    report::{Measured, Report},
    server::{Server, hub_folder},
};

/// As the hub has it, so that the bare server has no worse one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls in flight at once.
const IN_FLIGHT: usize = 64;
/// Over so many connections, as of as many front-ends of one system.
const CONNECTIONS: usize = 4;
/// Calls of each kind in a round: at a hundred microseconds each, a hundred times the 10 ms in which CPU time is told.
const CALLS: u32 = 10_000;
/// Rounds whose median is told.
const ROUNDS: usize = 9;
/// Records published, which the queries go through.
const RECORDS: u32 = 1_024;
/// The most records in one publication.
const BATCH: u32 = 256;
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(90);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    if let [command, folder, answer] = arguments.as_slice()
        && command == echo::COMMAND
    {
        return runtime.block_on(echo::serve(Path::new(folder), Path::new(answer)));
    }
    let report = runtime.block_on(async {
        tokio::time::timeout(LIMIT, measure()).await.with_context(|| format!("took longer than {LIMIT:?}"))?
    })?;
    if arguments.iter().any(|argument| argument == "--json") {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

async fn measure() -> anyhow::Result<Report> {
    // On the disk that the build is on: a temporary folder may be in memory, where nothing is ever made durable.
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let folder = root.path().join("hub");
    let city = City::new(hub_folder(&folder)?)?;
    let hub = Server::hub(&folder, root.path())?;
    let authority = Authority::open(&folder.join("pki"))?;
    found(&city, &hub, &authority).await?;
    let clients = Clients::connect(&hub, &authority, &city.consumer, CONNECTIONS).await?;

    // One answer, which the bare server then gives to everyone.
    let load = Load::signed(&city, 0..1)?;
    let request_bytes = load.bytes();
    let answer = clients.ask_once(load).await?;
    let answer_file = root.path().join("answer");
    std::fs::write(&answer_file, answer.encode_to_vec())?;
    let bare = Server::echo(&folder, &answer_file, root.path())?;
    let bare_clients = Clients::connect(&bare, &authority, &city.consumer, CONNECTIONS).await?;

    // Warm: caches, allocators, the index.
    drive(&bare, &bare_clients, &city).await?;
    drive(&hub, &clients, &city).await?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rounds.push(Measured {
            bare: drive(&bare, &bare_clients, &city).await?,
            verification: verification(&city)?,
            query: drive(&hub, &clients, &city).await?,
        });
    }
    Ok(Report::of(&rounds, request_bytes, answer.encoded_len()))
}

/// Makes queries possible: registers, agrees, publishes.
async fn found(city: &City, hub: &Server, authority: &Authority) -> anyhow::Result<()> {
    let now = now()?;
    let administrator = Clients::connect(hub, authority, &city.administrator, 1).await?;
    let provider = Clients::connect(hub, authority, &city.provider, 1).await?;
    let mut consumer = None;
    for act in city.founding(now)? {
        let envelope = wire::envelope_to_proto(&act.actor.sign(&act.statement)?);
        let clients = if same(act.actor, &city.administrator) {
            &administrator
        } else if same(act.actor, &city.provider) {
            &provider
        } else {
            consumer.insert(Clients::connect(hub, authority, &city.consumer, 1).await?)
        };
        clients.submit_rule(envelope).await?;
    }
    for first in (0..RECORDS).step_by(BATCH as usize) {
        let (statement, bodies) = city.publication(first..first + BATCH, now)?;
        provider.publish(wire::envelope_to_proto(&city.provider.sign(&statement)?), bodies).await?;
    }
    Ok(())
}

fn same(one: &Actor, other: &Actor) -> bool {
    one.system == other.system
}

/// Asks a server all of a round's queries, and tells what that cost it.
async fn drive(server: &Server, clients: &Clients, city: &City) -> anyhow::Result<Spent> {
    let load = Load::signed(city, 0..CALLS)?;
    let before = cpu_of(server.pid())?;
    let answered = clients.ask(load, IN_FLIGHT).await?;
    let after = cpu_of(server.pid())?;
    Ok(Spent { cpu: after - before, answered })
}

/// The machine's clock.
fn now() -> anyhow::Result<Time> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Time::from_millis(i64::try_from(since.as_millis())?).context("the clock is beyond the year 9999")
}
