//! Reading what a hub lists: departments, catalog entries, agreements.

use std::{collections::BTreeSet, sync::Arc};

use prost::Message;

use super::{
    agreement::{read_agreement_text, state_from_number},
    answer::read_pending,
    directory::{read_capabilities, read_key},
    openings_from_proto, proto,
    reading::{Malformed, Reading},
};
use crate::{
    domain::{
        agreement::AgreementVersion,
        answer::Pending,
        directory::{Directory, Key, System},
        id::{Commitment, Digest, SystemId},
        identifier::Uscc,
    },
    sign::{commitment::Opening, sha256},
};

/// A directory that holds the department of a message alone.
///
/// # Errors
/// Everything that is not well formed, by field; systems of another department and keys under another thumbprint among it.
pub fn department_from_proto(message: &proto::Department) -> Result<Directory, Malformed> {
    let mut reading = Reading::default();
    let mut directory = Directory::default();
    let uscc: Option<Uscc> = reading.name("uscc", &message.uscc);
    for (i, system) in message.systems.iter().enumerate() {
        let prefix = format!("systems[{i}].");
        let Some(id) = reading.name::<SystemId>(format_args!("{prefix}spiffe_id"), &system.spiffe_id) else {
            continue;
        };
        reading.require(
            Some(id.department()) == uscc.as_ref(),
            format_args!("{prefix}spiffe_id"),
            "is of another department",
        );
        let capabilities = read_capabilities(&mut reading, &format!("{prefix}capabilities"), &system.capabilities);
        let mut keys = Vec::with_capacity(system.keys.len());
        for (k, key) in system.keys.iter().enumerate() {
            if let Some(key) = read_listed_key(&mut reading, &format!("{prefix}keys[{k}]."), &id, key) {
                keys.push(key.kid);
                directory.keys.insert(key.kid, key);
            }
        }
        directory.systems.insert(id, System { capabilities: capabilities.unwrap_or_default(), keys });
    }
    if let Some(uscc) = uscc {
        directory.departments.insert(uscc, message.name.clone());
    }
    reading.finish(Some(directory))
}

fn read_listed_key(reading: &mut Reading, prefix: &str, system: &SystemId, message: &proto::Key) -> Option<Key> {
    let (kid, public_key) = read_key(reading, &format!("{prefix}public_key"), &message.public_key)?;
    reading.require(
        message.kid == super::kid_to_text(&kid),
        format_args!("{prefix}kid"),
        "is not the thumbprint of the key",
    );
    let compromised_since = match &message.compromised_since {
        None => None,
        some => Some(reading.time(format_args!("{prefix}compromised_since"), some.as_ref())?),
    };
    Some(Key {
        kid,
        system: system.clone(),
        public_key,
        registered_index: message.registered_index,
        retired_index: message.retired_index,
        compromised_since,
    })
}

/// A version of an agreement as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAgreement {
    /// The version.
    pub version: AgreementVersion,
    /// The texts that its commitments open to.
    pub openings: Vec<Opening>,
    /// What it waits for.
    pub pending: Option<Pending>,
}

/// A version of an agreement as it is shown.
///
/// # Errors
/// Everything that is not well formed, by field; a digest that is not the text's, and texts that do not open its commitments
/// among it.
pub fn agreement_from_proto(message: &proto::Agreement) -> Result<ListedAgreement, Malformed> {
    let mut reading = Reading::default();
    let serialized: Arc<[u8]> = message.text.as_ref().map(Message::encode_to_vec).unwrap_or_default().into();
    let text = read_agreement_text(&serialized)?;
    let openings = openings_from_proto(message.openings.clone())?;
    let digest: Option<Digest> = reading.bytes("text_digest", &message.text_digest);
    reading.require(
        digest.is_none_or(|digest| digest.0 == sha256(&serialized)),
        "text_digest",
        "is not the SHA-256 of the text",
    );
    let committed: BTreeSet<_> = text.text_commitments().map(|commitment| commitment.0).collect();
    let reason: Option<Option<Commitment>> = reading.optional_bytes("reason_commitment", &message.reason_commitment);
    let committed: BTreeSet<_> = committed.into_iter().chain(reason.flatten().map(|commitment| commitment.0)).collect();
    reading.require(
        openings.iter().all(|opening| committed.contains(&opening.commitment())),
        "openings",
        "open no commitment of the text",
    );
    let state = state_from_number(message.state).or_else(|| reading.fail("state", "is not a state"));
    let suspended_by = reading.optional_name("suspended_by", &message.suspended_by);
    let pending = message.pending.as_ref().map(|pending| read_pending(&mut reading, pending));
    let read = digest.zip(state).zip(suspended_by).zip(reason);
    let version = read.map(|(((digest, state), suspended_by), reason)| AgreementVersion {
        text,
        serialized,
        digest,
        state,
        suspended_by,
        reason,
        accepted: message.accepted,
        waiting: None,
        entry_indexes: message.entry_indexes.clone(),
    });
    reading.finish(version.map(|version| ListedAgreement { version, openings, pending: pending.flatten() }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            agreement::{AgreementState, AgreementText, LookupKind},
            answer::{Awaited, Due},
            directory::Capability,
            time::{Date, Time},
        },
        sign::{Secret, SigningKey, SystemRandomness, commitment::Scheme},
        wire::{agreement_to_proto, department_to_proto, encode_agreement_text, opening_to_proto},
    };

    type Change<M> = fn(&mut M);

    const PROVIDER: &str = "11440399X00000019A";
    const CONSUMER: &str = "11440399X00000043T";

    fn directory() -> Directory {
        let uscc: Uscc = PROVIDER.parse().unwrap();
        let system = SystemId::new(&"gov.example".parse().unwrap(), &uscc, "registry").unwrap();
        let public = SigningKey::from_seed(&Secret::from_bytes(&[7; 32])).unwrap().verifying_key().clone();
        let kid = crate::domain::id::KeyId(*public.thumbprint());
        let key = Key {
            kid,
            system: system.clone(),
            public_key: *public.as_bytes(),
            registered_index: 3,
            retired_index: Some(9),
            compromised_since: Time::from_millis(1_790_000_000_000),
        };
        Directory {
            departments: [(uscc, "样例市市场监督管理局".to_owned())].into(),
            systems: [(system, System { capabilities: [Capability::Publish].into(), keys: vec![kid] })].into(),
            keys: [(kid, key)].into(),
        }
    }

    fn agreement() -> AgreementVersion {
        let text = AgreementText {
            hub: "hub.example".parse().unwrap(),
            agreement_id: "housing-2026".parse().unwrap(),
            version: 1,
            previous_digest: None,
            consumer: CONSUMER.parse().unwrap(),
            provider: PROVIDER.parse().unwrap(),
            resource_id: "samr.business-licence".parse().unwrap(),
            fields: ["CZZT".parse().unwrap()].into(),
            purposes: ["housing".parse().unwrap()].into(),
            matters: BTreeSet::new(),
            lookups: [LookupKind::Holder].into(),
            valid_from: Time::from_millis(0).unwrap(),
            valid_until: Time::MAX,
            daily_limit: 100,
            batch_limit: 10,
            legal_basis: None,
            scenario: None,
            condition: None,
            minute_limit: None,
            networks: BTreeSet::new(),
            retention_days: None,
            scope: None,
        };
        let serialized: Arc<[u8]> = encode_agreement_text(&text).into();
        let digest = Digest(sha256(&serialized));
        let state = AgreementState::Active;
        AgreementVersion {
            text,
            serialized,
            digest,
            state,
            suspended_by: None,
            reason: None,
            waiting: None,
            accepted: true,
            entry_indexes: vec![1, 2],
        }
    }

    #[test]
    fn a_department_reads_back_as_it_is_listed() {
        let message = department_to_proto(&directory(), &PROVIDER.parse().unwrap()).unwrap();
        assert_eq!(department_from_proto(&message).unwrap(), directory());

        let changes: [(Change<proto::Department>, &str); 3] = [
            (|message| message.uscc = CONSUMER.into(), "systems[0].spiffe_id"),
            (|message| message.systems[0].keys[0].kid = "x".into(), "systems[0].keys[0].kid"),
            (|message| message.systems[0].keys[0].public_key.clear(), "systems[0].keys[0].public_key"),
        ];
        for (change, field) in changes {
            let mut changed = message.clone();
            change(&mut changed);
            let Malformed(violations) = department_from_proto(&changed).unwrap_err();
            assert!(violations.iter().any(|violation| violation.field == field), "{field}: {violations:?}");
        }
    }

    #[test]
    fn an_agreement_reads_back_as_it_is_shown() {
        let due = Due { day: Date::constant(2026, 12, 11), until: Time::MAX, unknown_years: [2027].into() };
        let pending = |due| {
            Some(Pending {
                awaited: Awaited::Provider,
                since: Time::MIN,
                is_extension: true,
                due,
                is_deferred: true,
                deferral_days: 0,
            })
        };
        for pending in [None, pending(None), pending(Some(due))] {
            let message = agreement_to_proto(&agreement(), &[], pending.as_ref());
            let listed = ListedAgreement { version: agreement(), openings: Vec::new(), pending };
            assert_eq!(agreement_from_proto(&message).unwrap(), listed);
        }
        let message = agreement_to_proto(&agreement(), &[], pending(None).as_ref());

        let changes: [(Change<proto::Agreement>, &str); 6] = [
            (|message| message.reason_commitment = vec![1], "reason_commitment"),
            (|message| message.pending.as_mut().unwrap().step = 3, "pending.step"),
            (|message| message.text_digest[0] ^= 1, "text_digest"),
            (|message| message.text.as_mut().unwrap().daily_limit += 1, "text_digest"),
            (|message| message.state = 0, "state"),
            (
                |message| {
                    let opening = Opening::new(&SystemRandomness::new(), Scheme::Text, "a").unwrap();
                    message.openings.push(opening_to_proto(&opening));
                },
                "openings",
            ),
        ];
        for (change, field) in changes {
            let mut changed = message.clone();
            change(&mut changed);
            let Malformed(violations) = agreement_from_proto(&changed).unwrap_err();
            assert!(violations.iter().any(|violation| violation.field == field), "{field}: {violations:?}");
        }
    }
}
