//! By when a proposal must be answered 答复时限: working days by step and sharing class, as an administrator entered them.
//!
//! Deadlines differ from place to place and change with the law, so none of them stands in the program: without terms nothing is
//! due.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    agreement::{Agreement, AgreementState, AgreementVersion},
    calendar::MAX_WORKING_DAYS,
    catalog::SharingClass,
    rules::Rules,
    time::{Date, Moment, Time, date_of_days, days_of_date},
};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerStep {
    /// The provider accepts or rejects 提供方答复.
    Acceptance,
    /// The authority activates or rejects 主管部门审核.
    Activation,
    /// Either answers a version that only prolongs the one in force 延期.
    Extension,
}

impl AnswerStep {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Acceptance, Self::Activation, Self::Extension];

    /// The code by which files name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acceptance => "acceptance",
            Self::Activation => "activation",
            Self::Extension => "extension",
        }
    }
}

/// How long a step may take, counted from the day after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerTerm {
    /// So many working days.
    pub working_days: u32,
    /// So many more once who must answer has deferred it 延长答复; 0: it cannot be.
    pub deferral_days: u32,
}

impl From<u32> for AnswerTerm {
    /// So many working days, and no more.
    fn from(working_days: u32) -> Self {
        Self { working_days, deferral_days: 0 }
    }
}

impl AnswerTerm {
    fn is_possible(self) -> bool {
        self.working_days > 0 && self.working_days.saturating_add(self.deferral_days) <= MAX_WORKING_DAYS
    }
}

/// How long each step may take, by the sharing class of a proposal: CONDITIONAL where one of its fields is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerTerms(BTreeMap<(AnswerStep, SharingClass), AnswerTerm>);

impl AnswerTerms {
    /// The terms of these steps; `None` where one cannot be: no days, more than [`MAX_WORKING_DAYS`] with those of a deferral, a class
    /// of which nothing is shared, or an acceptance where none is needed.
    pub fn new<T: Into<AnswerTerm>>(terms: impl IntoIterator<Item = ((AnswerStep, SharingClass), T)>) -> Option<Self> {
        let possible = |((step, class), term): ((AnswerStep, SharingClass), T)| {
            let term = term.into();
            let is_asked = match (step, class) {
                (_, SharingClass::NotShared) | (AnswerStep::Acceptance, SharingClass::Unconditional) => false,
                (_, SharingClass::Conditional | SharingClass::Unconditional) => true,
            };
            (is_asked && term.is_possible()).then_some(((step, class), term))
        };
        terms.into_iter().map(possible).collect::<Option<_>>().map(Self)
    }

    /// Each step with a deadline.
    pub fn iter(&self) -> impl Iterator<Item = ((AnswerStep, SharingClass), AnswerTerm)> {
        self.0.iter().map(|(key, term)| (*key, *term))
    }

    fn term(&self, step: AnswerStep, class: SharingClass) -> Option<AnswerTerm> {
        self.0.get(&(step, class)).copied()
    }
}

/// Since when a proposal stands where it stands, and the terms in force then: they bind until it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// When the proposal, or its acceptance, was entered.
    pub since: Time,
    /// The terms.
    pub terms: Arc<AnswerTerms>,
    /// Whether who must answer has deferred it, which may be done once.
    pub is_deferred: bool,
}

/// Who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Awaited {
    /// The provider 提供方.
    Provider,
    /// The authority 共享主管部门: an administrator.
    Authority,
}

/// When an answer is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The last day.
    pub day: Date,
    /// The first instant at which it is overdue.
    pub until: Time,
    /// The years of which only the weekends were known: with their holidays it may be due later.
    pub unknown_years: BTreeSet<i16>,
}

/// A proposal that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// For whose.
    pub awaited: Awaited,
    /// Since when.
    pub since: Time,
    /// Whether it only prolongs the version before.
    pub is_extension: bool,
    /// When it is due; `None` where no deadline was set.
    pub due: Option<Due>,
    /// Whether the answer was deferred.
    pub is_deferred: bool,
    /// By how many working days who must answer may defer it; 0: it may not, or has.
    pub deferral_days: u32,
}

impl Pending {
    /// Whether the answer is overdue.
    pub fn is_overdue(&self, now: &Moment) -> bool {
        self.due.as_ref().is_some_and(|due| now.reached(due.until))
    }
}

/// What a version of an agreement waits for, if it does.
pub fn pending(rules: &Rules, agreement: &Agreement, version: &AgreementVersion) -> Option<Pending> {
    let waiting = version.waiting.as_ref()?;
    let (_, resource) = rules.catalog.newest(version.text.resource_id.as_str())?;
    let of_class = |class| {
        version
            .text
            .fields
            .iter()
            .any(|code| resource.field(code.as_str()).is_some_and(|field| field.sharing_class == class))
    };
    let class =
        if of_class(SharingClass::Conditional) { SharingClass::Conditional } else { SharingClass::Unconditional };
    let needs_acceptance = version.state == AgreementState::Proposed && version.unaccepted_field(resource).is_some();
    let (awaited, step) = if needs_acceptance {
        (Awaited::Provider, AnswerStep::Acceptance)
    } else {
        (Awaited::Authority, AnswerStep::Activation)
    };
    let previous = version.text.version.checked_sub(1).and_then(|number| agreement.version(number));
    let is_extension = previous.is_some_and(|previous| version.text.is_extension_of(&previous.text));
    let of_extension = is_extension.then(|| waiting.terms.term(AnswerStep::Extension, class)).flatten();
    let term = of_extension.or_else(|| waiting.terms.term(step, class));
    let due = term.map(|AnswerTerm { working_days, deferral_days }| {
        let days = if waiting.is_deferred { working_days + deferral_days } else { working_days };
        let offset = rules.policy.civil_day_offset_seconds;
        let counted = rules.calendar.after(waiting.since.civil_day(offset), days);
        let next = date_of_days(days_of_date(counted.day) + 1);
        Due { day: counted.day, until: Time::start_of(next, offset), unknown_years: counted.unknown_years }
    });
    let deferral_days = term.filter(|_| !waiting.is_deferred).map_or(0, |term| term.deferral_days);
    Some(Pending { awaited, since: waiting.since, is_extension, due, is_deferred: waiting.is_deferred, deferral_days })
}
