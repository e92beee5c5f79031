//! A resource's fields as the columns of a table.

use crate::{
    domain::{
        catalog::{Field, FieldType, Resource},
        value::MAX_SEAL_CHARS,
    },
    tabular::{Column, ColumnKind},
};

/// The columns that a table of a resource has: one for each field that is not derived, known by the field's code, its
/// name and its English name.
pub fn columns(resource: &Resource) -> Vec<Column> {
    let own = resource.fields.iter().filter(|field| field.derivation.is_none());
    own.map(|field| Column {
        code: field.code.to_string(),
        names: names(field),
        kind: kind(&field.field_type),
        required: field.required,
        repeated: field.repeated,
    })
    .collect()
}

/// The names of columns that a table may have and that are passed over: those of derived fields, which are made by their
/// rule whatever a table says.
pub fn ignored_names(resource: &Resource) -> Vec<String> {
    let derived = resource.fields.iter().filter(|field| field.derivation.is_some());
    derived.flat_map(|field| std::iter::once(field.code.to_string()).chain(names(field))).collect()
}

fn names(field: &Field) -> Vec<String> {
    [&field.name, &field.name_en].into_iter().filter(|name| !name.is_empty()).cloned().collect()
}

fn kind(field_type: &FieldType) -> ColumnKind {
    match field_type {
        FieldType::Text { max_length } => ColumnKind::Text { max_chars: *max_length as usize },
        FieldType::Integer => ColumnKind::Integer,
        FieldType::Decimal => ColumnKind::Decimal,
        FieldType::Date => ColumnKind::Date,
        FieldType::DateTime => ColumnKind::DateTime,
        FieldType::Boolean => ColumnKind::Boolean,
        FieldType::Uscc => ColumnKind::Uscc,
        FieldType::CitizenId => ColumnKind::CitizenId,
        FieldType::LicenceId => ColumnKind::LicenceId,
        FieldType::Code(_) | FieldType::CodeTable(_) => {
            let codes = field_type.codes().unwrap_or_default();
            ColumnKind::Code(codes.into_iter().map(|(code, _)| code.to_owned()).collect())
        }
        FieldType::AdministrativeDivision => ColumnKind::AdministrativeDivision,
        FieldType::HolderCode => ColumnKind::HolderCode,
        FieldType::Seal => ColumnKind::Text { max_chars: MAX_SEAL_CHARS },
    }
}
