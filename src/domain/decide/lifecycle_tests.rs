//! The life of agreements: every act of every party on every state, against the table that people read.

use std::sync::Arc;

use super::{
    RuleFacts, decide_rule,
    fixture::{self, AUTHORITY, CONSUMER, PROVIDER},
};
use crate::domain::{
    agreement::{AgreementState, AgreementText, MAX_AGREEMENTS_OF_USE},
    answer::{AnswerStep, AnswerTerm, AnswerTerms, Awaited, Pending, pending},
    calendar::CalendarYear,
    catalog::{FieldType, Resource, SharingClass},
    directory::{Capability, System},
    id::{Commitment, Digest, RequestId, SystemId},
    lifecycle::AgreementAct,
    outcome::{Effect, Refusal, RefusalReason},
    rules::Rules,
    statement::{AgreementConsent, Header, RuleChange, Statement},
    time::{Date, Moment, Time},
};

/// Rules with a consumer, a provider and an authority, and a resource with a CONDITIONAL and an UNCONDITIONAL field.
struct City {
    rules: Rules,
    now: Time,
    index: u64,
}

fn system(department: &str) -> SystemId {
    SystemId::new(&"gov.example".parse().unwrap(), &department.parse().unwrap(), "main").unwrap()
}

fn at(text: &str) -> Time {
    Time::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond()).unwrap()
}

fn resource() -> Resource {
    let field = |code, class| fixture::field(code, FieldType::Text { max_length: 50 }, class);
    let fields = vec![field("OPEN", SharingClass::Unconditional), field("ASKED", SharingClass::Conditional)];
    fixture::resource(fields, "OPEN", "OPEN")
}

impl City {
    /// On a Friday, at nine.
    fn new() -> Self {
        let now = at("2026-09-18T09:00:00+08:00");
        let mut rules = fixture::rules();
        for (department, capability) in [
            (CONSUMER, Capability::SignAgreements),
            (PROVIDER, Capability::SignAgreements),
            (AUTHORITY, Capability::Administer),
        ] {
            rules.directory.departments.insert(department.parse().unwrap(), department.to_owned());
            let capabilities = [capability].into();
            rules.directory.systems.insert(system(department), System { capabilities, keys: Vec::new() });
        }
        let resource = resource();
        rules.catalog.resources.entry(resource.resource_id.clone()).or_default().push(Arc::new(resource));
        Self { rules, now, index: 0 }
    }

    fn text(&self, field: &str) -> AgreementText {
        let fields = [field.parse().unwrap()].into();
        let (valid_from, valid_until) = (at("2026-09-18T00:00:00+08:00"), at("2027-09-18T00:00:00+08:00"));
        AgreementText { fields, valid_from, valid_until, ..fixture::agreement_text("a") }
    }

    fn decide(&self, by: &str, change: &RuleChange) -> Result<Effect, Refusal> {
        let statement = Statement::Rule(self.header(by), change.clone());
        if let Some(capability) = statement.capability().filter(|one| !self.rules.directory.holds(&system(by), *one)) {
            return Err(Refusal::new(RefusalReason::CapabilityMissing, capability.as_str()));
        }
        let facts = RuleFacts { text_signature_valid: true, possession_proven: true };
        decide_rule(&self.rules, &self.header(by), change, facts, &Moment::new(self.now))
    }

    fn header(&self, by: &str) -> Header {
        let request_id = RequestId([0; 16]);
        Header { request_id, issued_at: self.now, actor: system(by), hub: self.rules.hub.clone() }
    }

    fn change(&mut self, by: &str, change: RuleChange) {
        let effect = self.decide(by, &change).unwrap();
        self.index += 1;
        self.rules.apply(self.index, self.now, &Statement::Rule(self.header(by), change), &effect).unwrap();
    }

    fn propose(&mut self, text: AgreementText) {
        self.change(CONSUMER, proposal(text));
    }

    fn act(&self, act: AgreementAct) -> RuleChange {
        let agreement = self.rules.agreements.find("a").unwrap();
        let newest = agreement.newest().unwrap();
        let (agreement_id, version, digest) = (newest.text.agreement_id.clone(), newest.text.version, newest.digest);
        let consent =
            || AgreementConsent { agreement_id: agreement_id.clone(), version, digest, signature: Vec::new() };
        match act {
            AgreementAct::Accept => RuleChange::AgreementAcceptance(consent()),
            AgreementAct::Activate => RuleChange::AgreementActivation(consent()),
            AgreementAct::Reject => {
                RuleChange::AgreementRejection { agreement_id, version, digest, reason: Commitment([1; 32]) }
            }
            AgreementAct::Withdraw => RuleChange::AgreementWithdrawal { agreement_id, version, reason: None },
            AgreementAct::Suspend => {
                RuleChange::AgreementSuspension { agreement_id, reason: Some(Commitment([2; 32])) }
            }
            AgreementAct::Resume => RuleChange::AgreementResumption { agreement_id },
            AgreementAct::Terminate => RuleChange::AgreementTermination { agreement_id, reason: None },
        }
    }

    fn does(&mut self, by: &str, act: AgreementAct) {
        let change = self.act(act);
        self.change(by, change);
    }

    /// A city whose agreement stands so.
    fn standing(state: AgreementState) -> Self {
        let mut city = Self::new();
        city.propose(city.text("ASKED"));
        let steps: &[(&str, AgreementAct)] = match state {
            AgreementState::Proposed => &[],
            AgreementState::Accepted => &[(PROVIDER, AgreementAct::Accept)],
            AgreementState::Active => &[(PROVIDER, AgreementAct::Accept), (AUTHORITY, AgreementAct::Activate)],
            AgreementState::Suspended => &[
                (PROVIDER, AgreementAct::Accept),
                (AUTHORITY, AgreementAct::Activate),
                (PROVIDER, AgreementAct::Suspend),
            ],
            AgreementState::Rejected => &[(PROVIDER, AgreementAct::Reject)],
            AgreementState::Withdrawn => &[(CONSUMER, AgreementAct::Withdraw)],
            AgreementState::Terminated => &[(CONSUMER, AgreementAct::Terminate)],
        };
        steps.iter().for_each(|(by, act)| city.does(by, *act));
        city
    }

    fn pending(&self) -> Option<Pending> {
        let agreement = self.rules.agreements.find("a").unwrap();
        pending(&self.rules, agreement, agreement.newest().unwrap())
    }
}

/// A digest for each text is enough here: nothing is signed.
fn proposal(text: AgreementText) -> RuleChange {
    let digest = Digest([u8::try_from(text.version).unwrap(); 32]);
    RuleChange::AgreementProposal { text: Box::new(text), serialized: Arc::new([]), digest, signature: Vec::new() }
}

fn name(state: AgreementState) -> String {
    format!("{state:?}").to_uppercase()
}

/// What the decisions make of a state, as a row of the table in the documentation.
fn row(state: AgreementState) -> String {
    let city = City::standing(state);
    let parties = [("consumer", CONSUMER), ("provider", PROVIDER), ("administrator", AUTHORITY)];
    let cells = AgreementAct::ALL.map(|act| {
        let change = city.act(act);
        let done = parties.map(|(party, by)| (party, city.decide(by, &change).ok()));
        let may: Vec<_> = done.iter().filter(|(_, effect)| effect.is_some()).map(|(party, _)| *party).collect();
        let Some(Effect::AgreementChanged { state, .. }) = done.into_iter().find_map(|(_, effect)| effect) else {
            assert!(may.is_empty());
            return String::new();
        };
        let who = if may.len() == parties.len() { "each".to_owned() } else { may.join(", ") };
        format!("{who} → {}", name(state))
    });
    format!("| {} | {} |", name(state), cells.join(" | "))
}

#[test]
fn every_act_of_every_party_on_every_state_does_what_the_documented_table_says() {
    let page = include_str!("../../../docs/administrators.md");
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let documented: Vec<_> = page.lines().map(squeeze).collect();
    for state in AgreementState::ALL {
        let row = squeeze(&row(state));
        assert!(documented.contains(&row), "docs/administrators.md has no row {row}");
    }
}

#[test]
fn what_never_came_into_force_gives_its_number_to_the_next_proposal() {
    for state in [AgreementState::Rejected, AgreementState::Withdrawn, AgreementState::Proposed] {
        let mut city = City::standing(state);
        city.propose(city.text("OPEN"));
        let agreement = city.rules.agreements.find("a").unwrap();
        assert_eq!((agreement.versions.len(), agreement.newest().unwrap().state), (1, AgreementState::Proposed));
    }
    let mut city = City::standing(AgreementState::Active);
    let next = AgreementText { version: 2, previous_digest: Some(Digest([1; 32])), ..city.text("OPEN") };
    city.propose(next.clone());
    city.does(PROVIDER, AgreementAct::Reject);
    let agreement = city.rules.agreements.find("a").unwrap();
    assert_eq!(agreement.governing().unwrap().text.version, 1, "what is in force stays in force");
    city.propose(next);
    city.does(AUTHORITY, AgreementAct::Activate);
    let agreement = city.rules.agreements.find("a").unwrap();
    let states: Vec<_> = agreement.versions.iter().map(|version| version.state).collect();
    assert_eq!(states, [AgreementState::Terminated, AgreementState::Active]);
}

#[test]
fn a_version_in_force_without_acceptance_is_accepted_once_and_stays_in_force() {
    let mut city = City::new();
    city.propose(city.text("OPEN"));
    city.does(AUTHORITY, AgreementAct::Activate);
    city.does(CONSUMER, AgreementAct::Suspend);
    city.does(PROVIDER, AgreementAct::Accept);
    let version = city.rules.agreements.find("a").unwrap().newest().unwrap().clone();
    assert_eq!((version.state, version.accepted), (AgreementState::Suspended, true));
    assert_eq!(version.suspended_by, Some(CONSUMER.parse().unwrap()));
    assert_eq!(version.reason, Some(Commitment([2; 32])));
    let refusal = city.decide(PROVIDER, &city.act(AgreementAct::Accept)).unwrap_err();
    assert_eq!(refusal.reason, RefusalReason::AgreementState);
}

#[test]
fn a_department_has_no_more_agreements_on_a_resource_than_a_query_may_look_at() {
    let mut city = City::new();
    let numbered = |city: &City, number: usize| AgreementText {
        agreement_id: format!("a-{number}").parse().unwrap(),
        ..city.text("OPEN")
    };
    for number in 0..MAX_AGREEMENTS_OF_USE {
        city.propose(numbered(&city, number));
    }
    let refusal = city.decide(CONSUMER, &proposal(numbered(&city, MAX_AGREEMENTS_OF_USE))).unwrap_err();
    assert_eq!(refusal.reason, RefusalReason::AgreementConflict);
    // What stands may be proposed anew all the same.
    city.propose(numbered(&city, 0));
}

fn terms(days: u32) -> RuleChange {
    let (conditional, unconditional) = (SharingClass::Conditional, SharingClass::Unconditional);
    let terms = AnswerTerms::new([
        ((AnswerStep::Acceptance, conditional), AnswerTerm { working_days: days, deferral_days: 10 }),
        ((AnswerStep::Activation, conditional), AnswerTerm { working_days: 5, deferral_days: 2 }),
        ((AnswerStep::Activation, unconditional), 1.into()),
        ((AnswerStep::Extension, conditional), 3.into()),
    ]);
    RuleChange::AnswerTerms(terms.unwrap())
}

/// The National Day of 2026, with its Sunday before and its Saturday after.
fn calendar() -> RuleChange {
    RuleChange::CalendarYear(CalendarYear {
        year: 2026,
        source: "通知".to_owned(),
        holidays: (1..=7).map(|day| Date::constant(2026, 10, day)).collect(),
        working_days: [Date::constant(2026, 9, 20), Date::constant(2026, 10, 10)].into(),
    })
}

fn due(pending: &Pending) -> (Awaited, Option<Date>) {
    (pending.awaited, pending.due.as_ref().map(|due| due.day))
}

#[test]
fn an_answer_is_due_by_the_terms_under_which_it_was_asked_for_and_by_the_calendar_as_it_is_known() {
    let mut city = City::new();
    city.propose(city.text("ASKED"));
    assert_eq!(due(&city.pending().unwrap()), (Awaited::Provider, None), "nobody set a deadline");
    assert_eq!(city.decide(AUTHORITY, &terms(10)), Ok(Effect::AnswerTermsSet));

    city.change(AUTHORITY, terms(10));
    assert_eq!(due(&city.pending().unwrap()).1, None, "what waits already keeps its terms");
    city.propose(city.text("ASKED"));
    let first = city.pending().unwrap();
    assert_eq!(due(&first), (Awaited::Provider, Some(Date::constant(2026, 10, 2))));
    assert_eq!(first.due.unwrap().unknown_years, [2026].into());
    city.change(AUTHORITY, terms(20));
    city.change(AUTHORITY, calendar());
    // From Friday 18 September on, with Sunday the 20th and without the holidays.
    let pending = city.pending().unwrap();
    assert_eq!(due(&pending), (Awaited::Provider, Some(Date::constant(2026, 10, 8))));
    let until = pending.due.clone().unwrap();
    assert_eq!((until.until, until.unknown_years.len()), (at("2026-10-09T00:00:00+08:00"), 0));
    assert!(!pending.is_overdue(&Moment::new(at("2026-10-08T23:59:59+08:00"))));
    assert!(pending.is_overdue(&Moment::new(at("2026-10-09T00:00:00+08:00"))));

    city.now = at("2026-10-08T16:00:00+08:00");
    city.does(PROVIDER, AgreementAct::Accept);
    assert_eq!(due(&city.pending().unwrap()), (Awaited::Authority, Some(Date::constant(2026, 10, 14))));
    city.does(AUTHORITY, AgreementAct::Activate);
    assert_eq!(city.pending(), None);
}

#[test]
fn what_needs_no_acceptance_waits_for_the_authority_and_a_mere_extension_has_its_own_deadline() {
    let mut city = City::new();
    city.change(AUTHORITY, terms(10));
    city.propose(city.text("OPEN"));
    assert_eq!(due(&city.pending().unwrap()), (Awaited::Authority, Some(Date::constant(2026, 9, 21))));

    let mut city = City::standing(AgreementState::Active);
    city.change(AUTHORITY, terms(10));
    let next = AgreementText { version: 2, previous_digest: Some(Digest([1; 32])), ..city.text("ASKED") };
    for (text, is_extension, day) in [
        (AgreementText { valid_until: at("2028-09-18T00:00:00+08:00"), ..next.clone() }, true, 23),
        (AgreementText { valid_until: at("2027-03-18T00:00:00+08:00"), ..next.clone() }, false, 2),
        (AgreementText { valid_until: at("2028-09-18T00:00:00+08:00"), daily_limit: 11, ..next }, false, 2),
    ] {
        city.propose(text);
        let pending = city.pending().unwrap();
        assert_eq!((pending.is_extension, due(&pending).1.unwrap().day()), (is_extension, day));
    }
}

fn deferral(city: &City) -> RuleChange {
    let newest = city.rules.agreements.find("a").unwrap().newest().unwrap();
    let (agreement_id, version, digest) = (newest.text.agreement_id.clone(), newest.text.version, newest.digest);
    RuleChange::AnswerDeferral { agreement_id, version, digest, reason: Commitment([3; 32]) }
}

#[test]
fn who_must_answer_defers_the_answer_once_and_before_it_is_overdue() {
    let refused =
        |city: &City, by| city.decide(by, &deferral(city)).map_err(|refusal| refusal.to_string()).unwrap_err();
    let mut city = City::new();
    city.propose(city.text("ASKED"));
    assert_eq!(refused(&city, PROVIDER), "ANSWER_NOT_DEFERRABLE (no deferral_days)", "nobody set a deadline");
    city.change(AUTHORITY, calendar());
    city.change(AUTHORITY, terms(10));
    city.propose(city.text("ASKED"));
    assert_eq!(city.pending().unwrap().deferral_days, 10);
    for other in [CONSUMER, AUTHORITY] {
        assert!(refused(&city, other).starts_with("NOT_A_PARTY"), "{other}");
    }
    let mut late = City { rules: city.rules.clone(), ..city };
    late.now = at("2026-10-09T00:00:00+08:00");
    assert_eq!(refused(&late, PROVIDER), "ANSWER_NOT_DEFERRABLE (overdue)");

    let RuleChange::AnswerDeferral { agreement_id, version, reason, .. } = deferral(&city) else { unreachable!() };
    let other = RuleChange::AnswerDeferral { agreement_id, version, digest: Digest([9; 32]), reason };
    assert_eq!(city.decide(PROVIDER, &other).unwrap_err().reason, RefusalReason::AgreementTextInvalid);

    city.change(PROVIDER, deferral(&city));
    // Ten working days more than the 8 October of the terms.
    let pending = city.pending().unwrap();
    assert_eq!(due(&pending), (Awaited::Provider, Some(Date::constant(2026, 10, 21))));
    assert_eq!((pending.is_deferred, pending.deferral_days), (true, 0));
    let version = city.rules.agreements.find("a").unwrap().newest().unwrap();
    assert_eq!((version.state, version.reason), (AgreementState::Proposed, Some(Commitment([3; 32]))));
    assert_eq!(refused(&city, PROVIDER), "ANSWER_NOT_DEFERRABLE (deferred already)");

    // The authority's answer is another one, with a deadline of its own.
    city.does(PROVIDER, AgreementAct::Accept);
    assert_eq!(city.rules.agreements.find("a").unwrap().newest().unwrap().reason, None);
    assert!(refused(&city, PROVIDER).starts_with("NOT_A_PARTY"));
    assert_eq!(due(&city.pending().unwrap()), (Awaited::Authority, Some(Date::constant(2026, 9, 24))));
    city.change(AUTHORITY, deferral(&city));
    assert_eq!(due(&city.pending().unwrap()).1, Some(Date::constant(2026, 9, 28)));
    city.does(AUTHORITY, AgreementAct::Activate);
    assert_eq!(refused(&city, AUTHORITY), "AGREEMENT_STATE (ACTIVE)", "what is in force waits for no answer");
}
