use std::{fmt, ops::RangeInclusive, str::FromStr};

use super::{Error, Kind, Uscc, Warning, check};

/// The object identifier under which electronic licences are numbered.
pub const OID_ROOT: &str = "1.2.156.3005.2";

/// The longest issuer accepted, in characters. A credit code has 18; shorter area codes are in use, and 32 leaves room
/// for local organisation codes.
pub const MAX_ISSUER_CHARS: usize = 32;

/// The longest serial accepted, in characters. Serials in use have 7 to 32 (a UUID without hyphens); twice that bounds
/// what a licence id can cost.
pub const MAX_SERIAL_CHARS: usize = 64;

/// The version of a licence that was never issued anew.
pub const FIRST_LICENCE_VERSION: &str = "001";

/// The parts of a licence id after its OID root, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LicencePart {
    /// Licence type: credit code of the body that defined it and a number of three digits.
    Type,
    /// Issuer: a credit code as a rule.
    Issuer,
    /// Serial number given by the issuer.
    Serial,
    /// Version, three digits.
    Version,
    /// Check character.
    Check,
}

impl LicencePart {
    const ALL: [Self; 5] = [Self::Type, Self::Issuer, Self::Serial, Self::Version, Self::Check];

    /// How many characters the part may have, and the same in words.
    fn chars(self) -> (RangeInclusive<usize>, &'static str) {
        match self {
            Self::Type => (21..=21, "21"),
            Self::Issuer => (1..=MAX_ISSUER_CHARS, "1 to 32"),
            Self::Serial => (1..=MAX_SERIAL_CHARS, "1 to 64"),
            Self::Version => (3..=3, "3"),
            Self::Check => (1..=1, "1"),
        }
    }

    /// Whether only digits may stand at a position, counted from 1.
    fn digits_only(self, position: usize) -> bool {
        match self {
            Self::Type => position > Uscc::CHARS,
            Self::Version => true,
            Self::Issuer | Self::Serial | Self::Check => false,
        }
    }

    fn validate(self, text: &str) -> Result<(), Error> {
        let found = text.chars().count();
        let (allowed, expected) = self.chars();
        if !allowed.contains(&found) {
            return Err(Error::PartLength { part: self, found, expected });
        }
        for (position, c) in (1..).zip(text.chars()) {
            let (fits, expected) = if self.digits_only(position) {
                (c.is_ascii_digit(), "a digit")
            } else {
                (c.is_ascii_digit() || c.is_ascii_uppercase(), "a digit or an upper-case letter")
            };
            if !fits {
                return Err(Error::PartCharacter { part: self, position, expected });
            }
        }
        Ok(())
    }
}

impl fmt::Display for LicencePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "the type",
            Self::Issuer => "the issuer",
            Self::Serial => "the serial",
            Self::Version => "the version",
            Self::Check => "the check character",
        })
    }
}

/// An electronic licence identifier 证照标识 (GB/T 36904):
/// `1.2.156.3005.2.<type>.<issuer>.<serial>.<version>.<check>`.
///
/// The check character is ISO/IEC 7064 MOD 37,36 over type, issuer, serial and version, without dots and without the
/// root. A serial may hold a holder's number, so the id has no `Display` and its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenceId(String);

impl LicenceId {
    /// Parses an id, with or without its OID root; upper case only.
    ///
    /// # Errors
    /// [`Error::Parts`], [`Error::PartLength`], [`Error::PartCharacter`], [`Error::CheckCharacter`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let rest = text.strip_prefix(OID_ROOT).and_then(|rest| rest.strip_prefix('.')).unwrap_or(text);
        let found = rest.split('.').count();
        if found != LicencePart::ALL.len() {
            return Err(Error::Parts { found });
        }
        for (part, text) in LicencePart::ALL.into_iter().zip(rest.split('.')) {
            part.validate(text)?;
        }
        let (body, check) = rest.rsplit_once('.').unwrap_or_default();
        let expected = check_character(body);
        if !check.starts_with(expected) {
            let position = text.len();
            return Err(Error::CheckCharacter { kind: Kind::LicenceId, position, expected });
        }
        Ok(Self(format!("{OID_ROOT}.{rest}")))
    }

    /// Makes the id of a licence from its parts, completed with the check character.
    ///
    /// # Errors
    /// [`Error::PartLength`], [`Error::PartCharacter`].
    pub fn complete(licence_type: &str, issuer: &str, serial: &str, version: &str) -> Result<Self, Error> {
        for (part, text) in LicencePart::ALL.into_iter().zip([licence_type, issuer, serial, version]) {
            part.validate(text)?;
        }
        let body = format!("{licence_type}.{issuer}.{serial}.{version}");
        let check = check_character(&body);
        Ok(Self(format!("{OID_ROOT}.{body}.{check}")))
    }

    /// The canonical form, with the OID root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One part of the id.
    pub fn part(&self, part: LicencePart) -> &str {
        const ROOT_PARTS: usize = 5;
        self.0.split('.').nth(ROOT_PARTS + part as usize).unwrap_or_default()
    }

    /// What is odd about the id: a type or an issuer without a valid credit code. Licences in use have such ids.
    pub fn warnings(&self) -> Vec<Warning> {
        let authority = self.part(LicencePart::Type).get(..Uscc::CHARS).unwrap_or_default();
        [(LicencePart::Type, authority), (LicencePart::Issuer, self.part(LicencePart::Issuer))]
            .into_iter()
            .filter_map(|(part, code)| Uscc::parse(code).err().map(|reason| Warning::NotUscc { part, reason }))
            .collect()
    }
}

impl LicenceId {
    /// What is odd about the id as that of a licence that a department publishes: its [`warnings`](Self::warnings), and an issuer
    /// that is another department.
    pub fn warnings_of_published(&self, publisher: &Uscc) -> Vec<Warning> {
        let mut warnings = self.warnings();
        if Uscc::parse(self.part(LicencePart::Issuer)).is_ok_and(|issuer| issuer != *publisher) {
            warnings.push(Warning::AnotherIssuer { publisher: *publisher });
        }
        warnings
    }
}

impl fmt::Debug for LicenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LicenceId(hidden)")
    }
}

impl FromStr for LicenceId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// The check character of the four parts before it; their dots do not count.
fn check_character(body: &str) -> char {
    check::mod_37_36(body.bytes().filter_map(check::base_36))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REAL: [&str; 3] = [
        "11100000000013338W011.11430000006122244L.20230000403.001.U",
        "11100000000013338W009.11330105002500287C.2025052201.002.0",
        "11100000MB03271699022.340100.000000016.001.9",
    ];

    #[test]
    fn real_ids_pass_with_and_without_the_root_and_have_one_form() {
        for id in REAL {
            let bare = LicenceId::parse(id).unwrap();
            let rooted = LicenceId::parse(&format!("{OID_ROOT}.{id}")).unwrap();
            assert_eq!(bare, rooted);
            assert_eq!(bare.as_str(), format!("1.2.156.3005.2.{id}"));
        }
    }

    #[test]
    fn an_id_gives_its_parts() {
        let id = LicenceId::parse(REAL[0]).unwrap();
        let parts = LicencePart::ALL.map(|part| id.part(part));
        assert_eq!(parts, ["11100000000013338W011", "11430000006122244L", "20230000403", "001", "U"]);
        assert_eq!(LicenceId::complete(parts[0], parts[1], parts[2], parts[3]), Ok(id));
    }

    #[test]
    fn the_published_id_with_a_wrong_check_character_is_refused() {
        let id = "1.2.156.3005.2.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M";
        let error = Error::CheckCharacter { kind: Kind::LicenceId, position: id.len(), expected: 'D' };
        assert_eq!(LicenceId::parse(id), Err(error));
    }

    #[test]
    fn an_issuer_without_a_credit_code_is_a_warning() {
        let reason = Error::Length { kind: Kind::Uscc, found: 6, expected: 18 };
        let warning = Warning::NotUscc { part: LicencePart::Issuer, reason };
        assert_eq!(LicenceId::parse(REAL[2]).unwrap().warnings(), [warning]);
        assert_eq!(LicenceId::parse(REAL[0]).unwrap().warnings(), []);
    }

    #[test]
    fn an_issuer_that_is_not_the_publisher_is_a_warning_once() {
        let publisher = Uscc::parse("11430000006122244L").unwrap();
        let of = |id: &str| LicenceId::parse(id).unwrap().warnings_of_published(&publisher);
        assert_eq!(of(REAL[0]), []);
        assert_eq!(of(REAL[1]), [Warning::AnotherIssuer { publisher }]);
        // One that is no credit code is told as that.
        assert!(matches!(of(REAL[2])[..], [Warning::NotUscc { .. }]));
    }

    #[test]
    fn faults_are_named_with_their_place() {
        use LicencePart::{Issuer, Serial, Type, Version};
        let letter = "a digit or an upper-case letter";
        let table = [
            ("", Error::Parts { found: 1 }),
            ("1.2.156.3005.3.11100000000013338W011.11430000006122244L.20230000403.001.U", Error::Parts { found: 10 }),
            ("11100000000013338W011.11430000006122244L.20230000403.001", Error::Parts { found: 4 }),
            (
                "11100000000013338W01.11430000006122244L.20230000403.001.U",
                Error::PartLength { part: Type, found: 20, expected: "21" },
            ),
            (
                "11100000000013338W01A.11430000006122244L.20230000403.001.U",
                Error::PartCharacter { part: Type, position: 21, expected: "a digit" },
            ),
            (
                "11100000000013338W011..20230000403.001.U",
                Error::PartLength { part: Issuer, found: 0, expected: "1 to 32" },
            ),
            (
                "11100000000013338W011.11430000006122244L.2023-000403.001.U",
                Error::PartCharacter { part: Serial, position: 5, expected: letter },
            ),
            (
                "11100000000013338W011.11430000006122244L.2023000040a.001.U",
                Error::PartCharacter { part: Serial, position: 11, expected: letter },
            ),
            (
                "11100000000013338W011.11430000006122244L.20230000403.V01.U",
                Error::PartCharacter { part: Version, position: 1, expected: "a digit" },
            ),
        ];
        for (given, error) in table {
            assert_eq!(LicenceId::parse(given), Err(error), "{given}");
        }
        // The bare root has five parts by chance; the first of them is no type.
        assert_eq!(LicenceId::parse(OID_ROOT), Err(Error::PartLength { part: Type, found: 1, expected: "21" }));
    }

    proptest! {
        #[test]
        fn every_completed_id_parses(
            licence_type in "[0-9A-Z]{18}[0-9]{3}",
            issuer in "[0-9A-Z]{6,18}",
            serial in "[0-9A-Z]{1,64}",
            version in "[0-9]{3}",
        ) {
            let id = LicenceId::complete(&licence_type, &issuer, &serial, &version).unwrap();
            prop_assert_eq!(LicenceId::parse(id.as_str()), Ok(id));
        }

        #[test]
        fn every_substitution_is_detected(serial in "[0-9A-Z]{7,32}", version in "[0-9]{3}") {
            let id = LicenceId::complete("11100000000013338W011", "11430000006122244L", &serial, &version).unwrap();
            let bare = id.as_str().strip_prefix("1.2.156.3005.2.").unwrap().as_bytes();
            for position in 0..bare.len() {
                for c in (0x20..0x7f_u8).filter(|&c| c != bare[position]) {
                    let mut changed = bare.to_vec();
                    changed[position] = c;
                    prop_assert!(LicenceId::parse(std::str::from_utf8(&changed).unwrap()).is_err());
                }
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,90}") {
            if let Ok(id) = LicenceId::parse(&text) {
                prop_assert!(id.as_str().ends_with(&text));
            }
        }
    }
}
