//! Where a log is copied from.

use std::{future::Future, time::Duration};

use tonic::{metadata::MetadataValue, transport::Channel};

use crate::{
    tlog::{Hash, MAX_ENTRIES, MAX_ENTRY_LEN},
    wire::proto::{
        GetCheckpointRequest, GetConsistencyProofRequest, ReadEntriesRequest, audit_service_client::AuditServiceClient,
    },
};

use super::Error;

/// A log that can be copied: a hub, or a log in memory. Nothing that it says is believed.
pub trait LogSource {
    /// The newest checkpoint, a signed note.
    fn checkpoint(&mut self) -> impl Future<Output = Result<String, Error>>;

    /// The entries from `start` up to, not including, `end`: all of them. Callers ask for at most [`MAX_ENTRIES`].
    fn entries(&mut self, start: u64, end: u64) -> impl Future<Output = Result<Vec<Vec<u8>>, Error>>;

    /// The proof that the log of `first` entries, at least 1, is a prefix of the log of `second` entries.
    fn consistency_proof(&mut self, first: u64, second: u64) -> impl Future<Output = Result<Vec<Hash>, Error>>;
}

/// How long one answer, or one message of a stream, may take: a bundle of 16 MB over a slow line of 8 Mbit/s takes 17 s.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// The largest message taken: a full bundle of the longest entries with some framing, should a hub send it in one.
const MAX_MESSAGE_LEN: usize = MAX_ENTRIES * (MAX_ENTRY_LEN + 16);

/// The metadata by which a hub is shown a checkpoint that was seen of its log.
const SEEN: &str = "hutong-checkpoint-bin";

/// A hub's log, over gRPC.
#[derive(Debug, Clone)]
pub struct GrpcSource {
    client: AuditServiceClient<Channel>,
}

impl GrpcSource {
    /// The log of the hub at the end of this channel. Its entries need the audit capability.
    pub fn new(channel: Channel) -> Self {
        Self { client: AuditServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE_LEN) }
    }
}

impl GrpcSource {
    /// Shows the hub a checkpoint of its log, a signed note. A hub whose log does not continue it halts, so that whatever it
    /// answers is of no interest.
    pub async fn show(&mut self, note: &str) {
        let mut request = tonic::Request::new(GetCheckpointRequest::default());
        request.metadata_mut().insert_bin(SEEN, MetadataValue::from_bytes(note.as_bytes()));
        let _ = answer("showing the hub what was seen", self.client.get_checkpoint(request)).await;
    }
}

impl LogSource for GrpcSource {
    async fn checkpoint(&mut self) -> Result<String, Error> {
        let what = "asking for the newest checkpoint";
        Ok(answer(what, self.client.get_checkpoint(GetCheckpointRequest::default())).await?.into_inner().checkpoint)
    }

    async fn entries(&mut self, start: u64, end: u64) -> Result<Vec<Vec<u8>>, Error> {
        let what = format!("reading entries {start} to {end}");
        let mut stream = answer(&what, self.client.read_entries(ReadEntriesRequest { start, end })).await?.into_inner();
        let mut entries = Vec::new();
        while let Some(message) = answer(&what, stream.message()).await? {
            if message.start != start + entries.len() as u64 {
                return Err(Error::unexpected(what, format!("entries from {} on were sent next", message.start)));
            }
            entries.extend(message.entries);
            if entries.len() as u64 > end - start {
                break;
            }
        }
        if entries.len() as u64 != end.saturating_sub(start) {
            return Err(Error::unexpected(what, format!("{} entries were sent", entries.len())));
        }
        Ok(entries)
    }

    async fn consistency_proof(&mut self, first: u64, second: u64) -> Result<Vec<Hash>, Error> {
        let what = format!("asking for the proof that {first} entries are the beginning of {second}");
        let request = GetConsistencyProofRequest { first_size: first, second_size: second };
        let answer = answer(&what, self.client.get_consistency_proof(request)).await?.into_inner();
        let hash = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).ok().map(Hash::from);
        let hashes: Option<Vec<Hash>> = answer.hashes.into_iter().map(hash).collect();
        hashes.ok_or_else(|| Error::unexpected(what, "a hash of the proof is not 32 bytes long"))
    }
}

/// Waits for an answer, but not forever.
async fn answer<T>(what: &str, call: impl Future<Output = Result<T, tonic::Status>>) -> Result<T, Error> {
    let failed = |source| Error::Source { what: what.to_owned(), source };
    match tokio::time::timeout(ANSWER_DEADLINE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(status)) => Err(failed(status.into())),
        Err(_) => Err(failed(tonic::Status::deadline_exceeded("no answer within 60 s").into())),
    }
}
