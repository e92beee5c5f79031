//! Transparency log proofs (C2SP tlog-proof): all that an outsider needs to check that an entry is in a log.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64>                    optional; not authenticated
//! index <index of the entry>
//! <base64 of a hash>                each sibling on the way to the root, the leaf's first
//!                                   blank
//! <the checkpoint's note, verbatim, cosignatures included>
//! ```

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    Error,
    checkpoint::{Checkpoint, parse_decimal},
    hash::Hash,
    merkle::{MAX_INCLUSION_HASHES, verify_inclusion},
    note::{MAX_NOTE_LEN, Note, NoteVerifier},
};

/// The longest proof read, in bytes: the longest note, and as much again for extra data and hashes.
pub const MAX_PROOF_LEN: usize = 2 * MAX_NOTE_LEN;

/// The first line: format and version.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// An entry's place in a log, the path from there to the root, and the checkpoint that vouches for the root.
///
/// [`TlogProof::parse`] reads exactly what `Display` writes. Files of it are named `*.tlog-proof`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// The entry's index in the log.
    pub index: u64,
    /// The inclusion proof, the leaf's sibling first.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint of a tree with the entry.
    pub checkpoint: Note,
    /// What the application added; nobody signed it.
    pub extra: Option<Vec<u8>>,
}

impl TlogProof {
    /// Reads a proof.
    ///
    /// # Errors
    ///
    /// [`Error::Proof`], or those of the hashes, the note and the checkpoint in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_PROOF_LEN {
            return Err(malformed("too long"));
        }
        let text = str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(malformed("no blank line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed("does not begin with c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(parse_extra).transpose()?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(parse_decimal);
        let index = index.ok_or(malformed("no line 'index' with a plain decimal"))?;
        let hashes = lines.map(Hash::parse).collect::<Result<Vec<_>, _>>()?;
        if hashes.len() > MAX_INCLUSION_HASHES {
            return Err(malformed("more hashes than the largest tree has levels"));
        }
        let checkpoint = Note::parse(note.as_bytes())?;
        checkpoint.text().parse::<Checkpoint>()?; // no other note is worth carrying, signed or not
        Ok(Self { index, hashes, checkpoint, extra })
    }

    /// Verifies that the log whose key this is has vouched for the entry with this leaf hash at [`TlogProof::index`].
    ///
    /// Returns the checkpoint in which the entry is included. `extra` is not looked at.
    ///
    /// # Errors
    ///
    /// Those of [`Checkpoint::open`] and [`verify_inclusion`].
    pub fn verify(&self, leaf: &Hash, log_key: &dyn NoteVerifier) -> Result<Checkpoint, Error> {
        let checkpoint = Checkpoint::open(&self.checkpoint, log_key)?;
        verify_inclusion(leaf, self.index, checkpoint.size, &checkpoint.root, &self.hashes)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", BASE64_STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

fn parse_extra(line: &str) -> Result<Vec<u8>, Error> {
    let data = line.strip_prefix("extra ").and_then(|base64| BASE64_STANDARD.decode(base64).ok());
    data.ok_or(malformed("extra data is not canonical base64"))
}

const fn malformed(what: &'static str) -> Error {
    Error::Proof { what }
}
