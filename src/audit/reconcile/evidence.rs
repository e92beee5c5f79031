//! What somebody holds: receipts, released presentations, journals of signed statements.
//!
//! ```text
//! <anywhere>/<stem>.tlog-proof  <anywhere>/<stem>.entry     a receipt
//! <anywhere>/<stem>-<n>.sd-jwt                              what the entry of the receipt <stem> released
//! <anywhere>/*.journal                                      statements signed, and what came of them
//! ```

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{
    super::Error,
    discrepancy::{Discrepancy, Mismatch, Reconciliation},
    journal::{self, Came, Line},
};
use crate::{
    domain::{
        id::{Digest, RequestId},
        outcome::RecordRelease,
    },
    sign::{
        LogVerifier,
        sd_jwt::{SdJwt, sd_hash},
        sha256,
    },
    tlog::{Hash, MAX_ENTRY_LEN, TlogProof, leaf_hash},
    wire::Entry,
};

/// The most receipts, statements and presentations that are compared at once: at some 250 bytes each, 1 GB. A department with
/// more keeps a folder a quarter.
const MAX_PIECES: usize = 4_000_000;
/// How deep folders are looked into: evidence lies one or two below its folder; the rest is room for a folder a year and month.
const MAX_DEPTH: usize = 8;
/// The largest presentation read: its JWT and at most 200 disclosures of at most 20,000 characters are far below.
const MAX_PRESENTATION: u64 = 32 << 20;
/// The largest proof read.
const MAX_PROOF: u64 = crate::tlog::MAX_PROOF_LEN as u64;

/// A receipt that the log's key vouches for.
pub(super) struct Receipt {
    pub(super) stem: PathBuf,
    pub(super) leaf: Hash,
    /// The statement's SHA-256; the hub's own entries have none.
    pub(super) payload: Option<Digest>,
    /// The size and root of the tree that its checkpoint signed.
    pub(super) size: u64,
    pub(super) root: Hash,
}

/// A statement of a journal.
pub(super) struct Signed {
    pub(super) journal: usize,
    pub(super) request_id: RequestId,
    pub(super) came: Option<Came>,
    /// The first entry with it.
    pub(super) found_at: Option<u64>,
}

/// A presentation that was released, without its values.
pub(super) struct Presentation {
    pub(super) file: PathBuf,
    pub(super) jwt_sha256: Digest,
    pub(super) fields: Vec<String>,
    /// The entry of the receipt beside it.
    pub(super) index: Option<u64>,
    pub(super) is_named: bool,
}

/// Everything that is held.
#[derive(Default)]
pub(super) struct Evidence {
    /// By index; more than one where the same receipt is kept twice.
    pub(super) receipts: BTreeMap<u64, Vec<Receipt>>,
    /// By payload.
    pub(super) statements: HashMap<Digest, Signed>,
    /// By `sd_hash`.
    pub(super) presentations: HashMap<Digest, Vec<Presentation>>,
    pub(super) journals: Vec<PathBuf>,
    pieces: usize,
}

impl Evidence {
    /// Reads a folder, with all below it, and journals that lie elsewhere. What does not read is a finding.
    pub(super) fn read(
        folder: &Path,
        journals: &[PathBuf],
        log_key: &LogVerifier,
        report: &mut Reconciliation,
    ) -> Result<Self, Error> {
        let mut found = Files::default();
        found.look_into(folder, 0)?;
        found.journals.extend(journals.iter().cloned());
        found.journals.sort();
        found.journals.dedup();
        let mut evidence = Self::default();
        let mut indexes = HashMap::new();
        for (stem, parts) in &found.receipts {
            if let Some(index) = evidence.receipt(stem, *parts, log_key, report)? {
                indexes.insert(stem.file_name().map(ToOwned::to_owned), index);
            }
        }
        for file in found.presentations {
            let index = stem_of_receipt(&file).and_then(|stem| indexes.get(&Some(stem.into())).copied());
            evidence.presentation(file, index, report)?;
        }
        for path in found.journals {
            evidence.journal(path, report)?;
        }
        Ok(evidence)
    }

    fn count(&mut self) -> Result<(), Error> {
        self.pieces += 1;
        if self.pieces <= MAX_PIECES {
            Ok(())
        } else {
            Err(Error::TooMuch { what: "pieces of evidence", most: MAX_PIECES })
        }
    }

    /// Reads a receipt; gives its index if the log's key vouches for it.
    fn receipt(
        &mut self,
        stem: &Path,
        parts: Parts,
        log_key: &LogVerifier,
        report: &mut Reconciliation,
    ) -> Result<Option<u64>, Error> {
        self.count()?;
        let mut find = |rule, index, message: String| {
            report.find(Discrepancy::new(rule, index, Some(stem.to_owned()), message));
            Ok(None)
        };
        if !(parts.has_entry && parts.has_proof) {
            let missing = if parts.has_entry { "tlog-proof" } else { "entry" };
            return find(Mismatch::ReceiptIncomplete, None, format!("its *.{missing} is not beside it"));
        }
        let entry = read_file(&stem_with(stem, "entry"), MAX_ENTRY_LEN as u64)?;
        let proof = read_file(&stem_with(stem, "tlog-proof"), MAX_PROOF)?;
        let proof = match TlogProof::parse(&proof) {
            Ok(proof) => proof,
            Err(error) => return find(Mismatch::ReceiptMalformed, None, error.to_string()),
        };
        let (index, leaf) = (proof.index, leaf_hash(&entry));
        let checkpoint = match proof.verify(&leaf, log_key) {
            Ok(checkpoint) => checkpoint,
            Err(error) => return find(Mismatch::ReceiptUnproven, Some(index), error.to_string()),
        };
        let payload = match Entry::decode(&entry) {
            Ok(entry) => payload_of(&entry),
            Err(error) => return find(Mismatch::ReceiptMalformed, Some(index), error.to_string()),
        };
        report.receipts += 1;
        let receipt = Receipt { stem: stem.to_owned(), leaf, payload, size: checkpoint.size, root: checkpoint.root };
        self.receipts.entry(index).or_default().push(receipt);
        Ok(Some(index))
    }

    fn presentation(&mut self, file: PathBuf, index: Option<u64>, report: &mut Reconciliation) -> Result<(), Error> {
        self.count()?;
        let bytes = read_file(&file, MAX_PRESENTATION)?;
        // What does not read is not quoted: it is somebody's data.
        let read = str::from_utf8(&bytes).map_err(|_| "is not UTF-8".to_owned()).and_then(|text| {
            let text = text.trim_end();
            let parsed = SdJwt::parse(text).map_err(|_| "is no SD-JWT".to_owned())?;
            let mut fields = parsed.fields().map_err(|_| "has a disclosure that does not read".to_owned())?;
            fields.sort();
            Ok((Digest(sd_hash(text)), Digest(parsed.jwt_hash()), fields))
        });
        report.presentations += 1;
        match read {
            Ok((hash, jwt_sha256, fields)) => {
                let presentation = Presentation { file, jwt_sha256, fields, index, is_named: false };
                self.presentations.entry(hash).or_default().push(presentation);
            }
            Err(problem) => {
                report.find(Discrepancy::new(Mismatch::PresentationMalformed, index, Some(file), problem));
            }
        }
        Ok(())
    }

    fn journal(&mut self, path: PathBuf, report: &mut Reconciliation) -> Result<(), Error> {
        let journal = self.journals.len();
        // What came of a request belongs to the statement of this journal that was signed last under its id.
        let mut open: HashMap<RequestId, Digest> = HashMap::new();
        let mut outcome = Ok(());
        journal::read(&path, &mut |number, line| match line {
            Ok(Line::Signed(request_id, payload)) => {
                outcome = std::mem::replace(&mut outcome, Ok(())).and_then(|()| self.count());
                open.insert(request_id, payload);
                let signed = Signed { journal, request_id, came: None, found_at: None };
                self.statements.entry(payload).or_insert(signed);
            }
            Ok(Line::Came(request_id, came)) => {
                if let Some(signed) = open.get(&request_id).and_then(|payload| self.statements.get_mut(payload)) {
                    signed.came = Some(came);
                }
            }
            Err(problem) => {
                let message = format!("line {number} {problem}");
                report.find(Discrepancy::new(Mismatch::JournalMalformed, None, Some(path.clone()), message));
            }
        })?;
        self.journals.push(path);
        report.statements = self.statements.len() as u64;
        outcome
    }

    /// The presentations of which this release is, if any of them is held.
    pub(super) fn of_release(&mut self, release: &RecordRelease) -> Option<&mut Vec<Presentation>> {
        self.presentations.get_mut(&release.sd_hash?)
    }
}

/// The SHA-256 of an entry's statement; the hub's own entries have none.
pub(super) fn payload_of(entry: &Entry) -> Option<Digest> {
    entry.envelope.as_ref().map(|envelope| Digest(sha256(&envelope.payload)))
}

/// The entry of a receipt, read again to be shown.
pub(super) fn entry_of(receipt: &Receipt) -> Option<Vec<u8>> {
    read_file(&stem_with(&receipt.stem, "entry"), MAX_ENTRY_LEN as u64).ok()
}

/// Which files of a receipt are there.
#[derive(Default, Clone, Copy)]
struct Parts {
    has_entry: bool,
    has_proof: bool,
}

/// The files of a folder that are evidence.
#[derive(Default)]
struct Files {
    receipts: BTreeMap<PathBuf, Parts>,
    presentations: Vec<PathBuf>,
    journals: Vec<PathBuf>,
}

impl Files {
    fn look_into(&mut self, folder: &Path, depth: usize) -> Result<(), Error> {
        let failed = |error| Error::io(format!("reading {}", folder.display()), error);
        for found in fs::read_dir(folder).map_err(failed)? {
            let found = found.map_err(failed)?;
            let (path, kind) = (found.path(), found.file_type().map_err(failed)?);
            // Links are not followed: they could lead round in a circle.
            if kind.is_dir() && depth < MAX_DEPTH {
                self.look_into(&path, depth + 1)?;
            } else if kind.is_file() {
                self.take(path);
            }
        }
        self.presentations.sort();
        Ok(())
    }

    fn take(&mut self, path: PathBuf) {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("entry") => self.receipts.entry(path.with_extension("")).or_default().has_entry = true,
            Some("tlog-proof") => self.receipts.entry(path.with_extension("")).or_default().has_proof = true,
            Some("sd-jwt") => self.presentations.push(path),
            Some("journal") => self.journals.push(path),
            _ => {}
        }
    }
}

/// The file name of the receipt that a presentation belongs to: its own without `-<n>`.
fn stem_of_receipt(presentation: &Path) -> Option<&str> {
    let (stem, number) = presentation.file_stem()?.to_str()?.rsplit_once('-')?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(stem)
}

/// `<stem>.<ending>`, also where the stem has a dot in it.
fn stem_with(stem: &Path, ending: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    };
    read().map_err(|error| Error::io(format!("reading {}", path.display()), error))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn presentation_names_the_receipt_beside_it() {
        for (file, stem) in [
            ("c/17-0.sd-jwt", Some("17")),
            ("c/04-housing-by-holder-12.sd-jwt", Some("04-housing-by-holder")),
            ("c/17.sd-jwt", None),
            ("c/a-.sd-jwt", None),
            ("c/a-b.sd-jwt", None),
        ] {
            assert_eq!(stem_of_receipt(Path::new(file)), stem, "{file}");
        }
        assert_eq!(stem_with(Path::new("a/b.c"), "entry"), Path::new("a/b.c.entry"));
    }
}
