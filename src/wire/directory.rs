//! Departments, systems and keys.

use std::collections::BTreeSet;

use super::{
    catalog::paired,
    proto,
    reading::{Reading, timestamp},
};
use crate::{
    domain::{
        directory::{Capability, Directory, Key},
        id::{KeyId, SystemId},
        identifier::Uscc,
        statement::{FirstDepartment, FirstSystem},
    },
    sign::VerifyingKey,
};

paired!(capability_to_number, capability_from_number, Capability, Capability, {
    Publish, Query, SignAgreements, Administer, Audit, Trace,
});

pub(super) fn capabilities_to_numbers(capabilities: &BTreeSet<Capability>) -> Vec<i32> {
    capabilities.iter().copied().map(capability_to_number).collect()
}

pub(super) fn read_capabilities(reading: &mut Reading, field: &str, numbers: &[i32]) -> Option<BTreeSet<Capability>> {
    let Some(read) = numbers.iter().map(|number| capability_from_number(*number)).collect::<Option<Vec<_>>>() else {
        return reading.fail(field, "holds what is not a capability");
    };
    reading.ascending(field, &read)?;
    Some(read.into_iter().collect())
}

/// A public key and its thumbprint.
pub(super) fn read_key(reading: &mut Reading, field: &str, bytes: &[u8]) -> Option<(KeyId, [u8; 32])> {
    let bytes: [u8; 32] = reading.fixed(field, bytes)?;
    match VerifyingKey::from_bytes(&bytes) {
        Ok(key) => Some((KeyId(*key.thumbprint()), bytes)),
        Err(error) => reading.fail(field, error.to_string()),
    }
}

/// A thumbprint in its base64url form.
pub(super) fn read_kid(reading: &mut Reading, field: &str, text: &str) -> Option<KeyId> {
    match super::kid_from_text(text) {
        Some(kid) => Some(kid),
        None => reading.fail(field, "must be a JWK thumbprint: 43 characters of base64url"),
    }
}

pub(super) fn first_department_to_proto(department: &FirstDepartment) -> proto::Department {
    proto::Department {
        uscc: department.uscc.as_str().to_owned(),
        name: department.name.clone(),
        systems: department
            .systems
            .iter()
            .map(|system| proto::System {
                spiffe_id: system.system.to_string(),
                capabilities: capabilities_to_numbers(&system.capabilities),
                keys: system
                    .keys
                    .iter()
                    .map(|(kid, public_key)| proto::Key {
                        kid: super::kid_to_text(kid),
                        public_key: public_key.to_vec(),
                        ..Default::default()
                    })
                    .collect(),
            })
            .collect(),
    }
}

pub(super) fn read_first_department(
    reading: &mut Reading,
    prefix: &str,
    message: &proto::Department,
) -> Option<FirstDepartment> {
    let uscc: Option<Uscc> = reading.name(format_args!("{prefix}uscc"), &message.uscc);
    let name = reading.text(format_args!("{prefix}name"), &message.name, super::statement::MAX_NAME_CHARS);
    let systems: Vec<_> = message
        .systems
        .iter()
        .enumerate()
        .map(|(i, system)| read_first_system(reading, &format!("{prefix}systems[{i}]."), system))
        .collect();
    let systems: Vec<_> = systems.into_iter().collect::<Option<_>>()?;
    let uscc = uscc?;
    reading.require(
        systems.iter().all(|first| *first.system.department() == uscc),
        format_args!("{prefix}systems"),
        "must be of this department",
    );
    Some(FirstDepartment { uscc, name: name?, systems })
}

fn read_first_system(reading: &mut Reading, prefix: &str, message: &proto::System) -> Option<FirstSystem> {
    let system: Option<SystemId> = reading.name(format_args!("{prefix}spiffe_id"), &message.spiffe_id);
    let capabilities = read_capabilities(reading, &format!("{prefix}capabilities"), &message.capabilities);
    let keys: Vec<_> = message
        .keys
        .iter()
        .enumerate()
        .map(|(i, key)| {
            let read = read_key(reading, &format!("{prefix}keys[{i}].public_key"), &key.public_key)?;
            let plain = proto::Key {
                kid: super::kid_to_text(&read.0),
                public_key: key.public_key.clone(),
                ..Default::default()
            };
            reading.require(
                *key == plain,
                format_args!("{prefix}keys[{i}]"),
                "must be the key and its thumbprint alone",
            );
            Some(read)
        })
        .collect();
    Some(FirstSystem { system: system?, capabilities: capabilities?, keys: keys.into_iter().collect::<Option<_>>()? })
}

/// A department with its systems and keys, as it is shown.
pub fn department_to_proto(directory: &Directory, uscc: &Uscc) -> Option<proto::Department> {
    let name = directory.departments.get(uscc)?;
    let systems = directory
        .systems_of(uscc)
        .map(|(id, system)| proto::System {
            spiffe_id: id.to_string(),
            capabilities: capabilities_to_numbers(&system.capabilities),
            keys: system.keys.iter().filter_map(|kid| directory.keys.get(kid)).map(key_to_proto).collect(),
        })
        .collect();
    Some(proto::Department { uscc: uscc.as_str().to_owned(), name: name.clone(), systems })
}

fn key_to_proto(key: &Key) -> proto::Key {
    proto::Key {
        kid: super::kid_to_text(&key.kid),
        public_key: key.public_key.to_vec(),
        registered_index: key.registered_index,
        retired_index: key.retired_index,
        compromised_since: key.compromised_since.map(timestamp),
    }
}
