//! `OpeningService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use super::{
    Services,
    call::Place,
    peer_of, receipt_to_proto, status,
    stream::{Parts, Sender},
};
use crate::{
    domain::outcome::Outcome,
    hub::{ErasureAnswer, Progress},
    wire::{
        self,
        proto::{
            EraseOpeningsRequest, EraseOpeningsResponse, ErasureDone, SearchProgress, erase_openings_response::Part,
            opening_service_server::OpeningService,
        },
    },
};

#[tonic::async_trait]
impl OpeningService for Services {
    type EraseOpeningsStream = Parts<EraseOpeningsResponse>;

    async fn erase_openings(
        &self,
        request: Request<EraseOpeningsRequest>,
    ) -> Result<Response<Self::EraseOpeningsStream>, Status> {
        let peer = peer_of(&request)?;
        let place = request.extensions().get::<Place>().cloned();
        let EraseOpeningsRequest { envelope, openings } = request.into_inner();
        let envelope = wire::envelope_from_proto(envelope);
        let openings = wire::openings_from_proto(openings).map_err(status::of_malformed)?;
        let (sender, parts) = Sender::new(place);
        let hub = Arc::clone(&self.hub);
        let answering = async move {
            let ear = sender.ear();
            // What was ordered is carried out, whoever waits for it.
            let hear = move |progress| {
                ear.hear(part(Part::Progress(progress_to_proto(progress))));
            };
            let answer = hub.erase(peer, envelope, openings, hear).await.map_err(status::of).and_then(done);
            if sender.send(answer).await {
                sender.complete();
            }
        };
        tokio::spawn(answering.in_current_span());
        Ok(Response::new(parts))
    }
}

fn done(answer: ErasureAnswer) -> Result<EraseOpeningsResponse, Status> {
    let ErasureAnswer { receipt, erased } = answer;
    if let Outcome::Refused(refusal) = &receipt.outcome {
        return Err(status::refused(refusal, &receipt));
    }
    let repeated_request = receipt.repeated;
    Ok(part(Part::Done(ErasureDone { receipt: Some(receipt_to_proto(receipt)), erased, repeated_request })))
}

fn part(part: Part) -> EraseOpeningsResponse {
    EraseOpeningsResponse { part: Some(part) }
}

pub(super) fn progress_to_proto(progress: Progress) -> SearchProgress {
    SearchProgress { done: progress.done, total: progress.total }
}
