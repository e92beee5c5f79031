//! The days that a report is about.

use crate::domain::time::{Date, Time, date_of_days, days_of_date};

use super::super::Error;

/// The most days of one report: a leap year, and the rest of a week on either side. A chart has a column for each.
pub const MAX_DAYS: i64 = 380;

/// Civil days, the first and the last included, at the hub's own offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: Date,
    to: Date,
}

impl Period {
    /// From one day to another, both included.
    ///
    /// # Errors
    /// [`Error::Period`] where the second is before the first, or more than [`MAX_DAYS`] lie between them.
    pub fn new(from: Date, to: Date) -> Result<Self, Error> {
        let days = days_of_date(to) - days_of_date(from) + 1;
        if days < 1 {
            return Err(Error::Period { from, to, problem: "it ends before it begins".to_owned() });
        }
        if days > MAX_DAYS {
            return Err(Error::Period { from, to, problem: format!("it has {days} days, at most are {MAX_DAYS}") });
        }
        Ok(Self { from, to })
    }

    /// The week, Monday to Sunday, in which a day lies: 周报告.
    pub fn week_of(day: Date) -> Self {
        let monday = days_of_date(day) - i64::from(day.weekday().to_monday_zero_offset());
        Self { from: date_of_days(monday), to: date_of_days(monday + 6) }
    }

    /// The month in which a day lies: 月报告.
    pub fn month_of(day: Date) -> Self {
        Self { from: day.first_of_month(), to: day.last_of_month() }
    }

    /// The first day.
    pub fn from(&self) -> Date {
        self.from
    }

    /// The last day.
    pub fn to(&self) -> Date {
        self.to
    }

    /// How many days.
    pub fn days(&self) -> i64 {
        days_of_date(self.to) - days_of_date(self.from) + 1
    }

    /// Each day.
    pub fn each(&self) -> impl Iterator<Item = Date> {
        (days_of_date(self.from)..=days_of_date(self.to)).map(date_of_days)
    }

    /// The same number of days just before, or as many as the calendar has.
    pub fn before(&self) -> Self {
        let first = days_of_date(self.from);
        Self { from: date_of_days(first - self.days()), to: date_of_days(first - 1) }
    }

    /// Where a day lies in the period, from 0; `None` outside.
    pub fn position(&self, day: Date) -> Option<usize> {
        let at = days_of_date(day) - days_of_date(self.from);
        usize::try_from(at).ok().filter(|_| day <= self.to)
    }

    /// The first instant after it, where clocks are `offset_seconds` ahead of UTC.
    pub fn end(&self, offset_seconds: i32) -> Time {
        Time::start_of(date_of_days(days_of_date(self.to) + 1), offset_seconds)
    }

    /// How many whole weeks before the period's first day a day lies, from 0 for the seven days just before it; `None` for
    /// a day in it or after it.
    pub fn weeks_before(&self, day: Date) -> Option<usize> {
        let days = days_of_date(self.from) - days_of_date(day);
        usize::try_from(days.checked_sub(1)?.div_euclid(7)).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn week_is_monday_to_sunday_and_month_is_whole() {
        for (given, from, to) in [
            ("2026-03-04", "2026-03-02", "2026-03-08"),
            ("2026-03-02", "2026-03-02", "2026-03-08"),
            ("2026-03-08", "2026-03-02", "2026-03-08"),
        ] {
            assert_eq!(Period::week_of(day(given)), Period::new(day(from), day(to)).unwrap(), "{given}");
        }
        let february = Period::month_of(day("2028-02-10"));
        assert_eq!((february.from(), february.to(), february.days()), (day("2028-02-01"), day("2028-02-29"), 29));
    }

    #[test]
    fn days_have_their_place() {
        let week = Period::week_of(day("2026-03-04"));
        assert_eq!(week.position(day("2026-03-02")), Some(0));
        assert_eq!(week.position(day("2026-03-08")), Some(6));
        assert_eq!((week.position(day("2026-03-01")), week.position(day("2026-03-09"))), (None, None));
        assert_eq!(week.before(), Period::week_of(day("2026-02-25")));
        for (given, weeks) in
            [("2026-03-01", Some(0)), ("2026-02-23", Some(0)), ("2026-02-22", Some(1)), ("2026-03-02", None)]
        {
            assert_eq!(week.weeks_before(day(given)), weeks, "{given}");
        }
        assert_eq!(week.each().count(), 7);
    }

    #[test]
    fn period_has_an_end_and_a_bound() {
        assert!(Period::new(day("2026-03-02"), day("2026-03-01")).is_err());
        assert!(Period::new(day("2026-01-01"), day("2027-01-15")).is_ok());
        assert!(Period::new(day("2026-01-01"), day("2027-01-16")).is_err());
    }
}
