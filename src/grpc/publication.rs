//! `PublicationService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{Services, blocking, peer_of, receipt_to_proto, status};
use crate::{
    domain::{
        id::{Handle, ResourceId},
        outcome::Outcome,
    },
    hub::RecordBody,
    wire::{
        self,
        proto::{
            BatchGetRecordStatesRequest, BatchGetRecordStatesResponse, CountRecordsRequest, CountRecordsResponse,
            FieldViolation, PublishRecordsRequest, PublishRecordsResponse, RecordCount,
            publication_service_server::PublicationService,
        },
    },
};

#[tonic::async_trait]
impl PublicationService for Services {
    async fn publish_records(
        &self,
        request: Request<PublishRecordsRequest>,
    ) -> Result<Response<PublishRecordsResponse>, Status> {
        let peer = peer_of(&request)?;
        let PublishRecordsRequest { envelope, bodies } = request.into_inner();
        let bodies =
            bodies.into_iter().map(|body| RecordBody { sd_jwt: body.sd_jwt, record_salt: body.record_salt }).collect();
        let envelope = wire::envelope_from_proto(envelope);
        let answer = Arc::clone(&self.hub).publish(peer, envelope, bodies).await.map_err(status::of)?;
        if let Outcome::Refused(refusal) = &answer.receipt.outcome {
            return Err(status::refused(refusal, &answer.receipt));
        }
        let violations = answer
            .violations
            .into_iter()
            .map(|(record, found)| FieldViolation {
                record,
                violation: found.violation.number(),
                field: found.field.unwrap_or_default(),
                description: found.description,
            })
            .collect();
        let repeated_request = answer.receipt.repeated;
        Ok(Response::new(PublishRecordsResponse {
            receipt: Some(receipt_to_proto(answer.receipt)),
            violations,
            repeated_request,
        }))
    }

    async fn batch_get_record_states(
        &self,
        request: Request<BatchGetRecordStatesRequest>,
    ) -> Result<Response<BatchGetRecordStatesResponse>, Status> {
        let peer = peer_of(&request)?;
        let BatchGetRecordStatesRequest { resource_id, handles } = request.into_inner();
        let handles: Vec<Handle> = handles
            .iter()
            .enumerate()
            .map(|(position, bytes)| {
                let wrong = |_| status::argument(&format!("handles[{position}]"), "must be 32 bytes");
                Handle::try_from(bytes.as_slice()).map_err(wrong)
            })
            .collect::<Result<_, _>>()?;
        let hub = Arc::clone(&self.hub);
        let states = blocking(move || hub.record_states(&peer, &resource_id, &handles)).await?;
        let records = states.iter().map(|(handle, head)| wire::record_state_to_proto(handle, head.as_ref())).collect();
        Ok(Response::new(BatchGetRecordStatesResponse { records }))
    }

    async fn count_records(
        &self,
        request: Request<CountRecordsRequest>,
    ) -> Result<Response<CountRecordsResponse>, Status> {
        let peer = peer_of(&request)?;
        let hub = Arc::clone(&self.hub);
        let counts = blocking(move || hub.record_counts(&peer)).await?;
        let count = |((resource, resource_version), records): ((ResourceId, u32), u64)| RecordCount {
            resource_id: resource.to_string(),
            resource_version,
            records,
        };
        Ok(Response::new(CountRecordsResponse { counts: counts.into_iter().map(count).collect() }))
    }
}
