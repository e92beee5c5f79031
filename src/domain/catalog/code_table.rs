//! Code tables 码表: the codes of a field, kept once for all resources that use them, each version for good.

use std::{collections::BTreeSet, fmt, sync::Arc};

use super::{CatalogRule, CatalogViolation, check::Violations};
use crate::domain::{id::CodeTableId, time::Date};

/// The most bytes of a code table, codes, names, parents and `ENTRY_BYTES` an entry: one answer of a hub holds it, with
/// room to spare. The divisions of GB/T 2260 down to the county take some 150 KiB.
pub const MAX_CODE_TABLE_BYTES: usize = 2 << 20;
/// What an entry of a code table takes beside its texts: tags, lengths and two dates.
const ENTRY_BYTES: usize = 40;
/// The longest code, in characters.
pub const MAX_CODE_CHARS: usize = 64;
/// The longest chain of parents: a village is the fifth level of the divisions, a trade the fourth of its classes.
const MAX_DEPTH: usize = 8;

/// A code table in one version.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeTable {
    table_id: CodeTableId,
    version: u32,
    name: String,
    codes: Vec<TableCode>,
    /// Positions in `codes`, in the order of the codes: by it one is found.
    sorted: Vec<usize>,
}

/// One code of a code table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCode {
    /// The code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The code of which it is a part, such as the province of a city; empty: of none.
    pub parent: String,
    /// In use from this date on; `None`: from ever.
    pub valid_from: Option<Date>,
    /// In use until this date, inclusively; `None`: without end. Records keep codes that are no longer in use, so this
    /// tells people and decides nothing.
    pub valid_until: Option<Date>,
}

impl CodeTable {
    /// A code table; whether it obeys the rules is for [`CodeTable::violations`] to say.
    pub fn new(table_id: CodeTableId, version: u32, name: String, codes: Vec<TableCode>) -> Self {
        let mut sorted: Vec<usize> = (0..codes.len()).collect();
        sorted.sort_by_key(|position| codes.get(*position).map(|code| code.code.as_str()));
        Self { table_id, version, name, codes, sorted }
    }

    /// Its id.
    pub fn table_id(&self) -> &CodeTableId {
        &self.table_id
    }

    /// Its version; counts from 1.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its codes, in the order in which they are shown.
    pub fn codes(&self) -> &[TableCode] {
        &self.codes
    }

    /// The code, if the table has it.
    pub fn find(&self, code: &str) -> Option<&TableCode> {
        let at = |position: &usize| self.codes.get(*position);
        let text = |position: &usize| at(position).map(|own| own.code.as_str()).unwrap_or_default();
        let found = self.sorted.binary_search_by(|position| text(position).cmp(code)).ok()?;
        self.sorted.get(found).and_then(at)
    }

    /// Everything that breaks a rule of the catalog, each with the path of the part at fault, such as `codes[3].name`; codes
    /// count from 1.
    pub fn violations(&self) -> Vec<CatalogViolation> {
        let mut found = Violations::default();
        found.require(self.version > 0, "version", CatalogRule::TableVersion);
        found.require(!self.name.trim().is_empty(), "name", CatalogRule::NotEmpty);
        found.require(self.name.chars().count() <= super::MAX_DESCRIPTION, "name", CatalogRule::DescriptionLength);
        found.require(!self.codes.is_empty(), "codes", CatalogRule::TableCodesStated);
        let bytes: usize =
            self.codes.iter().map(|code| code.code.len() + code.name.len() + code.parent.len() + ENTRY_BYTES).sum();
        found.require(bytes <= MAX_CODE_TABLE_BYTES, "codes", CatalogRule::TableSize);
        let repeated = self.sorted.windows(2).filter_map(|pair| match pair {
            [first, second] => (self.codes.get(*first)?.code == self.codes.get(*second)?.code).then_some(*second),
            _ => None,
        });
        let repeated: BTreeSet<usize> = repeated.collect();
        for (position, code) in self.codes.iter().enumerate() {
            let path = |part: &str| format!("codes[{}].{part}", position + 1);
            let length = code.code.chars().count();
            let well_formed = (1..=MAX_CODE_CHARS).contains(&length) && code.code.trim() == code.code;
            found.require(well_formed, &path("code"), CatalogRule::TableCodeForm);
            found.require(!repeated.contains(&position), &path("code"), CatalogRule::TableCodeTwice);
            found.require(!code.name.trim().is_empty(), &path("name"), CatalogRule::NotEmpty);
            found.require(
                code.name.chars().count() <= super::MAX_DESCRIPTION,
                &path("name"),
                CatalogRule::DescriptionLength,
            );
            found.require(self.is_rooted(code), &path("parent"), CatalogRule::TableParent);
            let in_order = code.valid_from.zip(code.valid_until).is_none_or(|(from, until)| from <= until);
            found.require(in_order, &path("valid_until"), CatalogRule::TableValidity);
        }
        found.0
    }

    /// Whether the parents of a code lead to one that has none.
    fn is_rooted(&self, code: &TableCode) -> bool {
        let mut at = code;
        for _ in 0..=MAX_DEPTH {
            if at.parent.is_empty() {
                return true;
            }
            let Some(parent) = self.find(&at.parent) else { return false };
            at = parent;
        }
        false
    }
}

impl fmt::Debug for CodeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {} with {} codes", self.table_id, self.version, self.codes.len())
    }
}

/// What a field of type CODE says instead of its codes: a version of a table, and the table where it is at hand. Two are equal
/// that name the same version, since a version never changes.
#[derive(Debug, Clone)]
pub struct CodeTableRef {
    /// The table.
    pub table_id: CodeTableId,
    /// The version; 0 in a file that leaves it to be fixed when it is applied.
    pub version: u32,
    /// The table itself; in a catalog in force it is always there.
    pub table: Option<Arc<CodeTable>>,
}

impl PartialEq for CodeTableRef {
    fn eq(&self, other: &Self) -> bool {
        (&self.table_id, self.version) == (&other.table_id, other.version)
    }
}

impl Eq for CodeTableRef {}

impl fmt::Display for CodeTableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {}", self.table_id, self.version)
    }
}

/// Puts the pieces of tables together: those of one table, which follow each other in the order of the codes and say the same
/// of its version and name.
///
/// # Errors
/// The table of which two pieces differ.
pub fn assemble<'a>(pieces: impl IntoIterator<Item = &'a Arc<CodeTable>>) -> Result<Vec<Arc<CodeTable>>, CodeTableId> {
    let mut tables: Vec<Arc<CodeTable>> = Vec::new();
    for piece in pieces {
        match tables.iter_mut().find(|table| table.table_id == piece.table_id) {
            None => tables.push(Arc::clone(piece)),
            Some(table) => {
                if (table.version, &table.name) != (piece.version, &piece.name) {
                    return Err(piece.table_id.clone());
                }
                let codes = table.codes.iter().chain(&piece.codes).cloned().collect();
                *table = Arc::new(CodeTable::new(table.table_id.clone(), table.version, table.name.clone(), codes));
            }
        }
    }
    Ok(tables)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn code(code: &str, name: &str, parent: &str) -> TableCode {
        TableCode { code: code.into(), name: name.into(), parent: parent.into(), valid_from: None, valid_until: None }
    }

    fn table(codes: Vec<TableCode>) -> CodeTable {
        CodeTable::new("gbt-2260".parse().unwrap(), 1, "行政区划".into(), codes)
    }

    fn broken(table: &CodeTable) -> Vec<(String, CatalogRule)> {
        table.violations().into_iter().map(|violation| (violation.path, violation.rule)).collect()
    }

    #[test]
    fn a_code_is_found_whatever_the_order() {
        let table = table(vec![code("44", "广东省", ""), code("11", "北京市", ""), code("4403", "深圳市", "44")]);
        assert_eq!(broken(&table), []);
        assert_eq!(table.find("4403").unwrap().name, "深圳市");
        assert_eq!(table.find("4404"), None);
    }

    #[test]
    fn each_rule_of_a_code_table_is_kept() {
        let date = |text: &str| Some(text.parse::<Date>().unwrap());
        let ended =
            TableCode { valid_from: date("2020-01-02"), valid_until: date("2020-01-01"), ..code("1", "甲", "") };
        let long = "字".repeat(MAX_CODE_CHARS + 1);
        let chain: Vec<_> = (1..=MAX_DEPTH + 2)
            .map(|level| {
                code(&level.to_string(), "级", &if level == 1 { String::new() } else { (level - 1).to_string() })
            })
            .collect();
        let deepest = format!("codes[{}].parent", MAX_DEPTH + 2);
        for (codes, path, rule) in [
            (vec![], "codes", CatalogRule::TableCodesStated),
            (vec![code("", "甲", "")], "codes[1].code", CatalogRule::TableCodeForm),
            (vec![code(" 1", "甲", "")], "codes[1].code", CatalogRule::TableCodeForm),
            (vec![code(&long, "甲", "")], "codes[1].code", CatalogRule::TableCodeForm),
            (vec![code("1", "甲", ""), code("1", "乙", "")], "codes[2].code", CatalogRule::TableCodeTwice),
            (vec![code("1", " ", "")], "codes[1].name", CatalogRule::NotEmpty),
            (vec![code("1", "甲", "2")], "codes[1].parent", CatalogRule::TableParent),
            (vec![code("1", "甲", "1")], "codes[1].parent", CatalogRule::TableParent),
            (chain, &deepest, CatalogRule::TableParent),
            (vec![ended], "codes[1].valid_until", CatalogRule::TableValidity),
        ] {
            assert_eq!(broken(&table(codes)), [(path.to_owned(), rule)]);
        }
        let many = (0..45_000).map(|number| code(&number.to_string(), "一个代码", "")).collect();
        assert_eq!(broken(&table(many)), [("codes".to_owned(), CatalogRule::TableSize)]);
    }

    #[test]
    fn pieces_of_a_table_are_put_together_in_order() {
        let pieces = [vec![code("2", "乙", "")], vec![code("1", "甲", "")]].map(|codes| Arc::new(table(codes)));
        let tables = assemble(&pieces).unwrap();
        assert_eq!(*tables[0], table(vec![code("2", "乙", ""), code("1", "甲", "")]));
        let other = Arc::new(CodeTable::new("gbt-2260".parse().unwrap(), 2, "行政区划".into(), vec![]));
        assert_eq!(assemble(&[Arc::clone(&pieces[0]), other]).unwrap_err().as_str(), "gbt-2260");
    }
}
