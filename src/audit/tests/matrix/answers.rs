//! Forged answers to proposals: rejections, withdrawals, and what follows them; deadlines that nobody may set.

use super::{
    super::hub::{AGREEMENT, Actor, administrator, agreement_text, consent, consumer, proposal, provider},
    Hub, Row,
    administration::forge,
    agreements::{changed, text},
};
use crate::domain::{
    agreement::{AgreementState, AgreementText},
    answer::{AnswerStep, AnswerTerm, AnswerTerms},
    catalog::SharingClass,
    id::{Commitment, Digest},
    outcome::Effect,
    statement::RuleChange,
};

fn rejection(text: &AgreementText) -> RuleChange {
    let signed = consent(&provider(), text);
    let (agreement_id, version, digest) = (signed.agreement_id, signed.version, signed.digest);
    RuleChange::AgreementRejection { agreement_id, version, digest, reason: Commitment([41; 32]) }
}

fn withdrawal(text: &AgreementText) -> RuleChange {
    let agreement_id = text.agreement_id.clone();
    RuleChange::AgreementWithdrawal { agreement_id, version: text.version, reason: None }
}

/// An act on a proposal, entered with an effect that the rules do not make of it.
fn answered(
    name: &str,
    codes: &'static [&'static str],
    state: AgreementState,
    act: fn(&mut Hub, &AgreementText) -> (Actor, RuleChange),
) -> Row {
    Row::lie(name, codes, move |hub| {
        let text = text(hub);
        hub.change(&consumer(), proposal(&consumer(), text.clone()));
        let (actor, change) = act(hub, &text);
        forge(hub, &actor, change, changed("second", 1, state))
    })
}

fn deferral(text: &AgreementText) -> RuleChange {
    let signed = consent(&provider(), text);
    let (agreement_id, version, digest) = (signed.agreement_id, signed.version, signed.digest);
    RuleChange::AnswerDeferral { agreement_id, version, digest, reason: Commitment([43; 32]) }
}

/// A deferral of an answer that the provider owes, or the authority, entered though the rules forbid it.
fn deferred(
    name: &str,
    codes: &'static [&'static str],
    deferral_days: u32,
    act: fn(&mut Hub, &AgreementText) -> (Actor, RuleChange),
) -> Row {
    Row::lie(name, codes, move |hub| {
        let term = AnswerTerm { working_days: 1, deferral_days };
        let terms = AnswerTerms::new([((AnswerStep::Acceptance, SharingClass::Conditional), term)]);
        hub.change(&administrator(), RuleChange::AnswerTerms(terms.unwrap()));
        let text = agreement_text(hub.time, "second", &["STATUS"]);
        hub.change(&consumer(), proposal(&consumer(), text.clone()));
        let (actor, change) = act(hub, &text);
        forge(hub, &actor, change, changed("second", 1, AgreementState::Proposed))
    })
}

fn deferrals() -> Vec<Row> {
    vec![
        deferred("a deferral by who does not owe the answer", &["WRONGLY_DONE:NOT_A_PARTY"], 5, |_, text| {
            (administrator(), deferral(text))
        }),
        deferred("a second deferral", &["WRONGLY_DONE:ANSWER_NOT_DEFERRABLE"], 5, |hub, text| {
            hub.change(&provider(), deferral(text));
            (provider(), deferral(text))
        }),
        deferred(
            "a deferral that the deadline does not allow",
            &["WRONGLY_DONE:ANSWER_NOT_DEFERRABLE"],
            0,
            |_, text| (provider(), deferral(text)),
        ),
        deferred("a deferral of what is overdue", &["WRONGLY_DONE:ANSWER_NOT_DEFERRABLE"], 5, |hub, text| {
            hub.time = hub.time.plus_seconds(7 * 86_400);
            (provider(), deferral(text))
        }),
        deferred("a deferral of another text", &["WRONGLY_DONE:AGREEMENT_TEXT_INVALID"], 5, |_, text| {
            let mut change = deferral(text);
            if let RuleChange::AnswerDeferral { digest, .. } = &mut change {
                *digest = Digest([42; 32]);
            }
            (provider(), change)
        }),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = rejections();
    rows.extend(deferrals());
    rows.extend(withdrawals());
    rows.extend(deadlines());
    rows
}

fn rejections() -> Vec<Row> {
    use AgreementState::{Accepted, Active, Rejected};
    vec![
        answered("a rejection by the consumer itself", &["WRONGLY_DONE:NOT_A_PARTY"], Rejected, |_, text| {
            (consumer(), rejection(text))
        }),
        answered("a rejection of another text", &["WRONGLY_DONE:AGREEMENT_TEXT_INVALID"], Rejected, |_, text| {
            let mut change = rejection(text);
            if let RuleChange::AgreementRejection { digest, .. } = &mut change {
                *digest = Digest([42; 32]);
            }
            (provider(), change)
        }),
        answered(
            "a rejection by the provider of what it accepted",
            &["WRONGLY_DONE:AGREEMENT_STATE"],
            Rejected,
            |hub, text| {
                hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), text)));
                (provider(), rejection(text))
            },
        ),
        answered("an acceptance of a rejected text", &["WRONGLY_DONE:AGREEMENT_STATE"], Accepted, |hub, text| {
            hub.change(&provider(), rejection(text));
            (provider(), RuleChange::AgreementAcceptance(consent(&provider(), text)))
        }),
        answered("an activation of a rejected text", &["WRONGLY_DONE:AGREEMENT_STATE"], Active, |hub, text| {
            hub.change(&administrator(), rejection(text));
            (administrator(), RuleChange::AgreementActivation(consent(&administrator(), text)))
        }),
        answered("a rejection entered as an acceptance", &["EFFECT_DIFFERS"], Accepted, |_, text| {
            (provider(), rejection(text))
        }),
        Row::lie("a rejection of what is in force", &["WRONGLY_DONE:AGREEMENT_STATE"], |hub| {
            let agreement = hub.rules.agreements.find(AGREEMENT).unwrap().newest().unwrap().text.clone();
            let change = rejection(&agreement);
            forge(hub, &administrator(), change, changed(AGREEMENT, 1, AgreementState::Rejected))
        }),
    ]
}

fn withdrawals() -> Vec<Row> {
    use AgreementState::{Active, Withdrawn};
    vec![
        answered("a withdrawal by the provider", &["WRONGLY_DONE:NOT_A_PARTY"], Withdrawn, |_, text| {
            (provider(), withdrawal(text))
        }),
        answered("a withdrawal of another version", &["WRONGLY_DONE:AGREEMENT_CONFLICT"], Withdrawn, |_, text| {
            let mut change = withdrawal(text);
            if let RuleChange::AgreementWithdrawal { version, .. } = &mut change {
                *version = 2;
            }
            (consumer(), change)
        }),
        answered("an activation of a withdrawn text", &["WRONGLY_DONE:AGREEMENT_STATE"], Active, |hub, text| {
            hub.change(&consumer(), withdrawal(text));
            (administrator(), RuleChange::AgreementActivation(consent(&administrator(), text)))
        }),
        answered(
            "a termination of what never came into force",
            &["WRONGLY_DONE:AGREEMENT_STATE"],
            AgreementState::Terminated,
            |hub, text| {
                hub.change(&consumer(), withdrawal(text));
                let agreement_id = text.agreement_id.clone();
                (consumer(), RuleChange::AgreementTermination { agreement_id, reason: None })
            },
        ),
    ]
}

fn deadlines() -> Vec<Row> {
    let terms = || {
        let terms = AnswerTerms::new([((AnswerStep::Acceptance, SharingClass::Conditional), 10)]);
        RuleChange::AnswerTerms(terms.unwrap())
    };
    vec![Row::lie("deadlines set by a provider", &["WRONGLY_DONE:CAPABILITY_MISSING"], move |hub| {
        forge(hub, &provider(), terms(), Effect::AnswerTermsSet)
    })]
}
