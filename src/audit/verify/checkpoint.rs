//! The copy's checkpoint, and whether to trust it.

use crate::{
    sign::{PolicyVerifier, Witnessed},
    tlog::{Checkpoint, Note},
};

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
    if let Some(policy) = &trust.policy {
        judge(&note, policy, findings);
    }
    match Checkpoint::open(&note, &trust.log_key) {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(error) => {
            let message = format!("{error}; nothing vouches for what it says");
            findings.add(None, Fault::CheckpointSignature, message);
            Ok(note.text().parse().ok())
        }
    }
}

/// Finds what a checkpoint lacks of the cosignatures that a policy asks for, witness by witness.
fn judge(note: &Note, policy: &PolicyVerifier, findings: &mut Findings) {
    let judgement = policy.judge(note);
    let of = |wanted: Witnessed| {
        let witnesses = judgement.witnesses.iter().filter(move |(_, witnessed)| *witnessed == wanted);
        witnesses.map(|(witness, _)| format!("{} ({})", witness.name, witness.key.name())).collect::<Vec<_>>()
    };
    for witness in of(Witnessed::False) {
        let message = format!("the cosignature of {witness} does not verify: somebody forged or damaged it");
        findings.add(None, Fault::CosignatureFalse, message);
    }
    if let Some(quorum) = policy.policy().quorum().filter(|_| !judgement.is_enough) {
        let missing = of(Witnessed::Missing).join(", ");
        let message = format!("the quorum {quorum} is not met; these did not cosign the checkpoint: {missing}");
        findings.add(None, Fault::QuorumMissed, message);
    }
}
