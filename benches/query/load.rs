//! The clients, and what they ask.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use hutong::{
    pki::Authority,
    wire::{
        self,
        proto::{
            Envelope, PublishRecordsRequest, RecordBody, SubmitQueryRequest, SubmitQueryResponse, SubmitRuleRequest,
            exchange_service_client::ExchangeServiceClient, publication_service_client::PublicationServiceClient,
            rule_service_client::RuleServiceClient,
        },
    },
};
use prost::Message as _;
use tokio::task::JoinSet;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::{
    RECORDS,
    city::{Actor, Body, City},
    cost::Cpu,
    now,
    server::Server,
};

/// Queries, signed beforehand: what signing costs the consumer is none of the hub's costs.
pub(crate) struct Load(Vec<SubmitQueryRequest>);

impl Load {
    /// As many queries, through all records.
    pub(crate) fn signed(city: &City, numbers: Range<u32>) -> anyhow::Result<Self> {
        let now = now()?;
        let query = |number: u32| {
            let (statement, openings) = city.query(number % RECORDS, now)?;
            anyhow::Ok(SubmitQueryRequest {
                envelope: Some(wire::envelope_to_proto(&city.consumer.sign(&statement)?)),
                openings: openings.iter().map(wire::opening_to_proto).collect(),
            })
        };
        Ok(Self(numbers.map(query).collect::<Result<_, _>>()?))
    }

    /// Bytes of the first.
    pub(crate) fn bytes(&self) -> usize {
        self.0.first().map_or(0, SubmitQueryRequest::encoded_len)
    }
}

/// What a round of calls cost a server.
pub(crate) struct Spent {
    /// Its CPU time.
    pub(crate) cpu: Cpu,
    /// The answers.
    pub(crate) answered: Answered,
}

/// The answers of a round.
#[derive(Default)]
pub(crate) struct Answered {
    /// How long all took.
    pub(crate) took: Duration,
    /// How long each took, in order.
    pub(crate) latencies: Vec<Duration>,
    /// The checkpoints that sealed them, by size: one a batch.
    pub(crate) checkpoints: BTreeSet<u64>,
}

/// Connections of one system to one server.
pub(crate) struct Clients(Vec<Channel>);

impl Clients {
    /// Opens so many connections.
    pub(crate) async fn connect(
        server: &Server,
        authority: &Authority,
        actor: &Actor,
        connections: usize,
    ) -> anyhow::Result<Self> {
        let today = now()?.civil_day(0);
        let issued = authority.issue_system(&actor.system, today)?;
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&authority.own().certificate))
            .identity(Identity::from_pem(&issued.certificate, issued.key.as_bytes()))
            .domain_name("localhost");
        let endpoint = Endpoint::from_shared(format!("https://{}", server.address))?.tls_config(tls)?.tcp_nodelay(true);
        let mut channels = Vec::with_capacity(connections);
        for _ in 0..connections {
            channels.push(endpoint.connect().await?);
        }
        Ok(Self(channels))
    }

    fn first(&self) -> anyhow::Result<Channel> {
        self.0.first().cloned().context("there is no connection")
    }

    /// Changes the rules.
    pub(crate) async fn submit_rule(&self, envelope: Envelope) -> anyhow::Result<()> {
        let request = SubmitRuleRequest { envelope: Some(envelope), openings: Vec::new() };
        RuleServiceClient::new(self.first()?).submit_rule(request).await?;
        Ok(())
    }

    /// Publishes records.
    pub(crate) async fn publish(&self, envelope: Envelope, bodies: Vec<Body>) -> anyhow::Result<()> {
        let bodies = bodies.into_iter().map(|(sd_jwt, salt)| RecordBody { sd_jwt, record_salt: salt.to_vec() });
        let request = PublishRecordsRequest { envelope: Some(envelope), bodies: bodies.collect() };
        let answer = PublicationServiceClient::new(self.first()?).publish_records(request).await?.into_inner();
        ensure!(answer.violations.is_empty(), "the hub did not take the records: {:?}", answer.violations);
        Ok(())
    }

    /// Asks the first query.
    pub(crate) async fn ask_once(&self, load: Load) -> anyhow::Result<SubmitQueryResponse> {
        let request = load.0.into_iter().next().context("there is no query")?;
        Ok(ExchangeServiceClient::new(self.first()?).submit_query(request).await?.into_inner())
    }

    /// Asks all queries, `in_flight` at once.
    pub(crate) async fn ask(&self, load: Load, in_flight: usize) -> anyhow::Result<Answered> {
        let queries = Arc::new(Mutex::new(load.0.into_iter()));
        let started = Instant::now();
        let mut workers = JoinSet::new();
        for channel in self.0.iter().cycle().take(in_flight) {
            workers.spawn(work(channel.clone(), Arc::clone(&queries)));
        }
        let mut all = Answered::default();
        while let Some(answered) = workers.join_next().await {
            let mut answered = answered??;
            all.latencies.append(&mut answered.latencies);
            all.checkpoints.append(&mut answered.checkpoints);
        }
        all.took = started.elapsed();
        all.latencies.sort_unstable();
        Ok(all)
    }
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
        let answer = client.submit_query(query).await?.into_inner();
        answered.latencies.push(started.elapsed());
        let [record] = answer.records.as_slice() else { anyhow::bail!("a query finds one record: {answer:?}") };
        ensure!(!record.presentation.is_empty(), "nothing was released: {answer:?}");
        answered.checkpoints.insert(checkpoint_size(&answer).context("the receipt has no checkpoint")?);
    }
}

/// The size that the receipt's checkpoint says: in the proof, the second line after the blank one.
fn checkpoint_size(answer: &SubmitQueryResponse) -> Option<u64> {
    let (_, checkpoint) = answer.receipt.as_ref()?.proof.split_once("\n\n")?;
    checkpoint.lines().nth(1)?.parse().ok()
}
