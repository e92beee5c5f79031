//! Catalogs as departments keep them: the Excel template of the national guide, one row for each 信息项, with the columns that
//! cities have added.
//!
//! What a column is called differs from city to city, and most of what a catalog file says has a column in none of them. So
//! columns are known by many names (`columns`), and what a workbook does not say is left out of the catalog file that is made of it.
//! That file is held against the rules like any other, and what is wrong with it is told by the cell that it came from.
//! [`to_workbook`] writes columns for everything, and what it writes reads back as the same catalog.

mod columns;
mod draft;
mod fault;
mod read;
mod sheet;
mod source;
mod value;
mod write;

pub use fault::{Fault, WorkbookFault};
pub use read::{Imported, from_workbook};
pub use source::MAX_WORKBOOK_BYTES;
pub use write::to_workbook;

/// The sheet of resources and their fields, as it is written.
const CATALOG_SHEET: &str = "目录";
/// The sheet of the codes that fields list themselves, as it is written.
const CODES_SHEET: &str = "信息项代码";
/// The sheet of code tables, as it is written.
const TABLES_SHEET: &str = "码表";

/// The keys of catalog files that have a column.
#[cfg(test)]
pub(super) fn columns() -> std::collections::BTreeSet<&'static str> {
    columns::OF_RESOURCE.iter().chain(columns::OF_FIELD).map(|column| column.key).collect()
}
