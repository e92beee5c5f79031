//! `ExchangeService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{Services, address_of, peer_of, receipt_to_proto, status};
use crate::{
    domain::outcome::Outcome,
    wire::{
        self,
        proto::{SubmitQueryRequest, SubmitQueryResponse, exchange_service_server::ExchangeService},
    },
};

#[tonic::async_trait]
impl ExchangeService for Services {
    async fn submit_query(
        &self,
        request: Request<SubmitQueryRequest>,
    ) -> Result<Response<SubmitQueryResponse>, Status> {
        let (peer, address) = (peer_of(&request)?, address_of(&request)?);
        let SubmitQueryRequest { envelope, openings } = request.into_inner();
        let envelope = wire::envelope_from_proto(envelope);
        let openings = wire::openings_from_proto(openings).map_err(status::of_malformed)?;
        let answer = Arc::clone(&self.hub).query(peer, address, envelope, openings).await.map_err(status::of)?;
        let released = match &answer.receipt.outcome {
            Outcome::Refused(refusal) => {
                let basis = self.hub.denial_basis(&answer.receipt);
                return Err(status::refused_citing(refusal, &answer.receipt, basis.as_deref()));
            }
            Outcome::QueryPermitted(permitted) => &permitted.records,
            _ => {
                return Err(status::internal(&"the outcome of a query is another statement's"));
            }
        };
        // A repeated request has no presentations, and so no records.
        let records = released
            .iter()
            .zip(answer.presentations)
            .map(|(release, presentation)| wire::released_record_to_proto(release, presentation))
            .collect();
        let repeated_request = answer.receipt.repeated;
        let retention_days = answer.retention_days.unwrap_or_default();
        Ok(Response::new(SubmitQueryResponse {
            receipt: Some(receipt_to_proto(answer.receipt)),
            records,
            repeated_request,
            retention_days,
        }))
    }
}
