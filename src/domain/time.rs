//! Time as the rules see it: instants, civil days, and the moment of a decision.
//!
//! The domain never reads a clock; `now` is an argument. A decision made at one moment may still stand a little later, when
//! its entry is sequenced: [`Moment`] finds out until when, by watching every comparison that the decision makes.

use std::{cell::Cell, fmt};

pub use jiff::civil::Date;

/// An instant, in milliseconds since 1970-01-01T00:00:00Z. Finer parts of what a statement says are cut off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The last instant that RFC 3339 can write: 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(253_402_300_799_999);
    /// The first instant accepted: 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_135_596_800_000);

    /// From milliseconds since the epoch; `None` beyond [`Time::MIN`] or [`Time::MAX`].
    pub fn from_millis(millis: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&millis).then_some(Self(millis))
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This instant moved by some seconds, kept within the bounds.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000)).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// The civil day on which this instant falls, where clocks are `offset_seconds` ahead of UTC.
    pub fn civil_day(self, offset_seconds: i32) -> Date {
        date_of_days(self.plus_seconds(offset_seconds.into()).0.div_euclid(MILLIS_PER_DAY))
    }

    /// The first instant of the minute in which this one falls.
    pub fn start_of_minute(self) -> Self {
        Self(self.0 - self.0.rem_euclid(MILLIS_PER_MINUTE))
    }

    /// The first instant of a civil day, where clocks are `offset_seconds` ahead of UTC.
    pub fn start_of(day: Date, offset_seconds: i32) -> Self {
        Self((days_of_date(day) * MILLIS_PER_DAY).clamp(Self::MIN.0, Self::MAX.0))
            .plus_seconds(-i64::from(offset_seconds))
    }
}

const MILLIS_PER_MINUTE: i64 = 60 * 1_000;
const MILLIS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// Days since 1970-01-01; negative before it.
pub fn days_of_date(date: Date) -> i64 {
    // Both dates lie within jiff's range, whose width in days fits easily.
    EPOCH.until(date).map_or(0, |span| span.get_days().into())
}

/// The date that many days after 1970-01-01, kept within the years 1 to 9999.
pub fn date_of_days(days: i64) -> Date {
    let first = days_of_date(Date::constant(1, 1, 1));
    let last = days_of_date(Date::constant(9999, 12, 31));
    EPOCH.checked_add(jiff::Span::new().days(days.clamp(first, last))).unwrap_or(EPOCH)
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC, to the millisecond.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The moment at which something is decided, which learns until when the decision stands.
///
/// All comparisons of the rules with the present go through [`Moment::reached`]. The sequencer compares an entry's time
/// with [`Moment::stands_until`]: before it, every comparison would come out the same.
#[derive(Debug, Clone)]
pub struct Moment {
    now: Time,
    until: Cell<Time>,
}

impl Moment {
    /// The moment `now`.
    pub fn new(now: Time) -> Self {
        Self { now, until: Cell::new(Time::MAX) }
    }

    /// Whether `bound` is not later than now.
    pub fn reached(&self, bound: Time) -> bool {
        if bound > self.now {
            self.until.set(self.until.get().min(bound));
        }
        bound <= self.now
    }

    /// The civil day of now; the decision then stands at most until the day ends.
    pub fn civil_day(&self, offset_seconds: i32) -> Date {
        let day = self.now.civil_day(offset_seconds);
        let next = date_of_days(days_of_date(day) + 1);
        self.reached(Time::start_of(next, offset_seconds));
        day
    }

    /// The first instant of the minute of now; the decision then stands at most until the minute ends.
    pub fn minute(&self) -> Time {
        let began = self.now.start_of_minute();
        self.reached(began.plus_seconds(60));
        began
    }

    /// The first instant at which a comparison made so far would come out otherwise.
    pub fn stands_until(&self) -> Time {
        self.until.get()
    }

    /// The instant itself, to be written down, not to be compared.
    pub fn now(&self) -> Time {
        self.now
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    const CHINA: i32 = 8 * 3600;

    fn at(text: &str) -> Time {
        Time::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    #[test]
    fn civil_day_turns_at_local_midnight() {
        assert_eq!(at("2026-03-01T15:59:59.999Z").civil_day(CHINA), Date::constant(2026, 3, 1));
        assert_eq!(at("2026-03-01T16:00:00Z").civil_day(CHINA), Date::constant(2026, 3, 2));
        assert_eq!(Time::start_of(Date::constant(2026, 3, 2), CHINA), at("2026-03-01T16:00:00Z"));
    }

    #[test]
    fn minute_begins_at_a_whole_minute_of_utc_before_the_epoch_too() {
        assert_eq!(at("2026-03-01T15:59:59.999Z").start_of_minute(), at("2026-03-01T15:59:00Z"));
        assert_eq!(at("1969-12-31T23:59:59.001Z").start_of_minute(), at("1969-12-31T23:59:00Z"));
        assert_eq!(at("2026-03-01T15:59:00Z").start_of_minute(), at("2026-03-01T15:59:00Z"));
        assert_eq!(Time::MIN.start_of_minute(), Time::MIN);
    }

    #[test]
    fn days_and_dates_are_inverse() {
        for days in [-719_162, -1, 0, 1, 20_000, 2_932_896] {
            assert_eq!(days_of_date(date_of_days(days)), days);
        }
        assert_eq!(date_of_days(i64::MAX), Date::constant(9999, 12, 31));
    }

    #[test]
    fn moment_stands_until_the_nearest_bound_ahead() {
        let moment = Moment::new(at("2026-03-01T00:00:00Z"));
        assert!(moment.reached(at("2026-02-01T00:00:00Z")));
        assert_eq!(moment.stands_until(), Time::MAX);
        assert!(!moment.reached(at("2027-01-01T00:00:00Z")));
        assert!(!moment.reached(at("2026-06-01T00:00:00Z")));
        assert_eq!(moment.stands_until(), at("2026-06-01T00:00:00Z"));
        moment.civil_day(CHINA);
        assert_eq!(moment.stands_until(), at("2026-03-01T16:00:00Z"));
        assert_eq!(moment.minute(), at("2026-03-01T00:00:00Z"));
        assert_eq!(moment.stands_until(), at("2026-03-01T00:01:00Z"));
    }

    #[test]
    fn time_prints_as_rfc_3339() {
        assert_eq!(at("2026-03-01T01:02:03.004Z").to_string(), "2026-03-01T01:02:03.004Z");
    }
}
