use std::{fmt, str::FromStr};

use super::{Error, Kind, Warning, check, fixed};

/// What the characters of a credit code may be.
const ALPHABET: &str = "a digit or an upper-case letter other than I, O, S, V, Z";

/// A unified social credit code 统一社会信用代码 (GB 32100): 18 characters that name a legal person, a department
/// included.
///
/// Layout: registration authority (1), organisation class (1), registration area (6), organisation code (9, its last
/// one a check character of GB 11714), check character (1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uscc([u8; Self::CHARS]);

impl Uscc {
    /// Characters of a credit code.
    pub const CHARS: usize = 18;

    /// Parses the canonical form.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Character`], [`Error::CheckCharacter`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let code: [u8; Self::CHARS] = fixed(Kind::Uscc, text, ALPHABET)?;
        let (body, last) = code.split_at(Self::CHARS - 1);
        let expected = check_character(body)?;
        // A foreign character in the last place is told apart from a wrong one.
        value(Self::CHARS, last.first().copied().unwrap_or_default())?;
        if last != [expected as u8] {
            return Err(Error::CheckCharacter { kind: Kind::Uscc, position: Self::CHARS, expected });
        }
        Ok(Self(code))
    }

    /// Completes the first 16 characters (authority, class, area, organisation code without its check) with both
    /// check characters.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Character`].
    pub fn complete(body: &str) -> Result<Self, Error> {
        let body: [u8; Self::CHARS - 2] = fixed(Kind::Uscc, body, ALPHABET)?;
        let mut code = [0; Self::CHARS];
        code[..16].copy_from_slice(&body);
        code[16] = organisation_check(&code) as u8;
        code[17] = check_character(&code[..17])? as u8;
        Ok(Self(code))
    }

    /// The canonical form: 18 ASCII characters.
    pub fn as_str(&self) -> &str {
        // Only characters of the alphabet, all ASCII, ever come in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The registration area, characters 3 to 8.
    pub fn area(&self) -> &str {
        self.as_str().get(2..8).unwrap_or_default()
    }

    /// The organisation code, characters 9 to 17.
    pub fn organisation_code(&self) -> &str {
        self.as_str().get(8..17).unwrap_or_default()
    }

    /// What is odd about the code. Codes in use fail these, so they are no errors.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if !self.area().bytes().all(|c| c.is_ascii_digit()) {
            warnings.push(Warning::RegistrationArea);
        }
        let expected = organisation_check(&self.0);
        if self.0[16] != expected as u8 {
            warnings.push(Warning::OrganisationCode { expected });
        }
        warnings
    }
}

impl fmt::Display for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uscc({self})")
    }
}

impl AsRef<str> for Uscc {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Uscc {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// The value of a character in the alphabet of GB 32100.
fn value(position: usize, c: u8) -> Result<usize, Error> {
    check::USCC_ALPHABET.iter().position(|&each| each == c).ok_or(Error::Character {
        kind: Kind::Uscc,
        position,
        expected: ALPHABET,
    })
}

/// The last character, from the first 17.
fn check_character(body: &[u8]) -> Result<char, Error> {
    let values: Vec<usize> = (1..).zip(body).map(|(position, &c)| value(position, c)).collect::<Result<_, _>>()?;
    Ok(check::gb_32100(values))
}

/// Character 17, from characters 9 to 16.
fn organisation_check(code: &[u8; Uscc::CHARS]) -> char {
    check::gb_11714(code[8..16].iter().filter_map(|&c| check::base_36(c)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REAL: [&str; 6] = [
        "11100000000013338W",
        "11330105002500287C",
        "91440300708461136T",
        "91350100M000100Y43",
        "11430000006122244L",
        "11100000MB03271699",
    ];

    #[test]
    fn real_codes_pass_both_checks() {
        for code in REAL {
            let parsed = Uscc::parse(code).unwrap();
            assert_eq!(parsed.as_str(), code);
            assert_eq!(parsed.warnings(), [], "{code}");
            assert_eq!(Uscc::complete(&code[..16]).unwrap(), parsed);
        }
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let kind = Kind::Uscc;
        let character = |position| Error::Character { kind, position, expected: ALPHABET };
        let table = [
            ("", Error::Length { kind, found: 0, expected: 18 }),
            ("11430000006122244", Error::Length { kind, found: 17, expected: 18 }),
            ("11430000006122244LL", Error::Length { kind, found: 19, expected: 18 }),
            ("11430000006122244A", Error::CheckCharacter { kind, position: 18, expected: 'L' }),
            ("11430000006122244l", character(18)),
            ("1143000000612224IL", character(17)),
            ("O1430000006122244L", character(1)),
            ("1143000000６122244L", character(11)),
            ("11430000006122244 ", character(18)),
        ];
        for (given, error) in table {
            assert_eq!(Uscc::parse(given), Err(error), "{given}");
        }
    }

    #[test]
    fn a_failed_inner_check_is_a_warning() {
        let body = "91440300708461137";
        let code = format!("{body}{}", check_character(body.as_bytes()).unwrap());
        let parsed = Uscc::parse(&code).unwrap();
        assert_eq!(parsed.warnings(), [Warning::OrganisationCode { expected: '6' }]);
    }

    proptest! {
        #[test]
        fn every_completed_code_parses_without_warning(body in "[1-9AN][1-9][0-9]{6}[0-9A-HJ-NP-RTUWXY]{8}") {
            let code = Uscc::complete(&body).unwrap();
            prop_assert_eq!(Uscc::parse(code.as_str()), Ok(code));
            prop_assert_eq!(code.warnings(), []);
        }

        #[test]
        fn every_substitution_is_detected(body in "[1-9][1-9][0-9]{6}[0-9A-HJ-NP-RTUWXY]{8}") {
            let code = Uscc::complete(&body).unwrap();
            for position in 0..Uscc::CHARS {
                for c in (0x20..0x7f_u8).filter(|&c| c != code.0[position]) {
                    let mut changed = code.0;
                    changed[position] = c;
                    prop_assert!(Uscc::parse(std::str::from_utf8(&changed).unwrap()).is_err());
                }
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,24}") {
            if let Ok(code) = Uscc::parse(&text) {
                prop_assert_eq!(code.as_str(), text);
            }
        }
    }
}
