//! Working days 工作日: weekends, public holidays 法定节假日, and the weekend days that are worked to make up for them 调休.
//!
//! Which days these are is announced for each year and differs from place to place, so it is data that an administrator enters. Of
//! a year without data only the weekends are known, and whoever counts is told so.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::time::{Date, date_of_days, days_of_date};

/// The days of a year that are not as the week has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarYear {
    /// The year.
    pub year: i16,
    /// Where it was announced: the number of the notice 文号.
    pub source: String,
    /// Days off. Weekend days may be among them.
    pub holidays: BTreeSet<Date>,
    /// Weekend days that are worked 调休.
    pub working_days: BTreeSet<Date>,
}

/// The most holidays of a year. A year's statutory holidays are some 35 days with the weekends that they touch, local festivals
/// add a few; whatever is entered, more than 160 working days are left, so that counting them ends.
pub const MAX_HOLIDAYS: usize = 100;

/// What cannot be so in a year's days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarFault {
    /// A day lies in another year.
    OtherYear(Date),
    /// A day that is said to be worked is no Saturday or Sunday.
    NoWeekend(Date),
    /// A day is off and worked.
    OffAndWorked(Date),
    /// More holidays than [`MAX_HOLIDAYS`].
    TooMany,
}

impl fmt::Display for CalendarFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherYear(day) => write!(f, "{day} is of another year"),
            Self::NoWeekend(day) => write!(f, "{day} is no weekend day"),
            Self::OffAndWorked(day) => write!(f, "{day} is off and worked"),
            Self::TooMany => write!(f, "more than {MAX_HOLIDAYS} holidays"),
        }
    }
}

impl CalendarYear {
    /// The first thing that cannot be so.
    pub fn fault(&self) -> Option<CalendarFault> {
        let other_year = self.holidays.iter().chain(&self.working_days).find(|day| day.year() != self.year);
        let no_weekend = self.working_days.iter().find(|day| !is_weekend(**day));
        let both = self.working_days.iter().find(|day| self.holidays.contains(day));
        other_year
            .map(|day| CalendarFault::OtherYear(*day))
            .or(no_weekend.map(|day| CalendarFault::NoWeekend(*day)))
            .or(both.map(|day| CalendarFault::OffAndWorked(*day)))
            .or((self.holidays.len() > MAX_HOLIDAYS).then_some(CalendarFault::TooMany))
    }

    /// Whether a day of the year is worked.
    pub fn is_working(&self, day: Date) -> bool {
        self.working_days.contains(&day) || (!is_weekend(day) && !self.holidays.contains(&day))
    }

    /// The first day before `today` that is worked under one of two calendars of a year and not under the other.
    pub fn first_past_difference(&self, other: &Self, today: Date) -> Option<Date> {
        let named = [&self.holidays, &self.working_days, &other.holidays, &other.working_days];
        let days: BTreeSet<Date> = named.into_iter().flatten().copied().filter(|day| *day < today).collect();
        days.into_iter().find(|day| self.is_working(*day) != other.is_working(*day))
    }
}

/// Saturdays and Sundays.
pub fn is_weekend(day: Date) -> bool {
    // Monday is 0.
    day.weekday().to_monday_zero_offset() >= 5
}

/// The working days, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    years: BTreeMap<i16, Arc<CalendarYear>>,
}

/// The end of a count of working days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The last day counted.
    pub day: Date,
    /// The years on the way of which only the weekends are known: with their holidays the day may be later.
    pub unknown_years: BTreeSet<i16>,
}

/// The most working days that are counted ahead: more than a year of them, above any deadline of the law.
pub const MAX_WORKING_DAYS: u32 = 366;

/// The most days looked at for them: of each 365 at least 160 are worked, see [`MAX_HOLIDAYS`].
const MAX_DAYS: i64 = 3 * 366;

impl Calendar {
    /// The years that are known, in order.
    pub fn years(&self) -> impl Iterator<Item = &Arc<CalendarYear>> {
        self.years.values()
    }

    /// A year, if it is known.
    pub fn year(&self, year: i16) -> Option<&Arc<CalendarYear>> {
        self.years.get(&year)
    }

    /// Takes a year's days in place of what was known of it.
    pub fn enter(&mut self, year: CalendarYear) {
        self.years.insert(year.year, Arc::new(year));
    }

    /// Whether a day is worked.
    pub fn is_working(&self, day: Date) -> bool {
        self.year(day.year()).map_or_else(|| !is_weekend(day), |year| year.is_working(day))
    }

    /// The last of so many working days after a day, which itself does not count. At most [`MAX_WORKING_DAYS`] are counted.
    pub fn after(&self, day: Date, working_days: u32) -> Counted {
        let mut left = working_days.min(MAX_WORKING_DAYS);
        let mut counted = Counted { day, unknown_years: BTreeSet::new() };
        let first = days_of_date(day);
        for days in first + 1..=first + MAX_DAYS {
            if left == 0 {
                break;
            }
            counted.day = date_of_days(days);
            if self.year(counted.day.year()).is_none() {
                counted.unknown_years.insert(counted.day.year());
            }
            left -= u32::from(self.is_working(counted.day));
        }
        counted
    }

    /// How many working days there are after a day, up to another and with it; 0 where that is no later. Not more than
    /// [`MAX_WORKING_DAYS`] are counted.
    pub fn between(&self, day: Date, until: Date) -> u32 {
        let days = days_of_date(day) + 1..=days_of_date(until);
        let working = days.map(date_of_days).filter(|day| self.is_working(*day));
        u32::try_from(working.take(MAX_WORKING_DAYS as usize).count()).unwrap_or(MAX_WORKING_DAYS)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// The National Day of 2026: a week off, made up for on a Sunday before and a Saturday after.
    fn year_2026() -> CalendarYear {
        CalendarYear {
            year: 2026,
            source: "国办发明电〔2025〕7号".to_owned(),
            holidays: (1..=7).map(|of_october| day(&format!("2026-10-0{of_october}"))).collect(),
            working_days: [day("2026-09-20"), day("2026-10-10")].into(),
        }
    }

    fn calendar() -> Calendar {
        let mut calendar = Calendar::default();
        calendar.enter(year_2026());
        calendar
    }

    #[test]
    fn working_days_are_counted_over_weekends_holidays_and_the_days_that_make_up_for_them() {
        let calendar = calendar();
        for (from, count, last) in [
            ("2026-09-14", 0, "2026-09-14"),
            ("2026-09-14", 1, "2026-09-15"),
            // A Friday: the Saturday is off, the Sunday is worked.
            ("2026-09-18", 1, "2026-09-20"),
            ("2026-09-18", 2, "2026-09-21"),
            // The last day before the holiday week.
            ("2026-09-30", 1, "2026-10-08"),
            ("2026-09-30", 3, "2026-10-10"),
            ("2026-09-30", 4, "2026-10-12"),
            // A day off is no day to count from less than any other.
            ("2026-10-03", 1, "2026-10-08"),
        ] {
            let counted = calendar.after(day(from), count);
            assert_eq!(counted, Counted { day: day(last), unknown_years: BTreeSet::new() }, "{count} after {from}");
            assert_eq!(calendar.between(day(from), day(last)), count, "{from} to {last}");
        }
    }

    #[test]
    fn a_year_without_data_has_weekends_and_says_so() {
        let counted = calendar().after(day("2026-12-31"), 1);
        assert_eq!(counted, Counted { day: day("2027-01-01"), unknown_years: [2027].into() });
        assert!(!calendar().is_working(day("2027-01-02")));
        assert_eq!(calendar().after(day("2026-12-30"), 1).unknown_years, BTreeSet::new());
    }

    #[test]
    fn what_cannot_be_so_is_named() {
        assert_eq!(year_2026().fault(), None);
        let with = |change: fn(&mut CalendarYear)| {
            let mut year = year_2026();
            change(&mut year);
            year.fault()
        };
        type Change = fn(&mut CalendarYear);
        let cases: [(Change, CalendarFault); 4] = [
            (
                |year| {
                    year.holidays.insert(day("2027-01-01"));
                },
                CalendarFault::OtherYear(day("2027-01-01")),
            ),
            (
                |year| {
                    year.working_days.insert(day("2026-10-09"));
                },
                CalendarFault::NoWeekend(day("2026-10-09")),
            ),
            (
                |year| {
                    year.working_days.insert(day("2026-10-04"));
                },
                CalendarFault::OffAndWorked(day("2026-10-04")),
            ),
            (
                |year| year.holidays.extend((0..MAX_HOLIDAYS as i64).map(|n| date_of_days(20_454 + n))),
                CalendarFault::TooMany,
            ),
        ];
        for (change, fault) in cases {
            assert_eq!(with(change), Some(fault));
        }
    }

    #[test]
    fn a_difference_of_days_that_passed_is_found_and_one_of_days_to_come_is_not() {
        let mut changed = year_2026();
        changed.holidays.remove(&day("2026-10-06"));
        assert_eq!(year_2026().first_past_difference(&changed, day("2026-10-06")), None);
        assert_eq!(year_2026().first_past_difference(&changed, day("2026-10-07")), Some(day("2026-10-06")));
        let mut more = year_2026();
        // A Sunday is off whether it is named or not.
        more.holidays.insert(day("2026-09-13"));
        assert_eq!(year_2026().first_past_difference(&more, day("2026-12-31")), None);
    }

    proptest! {
        #[test]
        fn counting_ahead_and_counting_between_agree(from in 20_000i64..21_500, count in 0u32..=MAX_WORKING_DAYS) {
            let (calendar, from) = (calendar(), date_of_days(from));
            let counted = calendar.after(from, count);
            prop_assert_eq!(calendar.between(from, counted.day), count);
            prop_assert!(count == 0 || calendar.is_working(counted.day));
        }

        #[test]
        fn counting_ends_whatever_was_entered(off in prop::collection::btree_set(0i64..365, 0..MAX_HOLIDAYS)) {
            let mut calendar = Calendar::default();
            let holidays = off.into_iter().map(|n| date_of_days(20_454 + n)).collect();
            calendar.enter(CalendarYear { holidays, working_days: BTreeSet::new(), ..year_2026() });
            let counted = calendar.after(day("2025-12-31"), MAX_WORKING_DAYS);
            prop_assert_eq!(calendar.between(day("2025-12-31"), counted.day), MAX_WORKING_DAYS);
        }
    }
}
