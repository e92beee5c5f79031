//! The provider's side of publishing: from a row of a department's table to a signed record.
//!
//! The way of a row: [`columns`] tells `tabular` which columns a file of a resource has; [`Publisher::prepare`] makes the
//! record's fields of the row, derives the masked ones, and finds all that is wrong before anything is signed;
//! [`next_version`] says whether the hub has the record as it is already; [`Publisher::issue`] signs it; [`Batches`]
//! gathers signed records into publications of a bounded size.
//!
//! There is no second set of rules here: values are read by `tabular`, and records checked by the very function that the
//! hub decides with. Time, randomness and keys are arguments; whoever calls it talks to the hub.

mod batch;
mod columns;
mod numbering;
mod prepare;
mod rejection;

pub use batch::{Batches, MAX_BATCH_BYTES, MAX_BATCH_RECORDS};
pub use columns::{columns, ignored_names};
pub use numbering::Numbering;
pub use prepare::{HeldState, IssuedRecord, NextVersion, PreparedRecord, Publisher, next_version};
pub use rejection::{Duplicates, Oddity, Rejection};

use crate::domain::{id::FieldCode, identifier};

/// Why records cannot be made. What is wrong with a row is a [`Rejection`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The keys or the randomness failed.
    #[error("cannot sign the record")]
    Sign(#[from] crate::sign::Error),
    /// Identifiers cannot be made for records that have none of licences.
    #[error(
        "records are named by {field}, which is not of type LICENCE_ID, so that no identifiers can be made for them"
    )]
    NotNumbered {
        /// The field that names records.
        field: FieldCode,
    },
    /// The serial number cannot be taken from a field.
    #[error("{field} can be no serial number: allowed is another field of the table, neither derived nor repeated")]
    SerialField {
        /// The field.
        field: FieldCode,
    },
    /// The licence type is none.
    #[error("that is no licence type")]
    LicenceType(#[source] identifier::Error),
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
