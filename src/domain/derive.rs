//! Derivation rules: how a derived field is made of its source field.
//!
//! A derived field is declared in the catalog with one of these rules, computed and signed by the provider, and checked
//! against the rule by the hub; an auditor may check it decades later. So a rule is a pure function of its text, its source
//! and the day on which the record was issued; it depends on no table that grows with Unicode, and what it gives never
//! changes: another mask is another rule.
//!
//! Rules about time are statements at a date: the civil day, at +08:00, of the record's `iat`, which every record discloses.
//! Beijing time is part of the rule, since by it ages and terms are counted in law.
//!
//! A character is a Unicode scalar value; each masked character becomes one `*`.

mod mask;
mod predicate;

use std::{fmt, str::FromStr};

use serde_json::Value;
use sha2::Digest as _;

use super::{
    catalog::FieldType,
    time::{Date, Time},
};

/// How a derived field is made of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DerivationRule {
    /// `mask-name`, a person's name: the first character stays (张三丰 becomes 张**), as do the separators of names in
    /// other tongues: spaces, hyphens and middle dots (阿依·买买提 becomes 阿*·***). A compound surname keeps its first
    /// character only, and a name of one character is masked whole.
    MaskName,
    /// `mask-citizen-id`: of 18 characters the first six (area) and the last four stay; a text of any other length is
    /// masked whole.
    MaskCitizenId,
    /// `mask-phone`: the four digits before the last four are masked, whatever stands between the digits (13800138000
    /// becomes 138****8000, 0755-12345678 becomes 0755-****5678). With fewer than seven digits, all are masked.
    MaskPhone,
    /// `mask-address`: every digit, half-width or full-width, is masked; Chinese numerals stay, for they are part of
    /// place names.
    MaskAddress,
    /// `mask-middle`, names of companies and whatever has no rule of its own: a third of the characters, rounded down,
    /// stays at either end.
    MaskMiddle,
    /// `age-at-least:<years>`, of a citizen id or a date of birth: whether the person had so many full years on the day of
    /// issue. A birthday counts from its day on; who was born on a 29 February has it on 1 March in other years.
    AgeAtLeast(u8),
    /// `date-reached`: whether the date had come on the day of issue.
    DateReached,
    /// `date-not-passed`: whether the day of issue was not after the date, as the last day of a term is still within it.
    DateNotPassed,
    /// `sha-256`, of a text of at least [`MIN_HASHED_CHARS`] characters: the SHA-256 of its UTF-8 in lower-case hexadecimal;
    /// null of a shorter one.
    Sha256,
    /// `sm3`: as `sha-256`, by SM3.
    Sm3,
}

/// What a rule gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derived {
    /// A text.
    Text,
    /// true or false.
    Boolean,
}

/// The shortest text whose bare hash is given. Numbers, names and addresses are shorter: their hashes can be opened by trying
/// all that there are, and a hash under a secret nobody else could check. What is hashed here is what is too long to be
/// guessed, such as a file in base64.
pub const MIN_HASHED_CHARS: usize = 128;

/// The most years that `age-at-least` may ask for; nobody has lived longer.
pub const MAX_AGE: u8 = 130;

/// How far the civil day of the rules is ahead of UTC, in seconds: Beijing time.
const CIVIL_DAY_OFFSET_SECONDS: i32 = 8 * 3_600;

/// The civil day to which the predicates of a record issued at a time refer.
pub fn day_of_issue(issued_at: Time) -> Date {
    issued_at.civil_day(CIVIL_DAY_OFFSET_SECONDS)
}

/// A code that names no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown derivation rule {code:?}, allowed: {}", DerivationRule::WORDS.join(", "))]
pub struct Error {
    /// The code found.
    pub code: String,
}

/// The word of the rule that has a number of years behind it.
const AGE_AT_LEAST: &str = "age-at-least:";

impl DerivationRule {
    /// All rules, one of each kind.
    pub const ALL: [Self; 10] = [
        Self::MaskName,
        Self::MaskCitizenId,
        Self::MaskPhone,
        Self::MaskAddress,
        Self::MaskMiddle,
        Self::AgeAtLeast(18),
        Self::DateReached,
        Self::DateNotPassed,
        Self::Sha256,
        Self::Sm3,
    ];

    /// How the rules are written.
    pub const WORDS: [&str; 10] = [
        "mask-name",
        "mask-citizen-id",
        "mask-phone",
        "mask-address",
        "mask-middle",
        "age-at-least:<1 to 130>",
        "date-reached",
        "date-not-passed",
        "sha-256",
        "sm3",
    ];

    /// The rule with a code.
    ///
    /// # Errors
    /// [`Error`] when no rule has it.
    pub fn parse(code: &str) -> Result<Self, Error> {
        let named = Self::ALL.into_iter().find(|rule| !matches!(rule, Self::AgeAtLeast(_)) && rule.to_string() == code);
        let aged = || {
            let years: u8 = code.strip_prefix(AGE_AT_LEAST)?.parse().ok()?;
            // One rule has one code: no leading zeros, no sign.
            Some(Self::AgeAtLeast(years)).filter(|rule| (1..=MAX_AGE).contains(&years) && rule.to_string() == code)
        };
        named.or_else(aged).ok_or_else(|| Error { code: code.to_owned() })
    }

    /// What it gives.
    pub fn gives(self) -> Derived {
        match self {
            Self::MaskName
            | Self::MaskCitizenId
            | Self::MaskPhone
            | Self::MaskAddress
            | Self::MaskMiddle
            | Self::Sha256
            | Self::Sm3 => Derived::Text,
            Self::AgeAtLeast(_) | Self::DateReached | Self::DateNotPassed => Derived::Boolean,
        }
    }

    /// Whether it can be made of a field of this type.
    pub fn takes(self, source: &FieldType) -> bool {
        match self {
            Self::MaskName | Self::MaskCitizenId | Self::MaskPhone | Self::MaskAddress | Self::MaskMiddle => {
                !matches!(source, FieldType::Integer | FieldType::Boolean)
            }
            Self::AgeAtLeast(_) => matches!(source, FieldType::CitizenId | FieldType::Date),
            Self::DateReached | Self::DateNotPassed => *source == FieldType::Date,
            Self::Sha256 | Self::Sm3 => matches!(source, FieldType::Text { .. }),
        }
    }

    /// Whether what it gives may be otherwise on another day.
    pub fn depends_on_day(self) -> bool {
        self.gives() == Derived::Boolean
    }

    /// The derived value of a source as it stands in a record issued on `day`: of a list that of each value, and null of what
    /// is empty or not of the source's type, which is found by itself.
    pub fn derive(self, source: &Value, day: Date) -> Value {
        match source {
            Value::Array(values) => values.iter().map(|value| self.derive(value, day)).collect(),
            Value::String(text) => self.derive_text(text, day),
            _ => Value::Null,
        }
    }

    fn derive_text(self, source: &str, day: Date) -> Value {
        let hashed = |hex: &dyn Fn() -> String| (source.chars().nth(MIN_HASHED_CHARS - 1).is_some()).then(hex).into();
        match self {
            Self::MaskName => mask::name(source).into(),
            Self::MaskCitizenId => mask::citizen_id(source).into(),
            Self::MaskPhone => mask::phone(source).into(),
            Self::MaskAddress => mask::address(source).into(),
            Self::MaskMiddle => mask::middle(source).into(),
            Self::AgeAtLeast(years) => predicate::age_at_least(source, years, day).into(),
            Self::DateReached => predicate::date_reached(source, day).into(),
            Self::DateNotPassed => predicate::date_not_passed(source, day).into(),
            Self::Sha256 => hashed(&|| hex::encode(sha2::Sha256::digest(source))),
            Self::Sm3 => hashed(&|| hex::encode(sm3::Sm3::digest(source))),
        }
    }
}

impl fmt::Display for DerivationRule {
    /// The rule's code, as the catalog has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaskName => "mask-name",
            Self::MaskCitizenId => "mask-citizen-id",
            Self::MaskPhone => "mask-phone",
            Self::MaskAddress => "mask-address",
            Self::MaskMiddle => "mask-middle",
            Self::AgeAtLeast(years) => return write!(f, "{AGE_AT_LEAST}{years}"),
            Self::DateReached => "date-reached",
            Self::DateNotPassed => "date-not-passed",
            Self::Sha256 => "sha-256",
            Self::Sm3 => "sm3",
        })
    }
}

impl FromStr for DerivationRule {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self, Error> {
        Self::parse(code)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const DAY: Date = Date::constant(2026, 3, 1);
    const MASKS: [DerivationRule; 5] = [
        DerivationRule::MaskName,
        DerivationRule::MaskCitizenId,
        DerivationRule::MaskPhone,
        DerivationRule::MaskAddress,
        DerivationRule::MaskMiddle,
    ];

    #[test]
    fn golden_values_of_every_mask() {
        use DerivationRule::{MaskAddress, MaskCitizenId, MaskMiddle, MaskName, MaskPhone};
        let table = [
            (MaskName, "", ""),
            (MaskName, "张", "*"),
            (MaskName, "张三", "张*"),
            (MaskName, "张三丰", "张**"),
            (MaskName, "欧阳娜娜", "欧***"),
            (MaskName, "阿依·买买提", "阿*·***"),
            (MaskName, "阿依•买买提", "阿*•***"),
            (MaskName, "𠮷野家", "𠮷**"),
            (MaskName, "Anna-Maria Li", "A***-***** **"),
            (MaskCitizenId, "11010519491231002X", "110105********002X"),
            (MaskCitizenId, "110105491231002", "***************"),
            (MaskCitizenId, "", ""),
            (MaskPhone, "13800138000", "138****8000"),
            (MaskPhone, "+86 138 0013 8000", "+86 138 **** 8000"),
            (MaskPhone, "0755-12345678", "0755-****5678"),
            (MaskPhone, "8234567", "***4567"),
            (MaskPhone, "12345", "*****"),
            (MaskPhone, "１３８００１３８０００", "１３８****８０００"),
            (MaskPhone, "无", "无"),
            (MaskAddress, "示例市样例区示范路1000号3栋502室", "示例市样例区示范路****号*栋***室"),
            (MaskAddress, "三里屯２１号A座", "三里屯**号A座"),
            (MaskMiddle, "示例深蓝科技有限公司", "示例深****限公司"),
            (MaskMiddle, "张三丰", "张*丰"),
            (MaskMiddle, "张三", "**"),
            (MaskMiddle, "张", "*"),
            (MaskMiddle, "", ""),
        ];
        for (rule, source, derived) in table {
            assert_eq!(rule.derive(&json!(source), DAY), json!(derived), "{rule} of {source:?}");
        }
    }

    #[test]
    fn golden_values_of_every_predicate() {
        use DerivationRule::{AgeAtLeast, DateNotPassed, DateReached};
        let table = [
            // Born on 2008-03-01 and the days around it, on 2026-03-01.
            (AgeAtLeast(18), "2008-03-01", json!(true)),
            (AgeAtLeast(18), "2008-03-02", json!(false)),
            (AgeAtLeast(18), "2008-02-29", json!(true)),
            (AgeAtLeast(18), "11010519491231002X", json!(true)),
            (AgeAtLeast(76), "11010519491231002X", json!(true)),
            (AgeAtLeast(77), "11010519491231002X", json!(false)),
            (AgeAtLeast(1), "2030-01-01", json!(false)),
            (AgeAtLeast(130), "440524188001010014", json!(true)),
            (AgeAtLeast(18), "110105194912310021", Value::Null),
            (AgeAtLeast(18), "长期", Value::Null),
            (DateReached, "2026-02-28", json!(true)),
            (DateReached, "2026-03-01", json!(true)),
            (DateReached, "2026-03-02", json!(false)),
            (DateNotPassed, "2026-02-28", json!(false)),
            (DateNotPassed, "2026-03-01", json!(true)),
            (DateNotPassed, "9999-12-31", json!(true)),
            (DateNotPassed, "2026-3-1", Value::Null),
        ];
        for (rule, source, derived) in table {
            assert_eq!(rule.derive(&json!(source), DAY), derived, "{rule} of {source:?}");
        }
        assert_eq!(AgeAtLeast(18).derive(&Value::Null, DAY), Value::Null);
        // Who was born on a 29 February is a year older on 1 March.
        let leapling = |month, day| AgeAtLeast(18).derive(&json!("2008-02-29"), Date::constant(2026, month, day));
        assert_eq!((leapling(2, 28), leapling(3, 1)), (json!(false), json!(true)));
    }

    #[test]
    fn the_day_of_issue_turns_at_midnight_of_beijing() {
        let at = |text: &str| Time::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond()).unwrap();
        assert_eq!(day_of_issue(at("2026-02-28T15:59:59Z")), Date::constant(2026, 2, 28));
        assert_eq!(day_of_issue(at("2026-02-28T16:00:00Z")), DAY);
    }

    #[test]
    fn golden_digests_of_what_is_long_and_none_of_what_can_be_guessed() {
        use DerivationRule::{Sha256, Sm3};
        let long = "A".repeat(MIN_HASHED_CHARS);
        for (rule, digest) in [
            (Sha256, "b6ac3cc10386331c765f04f041c147d0f278f2aed8eaa021e2d0057fc6f6ff9e"),
            (Sm3, "d55623a437fd3cb3661783f2403e770675603cdfa39ddc1189faa5e5b4ee6602"),
        ] {
            assert_eq!(rule.derive(&json!(long), DAY), json!(digest), "{rule}");
            for short in ["11010519491231002X", &long[1..], ""] {
                assert_eq!(rule.derive(&json!(short), DAY), Value::Null, "{rule} of {short:?}");
            }
        }
    }

    #[test]
    fn of_a_list_each_value_is_derived() {
        let names = json!(["张三丰", "李四"]);
        assert_eq!(DerivationRule::MaskName.derive(&names, DAY), json!(["张**", "李*"]));
        let dates = json!(["2026-03-01", "2027-01-01"]);
        assert_eq!(DerivationRule::DateReached.derive(&dates, DAY), json!([true, false]));
    }

    #[test]
    fn codes_name_rules_and_nothing_else() {
        for rule in DerivationRule::ALL {
            assert_eq!(DerivationRule::parse(&rule.to_string()), Ok(rule));
            let word = rule.to_string();
            let kind = word.split(':').next().unwrap_or_default();
            assert!(DerivationRule::WORDS.iter().any(|word| word.starts_with(kind)), "{rule}");
        }
        assert_eq!(DerivationRule::parse("age-at-least:130"), Ok(DerivationRule::AgeAtLeast(130)));
        for code in [
            "Mask-Name",
            "age-at-least",
            "age-at-least:",
            "age-at-least:0",
            "age-at-least:018",
            "age-at-least:+18",
            "age-at-least:131",
            "age-at-least:256",
            "sha256",
            "",
        ] {
            let error = DerivationRule::parse(code).unwrap_err();
            let wanted = format!("unknown derivation rule {code:?}, allowed: mask-name, mask-citizen-id,");
            assert!(error.to_string().starts_with(&wanted), "{error}");
        }
    }

    proptest! {
        #[test]
        fn every_mask_keeps_the_length_and_only_ever_masks(source in "\\PC{0,40}") {
            for rule in MASKS {
                let Value::String(derived) = rule.derive(&json!(source), DAY) else { panic!("no text") };
                prop_assert_eq!(derived.chars().count(), source.chars().count());
                for (before, after) in source.chars().zip(derived.chars()) {
                    prop_assert!(after == before || after == '*');
                }
            }
        }

        #[test]
        fn every_rule_gives_what_it_says_or_nothing(source in "\\PC{0,200}|[12][0-9]{3}-[01][0-9]-[0-3][0-9]") {
            for rule in DerivationRule::ALL {
                let derived = rule.derive(&json!(source), DAY);
                prop_assert!(derived.is_null() || derived.is_boolean() == (rule.gives() == Derived::Boolean));
            }
        }

        #[test]
        fn age_grows_with_every_birthday(year in 1900_i16..2020, month in 1_i8..=12, day in 1_i8..=28, years in 1_u8..=100) {
            let born = json!(Date::constant(year, month, day).to_string());
            let birthday = Date::constant(year + i16::from(years), month, day);
            let rule = DerivationRule::AgeAtLeast(years);
            prop_assert_eq!(rule.derive(&born, birthday), json!(true));
            prop_assert_eq!(rule.derive(&born, birthday.yesterday().unwrap()), json!(false));
        }
    }
}
