//! `AuditService`.

use std::{ops::Range, sync::Arc};

use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use super::{
    Services, blocking,
    call::Place,
    opening::progress_to_proto,
    peer_of, receipt_to_proto, status,
    stream::{Parts, Sender},
};
use crate::{
    domain::{
        id::{RequestId, SystemId},
        outcome::Outcome,
    },
    hub::{Hub, ProvenUnder, Traced},
    tlog::Hash,
    wire::{
        self,
        proto::{
            GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest, GetConsistencyProofResponse,
            GetInclusionProofRequest, GetInclusionProofResponse, GetLogSuccessionRequest, GetLogSuccessionResponse,
            GetReceiptRequest, GetReceiptResponse, ReadEntriesRequest, ReadEntriesResponse, TraceEntered,
            TraceHolderRequest, TraceHolderResponse, TracedExchange, audit_service_server::AuditService,
            get_receipt_request::Selector, trace_holder_response::Part,
        },
    },
};

/// Bytes of entries in one message: two of the largest and more, and far below the 4 MiB that clients take by default.
const CHUNK: usize = 256 << 10;

#[tonic::async_trait]
impl AuditService for Services {
    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let under = if request.get_ref().newest { ProvenUnder::Newest } else { ProvenUnder::Published };
        let checkpoint = self.hub.checkpoint(&peer_of(&request)?, under).map_err(status::of)?;
        Ok(Response::new(GetCheckpointResponse { checkpoint }))
    }

    type ReadEntriesStream = Parts<ReadEntriesResponse>;

    async fn read_entries(
        &self,
        request: Request<ReadEntriesRequest>,
    ) -> Result<Response<Self::ReadEntriesStream>, Status> {
        let peer = peer_of(&request)?;
        let place = request.extensions().get::<Place>().cloned();
        let ReadEntriesRequest { start, end } = *request.get_ref();
        let size = self.hub.audited(&peer).map_err(status::of)?;
        let end = if end == 0 { size } else { end };
        if start > end || end > size {
            return Err(status::argument("end", &format!("must be from start to {size}")));
        }
        let (sender, entries) = Sender::new(place);
        let reading = Reading { hub: Arc::clone(&self.hub), peer, range: start..end, sender };
        tokio::spawn(reading.run().in_current_span());
        Ok(Response::new(entries))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        let peer = peer_of(&request)?;
        let GetConsistencyProofRequest { first_size, second_size } = *request.get_ref();
        let hub = Arc::clone(&self.hub);
        let hashes = blocking(move || hub.consistency_proof(&peer, first_size, second_size)).await?;
        Ok(Response::new(GetConsistencyProofResponse { hashes: hashes_to_proto(&hashes) }))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<GetInclusionProofRequest>,
    ) -> Result<Response<GetInclusionProofResponse>, Status> {
        let peer = peer_of(&request)?;
        let GetInclusionProofRequest { index, size } = *request.get_ref();
        let hub = Arc::clone(&self.hub);
        let (size, hashes) = blocking(move || hub.inclusion_proof(&peer, index, size)).await?;
        Ok(Response::new(GetInclusionProofResponse { size, hashes: hashes_to_proto(&hashes) }))
    }

    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Result<Response<GetReceiptResponse>, Status> {
        let peer = peer_of(&request)?;
        let GetReceiptRequest { selector, actor, witnessed } = request.into_inner();
        let under = if witnessed { ProvenUnder::Published } else { ProvenUnder::Newest };
        let hub = Arc::clone(&self.hub);
        let receipt = match selector {
            None => return Err(status::argument("selector", "must be request_id or index")),
            Some(Selector::Index(index)) => blocking(move || hub.receipt_at(&peer, index, under)).await?,
            Some(Selector::RequestId(bytes)) => {
                let wrong = |_| status::argument("request_id", "must be 16 bytes");
                let request_id = RequestId::try_from(bytes.as_slice()).map_err(wrong)?;
                let actor = match actor.as_str() {
                    "" => peer.clone(),
                    text => text
                        .parse()
                        .map_err(|_| status::argument("actor", &format!("must be empty or {}", SystemId::FORM)))?,
                };
                blocking(move || hub.receipt_of(&peer, &actor, &request_id, under)).await?
            }
        };
        Ok(Response::new(GetReceiptResponse { receipt: Some(receipt_to_proto(receipt)) }))
    }

    async fn get_log_succession(
        &self,
        request: Request<GetLogSuccessionRequest>,
    ) -> Result<Response<GetLogSuccessionResponse>, Status> {
        let peer = peer_of(&request)?;
        let hub = Arc::clone(&self.hub);
        let closings = blocking(move || hub.log_succession(&peer)).await?;
        let closings = closings.iter().map(wire::closing_receipt_to_proto).collect();
        Ok(Response::new(GetLogSuccessionResponse { closings }))
    }

    type TraceHolderStream = Parts<TraceHolderResponse>;

    async fn trace_holder(
        &self,
        request: Request<TraceHolderRequest>,
    ) -> Result<Response<Self::TraceHolderStream>, Status> {
        let peer = peer_of(&request)?;
        let place = request.extensions().get::<Place>().cloned();
        let TraceHolderRequest { envelope, openings } = request.into_inner();
        let envelope = wire::envelope_from_proto(envelope);
        let openings = wire::openings_from_proto(openings).map_err(status::of_malformed)?;
        let (sender, parts) = Sender::new(place);
        let hub = Arc::clone(&self.hub);
        let answering = async move {
            let ear = sender.ear();
            let hear = move |progress| ear.hear(part(Part::Progress(progress_to_proto(progress))));
            match hub.trace(peer, envelope, openings, hear).await.map_err(status::of) {
                Ok(traced) => send_traced(hub, traced, sender).await,
                Err(error) => {
                    sender.send(Err(error)).await;
                }
            }
        };
        tokio::spawn(answering.in_current_span());
        Ok(Response::new(parts))
    }
}

fn part(part: Part) -> TraceHolderResponse {
    TraceHolderResponse { part: Some(part) }
}

/// Sends what a trace found, each exchange with its receipt made when its turn comes.
async fn send_traced(hub: Arc<Hub>, traced: Traced, sender: Sender<TraceHolderResponse>) {
    let Traced { receipt, exchanges } = traced;
    if let Outcome::Refused(refusal) = &receipt.outcome {
        sender.send(Err(status::refused(refusal, &receipt))).await;
        return;
    }
    let repeated_request = receipt.repeated;
    let entered = TraceEntered { receipt: Some(receipt_to_proto(receipt)), repeated_request };
    let mut sent = sender.send(Ok(part(Part::Entered(entered)))).await;
    for exchange in exchanges.iter().cloned() {
        if !sent {
            return;
        }
        let openings = exchange.openings.iter().map(wire::opening_to_proto).collect();
        let case = exchange.case.as_ref().map(wire::opening_to_proto);
        let reader = Arc::clone(&hub);
        let receipt = blocking(move || reader.receipt_of_exchange(&exchange)).await;
        let message = receipt.map(|receipt| {
            let receipt = Some(receipt_to_proto(receipt));
            part(Part::Exchange(TracedExchange { receipt, openings, case }))
        });
        let is_good = message.is_ok();
        sent = sender.send(message).await && is_good;
    }
    if sent {
        sender.complete();
    }
}

fn hashes_to_proto(hashes: &[Hash]) -> Vec<Vec<u8>> {
    hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect()
}

/// Entries on their way to a reader.
struct Reading {
    hub: Arc<Hub>,
    peer: SystemId,
    range: Range<u64>,
    sender: Sender<ReadEntriesResponse>,
}

impl Reading {
    /// Sends entries until the last, an error, or the reader's end.
    async fn run(mut self) {
        while !self.range.is_empty() {
            let message = self.next().await;
            let sent = message.as_ref().map_or(0, |message| message.entries.len() as u64);
            // An error was sent, or nobody reads on, or too slowly.
            if !self.sender.send(message).await || sent == 0 {
                return;
            }
            self.range.start += sent;
        }
        self.sender.complete();
    }

    async fn next(&self) -> Result<ReadEntriesResponse, Status> {
        let (hub, peer, Range { start, end }) = (Arc::clone(&self.hub), self.peer.clone(), self.range.clone());
        let entries = blocking(move || hub.entries(&peer, start, end, CHUNK)).await?;
        match entries.is_empty() {
            true => Err(status::internal(&"the log's reader gave no entry")),
            false => Ok(ReadEntriesResponse { start, entries }),
        }
    }
}
