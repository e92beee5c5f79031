use std::{fmt, str::FromStr};

use jiff::civil::Date;

use super::{Error, Kind, administrative_division::is_province, check, fixed};

/// The earliest year of birth taken for real: the examples of GB 11643 itself reach back to 1880, and registers copied
/// from paper hold a few decades more.
pub const EARLIEST_BIRTH_YEAR: i16 = 1850;

/// What stands for the province in the numbers of Taiwan residents' residence permits.
const TAIWAN_RESIDENTS: usize = 83;

/// A citizen identification number 公民身份号码 (GB 11643): area (6 digits), date of birth (8), sequence (3), check
/// character (a digit or X).
///
/// It is personal data: it has no `Display`, its `Debug` hides it, and no error repeats it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CitizenId {
    text: String,
    born: Date,
}

impl CitizenId {
    /// Characters of a citizen id.
    pub const CHARS: usize = 18;

    /// Parses the canonical form: 17 digits and a check character, the X upper case.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Character`], [`Error::Area`], [`Error::BirthDate`], [`Error::CheckCharacter`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let id: [u8; Self::CHARS] = fixed(Kind::CitizenId, text, "a digit")?;
        let (body, last) = id.split_at(Self::CHARS - 1);
        let digits = digits(body)?;
        let last = char::from(last.first().copied().unwrap_or_default());
        if !matches!(last, '0'..='9' | 'X') {
            return Err(Error::Character { kind: Kind::CitizenId, position: Self::CHARS, expected: "a digit or X" });
        }
        check_area(&digits)?;
        let born = birth_date(&digits)?;
        let expected = check::gb_11643(digits);
        if last != expected {
            return Err(Error::CheckCharacter { kind: Kind::CitizenId, position: Self::CHARS, expected });
        }
        Ok(Self { text: text.to_owned(), born })
    }

    /// Completes the first 17 digits with their check character.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Character`], [`Error::Area`], [`Error::BirthDate`].
    pub fn complete(body: &str) -> Result<Self, Error> {
        let digits = digits(&fixed::<{ Self::CHARS - 1 }>(Kind::CitizenId, body, "a digit")?)?;
        check_area(&digits)?;
        let born = birth_date(&digits)?;
        Ok(Self { text: format!("{body}{}", check::gb_11643(digits)), born })
    }

    /// The canonical form: 18 ASCII characters. Personal data.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The date of birth. Whether it has come yet is for the caller, who knows the date, to ask.
    pub fn born(&self) -> Date {
        self.born
    }
}

impl fmt::Debug for CitizenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CitizenId(hidden)")
    }
}

impl FromStr for CitizenId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

fn digits(body: &[u8]) -> Result<Vec<usize>, Error> {
    (1..)
        .zip(body)
        .map(|(position, &c)| match c {
            b'0'..=b'9' => Ok(usize::from(c - b'0')),
            _ => Err(Error::Character { kind: Kind::CitizenId, position, expected: "a digit" }),
        })
        .collect()
}

fn number(digits: &[usize]) -> usize {
    digits.iter().fold(0, |number, digit| number * 10 + digit)
}

fn check_area(digits: &[usize]) -> Result<(), Error> {
    let province = number(&digits[..2]);
    if is_province(province) || province == TAIWAN_RESIDENTS { Ok(()) } else { Err(Error::Area) }
}

fn birth_date(digits: &[usize]) -> Result<Date, Error> {
    let part = |range: std::ops::Range<usize>| number(&digits[range]);
    let year = i16::try_from(part(6..10)).map_err(|_| Error::BirthDate)?;
    let month = i8::try_from(part(10..12)).map_err(|_| Error::BirthDate)?;
    let day = i8::try_from(part(12..14)).map_err(|_| Error::BirthDate)?;
    if year < EARLIEST_BIRTH_YEAR {
        return Err(Error::BirthDate);
    }
    Date::new(year, month, day).map_err(|_| Error::BirthDate)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_samples_of_the_standard_pass() {
        for (id, born) in [("11010519491231002X", date(1949, 12, 31)), ("440524188001010014", date(1880, 1, 1))] {
            let parsed = CitizenId::parse(id).unwrap();
            assert_eq!(parsed.as_str(), id);
            assert_eq!(parsed.born(), born);
            assert_eq!(CitizenId::complete(&id[..17]), Ok(parsed));
        }
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let kind = Kind::CitizenId;
        let table = [
            ("", Error::Length { kind, found: 0, expected: 18 }),
            ("110105491231002", Error::Length { kind, found: 15, expected: 18 }),
            ("110105194912310021", Error::CheckCharacter { kind, position: 18, expected: 'X' }),
            ("440524188001010015", Error::CheckCharacter { kind, position: 18, expected: '4' }),
            ("11010519491231002x", Error::Character { kind, position: 18, expected: "a digit or X" }),
            ("1101051949123100XX", Error::Character { kind, position: 17, expected: "a digit" }),
            ("1101051949123１002X", Error::Character { kind, position: 14, expected: "a digit" }),
            ("01010519491231002X", Error::Area),
            ("99010519491231002X", Error::Area),
            ("11010519490229002X", Error::BirthDate),
            ("11010519491331002X", Error::BirthDate),
            ("11010517001231002X", Error::BirthDate),
        ];
        for (given, error) in table {
            assert_eq!(CitizenId::parse(given), Err(error), "{given}");
        }
    }

    #[test]
    fn neither_errors_nor_debug_repeat_the_value() {
        for given in ["110105194912310021", "11010519490229002X", "1101051949123100AX", "99010519491231002X"] {
            let error = CitizenId::parse(given).unwrap_err();
            for run in given.as_bytes().windows(5) {
                let run = std::str::from_utf8(run).unwrap();
                assert!(!format!("{error} {error:?}").contains(run), "{error} repeats {run}");
            }
        }
        assert_eq!(format!("{:?}", CitizenId::parse("11010519491231002X").unwrap()), "CitizenId(hidden)");
    }

    proptest! {
        #[test]
        fn every_completed_id_parses(body in "(11|44|83)[0-9]{4}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}") {
            let id = CitizenId::complete(&body).unwrap();
            prop_assert_eq!(CitizenId::parse(id.as_str()), Ok(id));
        }

        #[test]
        fn every_substitution_is_detected(body in "11[0-9]{4}19[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}") {
            let id = CitizenId::complete(&body).unwrap();
            let text = id.as_str().as_bytes();
            for position in 0..CitizenId::CHARS {
                for c in (0x20..0x7f_u8).filter(|&c| c != text[position]) {
                    let mut changed = text.to_vec();
                    changed[position] = c;
                    prop_assert!(CitizenId::parse(std::str::from_utf8(&changed).unwrap()).is_err());
                }
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,24}") {
            if let Ok(id) = CitizenId::parse(&text) {
                prop_assert_eq!(id.as_str(), text);
            }
        }
    }
}
