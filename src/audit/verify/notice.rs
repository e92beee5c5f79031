//! What the hub tells of itself, held against what the log shows.

use std::collections::HashMap;

use crate::domain::{
    decide::LIMIT_WINDOW_SECONDS,
    id::SystemId,
    outcome::{Erased, Notice, Suppressed},
    rules::Rules,
    time::Time,
};

use super::{Fault, replay::Found};

/// What notices are held against: the newest minute only, since the hub tells of a minute before it enters anything later.
#[derive(Default)]
pub(super) struct Notices {
    /// The minute of the newest counted entry, and how many each system made in it.
    minute: Option<Time>,
    counted: HashMap<SystemId, u32>,
    /// When the last erasure told of was made, and when it was told.
    erased: Option<(Time, Time)>,
}

impl Notices {
    /// Counts an entry towards its system's limit.
    pub(super) fn count(&mut self, system: &SystemId, time: Time) {
        let minute = time.start_of_minute();
        if self.minute != Some(minute) {
            self.minute = Some(minute);
            self.counted.clear();
        }
        let counted = self.counted.entry(system.clone()).or_default();
        *counted = counted.saturating_add(1);
    }

    fn has_reached(&self, limit: u32, system: &SystemId, minute: Time) -> bool {
        self.minute == Some(minute) && self.counted.get(system).is_some_and(|counted| *counted >= limit)
    }

    /// Checks a notice. How many were suppressed, and what was erased, rests on the hub's word.
    pub(super) fn follow(&mut self, rules: &Rules, notice: &Notice, time: Time, found: &mut Found) {
        match notice {
            Notice::Suppressed(suppressed) => self.check_suppressed(rules, suppressed, time, found),
            Notice::Erased(erased) => self.check_erased(rules, erased, time, found),
            // What follows it is looked at, whatever it is; what was carried over is held against the log before.
            Notice::Closed { .. } | Notice::QuotasCarried(_) => {}
        }
    }

    fn check_suppressed(&self, rules: &Rules, suppressed: &Suppressed, time: Time, found: &mut Found) {
        let Suppressed { system, count, since, until } = suppressed;
        let is_minute = since.start_of_minute() == *since
            && since <= until
            && *until <= since.plus_seconds(LIMIT_WINDOW_SECONDS)
            && *until <= time;
        let limit = rules.policy.max_refusals_per_minute;
        for (holds, message) in [
            (*count > 0, "it says that nothing was suppressed".to_owned()),
            (is_minute, format!("{since} to {until} is not within one minute before the entry")),
            (
                self.has_reached(limit, system, *since),
                format!("{system} had not reached its limit of {limit} in the minute from {since} on"),
            ),
        ] {
            if !holds {
                found.add(Fault::SuppressionUnfounded, message);
            }
        }
    }

    fn check_erased(&mut self, rules: &Rules, erased: &Erased, time: Time, found: &mut Found) {
        let Erased { count, since, until, .. } = erased;
        let day = |time: Time| time.civil_day(rules.policy.civil_day_offset_seconds);
        let follows = self.erased.is_none_or(|(last, told)| last <= *since && day(told) < day(time));
        for (holds, message) in [
            (*count > 0, "it says that nothing was erased".to_owned()),
            (since <= until, format!("its period ends at {until}, before it begins at {since}")),
            (day(*until) < day(time), format!("it tells of the day of {until} before that is over")),
            (follows, "its period or its day is one of which an entry before told".to_owned()),
        ] {
            if !holds {
                found.add(Fault::ErasureUnfounded, message);
            }
        }
        self.erased = Some((*until, time));
    }
}
