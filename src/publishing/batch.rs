//! Publications of a bounded size.

use super::IssuedRecord;

/// The most records of a publication, which the default policy of a hub sets.
pub const MAX_BATCH_RECORDS: usize = 256;

/// The most bytes of the bodies of a publication: with the statement (256 × about 200 bytes) and protobuf's framing well
/// below the 4 MiB that gRPC implementations take for one message. A single record has at most 1 MiB.
pub const MAX_BATCH_BYTES: usize = 3 << 20;

/// Gathers records into publications.
#[derive(Debug, Default)]
pub struct Batches {
    records: Vec<IssuedRecord>,
    bytes: usize,
}

impl Batches {
    /// Adds a record; gives the publication that was full before it, if one was.
    pub fn push(&mut self, record: IssuedRecord) -> Option<Vec<IssuedRecord>> {
        let bytes = record.sd_jwt.len() + record.record_salt.len();
        let full = self.records.len() == MAX_BATCH_RECORDS || self.bytes + bytes > MAX_BATCH_BYTES;
        let batch = if full { self.take() } else { None };
        self.bytes += bytes;
        self.records.push(record);
        batch
    }

    /// What is left; `None` where nothing is.
    pub fn take(&mut self) -> Option<Vec<IssuedRecord>> {
        self.bytes = 0;
        Some(std::mem::take(&mut self.records)).filter(|records| !records.is_empty())
    }
}
