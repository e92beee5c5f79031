//! The catalog 数据目录: what is shared, by whom, field by field.

mod check;
mod code_table;
mod compatibility;
mod metadata;
mod roles;

pub use check::{CatalogRule, CatalogViolation, MAX_DESCRIPTION, MAX_RELATED};
pub use code_table::{CodeTable, CodeTableRef, MAX_CODE_CHARS, MAX_CODE_TABLE_BYTES, TableCode, assemble};
pub use compatibility::{Breaking, BreakingChange, breaking_changes, changed_identity};
pub use metadata::{DataGrade, Metadata, NationalCode, ResourceFormat, ShareMethod};

use std::{collections::BTreeMap, sync::Arc};

use super::{
    agreement::AgreementText,
    derive::DerivationRule,
    id::{CodeTableId, Digest, FieldCode, ResourceId},
    identifier::Uscc,
};

/// What a resource holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// Electronic licences 电子证照.
    Licence,
    /// Certificates 证明.
    Certificate,
    /// Electronic seals 电子印章.
    ESeal,
    /// Other structured data 数据集.
    Dataset,
}

/// The sharing class 共享类型.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharingClass {
    /// 无条件共享.
    Unconditional,
    /// 有条件共享: the provider accepts each agreement.
    Conditional,
    /// 不予共享.
    NotShared,
}

/// How often the provider brings a resource up to date 更新周期.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it all.
pub enum UpdateCycle {
    RealTime,
    Daily,
    Weekly,
    Monthly,
    Quarterly,
    HalfYearly,
    Yearly,
    Other,
}

/// The type of a field's values; `FieldType` in `catalog.proto` says how each stands in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldType {
    /// At most so many characters.
    Text {
        /// In Unicode scalar values.
        max_length: u32,
    },
    /// A whole number that JSON carries exactly.
    Integer,
    /// An exact decimal number, as a string.
    Decimal,
    /// RFC 3339 `full-date`.
    Date,
    /// RFC 3339 with an offset.
    DateTime,
    /// true or false.
    Boolean,
    /// A unified social credit code.
    Uscc,
    /// A citizen identity number.
    CitizenId,
    /// A licence identifier with its object identifier root.
    LicenceId,
    /// One of the listed codes.
    Code(Vec<CodeValue>),
    /// One of the codes of a code table.
    CodeTable(CodeTableRef),
    /// An administrative division.
    AdministrativeDivision,
    /// A holder's identifier of one kind or another; another field says which.
    HolderCode,
    /// An e-seal itself.
    Seal,
}

impl FieldType {
    /// The schemes that a commitment to a value of this type may have, where a lookup by it is possible. Whatever the scheme, a value
    /// has one canonical form, by which it is found.
    pub fn commitment_schemes(&self) -> &'static [&'static str] {
        match self {
            Self::Uscc => &["uscc"],
            Self::CitizenId => &["citizen-id"],
            Self::LicenceId => &["licence-id"],
            Self::Text { .. } => &["text"],
            Self::HolderCode => &["uscc", "citizen-id", "text"],
            _ => &[],
        }
    }

    /// The codes that it admits and their names, where it admits only those, and they are at hand.
    pub fn codes(&self) -> Option<Vec<(&str, &str)>> {
        match self {
            Self::Code(values) => Some(values.iter().map(|value| (value.code.as_str(), value.name.as_str())).collect()),
            Self::CodeTable(reference) => {
                let table = reference.table.as_ref()?;
                Some(table.codes().iter().map(|code| (code.code.as_str(), code.name.as_str())).collect())
            }
            _ => None,
        }
    }
}

/// One code of a field and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeValue {
    /// The code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// The rule that makes a derived field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    /// The field it is made from.
    pub source_field: FieldCode,
    /// How.
    pub rule: DerivationRule,
}

/// A field 信息项.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its code.
    pub code: FieldCode,
    /// 信息项名称.
    pub name: String,
    /// The name in English.
    pub name_en: String,
    /// The type of its values.
    pub field_type: FieldType,
    /// Whether every record has a value.
    pub required: bool,
    /// Whether a value is a list.
    pub repeated: bool,
    /// Its sharing class.
    pub sharing_class: SharingClass,
    /// 敏感属性.
    pub sensitive: bool,
    /// 开放属性.
    pub open_to_society: bool,
    /// How it is made from another field.
    pub derivation: Option<Derivation>,
    /// 值域, in words; empty: not stated.
    pub value_range: String,
}

/// A catalog entry 信息资源; `Resource` in `catalog.proto` says what each part is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // Said in catalog.proto, field by field.
pub struct Resource {
    pub resource_id: ResourceId,
    pub name: String,
    pub name_en: String,
    pub provider: Uscc,
    pub kind: ResourceKind,
    pub national_code: String,
    pub summary: String,
    pub sharing_class: SharingClass,
    pub sharing_condition: String,
    pub denial_basis: String,
    pub update_cycle: UpdateCycle,
    pub fields: Vec<Field>,
    pub record_id_field: FieldCode,
    pub holder_field: FieldCode,
    pub valid_from_field: Option<FieldCode>,
    pub valid_until_field: Option<FieldCode>,
    pub metadata: Metadata,
    pub holder_type_field: Option<FieldCode>,
    pub replaces_field: Option<FieldCode>,
    pub copy_of: Option<CopyOf>,
}

/// Of what the records of a resource are annotated copies 加注件.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOf {
    /// The resource of the originals.
    pub resource_id: ResourceId,
    /// The field that names a copy's original by its identifier.
    pub original_field: FieldCode,
    /// The field that holds the purpose code of a copy that is made for one.
    pub purpose_field: Option<FieldCode>,
}

/// The most fields of one resource: a query's entry names each at most once per record, and must fit 65,535 bytes.
pub const MAX_FIELDS: usize = 200;
/// The most values of a repeated field. Joint owners of a home are few, those of a collective are recorded by their representative;
/// with 32 holders each, a publication of 256 records still moves fewer than 9,000 rows of the index.
pub const MAX_VALUES: usize = 32;
/// The longest text of a field, in characters: a body with all fields stays well below the greatest message.
pub const MAX_TEXT_LENGTH: u32 = 20_000;

impl Resource {
    /// The field of a code.
    pub fn field(&self, code: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.code.as_str() == code)
    }

    /// The versions of code tables that its fields follow, in their order.
    pub fn code_table_refs(&self) -> impl Iterator<Item = &CodeTableRef> {
        self.fields.iter().filter_map(|field| match &field.field_type {
            FieldType::CodeTable(reference) => Some(reference),
            _ => None,
        })
    }

    /// The resource with its code tables at hand, which fix the versions that it leaves open.
    ///
    /// # Errors
    /// The version of a table that `find` does not give.
    pub fn with_code_tables(
        self: &Arc<Self>,
        find: impl Fn(&CodeTableRef) -> Option<Arc<CodeTable>>,
    ) -> Result<Arc<Self>, CodeTableRef> {
        if self.code_table_refs().next().is_none() {
            return Ok(Arc::clone(self));
        }
        let mut resource = Self::clone(self);
        for field in &mut resource.fields {
            if let FieldType::CodeTable(reference) = &mut field.field_type {
                let found = find(reference).ok_or_else(|| reference.clone())?;
                reference.version = found.version();
                reference.table = Some(found);
            }
        }
        Ok(Arc::new(resource))
    }

    /// The type of record that an SD-JWT of this resource and version has, its `vct`.
    pub fn vct(&self, version: u32) -> String {
        format!("urn:hutong:{}:{version}", self.resource_id)
    }
}

/// The catalog in force, every version of every resource, and the parts entered but not released.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Counts the releases.
    pub version: u64,
    /// The versions of each resource, from 1 on; the last is in force.
    pub resources: BTreeMap<ResourceId, Vec<Arc<Resource>>>,
    /// The versions of each code table, from 1 on. A resource names the version that its records follow.
    pub code_tables: BTreeMap<CodeTableId, Vec<Arc<CodeTable>>>,
    /// Parts entered, by the SHA-256 of their payloads, without effect until released.
    pub parts: BTreeMap<Digest, CatalogPart>,
}

/// A part of a catalog, as it was entered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogPart {
    /// Resources in full.
    pub resources: Vec<Arc<Resource>>,
    /// Code tables, or pieces of those that no single entry holds.
    pub code_tables: Vec<Arc<CodeTable>>,
}

impl Catalog {
    /// The newest version of a resource, with its number.
    pub fn newest(&self, resource: &str) -> Option<(u32, &Arc<Resource>)> {
        let versions = self.resources.get(resource)?;
        Some((u32::try_from(versions.len()).ok()?, versions.last()?))
    }

    /// Lets an agreement's text share the names of its resource and fields with the catalog: as with its codes, decisions under
    /// whichever agreement then find them in the processor's cache.
    pub(super) fn share_names(&self, text: &mut AgreementText) {
        let Some((id, versions)) = self.resources.get_key_value(text.resource_id.as_str()) else { return };
        text.resource_id = id.clone();
        let Some(newest) = versions.last() else { return };
        let shared = |code: FieldCode| newest.field(code.as_str()).map_or(code, |field| field.code.clone());
        text.fields = std::mem::take(&mut text.fields).into_iter().map(shared).collect();
    }

    /// The newest version of a code table.
    pub fn newest_code_table(&self, table: &str) -> Option<&Arc<CodeTable>> {
        self.code_tables.get(table)?.last()
    }

    /// A version of a code table.
    pub fn code_table(&self, table: &str, version: u32) -> Option<&Arc<CodeTable>> {
        let position = usize::try_from(version).ok()?.checked_sub(1)?;
        self.code_tables.get(table)?.get(position)
    }

    /// A version of a resource.
    pub fn version(&self, resource: &str, version: u32) -> Option<&Arc<Resource>> {
        let position = usize::try_from(version).ok()?.checked_sub(1)?;
        self.resources.get(resource)?.get(position)
    }
}
