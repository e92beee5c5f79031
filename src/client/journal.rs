//! The journal: every signed statement, written down and durable before it is sent.
//!
//! One JSON object on a line. First what is sent, then, in a line of its own, what came of it; a statement without a second
//! line may or may not be in the log, and its request id finds out:
//!
//! ```text
//! {"request_id":"…","at":"…","kind":"query","envelope":{DSSE},"openings":[{"scheme":"case","value":"…","salt":"…"}]}
//! {"request_id":"…","at":"…","came":"answered","index":17}
//! ```
//!
//! The openings name people and cases, so only the file's owner can read it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

use super::{Error, statement::Signed};
use crate::domain::{id::RequestId, time::Time};

/// A journal open for appending. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Open>);

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    /// How many lines were written. Locked while a line is, so that lines do not mix.
    written: Mutex<u64>,
    /// How many of them are durable; `None` after a failed sync, of which nobody can know what it left on disk.
    synced: Mutex<Option<u64>>,
}

/// What came of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// The hub did it, at this entry.
    Answered(u64),
    /// The hub refused it, at this entry.
    Refused(u64),
    /// The hub did not take it; there is no entry.
    Rejected,
    /// Nobody knows.
    Unknown,
}

impl Journal {
    /// Opens a journal, or begins one that only its owner can read.
    ///
    /// # Errors
    /// [`Error::Journal`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let file = file.and_then(|file| file.sync_all().map(|()| file));
        let file = file.map_err(|source| Error::Journal { path: path.to_owned(), source })?;
        let open = Open { path: path.to_owned(), file, written: Mutex::new(0), synced: Mutex::new(Some(0)) };
        Ok(Self(Arc::new(open)))
    }

    /// Writes a statement down, and returns when it is durable.
    ///
    /// # Errors
    /// [`Error::Journal`]; the statement is then not to be sent.
    pub async fn begin(&self, signed: &Signed) -> Result<(), Error> {
        let line = statement_line(signed);
        self.blocking(move |open| open.append(&line).and_then(|line| open.sync(line))).await
    }

    /// Writes down what came of a statement. Losing this line costs a question to the hub, so it is not made durable.
    ///
    /// # Errors
    /// [`Error::Journal`].
    pub async fn end(&self, request_id: RequestId, at: Time, came: &Came) -> Result<(), Error> {
        let line = came_line(request_id, at, came);
        self.blocking(move |open| open.append(&line).map(|_| ())).await
    }

    async fn blocking(&self, write: impl FnOnce(&Open) -> io::Result<()> + Send + 'static) -> Result<(), Error> {
        let open = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || write(&open)).await;
        let written = written.unwrap_or_else(|ended| Err(io::Error::other(ended)));
        written.map_err(|source| Error::Journal { path: self.0.path.clone(), source })
    }
}

impl Open {
    /// Appends a line in one write, and says which it is.
    fn append(&self, line: &str) -> io::Result<u64> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        (&self.file).write_all(line.as_bytes())?;
        *written += 1;
        Ok(*written)
    }

    /// Makes a line durable, and with the same sync all that others wrote meanwhile.
    fn sync(&self, line: u64) -> io::Result<()> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(durable) = *synced else {
            return Err(io::Error::other("an earlier sync failed"));
        };
        if durable >= line {
            return Ok(());
        }
        let upto = *self.written.lock().unwrap_or_else(PoisonError::into_inner);
        *synced = None;
        self.file.sync_data()?;
        *synced = Some(upto);
        Ok(())
    }
}

fn statement_line(signed: &Signed) -> String {
    let openings: Vec<Value> = signed
        .openings
        .iter()
        .map(|opening| {
            json!({"scheme": opening.scheme().name(), "value": opening.value(), "salt": hex::encode(opening.salt())})
        })
        .collect();
    // The envelope writes itself as JSON, which is therefore a part of the line as it is.
    format!(
        "{{\"request_id\":\"{}\",\"at\":\"{}\",\"kind\":\"{}\",\"envelope\":{},\"openings\":{}}}\n",
        signed.request_id,
        signed.issued_at,
        signed.kind(),
        signed.envelope.to_json(),
        Value::Array(openings)
    )
}

fn came_line(request_id: RequestId, at: Time, came: &Came) -> String {
    let (word, index) = match came {
        Came::Answered(index) => ("answered", Some(*index)),
        Came::Refused(index) => ("refused", Some(*index)),
        Came::Rejected => ("rejected", None),
        Came::Unknown => ("unknown", None),
    };
    let mut line = json!({"request_id": request_id.to_string(), "at": at.to_string(), "came": word});
    if let (Some(index), Some(line)) = (index, line.as_object_mut()) {
        line.insert("index".to_owned(), index.into());
    }
    format!("{line}\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::{client::fixture, sign::dsse::Envelope};

    #[tokio::test]
    async fn a_statement_is_written_whole_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        let signed = fixture::signed();
        journal.begin(&signed).await.unwrap();
        journal.end(signed.request_id, signed.issued_at, &Came::Answered(7)).await.unwrap();
        drop(journal);
        Journal::open(&path).unwrap().begin(&signed).await.unwrap();

        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(Envelope::from_json(&lines[0]["envelope"].to_string()).unwrap(), signed.envelope);
        assert_eq!(lines[0]["kind"], "agreement-resumption");
        assert_eq!(lines[0]["openings"].as_array().unwrap().len(), signed.openings.len());
        assert_eq!(lines[1]["came"], "answered");
        assert_eq!(lines[1]["index"], 7);
    }

    #[tokio::test]
    async fn lines_of_many_at_once_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        let writers: Vec<_> = (0..32)
            .map(|_| {
                let journal = journal.clone();
                tokio::spawn(async move { journal.begin(&fixture::signed()).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count(), 32);
    }

    #[test]
    fn a_journal_that_cannot_be_written_is_named() {
        let error = Journal::open(Path::new("/nonexistent/journal")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/journal"));
    }
}
