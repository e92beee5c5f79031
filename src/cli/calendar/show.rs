//! `hutong calendar show`.

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Exit, Output, Row, Run, block_on,
        system::{AsSystem, OrHub as _},
    },
    domain::{
        calendar::CalendarYear,
        time::{Date, days_of_date},
    },
};

/// Show the years of which the hub knows the working days; of others it knows the weekends alone
#[derive(Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    as_system: AsSystem,
}

/// A year.
#[derive(Serialize)]
struct Shown {
    year: i16,
    source: String,
    holidays: Vec<String>,
    working_days: Vec<String>,
    #[serde(skip)]
    periods: String,
}

impl From<&CalendarYear> for Shown {
    fn from(year: &CalendarYear) -> Self {
        Self {
            year: year.year,
            source: year.source.clone(),
            holidays: year.holidays.iter().map(ToString::to_string).collect(),
            working_days: year.working_days.iter().map(ToString::to_string).collect(),
            periods: periods(year.holidays.iter().copied()),
        }
    }
}

/// Days as people say them: `10-01..10-07`.
fn periods(days: impl Iterator<Item = Date>) -> String {
    let mut periods: Vec<(Date, Date)> = Vec::new();
    for day in days {
        match periods.last_mut().filter(|(_, last)| days_of_date(day) == days_of_date(*last) + 1) {
            Some((_, last)) => *last = day,
            None => periods.push((day, day)),
        }
    }
    let told = |(first, last): &(Date, Date)| {
        let short = |day: &Date| format!("{:02}-{:02}", day.month(), day.day());
        if first == last { short(first) } else { format!("{}..{}", short(first), short(last)) }
    };
    periods.iter().map(told).collect::<Vec<_>>().join(" ")
}

impl Row for Shown {
    const HEADINGS: &'static [&'static str] = &["YEAR", "DAYS OFF 放假", "WORKED 调休上班", "SOURCE 依据"];

    fn cells(&self) -> Vec<String> {
        let worked: Vec<_> = self.working_days.iter().filter_map(|day| day.get(5..)).collect();
        vec![self.year.to_string(), self.periods.clone(), worked.join(" "), self.source.clone()]
    }
}

impl Run for Show {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let calendar =
            block_on(async { self.as_system.connect().await?.calendar().await.or_hub("cannot read the calendar") })?;
        output.list(&calendar.years().map(|year| Shown::from(year.as_ref())).collect::<Vec<_>>())?;
        Ok(Exit::Success)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn days_that_follow_each_other_are_told_as_one_period() {
        let days = ["2026-01-01", "2026-02-28", "2026-03-01", "2026-03-02", "2026-05-01"];
        assert_eq!(periods(days.iter().map(|day| day.parse().unwrap())), "01-01 02-28..03-02 05-01");
        assert_eq!(periods(std::iter::empty()), "");
    }
}
