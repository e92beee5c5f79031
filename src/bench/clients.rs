//! Connections of one system to one server, and the calls that are made over them.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::time::timeout;
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use super::{
    city::{Actor, Body, HUB},
    now,
};
use crate::{
    client::MAX_MESSAGE_BYTES,
    pki::Authority,
    wire::proto::{
        Envelope, PublishRecordsRequest, RecordBody, SubmitQueryRequest, SubmitQueryResponse, SubmitRuleRequest,
        exchange_service_client::ExchangeServiceClient, publication_service_client::PublicationServiceClient,
        rule_service_client::RuleServiceClient,
    },
};

/// How long a call may take: as long as a hub lets one take that names no deadline.
const DEADLINE: Duration = Duration::from_secs(30);

/// Connections of one system to one server.
#[derive(Clone)]
pub(crate) struct Clients(Vec<Channel>);

impl Clients {
    /// Opens so many connections.
    pub(crate) async fn connect(
        address: &str,
        authority: &Authority,
        actor: &Actor,
        connections: usize,
    ) -> anyhow::Result<Self> {
        let issued = authority.issue_system(&actor.system, now()?.civil_day(0))?;
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&authority.own().certificate))
            .identity(Identity::from_pem(&issued.certificate, issued.key.as_bytes()))
            .domain_name(HUB);
        let endpoint = Endpoint::from_shared(format!("https://{address}"))?
            .tls_config(tls)?
            .connect_timeout(DEADLINE)
            .tcp_nodelay(true);
        let mut channels = Vec::with_capacity(connections);
        for _ in 0..connections {
            channels.push(endpoint.connect().await.context("cannot connect")?);
        }
        Ok(Self(channels))
    }

    /// A connection over and over again, one after the other.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = Channel> {
        self.0.iter().cycle().cloned()
    }

    fn first(&self) -> anyhow::Result<Channel> {
        self.0.first().cloned().context("there is no connection")
    }

    /// Changes the rules.
    pub(crate) async fn submit_rule(&self, envelope: Envelope) -> anyhow::Result<()> {
        let request = SubmitRuleRequest { envelope: Some(envelope), openings: Vec::new() };
        in_time(RuleServiceClient::new(self.first()?).submit_rule(request)).await?;
        Ok(())
    }

    /// Asks one query.
    pub(crate) async fn ask_once(&self, query: SubmitQueryRequest) -> anyhow::Result<SubmitQueryResponse> {
        Ok(in_time(ExchangeServiceClient::new(self.first()?).submit_query(query)).await?.into_inner())
    }
}

/// What is published, ready to be sent.
pub(crate) struct Publication(PublishRecordsRequest);

impl Publication {
    /// A signed statement with the bodies of its records.
    pub(crate) fn new(envelope: Envelope, bodies: Vec<Body>) -> Self {
        let bodies = bodies.into_iter().map(|(sd_jwt, salt)| RecordBody { sd_jwt, record_salt: salt.to_vec() });
        Self(PublishRecordsRequest { envelope: Some(envelope), bodies: bodies.collect() })
    }

    /// Sends it. All of its records must be taken.
    pub(crate) async fn send(self, channel: Channel) -> anyhow::Result<()> {
        let mut client = PublicationServiceClient::new(channel).max_encoding_message_size(MAX_MESSAGE_BYTES);
        let answer = in_time(client.publish_records(self.0)).await?.into_inner();
        ensure!(answer.violations.is_empty(), "the hub did not take the records: {:?}", answer.violations);
        Ok(())
    }
}

/// Asks a query, and gives the size of the checkpoint that sealed it. The answer must have a record, and something of it.
pub(crate) async fn ask(client: &mut ExchangeServiceClient<Channel>, query: SubmitQueryRequest) -> Result<u64, Status> {
    let answer = in_time(client.submit_query(query)).await?.into_inner();
    let released = |answer: &SubmitQueryResponse| match answer.records.as_slice() {
        [record] => !record.presentation.is_empty(),
        _ => false,
    };
    let sealed = checkpoint_size(&answer).filter(|_| released(&answer));
    sealed.ok_or_else(|| Status::new(Code::DataLoss, "an answer without its record or its receipt"))
}

async fn in_time<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    timeout(DEADLINE, call).await.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")))
}

/// The size that the receipt's checkpoint says: in the proof, the second line after the blank one.
fn checkpoint_size(answer: &SubmitQueryResponse) -> Option<u64> {
    let (_, checkpoint) = answer.receipt.as_ref()?.proof.split_once("\n\n")?;
    checkpoint.lines().nth(1)?.parse().ok()
}

/// The checkpoints that sealed answers, by size: one a batch.
pub(crate) type Checkpoints = BTreeSet<u64>;
