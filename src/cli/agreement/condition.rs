//! A row condition as a file of terms has it: tables of TOML.
//!
//! ```toml
//! [condition]
//! all = [
//!     { field = "CZZTDM", starts_with = "914403" },
//!     { field = "ZZYXQJZRQ", at_least = 2026-01-01 },
//!     { any = [{ field = "KZ_ZT", one_of = ["1", "2"] }, { field = "KZ_ZT", empty = true }] },
//! ]
//! ```
//!
//! A comparison has a field and one of `is`, `is_not`, `less_than`, `at_most`, `more_than`, `at_least`, `one_of`, `starts_with`,
//! `empty` (true or false).

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::domain::{
    condition::{Comparison, Condition, Literal, Relation, Test},
    id::FieldCode,
};

/// Reads a condition where a file may have one.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Condition>, D::Error> {
    let Part(condition) = Part::deserialize(deserializer)?;
    match condition.malformation() {
        Some(problem) => Err(D::Error::custom(format!("the condition {problem}"))),
        None => Ok(Some(condition)),
    }
}

/// A condition, or a part of one.
#[derive(Deserialize)]
#[serde(try_from = "Table")]
struct Part(Condition);

/// Everything that a table may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    all: Option<Vec<Part>>,
    any: Option<Vec<Part>>,
    field: Option<String>,
    is: Option<Written>,
    is_not: Option<Written>,
    less_than: Option<Written>,
    at_most: Option<Written>,
    more_than: Option<Written>,
    at_least: Option<Written>,
    one_of: Option<Vec<Written>>,
    starts_with: Option<String>,
    empty: Option<bool>,
}

/// A literal as TOML writes it.
struct Written(Literal);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Self(Literal::Text(text))),
            toml::Value::Integer(integer) => Ok(Self(Literal::Integer(integer))),
            toml::Value::Boolean(boolean) => Ok(Self(Literal::Boolean(boolean))),
            // A day, or a time with an offset: as records have them.
            toml::Value::Datetime(datetime) => Ok(Self(Literal::Text(datetime.to_string()))),
            toml::Value::Float(_) => {
                Err(D::Error::custom("an exact decimal is written in quotes, such as \"1200.50\""))
            }
            _ => Err(D::Error::custom("allowed are a text, a whole number, true, false, a day or a time")),
        }
    }
}

impl TryFrom<Table> for Part {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let Table { all, any, field, one_of, starts_with, empty, .. } = table;
        let relations = [
            (Relation::Equal, table.is),
            (Relation::NotEqual, table.is_not),
            (Relation::Less, table.less_than),
            (Relation::AtMost, table.at_most),
            (Relation::Greater, table.more_than),
            (Relation::AtLeast, table.at_least),
        ];
        let mut tests: Vec<Test> = Vec::new();
        tests.extend(relations.into_iter().filter_map(|(relation, written)| Some(Test::Is(relation, written?.0))));
        tests.extend(one_of.map(literals).transpose()?.map(Test::OneOf));
        tests.extend(starts_with.map(Test::StartsWith));
        tests.extend(empty.map(|empty| if empty { Test::Empty } else { Test::NotEmpty }));
        let parts = |parts: Vec<Self>| parts.into_iter().map(|Self(part)| part).collect();
        match (all, any, field, tests.pop(), tests.pop()) {
            (Some(all), None, None, None, None) => Ok(Self(Condition::All(parts(all)))),
            (None, Some(any), None, None, None) => Ok(Self(Condition::Any(parts(any)))),
            (None, None, Some(field), Some(test), None) => {
                let field: FieldCode = field.parse().map_err(|error| format!("{field:?}: {error}"))?;
                Ok(Self(Condition::Comparison(Comparison { field, test })))
            }
            _ => Err("allowed is `all`, or `any`, or `field` with one of `is`, `is_not`, `less_than`, `at_most`, \
                      `more_than`, `at_least`, `one_of`, `starts_with`, `empty`"
                .to_owned()),
        }
    }
}

fn literals(written: Vec<Written>) -> Result<BTreeSet<Literal>, String> {
    let mut literals = BTreeSet::new();
    for Written(literal) in written {
        if let Some(twice) = literals.replace(literal) {
            return Err(format!("{twice} stands twice in `one_of`"));
        }
    }
    Ok(literals)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        #[serde(default, deserialize_with = "optional")]
        condition: Option<Condition>,
    }

    fn read(text: &str) -> Result<Option<Condition>, String> {
        toml::from_str::<File>(text).map(|file| file.condition).map_err(|error| error.to_string())
    }

    #[test]
    fn a_condition_is_read_as_it_is_written() {
        assert_eq!(read("").unwrap(), None);
        let written = r#"
            [condition]
            all = [
                { field = "CZZTDM", starts_with = "914403" },
                { field = "SINCE", at_least = 2026-01-01 },
                { field = "SEEN", less_than = 2026-01-01T08:00:00+08:00 },
                { any = [
                    { field = "KIND", one_of = ["2", "1"] },
                    { field = "KIND", empty = true },
                    { field = "COUNT", more_than = -3 },
                    { field = "LISTED", is_not = false },
                ] },
                { field = "TOWN", empty = false },
            ]
        "#;
        assert_eq!(
            read(written).unwrap().unwrap().to_string(),
            "CZZTDM starts with \"914403\" and SINCE >= \"2026-01-01\" and SEEN < \"2026-01-01T08:00:00+08:00\" and \
             (KIND one of {\"1\", \"2\"} or KIND is empty or COUNT > -3 or LISTED != false) and TOWN is not empty"
        );
        let lone = read("condition = { field = \"KIND\", is = \"1\" }").unwrap().unwrap();
        assert_eq!(lone.to_string(), "KIND = \"1\"");
    }

    #[test]
    fn a_faulty_condition_is_refused_by_line_and_column() {
        for (written, said) in [
            ("{ field = \"A\" }", "allowed is `all`, or `any`, or `field` with one of"),
            ("{ is = \"1\" }", "allowed is `all`, or `any`"),
            ("{ field = \"A\", is = \"1\", at_most = \"2\" }", "allowed is `all`, or `any`"),
            ("{ field = \"A\", is = \"1\", all = [] }", "allowed is `all`, or `any`"),
            ("{ field = \"A\", like = \"1\" }", "unknown field `like`"),
            ("{ field = \"A\", is = 1.5 }", "written in quotes"),
            ("{ field = \"A\", is = [1] }", "allowed are a text, a whole number"),
            ("{ field = \"名\", is = 1 }", "field code is not well formed"),
            ("{ field = \"A\", one_of = [1, 1] }", "1 stands twice in `one_of`"),
            ("{ field = \"A\", one_of = [] }", "is empty"),
            ("{ all = [] }", "is empty"),
            ("{ all = [{ any = [{ all = [{ any = [{ field = \"A\", empty = true }] }] }] }] }", "deeper than 4"),
        ] {
            let error = read(&format!("condition = {written}")).unwrap_err();
            assert!(error.contains(said) && error.contains("line 1, column"), "{written}: {error}");
        }
    }
}
