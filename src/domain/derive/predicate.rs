//! Predicates: what is true of a date, or of a person, on a day.

use crate::domain::{identifier::CitizenId, time::Date, value::parse_date};

/// Whether who has this citizen id, or was born on this date, had so many full years on a day; `None` where it is neither.
pub(super) fn age_at_least(source: &str, years: u8, day: Date) -> Option<bool> {
    let born = CitizenId::parse(source).map_or_else(|_| parse_date(source), |id| Some(id.born()))?;
    let birthday_passed = (born.month(), born.day()) <= (day.month(), day.day());
    let full_years = day.year() - born.year() - i16::from(!birthday_passed);
    Some(full_years >= i16::from(years))
}

/// Whether a date had come on a day; `None` where it is none.
pub(super) fn date_reached(source: &str, day: Date) -> Option<bool> {
    parse_date(source).map(|date| date <= day)
}

/// Whether a day was not after a date; `None` where it is none.
pub(super) fn date_not_passed(source: &str, day: Date) -> Option<bool> {
    parse_date(source).map(|date| day <= date)
}
