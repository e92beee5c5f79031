//! Dates as departments and spreadsheets write them.

use jiff::{
    ToSpan,
    civil::{Date, DateTime, Time},
    tz::Offset,
};

use super::Reason;

/// What 长期 (no end) becomes in a date column: the last date there is, which licence systems use for it and which
/// compares as later than any day.
pub const LONG_TERM: &str = "9999-12-31";

/// The earliest year taken for real; anything before is a slip of the keyboard.
const EARLIEST_YEAR: i16 = 1800;

/// Ways to write that a validity has no end.
const LONG_TERM_WORDS: [&str; 5] = ["长期", "长期有效", "永久", "永久有效", "无固定期限"];

/// Beijing time, the one civil time of the departments.
const BEIJING: Offset = Offset::constant(8);

/// A date as `YYYY-MM-DD`. A time beside it must be midnight, so that nothing is cut off.
pub(super) fn date(text: &str) -> Result<String, Reason> {
    if LONG_TERM_WORDS.contains(&text) {
        return Ok(LONG_TERM.to_owned());
    }
    let (date, time) = date_and_time(text)?;
    if time != Time::midnight() {
        return Err(Reason::TimeInDate);
    }
    Ok(date.to_string())
}

/// A date and time as RFC 3339 at +08:00.
pub(super) fn date_time(text: &str) -> Result<String, Reason> {
    let (local, offset) = split_offset(text)?;
    let (date, time) = date_and_time(local)?;
    let mut when = DateTime::from_parts(date, time);
    if let Some(offset) = offset {
        when =
            offset.to_timestamp(when).map(|instant| BEIJING.to_datetime(instant)).map_err(|_| Reason::NotDateTime)?;
    }
    Ok(format!("{when}+08:00"))
}

/// Takes a UTC offset (`Z`, `+08:00`) off the end of a text that has a time.
fn split_offset(text: &str) -> Result<(&str, Option<Offset>), Reason> {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return Ok((rest, Some(Offset::UTC)));
    }
    let Some(colon) = text.find(':') else { return Ok((text, None)) };
    let Some(sign) = text.rfind(['+', '-']).filter(|&sign| sign > colon) else { return Ok((text, None)) };
    let (local, offset) = text.split_at(sign);
    let (hours, minutes) = offset.get(1..).and_then(|digits| digits.split_once(':')).ok_or(Reason::NotDateTime)?;
    let part = |digits: &str| number(digits).ok_or(Reason::NotDateTime);
    let seconds = (part(hours)? * 60 + part(minutes)?) * 60;
    let seconds = if offset.starts_with('-') { -seconds } else { seconds };
    Offset::from_seconds(seconds).map(|offset| (local, Some(offset))).map_err(|_| Reason::NotDateTime)
}

fn date_and_time(text: &str) -> Result<(Date, Time), Reason> {
    if let Some(found) = excel_serial(text) {
        return Ok(found);
    }
    let (day, rest) = match text.find(['T', ' ']) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default().trim_start()),
        // 2026年1月5日14:30 has no space between.
        None => text.split_once('日').filter(|(_, rest)| !rest.is_empty()).unwrap_or((text, "")),
    };
    let time = if rest.is_empty() { Time::midnight() } else { time_of_day(rest)? };
    Ok((civil_date(day)?, time))
}

/// Year first, then month and day: eight digits, or parts with one kind of separator between.
fn civil_date(text: &str) -> Result<Date, Reason> {
    let text = text.strip_suffix('日').unwrap_or(text);
    let parts: Vec<&str> = if text.len() == 8 && number(text).is_some() {
        [0..4, 4..6, 6..8].into_iter().filter_map(|range| text.get(range)).collect()
    } else if let Some((year, rest)) = text.split_once('年') {
        std::iter::once(year).chain(rest.split('月')).collect()
    } else {
        let separator = text.chars().find(|c| matches!(c, '-' | '/' | '.')).ok_or(Reason::NotDate)?;
        text.split(separator).collect()
    };
    let [year, month, day] = parts[..] else { return Err(Reason::NotDate) };
    if year.len() != 4 || !(1..=2).contains(&month.len()) || !(1..=2).contains(&day.len()) {
        return Err(Reason::NotDate);
    }
    let year = number(year).and_then(|year| i16::try_from(year).ok()).ok_or(Reason::NotDate)?;
    let month = number(month).and_then(|month| i8::try_from(month).ok()).ok_or(Reason::NotDate)?;
    let day = number(day).and_then(|day| i8::try_from(day).ok()).ok_or(Reason::NotDate)?;
    Date::new(year, month, day).ok().filter(|date| date.year() >= EARLIEST_YEAR).ok_or(Reason::NoSuchDate)
}

/// Hours and minutes, and seconds with a fraction if there are any.
fn time_of_day(text: &str) -> Result<Time, Reason> {
    let mut parts = text.split(':');
    let mut next = || parts.next();
    let (hour, minute, second) = (next(), next(), next().unwrap_or("0"));
    if next().is_some() {
        return Err(Reason::NotDateTime);
    }
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let part = |digits: Option<&str>| {
        digits
            .filter(|digits| digits.len() <= 2)
            .and_then(number)
            .and_then(|n| i8::try_from(n).ok())
            .ok_or(Reason::NotDateTime)
    };
    if fraction.is_empty() || fraction.len() > 9 {
        return Err(Reason::NotDateTime);
    }
    let nanoseconds = number(&format!("{fraction:0<9}")).ok_or(Reason::NotDateTime)?;
    Time::new(part(hour)?, part(minute)?, part(Some(second))?, nanoseconds).map_err(|_| Reason::NotDateTime)
}

/// A date as a spreadsheet's number of days, with a fraction for the time.
///
/// Only five digits are taken, 1927-05-18 to 2173-10-13: four are more likely a year. Day 1 of the 1900 system is
/// 1900-01-01, but it counts a 1900-02-29 that never was, so that all days after it stand one day off: counted from
/// 1899-12-30.
fn excel_serial(text: &str) -> Option<(Date, Time)> {
    const EPOCH: Date = jiff::civil::date(1899, 12, 30);
    const SECONDS_A_DAY: f64 = 86_400.0;
    let (days, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if days.len() != 5 || days.starts_with('0') {
        return None;
    }
    let date = EPOCH.checked_add(number(days)?.days()).ok()?;
    number(fraction.get(..fraction.len().min(9))?)?;
    // Spreadsheets keep times as binary fractions; the second is what they mean.
    let seconds = (format!("0.{fraction}").parse::<f64>().ok()? * SECONDS_A_DAY).round() as i64;
    let time = Time::midnight().checked_add(seconds.seconds()).ok()?;
    Some((date, time))
}

/// A number of decimal digits and nothing else.
fn number(digits: &str) -> Option<i32> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_spelling_have_one_form() {
        let table = [
            ("2026-01-05", "2026-01-05"),
            ("2026/1/5", "2026-01-05"),
            ("2026.1.5", "2026-01-05"),
            ("2026年1月5日", "2026-01-05"),
            ("2026年01月05", "2026-01-05"),
            ("20260105", "2026-01-05"),
            ("2026-01-05 00:00:00", "2026-01-05"),
            ("2026/1/5 0:00", "2026-01-05"),
            ("2026-01-05T00:00:00.000", "2026-01-05"),
            ("2024-02-29", "2024-02-29"),
            ("45292", "2024-01-01"),
            ("45292.0", "2024-01-01"),
            ("10000", "1927-05-18"),
            ("36526", "2000-01-01"),
            ("长期", LONG_TERM),
            ("9999-12-31", LONG_TERM),
        ];
        for (given, canonical) in table {
            assert_eq!(date(given).as_deref(), Ok(canonical), "{given}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let table = [
            ("", Reason::NotDate),
            ("2026", Reason::NotDate),
            ("60", Reason::NotDate),
            ("123456", Reason::NotDate),
            ("2026-01", Reason::NotDate),
            ("26-01-05", Reason::NotDate),
            ("05/01/2026", Reason::NotDate),
            ("2026-1/5", Reason::NotDate),
            ("2026-001-05", Reason::NotDate),
            ("二〇二六年一月五日", Reason::NotDate),
            ("2026-02-29", Reason::NoSuchDate),
            ("20261301", Reason::NoSuchDate),
            ("0026-01-05", Reason::NoSuchDate),
            ("2026-01-05 14:30:00", Reason::TimeInDate),
            ("45292.5", Reason::TimeInDate),
            ("2026-01-05 later", Reason::NotDateTime),
        ];
        for (given, reason) in table {
            assert_eq!(date(given), Err(reason), "{given}");
        }
    }

    #[test]
    fn times_are_beijing_time() {
        let table = [
            ("2026-01-05 14:30:00", "2026-01-05T14:30:00+08:00"),
            ("2026/1/5 9:05", "2026-01-05T09:05:00+08:00"),
            ("2026年1月5日14:30", "2026-01-05T14:30:00+08:00"),
            ("2026-01-05", "2026-01-05T00:00:00+08:00"),
            ("2026-01-05 14:30:00.0", "2026-01-05T14:30:00+08:00"),
            ("2026-01-05 14:30:00.250", "2026-01-05T14:30:00.25+08:00"),
            ("2026-01-05T14:30:00+08:00", "2026-01-05T14:30:00+08:00"),
            ("2026-01-05T14:30:00Z", "2026-01-05T22:30:00+08:00"),
            ("2026-01-05T20:30:00-05:00", "2026-01-06T09:30:00+08:00"),
            ("45292.604166666664", "2024-01-01T14:30:00+08:00"),
        ];
        for (given, canonical) in table {
            assert_eq!(date_time(given).as_deref(), Ok(canonical), "{given}");
        }
        for given in
            ["2026-01-05 25:00", "2026-01-05 14:30:00:00", "2026-01-05T14:30+8", "2026-01-05T14:30:00+99:00", "14:30"]
        {
            assert!(date_time(given).is_err(), "{given}");
        }
    }
}
