//! The fields that have a part to play: which names a record, who holds it, when it is valid.

use super::{CatalogRule, CopyOf, Field, FieldType, Resource, check::Violations};
use crate::domain::id::FieldCode;

impl Resource {
    pub(super) fn check_roles(&self, found: &mut Violations) {
        let record_id = self.field(self.record_id_field.as_str());
        found.require(
            record_id.is_some_and(|field| field.required && !field.repeated && names_records(&field.field_type)),
            "record_id_field",
            CatalogRule::RecordIdField,
        );
        self.check_holder(found);
        if let Some(field) = self.role(&self.replaces_field) {
            let fits = |field: &Field, id: &Field| {
                field.field_type == id.field_type && field.code != id.code && !field.required && !field.repeated
            };
            found.require(
                field.zip(record_id).is_some_and(|(field, id)| fits(field, id)),
                "replaces_field",
                CatalogRule::ReplacesField,
            );
        }
        found.require(self.copy_of.as_ref().is_none_or(|copy_of| self.fits(copy_of)), "copy_of", CatalogRule::CopyOf);
        for (path, code) in
            [("valid_from_field", &self.valid_from_field), ("valid_until_field", &self.valid_until_field)]
        {
            if let Some(field) = self.role(code) {
                found.require(
                    field.is_some_and(|field| field.field_type == FieldType::Date && !field.repeated),
                    path,
                    CatalogRule::DateField,
                );
            }
        }
    }

    /// Whether annotated copies can be made of the records of the resource that is said: of one that is none of copies itself, so that
    /// no original falls with another, and whose identifiers are of the type of the field that names them.
    pub fn has_originals(&self, original: Option<&Resource>) -> bool {
        let Some(copy_of) = &self.copy_of else { return true };
        let type_of = |of: &Resource, code: &FieldCode| of.field(code.as_str()).map(|field| field.field_type.clone());
        original.is_some_and(|original| {
            let identifier = type_of(original, &original.record_id_field);
            original.copy_of.is_none() && identifier == type_of(self, &copy_of.original_field)
        })
    }

    /// Whether annotated copies can be made as is said; whether there are such originals, the rest of the catalog says.
    fn fits(&self, copy_of: &CopyOf) -> bool {
        let single = |code: &FieldCode| self.field(code.as_str()).filter(|field| !field.repeated);
        let is_code = |field: &Field| {
            matches!(field.field_type, FieldType::Text { .. } | FieldType::Code(_) | FieldType::CodeTable(_))
        };
        copy_of.resource_id != self.resource_id
            && copy_of.original_field != self.record_id_field
            && single(&copy_of.original_field).is_some_and(|field| field.required && names_records(&field.field_type))
            && copy_of.purpose_field.as_ref().is_none_or(|code| single(code).is_some_and(is_code))
            && self.valid_until_field.is_some()
            // Or what is told of a copy's successor would hang on two originals.
            && self.replaces_field.is_none()
    }

    fn check_holder(&self, found: &mut Violations) {
        let holder = self.field(self.holder_field.as_str());
        found.require(
            holder.is_some_and(|field| {
                let is_holders =
                    matches!(field.field_type, FieldType::Uscc | FieldType::CitizenId | FieldType::HolderCode);
                field.required && is_holders
            }),
            "holder_field",
            CatalogRule::HolderField,
        );
        for field in self.fields.iter().filter(|field| field.field_type == FieldType::HolderCode) {
            found.require(
                field.code == self.holder_field,
                &format!("fields[{}].type", field.code),
                CatalogRule::HolderCodeAlone,
            );
        }
        match self.role(&self.holder_type_field) {
            None => found.require(
                holder.is_none_or(|field| field.field_type != FieldType::HolderCode),
                "holder_type_field",
                CatalogRule::HolderTypeStated,
            ),
            Some(kind) => {
                found.require(
                    kind.is_some_and(|kind| {
                        kind.required && matches!(kind.field_type, FieldType::Code(_) | FieldType::CodeTable(_))
                    }),
                    "holder_type_field",
                    CatalogRule::HolderTypeField,
                );
                found.require(
                    kind.zip(holder).is_none_or(|(kind, holder)| kind.repeated == holder.repeated),
                    "holder_type_field",
                    CatalogRule::HolderTypeRepeated,
                );
            }
        }
    }

    /// The field of a role: nothing where the role has none, `Some(None)` where the resource lacks the field that it names.
    fn role(&self, code: &Option<FieldCode>) -> Option<Option<&Field>> {
        code.as_ref().map(|code| self.field(code.as_str()))
    }
}

/// Whether the values of a type can name the records of a resource.
fn names_records(field_type: &FieldType) -> bool {
    matches!(field_type, FieldType::Text { .. } | FieldType::Uscc | FieldType::CitizenId | FieldType::LicenceId)
}
