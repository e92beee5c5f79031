//! Derivation rules: how a derived field is made of its source field.
//!
//! A derived field is declared in the catalog with one of these rules, computed and signed by the provider, and checked
//! against the rule by the hub; an auditor may check it decades later. So a rule is a pure function of its text, it
//! depends on no table that grows with Unicode, and what it gives never changes: another mask is another rule.
//!
//! A character is a Unicode scalar value; each masked character becomes one `*`.

use std::{fmt, str::FromStr};

/// What stands for a masked character.
const MASK: char = '*';

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
}

/// A code that names no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown derivation rule {code:?}, allowed: mask-name, mask-citizen-id, mask-phone, mask-address, mask-middle")]
pub struct Error {
    /// The code found.
    pub code: String,
}

impl DerivationRule {
    /// All rules.
    pub const ALL: [Self; 5] =
        [Self::MaskName, Self::MaskCitizenId, Self::MaskPhone, Self::MaskAddress, Self::MaskMiddle];

    /// The rule with a code.
    ///
    /// # Errors
    /// [`Error`] when no rule has it.
    pub fn parse(code: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == code).ok_or_else(|| Error { code: code.to_owned() })
    }

    /// The rule's code, as the catalog has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaskName => "mask-name",
            Self::MaskCitizenId => "mask-citizen-id",
            Self::MaskPhone => "mask-phone",
            Self::MaskAddress => "mask-address",
            Self::MaskMiddle => "mask-middle",
        }
    }

    /// The derived value.
    pub fn derive(&self, source: &str) -> String {
        match self {
            Self::MaskName => mask_name(source),
            Self::MaskCitizenId => mask_citizen_id(source),
            Self::MaskPhone => mask_phone(source),
            Self::MaskAddress => mask_where(source, |_, c| is_digit(c)),
            Self::MaskMiddle => mask_middle(source),
        }
    }
}

impl fmt::Display for DerivationRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DerivationRule {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self, Error> {
        Self::parse(code)
    }
}

fn mask_name(name: &str) -> String {
    let lone = name.chars().nth(1).is_none();
    mask_where(name, |index, c| (index > 0 || lone) && !is_name_separator(c))
}

fn mask_citizen_id(id: &str) -> String {
    const CHARS: usize = 18;
    let whole = id.chars().count() != CHARS;
    mask_where(id, |index, _| whole || (6..CHARS - 4).contains(&index))
}

fn mask_phone(phone: &str) -> String {
    const SHORTEST_NUMBER: usize = 7;
    let digits = phone.chars().filter(|&c| is_digit(c)).count();
    let masked = if digits < SHORTEST_NUMBER { 0..digits } else { digits.saturating_sub(8)..digits - 4 };
    let mut seen = 0;
    mask_where(phone, |_, c| {
        let index = seen;
        seen += usize::from(is_digit(c));
        is_digit(c) && masked.contains(&index)
    })
}

fn mask_middle(text: &str) -> String {
    let chars = text.chars().count();
    let kept = chars / 3;
    mask_where(text, |index, _| (kept..chars - kept).contains(&index))
}

fn mask_where(text: &str, mut masked: impl FnMut(usize, char) -> bool) -> String {
    text.chars().enumerate().map(|(index, c)| if masked(index, c) { MASK } else { c }).collect()
}

fn is_digit(c: char) -> bool {
    matches!(c, '0'..='9' | '０'..='９')
}

/// Space, hyphen, and the middle dots (U+00B7, U+2022, U+2027, U+30FB) that input methods put between the parts of a
/// name.
fn is_name_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '\u{B7}' | '\u{2022}' | '\u{2027}' | '\u{30FB}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_values_of_every_rule() {
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
            assert_eq!(rule.derive(source), derived, "{rule} of {source:?}");
        }
    }

    #[test]
    fn codes_name_rules_and_nothing_else() {
        for rule in DerivationRule::ALL {
            assert_eq!(DerivationRule::parse(rule.as_str()), Ok(rule));
        }
        let error = DerivationRule::parse("Mask-Name").unwrap_err();
        assert!(error.to_string().starts_with("unknown derivation rule \"Mask-Name\", allowed: mask-name,"), "{error}");
        for rule in DerivationRule::ALL {
            assert!(error.to_string().contains(rule.as_str()), "{rule}");
        }
    }

    proptest! {
        #[test]
        fn every_rule_keeps_the_length_and_only_ever_masks(source in "\\PC{0,40}") {
            for rule in DerivationRule::ALL {
                let derived = rule.derive(&source);
                prop_assert_eq!(derived.chars().count(), source.chars().count());
                for (before, after) in source.chars().zip(derived.chars()) {
                    prop_assert!(after == before || after == MASK);
                }
            }
        }
    }
}
