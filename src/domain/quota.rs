//! What was asked for under each agreement on a civil day.

use std::collections::BTreeMap;

use super::{id::AgreementId, time::Date};

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
