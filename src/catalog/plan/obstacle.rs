//! What is in the way of a plan.

use crate::domain::{
    catalog::CodeTableRef,
    id::{CodeTableId, FieldCode, ResourceId},
    identifier::Uscc,
};

/// Why files cannot be applied to a catalog in force, whatever an administrator says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// A resource or code table stands in more than one file.
    Twice(String),
    /// A field follows a code table, or a version of one, that is neither in force nor in the files.
    CodeTableUnknown {
        /// The resource.
        resource_id: ResourceId,
        /// The field.
        field: FieldCode,
        /// The table.
        table: CodeTableRef,
    },
    /// A code table differs from what is in force and does not have the next version.
    CodeTableVersion {
        /// The table.
        table_id: CodeTableId,
        /// The version in the file.
        found: u32,
        /// The next version.
        next: u32,
    },
    /// A resource's provider is not registered.
    ProviderUnknown(ResourceId, Uscc),
    /// A resource would get another provider.
    Provider(ResourceId),
    /// A resource's records would be found by another field, or by one of another type.
    Identity(ResourceId, &'static str),
    /// A resource's records would be copies of others, or no longer.
    CopyOf(ResourceId),
    /// What a resource's records are copies of is not there, is itself of copies, or has identifiers of another type.
    Originals(ResourceId),
}

impl Obstacle {
    /// What is in the way, in English.
    pub fn english(&self) -> String {
        match self {
            Self::Twice(name) => format!("{name} stands in more than one file, or twice in one"),
            Self::CodeTableUnknown { resource_id, field, table } => {
                format!("{resource_id} field[{field}]: there is no code table {}", named(table, "version"))
            }
            Self::CodeTableVersion { table_id, found, next } => format!(
                "code table {table_id}: version {found} is not what is in force under that number, and the next is {next}"
            ),
            Self::ProviderUnknown(id, provider) => {
                format!("{id}: the provider {provider} is not registered; `hutong department register` does it")
            }
            Self::Provider(id) => format!("{id}: the provider cannot change; enter a new resource"),
            Self::Identity(id, role) => format!(
                "{id}: {} and the type of its field cannot change, for records are found by it; enter a new resource",
                role.trim_end_matches("_field")
            ),
            Self::CopyOf(id) => format!("{id}: copy_of cannot change; enter a new resource"),
            Self::Originals(id) => format!(
                "{id}: copy_of names no resource of originals, in force or in the files, with identifiers of the type of its field"
            ),
        }
    }

    /// The same in Chinese.
    pub fn chinese(&self) -> String {
        match self {
            Self::Twice(name) => format!("{name} 在文件中出现不止一次"),
            Self::CodeTableUnknown { resource_id, field, table } => {
                format!("{resource_id} 信息项 {field}：没有码表 {}", named(table, "版本"))
            }
            Self::CodeTableVersion { table_id, found, next } => {
                format!("码表 {table_id}：版本 {found} 与已生效的同号版本内容不同，下一版本为 {next}")
            }
            Self::ProviderUnknown(id, provider) => {
                format!("{id}：提供方 {provider} 尚未登记，请先用 hutong department register 登记")
            }
            Self::Provider(id) => format!("{id}：提供方不能变更，请另编新资源"),
            Self::Identity(id, role) => {
                format!("{id}：{} 及其类型不能变更（记录凭其查找），请另编新资源", role.trim_end_matches("_field"))
            }
            Self::CopyOf(id) => format!("{id}：copy_of 不能变更，请另编新资源"),
            Self::Originals(id) => format!("{id}：copy_of 所指的原件资源未生效也不在文件中，或其标识类型不同"),
        }
    }
}

fn named(table: &CodeTableRef, version: &str) -> String {
    match table.version {
        0 => table.table_id.to_string(),
        number => format!("{} {version} {number}", table.table_id),
    }
}
