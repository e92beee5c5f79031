//! The copy's checkpoint, and whether to trust it.

use crate::tlog::{Checkpoint, Note};

use super::{CHECKPOINT_FILE, Error, Fault, Folder, Trust, findings::Findings};

/// The checkpoint of a copy; `None` where none reads, which is a finding. One that is not to be trusted is a finding too, but
/// tells how long the log should be.
pub(super) fn open(folder: &Folder, trust: &Trust, findings: &mut Findings) -> Result<Option<Checkpoint>, Error> {
    let Some(bytes) = folder.read(CHECKPOINT_FILE)? else {
        let message = "there is no checkpoint: nothing says how long the log is";
        findings.add(None, Fault::CheckpointMalformed, message.to_owned());
        return Ok(None);
    };
    let note = match Note::parse(&bytes) {
        Ok(note) => note,
        Err(error) => {
            findings.add(None, Fault::CheckpointMalformed, error.to_string());
            return Ok(None);
        }
    };
    match Checkpoint::open(&note, &trust.log_key) {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(error) => {
            let message = format!("{error}; nothing vouches for what it says");
            findings.add(None, Fault::CheckpointSignature, message);
            Ok(note.text().parse().ok())
        }
    }
}
