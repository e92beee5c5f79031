//! What a new version of a resource means for those who use or publish it.
//!
//! Records keep the version under which they were published, and stay readable under it. So a new version takes nothing away
//! that was said; but consumers may lose a field that their agreement names, and providers may find that rows which were in
//! order no longer are. Such changes are *breaking*: they are made only by a release that says so. What would keep records
//! from being found is not made at all.

use super::{Field, FieldType, Resource};

/// How a new version breaks with the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Breaking {
    /// A field is gone.
    FieldRemoved,
    /// A field, new or old, has become required.
    FieldRequired,
    /// A sharing class is stricter.
    ClassTightened,
    /// A field has another type.
    TypeChanged,
    /// A text may no longer be as long.
    LengthShortened,
    /// A code is no longer admitted.
    CodeRemoved,
    /// A field is made of another, or otherwise, or no longer.
    DerivationChanged,
    /// The resource holds something else.
    KindChanged,
    /// Another field tells from when or until when a record is valid, or of what kind its holder's identifier is.
    RoleChanged,
}

impl Breaking {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::FieldRemoved,
        Self::FieldRequired,
        Self::ClassTightened,
        Self::TypeChanged,
        Self::LengthShortened,
        Self::CodeRemoved,
        Self::DerivationChanged,
        Self::KindChanged,
        Self::RoleChanged,
    ];

    /// The code by which people and refusals know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FieldRemoved => "FIELD_REMOVED",
            Self::FieldRequired => "FIELD_REQUIRED",
            Self::ClassTightened => "CLASS_TIGHTENED",
            Self::TypeChanged => "TYPE_CHANGED",
            Self::LengthShortened => "LENGTH_SHORTENED",
            Self::CodeRemoved => "CODE_REMOVED",
            Self::DerivationChanged => "DERIVATION_CHANGED",
            Self::KindChanged => "KIND_CHANGED",
            Self::RoleChanged => "ROLE_CHANGED",
        }
    }

    /// Whether a value that was in order may now be refused: rows of the provider that nobody changed may no longer be
    /// taken.
    pub fn narrows_values(self) -> bool {
        matches!(
            self,
            Self::FieldRequired | Self::TypeChanged | Self::LengthShortened | Self::CodeRemoved | Self::RoleChanged
        )
    }
}

/// One way in which a new version breaks with the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakingChange {
    /// Where: such as `fields[ZZBH]`, or `kind`.
    pub path: String,
    /// How.
    pub breaking: Breaking,
}

/// How a new version breaks with the one before: parts of the resource first, then its fields in their old order, then new
/// ones. Empty: whatever was in order stays so, and nobody loses anything.
pub fn breaking_changes(old: &Resource, new: &Resource) -> Vec<BreakingChange> {
    let mut found = Vec::new();
    let mut find = |path: String, breaking: Breaking| found.push(BreakingChange { path, breaking });
    if new.kind != old.kind {
        find("kind".to_owned(), Breaking::KindChanged);
    }
    if new.sharing_class > old.sharing_class {
        find("sharing_class".to_owned(), Breaking::ClassTightened);
    }
    for (path, from, to) in [
        ("valid_from_field", &old.valid_from_field, &new.valid_from_field),
        ("valid_until_field", &old.valid_until_field, &new.valid_until_field),
        ("holder_type_field", &old.holder_type_field, &new.holder_type_field),
        ("replaces_field", &old.replaces_field, &new.replaces_field),
    ] {
        if from != to {
            find(path.to_owned(), Breaking::RoleChanged);
        }
    }
    for field in &old.fields {
        let path = || format!("fields[{}]", field.code);
        match new.field(field.code.as_str()) {
            None => find(path(), Breaking::FieldRemoved),
            Some(new) => of_field(field, new).into_iter().for_each(|breaking| find(path(), breaking)),
        }
    }
    for field in new.fields.iter().filter(|field| field.required && old.field(field.code.as_str()).is_none()) {
        find(format!("fields[{}]", field.code), Breaking::FieldRequired);
    }
    found
}

fn of_field(old: &Field, new: &Field) -> Vec<Breaking> {
    [
        (new.required && !old.required).then_some(Breaking::FieldRequired),
        (new.sharing_class > old.sharing_class).then_some(Breaking::ClassTightened),
        of_type(&old.field_type, &new.field_type).or((old.repeated != new.repeated).then_some(Breaking::TypeChanged)),
        (new.derivation != old.derivation).then_some(Breaking::DerivationChanged),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_type(old: &FieldType, new: &FieldType) -> Option<Breaking> {
    match (old, new) {
        (FieldType::Text { max_length: old }, FieldType::Text { max_length: new }) => {
            (new < old).then_some(Breaking::LengthShortened)
        }
        (FieldType::CodeTable(old), FieldType::CodeTable(new)) if old == new => None,
        (old, new) => match (old.codes(), new.codes()) {
            (Some(old), Some(new)) => {
                let kept: std::collections::HashSet<&str> = new.into_iter().map(|(code, _)| code).collect();
                old.into_iter().any(|(code, _)| !kept.contains(code)).then_some(Breaking::CodeRemoved)
            }
            _ => (old != new).then_some(Breaking::TypeChanged),
        },
    }
}

/// The role of a field by which records are found, if a new version would change it: a record has been entered under the
/// identifier that it had, so it would no longer be found, and published again would be another record.
pub fn changed_identity(old: &Resource, new: &Resource) -> Option<&'static str> {
    let schemes = |resource: &Resource, code: &str| {
        resource.field(code).map(|field| field.field_type.commitment_schemes()).unwrap_or_default()
    };
    let roles = [
        ("record_id_field", &old.record_id_field, &new.record_id_field),
        ("holder_field", &old.holder_field, &new.holder_field),
    ];
    // A type that knows more schemes finds what was found before: an identifier has one canonical form under all of them.
    let is_kept =
        |from: &str, to: &str| from == to && schemes(old, from).iter().all(|scheme| schemes(new, to).contains(scheme));
    roles.into_iter().find(|(_, from, to)| !is_kept(from.as_str(), to.as_str())).map(|(role, ..)| role)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::catalog::{
        CodeTable, CodeTableRef, CodeValue, Derivation, Metadata, ResourceKind, SharingClass, TableCode, UpdateCycle,
    };

    fn codes(codes: &[&str]) -> FieldType {
        FieldType::Code(codes.iter().map(|code| CodeValue { code: (*code).into(), name: "名".into() }).collect())
    }

    fn table(version: u32, codes: &[&str]) -> FieldType {
        let table_id: crate::domain::id::CodeTableId = "types".parse().unwrap();
        let codes = codes.iter().map(|code| TableCode {
            code: (*code).into(),
            name: "名".into(),
            parent: String::new(),
            valid_from: None,
            valid_until: None,
        });
        let table = CodeTable::new(table_id.clone(), version, "类型".into(), codes.collect());
        FieldType::CodeTable(CodeTableRef { table_id, version, table: Some(Arc::new(table)) })
    }

    fn field(code: &str, field_type: FieldType, required: bool) -> Field {
        Field {
            code: code.parse().unwrap(),
            name: code.into(),
            name_en: String::new(),
            field_type,
            required,
            repeated: false,
            sharing_class: SharingClass::Unconditional,
            sensitive: false,
            open_to_society: false,
            derivation: None,
            value_range: String::new(),
        }
    }

    fn resource() -> Resource {
        Resource {
            resource_id: "samr.licence".parse().unwrap(),
            name: "营业执照".into(),
            name_en: String::new(),
            provider: "11440399X00000019A".parse().unwrap(),
            kind: ResourceKind::Licence,
            national_code: String::new(),
            summary: String::new(),
            sharing_class: SharingClass::Unconditional,
            sharing_condition: "按需".into(),
            denial_basis: "依据".into(),
            update_cycle: UpdateCycle::Daily,
            fields: vec![
                field("ID", FieldType::Text { max_length: 50 }, true),
                field("HOLDER", FieldType::Uscc, true),
                field("TYPE", codes(&["1", "2"]), false),
                field("REGION", table(1, &["11", "44"]), false),
                field("UNTIL", FieldType::Date, false),
            ],
            record_id_field: "ID".parse().unwrap(),
            holder_field: "HOLDER".parse().unwrap(),
            holder_type_field: None,
            replaces_field: None,
            copy_of: None,
            valid_from_field: None,
            valid_until_field: Some("UNTIL".parse().unwrap()),
            metadata: Metadata::default(),
        }
    }

    type Change = fn(&mut Resource);

    #[test]
    fn what_takes_nothing_away_breaks_nothing() {
        let changes: [Change; 9] = [
            |_| {},
            |r| r.summary = "新".into(),
            |r| r.fields.push(field("NEW", FieldType::Date, false)),
            |r| r.fields[0].field_type = FieldType::Text { max_length: 51 },
            |r| r.fields[2].field_type = codes(&["2", "3", "1"]),
            |r| r.fields[2].field_type = table(1, &["1", "2"]),
            |r| r.fields[3].field_type = table(2, &["44", "11", "31"]),
            |r| (r.fields[0].required, r.fields[4].sensitive) = (true, true),
            |r| r.fields.swap(2, 3),
        ];
        for (position, change) in changes.into_iter().enumerate() {
            let mut new = resource();
            change(&mut new);
            assert_eq!(breaking_changes(&resource(), &new), [], "{position}");
            assert_eq!(changed_identity(&resource(), &new), None);
        }
    }

    #[test]
    fn every_way_of_breaking_is_told_with_its_place() {
        let changes: [(Change, &str, Breaking); 13] = [
            (|r| r.kind = ResourceKind::Dataset, "kind", Breaking::KindChanged),
            (|r| r.sharing_class = SharingClass::Conditional, "sharing_class", Breaking::ClassTightened),
            (|r| r.valid_until_field = None, "valid_until_field", Breaking::RoleChanged),
            (|r| drop(r.fields.remove(2)), "fields[TYPE]", Breaking::FieldRemoved),
            (|r| r.fields.push(field("NEW", FieldType::Date, true)), "fields[NEW]", Breaking::FieldRequired),
            (|r| r.fields[2].required = true, "fields[TYPE]", Breaking::FieldRequired),
            (|r| r.fields[0].sharing_class = SharingClass::NotShared, "fields[ID]", Breaking::ClassTightened),
            (|r| r.fields[4].repeated = true, "fields[UNTIL]", Breaking::TypeChanged),
            (|r| r.fields[4].field_type = FieldType::DateTime, "fields[UNTIL]", Breaking::TypeChanged),
            (|r| r.fields[0].field_type = FieldType::Text { max_length: 49 }, "fields[ID]", Breaking::LengthShortened),
            (|r| r.fields[2].field_type = codes(&["1"]), "fields[TYPE]", Breaking::CodeRemoved),
            (|r| r.fields[3].field_type = table(2, &["11"]), "fields[REGION]", Breaking::CodeRemoved),
            (
                |r| {
                    let rule = crate::domain::derive::DerivationRule::MaskName;
                    r.fields[4].derivation = Some(Derivation { source_field: "ID".parse().unwrap(), rule });
                },
                "fields[UNTIL]",
                Breaking::DerivationChanged,
            ),
        ];
        let mut told = std::collections::BTreeSet::new();
        for (change, path, breaking) in changes {
            let mut new = resource();
            change(&mut new);
            assert_eq!(breaking_changes(&resource(), &new), [BreakingChange { path: path.to_owned(), breaking }]);
            told.insert(breaking);
        }
        assert_eq!(told.into_iter().collect::<Vec<_>>(), Breaking::ALL);
    }

    #[test]
    fn what_a_record_is_found_by_is_its_for_ever() {
        let changes: [(Change, Option<&str>); 5] = [
            (|r| r.fields[0].field_type = FieldType::LicenceId, Some("record_id_field")),
            (|r| r.record_id_field = "HOLDER".parse().unwrap(), Some("record_id_field")),
            (|r| r.fields[1].field_type = FieldType::CitizenId, Some("holder_field")),
            (|r| r.fields[0].field_type = FieldType::Text { max_length: 9 }, None),
            (|r| r.fields[1].field_type = FieldType::HolderCode, None),
        ];
        for (change, role) in changes {
            let mut new = resource();
            change(&mut new);
            assert_eq!(changed_identity(&resource(), &new), role);
        }
    }
}
