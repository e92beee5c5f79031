//! `SealService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{Services, blocking, peer_of, status::argument};
use crate::{
    domain::{id::SystemId, record::RecordStatus, time::Time},
    hub::{PublishedSeal, SealAnswer},
    seal::{Checks, Finding, HubStatus, Kind, Part, SealFacts},
    wire::{
        proto::{
            SealCheck, SealCheckResult, SealDescription, SealStatus, SealVerification, VerifySealRequest,
            VerifySealResponse, VerifySealedDocumentRequest, VerifySealedDocumentResponse,
            seal_service_server::SealService,
        },
        timestamp,
    },
};

/// How many verifications run at once. A large document takes a processor for a second, which decisions need as well; others wait
/// for their turn within their deadlines.
pub(super) const MAX_AT_ONCE: usize = 2;

#[tonic::async_trait]
impl SealService for Services {
    async fn verify_seal(&self, request: Request<VerifySealRequest>) -> Result<Response<VerifySealResponse>, Status> {
        let peer = peer_of(&request)?;
        let (time, mut answer) = self.verified(peer, request.into_inner().seal).await?;
        if answer.verification.kind == Kind::Document {
            return Err(argument("seal", "must be a seal or a signature: VerifySealedDocument takes documents"));
        }
        let verification = verifications(&mut answer).pop();
        Ok(Response::new(VerifySealResponse { verify_time: Some(timestamp(time)), verification }))
    }

    async fn verify_sealed_document(
        &self,
        request: Request<VerifySealedDocumentRequest>,
    ) -> Result<Response<VerifySealedDocumentResponse>, Status> {
        let peer = peer_of(&request)?;
        let (time, mut answer) = self.verified(peer, request.into_inner().document).await?;
        if answer.verification.kind != Kind::Document {
            return Err(argument("document", "must be an OFD file: VerifySeal takes seals and signatures"));
        }
        Ok(Response::new(VerifySealedDocumentResponse {
            verify_time: Some(timestamp(time)),
            verified: answer.verification.holds(),
            checks: checks(&answer.verification.checks),
            signatures: verifications(&mut answer),
        }))
    }
}

impl Services {
    /// Verifies off the threads that drive connections, when it is its turn. The turn lasts until the work is done, also where nobody
    /// waits for it any more.
    async fn verified(&self, peer: SystemId, bytes: Vec<u8>) -> Result<(Time, SealAnswer), Status> {
        let turn = Arc::clone(&self.verifications).acquire_owned().await;
        let turn = turn.map_err(|_| super::status::internal(&"nobody closes the turns of verifications"))?;
        let hub = Arc::clone(&self.hub);
        let work = move || {
            let answer = hub.verify_seal(&peer, &bytes)?;
            drop(turn);
            Ok((hub.now(), answer))
        };
        blocking(work).await
    }
}

fn verifications(answer: &mut SealAnswer) -> Vec<SealVerification> {
    answer
        .verification
        .parts
        .iter()
        .zip(&answer.published)
        .map(|(part, published)| verification(part, published))
        .collect()
}

fn verification(part: &Part, published: &PublishedSeal) -> SealVerification {
    let (resource_id, publication_index) =
        published.place.as_ref().map_or_else(Default::default, |(resource, index)| (resource.to_string(), *index));
    SealVerification {
        path: part.path.clone(),
        verified: part.checks.hold(),
        seal: part.seal.as_ref().map(description),
        sign_time: part.signed_at.map(timestamp),
        signer: part.signer.clone().unwrap_or_default(),
        checks: checks(&part.checks),
        status: part.seal.as_ref().map_or(SealStatus::Unspecified, |_| status_of(published.status)) as i32,
        resource_id,
        publication_index,
    }
}

fn description(facts: &SealFacts) -> SealDescription {
    SealDescription {
        version: facts.version as u32,
        seal_id: facts.id.clone(),
        name: facts.name.clone(),
        vendor: facts.vendor.clone(),
        make_time: Some(timestamp(facts.created)),
        valid_from: Some(timestamp(facts.valid_from)),
        valid_until: Some(timestamp(facts.valid_until)),
        maker: facts.maker.clone(),
    }
}

fn checks(checks: &Checks) -> Vec<SealCheck> {
    let check = |check: &crate::seal::Check| SealCheck {
        name: check.name.as_str().to_owned(),
        result: match check.finding {
            Finding::Passed => SealCheckResult::Passed,
            Finding::Failed => SealCheckResult::Failed,
            Finding::Noted => SealCheckResult::Noted,
            Finding::NotApplicable => SealCheckResult::NotApplicable,
        } as i32,
        required: check.required,
        title: check.name.title().to_owned(),
        message_zh: check.zh.clone(),
        message_en: check.en.clone(),
    };
    checks.0.iter().map(check).collect()
}

fn status_of(status: HubStatus) -> SealStatus {
    match status {
        HubStatus::NotPublished => SealStatus::NotPublished,
        HubStatus::Another => SealStatus::AnotherPublished,
        HubStatus::Published(RecordStatus::Active) => SealStatus::Active,
        HubStatus::Published(RecordStatus::Suspended) => SealStatus::Suspended,
        HubStatus::Published(RecordStatus::Revoked) => SealStatus::Revoked,
        HubStatus::Published(RecordStatus::Expired) => SealStatus::Expired,
        HubStatus::Published(RecordStatus::Superseded) => SealStatus::Superseded,
    }
}
