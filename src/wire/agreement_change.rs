//! Statements about agreements.

use super::{
    agreement::read_agreement_text,
    proto,
    reading::{Malformed, Reading},
    rule::{Change, decoded},
};
use crate::{
    domain::{
        id::{AgreementId, Commitment, Digest},
        statement::{AgreementConsent, RuleChange, Statement},
    },
    sign::sha256,
};

/// Reads a statement about an agreement; `None` where the kind is none of theirs.
pub(super) fn read(reading: &mut Reading, kind: &str, payload: &[u8]) -> Option<Result<Option<Statement>, Malformed>> {
    Some(match kind {
        "agreement-proposal" => decoded(reading, payload, agreement_proposal),
        "agreement-acceptance" => decoded(reading, payload, agreement_acceptance),
        "agreement-activation" => decoded(reading, payload, agreement_activation),
        "agreement-rejection" => decoded(reading, payload, agreement_rejection),
        "answer-deferral" => decoded(reading, payload, answer_deferral),
        "agreement-withdrawal" => decoded(reading, payload, agreement_withdrawal),
        "agreement-suspension" => decoded(reading, payload, agreement_suspension),
        "agreement-resumption" => decoded(reading, payload, agreement_resumption),
        "agreement-termination" => decoded(reading, payload, agreement_termination),
        _ => return None,
    })
}

fn agreement_proposal(reading: &mut Reading, message: proto::AgreementProposalStatement) -> Change {
    let digest: Option<Digest> = reading.bytes("text_digest", &message.text_digest);
    reading.require(
        digest.is_none_or(|digest| digest.0 == sha256(&message.text)),
        "text_digest",
        "is not the SHA-256 of the text",
    );
    let text = match read_agreement_text(&message.text) {
        Ok(text) => Some(text),
        Err(Malformed(violations)) => {
            violations.into_iter().for_each(|violation| {
                reading.fail::<()>(&violation.field, violation.description);
            });
            None
        }
    };
    let change = text.zip(digest).map(|(text, digest)| RuleChange::AgreementProposal {
        text: Box::new(text),
        serialized: message.text.into(),
        digest,
        signature: message.text_signature,
    });
    (message.header, change)
}

fn consent(
    reading: &mut Reading,
    agreement_id: &str,
    version: u32,
    digest: &[u8],
    signature: Vec<u8>,
) -> Option<AgreementConsent> {
    let agreement_id = reading.name("agreement_id", agreement_id);
    let digest = reading.bytes("text_digest", digest);
    reading.require(version > 0, "version", "counts from 1");
    Some(AgreementConsent { agreement_id: agreement_id?, version, digest: digest?, signature })
}

fn agreement_acceptance(reading: &mut Reading, message: proto::AgreementAcceptanceStatement) -> Change {
    let consent =
        consent(reading, &message.agreement_id, message.version, &message.text_digest, message.text_signature);
    (message.header, consent.map(RuleChange::AgreementAcceptance))
}

fn agreement_activation(reading: &mut Reading, message: proto::AgreementActivationStatement) -> Change {
    let consent =
        consent(reading, &message.agreement_id, message.version, &message.text_digest, message.text_signature);
    (message.header, consent.map(RuleChange::AgreementActivation))
}

/// What an answer without a signature names: the agreement, the text's digest, and the reason.
fn reasoned(
    reading: &mut Reading,
    agreement_id: &str,
    version: u32,
    digest: &[u8],
    reason: &[u8],
) -> Option<(AgreementId, Digest, Commitment)> {
    let agreement_id = reading.name("agreement_id", agreement_id);
    let digest = reading.bytes("text_digest", digest);
    let reason = reading.bytes("reason_commitment", reason);
    reading.require(version > 0, "version", "counts from 1");
    Some((agreement_id?, digest?, reason?))
}

fn agreement_rejection(reading: &mut Reading, message: proto::AgreementRejectionStatement) -> Change {
    let proto::AgreementRejectionStatement { header, agreement_id, version, text_digest, reason_commitment } = message;
    let named = reasoned(reading, &agreement_id, version, &text_digest, &reason_commitment);
    let change = named.map(|(agreement_id, digest, reason)| RuleChange::AgreementRejection {
        agreement_id,
        version,
        digest,
        reason,
    });
    (header, change)
}

fn answer_deferral(reading: &mut Reading, message: proto::AnswerDeferralStatement) -> Change {
    let proto::AnswerDeferralStatement { header, agreement_id, version, text_digest, reason_commitment } = message;
    let named = reasoned(reading, &agreement_id, version, &text_digest, &reason_commitment);
    let change = named.map(|(agreement_id, digest, reason)| RuleChange::AnswerDeferral {
        agreement_id,
        version,
        digest,
        reason,
    });
    (header, change)
}

fn agreement_withdrawal(reading: &mut Reading, message: proto::AgreementWithdrawalStatement) -> Change {
    let agreement_id = reading.name("agreement_id", &message.agreement_id);
    let reason = reading.optional_bytes("reason_commitment", &message.reason_commitment);
    reading.require(message.version > 0, "version", "counts from 1");
    let change = agreement_id.zip(reason).map(|(agreement_id, reason)| RuleChange::AgreementWithdrawal {
        agreement_id,
        version: message.version,
        reason,
    });
    (message.header, change)
}

fn agreement_suspension(reading: &mut Reading, message: proto::AgreementSuspensionStatement) -> Change {
    let agreement_id = reading.name("agreement_id", &message.agreement_id);
    let reason = reading.optional_bytes("reason_commitment", &message.reason_commitment);
    let change =
        agreement_id.zip(reason).map(|(agreement_id, reason)| RuleChange::AgreementSuspension { agreement_id, reason });
    (message.header, change)
}

fn agreement_resumption(reading: &mut Reading, message: proto::AgreementResumptionStatement) -> Change {
    let agreement_id = reading.name("agreement_id", &message.agreement_id);
    (message.header, agreement_id.map(|agreement_id| RuleChange::AgreementResumption { agreement_id }))
}

fn agreement_termination(reading: &mut Reading, message: proto::AgreementTerminationStatement) -> Change {
    let agreement_id = reading.name("agreement_id", &message.agreement_id);
    let reason = reading.optional_bytes("reason_commitment", &message.reason_commitment);
    let change = agreement_id
        .zip(reason)
        .map(|(agreement_id, reason)| RuleChange::AgreementTermination { agreement_id, reason });
    (message.header, change)
}
