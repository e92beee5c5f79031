//! Seals as the values of records: in a field of type SEAL, as base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{check::Finding, trust::TrustAnchors, verify::verify_seal};
use crate::domain::{
    catalog::{FieldType, Resource},
    decide::{FieldViolation, record_terms},
    outcome::RecordViolation,
    time::Moment,
};

/// The seal in a record of a resource; `None` where there is none that reads as base64.
#[must_use]
pub fn sealed_value(resource: &Resource, fields: &[(String, Value)]) -> Option<Vec<u8>> {
    let field = resource.fields.iter().find(|field| field.field_type == FieldType::Seal)?;
    let (_, value) = fields.iter().find(|(code, _)| code == field.code.as_str())?;
    STANDARD.decode(value.as_str()?).ok()
}

/// What is wrong with the seal in a record: every required check that it fails, and an identifier that is not the record's. That its
/// value has the form of its type is checked before, with all other values.
#[must_use]
pub fn check_seal_fields(
    resource: &Resource,
    fields: &[(String, Value)],
    trust: &TrustAnchors,
    now: &Moment,
) -> Vec<FieldViolation> {
    let Some(field) = resource.fields.iter().find(|field| field.field_type == FieldType::Seal) else {
        return Vec::new();
    };
    let Some(bytes) = sealed_value(resource, fields) else { return Vec::new() };
    let violation = |text: String| FieldViolation::of_field(RecordViolation::Seal, field.code.as_str(), text);
    let part = verify_seal(&bytes, trust, now);
    let failed = part.checks.0.iter().filter(|check| check.required && check.finding == Finding::Failed);
    let mut found: Vec<_> =
        failed.map(|check| violation(format!("{}: {} ({})", check.name.as_str(), check.en, check.zh))).collect();
    let record_id = record_terms(resource, fields).map(|(record_id, _)| record_id);
    if let Some((seal, id)) = part.seal.as_ref().zip(record_id)
        && seal.id != id
    {
        found.push(violation(format!(
            "the seal's identifier is {:?}, and {} is {id:?}",
            seal.id, resource.record_id_field
        )));
    }
    found
}
