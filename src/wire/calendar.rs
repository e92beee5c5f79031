//! The calendar.

use std::collections::BTreeSet;

use super::{
    proto,
    reading::{Malformed, Reading},
};
use crate::domain::{calendar::CalendarYear, time::Date, value};

/// The longest number of a notice, in characters.
const MAX_SOURCE_CHARS: usize = 200;

/// A year's days as they travel.
pub fn calendar_year_to_proto(year: &CalendarYear) -> proto::CalendarYear {
    let days = |days: &BTreeSet<Date>| days.iter().map(ToString::to_string).collect();
    proto::CalendarYear {
        year: year.year.into(),
        source: year.source.clone(),
        holidays: days(&year.holidays),
        working_days: days(&year.working_days),
    }
}

/// A year's days as a hub lists them.
///
/// # Errors
/// Every field that is not well formed.
pub fn calendar_year_from_proto(message: &proto::CalendarYear) -> Result<CalendarYear, Malformed> {
    let mut reading = Reading::default();
    let year = read_calendar_year(&mut reading, message);
    reading.finish(year)
}

pub(super) fn read_calendar_year(reading: &mut Reading, message: &proto::CalendarYear) -> Option<CalendarYear> {
    let year = read_year(reading, "calendar_year.year", message.year);
    let source = reading.text("calendar_year.source", &message.source, MAX_SOURCE_CHARS);
    let holidays = read_days(reading, "calendar_year.holidays", &message.holidays);
    let working_days = read_days(reading, "calendar_year.working_days", &message.working_days);
    Some(CalendarYear { year: year?, source: source?, holidays: holidays?, working_days: working_days? })
}

pub(super) fn read_year(reading: &mut Reading, field: &str, year: i32) -> Option<i16> {
    match i16::try_from(year) {
        Ok(year @ 1..=9_999) => Some(year),
        _ => reading.fail(field, "must be 1 to 9999"),
    }
}

fn read_days(reading: &mut Reading, field: &str, days: &[String]) -> Option<BTreeSet<Date>> {
    let Some(read) = days.iter().map(|day| value::parse_date(day)).collect::<Option<Vec<_>>>() else {
        return reading.fail(field, "must be dates YYYY-MM-DD");
    };
    reading.ascending(field, &read)?;
    Some(read.into_iter().collect())
}
