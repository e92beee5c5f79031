//! The rules that every resource of a catalog obeys.

use super::{Field, FieldType, MAX_FIELDS, MAX_TEXT_LENGTH, NationalCode, Resource, ResourceKind, SharingClass};
use crate::domain::derive::{DerivationRule, Derived};

/// The longest description in a catalog entry, in characters.
pub const MAX_DESCRIPTION: usize = 1_000;
/// The most resources that one names as related to it; more of them is a subject, which has a key of its own.
pub const MAX_RELATED: usize = 50;

/// Declares the rules, each with what is said of a part that breaks it.
macro_rules! rules {
    ($($item:ident = $text:literal;)*) => {
        /// A rule of the catalog.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // `as_str` says what each is.
        pub enum CatalogRule { $($item,)* }

        impl CatalogRule {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$item,)*];

            /// What is wrong with a part that breaks it, and what is allowed.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$item => $text,)* }
            }
        }

        impl std::fmt::Display for CatalogRule {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

rules! {
    NotEmpty = "must not be empty";
    DescriptionLength = "is longer than 1000 characters";
    NationalCodeForm = "must be 类 (1 digit), 项 (2), 目 (3), 细目 (digits), `/` and 顺序号 (digits), such as 307001001/000001";
    RelatedCount = "has more than 50 related resources";
    RelatedTwice = "has a code twice, or the resource's own";
    ConditionStated = "is required where the sharing class is CONDITIONAL";
    DenialBasisStated = "is required where the resource or a field is NOT_SHARED";
    FieldCount = "must be 1 to 200";
    FieldCodeTwice = "stands twice";
    FieldNameTwice = "is also another field's name";
    LessStrict = "is less strict than the resource's";
    OpenNotShared = "must be false for a field that is NOT_SHARED";
    TextLength = "must be 1 to 20000 for TEXT";
    CodesStated = "must not be empty for CODE";
    CodeTwice = "has a code twice";
    TableVersion = "must be a whole number from 1 on";
    TableCodesStated = "must have at least one code";
    TableSize = "takes more than 2 MiB";
    TableCodeForm = "must be 1 to 64 characters without white space around them";
    TableCodeTwice = "stands twice in the table";
    TableParent = "must be a code of the table, and lead in at most 8 steps to one without a parent";
    TableValidity = "must not be before valid_from";
    DerivationSource = "must be a field of the resource that is not itself derived";
    DerivedText = "must be TEXT for this derivation";
    DerivedBoolean = "must be BOOLEAN for this derivation";
    DerivationType = "cannot be made of a field of the source's type";
    DerivedRepeated = "must be as that of the field it is derived from";
    RecordIdField = "must be a required field of type TEXT, USCC, CITIZEN_ID or LICENCE_ID";
    HolderField = "must be a required field of type USCC, CITIZEN_ID or HOLDER_CODE";
    HolderCodeAlone = "HOLDER_CODE is the holder field's alone";
    HolderTypeStated = "is required where the holder field is of type HOLDER_CODE";
    HolderTypeField = "must be a required field of type CODE";
    HolderTypeRepeated = "must be repeated as the holder field is";
    ReplacesField = "must be another field of the record id's type, neither required nor repeated";
    CopyOf = "must name another resource, a required field for its identifiers beside the record id, a TEXT or CODE field for the purpose if there is one, none of them repeated; goes with valid_until and not with replaces";
    DateField = "must be a field of type DATE";
    SealField = "must be of a resource of kind E_SEAL, the only field of type SEAL, and the record id of type TEXT";
}

/// A part of a resource that breaks a rule of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogViolation {
    /// Where: such as `fields[ZZBH].max_length`.
    pub path: String,
    /// The rule.
    pub rule: CatalogRule,
}

#[derive(Default)]
pub(super) struct Violations(pub(super) Vec<CatalogViolation>);

impl Violations {
    pub(super) fn require(&mut self, holds: bool, path: &str, rule: CatalogRule) {
        if !holds {
            self.0.push(CatalogViolation { path: path.to_owned(), rule });
        }
    }
}

impl Resource {
    /// Everything that breaks a rule of the catalog, each with the path of the part at fault.
    pub fn violations(&self) -> Vec<CatalogViolation> {
        let mut found = Violations::default();
        self.check_texts(&mut found);
        self.check_codes(&mut found);
        self.check_fields(&mut found);
        self.check_roles(&mut found);
        found.0
    }

    fn check_texts(&self, found: &mut Violations) {
        found.require(!self.name.trim().is_empty(), "name", CatalogRule::NotEmpty);
        for (path, text) in [
            ("name", &self.name),
            ("name_en", &self.name_en),
            ("summary", &self.summary),
            ("sharing_condition", &self.sharing_condition),
            ("denial_basis", &self.denial_basis),
            ("opening_condition", &self.metadata.opening_condition),
            ("source_system", &self.metadata.source_system),
            ("subject", &self.metadata.subject),
        ] {
            found.require(text.chars().count() <= MAX_DESCRIPTION, path, CatalogRule::DescriptionLength);
        }
        found.require(
            self.sharing_class != SharingClass::Conditional || !self.sharing_condition.trim().is_empty(),
            "sharing_condition",
            CatalogRule::ConditionStated,
        );
        let denies = self.sharing_class == SharingClass::NotShared
            || self.fields.iter().any(|field| field.sharing_class == SharingClass::NotShared);
        found.require(!denies || !self.denial_basis.trim().is_empty(), "denial_basis", CatalogRule::DenialBasisStated);
    }

    fn check_codes(&self, found: &mut Violations) {
        let own = self.national_code.as_str();
        let well_formed = |code: &str| NationalCode::parse(code).is_some();
        found.require(own.is_empty() || well_formed(own), "national_code", CatalogRule::NationalCodeForm);
        let mut related: Vec<_> = self.metadata.related_codes.iter().map(String::as_str).collect();
        found.require(related.len() <= MAX_RELATED, "related_codes", CatalogRule::RelatedCount);
        found.require(related.iter().all(|code| well_formed(code)), "related_codes", CatalogRule::NationalCodeForm);
        related.extend(Some(own).filter(|own| !own.is_empty()));
        related.sort_unstable();
        found.require(related.windows(2).all(|pair| pair[0] != pair[1]), "related_codes", CatalogRule::RelatedTwice);
    }

    fn check_fields(&self, found: &mut Violations) {
        found.require((1..=MAX_FIELDS).contains(&self.fields.len()), "fields", CatalogRule::FieldCount);
        for (position, field) in self.fields.iter().enumerate() {
            let path = |part: &str| format!("fields[{}].{part}", field.code);
            let earlier = self.fields.iter().take(position);
            found.require(
                earlier.clone().all(|other| other.code != field.code),
                &path("code"),
                CatalogRule::FieldCodeTwice,
            );
            found.require(!field.name.trim().is_empty(), &path("name"), CatalogRule::NotEmpty);
            found.require(
                earlier.clone().all(|other| other.name != field.name),
                &path("name"),
                CatalogRule::FieldNameTwice,
            );
            found.require(field.sharing_class >= self.sharing_class, &path("sharing_class"), CatalogRule::LessStrict);
            found.require(
                !field.open_to_society || field.sharing_class != SharingClass::NotShared,
                &path("open_to_society"),
                CatalogRule::OpenNotShared,
            );
            found.require(
                field.value_range.chars().count() <= MAX_DESCRIPTION,
                &path("value_range"),
                CatalogRule::DescriptionLength,
            );
            match &field.field_type {
                FieldType::Text { max_length } => found.require(
                    (1..=MAX_TEXT_LENGTH).contains(max_length),
                    &path("max_length"),
                    CatalogRule::TextLength,
                ),
                FieldType::Code(values) => {
                    found.require(!values.is_empty(), &path("codes"), CatalogRule::CodesStated);
                    let mut codes: Vec<_> = values.iter().map(|value| &value.code).collect();
                    codes.sort();
                    found.require(
                        codes.windows(2).all(|pair| pair[0] != pair[1]),
                        &path("codes"),
                        CatalogRule::CodeTwice,
                    );
                }
                FieldType::Seal => found.require(self.may_hold_seal(), &path("type"), CatalogRule::SealField),
                _ => {}
            }
            if let Some(derivation) = &field.derivation {
                let source = self.field(derivation.source_field.as_str());
                found.require(
                    source.is_some_and(|source| source.derivation.is_none() && source.code != field.code),
                    &path("derivation.source_field"),
                    CatalogRule::DerivationSource,
                );
                if let Some(source) = source {
                    check_derived(field, source, derivation.rule, &path, found);
                }
            }
        }
    }

    /// Whether records may be e-seals: they are found by the identifier in the seal, which is text.
    fn may_hold_seal(&self) -> bool {
        let mut seals = self.fields.iter().filter(|field| field.field_type == FieldType::Seal);
        let is_one = seals.next().is_some_and(|field| !field.repeated) && seals.next().is_none();
        let record_id = self.field(self.record_id_field.as_str()).map(|field| &field.field_type);
        self.kind == ResourceKind::ESeal && is_one && matches!(record_id, Some(FieldType::Text { .. }))
    }
}

/// Whether a derived field has the type that its rule gives, and its source one that the rule takes.
fn check_derived(
    field: &Field,
    source: &Field,
    rule: DerivationRule,
    path: &impl Fn(&str) -> String,
    found: &mut Violations,
) {
    let (gives, broken) = match rule.gives() {
        Derived::Text => (matches!(field.field_type, FieldType::Text { .. }), CatalogRule::DerivedText),
        Derived::Boolean => (field.field_type == FieldType::Boolean, CatalogRule::DerivedBoolean),
    };
    found.require(gives, &path("type"), broken);
    found.require(rule.takes(&source.field_type), &path("derivation.rule"), CatalogRule::DerivationType);
    found.require(field.repeated == source.repeated, &path("repeated"), CatalogRule::DerivedRepeated);
}
