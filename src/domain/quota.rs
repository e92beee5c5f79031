//! What was asked for under each agreement on a civil day, and in a minute.

use std::collections::BTreeMap;

use super::{
    id::AgreementId,
    time::{Date, Time},
};

/// How many records were asked for under each agreement on the newest civil day on which any were. A log's time does not run
/// backwards: what was used on earlier days no longer matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayUse {
    day: Option<Date>,
    used: BTreeMap<AgreementId, u64>,
}

impl DayUse {
    /// How many were asked for on a day.
    pub fn used(&self, agreement: &AgreementId, day: Date) -> u64 {
        if self.day == Some(day) { self.used.get(agreement).copied().unwrap_or_default() } else { 0 }
    }

    /// Takes what was asked for.
    pub fn take(&mut self, agreement: &AgreementId, day: Date, asked: u64) {
        if self.day != Some(day) {
            self.day = Some(day);
            self.used.clear();
        }
        match self.used.get_mut(agreement) {
            Some(used) => *used = used.saturating_add(asked),
            None => drop(self.used.insert(agreement.clone(), asked)),
        }
    }

    /// The day, if anything was asked for at all.
    pub fn day(&self) -> Option<Date> {
        self.day
    }

    /// What was asked for on it, by agreement.
    pub fn uses(&self) -> impl Iterator<Item = (&AgreementId, u64)> {
        self.used.iter().map(|(agreement, asked)| (agreement, *asked))
    }
}

/// How many records were asked for under each agreement in the newest minute of the newest day in which any were.
///
/// A log that continues another begins without any: what it carries over is of the day. So in the one minute of a rollover up to twice
/// a minute's limit is answered, half of it under each log. That is sound, for the limit is there to bound a rate, and not what is given:
/// no more than the day's limit is, which is carried over; and each log is decided again by itself alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MinuteUse {
    minute: Option<(Date, Time)>,
    used: BTreeMap<AgreementId, u64>,
}

impl MinuteUse {
    /// When the newest minute of a day began, and how many were asked for in it.
    pub fn used(&self, agreement: &AgreementId, day: Date) -> (Time, u64) {
        match self.minute {
            Some((newest, began)) if newest == day => (began, self.used.get(agreement).copied().unwrap_or_default()),
            _ => (Time::MIN, 0),
        }
    }

    /// Takes what was asked for in the minute of a day that began then.
    pub fn take(&mut self, agreement: &AgreementId, minute: (Date, Time), asked: u64) {
        if self.minute != Some(minute) {
            self.minute = Some(minute);
            self.used.clear();
        }
        let used = self.used.entry(agreement.clone()).or_default();
        *used = used.saturating_add(asked);
    }
}
