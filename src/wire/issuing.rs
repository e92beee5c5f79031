//! Issuing rights.

use std::collections::BTreeSet;

use super::{
    proto,
    reading::{Malformed, Reading, timestamp},
};
use crate::domain::{
    identifier::Uscc,
    issuing::{IssuingGrant, IssuingRight},
};

/// The most departments that one succeeds: so many credit codes take 20,000 of an entry's 65,535 bytes.
const MAX_SUCCEEDED: usize = 1_000;

pub(super) fn grant_to_proto(
    header: Option<proto::StatementHeader>,
    grant: &IssuingGrant,
) -> proto::GrantIssuingRightStatement {
    proto::GrantIssuingRightStatement {
        header,
        resource_id: grant.resource_id.to_string(),
        department: grant.department.as_str().to_owned(),
        valid_from: Some(timestamp(grant.valid_from)),
        valid_until: Some(timestamp(grant.valid_until)),
        succeeds: succeeded(grant),
    }
}

fn succeeded(grant: &IssuingGrant) -> Vec<String> {
    grant.succeeds.iter().map(|uscc| uscc.as_str().to_owned()).collect()
}

pub(super) fn read_grant(reading: &mut Reading, message: &proto::GrantIssuingRightStatement) -> Option<IssuingGrant> {
    read_parts(
        reading,
        (&message.resource_id, &message.department),
        (message.valid_from.as_ref(), message.valid_until.as_ref()),
        &message.succeeds,
    )
}

type Timestamp<'a> = Option<&'a prost_types::Timestamp>;

fn read_parts(
    reading: &mut Reading,
    (resource_id, department): (&str, &str),
    (valid_from, valid_until): (Timestamp<'_>, Timestamp<'_>),
    succeeds: &[String],
) -> Option<IssuingGrant> {
    let resource_id = reading.name("resource_id", resource_id);
    let department = reading.name("department", department);
    let valid_from = reading.time("valid_from", valid_from);
    let valid_until = reading.time("valid_until", valid_until);
    reading.require(succeeds.len() <= MAX_SUCCEEDED, "succeeds", "must be at most 1000");
    let succeeds: Option<BTreeSet<Uscc>> = reading.sorted("succeeds", succeeds);
    Some(IssuingGrant {
        resource_id: resource_id?,
        department: department?,
        valid_from: valid_from?,
        valid_until: valid_until?,
        succeeds: succeeds?,
    })
}

/// An issuing right as it is listed.
pub fn issuing_right_to_proto(right: &IssuingRight) -> proto::IssuingRight {
    let IssuingRight { grant, granted_index, ended_index } = right;
    proto::IssuingRight {
        resource_id: grant.resource_id.to_string(),
        department: grant.department.as_str().to_owned(),
        valid_from: Some(timestamp(grant.valid_from)),
        valid_until: Some(timestamp(grant.valid_until)),
        succeeds: succeeded(grant),
        granted_index: *granted_index,
        ended_index: *ended_index,
    }
}

/// Reads an issuing right that a hub lists.
///
/// # Errors
/// Everything that is not well formed, by field.
pub fn issuing_right_from_proto(message: &proto::IssuingRight) -> Result<IssuingRight, Malformed> {
    let mut reading = Reading::default();
    let grant = read_parts(
        &mut reading,
        (&message.resource_id, &message.department),
        (message.valid_from.as_ref(), message.valid_until.as_ref()),
        &message.succeeds,
    );
    let right = grant.map(|grant| IssuingRight {
        grant,
        granted_index: message.granted_index,
        ended_index: message.ended_index,
    });
    reading.finish(right)
}
