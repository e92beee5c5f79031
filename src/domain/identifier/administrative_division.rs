use std::fmt;

use super::{Error, Kind, fixed};

/// Provinces by the first two digits of a division's code (GB/T 2260).
const PROVINCES: [u8; 34] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63,
    64, 65, 71, 81, 82,
];

/// Whether two digits name a province.
pub(super) fn is_province(code: usize) -> bool {
    PROVINCES.iter().any(|&known| usize::from(known) == code)
}

/// The code of an administrative division 行政区划代码 (GB/T 2260): two digits each for the province, the prefecture within it and
/// the county within that; `00` stands for the whole of what is above.
///
/// Divisions come and go, so that a division of this code is, or was, is not checked; the code's form and its province are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdministrativeDivision(String);

/// The level of an administrative division.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DivisionLevel {
    /// A province 省级.
    Province,
    /// A prefecture 地级.
    Prefecture,
    /// A county 县级.
    County,
}

impl AdministrativeDivision {
    /// Digits of a division's code.
    pub const CHARS: usize = 6;

    /// Parses six digits.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Character`]; [`Error::Province`]; [`Error::Hierarchy`] for a county of no prefecture.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let code: [u8; Self::CHARS] = fixed(Kind::AdministrativeDivision, text, "a digit")?;
        if let Some(position) = code.iter().position(|c| !c.is_ascii_digit()) {
            let kind = Kind::AdministrativeDivision;
            return Err(Error::Character { kind, position: position + 1, expected: "a digit" });
        }
        let [p, q, prefecture @ .., c, d] = code;
        if !is_province(usize::from(p - b'0') * 10 + usize::from(q - b'0')) {
            return Err(Error::Province);
        }
        if prefecture == *b"00" && [c, d] != *b"00" {
            return Err(Error::Hierarchy);
        }
        Ok(Self(text.to_owned()))
    }

    /// The six digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The level.
    pub fn level(&self) -> DivisionLevel {
        match self.0.get(2..) {
            Some("0000") => DivisionLevel::Province,
            Some(rest) if rest.ends_with("00") => DivisionLevel::Prefecture,
            _ => DivisionLevel::County,
        }
    }

    /// Whether a division is this one or lies within it.
    pub fn contains(&self, other: &Self) -> bool {
        let own = match self.level() {
            DivisionLevel::Province => 2,
            DivisionLevel::Prefecture => 4,
            DivisionLevel::County => 6,
        };
        self.0.get(..own) == other.0.get(..own)
    }
}

impl fmt::Display for AdministrativeDivision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AdministrativeDivision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdministrativeDivision({self})")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn division(text: &str) -> AdministrativeDivision {
        AdministrativeDivision::parse(text).unwrap()
    }

    #[test]
    fn codes_have_a_known_province_and_a_level() {
        for (code, level) in [
            ("110000", DivisionLevel::Province),
            ("340100", DivisionLevel::Prefecture),
            ("110101", DivisionLevel::County),
            // A county that its province governs directly.
            ("429004", DivisionLevel::County),
            ("810000", DivisionLevel::Province),
        ] {
            assert_eq!(division(code).level(), level, "{code}");
        }
    }

    #[test]
    fn faults_are_named() {
        let kind = Kind::AdministrativeDivision;
        for (given, error) in [
            ("", Error::Length { kind, found: 0, expected: 6 }),
            ("3401", Error::Length { kind, found: 4, expected: 6 }),
            ("34010A", Error::Character { kind, position: 6, expected: "a digit" }),
            ("３40100", Error::Character { kind, position: 1, expected: "a digit" }),
            ("990100", Error::Province),
            // Only residence permits are numbered under it.
            ("830000", Error::Province),
            ("340001", Error::Hierarchy),
        ] {
            assert_eq!(AdministrativeDivision::parse(given), Err(error), "{given}");
        }
    }

    #[test]
    fn a_division_contains_itself_and_what_lies_within() {
        for (outer, inner, contains) in [
            ("340000", "340100", true),
            ("340000", "340102", true),
            ("340100", "340102", true),
            ("340102", "340102", true),
            ("340100", "340000", false),
            ("340100", "340200", false),
            ("340000", "350000", false),
        ] {
            assert_eq!(division(outer).contains(&division(inner)), contains, "{outer} {inner}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,8}|[0-9]{6}") {
            if let Ok(code) = AdministrativeDivision::parse(&text) {
                prop_assert_eq!(code.as_str(), text);
                prop_assert!(code.contains(&code));
            }
        }
    }
}
