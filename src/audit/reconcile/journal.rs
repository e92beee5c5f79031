//! The journal of a system: every statement that it signed, as its client wrote it down before it sent it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use serde::Deserialize;

use crate::{
    domain::id::{Digest, RequestId},
    sign::{dsse::Envelope, sha256},
};

use super::super::Error;

/// The longest line read, in bytes: a statement of at most 65,535 bytes in base64, and the openings of 65 commitments, take
/// less than a quarter of it.
const MAX_LINE: u64 = 1 << 20;

/// What a line of a journal says.
pub(super) enum Line {
    /// A statement was signed: its payload's SHA-256.
    Signed(RequestId, Digest),
    /// What came of the statement of a request.
    Came(RequestId, Came),
}

/// What came of a statement, as its client wrote it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    Answered,
    Refused,
    Rejected,
    Unknown,
}

/// What came of a statement, and where it is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Came {
    pub(super) word: Word,
    pub(super) index: Option<u64>,
}

/// Either line of a journal. Openings, which name people, are not read.
#[derive(Deserialize)]
struct Written {
    request_id: String,
    envelope: Option<serde_json::Value>,
    came: Option<Word>,
    index: Option<u64>,
}

/// Reads a journal line by line. `take` hears each line's number, from 1, and what it says or why it does not read.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn read(path: &Path, take: &mut dyn FnMut(u64, Result<Line, String>)) -> Result<(), Error> {
    let failed = |error| Error::io(format!("reading {}", path.display()), error);
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == MAX_LINE {
            take(number, Err(format!("is longer than {MAX_LINE} bytes; the rest was not read")));
            break;
        }
        if !line.trim_ascii().is_empty() {
            take(number, parse(&line));
        }
    }
    Ok(())
}

fn parse(line: &[u8]) -> Result<Line, String> {
    // A value may be an opening, so the parser's own message, which could quote it, is not passed on.
    let written: Written = serde_json::from_slice(line)
        .map_err(|error| format!("is no line of a journal, from column {} on", error.column()))?;
    let mut id = RequestId([0; 16]);
    hex::decode_to_slice(&written.request_id, &mut id.0).map_err(|_| "its request id is not 32 hexadecimal digits")?;
    match (written.envelope, written.came) {
        (Some(envelope), None) => {
            let envelope = Envelope::from_json(&envelope.to_string()).map_err(|error| error.to_string())?;
            Ok(Line::Signed(id, Digest(sha256(&envelope.payload))))
        }
        (None, Some(word)) => Ok(Line::Came(id, Came { word, index: written.index })),
        _ => Err("is neither a statement nor what came of one".to_owned()),
    }
}
