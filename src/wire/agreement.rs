//! Agreements and their texts.

use prost::Message;

use super::{
    answer::pending_to_proto,
    catalog::paired,
    condition::{condition_to_proto, read_condition},
    opening_to_proto, proto,
    reading::{Malformed, Reading, decode_canonical, timestamp},
};
use crate::{
    domain::{
        agreement::{AgreementState, AgreementText, AgreementVersion, LookupKind, MAX_NETWORKS, MAX_RETENTION_DAYS},
        answer::Pending,
        id::Commitment,
        rules::Rules,
        statement::RuleChange,
    },
    sign::{Verifier, commitment::Opening, dsse},
};

/// The kind in the payload type of an agreement's text.
pub const AGREEMENT_TEXT_KIND: &str = "agreement-text";

paired!(lookup_to_number, lookup_from_number, LookupKind, LookupKind, { Record, Holder });
paired!(state_to_number, state_from_number, AgreementState, AgreementState, {
    Proposed, Accepted, Active, Suspended, Terminated, Rejected, Withdrawn,
});

/// The bytes of a text, which every party signs.
pub fn encode_agreement_text(text: &AgreementText) -> Vec<u8> {
    text_to_proto(text).encode_to_vec()
}

/// Whether the signature that a change of the rules carries under an agreement's text is by this key; a change that carries
/// none has nothing wrong with it. A consent signs the text as its proposer serialized it, under the rules before the change.
pub fn text_signature_valid(rules: &Rules, change: &RuleChange, key: Option<&dyn Verifier>) -> bool {
    let (text, signature) = match change {
        RuleChange::AgreementProposal { serialized, signature, .. } => (serialized, signature),
        RuleChange::AgreementAcceptance(consent) | RuleChange::AgreementActivation(consent) => {
            let agreement = rules.agreements.find(consent.agreement_id.as_str());
            let Some(version) = agreement.and_then(|agreement| agreement.version(consent.version)) else {
                // There is nothing to have signed; the decision says so.
                return false;
            };
            (&version.serialized, &consent.signature)
        }
        _ => return true,
    };
    let signed = dsse::pae(&dsse::payload_type(AGREEMENT_TEXT_KIND), text);
    key.is_some_and(|key| key.verify(&signed, signature).is_ok())
}

fn text_to_proto(text: &AgreementText) -> proto::AgreementText {
    let bytes = |commitment: Option<Commitment>| commitment.map(|c| c.0.to_vec()).unwrap_or_default();
    proto::AgreementText {
        hub: text.hub.to_string(),
        agreement_id: text.agreement_id.to_string(),
        version: text.version,
        previous_digest: text.previous_digest.map(|digest| digest.0.to_vec()).unwrap_or_default(),
        consumer: text.consumer.as_str().to_owned(),
        provider: text.provider.as_str().to_owned(),
        resource_id: text.resource_id.to_string(),
        fields: text.fields.iter().map(ToString::to_string).collect(),
        purposes: text.purposes.iter().map(ToString::to_string).collect(),
        matters: text.matters.iter().map(ToString::to_string).collect(),
        lookups: text.lookups.iter().copied().map(lookup_to_number).collect(),
        valid_from: Some(timestamp(text.valid_from)),
        valid_until: Some(timestamp(text.valid_until)),
        daily_limit: text.daily_limit,
        batch_limit: text.batch_limit,
        legal_basis_commitment: bytes(text.legal_basis),
        scenario_commitment: bytes(text.scenario),
        condition: text.condition.as_ref().map(condition_to_proto),
        minute_limit: text.minute_limit.unwrap_or_default(),
        networks: text.networks.iter().map(ToString::to_string).collect(),
        retention_days: text.retention_days.unwrap_or_default(),
        scope_commitment: bytes(text.scope),
    }
}

/// The text of these bytes.
///
/// # Errors
/// Every field that is not well formed.
pub fn read_agreement_text(serialized: &[u8]) -> Result<AgreementText, Malformed> {
    let message: proto::AgreementText = decode_canonical(serialized, "text")?;
    let mut reading = Reading::default();
    let text = read_text(&mut reading, &message);
    reading.finish(text)
}

fn read_text(reading: &mut Reading, message: &proto::AgreementText) -> Option<AgreementText> {
    let hub = reading.name("text.hub", &message.hub);
    let agreement_id = reading.name("text.agreement_id", &message.agreement_id);
    reading.require(message.version > 0, "text.version", "counts from 1");
    let previous_digest = reading.optional_bytes("text.previous_digest", &message.previous_digest);
    let consumer = reading.name("text.consumer", &message.consumer);
    let provider = reading.name("text.provider", &message.provider);
    let resource_id = reading.name("text.resource_id", &message.resource_id);
    let fields = reading.sorted("text.fields", &message.fields);
    let purposes = reading.sorted("text.purposes", &message.purposes);
    let matters = reading.sorted("text.matters", &message.matters);
    let lookups = read_lookups(reading, &message.lookups);
    let valid_from = reading.time("text.valid_from", message.valid_from.as_ref());
    let valid_until = reading.time("text.valid_until", message.valid_until.as_ref());
    let legal_basis = reading.optional_bytes("text.legal_basis_commitment", &message.legal_basis_commitment);
    let scenario = reading.optional_bytes("text.scenario_commitment", &message.scenario_commitment);
    let condition = match &message.condition {
        Some(condition) => read_condition(reading, "text.condition", condition).map(Some),
        None => Some(None),
    };
    reading.require(message.networks.len() <= MAX_NETWORKS, "text.networks", "must be at most 64");
    let networks = reading.sorted("text.networks", &message.networks);
    let days = message.retention_days;
    reading.require(days <= MAX_RETENTION_DAYS, "text.retention_days", "must be at most 36500");
    let scope = reading.optional_bytes("text.scope_commitment", &message.scope_commitment);
    Some(AgreementText {
        hub: hub?,
        agreement_id: agreement_id?,
        version: message.version,
        previous_digest: previous_digest?,
        consumer: consumer?,
        provider: provider?,
        resource_id: resource_id?,
        fields: fields?,
        purposes: purposes?,
        matters: matters?,
        lookups: lookups?.into_iter().collect(),
        valid_from: valid_from?,
        valid_until: valid_until?,
        daily_limit: message.daily_limit,
        batch_limit: message.batch_limit,
        legal_basis: legal_basis?,
        scenario: scenario?,
        condition: condition?,
        minute_limit: (message.minute_limit > 0).then_some(message.minute_limit),
        networks: networks?,
        retention_days: (days > 0).then_some(days),
        scope: scope?,
    })
}

fn read_lookups(reading: &mut Reading, numbers: &[i32]) -> Option<Vec<LookupKind>> {
    let Some(lookups) = numbers.iter().map(|number| lookup_from_number(*number)).collect::<Option<Vec<_>>>() else {
        return reading.fail("text.lookups", "holds what is not a lookup");
    };
    reading.ascending("text.lookups", &lookups)?;
    Some(lookups)
}

/// A version of an agreement, as it is shown to those who may read it, and what it waits for.
pub fn agreement_to_proto(
    version: &AgreementVersion,
    openings: &[Opening],
    pending: Option<&Pending>,
) -> proto::Agreement {
    proto::Agreement {
        text: Some(text_to_proto(&version.text)),
        text_digest: version.digest.0.to_vec(),
        state: state_to_number(version.state),
        suspended_by: version.suspended_by.map(|uscc| uscc.as_str().to_owned()).unwrap_or_default(),
        entry_indexes: version.entry_indexes.clone(),
        openings: openings.iter().map(opening_to_proto).collect(),
        accepted: version.accepted,
        reason_commitment: version.reason.map(|reason| reason.0.to_vec()).unwrap_or_default(),
        pending: pending.map(pending_to_proto),
    }
}
