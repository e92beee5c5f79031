//! The schema of a resource's records: a JSON Schema (draft 2020-12) made of the catalog's declaration, and checked by a
//! validator of others.
//!
//! It is the one place that says what a single value may be: the provider's program checks with it before it signs, the hub
//! before it accepts, and `hutong catalog schema` prints the very document for whoever makes records with other programs. What
//! lies between fields (derivation, validity, holders) is `domain::decide`'s.

mod document;
mod format;
mod violation;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::domain::{
    catalog::Resource,
    decide::FieldViolation,
    id::{FieldCode, ResourceId},
    outcome::RecordViolation,
};
use format::Format;

pub use document::document;

/// The schema of one version of a resource, compiled.
pub struct Schema {
    resource_id: ResourceId,
    /// In the order of the catalog.
    codes: Vec<FieldCode>,
    validator: Validator,
}

/// The declaration makes no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the declaration of {resource_id} makes no JSON Schema: {problem}")]
pub struct Error {
    /// The resource.
    pub resource_id: ResourceId,
    /// Why.
    pub problem: String,
}

impl Schema {
    /// Compiles the schema of a version of a resource.
    ///
    /// # Errors
    /// [`Error`], which no declaration is known to bring about.
    pub fn compile(resource: &Resource, version: u32) -> Result<Self, Error> {
        // Linear time, whatever text comes: records are others' input.
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex());
        let options = Format::ALL.into_iter().fold(options, |options, format| {
            options.with_format(format.name(), move |text| format.check(text).is_ok())
        });
        let validator = options
            .build(&document(resource, version))
            .map_err(|error| Error { resource_id: resource.resource_id.clone(), problem: error.to_string() })?;
        let codes = resource.fields.iter().map(|field| field.code.clone()).collect();
        Ok(Self { resource_id: resource.resource_id.clone(), codes, validator })
    }

    /// All that is wrong with the values of a record's fields, each by itself: one violation for each value at fault.
    pub fn check(&self, fields: &[(String, Value)]) -> Vec<FieldViolation> {
        let object = Value::Object(fields.iter().cloned().collect());
        if self.validator.is_valid(&object) {
            return Vec::new();
        }
        let mut found = violation::of_errors(&self.resource_id, self.validator.iter_errors(&object));
        let position = |code: &str| self.codes.iter().position(|own| own.as_str() == code);
        found.sort_by_key(|violation| violation.field.as_deref().and_then(position));
        found
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.resource_id)
    }
}

/// Schemas compiled, of each resource that of the version used last: records are published of the newest alone.
#[derive(Debug, Default)]
pub struct Schemas(Mutex<HashMap<ResourceId, Compiled>>);

#[derive(Debug)]
struct Compiled {
    resource: Arc<Resource>,
    schema: Arc<Schema>,
}

impl Schemas {
    /// The schema of a version of a resource, compiled where it is not yet.
    ///
    /// # Errors
    /// As [`Schema::compile`].
    pub fn of(&self, resource: &Arc<Resource>, version: u32) -> Result<Arc<Schema>, Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = known.get(&resource.resource_id).filter(|compiled| Arc::ptr_eq(&compiled.resource, resource));
        if let Some(compiled) = own {
            return Ok(Arc::clone(&compiled.schema));
        }
        let schema = Arc::new(Schema::compile(resource, version)?);
        let compiled = Compiled { resource: Arc::clone(resource), schema: Arc::clone(&schema) };
        known.insert(resource.resource_id.clone(), compiled);
        Ok(schema)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
