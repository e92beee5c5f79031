//! The words of a catalog file for what the domain has as enums.

use crate::domain::catalog::{
    DataGrade, FieldType, ResourceFormat, ResourceKind, ShareMethod, SharingClass, UpdateCycle,
};

/// Words and what they stand for.
pub(super) type Words<T> = &'static [(&'static str, T)];

pub(super) const KINDS: Words<ResourceKind> = &[
    ("LICENCE", ResourceKind::Licence),
    ("CERTIFICATE", ResourceKind::Certificate),
    ("E_SEAL", ResourceKind::ESeal),
    ("DATASET", ResourceKind::Dataset),
];

pub(super) const SHARING_CLASSES: Words<SharingClass> = &[
    ("UNCONDITIONAL", SharingClass::Unconditional),
    ("CONDITIONAL", SharingClass::Conditional),
    ("NOT_SHARED", SharingClass::NotShared),
];

pub(super) const UPDATE_CYCLES: Words<UpdateCycle> = &[
    ("REAL_TIME", UpdateCycle::RealTime),
    ("DAILY", UpdateCycle::Daily),
    ("WEEKLY", UpdateCycle::Weekly),
    ("MONTHLY", UpdateCycle::Monthly),
    ("QUARTERLY", UpdateCycle::Quarterly),
    ("HALF_YEARLY", UpdateCycle::HalfYearly),
    ("YEARLY", UpdateCycle::Yearly),
    ("OTHER", UpdateCycle::Other),
];

pub(super) const FORMATS: Words<ResourceFormat> = &[
    ("ELECTRONIC_FILE", ResourceFormat::ElectronicFile),
    ("SPREADSHEET", ResourceFormat::Spreadsheet),
    ("DATABASE", ResourceFormat::Database),
    ("IMAGE", ResourceFormat::Image),
    ("STREAMING_MEDIA", ResourceFormat::StreamingMedia),
    ("SELF_DESCRIBING", ResourceFormat::SelfDescribing),
    ("SERVICE_INTERFACE", ResourceFormat::ServiceInterface),
];

pub(super) const SHARE_METHODS: Words<ShareMethod> =
    &[("PLATFORM", ShareMethod::Platform), ("MAIL", ShareMethod::Mail), ("MEDIA", ShareMethod::Media)];

pub(super) const DATA_GRADES: Words<DataGrade> =
    &[("GENERAL", DataGrade::General), ("IMPORTANT", DataGrade::Important), ("CORE", DataGrade::Core)];

/// The word of a sharing class, as catalog files have it.
pub fn sharing_class_word(class: SharingClass) -> &'static str {
    word(SHARING_CLASSES, &class)
}

/// A field's type without what goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TypeWord {
    Text,
    Integer,
    Decimal,
    Date,
    DateTime,
    Boolean,
    Uscc,
    CitizenId,
    LicenceId,
    Code,
    AdministrativeDivision,
    HolderCode,
    Seal,
}

pub(super) const FIELD_TYPES: Words<TypeWord> = &[
    ("TEXT", TypeWord::Text),
    ("INTEGER", TypeWord::Integer),
    ("DECIMAL", TypeWord::Decimal),
    ("DATE", TypeWord::Date),
    ("DATE_TIME", TypeWord::DateTime),
    ("BOOLEAN", TypeWord::Boolean),
    ("USCC", TypeWord::Uscc),
    ("CITIZEN_ID", TypeWord::CitizenId),
    ("LICENCE_ID", TypeWord::LicenceId),
    ("CODE", TypeWord::Code),
    ("ADMINISTRATIVE_DIVISION", TypeWord::AdministrativeDivision),
    ("HOLDER_CODE", TypeWord::HolderCode),
    ("SEAL", TypeWord::Seal),
];

impl From<&FieldType> for TypeWord {
    fn from(field_type: &FieldType) -> Self {
        match field_type {
            FieldType::Text { .. } => Self::Text,
            FieldType::Integer => Self::Integer,
            FieldType::Decimal => Self::Decimal,
            FieldType::Date => Self::Date,
            FieldType::DateTime => Self::DateTime,
            FieldType::Boolean => Self::Boolean,
            FieldType::Uscc => Self::Uscc,
            FieldType::CitizenId => Self::CitizenId,
            FieldType::LicenceId => Self::LicenceId,
            FieldType::Code(_) | FieldType::CodeTable(_) => Self::Code,
            FieldType::AdministrativeDivision => Self::AdministrativeDivision,
            FieldType::HolderCode => Self::HolderCode,
            FieldType::Seal => Self::Seal,
        }
    }
}

/// The word for a value. Every value has one, which the round trip of files proves.
pub(super) fn word<T: PartialEq>(words: Words<T>, value: &T) -> &'static str {
    words.iter().find(|(_, own)| own == value).map_or("", |(word, _)| word)
}
