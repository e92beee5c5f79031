//! The agreements at the end of the period: new, expiring, unused.

use std::collections::HashMap;

use crate::domain::{
    agreement::{Agreement, AgreementState},
    id::AgreementId,
    outcome::Effect,
    rules::Rules,
    statement::RuleChange,
    time::{Time, days_of_date},
};

use super::{Frame, exchanges::Exchanges, figures::AgreementUse, names::Names};

/// How many days before its end an agreement is told of: a new version needs three parties' signatures, which take weeks.
pub(super) const EXPIRING_DAYS: i64 = 30;

/// When each agreement was activated last.
#[derive(Debug, Default)]
pub(super) struct Activations(HashMap<AgreementId, Time>);

impl Activations {
    /// Hears of every change of an agreement.
    pub(super) fn follow(&mut self, change: &RuleChange, effect: &Effect, time: Time) {
        if let (RuleChange::AgreementActivation(_), Effect::AgreementChanged { agreement_id, .. }) = (change, effect) {
            self.0.insert(agreement_id.clone(), time);
        }
    }

    /// Every agreement as it stands at the end of the period.
    pub(super) fn finish(&self, rules: &Rules, frame: &Frame, exchanges: &Exchanges) -> Vec<AgreementUse> {
        rules
            .agreements
            .iter()
            .filter_map(|(id, agreement)| self.agreement(id, agreement, rules, frame, exchanges))
            .collect()
    }

    fn agreement(
        &self,
        id: &AgreementId,
        agreement: &Agreement,
        rules: &Rules,
        frame: &Frame,
        exchanges: &Exchanges,
    ) -> Option<AgreementUse> {
        let version = agreement.governing()?;
        let (text, names) = (&version.text, Names(rules));
        let used = exchanges.of_agreement(id);
        let is_in_force = version.state == AgreementState::Active && text.valid_until > frame.end;
        let activated = self.0.get(id);
        let day = |time: Time| time.civil_day(frame.offset_seconds);
        let last_day = day(text.valid_until.plus_seconds(-1));
        let days_left = days_of_date(last_day) - days_of_date(frame.period.to());
        let is_expiring = text.valid_until > frame.end
            && days_left <= EXPIRING_DAYS
            && matches!(version.state, AgreementState::Active | AgreementState::Suspended);
        let was_there = activated.is_some_and(|time| *time < frame.start) && text.valid_from <= frame.start;
        let unused_fields = used.map(|used| text.fields.difference(&used.fields).map(ToString::to_string).collect());
        Some(AgreementUse {
            id: id.to_string(),
            version: text.version,
            state: state(version.state, text.valid_until <= frame.end),
            consumer: names.party(Some(text.consumer)),
            provider: names.party(Some(text.provider)),
            resource: names.resource(text.resource_id.as_str()),
            valid_from: day(text.valid_from).to_string(),
            valid_until: last_day.to_string(),
            permitted: used.map_or(0, |used| used.permitted),
            asked: used.map_or(0, |used| used.asked),
            peak: used.map_or(0, |used| used.peak),
            daily_limit: text.daily_limit,
            is_new: activated.is_some_and(|time| *time >= frame.start),
            expires_in_days: is_expiring.then_some(days_left),
            is_unused: is_in_force && was_there && used.is_none(),
            unused_fields: unused_fields.unwrap_or_default(),
        })
    }
}

fn state(state: AgreementState, is_over: bool) -> &'static str {
    match state {
        AgreementState::Proposed => "PROPOSED",
        AgreementState::Accepted => "ACCEPTED",
        AgreementState::Active if is_over => "EXPIRED",
        AgreementState::Active => "ACTIVE",
        AgreementState::Suspended => "SUSPENDED",
        AgreementState::Terminated => "TERMINATED",
        AgreementState::Rejected => "REJECTED",
        AgreementState::Withdrawn => "WITHDRAWN",
    }
}
