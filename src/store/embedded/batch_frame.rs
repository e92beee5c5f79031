//! The frame of one batch in the exchange log.
//!
//! After a frame's prefix (`segment`), whose count is that of the entries:
//!
//! ```text
//! 24  first                8   index of the first entry
//! 32  openings: file       4   where the openings of the batch lie (`openings`); with length 0, where the next
//! 36  openings: length     4   ones will begin
//! 40  openings: offset     8
//! 48  checkpoint length    4
//! 52  checkpoint               the signed note over the tree that ends with this batch, verbatim
//!     entries                  each u16 length ‖ bytes: the encoding of a C2SP entry bundle
//! ```

use super::{
    openings::Group,
    segment::{Fields, PREFIX_LEN, count_and_content, push_bytes},
};
use crate::{
    store::Error,
    tlog::{Entries, push_entry},
};

/// Bytes before the checkpoint, prefix included.
pub(super) const HEAD_LEN: usize = PREFIX_LEN + 28;

/// The fields before a batch's checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Index of the first entry.
    pub(super) first: u64,
    /// Where the openings lie.
    pub(super) openings: Group,
}

impl Head {
    /// Reads the fields from the bytes of a frame, of which [`HEAD_LEN`] are enough.
    pub(super) fn decode(frame: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(frame.get(PREFIX_LEN..)?);
        let first = fields.u64()?;
        let (file, len, offset) = (fields.u32()?, fields.u32()?, fields.u64()?);
        Some(Self { first, openings: Group { file, offset, len } })
    }
}

/// The content of a batch's frame, without the prefix, and where each entry's length prefix is in the whole frame.
pub(super) fn encode(head: Head, checkpoint: &str, entries: &[Vec<u8>]) -> Result<(Vec<u8>, Vec<usize>), Error> {
    let bytes = entries.iter().map(|entry| entry.len() + size_of::<u16>()).sum::<usize>();
    let mut content = Vec::with_capacity(HEAD_LEN + checkpoint.len() + bytes);
    content.extend_from_slice(&head.first.to_be_bytes());
    content.extend_from_slice(&head.openings.file.to_be_bytes());
    content.extend_from_slice(&head.openings.len.to_be_bytes());
    content.extend_from_slice(&head.openings.offset.to_be_bytes());
    push_bytes(&mut content, checkpoint.as_bytes());
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        places.push(PREFIX_LEN + content.len());
        push_entry(&mut content, entry).map_err(|error| Error::Malformed(error.to_string()))?;
    }
    Ok((content, places))
}

/// A batch read back.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    pub(super) head: Head,
    pub(super) checkpoint: &'a str,
    pub(super) entries: Vec<&'a [u8]>,
    /// Where each entry's length prefix is in the frame.
    pub(super) places: Vec<usize>,
}

/// Reads a valid frame.
pub(super) fn decode(frame: &[u8]) -> Result<Decoded<'_>, &'static str> {
    const CUT_OFF: &str = "the batch is cut off";
    let head = Head::decode(frame).ok_or(CUT_OFF)?;
    let (count, content) = count_and_content(frame).ok_or(CUT_OFF)?;
    let mut fields = Fields::new(content.get(HEAD_LEN - PREFIX_LEN - size_of::<u32>()..).ok_or(CUT_OFF)?);
    let checkpoint = fields.bytes().and_then(|bytes| str::from_utf8(bytes).ok()).ok_or("the checkpoint is not text")?;
    let entries = Entries::new(fields.rest()).collect::<Result<Vec<_>, _>>().map_err(|_| "an entry is cut off")?;
    if entries.len() != count || entries.is_empty() {
        return Err("it does not hold as many entries as it says");
    }
    let mut at = frame.len() - fields.rest().len();
    let mut places = Vec::with_capacity(entries.len());
    for entry in &entries {
        places.push(at);
        at += size_of::<u16>() + entry.len();
    }
    Ok(Decoded { head, checkpoint, entries, places })
}
