//! What can be wrong with a catalog file, in English and Chinese.

use super::{MAX_FILE_BYTES, MAX_RESOURCE_BYTES};
use crate::domain::{
    catalog::{Breaking, CatalogRule},
    identifier,
};

/// What is wrong with a part of a catalog file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The file has more than [`MAX_FILE_BYTES`].
    FileTooLarge {
        /// Bytes found.
        found: usize,
    },
    /// The file is not UTF-8 from here on.
    NotUtf8,
    /// The file has no resource.
    Empty,
    /// It is not TOML; the parser says why.
    Syntax(String),
    /// A key that means nothing here.
    UnknownKey {
        /// What was probably meant.
        nearest: Option<&'static str>,
        /// The keys that there are.
        known: &'static [&'static str],
    },
    /// A key that must be there.
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value of another TOML type.
    ValueType {
        /// Its type.
        found: &'static str,
        /// The type expected.
        expected: &'static str,
    },
    /// A word that is none of those expected.
    UnknownWord {
        /// What was probably meant.
        nearest: Option<&'static str>,
        /// The words that there are.
        known: Vec<&'static str>,
    },
    /// A name that is not well formed.
    Malformed {
        /// What it names.
        what: &'static str,
        /// The form allowed.
        allowed: &'static str,
    },
    /// A unified social credit code that is none.
    Uscc(identifier::Error),
    /// A key that goes with another type of field only.
    OfAnotherType {
        /// The field's type.
        found: &'static str,
        /// The type that it goes with.
        expected: &'static str,
    },
    /// A key that excludes another one that is there.
    Exclusive {
        /// The other.
        with: &'static str,
    },
    /// The resource or code table stands in the file already.
    Repeated {
        /// The line of the first, from 1.
        first: usize,
    },
    /// The resource does not fit an entry of the log.
    ResourceTooLarge {
        /// Bytes found.
        found: usize,
    },
    /// A field that is secret 涉密, which this hub may not hold.
    Secret,
    /// A rule of the catalog is broken.
    Rule(CatalogRule),
}

impl Problem {
    /// What is wrong, in English.
    pub fn english(&self) -> String {
        match self {
            Self::FileTooLarge { found } => format!("the file has {found} bytes"),
            Self::NotUtf8 => "the file is not UTF-8 from here on".to_owned(),
            Self::Empty => "the file has neither a [[resource]] nor a [[code_table]]".to_owned(),
            Self::Syntax(reason) => format!("not TOML: {reason}"),
            Self::UnknownKey { nearest: Some(key), .. } => format!("unknown key; is {key} meant?"),
            Self::UnknownKey { .. } => "unknown key".to_owned(),
            Self::Missing { key } => format!("{key} is missing"),
            Self::ValueType { found, expected } => format!("is {found}, expected {expected}"),
            Self::UnknownWord { nearest: Some(word), .. } => format!("unknown word; is {word} meant?"),
            Self::UnknownWord { .. } => "unknown word".to_owned(),
            Self::Malformed { what, .. } => format!("is no well-formed {what}"),
            Self::Uscc(error) => error.to_string(),
            Self::OfAnotherType { found, expected } => format!("goes with type {expected}, but the type is {found}"),
            Self::Exclusive { with } => format!("cannot stand beside {with}"),
            Self::Repeated { first } => format!("stands in the file already, at line {first}"),
            Self::ResourceTooLarge { found } => format!("the resource takes {found} bytes of a log entry"),
            Self::Secret => "a field that is a state secret cannot be in this catalog; leave it out".to_owned(),
            Self::Rule(rule) => rule.as_str().to_owned(),
        }
    }

    /// What is wrong, in Chinese.
    pub fn chinese(&self) -> String {
        match self {
            Self::FileTooLarge { found } => format!("文件有 {found} 字节，过大"),
            Self::NotUtf8 => "自此处起不是 UTF-8 编码".to_owned(),
            Self::Empty => "文件中既没有 [[resource]]，也没有 [[code_table]]".to_owned(),
            Self::Syntax(reason) => format!("不是合法的 TOML：{reason}"),
            Self::UnknownKey { nearest: Some(key), .. } => format!("未知的键；是否应为 {key}？"),
            Self::UnknownKey { .. } => "未知的键".to_owned(),
            Self::Missing { key } => format!("缺少 {key}"),
            Self::ValueType { found, expected } => {
                format!("类型是{}，应为{}", chinese_type(found), chinese_type(expected))
            }
            Self::UnknownWord { nearest: Some(word), .. } => format!("未知的取值；是否应为 {word}？"),
            Self::UnknownWord { .. } => "未知的取值".to_owned(),
            Self::Malformed { what, .. } => format!("{}格式不对", chinese_name(what)),
            Self::Uscc(error) => chinese_uscc(error),
            Self::OfAnotherType { found, expected } => format!("只用于 {expected} 类型，而此信息项的类型是 {found}"),
            Self::Exclusive { with } => format!("不能与 {with} 同时出现"),
            Self::Repeated { first } => format!("在第 {first} 行已经出现"),
            Self::ResourceTooLarge { found } => format!("该资源占日志条目 {found} 字节，过大"),
            Self::Secret => "涉密信息项不得编入本目录，请删去".to_owned(),
            Self::Rule(rule) => chinese_rule(*rule).to_owned(),
        }
    }

    /// What is allowed instead; empty where the message itself says it.
    pub fn allowed(&self) -> String {
        match self {
            Self::FileTooLarge { .. } => format!("{MAX_FILE_BYTES} bytes"),
            Self::ResourceTooLarge { .. } => format!("{MAX_RESOURCE_BYTES} bytes"),
            Self::UnknownKey { known, .. } => known.join(", "),
            Self::UnknownWord { known, .. } => known.join(", "),
            Self::Malformed { allowed, .. } => (*allowed).to_owned(),
            _ => String::new(),
        }
    }
}

fn chinese_type(name: &'static str) -> &'static str {
    match name {
        "a string" | "string" => "字符串",
        "an integer" | "integer" => "整数",
        "a whole number from 0 to 4294967295" => " 0 至 4294967295 的整数",
        "true or false" | "boolean" => "布尔值",
        "an array" | "array" => "数组",
        "an array of tables" => "表的数组",
        "an array of strings" => "字符串数组",
        "a table" | "table" => "表",
        "float" => "浮点数",
        "datetime" => "日期时间",
        other => other,
    }
}

fn chinese_name(what: &'static str) -> &'static str {
    match what {
        "resource id" => "资源标识",
        "field code" => "信息项代码",
        "code table id" => "码表标识",
        "date" => "日期",
        other => other,
    }
}

fn chinese_uscc(error: &identifier::Error) -> String {
    match error {
        identifier::Error::Length { found, expected, .. } => {
            format!("统一社会信用代码有 {found} 个字符，应为 {expected} 个")
        }
        identifier::Error::Character { position, .. } => {
            format!("统一社会信用代码第 {position} 位应为数字或大写字母（不含 I、O、S、V、Z）")
        }
        identifier::Error::CheckCharacter { position, expected, .. } => {
            format!("统一社会信用代码第 {position} 位校验码不符，按其余各位应为“{expected}”")
        }
        other => format!("不是统一社会信用代码：{other}"),
    }
}

/// How a new version breaks with the one before, in Chinese.
pub fn breaking_word(breaking: Breaking) -> &'static str {
    match breaking {
        Breaking::FieldRemoved => "删除信息项",
        Breaking::FieldRequired => "信息项成为必填",
        Breaking::ClassTightened => "共享类型收紧",
        Breaking::TypeChanged => "类型变更",
        Breaking::LengthShortened => "长度缩短",
        Breaking::CodeRemoved => "删除代码",
        Breaking::DerivationChanged => "派生规则变更",
        Breaking::KindChanged => "资源类型变更",
        Breaking::RoleChanged => "有效期或代码类型信息项变更",
    }
}

fn chinese_rule(rule: CatalogRule) -> &'static str {
    match rule {
        CatalogRule::NotEmpty => "不能为空",
        CatalogRule::DescriptionLength => "超过 1000 个字符",
        CatalogRule::NationalCodeForm => {
            "信息资源代码应为类（1 位数字）、项（2 位）、目（3 位）、细目（数字）、“/”和顺序号（数字），如 307001001/000001"
        }
        CatalogRule::RelatedCount => "关联资源超过 50 个",
        CatalogRule::RelatedTwice => "关联资源代码重复，或与本资源代码相同",
        CatalogRule::ConditionStated => "共享类型为有条件共享时必须填写共享条件",
        CatalogRule::DenialBasisStated => "资源或任一信息项为不予共享时必须填写不予共享依据",
        CatalogRule::FieldCount => "信息项应为 1 至 200 个",
        CatalogRule::FieldCodeTwice => "信息项代码重复",
        CatalogRule::FieldNameTwice => "与另一信息项重名",
        CatalogRule::LessStrict => "信息项的共享类型不能宽于资源的共享类型",
        CatalogRule::OpenNotShared => "不予共享的信息项不予开放，此处应为 false",
        CatalogRule::TextLength => "TEXT 类型的最大长度应为 1 至 20000",
        CatalogRule::CodesStated => "CODE 类型的码表不能为空",
        CatalogRule::CodeTwice => "码表中有重复的代码",
        CatalogRule::TableVersion => "版本应为从 1 开始的整数",
        CatalogRule::TableCodesStated => "码表至少应有一个代码",
        CatalogRule::TableSize => "码表超过 2 MiB",
        CatalogRule::TableCodeForm => "代码应为 1 至 64 个字符，首尾没有空白",
        CatalogRule::TableCodeTwice => "代码在码表中重复",
        CatalogRule::TableParent => "上级代码应在本码表中，且至多 8 级可达没有上级的代码",
        CatalogRule::TableValidity => "失效日期不能早于生效日期",
        CatalogRule::DerivationSource => "必须是本资源中非派生的另一信息项",
        CatalogRule::DerivedText => "按此规则派生的信息项，类型必须是 TEXT",
        CatalogRule::DerivedBoolean => "按此规则派生的信息项，类型必须是 BOOLEAN",
        CatalogRule::DerivationType => "此派生规则不适用于来源信息项的类型",
        CatalogRule::DerivedRepeated => "是否多值须与来源信息项一致",
        CatalogRule::RecordIdField => "必须是类型为 TEXT、USCC、CITIZEN_ID 或 LICENCE_ID 的必填信息项",
        CatalogRule::HolderField => "必须是类型为 USCC、CITIZEN_ID 或 HOLDER_CODE 的必填信息项",
        CatalogRule::HolderCodeAlone => "HOLDER_CODE 类型只用于持证主体代码",
        CatalogRule::HolderTypeStated => "持证主体代码的类型为 HOLDER_CODE 时，必须指明持证主体代码类型",
        CatalogRule::HolderTypeField => "必须是类型为 CODE 的必填信息项",
        CatalogRule::HolderTypeRepeated => "是否多值须与持证主体代码一致",
        CatalogRule::ReplacesField => "必须是与记录标识类型相同的另一信息项，非必填且非多值",
        CatalogRule::CopyOf => {
            "必须指明另一资源、与其标识同型的必填信息项（不是证照标识本身）以及可选的用途信息项（TEXT 或 CODE），均不可重复，须有 valid_until，且不能与 replaces 并用"
        }
        CatalogRule::DateField => "必须是类型为 DATE 的信息项",
        CatalogRule::SealField => "SEAL 类型只用于 E_SEAL 类资源，且只能有一项，记录标识的类型须为 TEXT",
    }
}
