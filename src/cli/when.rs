//! Days and times as people write them in commands and files.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::domain::{
    time::{Date, Time, date_of_days, days_of_date},
    value::parse_date,
};

/// The offset of civil days from UTC, in seconds: +08:00, the one of all of China.
pub(super) const CIVIL_OFFSET_SECONDS: i32 = 8 * 3_600;

/// A civil day at +08:00, or an instant.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Day(Date),
    At(Time),
}

impl When {
    /// The first instant of the day, or the instant.
    pub(super) fn begin(self) -> Time {
        match self {
            Self::Day(day) => Time::start_of(day, CIVIL_OFFSET_SECONDS),
            Self::At(time) => time,
        }
    }

    /// The first instant after the day, or the instant.
    pub(super) fn end(self) -> Time {
        match self {
            Self::Day(day) => Time::start_of(date_of_days(days_of_date(day) + 1), CIVIL_OFFSET_SECONDS),
            Self::At(time) => time,
        }
    }
}

impl FromStr for When {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = text.parse::<jiff::Timestamp>().ok().and_then(|time| Time::from_millis(time.as_millisecond()));
        time.map(Self::At)
            .or_else(|| parse_date(text).map(Self::Day))
            .ok_or("allowed is a day such as 2026-01-01, or a time with an offset: 2026-01-01T08:00:00+08:00")
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        toml::value::Datetime::deserialize(deserializer)?.to_string().parse().map_err(D::Error::custom)
    }
}
