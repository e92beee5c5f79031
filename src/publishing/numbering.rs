//! Identifiers of licences for departments that give none themselves.

use serde_json::Value;

use super::{Error, Rejection, columns};
use crate::{
    domain::{
        catalog::{FieldType, Resource},
        id::FieldCode,
        identifier::{FIRST_LICENCE_VERSION, LicenceId, MAX_SERIAL_CHARS, Uscc, normalize},
    },
    tabular::{Column, Row},
};

/// How the identifier of a licence 证照标识 (GB/T 36904) is made where its row has none: of the licence type, the publisher's credit
/// code, a number that the department keeps in its table anyway as the serial, and the first version.
///
/// It is a function of the row alone, so a row has the same identifier each time it is published, wherever and by which program,
/// and there is no journal that could be lost. Two licences of one number would be one record: that is why a serial is never made
/// shorter or cut into form, only spelt in its one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    licence_type: String,
    issuer: Uscc,
    serial_field: FieldCode,
    record_id_field: FieldCode,
}

impl Numbering {
    /// The numbering of a resource's records. `licence_type` is a credit code and three digits, `serial_field` the field whose value
    /// is the serial number.
    ///
    /// # Errors
    /// [`Error::NotNumbered`] for a resource whose records are not named by a licence id, [`Error::SerialField`] for a field that is
    /// none of the table's, [`Error::LicenceType`].
    pub fn new(resource: &Resource, issuer: Uscc, licence_type: &str, serial_field: &FieldCode) -> Result<Self, Error> {
        let record_id_field = resource.record_id_field.clone();
        let is_licence_id = |code: &str| resource.field(code).is_some_and(|f| f.field_type == FieldType::LicenceId);
        if !is_licence_id(record_id_field.as_str()) {
            return Err(Error::NotNumbered { field: record_id_field });
        }
        let is_serial = resource
            .field(serial_field.as_str())
            .is_some_and(|field| field.derivation.is_none() && !field.repeated && *serial_field != record_id_field);
        if !is_serial {
            return Err(Error::SerialField { field: serial_field.clone() });
        }
        let licence_type = normalize(licence_type);
        LicenceId::complete(&licence_type, issuer.as_str(), "0", FIRST_LICENCE_VERSION).map_err(Error::LicenceType)?;
        Ok(Self { licence_type, issuer, serial_field: serial_field.clone(), record_id_field })
    }

    /// The columns of a table whose rows may lack the identifier, or that has no column of it at all.
    pub fn columns(&self, resource: &Resource) -> Vec<Column> {
        let mut columns = columns(resource);
        for column in columns.iter_mut().filter(|column| column.code == self.record_id_field.as_str()) {
            column.required = false;
        }
        columns
    }

    /// The identifier of a row that has none.
    ///
    /// # Errors
    /// Why there can be none.
    pub(super) fn number(&self, row: &Row) -> Result<Option<LicenceId>, Rejection> {
        let value = |code: &FieldCode| row.get(code.as_str()).filter(|value| !value.is_null());
        let unreadable = |code: &FieldCode| row.violations().iter().any(|v| v.field.as_deref() == Some(code.as_str()));
        // What cannot be read is not missing, and is told by itself.
        if value(&self.record_id_field).is_some() || unreadable(&self.record_id_field) {
            return Ok(None);
        }
        let source = &self.serial_field;
        let serial = match value(source) {
            Some(Value::String(text)) => normalize(text),
            Some(other) => other.to_string(),
            None => return Err(self.rejection(row, format!("it is made of {source}, which has no value"))),
        };
        LicenceId::complete(&self.licence_type, self.issuer.as_str(), &serial, FIRST_LICENCE_VERSION)
            .map(Some)
            .map_err(|error| self.rejection(row, format!("it cannot be made of {source}: {error}")))
    }

    fn rejection(&self, row: &Row, reason: String) -> Rejection {
        Rejection {
            line: row.line(),
            field: Some(self.record_id_field.to_string()),
            code: "no-identifier".to_owned(),
            reason,
            allowed: format!("in {}, 1 to {MAX_SERIAL_CHARS} digits and letters A to Z", self.serial_field),
        }
    }
}
