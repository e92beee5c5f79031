//! The catalog as files, reviewed like code.
//!
//! A catalog file is TOML, one `[[resource]]` for each catalog entry and one `[[resource.field]]` for each of its
//! fields, in the order in which they are shown:
//!
//! ```toml
//! [[resource]]
//! id = "samr.business-licence"
//! name = "营业执照"
//! name_en = "Business licence"                    # optional
//! provider = "11100000000013338W"                 # the department's unified social credit code
//! kind = "LICENCE"                                # LICENCE, CERTIFICATE, E_SEAL or DATASET
//! national_code = "307001/000001"                 # optional 信息资源代码
//! summary = "…"                                   # optional 信息资源摘要
//! sharing_class = "UNCONDITIONAL"                 # UNCONDITIONAL, CONDITIONAL or NOT_SHARED
//! sharing_condition = "…"                         # where CONDITIONAL
//! denial_basis = "…"                              # where the entry or one of its fields is NOT_SHARED
//! update_cycle = "DAILY"
//! format = "DATABASE"                             # optional 信息资源格式
//! share_method = "PLATFORM"                       # optional 共享方式
//! data_grade = "IMPORTANT"                        # optional 数据分级
//! opening_condition = "…"                         # optional 开放条件
//! source_system = "…"                             # optional 所属信息系统
//! subject = "…"                                   # optional 所属主题
//! related_codes = ["307001001/000002"]            # optional 关联资源代码
//! record_id = "ZZBS"                              # the field that names a record
//! holder = "CZZTDM"                               # the field that names its holder 持证主体, or its holders
//! replaces = "KZ_BTHZZBS"                         # optional: the field that names the record that one replaces
//! copy_of = { resource = "…", original = "…", purpose = "…" }    # of annotated copies 加注件: purpose is optional
//! holder_type = "CZZTDMLXDM"                      # where the holder is a HOLDER_CODE: the field with its kind
//! valid_from = "ZZYXQQSRQ"                        # optional
//! valid_until = "ZZYXQJZRQ"                       # optional
//!
//! [[resource.field]]
//! code = "ZZBH"
//! name = "证照编号"
//! type = "TEXT"                                   # INTEGER, DECIMAL, DATE, DATE_TIME, BOOLEAN, USCC, CITIZEN_ID, LICENCE_ID, CODE, SEAL
//! max_length = 64                                 # of TEXT
//! required = true                                 # default false
//! repeated = false                                # whether a record has a list of values; default false
//! sharing_class = "CONDITIONAL"                   # default: the resource's
//! sensitive = true                                # default false
//! open_to_society = false                         # default false
//! secret = false                                  # 涉密; a field that is has no place here
//! value_range = "…"                               # optional 值域, in words
//! codes = [{ code = "1", name = "有限责任公司" }]    # of CODE, or:
//! table = "gbt-2260"                              # of CODE: a code table of the hub, or of a file applied with this one
//! table_version = 1                               # optional; without it the newest when the file is applied
//! derived = { from = "KZ_FDDBR", rule = "mask-name" }
//! ```
//!
//! It may hold code tables too, and need hold nothing else:
//!
//! ```toml
//! [[code_table]]
//! id = "gbt-2260"
//! version = 1                                     # another content is the next version
//! name = "行政区划代码"
//! codes = [
//!     { code = "44", name = "广东省" },
//!     { code = "4403", name = "深圳市", parent = "44", valid_from = "1979-03-05" },    # valid_until likewise
//! ]
//! ```
//!
//! [`new_licence`] makes an entry to begin with; [`lint`] finds everything that is wrong with a file at once; [`parse`] gives the content of a file without fault;
//! [`render`] writes it as a file; [`plan()`] tells what files would change of what is in force, and what that means for those
//! who use and publish it; [`from_workbook`] and [`to_workbook`] exchange it with Excel. The rules of a catalog themselves are `domain::catalog`'s; this room finds the line that breaks one.

mod changes;
mod code_table;
mod licence;
mod nearest;
mod plan;
mod problem;
mod render;
mod resource;
mod table;
mod words;
mod workbook;

pub use changes::{Change, Difference, changes};
pub use licence::{Advice, new_licence};
pub(crate) use nearest::nearest;
pub use plan::{
    AgreementImpact, InForce, Obstacle, Plan, Published, RecordImpact, TableChange, agreement_impacts, plan,
    record_impacts,
};
pub use problem::{Problem, breaking_word};
pub use render::render;
pub use words::sharing_class_word;
pub use workbook::{Fault, Imported, MAX_WORKBOOK_BYTES, WorkbookFault, from_workbook, to_workbook};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use toml::de::DeTable;

use crate::{
    domain::catalog::{CatalogPart, CodeTable, Resource},
    wire::resource_len,
};
use table::{Located, Reader, Table};

/// The greatest catalog file, in bytes. An entry takes some 4 KiB, so this is a file of 4,000 entries, more than a city
/// has; a greater catalog is split into files that are applied one after another.
pub const MAX_FILE_BYTES: usize = 16 << 20;

/// The most bytes of a resource, as protobuf: it stands whole in one entry of the log, which has at most 65,535 bytes, and
/// the entry's header, signature and outcome take some 1,000. The rest is left for what later versions add.
pub const MAX_RESOURCE_BYTES: usize = 60_000;

/// What is wrong at one place of a catalog file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// The part at fault, such as `resource[samr.business-licence].field[ZZBH].max_length`; empty for the file itself.
    pub path: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// Finds everything that is wrong with a catalog file, in the order of its lines.
pub fn lint(bytes: &[u8]) -> Vec<Finding> {
    read(bytes).1
}

/// What catalog files hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// The code tables, in the order of the files.
    pub code_tables: Vec<CodeTable>,
    /// The resources, in the order of the files.
    pub resources: Vec<Resource>,
}

impl From<Content> for CatalogPart {
    fn from(content: Content) -> Self {
        Self {
            code_tables: content.code_tables.into_iter().map(Arc::new).collect(),
            resources: content.resources.into_iter().map(Arc::new).collect(),
        }
    }
}

/// What a catalog file holds, in its order.
///
/// # Errors
/// All that is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Content, Vec<Finding>> {
    match read(bytes) {
        (content, findings) if findings.is_empty() => Ok(content),
        (_, findings) => Err(findings),
    }
}

/// The content as far as it can be read, and the findings.
fn read(bytes: &[u8]) -> (Content, Vec<Finding>) {
    if bytes.len() > MAX_FILE_BYTES {
        let problem = Problem::FileTooLarge { found: bytes.len() };
        return (Content::default(), vec![Finding { line: 1, column: 1, path: String::new(), problem }]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let (line, column) = position(&String::from_utf8_lossy(valid), valid.len());
            return (
                Content::default(),
                vec![Finding { line, column, path: String::new(), problem: Problem::NotUtf8 }],
            );
        }
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    let syntax: Vec<Located> = errors.into_iter().map(Located::syntax).collect();
    let mut reader = Reader::default();
    let root = Table::root(document.get_ref());
    reader.require_known(&root, &["resource", "code_table"]);
    let content =
        Content { code_tables: read_code_tables(&mut reader, &root), resources: read_resources(&mut reader, &root) };
    if content == Content::default() && reader.is_in_order() {
        reader.find(0, String::new(), Problem::Empty);
    }
    let lines = Lines::new(text);
    let faulty_lines: BTreeSet<usize> = syntax.iter().map(|error| lines.position(error.offset).0).collect();
    // A finding may be nothing but the consequence of a syntax error: one on the same line, or one within a table that is said to
    // lack something.
    let follows = |found: &Located| {
        let lacking = matches!(found.problem, Problem::Missing { .. } | Problem::Rule(_) | Problem::Empty);
        !syntax.is_empty() && (lacking || faulty_lines.contains(&lines.position(found.offset).0))
    };
    let semantic = reader.into_found().into_iter().filter(|found| !follows(found));
    let mut findings: Vec<Finding> = syntax.iter().cloned().chain(semantic).map(|found| found.place(&lines)).collect();
    findings.sort_by(|a, b| (a.line, a.column, &a.path).cmp(&(b.line, b.column, &b.path)));
    (content, findings)
}

fn read_code_tables(reader: &mut Reader, root: &Table<'_>) -> Vec<CodeTable> {
    let mut first_offsets = BTreeMap::new();
    let mut code_tables = Vec::new();
    for table in reader.tables(root, "code_table", "id") {
        let Some(code_table) = code_table::read(reader, &table) else { continue };
        let offset = table.offset("id");
        match first_offsets.get(code_table.table_id()) {
            Some(&first) => reader.find(offset, table.path_of("id"), Problem::Repeated { first }),
            None => {
                first_offsets.insert(code_table.table_id().clone(), offset);
            }
        }
        code_tables.push(code_table);
    }
    code_tables
}

fn read_resources(reader: &mut Reader, root: &Table<'_>) -> Vec<Resource> {
    let tables = reader.tables(root, "resource", "id");
    let mut first_offsets = BTreeMap::new();
    let mut resources = Vec::with_capacity(tables.len());
    for table in tables {
        let Some(resource) = resource::read(reader, &table) else { continue };
        let found = resource_len(&resource);
        if found > MAX_RESOURCE_BYTES {
            reader.find(table.start(), table.path().to_owned(), Problem::ResourceTooLarge { found });
        }
        let offset = table.offset("id");
        match first_offsets.get(&resource.resource_id) {
            Some(&first) => reader.find(offset, table.path_of("id"), Problem::Repeated { first }),
            None => {
                first_offsets.insert(resource.resource_id.clone(), offset);
            }
        }
        resources.push(resource);
    }
    resources
}

/// Line and column of a byte offset, both from 1, the column in characters.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    Lines::new(text).position(offset)
}

/// A text and where its lines begin, for those who look up many places in it.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(end, _)| end + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// Line and column of a byte offset, both from 1, the column in characters.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or_default();
        (line, self.text.get(start..offset).unwrap_or_default().chars().count() + 1)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
