//! E-seals and documents that bear them, verified by the hub. What the hub says of them is not evidence: `hutong::seal` verifies the same
//! without it, all but what is published there.

use super::{Client, Error, connection::MAX_MESSAGE_BYTES};
use crate::{
    domain::{id::ResourceId, record::RecordStatus, time::Time},
    seal::{Finding, HubStatus},
    wire::{
        self,
        proto::{
            self, SealCheckResult, SealStatus, VerifySealRequest, VerifySealedDocumentRequest,
            seal_service_client::SealServiceClient,
        },
    },
};

/// What the hub found of a seal, or of a signature made with one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealVerdict {
    /// Of a signature in a document, the path of its description.
    pub path: String,
    /// Whether every required check holds.
    pub verified: bool,
    /// The seal's identifier and name, where it reads.
    pub seal: Option<(String, String)>,
    /// When it was signed.
    pub signed_at: Option<Time>,
    /// The subject of the signer's certificate; empty for a seal.
    pub signer: String,
    /// What was checked.
    pub checks: Vec<SealCheckVerdict>,
    /// What is published at the hub of the seal; `None` where it does not read.
    pub status: Option<HubStatus>,
    /// Where a seal of its identifier is published: the resource, and the publication's entry.
    pub published: Option<(ResourceId, u64)>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealCheckVerdict {
    /// Its name; docs/seals.md explains each.
    pub name: String,
    /// What it found.
    pub finding: Finding,
    /// Whether the whole fails if it does.
    pub required: bool,
    /// What it found, in Chinese.
    pub zh: String,
    /// What it found, in English.
    pub en: String,
}

/// What the hub found of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentVerdict {
    /// Whether every required check of the document and of each signature holds.
    pub verified: bool,
    /// What was checked of the document as a whole.
    pub checks: Vec<SealCheckVerdict>,
    /// Each signature.
    pub signatures: Vec<SealVerdict>,
}

impl Client {
    /// Has the hub verify an e-seal, or a signature made with one, and say what is published there of the seal.
    ///
    /// # Errors
    /// [`Error::Rejected`], and what can go wrong on the way. What is wrong with the seal is no error.
    pub async fn verify_seal(&self, seal: Vec<u8>) -> Result<SealVerdict, Error> {
        let message = VerifySealRequest { seal };
        let answer = self
            .connection()
            .call(&message, |channel, request| async move { service(channel).verify_seal(request).await })
            .await?;
        answer.verification.map_or_else(|| Err(unread("verification")), verdict)
    }

    /// Has the hub verify an OFD document with every signature in it.
    ///
    /// # Errors
    /// As [`Client::verify_seal`].
    pub async fn verify_sealed_document(&self, document: Vec<u8>) -> Result<DocumentVerdict, Error> {
        let message = VerifySealedDocumentRequest { document };
        let answer = self
            .connection()
            .call(&message, |channel, request| async move { service(channel).verify_sealed_document(request).await })
            .await?;
        Ok(DocumentVerdict {
            verified: answer.verified,
            checks: answer.checks.into_iter().map(check).collect::<Result<_, _>>()?,
            signatures: answer.signatures.into_iter().map(verdict).collect::<Result<_, _>>()?,
        })
    }
}

fn service(channel: tonic::transport::Channel) -> SealServiceClient<tonic::transport::Channel> {
    SealServiceClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// A field of the answer that is not of the protocol's form.
fn unread(field: &'static str) -> Error {
    wire::Malformed(vec![wire::Violation::new(field, "is missing or of no known form")]).into()
}

fn verdict(message: proto::SealVerification) -> Result<SealVerdict, Error> {
    let published = match message.resource_id.as_str() {
        "" => None,
        id => Some((id.parse().map_err(|_| unread("resource_id"))?, message.publication_index)),
    };
    let signed_at = message.sign_time.map(|time| wire::time_of(&time).ok_or_else(|| unread("sign_time")));
    let status = SealStatus::try_from(message.status).map_err(|_| unread("status"))?;
    Ok(SealVerdict {
        path: message.path,
        verified: message.verified,
        seal: message.seal.map(|seal| (seal.seal_id, seal.name)),
        signed_at: signed_at.transpose()?,
        signer: message.signer,
        checks: message.checks.into_iter().map(check).collect::<Result<_, _>>()?,
        status: match status {
            SealStatus::Unspecified => None,
            SealStatus::NotPublished => Some(HubStatus::NotPublished),
            SealStatus::AnotherPublished => Some(HubStatus::Another),
            SealStatus::Active => Some(HubStatus::Published(RecordStatus::Active)),
            SealStatus::Suspended => Some(HubStatus::Published(RecordStatus::Suspended)),
            SealStatus::Revoked => Some(HubStatus::Published(RecordStatus::Revoked)),
            SealStatus::Expired => Some(HubStatus::Published(RecordStatus::Expired)),
            SealStatus::Superseded => Some(HubStatus::Published(RecordStatus::Superseded)),
        },
        published,
    })
}

fn check(message: proto::SealCheck) -> Result<SealCheckVerdict, Error> {
    let finding = match SealCheckResult::try_from(message.result) {
        Ok(SealCheckResult::Passed) => Finding::Passed,
        Ok(SealCheckResult::Failed) => Finding::Failed,
        Ok(SealCheckResult::Noted) => Finding::Noted,
        Ok(SealCheckResult::NotApplicable) => Finding::NotApplicable,
        _ => return Err(unread("checks.result")),
    };
    let proto::SealCheck { name, required, message_zh: zh, message_en: en, .. } = message;
    Ok(SealCheckVerdict { name, finding, required, zh, en })
}
