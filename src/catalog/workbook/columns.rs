//! The columns of the template, their names, and the words in their cells.

use super::{
    draft::Part,
    fault::{Fault, WorkbookFault},
    sheet::{Headings, Sheet},
};

/// A word of catalog files and what people write for it, the best first.
pub(super) type Aliases = &'static [(&'static str, &'static [&'static str])];

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holds {
    /// A text, as it is.
    Text,
    /// A whole number.
    Number,
    /// 是 or 否.
    Flag,
    /// One of some words.
    Word(Aliases),
    /// Texts, with 、 between them.
    Texts,
    /// 是 in the row of the field that plays a part in its resource.
    Role,
    /// A code table, `gbt-2260` or `gbt-2260@2`; or codes, `1=男；2=女`.
    Codes,
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    /// The key of catalog files.
    pub(super) key: &'static str,
    /// What it is called, the name as it is written first.
    pub(super) names: &'static [&'static str],
    /// What its cells hold.
    pub(super) holds: Holds,
}

const fn column(key: &'static str, holds: Holds, names: &'static [&'static str]) -> Column {
    Column { key, names, holds }
}

/// The columns of a resource, in the order in which they are written.
pub(super) const OF_RESOURCE: &[Column] = &[
    column("id", Holds::Text, &["信息资源标识", "资源标识"]),
    column("name", Holds::Text, &["信息资源名称", "资源名称", "目录名称", "数据目录名称"]),
    column("name_en", Holds::Text, &["信息资源英文名称"]),
    column("national_code", Holds::Text, &["信息资源代码", "资源代码", "目录代码", "目录编码"]),
    column("provider", Holds::Text, &["提供方代码", "信息资源提供方代码", "提供单位代码", "提供部门代码"]),
    column("kind", Holds::Word(KINDS), &["资源类型", "信息资源类型"]),
    column("summary", Holds::Text, &["信息资源摘要", "资源摘要", "摘要", "目录摘要"]),
    column("format", Holds::Word(FORMATS), &["信息资源格式", "信息资源格式分类", "资源格式", "数据格式", "格式分类"]),
    column("sharing_class", Holds::Word(CLASSES), &["共享类型", "共享属性"]),
    column("sharing_condition", Holds::Text, &["共享条件", "使用条件", "使用要求"]),
    column("denial_basis", Holds::Text, &["不予共享依据", "不予共享的依据"]),
    column("share_method", Holds::Word(METHODS), &["共享方式", "共享方式分类"]),
    column("opening_condition", Holds::Text, &["开放条件"]),
    column("update_cycle", Holds::Word(CYCLES), &["更新周期", "数据更新频率", "更新频率"]),
    column("data_grade", Holds::Word(GRADES), &["数据分级", "数据级别"]),
    column("related_codes", Holds::Texts, &["关联资源代码", "关联及类目名称代码", "关联信息资源代码"]),
    column("source_system", Holds::Text, &["所属信息系统", "所属系统", "所属系统名称"]),
    column("subject", Holds::Text, &["所属主题", "主题"]),
    column("copy_of.resource", Holds::Text, &["加注件原件资源"]),
    column("copy_of.original", Holds::Text, &["加注件原件标识项"]),
    column("copy_of.purpose", Holds::Text, &["加注件用途项"]),
];

/// The columns of a field, in the order in which they are written.
pub(super) const OF_FIELD: &[Column] = &[
    column("name", Holds::Text, FIELD_NAME),
    column("code", Holds::Text, &["技术名称", "信息项技术名称", "信息项代码", "字段名", "字段名称", "英文名"]),
    column("name_en", Holds::Text, &["信息项英文名称"]),
    column("type", Holds::Word(TYPES), &["数据类型", "信息项类型", "类型", "字段类型"]),
    column("max_length", Holds::Number, &["数据长度", "长度", "字段长度"]),
    column("codes", Holds::Codes, &["码表", "代码表", "数据字典"]),
    column("value_range", Holds::Text, &["值域"]),
    column("required", Holds::Flag, &["是否必填", "必填", "是否非空"]),
    column("repeated", Holds::Flag, &["多值", "是否多值"]),
    column("record_id", Holds::Role, &["主键", "是否主键"]),
    column("holder", Holds::Role, &["持证主体", "持证主体代码项"]),
    column("holder_type", Holds::Role, &["持证主体代码类型", "持证主体代码类型项"]),
    column("valid_from", Holds::Role, &["有效期起", "有效期起始项"]),
    column("valid_until", Holds::Role, &["有效期止", "有效期截止项"]),
    column("replaces", Holds::Role, &["被替换记录标识", "被替换记录标识项"]),
    column("sharing_class", Holds::Word(CLASSES), &["信息项共享类型", "信息项共享属性"]),
    column("sensitive", Holds::Flag, &["敏感属性", "是否敏感", "敏感"]),
    column("secret", Holds::Flag, &["涉密属性", "是否涉密", "涉密"]),
    column("open_to_society", Holds::Flag, &["信息项开放属性", "开放属性", "是否向社会开放", "开放类型"]),
    column("derived.from", Holds::Text, &["派生自"]),
    column("derived.rule", Holds::Text, &["派生规则"]),
];

/// The names of the column by which the row of headings is known.
pub(super) const FIELD_NAME: &[&str] = &["信息项名称", "业务名称", "信息项业务名称", "信息项", "数据项", "数据项名称"];

/// Columns that say what is known otherwise: they are passed over.
pub(super) const PASSED_OVER: &[&str] = &[
    "序号",
    "信息资源分类",
    "类",
    "项",
    "目",
    "细目",
    "信息资源提供方",
    "提供方",
    "提供单位",
    "提供部门",
    "发布日期",
    "备注",
    "时间戳",
    "空间范围",
    "数据时间范围",
    "数据所属事项",
];

/// The columns of codes that fields list themselves.
pub(super) const OF_CODE: [&str; 4] = ["信息资源标识", "技术名称", "代码", "名称"];
/// The columns of code tables.
pub(super) const OF_TABLE: [&str; 8] =
    ["码表标识", "版本", "码表名称", "代码", "名称", "上级代码", "生效日期", "失效日期"];

/// The keys of a code table, and of its codes, in those columns.
pub(super) const TABLE_KEYS: [&str; 8] =
    ["id", "version", "name", "code", "code_name", "parent", "valid_from", "valid_until"];

/// 是, and whatever else says so.
pub(super) const YES: &[&str] =
    &["是", "敏感", "涉密", "开放", "予以开放", "有条件开放", "无条件开放", "√", "Y", "1", "TRUE"];
/// 否, and whatever else says so.
pub(super) const NO: &[&str] = &["否", "非敏感", "非涉密", "不开放", "不予开放", "N", "0", "FALSE"];

const KINDS: Aliases = &[
    ("LICENCE", &["电子证照", "证照"]),
    ("CERTIFICATE", &["证明"]),
    ("E_SEAL", &["电子印章"]),
    ("DATASET", &["数据集", "数据"]),
];

const CLASSES: Aliases = &[
    ("UNCONDITIONAL", &["无条件共享", "无条件", "1"]),
    ("CONDITIONAL", &["有条件共享", "有条件", "2"]),
    ("NOT_SHARED", &["不予共享", "不予", "不共享", "3"]),
];

const CYCLES: Aliases = &[
    ("REAL_TIME", &["实时", "1"]),
    ("DAILY", &["每日", "每天", "2"]),
    ("WEEKLY", &["每周", "3"]),
    ("MONTHLY", &["每月", "4"]),
    ("QUARTERLY", &["每季度", "每季", "5"]),
    ("HALF_YEARLY", &["每半年", "半年", "6"]),
    ("YEARLY", &["每年", "7"]),
    ("OTHER", &["其他", "不定期", "8"]),
];

const FORMATS: Aliases = &[
    ("ELECTRONIC_FILE", &["电子文件", "1"]),
    ("SPREADSHEET", &["电子表格", "2"]),
    ("DATABASE", &["数据库", "3"]),
    ("IMAGE", &["图形图像", "4"]),
    ("STREAMING_MEDIA", &["流媒体", "5"]),
    ("SELF_DESCRIBING", &["自描述格式", "6"]),
    ("SERVICE_INTERFACE", &["服务接口", "7"]),
];

const METHODS: Aliases = &[
    ("PLATFORM", &["共享平台方式", "共享平台", "平台", "1"]),
    ("MAIL", &["邮件方式", "邮件", "2"]),
    ("MEDIA", &["介质方式", "介质", "3"]),
];

const GRADES: Aliases =
    &[("GENERAL", &["一般", "一般数据"]), ("IMPORTANT", &["重要", "重要数据"]), ("CORE", &["核心", "核心数据"])];

const TYPES: Aliases = &[
    ("TEXT", &["字符", "字符型", "字符型C", "C", "字符串", "文本"]),
    ("INTEGER", &["整数", "整型"]),
    ("DECIMAL", &["小数", "高精度", "数值型", "数值型N", "N"]),
    ("DATE", &["日期", "日期型", "日期型D", "D"]),
    ("DATE_TIME", &["日期时间", "日期时间型", "日期时间型T", "T"]),
    ("BOOLEAN", &["布尔", "布尔型", "布尔型B", "B"]),
    ("USCC", &["统一社会信用代码"]),
    ("CITIZEN_ID", &["公民身份号码", "身份证号"]),
    ("LICENCE_ID", &["证照标识", "电子证照标识"]),
    ("CODE", &["代码", "代码型", "枚举"]),
    ("ADMINISTRATIVE_DIVISION", &["行政区划代码", "行政区划"]),
    ("HOLDER_CODE", &["持证主体代码"]),
    ("SEAL", &["电子印章"]),
];

/// A column that is known, where a sheet has it.
pub(super) struct Placed<'h> {
    pub(super) position: u32,
    /// Whether it says something of a resource, not of a field.
    pub(super) of_resource: bool,
    pub(super) column: &'static Column,
    pub(super) heading: &'h str,
}

/// The columns of a sheet that are known. Those that are not are passed over, and told where something stands in them.
pub(super) fn place<'h>(
    sheet: &Sheet,
    headings: &'h Headings,
    faults: &mut Vec<WorkbookFault>,
    passed_over: &mut Vec<WorkbookFault>,
) -> Vec<Placed<'h>> {
    let is_field_name = |(_, name): &&(u32, String)| FIELD_NAME.contains(&name.as_str());
    let field_name = headings.columns.iter().find(is_field_name).map_or(0, |(position, _)| *position);
    let mut placed: Vec<Placed<'h>> = Vec::new();
    for (position, heading) in &headings.columns {
        let position = *position;
        let is_named = |column: &&Column| column.names.contains(&heading.as_str());
        let of_resource = OF_RESOURCE.iter().find(is_named);
        let is_taken = |key: &str| placed.iter().any(|own| own.of_resource && own.column.key == key);
        // A second 共享类型, to the right of the fields' names, is theirs.
        let of_field = OF_FIELD.iter().find(is_named).or_else(|| {
            let own = of_resource.filter(|own| position > field_name && is_taken(own.key))?;
            OF_FIELD.iter().find(|column| column.key == own.key)
        });
        let found = of_field.map(|column| (false, column)).or(of_resource.map(|column| (true, column)));
        let Some((of_resource, column)) = found else {
            let says_something =
                sheet.rows_below(headings.row).iter().any(|row| !sheet.text((*row, position)).is_empty());
            if says_something && !PASSED_OVER.contains(&heading.as_str()) {
                passed_over.push(sheet.fault((headings.row, position), heading, Fault::UnknownHeading));
            }
            continue;
        };
        match placed.iter().find(|own| own.of_resource == of_resource && own.column.key == column.key) {
            Some(same) => {
                let first = Sheet::cell((headings.row, same.position));
                faults.push(sheet.fault((headings.row, position), heading, Fault::Twice { first }));
            }
            None => placed.push(Placed { position, of_resource, column, heading }),
        }
    }
    placed
}

/// The column for a key of a part of catalog files, or for a key that a field plays a part for.
pub(super) fn named(part: Part, key: &str) -> Option<&'static Column> {
    let is_it = |column: &&Column| column.key == key;
    let role = |column: &&Column| column.key == key && matches!(column.holds, Holds::Role);
    match part {
        Part::Resource => OF_RESOURCE.iter().find(is_it).or_else(|| OF_FIELD.iter().find(role)),
        Part::Field => OF_FIELD.iter().find(is_it),
        Part::CodeTable => None,
    }
}

/// What a heading says, without white space, marks of columns that must be filled, and what stands in brackets.
pub(super) fn plain(heading: &str) -> String {
    let before_brackets = heading.split(['(', '（']).next().unwrap_or_default();
    before_brackets.chars().filter(|c| !c.is_whitespace() && *c != '*' && *c != '＊').collect()
}

/// The word for what stands in a cell: the word itself, or what people write for it, perhaps with its number before it.
pub(super) fn word_of(aliases: Aliases, cell: &str) -> Option<&'static str> {
    let text = cell.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '、' | ' ' | '-'));
    let means = |text: &str| {
        let is = |(word, others): &&(&'static str, &[&str])| *word == text || others.contains(&text);
        aliases.iter().find(is).map(|(word, _)| *word)
    };
    means(cell).or_else(|| means(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::catalog::words;

    #[test]
    fn every_word_of_a_catalog_file_has_a_chinese_one_and_none_means_two() {
        let all = |words: &mut dyn Iterator<Item = &'static str>| words.collect::<Vec<_>>();
        for (aliases, words) in [
            (KINDS, all(&mut words::KINDS.iter().map(|(word, _)| *word))),
            (CLASSES, all(&mut words::SHARING_CLASSES.iter().map(|(word, _)| *word))),
            (CYCLES, all(&mut words::UPDATE_CYCLES.iter().map(|(word, _)| *word))),
            (FORMATS, all(&mut words::FORMATS.iter().map(|(word, _)| *word))),
            (METHODS, all(&mut words::SHARE_METHODS.iter().map(|(word, _)| *word))),
            (GRADES, all(&mut words::DATA_GRADES.iter().map(|(word, _)| *word))),
            (TYPES, all(&mut words::FIELD_TYPES.iter().map(|(word, _)| *word))),
        ] {
            assert_eq!(aliases.iter().map(|(word, _)| *word).collect::<Vec<_>>(), words);
            for (word, others) in aliases {
                assert!(others.iter().chain([word]).all(|other| word_of(aliases, other) == Some(word)), "{word}");
            }
        }
        assert_eq!(word_of(CLASSES, "2 有条件共享"), Some("CONDITIONAL"));
        assert_eq!(word_of(CLASSES, "4"), None);
    }

    #[test]
    fn no_name_means_two_columns() {
        let mut names: Vec<_> = OF_RESOURCE.iter().chain(OF_FIELD).flat_map(|column| column.names).collect();
        names.extend(PASSED_OVER);
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(plain(" *共享\n类型（必填）"), "共享类型");
    }
}
