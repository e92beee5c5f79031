//! What can be wrong with a workbook, in English and Chinese.

use super::{super::Problem, sheet::Place};

/// What is wrong at one place of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkbookFault {
    /// The sheet and the cell by number, for their order.
    pub(super) place: (usize, Place),
    /// The sheet; empty for the workbook itself.
    pub sheet: String,
    /// The cell, such as `C5`; empty for the sheet itself.
    pub cell: String,
    /// The heading of its column, there or lacking; empty where there is none.
    pub column: String,
    /// What is wrong.
    pub fault: Fault,
}

impl WorkbookFault {
    /// A fault of a whole sheet, or of the whole workbook where it has no name.
    pub(super) fn of_sheet(sheet: String, fault: Fault) -> Self {
        Self { place: (0, (0, 0)), sheet, cell: String::new(), column: String::new(), fault }
    }
}

/// What is wrong with a part of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The file is neither of the two kinds of workbooks.
    NoWorkbook,
    /// The file is damaged, or has a password; the reader says why.
    Unreadable(String),
    /// There is more than is taken.
    TooLarge {
        /// Of what.
        what: &'static str,
        /// The most.
        most: u64,
    },
    /// No sheet has a row of headings: none has a column 信息项名称 or 码表标识.
    NoHeadings,
    /// A column stands twice.
    Twice {
        /// The cell of the first.
        first: String,
    },
    /// A heading that means nothing here.
    UnknownHeading,
    /// A word that is none of those allowed.
    UnknownWord {
        /// What is allowed.
        known: String,
    },
    /// A number that is none.
    NotNumber,
    /// Codes that cannot be told apart.
    NotCodes,
    /// A cell with an error of a formula.
    Error,
    /// A row of a field before any resource was named.
    NoResource,
    /// A cell of a resource that says something else than another row of the same resource.
    Differs {
        /// The cell of the other row.
        first: String,
    },
    /// A second field that is to play a part that one field plays.
    RoleTwice,
    /// A row of codes for a field that there is not.
    NoField,
    /// A row that names no field.
    NoName,
    /// What is wrong with the catalog file that the workbook makes.
    Catalog(Problem),
}

impl Fault {
    /// What is wrong, in English.
    pub fn english(&self) -> String {
        match self {
            Self::NoWorkbook => "is no workbook: allowed are .xlsx and .xls".to_owned(),
            Self::Unreadable(why) => format!("cannot be read: {why}"),
            Self::TooLarge { what, most } => format!("has more than {most} {what}"),
            Self::NoHeadings => "no visible sheet has a column 信息项名称 or 码表标识".to_owned(),
            Self::Twice { first } => format!("the column stands at {first} already"),
            Self::UnknownHeading => "unknown column; what stands in it is left out".to_owned(),
            Self::UnknownWord { known } => format!("unknown word; allowed: {known}"),
            Self::NotNumber => "is no whole number".to_owned(),
            Self::NotCodes => "is neither a code table's id nor codes such as 1=男；2=女".to_owned(),
            Self::Error => "is an error of a formula".to_owned(),
            Self::NoResource => "stands before any resource".to_owned(),
            Self::Differs { first } => format!("differs from {first} of the same resource"),
            Self::RoleTwice => "another field of the resource plays this part".to_owned(),
            Self::NoField => "there is no such field".to_owned(),
            Self::NoName => "must not be empty".to_owned(),
            Self::Catalog(problem) => with_allowed(problem.english(), "; allowed: ", &problem.allowed()),
        }
    }

    /// What is wrong, in Chinese.
    pub fn chinese(&self) -> String {
        match self {
            Self::NoWorkbook => "不是工作簿：只支持 .xlsx 和 .xls".to_owned(),
            Self::Unreadable(why) => format!("无法读取：{why}"),
            Self::TooLarge { what, most } => format!("超过上限 {most}（{what}）"),
            Self::NoHeadings => "没有任何可见工作表含“信息项名称”列或“码表标识”列".to_owned(),
            Self::Twice { first } => format!("该列在 {first} 已经出现"),
            Self::UnknownHeading => "未知的列，其内容未导入".to_owned(),
            Self::UnknownWord { known } => format!("未知的取值；可用：{known}"),
            Self::NotNumber => "不是整数".to_owned(),
            Self::NotCodes => "既不是码表标识，也不是“1=男；2=女”这样的代码".to_owned(),
            Self::Error => "公式出错".to_owned(),
            Self::NoResource => "此前没有任何信息资源".to_owned(),
            Self::Differs { first } => format!("与同一资源的 {first} 不一致"),
            Self::RoleTwice => "本资源已有另一信息项担任此项".to_owned(),
            Self::NoField => "没有这样的信息项".to_owned(),
            Self::NoName => "不能为空".to_owned(),
            Self::Catalog(problem) => with_allowed(problem.chinese(), "；可用：", &problem.allowed()),
        }
    }
}

fn with_allowed(message: String, said: &str, allowed: &str) -> String {
    if allowed.is_empty() { message } else { format!("{message}{said}{allowed}") }
}
