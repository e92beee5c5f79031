//! The closed loop: so many calls in flight, and the next one when one is answered. It finds what a server can do, and what
//! each call costs it; how long a caller waits under a load that does not wait for him, the open loop tells.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::{
    clients::{self, Checkpoints, Clients},
    latencies::Latencies,
};
use crate::wire::proto::{SubmitQueryRequest, exchange_service_client::ExchangeServiceClient};

/// What came of a round of calls.
#[derive(Default)]
pub(crate) struct Answered {
    /// How long all took together.
    pub(crate) took: Duration,
    /// How long each took.
    pub(crate) latencies: Latencies,
    /// What sealed them.
    pub(crate) checkpoints: Checkpoints,
}

/// Asks all queries, so many at once. Every one must be answered.
pub(crate) async fn ask(
    clients: &Clients,
    queries: Vec<SubmitQueryRequest>,
    in_flight: usize,
) -> anyhow::Result<Answered> {
    let queries = Arc::new(Mutex::new(queries.into_iter()));
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for channel in clients.in_turn().take(in_flight) {
        workers.spawn(work(channel, Arc::clone(&queries)));
    }
    let mut all = Answered::default();
    while let Some(answered) = workers.join_next().await {
        let mut answered = answered.context("a caller panicked")??;
        all.latencies.add(&answered.latencies);
        all.checkpoints.append(&mut answered.checkpoints);
    }
    all.took = started.elapsed();
    Ok(all)
}

/// One call after the other, until none is left.
async fn work(
    channel: Channel,
    queries: Arc<Mutex<std::vec::IntoIter<SubmitQueryRequest>>>,
) -> anyhow::Result<Answered> {
    let mut client = ExchangeServiceClient::new(channel);
    let mut answered = Answered::default();
    loop {
        let next = queries.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(query) = next else { return Ok(answered) };
        let started = Instant::now();
        answered.checkpoints.insert(clients::ask(&mut client, query).await?);
        answered.latencies.record(started.elapsed());
    }
}
