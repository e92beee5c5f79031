//! The formats of identifiers and dates: what a JSON Schema names and the domain checks.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::domain::{
    identifier::{self, AdministrativeDivision, CitizenId, LicenceId, Uscc, is_holder_code},
    outcome::RecordViolation,
    value::{MAX_SEAL_BYTES, parse_date, parse_instant},
};

/// A format that text may be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Date,
    DateTime,
    Uscc,
    CitizenId,
    LicenceId,
    AdministrativeDivision,
    HolderCode,
    Seal,
}

impl Format {
    pub(super) const ALL: [Self; 8] = [
        Self::Date,
        Self::DateTime,
        Self::Uscc,
        Self::CitizenId,
        Self::LicenceId,
        Self::AdministrativeDivision,
        Self::HolderCode,
        Self::Seal,
    ];

    /// Its name in a schema: one of the standard's, or one of our own.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::DateTime => "date-time",
            Self::Uscc => "uscc",
            Self::CitizenId => "citizen-id",
            Self::LicenceId => "licence-id",
            Self::AdministrativeDivision => "administrative-division",
            Self::HolderCode => "holder-code",
            Self::Seal => "e-seal",
        }
    }

    /// What a text of the format is, in words.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Date => "a date YYYY-MM-DD",
            Self::DateTime => "a date and time such as 2026-01-05T08:00:00+08:00",
            Self::Uscc => "a unified social credit code",
            Self::CitizenId => "a citizen id",
            Self::LicenceId => "a licence id in canonical form: with its root, in upper case",
            Self::AdministrativeDivision => "the code of an administrative division",
            Self::HolderCode => "an identifier of 1 to 40 characters, half-width, upper case, without white space",
            Self::Seal => "the base64 of an e-seal of at most 65536 bytes, padded and without line breaks",
        }
    }

    /// What a validator that does not know the format can check of it at least.
    pub(super) fn pattern(self) -> &'static str {
        match self {
            Self::Date => "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            Self::DateTime => {
                r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
            }
            Self::Uscc => "^[0-9A-HJ-NP-RTUWXY]{18}$",
            Self::CitizenId => "^[0-9]{17}[0-9X]$",
            Self::LicenceId => {
                r"^1\.2\.156\.3005\.2\.[0-9A-Z]{18}[0-9]{3}\.[0-9A-Z]{1,32}\.[0-9A-Z]{1,64}\.[0-9]{3}\.[0-9A-Z]$"
            }
            Self::AdministrativeDivision => "^[0-9]{6}$",
            Self::HolderCode => r"^[^\sa-z]{1,40}$",
            Self::Seal => "^[A-Za-z0-9+/]+={0,2}$",
        }
    }

    /// Whether a text is of the format, and if not, what is wrong and what is allowed.
    pub(super) fn check(self, text: &str) -> Result<(), Unfit> {
        match self {
            Self::Date => self.known(parse_date(text).is_some()),
            Self::DateTime => self.known(parse_instant(text).is_some()),
            Self::Uscc => parsed(Uscc::parse(text)),
            Self::CitizenId => parsed(CitizenId::parse(text)),
            Self::AdministrativeDivision => parsed(AdministrativeDivision::parse(text)),
            Self::LicenceId => match LicenceId::parse(text) {
                Ok(id) => self.known(id.as_str() == text),
                refused => parsed(refused),
            },
            Self::HolderCode => self.known(is_holder_code(text)),
            Self::Seal => {
                let bytes = STANDARD.decode(text).map_or(0, |bytes| bytes.len());
                self.known((1..=MAX_SEAL_BYTES).contains(&bytes))
            }
        }
    }

    fn known(self, holds: bool) -> Result<(), Unfit> {
        let unfit = || Unfit { violation: RecordViolation::Type, description: format!("is not {}", self.what()) };
        if holds { Ok(()) } else { Err(unfit()) }
    }
}

/// Why a text is not of a format.
pub(super) struct Unfit {
    pub(super) violation: RecordViolation,
    pub(super) description: String,
}

fn parsed<T>(parsed: Result<T, identifier::Error>) -> Result<(), Unfit> {
    parsed.map(drop).map_err(|error| {
        let is_check = matches!(error, identifier::Error::CheckCharacter { .. });
        let violation = if is_check { RecordViolation::CheckCharacter } else { RecordViolation::Type };
        Unfit { violation, description: error.to_string() }
    })
}
