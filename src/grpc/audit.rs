//! `AuditService`.

use std::{
    ops::Range,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use super::{Services, blocking, call::Place, peer_of, receipt_to_proto, status};
use crate::{
    domain::id::{RequestId, SystemId},
    hub::{Hub, ProvenUnder},
    tlog::Hash,
    wire::proto::{
        GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest, GetConsistencyProofResponse,
        GetInclusionProofRequest, GetInclusionProofResponse, GetReceiptRequest, GetReceiptResponse, ReadEntriesRequest,
        ReadEntriesResponse, audit_service_server::AuditService, get_receipt_request::Selector,
    },
};

/// Bytes of entries in one message: two of the largest and more, and far below the 4 MiB that clients take by default.
const CHUNK: usize = 256 << 10;

/// Messages of a stream read ahead of its reader.
const AHEAD: usize = 2;

/// How long a reader may take for one message of a stream: 256 KiB in a minute is slower than any line in use.
const SLOWEST_READER: Duration = Duration::from_secs(60);

type Entries = Result<ReadEntriesResponse, Status>;

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

    type ReadEntriesStream = EntryStream;

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
        let (sender, entries) = mpsc::channel(AHEAD);
        let complete = Arc::new(AtomicBool::new(false));
        let reading = Reading { hub: Arc::clone(&self.hub), peer, range: start..end, sender, _place: place };
        tokio::spawn(reading.run(Arc::clone(&complete)).in_current_span());
        Ok(Response::new(EntryStream { entries, complete, ended: false }))
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
}

fn hashes_to_proto(hashes: &[Hash]) -> Vec<Vec<u8>> {
    hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect()
}

/// Entries on their way to a reader.
struct Reading {
    hub: Arc<Hub>,
    peer: SystemId,
    range: Range<u64>,
    sender: mpsc::Sender<Entries>,
    _place: Option<Place>,
}

impl Reading {
    /// Sends entries until the last, an error, or the reader's end.
    async fn run(mut self, complete: Arc<AtomicBool>) {
        while !self.range.is_empty() {
            let message = self.next().await;
            let sent = message.as_ref().map_or(0, |message| message.entries.len() as u64);
            match timeout(SLOWEST_READER, self.sender.send(message)).await {
                Ok(Ok(())) if sent > 0 => self.range.start += sent,
                // An error was sent, or nobody reads on, or too slowly.
                _ => return,
            }
        }
        complete.store(true, Ordering::Release);
    }

    async fn next(&self) -> Entries {
        let (hub, peer, Range { start, end }) = (Arc::clone(&self.hub), self.peer.clone(), self.range.clone());
        let entries = blocking(move || hub.entries(&peer, start, end, CHUNK)).await?;
        match entries.is_empty() {
            true => Err(status::internal(&"the log's reader gave no entry")),
            false => Ok(ReadEntriesResponse { start, entries }),
        }
    }
}

/// What a reader gets. A stream that was cut never ends as if it were whole.
pub(super) struct EntryStream {
    entries: mpsc::Receiver<Entries>,
    complete: Arc<AtomicBool>,
    ended: bool,
}

impl Stream for EntryStream {
    type Item = Entries;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Entries>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = std::task::ready!(self.entries.poll_recv(cx));
        self.ended = !matches!(next, Some(Ok(_)));
        if next.is_none() && !self.complete.load(Ordering::Acquire) {
            return Poll::Ready(Some(Err(status::too_late(SLOWEST_READER))));
        }
        Poll::Ready(next)
    }
}
