//! Conditions in words, in both languages.

use std::fmt;

use super::{Comparison, Condition, Literal, Relation, Test, Unfit};

/// The words of a language, and what stands between the items of a list.
struct Words {
    all: &'static str,
    any: &'static str,
    one_of: &'static str,
    starts_with: (&'static str, &'static str),
    empty: &'static str,
    not_empty: &'static str,
    between: &'static str,
    relation: fn(Relation) -> &'static str,
}

const ENGLISH: Words = Words {
    all: " and ",
    any: " or ",
    one_of: "one of",
    starts_with: (" starts with ", ""),
    empty: " is empty",
    not_empty: " is not empty",
    between: ", ",
    relation: |relation| match relation {
        Relation::Equal => "=",
        Relation::NotEqual => "!=",
        Relation::Less => "<",
        Relation::AtMost => "<=",
        Relation::Greater => ">",
        Relation::AtLeast => ">=",
    },
};

const CHINESE: Words = Words {
    all: " 且 ",
    any: " 或 ",
    one_of: "属于",
    starts_with: (" 以 ", " 开头"),
    empty: " 为空",
    not_empty: " 不为空",
    between: "、",
    relation: |relation| match relation {
        Relation::Equal => "等于",
        Relation::NotEqual => "不等于",
        Relation::Less => "小于",
        Relation::AtMost => "不大于",
        Relation::Greater => "大于",
        Relation::AtLeast => "不小于",
    },
};

impl fmt::Display for Condition {
    /// In English, such as `KZ_CLRQ >= "2020-01-01" and (KZ_LX = "1" or KZ_LX is empty)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(&ENGLISH, f, false)
    }
}

/// A condition in Chinese.
struct InChinese<'a>(&'a Condition);

impl fmt::Display for InChinese<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(&CHINESE, f, false)
    }
}

impl Condition {
    /// The condition in Chinese, such as `KZ_CLRQ 不小于 "2020-01-01" 且 (KZ_LX 等于 "1" 或 KZ_LX 为空)`.
    pub fn in_chinese(&self) -> impl fmt::Display + '_ {
        InChinese(self)
    }

    fn write(&self, words: &Words, f: &mut fmt::Formatter<'_>, is_part: bool) -> fmt::Result {
        let (parts, between) = match self {
            Self::All(parts) => (parts, words.all),
            Self::Any(parts) => (parts, words.any),
            Self::Comparison(comparison) => return comparison.write(words, f),
        };
        let bracketed = is_part && parts.len() > 1;
        if bracketed {
            f.write_str("(")?;
        }
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                f.write_str(between)?;
            }
            part.write(words, f, true)?;
        }
        if bracketed { f.write_str(")") } else { Ok(()) }
    }
}

impl Unfit {
    /// In English, as it stands in refusals.
    pub fn in_english(self) -> &'static str {
        match self {
            Self::NoSuchField => "the resource has no such field",
            Self::PrefixOfNoText => "STARTS_WITH is not for a field of this type",
            Self::PrefixTooLong => "STARTS_WITH is so long that it could name a holder",
            Self::Identifies => "identifies, and is compared by STARTS_WITH, EMPTY and NOT_EMPTY only",
            Self::NoOrder => "values of a field of this type have no order",
            Self::NotEqualOfList => "NOT_EQUAL is not for a field whose value is a list",
            Self::NoValue => "a literal is no value of this field",
        }
    }

    /// In Chinese.
    pub fn in_chinese(self) -> &'static str {
        match self {
            Self::NoSuchField => "信息资源没有该信息项",
            Self::PrefixOfNoText => "该类型的信息项不能用 starts_with 比较",
            Self::PrefixTooLong => "starts_with 过长，可能指明某一持证主体",
            Self::Identifies => "该信息项可识别主体，只能用 starts_with、empty 比较",
            Self::NoOrder => "该类型的信息项没有大小之分",
            Self::NotEqualOfList => "值为列表的信息项不能用 is_not 比较",
            Self::NoValue => "比较值不是该信息项的可能取值",
        }
    }
}

impl Comparison {
    fn write(&self, words: &Words, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.field)?;
        match &self.test {
            Test::Is(relation, literal) => write!(f, " {} {literal}", (words.relation)(*relation)),
            Test::OneOf(literals) => {
                write!(f, " {} {{", words.one_of)?;
                for (i, literal) in literals.iter().enumerate() {
                    write!(f, "{}{literal}", if i > 0 { words.between } else { "" })?;
                }
                f.write_str("}")
            }
            Test::StartsWith(prefix) => write!(f, "{}{prefix:?}{}", words.starts_with.0, words.starts_with.1),
            Test::Empty => f.write_str(words.empty),
            Test::NotEmpty => f.write_str(words.not_empty),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Boolean(boolean) => write!(f, "{boolean}"),
        }
    }
}
