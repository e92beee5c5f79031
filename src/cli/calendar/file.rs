//! The working days of a year as a file, in TOML.
//!
//! ```toml
//! year = 2026
//! source = "国办发明电〔2025〕7号"
//!
//! [[holiday]]
//! name = "国庆节"
//! from = 2026-10-01
//! until = 2026-10-07                    # the last day off
//! worked = [2026-09-20, 2026-10-10]     # 调休上班
//! ```

use std::{collections::BTreeSet, path::Path};

use serde::Deserialize;
use toml::{Spanned, value::Datetime};

use crate::{
    cli::{Exit, OrExit as _, fault::Fault},
    domain::{
        calendar::{CalendarYear, MAX_HOLIDAYS, is_weekend},
        time::{Date, date_of_days, days_of_date},
        value::parse_date,
    },
    files,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    year: Spanned<i16>,
    source: Spanned<String>,
    #[serde(default)]
    holiday: Vec<Holiday>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holiday {
    /// For those who read the file.
    #[serde(rename = "name")]
    _name: String,
    from: Spanned<Datetime>,
    until: Spanned<Datetime>,
    #[serde(default)]
    worked: Vec<Spanned<Datetime>>,
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read at all; the inner error is everything that is wrong with it.
pub(super) fn read(path: &Path) -> anyhow::Result<Result<CalendarYear, Vec<Fault>>> {
    let text = files::read_text(path).or_exit(Exit::BadInput, "cannot read the calendar")?;
    Ok(parse(&path.display().to_string(), &text))
}

/// The working days of a file's text.
///
/// # Errors
/// Everything that is wrong with it, in the order of its lines.
pub(super) fn parse(file: &str, text: &str) -> Result<CalendarYear, Vec<Fault>> {
    let document: Document = toml::from_str(text).map_err(|error| vec![Fault::syntax(file, text, &error)])?;
    let mut reader = Reader { file, text, year: *document.year.get_ref(), faults: Vec::new() };
    if !(1..=9_999).contains(&reader.year) {
        reader.find(document.year.span().start, "a year is 1 to 9999", "年份应为1至9999");
    }
    if document.source.get_ref().trim().is_empty() {
        reader.find(document.source.span().start, "say where it was announced", "请注明通知文号");
    }
    let (mut holidays, mut working_days) = (BTreeSet::new(), BTreeSet::new());
    for holiday in &document.holiday {
        for day in reader.period(holiday) {
            if !holidays.insert(day) {
                reader.find(holiday.from.span().start, format!("{day} is off twice"), format!("{day}重复放假"));
            }
        }
    }
    for worked in document.holiday.iter().flat_map(|holiday| &holiday.worked) {
        let at = worked.span().start;
        let Some(day) = reader.day(worked) else { continue };
        if !is_weekend(day) {
            reader.find(
                at,
                format!("{day} is no weekend day: it is worked anyway"),
                format!("{day}不是周末，本就上班"),
            );
        } else if holidays.contains(&day) {
            reader.find(at, format!("{day} is off and worked"), format!("{day}既放假又上班"));
        } else if !working_days.insert(day) {
            reader.find(at, format!("{day} is worked twice"), format!("{day}重复上班"));
        }
    }
    if holidays.len() > MAX_HOLIDAYS {
        let (en, zh) = (format!("more than {MAX_HOLIDAYS} days off"), format!("放假超过{MAX_HOLIDAYS}天"));
        reader.find(0, en, zh);
    }
    let Reader { year, mut faults, .. } = reader;
    faults.sort();
    let source = document.source.into_inner();
    if faults.is_empty() { Ok(CalendarYear { year, source, holidays, working_days }) } else { Err(faults) }
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    year: i16,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn find(&mut self, offset: usize, en: impl Into<String>, zh: impl Into<String>) {
        self.faults.push(Fault::new(self.file, self.text, offset, en, zh));
    }

    fn day(&mut self, written: &Spanned<Datetime>) -> Option<Date> {
        let at = written.span().start;
        let Some(day) = parse_date(&written.get_ref().to_string()) else {
            self.find(at, "a day is written 2026-10-01, without a time", "日期应写作 2026-10-01，不带时间");
            return None;
        };
        if day.year() != self.year {
            self.find(at, format!("{day} is not of {}", self.year), format!("{day}不在{}年", self.year));
            return None;
        }
        Some(day)
    }

    /// The days off of a holiday.
    fn period(&mut self, holiday: &Holiday) -> impl Iterator<Item = Date> + use<> {
        let ends = self.day(&holiday.from).zip(self.day(&holiday.until));
        if let Some((from, until)) = ends.filter(|(from, until)| until < from) {
            let at = holiday.until.span().start;
            self.find(at, format!("{until} is before {from}"), format!("{until}早于{from}"));
        }
        let days = ends.map(|(from, until)| days_of_date(from)..=days_of_date(until));
        days.into_iter().flatten().map(date_of_days)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::domain::calendar::Calendar;

    const YEAR_2025: &str = include_str!("../../../deploy/calendar/2025.toml");
    const YEAR_2026: &str = include_str!("../../../deploy/calendar/2026.toml");

    #[test]
    fn the_years_that_are_shipped_have_as_many_days_as_their_notices_say() {
        // Days off, and weekend days worked, as the notices count them; by 全国年节及纪念日放假办法 both years have 13 statutory days.
        for (text, year, off, worked) in [(YEAR_2025, 2025, 28, 5), (YEAR_2026, 2026, 33, 6)] {
            let read = parse("a.toml", text).unwrap();
            assert_eq!((read.year, read.holidays.len(), read.working_days.len()), (year, off, worked));
            assert_eq!(read.fault(), None);
            let weekdays_off = read.holidays.iter().filter(|day| !is_weekend(**day)).count();
            let statutory = weekdays_off - read.working_days.len();
            let mut calendar = Calendar::default();
            calendar.enter(read);
            let working = calendar
                .between(format!("{}-12-31", year - 1).parse().unwrap(), format!("{year}-12-31").parse().unwrap());
            // 365 days, 104 of them on weekends, 13 of them statutory: 248 are worked, whatever is moved.
            assert_eq!((working, statutory), (248, 13), "{year}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_found_at_once_by_line_and_column() {
        let text = "year = 2026\nsource = \" \"\n[[holiday]]\nname = \"a\"\nfrom = 2026-10-03\nuntil = 2026-10-01\nworked = \
                    [2026-10-09, 2025-01-04]\n[[holiday]]\nname = \"b\"\nfrom = 2026-05-01T08:00:00\nuntil = 2026-05-01\n";
        let faults = parse("a.toml", text).unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| fault.to_string()).collect();
        for (found, begins) in told.iter().zip([
            "a.toml:2:10: say where",
            "a.toml:6:9: 2026-10-01 is before 2026-10-03",
            "a.toml:7:11: 2026-10-09 is no weekend day",
            "a.toml:7:23: 2025-01-04 is not of 2026",
            "a.toml:10:8: a day is written",
        ]) {
            assert!(found.starts_with(begins), "{found}");
        }
        assert_eq!(told.len(), 5, "{told:?}");
        let unknown = parse("a.toml", "year = 2026\nsourze = \"a\"\n").unwrap_err();
        assert!(unknown[0].to_string().starts_with("a.toml:2:1: unknown field"), "{unknown:?}");
    }
}
