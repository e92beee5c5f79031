//! Proposals that wait to be answered, and rejections with their reasons.

use super::world::{World, applied};
use crate::{
    domain::{
        agreement::AgreementState,
        answer::{AnswerStep, AnswerTerm, AnswerTerms, Awaited},
        catalog::SharingClass,
        id::Commitment,
        statement::RuleChange,
    },
    hub::Selection,
    sign::{
        SystemRandomness,
        commitment::{Opening, Scheme},
    },
    store::memory,
};

async fn asked() -> World {
    let world = World::furnished(memory::store()).await;
    let term = AnswerTerm { working_days: 2, deferral_days: 20 };
    let steps = [
        (AnswerStep::Activation, SharingClass::Unconditional),
        (AnswerStep::Activation, SharingClass::Conditional),
        (AnswerStep::Acceptance, SharingClass::Conditional),
    ];
    let terms = AnswerTerms::new(steps.map(|step| (step, term)));
    applied(&world.change(&world.administrator, RuleChange::AnswerTerms(terms.unwrap())).await);
    let text = world.agreement("asked");
    applied(&world.change(&world.consumer, world.proposal(&world.consumer, text)).await);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_listed_and_becomes_overdue_as_days_pass() {
    let world = asked().await;
    let listed = |selection| {
        let found = world.hub.agreements(&world.provider.system, "", selection, 10).unwrap();
        found.iter().map(|(agreement, _)| agreement.newest().unwrap().text.agreement_id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed(Selection::Pending), ["asked"]);
    assert_eq!(listed(Selection::Overdue), [""; 0]);
    let (waiting, overdue) = world.hub.pending_answers();
    assert_eq!((waiting.len(), overdue), (1, 0));
    // Two working days are over after a week at the latest.
    world.pass(7 * 86_400);
    assert_eq!(listed(Selection::Overdue), ["asked"]);
    assert_eq!(world.hub.pending_answers().1, 1);
    assert!(listed(Selection::All).len() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_answer_is_overdue_later_and_its_reason_is_read_by_the_parties() {
    let world = asked().await;
    let read = |system| world.hub.agreement(system, "asked", None).unwrap();
    let who = match read(&world.consumer.system).pending.unwrap().awaited {
        Awaited::Provider => &world.provider,
        Awaited::Authority => &world.administrator,
    };
    let opening = Opening::new(&SystemRandomness::new(), Scheme::Text, "需征求业务处室意见").unwrap();
    let consent = world.consent(who, "asked");
    let deferral = RuleChange::AnswerDeferral {
        agreement_id: consent.agreement_id,
        version: consent.version,
        digest: consent.digest,
        reason: Commitment(opening.commitment()),
    };
    applied(&world.change_opened(who, deferral, vec![opening]).await);
    world.pass(7 * 86_400);
    assert_eq!(world.hub.pending_answers().1, 0, "a week later it is not overdue");
    let shown = read(&world.consumer.system);
    let pending = shown.pending.unwrap();
    assert_eq!((pending.is_deferred, pending.deferral_days), (true, 0));
    assert_eq!(shown.openings.iter().map(Opening::value).collect::<Vec<_>>(), ["需征求业务处室意见"]);
    world.pass(28 * 86_400);
    assert_eq!(world.hub.pending_answers().1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reason_of_a_rejection_is_read_by_the_parties() {
    let world = asked().await;
    let read = |system| world.hub.agreement(system, "asked", None);
    let waiting = read(&world.consumer.system).unwrap().pending.unwrap();
    assert!(matches!(waiting.awaited, Awaited::Provider | Awaited::Authority) && waiting.due.is_some());

    let opening = Opening::new(&SystemRandomness::new(), Scheme::Text, "请补充使用依据的条款").unwrap();
    let consent = world.consent(&world.provider, "asked");
    let rejection = RuleChange::AgreementRejection {
        agreement_id: consent.agreement_id,
        version: consent.version,
        digest: consent.digest,
        reason: Commitment(opening.commitment()),
    };
    // Without its reason opened a rejection is refused.
    let unopened = world.change(&world.provider, rejection.clone()).await;
    assert!(matches!(unopened.outcome, crate::domain::outcome::Outcome::Refused(_)), "{:?}", unopened.outcome);
    applied(&world.change_opened(&world.provider, rejection, vec![opening]).await);
    for party in [&world.consumer, &world.provider, &world.administrator] {
        let read = read(&party.system).unwrap();
        assert_eq!(read.version.state, AgreementState::Rejected);
        assert_eq!(read.openings.iter().map(Opening::value).collect::<Vec<_>>(), ["请补充使用依据的条款"]);
        assert_eq!(read.pending, None);
    }
    assert_eq!(world.hub.pending_answers().0.len(), 0);
}
