//! What a log and a witness say to each other (C2SP tlog-witness v1.0.0).
//!
//! The log asks by `POST <submission prefix>/add-checkpoint`:
//!
//! ```text
//! old <size of the checkpoint that the witness cosigned last; 0 for none>
//! <base64 of a hash>                each hash of the consistency proof from there, at most 63
//!                                   blank
//! <the checkpoint's note, verbatim>
//! ```
//!
//! The witness answers with its cosignature lines, or with 409 and the size from which it must be asked instead.

use std::fmt;

use super::{
    Error,
    checkpoint::{Checkpoint, parse_decimal},
    hash::{Hash, sha256},
    merkle::MAX_TREE_SIZE,
    note::{MAX_SIGNATURES, Note, NoteSignature},
    vkey::KeyName,
};

/// The most hashes of a consistency proof in a request, by the standard.
pub const MAX_CONSISTENCY_HASHES: usize = 63;

/// The longest request read, in bytes: 63 hashes take 2,835, the old size and a checkpoint's text without extensions less
/// than 1,024, and 16 signatures of the largest kind in use (ML-DSA-44: 3,505 under a name of 255) 56,080.
pub const MAX_ADD_CHECKPOINT_LEN: usize = 64 * 1024;

/// The longest answer with cosignatures read, in bytes: again 16 signatures of the largest kind.
pub const MAX_COSIGNATURES_LEN: usize = 64 * 1024;

/// The content type of the answer 409, whose body is [`write_size`].
pub const SIZE_CONTENT_TYPE: &str = "text/x.tlog.size";

/// A request for a cosignature.
///
/// [`AddCheckpoint::parse`] reads exactly what `Display` writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the log believes the witness cosigned last; 0 for none.
    pub old_size: u64,
    /// The proof that the checkpoint's tree extends that one.
    pub proof: Vec<Hash>,
    /// The checkpoint to cosign, with the log's signature.
    pub checkpoint: Note,
}

impl AddCheckpoint {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// [`Error::Witness`], or those of the hashes, the note and the checkpoint in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |what| Error::Witness { message: "add-checkpoint request", what };
        if bytes.len() > MAX_ADD_CHECKPOINT_LEN {
            return Err(malformed("too long"));
        }
        let text = str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(malformed("no blank line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(parse_decimal);
        let old_size = old_size.filter(|size| *size <= MAX_TREE_SIZE);
        let old_size = old_size.ok_or(malformed("first line is not 'old' and a plain decimal below 2^63"))?;
        let proof = lines.map(Hash::parse).collect::<Result<Vec<_>, _>>()?;
        if proof.len() > MAX_CONSISTENCY_HASHES {
            return Err(malformed("more than 63 consistency hashes"));
        }
        let checkpoint = Note::parse(note.as_bytes())?;
        checkpoint.text().parse::<Checkpoint>()?; // no other note is worth asking for
        Ok(Self { old_size, proof, checkpoint })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// The body of the answer 200: each cosignature on its line.
#[must_use]
pub fn write_cosignatures(cosignatures: &[NoteSignature]) -> String {
    cosignatures.iter().map(|cosignature| format!("{cosignature}\n")).collect()
}

/// Reads the body of the answer 200. Nothing is verified: add to the note what a known key signed, and nothing else.
///
/// # Errors
///
/// [`Error::Witness`], [`Error::Note`], [`Error::KeyName`], [`Error::NoteTooManySignatures`].
pub fn parse_cosignatures(bytes: &[u8]) -> Result<Vec<NoteSignature>, Error> {
    let malformed = |what| Error::Witness { message: "witness's answer", what };
    if bytes.len() > MAX_COSIGNATURES_LEN {
        return Err(malformed("too long"));
    }
    let text = str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
    let lines = text.strip_suffix('\n').ok_or(malformed("does not end with a newline"))?;
    if lines.split('\n').nth(MAX_SIGNATURES).is_some() {
        return Err(Error::NoteTooManySignatures);
    }
    lines.split('\n').map(NoteSignature::parse).collect()
}

/// The body of the answer 409: the size of the checkpoint that the witness cosigned last.
#[must_use]
pub fn write_size(size: u64) -> String {
    format!("{size}\n")
}

/// Reads the body of the answer 409.
///
/// # Errors
///
/// [`Error::Witness`] for anything that [`write_size`] does not write of a tree's size.
pub fn parse_size(bytes: &[u8]) -> Result<u64, Error> {
    let size = str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix('\n')).and_then(parse_decimal);
    let what = "is not a plain decimal below 2^63 and a newline";
    size.filter(|size| *size <= MAX_TREE_SIZE).ok_or(Error::Witness { message: "size of the witness", what })
}

/// The name of a log in a witness's monitoring paths: the SHA-256 of its origin in lowercase hexadecimal.
#[must_use]
pub fn origin_hash(origin: &KeyName) -> String {
    format!("{:?}", sha256(&[origin.as_str().as_bytes()]))
}
