//! The terms of an agreement that a query must meet, one by one and in their order.

use crate::domain::{
    agreement::{AgreementState, AgreementVersion},
    catalog::Resource,
    network::Peer,
    outcome::{Refusal, RefusalReason},
    statement::Query,
    time::{Moment, Time},
};

/// A term, in the order in which they are looked at: the further a query gets, the nearer it came to a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// The agreement is not over for good.
    NotTerminated,
    /// It was put into force.
    Activated,
    /// Its validity has not ended.
    NotExpired,
    /// Its validity has begun.
    Begun,
    /// It is not suspended.
    NotSuspended,
    /// The provider accepted it, where the catalog requires that.
    Accepted,
    /// Its row condition fits the catalog as it stands.
    Condition,
    /// The lookup is allowed.
    Lookup,
    /// The purpose is.
    Purpose,
    /// The matter is.
    Matter,
    /// The fields are agreed on.
    Fields,
    /// There are no more lookups than one query may have.
    BatchLimit,
    /// The peer is within its networks.
    Networks,
    /// No more is asked for than may be in this minute.
    MinuteLimit,
    /// No more is asked for than may be on this day.
    DailyLimit,
}

/// How many records were asked for under an agreement on a civil day, and in the newest minute of it in which any were. Time does
/// not run backwards, so of earlier minutes nothing needs to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// On the day.
    pub day: u64,
    /// When the minute began: a whole minute of UTC.
    pub minute_began: Time,
    /// In the minute.
    pub minute: u64,
}

impl Usage {
    /// Nothing was asked for.
    pub const NONE: Self = Self { day: 0, minute_began: Time::MIN, minute: 0 };

    /// How many were asked for in the minute that began then.
    pub fn in_minute(&self, began: Time) -> u64 {
        if self.minute_began == began { self.minute } else { 0 }
    }

    /// Counts what was asked for in the minute that began then.
    pub fn take(&mut self, began: Time, asked: u64) {
        self.minute = self.in_minute(began).saturating_add(asked);
        self.minute_began = began;
        self.take_on_day(asked);
    }

    /// Counts what was asked for on the day, in no minute that still matters.
    pub fn take_on_day(&mut self, asked: u64) {
        self.day = self.day.saturating_add(asked);
    }
}

/// A query before a version of an agreement.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) version: &'a AgreementVersion,
    pub(super) resource: &'a Resource,
    pub(super) query: &'a Query,
    pub(super) peer: &'a Peer,
    pub(super) usage: Usage,
    pub(super) now: &'a Moment,
}

impl Term {
    /// All of them, in their order. The last two, from [`Term::MinuteLimit`] on, rest on what was asked for before.
    pub const ALL: [Self; 15] = [
        Self::NotTerminated,
        Self::Activated,
        Self::NotExpired,
        Self::Begun,
        Self::NotSuspended,
        Self::Accepted,
        Self::Condition,
        Self::Lookup,
        Self::Purpose,
        Self::Matter,
        Self::Fields,
        Self::BatchLimit,
        Self::Networks,
        Self::MinuteLimit,
        Self::DailyLimit,
    ];

    /// Whether the query meets it.
    pub(super) fn meet(self, asking: &Asking<'_>) -> Result<(), Refusal> {
        let Asking { version, resource, query, peer, usage, now } = *asking;
        let text = &version.text;
        let asked = query.commitments.len() as u64;
        let refuse = |reason, term: String| Err(Refusal::new(reason, term));
        let require = |holds: bool, reason| if holds { Ok(()) } else { Err(Refusal::new(reason, "")) };
        match self {
            Self::NotTerminated => {
                require(version.state != AgreementState::Terminated, RefusalReason::AgreementTerminated)
            }
            Self::Activated => require(
                matches!(
                    version.state,
                    AgreementState::Active | AgreementState::Suspended | AgreementState::Terminated
                ),
                RefusalReason::AgreementNotActivated,
            ),
            Self::NotExpired if now.reached(text.valid_until) => {
                refuse(RefusalReason::AgreementExpired, format!("valid_until {}", text.valid_until))
            }
            Self::Begun if !now.reached(text.valid_from) => {
                refuse(RefusalReason::AgreementNotYetValid, format!("valid_from {}", text.valid_from))
            }
            Self::NotSuspended => {
                require(version.state != AgreementState::Suspended, RefusalReason::AgreementSuspended)
            }
            Self::Accepted => match version.unaccepted_field(resource) {
                Some(code) => refuse(RefusalReason::AcceptanceMissing, code.to_string()),
                None => Ok(()),
            },
            Self::Condition => {
                let Some(condition) = &text.condition else { return Ok(()) };
                match (condition.misfit(resource), condition.not_shared_field(resource)) {
                    (Some(misfit), _) => refuse(RefusalReason::ConditionInapplicable, misfit.to_string()),
                    (None, Some(code)) => {
                        refuse(RefusalReason::ConditionInapplicable, format!("condition {code}: NOT_SHARED"))
                    }
                    (None, None) => Ok(()),
                }
            }
            Self::Lookup if !text.lookups.contains(&query.lookup) => {
                refuse(RefusalReason::LookupNotAgreed, query.lookup.as_str().to_owned())
            }
            Self::Purpose if !text.purposes.contains(&query.purpose) => {
                refuse(RefusalReason::PurposeNotAgreed, query.purpose.to_string())
            }
            Self::Matter if !text.matters.is_empty() && !text.matters.contains(&query.matter) => {
                refuse(RefusalReason::MatterNotAgreed, query.matter.to_string())
            }
            Self::Fields => match query.fields.iter().find(|field| !text.fields.contains(*field)) {
                Some(field) => refuse(RefusalReason::FieldNotAgreed, field.to_string()),
                None => Ok(()),
            },
            Self::BatchLimit if asked > u64::from(text.batch_limit) => {
                refuse(RefusalReason::BatchLimitExceeded, format!("batch_limit {}", text.batch_limit))
            }
            // The address stands in the entry; the term names none.
            Self::Networks if !text.networks.is_empty() => {
                require(peer.is_within(&text.networks), RefusalReason::NetworkNotAllowed)
            }
            Self::MinuteLimit => {
                let Some(limit) = text.minute_limit else { return Ok(()) };
                if usage.in_minute(now.minute()).saturating_add(asked) > limit {
                    return refuse(RefusalReason::MinuteLimitExceeded, format!("minute_limit {limit}"));
                }
                Ok(())
            }
            Self::DailyLimit if usage.day.saturating_add(asked) > text.daily_limit => {
                refuse(RefusalReason::QuotaExhausted, format!("daily_limit {}", text.daily_limit))
            }
            Self::NotExpired
            | Self::Begun
            | Self::Lookup
            | Self::Purpose
            | Self::Matter
            | Self::BatchLimit
            | Self::Networks
            | Self::DailyLimit => Ok(()),
        }
    }
}
