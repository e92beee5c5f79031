//! Holders 持证主体, as those name them who do not have the catalog at hand.

use std::fmt;

use super::Error;
use crate::{
    domain::{
        id::Commitment,
        identifier::{CitizenId, HolderCodeType, MAX_HOLDER_CODE_CHARS, Uscc, is_holder_code, normalize},
    },
    sign::{
        Random,
        commitment::{Opening, Scheme},
    },
};

/// A holder 持证主体, by their own identifier.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    scheme: Scheme,
    value: String,
}

impl Holder {
    /// The holder of an identifier as people write it. `code_type` says what kind of identifier it is 持证主体代码类型: `uscc`,
    /// `citizen-id`, or three digits of GB/T 36903, appendix A, such as `414` for a passport; departments' own codes are taken too.
    ///
    /// # Errors
    /// [`Error::Input`] for another type, or an identifier that is none of its type.
    pub fn new(code_type: &str, value: &str) -> Result<Self, Error> {
        let wrong = |why: String| Error::Input { what: "the holder".to_owned(), why };
        let kind = match code_type {
            "uscc" => HolderCodeType::Uscc,
            "citizen-id" => HolderCodeType::CitizenId,
            code if code.len() == 3 && code.bytes().all(|c| c.is_ascii_digit()) => HolderCodeType::of_code(code),
            _ => {
                let why =
                    "the type is uscc, citizen-id, or the three digits of a holder code type such as 414".to_owned();
                return Err(wrong(why));
            }
        };
        let value = normalize(value);
        kind.check(&value).map_err(|error| wrong(error.to_string()))?;
        if !is_holder_code(&value) {
            return Err(wrong(format!("an identifier has 1 to {MAX_HOLDER_CODE_CHARS} characters")));
        }
        Ok(Self { scheme: scheme_of(&value), value })
    }

    /// The identifier, in its canonical form. It may be personal: not for logs.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn commit(&self, random: &dyn Random) -> Result<(Commitment, Opening), Error> {
        let opening = Opening::new(random, self.scheme, &self.value)?;
        Ok((Commitment(opening.commitment()), opening))
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holder({}, hidden)", self.scheme.name())
    }
}

/// The scheme of a holder's identifier, whatever kind is said: by what it is. So whoever asks for a holder, traces or erases commits
/// to the same.
pub(super) fn scheme_of(code: &str) -> Scheme {
    if Uscc::parse(code).is_ok() {
        Scheme::Uscc
    } else if CitizenId::parse(code).is_ok() {
        Scheme::CitizenId
    } else {
        Scheme::Text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_named_by_any_type_of_the_standard_and_committed_to_by_what_the_identifier_is() {
        let (uscc, citizen) = ("91440300708461136T", "11010519491231002X");
        for (code_type, value, scheme, canonical) in [
            ("uscc", " 91440300708461136t", Scheme::Uscc, uscc),
            ("001", uscc, Scheme::Uscc, uscc),
            ("citizen-id", "11010519491231002x", Scheme::CitizenId, citizen),
            ("111", citizen, Scheme::CitizenId, citizen),
            ("414", "e 1234 5678", Scheme::Text, "E12345678"),
            ("114", "军字第1234567号", Scheme::Text, "军字第1234567号"),
            // A number that is also a credit code is found by that, as a query for it would.
            ("099", uscc, Scheme::Uscc, uscc),
            // A code of the department's own.
            ("801", "X-1", Scheme::Text, "X-1"),
        ] {
            let holder = Holder::new(code_type, value).unwrap();
            assert_eq!((holder.scheme(), holder.value()), (scheme, canonical), "{code_type} {value}");
            assert!(!format!("{holder:?}").contains(canonical));
        }
        for (code, _) in HolderCodeType::CODES.into_iter().filter(|(code, _)| !["001", "111"].contains(code)) {
            assert!(Holder::new(code, "E12345678").is_ok(), "{code}");
        }
    }

    #[test]
    fn what_is_no_identifier_of_its_type_is_refused() {
        for (code_type, value) in [
            ("uscc", "91440300708461136A"),
            ("001", "11010519491231002X"),
            ("111", "91440300708461136T"),
            ("414", ""),
            ("414", &"1".repeat(MAX_HOLDER_CODE_CHARS + 1)),
            ("passport", "E12345678"),
            ("41", "E12345678"),
        ] {
            assert!(matches!(Holder::new(code_type, value), Err(Error::Input { .. })), "{code_type} {value}");
        }
    }
}
