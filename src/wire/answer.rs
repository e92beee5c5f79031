//! Deadlines for answers, and what waits for one.

use super::{
    catalog::{class_from_number, class_to_number, paired},
    proto,
    reading::{Reading, timestamp},
};
use crate::domain::answer::{AnswerStep, AnswerTerm, AnswerTerms, Awaited, Due, Pending};

paired!(step_to_number, step_from_number, AnswerStep, AnswerStep, { Acceptance, Activation, Extension });

/// Deadlines as they travel.
pub fn answer_terms_to_proto(terms: &AnswerTerms) -> Vec<proto::AnswerTerm> {
    terms
        .iter()
        .map(|((step, class), AnswerTerm { working_days, deferral_days })| proto::AnswerTerm {
            step: step_to_number(step),
            sharing_class: class_to_number(class),
            working_days,
            deferral_days,
        })
        .collect()
}

pub(super) fn read_answer_terms(
    reading: &mut Reading,
    field: &str,
    terms: &[proto::AnswerTerm],
) -> Option<AnswerTerms> {
    let mut read = Vec::with_capacity(terms.len());
    for term in terms {
        let Some(key) = step_from_number(term.step).zip(class_from_number(term.sharing_class)) else {
            return reading.fail(field, "must be of a step and a sharing class");
        };
        read.push((key, AnswerTerm { working_days: term.working_days, deferral_days: term.deferral_days }));
    }
    let keys: Vec<_> = read.iter().map(|(key, _)| *key).collect();
    reading.ascending(field, &keys)?;
    let allowed = "must be 1 to 366 working days with those of a deferral, of CONDITIONAL or UNCONDITIONAL; what is UNCONDITIONAL needs no \
         acceptance";
    AnswerTerms::new(read).or_else(|| reading.fail(field, allowed))
}

/// What a proposal waits for, as it is shown.
pub(super) fn pending_to_proto(pending: &Pending) -> proto::PendingAnswer {
    let step = match pending.awaited {
        Awaited::Provider => AnswerStep::Acceptance,
        Awaited::Authority => AnswerStep::Activation,
    };
    let due = pending.due.as_ref();
    proto::PendingAnswer {
        step: step_to_number(step),
        since: Some(timestamp(pending.since)),
        is_extension: pending.is_extension,
        due_date: due.map(|due| due.day.to_string()).unwrap_or_default(),
        due_time: due.map(|due| timestamp(due.until)),
        unknown_years: due.iter().flat_map(|due| &due.unknown_years).map(|year| i32::from(*year)).collect(),
        is_deferred: pending.is_deferred,
        deferral_days: pending.deferral_days,
    }
}

/// What a proposal waits for, as a hub shows it.
pub(super) fn read_pending(reading: &mut Reading, message: &proto::PendingAnswer) -> Option<Pending> {
    let awaited = match step_from_number(message.step) {
        Some(AnswerStep::Acceptance) => Awaited::Provider,
        Some(AnswerStep::Activation) => Awaited::Authority,
        _ => return reading.fail("pending.step", "must be ACCEPTANCE or ACTIVATION"),
    };
    let since = reading.time("pending.since", message.since.as_ref())?;
    let due = match reading.optional_date("pending.due_date", &message.due_date)? {
        None => None,
        Some(day) => {
            let until = reading.time("pending.due_time", message.due_time.as_ref())?;
            let years = message.unknown_years.iter().map(|year| i16::try_from(*year).ok());
            let Some(unknown_years) = years.collect() else {
                return reading.fail("pending.unknown_years", "holds what is not a year");
            };
            Some(Due { day, until, unknown_years })
        }
    };
    let proto::PendingAnswer { is_extension, is_deferred, deferral_days, .. } = *message;
    Some(Pending { awaited, since, is_extension, due, is_deferred, deferral_days })
}

/// Deadlines as a hub shows them.
///
/// # Errors
/// What is not well formed.
pub fn answer_terms_from_proto(terms: &[proto::AnswerTerm]) -> Result<AnswerTerms, super::Malformed> {
    let mut reading = Reading::default();
    let terms = read_answer_terms(&mut reading, "terms", terms);
    reading.finish(terms)
}
