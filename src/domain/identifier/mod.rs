//! Identifiers of the field, each with its check characters: unified social credit codes ([`Uscc`], GB 32100), citizen
//! ids ([`CitizenId`], GB 11643) and electronic licence ids ([`LicenceId`], GB/T 36904).
//!
//! `parse` takes the canonical form and nothing else: half-width, upper case, no spaces. Values typed by people or
//! exported from spreadsheets pass through [`normalize`] first; signed statements never do, so that one identifier has
//! one form in every commitment.
//!
//! Errors say where the fault is and what is allowed there. They never repeat the value: an identifier names a person
//! or leads to one, and errors end up in logs and reports.

mod administrative_division;
mod check;
mod citizen_id;
mod holder;
mod licence_id;
mod uscc;

use std::fmt;

pub use administrative_division::{AdministrativeDivision, DivisionLevel};
pub use citizen_id::{CitizenId, EARLIEST_BIRTH_YEAR};
pub use holder::{HolderCodeType, MAX_HOLDER_CODE_CHARS, is_holder_code};
pub use licence_id::{FIRST_LICENCE_VERSION, LicenceId, LicencePart, MAX_ISSUER_CHARS, MAX_SERIAL_CHARS, OID_ROOT};
pub use uscc::Uscc;

/// The identifiers this room knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Unified social credit code 统一社会信用代码, GB 32100.
    Uscc,
    /// Citizen identification number 公民身份号码, GB 11643.
    CitizenId,
    /// Electronic licence identifier 证照标识, GB/T 36904.
    LicenceId,
    /// Administrative division 行政区划代码, GB/T 2260.
    AdministrativeDivision,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uscc => "unified social credit code",
            Self::CitizenId => "citizen id",
            Self::LicenceId => "licence id",
            Self::AdministrativeDivision => "administrative division",
        })
    }
}

/// Why a text is not an identifier. Positions count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is too short or too long.
    #[error("{kind} has {found} characters, expected {expected}")]
    Length {
        /// Which identifier was expected.
        kind: Kind,
        /// Characters found.
        found: usize,
        /// Characters allowed.
        expected: usize,
    },
    /// A character outside the alphabet of its place.
    #[error("{kind}: character {position} is not {expected}")]
    Character {
        /// Which identifier was expected.
        kind: Kind,
        /// Where, from 1.
        position: usize,
        /// What is allowed there.
        expected: &'static str,
    },
    /// The check character is not the one the other characters give.
    #[error("{kind}: check character {position} does not fit, the others give '{expected}'")]
    CheckCharacter {
        /// Which identifier was expected.
        kind: Kind,
        /// Where, from 1.
        position: usize,
        /// The check character that the other characters give.
        expected: char,
    },
    /// The first two digits of a citizen id name no province.
    #[error("citizen id: characters 1 to 2 are not a province code of GB/T 2260")]
    Area,
    /// The birth date of a citizen id is no date, or an implausible one.
    #[error("citizen id: characters 7 to 14 are not a date (YYYYMMDD) from {EARLIEST_BIRTH_YEAR} on")]
    BirthDate,
    /// The first two digits of an administrative division name no province.
    #[error("administrative division: characters 1 to 2 are not a province code of GB/T 2260")]
    Province,
    /// A county that is in no prefecture.
    #[error("administrative division: characters 3 to 4 are 00, so characters 5 to 6 must be 00 too")]
    Hierarchy,
    /// A licence id with too few or too many parts, or another OID root.
    #[error(
        "licence id has {found} dot-separated parts, expected type.issuer.serial.version.check, with or without the root {OID_ROOT}"
    )]
    Parts {
        /// Parts found, those of the root not counted.
        found: usize,
    },
    /// One part of a licence id is too short or too long.
    #[error("licence id: {part} has {found} characters, expected {expected}")]
    PartLength {
        /// Which part.
        part: LicencePart,
        /// Characters found.
        found: usize,
        /// Characters allowed.
        expected: &'static str,
    },
    /// A character in a part of a licence id is outside the alphabet of its place.
    #[error("licence id: character {position} of {part} is not {expected}")]
    PartCharacter {
        /// Which part.
        part: LicencePart,
        /// Where in the part, from 1.
        position: usize,
        /// What is allowed there.
        expected: &'static str,
    },
}

/// What is odd about an identifier that is nevertheless accepted, because real ones in use have it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The organisation code inside a credit code fails its own check (GB 11714).
    #[error(
        "unified social credit code: check character 17 of the organisation code does not fit, expected '{expected}'"
    )]
    OrganisationCode {
        /// The check character that GB 11714 gives.
        expected: char,
    },
    /// Characters 3 to 8 of a credit code, the registration area, are not all digits.
    #[error("unified social credit code: characters 3 to 8 are not an area code of six digits")]
    RegistrationArea,
    /// The part of a licence id that should be, or begin with, a credit code is none.
    #[error("licence id: {part} holds no valid unified social credit code: {reason}")]
    NotUscc {
        /// Which part.
        part: LicencePart,
        /// What is wrong with it.
        reason: Error,
    },
    /// The issuer in a licence id is another department than the one that publishes the licence.
    #[error("licence id: the issuer is another department than the publisher {publisher}")]
    AnotherIssuer {
        /// Who publishes it.
        publisher: Uscc,
    },
}

impl Warning {
    /// What kind of oddity, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OrganisationCode { .. } => "organisation-code",
            Self::RegistrationArea => "registration-area",
            Self::NotUscc { .. } => "not-uscc",
            Self::AnotherIssuer { .. } => "another-issuer",
        }
    }
}

/// Brings an identifier as people type it and spreadsheets export it to its canonical letters: full-width forms become
/// half-width, lower case becomes upper case, white space of every kind and invisible format characters are dropped.
///
/// It repairs spelling only; whether the result is an identifier is for `parse` to say.
pub fn normalize(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !is_invisible(*c))
        .map(half_width)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// The half-width twin of a full-width form (U+FF01 to U+FF5E), any other character as it is.
pub fn half_width(c: char) -> char {
    const FIRST: u32 = 0xFF01;
    const LAST: u32 = 0xFF5E;
    match u32::from(c) {
        code @ FIRST..=LAST => char::from_u32(code - FIRST + 0x21).unwrap_or(c),
        _ => c,
    }
}

/// Whether a character is a zero-width or direction mark, which copying from web pages and certificates leaves behind.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}')
}

/// Splits off the characters of a text that must have exactly `N` of them, all ASCII.
///
/// # Errors
/// [`Error::Length`]; [`Error::Character`] for the first character that is not ASCII.
fn fixed<const N: usize>(kind: Kind, text: &str, expected: &'static str) -> Result<[u8; N], Error> {
    let found = text.chars().count();
    if found != N {
        return Err(Error::Length { kind, found, expected: N });
    }
    match text.as_bytes().try_into() {
        Ok(bytes) => Ok(bytes),
        // The count of characters fits and the count of bytes does not: some character is not ASCII.
        Err(_) => {
            let position = text.chars().take_while(char::is_ascii).count() + 1;
            Err(Error::Character { kind, position, expected })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn normalizing_repairs_spelling_and_nothing_else() {
        let table = [
            ("91350100m000100y43", "91350100M000100Y43"),
            (" 91350100 M000100Y43\u{3000}", "91350100M000100Y43"),
            ("９１３５０１００Ｍ０００１００Ｙ４３", "91350100M000100Y43"),
            ("\u{FEFF}\u{202D}11010519491231002x\u{202C}\u{A0}", "11010519491231002X"),
            ("1．2.156", "1.2.156"),
            ("１２３－ａ", "123-A"),
            ("'123", "'123"),
            ("张三", "张三"),
            ("", ""),
        ];
        for (given, canonical) in table {
            assert_eq!(normalize(given), canonical, "{given:?}");
            assert_eq!(normalize(canonical), canonical, "{canonical:?} again");
        }
    }

    #[test]
    fn what_is_not_canonical_is_refused_by_parse_and_repaired_by_normalize() {
        for text in ["91350100m000100y43", "９１３５０１００Ｍ０００１００Ｙ４３", "91350100M000100Y4３"]
        {
            assert!(matches!(Uscc::parse(text), Err(Error::Character { .. })), "{text}");
            assert!(Uscc::parse(&normalize(text)).is_ok(), "{text}");
        }
        assert!(CitizenId::parse("11010519491231002x").is_err());
        assert!(CitizenId::parse(&normalize("11010519491231002x")).is_ok());
    }
}
