//! Publishing: sending batches of records that their provider has signed.

use std::collections::BTreeSet;

use super::{
    Client, Error,
    connection::MAX_MESSAGE_BYTES,
    verify::{self, VerifiedReceipt},
};
use crate::{
    domain::{
        id::{Digest, Handle, KeyId, ResourceId},
        outcome::{Outcome, RecordViolation},
        record::RecordStatus,
        statement::{Policy, Publication, PublishedRecord, Statement},
    },
    sign::sd_jwt::SdJwt,
    wire::{
        self,
        proto::{self, publication_service_client::PublicationServiceClient},
    },
};

/// The most records in one batch.
pub const MAX_BATCH: usize = Policy::GREATEST.max_publication_records as usize;
/// The most records' states asked for at once.
pub const MAX_STATES: usize = 1_000;

/// One record, as its provider made it.
#[derive(Clone)]
pub struct SignedRecord {
    /// What the publication statement says of it.
    pub published: PublishedRecord,
    /// The SD-JWT with all of its disclosures.
    pub sd_jwt: String,
    /// The record salt, under which its handle was made.
    pub record_salt: [u8; 32],
}

impl SignedRecord {
    /// How many bytes of a message it takes, statement and body together, so that batches can be filled up to
    /// [`MAX_MESSAGE_BYTES`](super::MAX_MESSAGE_BYTES).
    #[must_use]
    pub fn message_bytes(&self) -> usize {
        self.sd_jwt.len() + RECORD_OVERHEAD_BYTES
    }
}

impl std::fmt::Debug for SignedRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The body names people and the salt opens the handle: neither is for logs.
        f.debug_struct("SignedRecord").field("published", &self.published).finish_non_exhaustive()
    }
}

/// What a record takes beyond its SD-JWT: three digests, a salt, two dates, numbers and framing, some 230 bytes.
const RECORD_OVERHEAD_BYTES: usize = 256;

/// What became of a batch.
#[derive(Debug, Clone)]
pub struct PublicationAnswer {
    /// For each record, in order, why it was not accepted; nothing: it is current.
    pub results: Vec<RecordResult>,
    /// The evidence.
    pub receipt: VerifiedReceipt,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordResult {
    /// The codes of what is wrong, as the log has them; empty: the record was accepted.
    pub violations: BTreeSet<RecordViolation>,
    /// The same by field and in words, which may quote values. Missing in the answer to a request that was answered before.
    pub details: Vec<ViolationDetail>,
}

impl RecordResult {
    /// Whether the record is current now.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.violations.is_empty()
    }
}

/// One thing wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViolationDetail {
    /// The code.
    pub violation: RecordViolation,
    /// The field's code, where one is at fault.
    pub field: String,
    /// What is wrong and what is allowed.
    pub description: String,
}

/// What the hub has of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordState {
    /// The current version.
    pub version: u32,
    /// Tells whether the source row changed.
    pub source_digest: Digest,
    /// The status published.
    pub status: RecordStatus,
    /// The entry that made the version current.
    pub publication_index: u64,
    /// The version of the catalog entry that the record follows.
    pub resource_version: u32,
}

impl Client {
    /// Publishes a batch of records of one resource: what is in order lands, and the answer says of the rest all that is
    /// wrong. The receipt is verified first. One key must have signed all the records of a batch.
    ///
    /// # Errors
    /// [`Error::Input`] for a batch that is empty or above [`MAX_BATCH`] records or
    /// [`MAX_MESSAGE_BYTES`]; [`Error::Refused`] when the batch as a whole is refused;
    /// [`Error::Unproven`]; and what can go wrong on the way.
    pub async fn publish(
        &self,
        resource_id: &ResourceId,
        resource_version: u32,
        records: &[SignedRecord],
    ) -> Result<PublicationAnswer, Error> {
        require_batch(records)?;
        let publication = Publication {
            resource_id: resource_id.clone(),
            resource_version,
            records: records.iter().map(|record| record.published.clone()).collect(),
            issuer_key: issuer_key(records).unwrap_or(KeyId(*self.signing_key().verifying_key().thumbprint())),
        };
        let now = super::now()?;
        let signed =
            self.author().sign(self.random(), now, Vec::new(), |header| Statement::Publication(header, publication))?;
        let message = proto::PublishRecordsRequest {
            envelope: Some(wire::envelope_to_proto(&signed.envelope)),
            bodies: records
                .iter()
                .map(|record| proto::RecordBody {
                    sd_jwt: record.sd_jwt.clone(),
                    record_salt: record.record_salt.to_vec(),
                })
                .collect(),
        };
        let before = self.connection().seen().newest();
        let answer: proto::PublishRecordsResponse = self
            .submit(&signed, &message, |channel, request| async move {
                PublicationServiceClient::new(channel)
                    .max_encoding_message_size(MAX_MESSAGE_BYTES)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .publish_records(request)
                    .await
            })
            .await?;
        let receipt = self.answered(&signed, answer.receipt, before).await?;
        let results = results(records.len(), &receipt, answer.violations)?;
        Ok(PublicationAnswer { results, receipt })
    }

    /// What the hub has of the caller's own records: one for each handle, `None` for a record that it does not have.
    ///
    /// # Errors
    /// [`Error::Rejected`], [`Error::Unavailable`]; [`Error::Unproven`] when the answer is about other handles.
    pub async fn record_states(
        &self,
        resource_id: &ResourceId,
        handles: &[Handle],
    ) -> Result<Vec<Option<RecordState>>, Error> {
        let mut states = Vec::with_capacity(handles.len());
        for handles in handles.chunks(MAX_STATES) {
            let message = proto::BatchGetRecordStatesRequest {
                resource_id: resource_id.to_string(),
                handles: handles.iter().map(|handle| handle.0.to_vec()).collect(),
            };
            let answer: proto::BatchGetRecordStatesResponse = self
                .connection()
                .call(&message, |channel, request| async move {
                    PublicationServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .batch_get_record_states(request)
                        .await
                })
                .await?;
            if answer.records.len() != handles.len() {
                return Err(mismatch(format!("{} states came for {} handles", answer.records.len(), handles.len())));
            }
            for (handle, state) in handles.iter().zip(answer.records) {
                states.push(record_state(handle, &state)?);
            }
        }
        Ok(states)
    }
}

/// The key that the first of the records to name one says it was signed with.
fn issuer_key(records: &[SignedRecord]) -> Option<KeyId> {
    records.iter().find_map(|record| wire::kid_from_text(&SdJwt::parse(&record.sd_jwt).ok()?.kid().ok()?))
}

fn require_batch(records: &[SignedRecord]) -> Result<(), Error> {
    let bytes: usize = records.iter().map(SignedRecord::message_bytes).sum();
    let why = match records.len() {
        0 => "is empty".to_owned(),
        count if count > MAX_BATCH => format!("has {count} records, allowed are {MAX_BATCH}"),
        _ if bytes > MAX_MESSAGE_BYTES => format!("has {bytes} bytes, allowed are {MAX_MESSAGE_BYTES}"),
        _ => return Ok(()),
    };
    Err(Error::Input { what: "the batch".to_owned(), why })
}

/// The log's codes for each record, and the hub's words about them: words about what the log does not have are a fault.
fn results(
    count: usize,
    receipt: &VerifiedReceipt,
    details: Vec<proto::FieldViolation>,
) -> Result<Vec<RecordResult>, Error> {
    let Outcome::Published(published) = receipt.outcome() else {
        return Err(mismatch(format!("the entry says {}", verify::outcome_in_words(receipt.outcome()))));
    };
    if published.len() != count {
        return Err(mismatch(format!("the entry is about {} records, sent were {count}", published.len())));
    }
    let mut results: Vec<RecordResult> = published
        .iter()
        .map(|violations| RecordResult { violations: violations.clone(), details: Vec::new() })
        .collect();
    for detail in details {
        let result = usize::try_from(detail.record).ok().and_then(|position| results.get_mut(position));
        let violation = RecordViolation::from_number(detail.violation);
        match (result, violation) {
            (Some(result), Some(violation)) if result.violations.contains(&violation) => {
                let (field, description) = (detail.field, detail.description);
                result.details.push(ViolationDetail { violation, field, description });
            }
            _ => return Err(mismatch(format!("a violation of record {} is not in the entry", detail.record))),
        }
    }
    Ok(results)
}

fn record_state(handle: &Handle, message: &proto::RecordState) -> Result<Option<RecordState>, Error> {
    if message.handle != handle.0 {
        return Err(mismatch("a state came for another handle".to_owned()));
    }
    if message.version == 0 {
        return Ok(None);
    }
    let source_digest =
        Digest::try_from(message.source_digest.as_slice()).map_err(|error| mismatch(error.to_string()))?;
    let status = wire::status_from_number(message.status).ok_or_else(|| mismatch("no known status".to_owned()))?;
    Ok(Some(RecordState {
        version: message.version,
        source_digest,
        status,
        publication_index: message.publication_index,
        resource_version: message.resource_version,
    }))
}

fn mismatch(why: String) -> Error {
    Error::Unproven { what: "the answer", check: "about what was asked", why }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::client::fixture::{self, Log};

    fn receipt(violations: &[&[RecordViolation]]) -> VerifiedReceipt {
        let log = Log::new();
        let outcome = Outcome::Published(violations.iter().map(|codes| codes.iter().copied().collect()).collect());
        let (entry, proof) = log.seal(&fixture::entry(outcome));
        verify::receipt(&entry, proof.as_bytes(), &log.verifier()).into_result("receipt").unwrap()
    }

    fn detail(record: u32, violation: RecordViolation) -> proto::FieldViolation {
        let description = "is not a date".to_owned();
        proto::FieldViolation { record, violation: violation.number(), field: "ZZBFRQ".to_owned(), description }
    }

    #[test]
    fn the_log_decides_what_was_accepted_and_the_hub_s_words_explain_it() {
        let receipt = receipt(&[&[], &[RecordViolation::Type]]);
        let results = results(2, &receipt, vec![detail(1, RecordViolation::Type)]).unwrap();
        assert!(results[0].is_accepted());
        assert!(!results[1].is_accepted());
        assert_eq!(results[1].details[0].field, "ZZBFRQ");
    }

    #[test]
    fn an_answer_about_something_else_is_refused() {
        let receipt = receipt(&[&[], &[RecordViolation::Type]]);
        assert!(results(3, &receipt, Vec::new()).is_err());
        assert!(results(2, &receipt, vec![detail(0, RecordViolation::Type)]).is_err());
        assert!(results(2, &receipt, vec![detail(1, RecordViolation::Claim)]).is_err());
        assert!(results(2, &receipt, vec![detail(2, RecordViolation::Type)]).is_err());
    }

    #[test]
    fn a_state_is_of_the_handle_asked_for() {
        let handle = Handle([1; 32]);
        let unknown = wire::record_state_to_proto(&handle, None);
        assert_eq!(record_state(&handle, &unknown).unwrap(), None);
        assert!(record_state(&Handle([2; 32]), &unknown).is_err());
    }

    #[test]
    fn a_batch_has_its_bounds() {
        let record = fixture::signed_record();
        assert!(require_batch(&[]).is_err());
        assert!(require_batch(&vec![record.clone(); MAX_BATCH]).is_ok());
        assert!(require_batch(&vec![record.clone(); MAX_BATCH + 1]).is_err());
        let large = SignedRecord { sd_jwt: "a".repeat(MAX_MESSAGE_BYTES / 2), ..record };
        assert!(require_batch(&[large.clone(), large]).is_err());
    }
}
