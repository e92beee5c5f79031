//! How proposals of agreements were answered 答复: in time or not, by whom, and what is overdue.

use std::collections::BTreeMap;

use crate::domain::{
    answer::{Awaited, Pending, pending},
    id::SystemId,
    identifier::Uscc,
    rules::Rules,
    statement::RuleChange,
    time::{Moment, Time},
};

use super::{
    Frame,
    figures::{AnswerCount, OverdueAnswer},
    names::Names,
};

/// What was answered, by who had to and whether it was the provider or the authority.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<(Uscc, &'static str), Count>);

#[derive(Debug, Default)]
struct Count {
    answered: u64,
    with_deadline: u64,
    in_time: u64,
    deferred: u64,
    working_days: u64,
}

fn step(awaited: Awaited) -> &'static str {
    match awaited {
        Awaited::Provider => "ACCEPTANCE",
        Awaited::Authority => "ACTIVATION",
    }
}

impl Answers {
    /// Hears of a change of the rules in the period, before it is applied.
    pub(super) fn follow(&mut self, rules: &Rules, actor: &SystemId, change: &RuleChange, time: Time) {
        let (id, number) = match change {
            RuleChange::AgreementAcceptance(consent) | RuleChange::AgreementActivation(consent) => {
                (&consent.agreement_id, consent.version)
            }
            RuleChange::AgreementRejection { agreement_id, version, .. } => (agreement_id, *version),
            _ => return,
        };
        let found = rules.agreements.find(id.as_str());
        let Some(waiting) = found.and_then(|agreement| pending(rules, agreement, agreement.version(number)?)) else {
            return;
        };
        let provider = found.and_then(|agreement| agreement.version(number)).map(|version| version.text.provider);
        // An administrator may reject what its provider has not answered: that is no answer of either in its turn.
        if (waiting.awaited == Awaited::Provider) != (provider == Some(*actor.department())) {
            return;
        }
        let offset = rules.policy.civil_day_offset_seconds;
        let count = self.0.entry((*actor.department(), step(waiting.awaited))).or_default();
        count.answered += 1;
        count.deferred += u64::from(waiting.is_deferred);
        count.working_days +=
            u64::from(rules.calendar.between(waiting.since.civil_day(offset), time.civil_day(offset)));
        if waiting.due.is_some() {
            count.with_deadline += 1;
            count.in_time += u64::from(!waiting.is_overdue(&Moment::new(time)));
        }
    }

    /// By department and step.
    pub(super) fn finish(&self, rules: &Rules) -> Vec<AnswerCount> {
        let names = Names(rules);
        let of = |((department, step), count): (&(Uscc, &'static str), &Count)| AnswerCount {
            department: names.party(Some(*department)),
            step,
            answered: count.answered,
            with_deadline: count.with_deadline,
            in_time: count.in_time,
            deferred: count.deferred,
            mean_working_days: count.working_days as f64 / count.answered.max(1) as f64,
        };
        self.0.iter().map(of).collect()
    }
}

/// What is overdue at a moment, the longest first. The authority is no one department: it is told of without a name.
pub(super) fn overdue(rules: &Rules, frame: &Frame, as_of: Time) -> Vec<OverdueAnswer> {
    let (names, now) = (Names(rules), Moment::new(as_of));
    let late = rules.agreements.iter().filter_map(|(id, agreement)| {
        let newest = agreement.newest()?;
        let Pending { awaited, since, due, .. } = pending(rules, agreement, newest)?;
        let due = due.filter(|due| now.reached(due.until))?;
        let row = OverdueAnswer {
            agreement: id.to_string(),
            version: newest.text.version,
            step: step(awaited),
            department: names.party((awaited == Awaited::Provider).then_some(newest.text.provider)),
            consumer: names.party(Some(newest.text.consumer)),
            since: frame.local(since),
            due: due.day.to_string(),
            working_days_late: rules.calendar.between(due.day, as_of.plus_seconds(-1).civil_day(frame.offset_seconds)),
        };
        Some((due.until, row))
    });
    let mut late: Vec<_> = late.collect();
    late.sort_by_key(|(until, _)| *until);
    late.into_iter().map(|(_, row)| row).collect()
}
