//! The terms of agreements as a running hub keeps them.

use std::sync::Arc;

use super::world::{World, applied, holder, licence};
use crate::{
    domain::{
        agreement::{AgreementText, LookupKind},
        catalog::SharingClass,
        condition::{Comparison, Condition, Literal, Relation, Test},
        outcome::{Outcome, QueryPermitted, Refusal, RefusalReason},
        statement::RuleChange,
    },
    hub::{QueryAnswer, Receipt},
    store::memory,
};

/// A world whose only agreement has these terms.
async fn world(change: impl FnOnce(&mut AgreementText)) -> World {
    let world = World::furnished(memory::store()).await;
    let termination = RuleChange::AgreementTermination { agreement_id: "a1".parse().unwrap(), reason: None };
    applied(&world.change(&world.administrator, termination).await);
    let mut text = world.agreement("a2");
    change(&mut text);
    world.agree(text).await;
    world
}

async fn ask(world: &World, n: u32) -> QueryAnswer {
    let (mut query, openings) = world.query(LookupKind::Holder, &holder(n));
    query.agreement_id = Some("a2".parse().unwrap());
    world.ask(query, openings).await
}

fn permitted(answer: &QueryAnswer) -> &QueryPermitted {
    match &answer.receipt.outcome {
        Outcome::QueryPermitted(permitted) => permitted,
        other => panic!("{other:?}"),
    }
}

fn refusal(receipt: &Receipt) -> &Refusal {
    match &receipt.outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn is(field: &str, literal: &str) -> Condition {
    let test = Test::Is(Relation::Equal, Literal::Text(literal.to_owned()));
    Condition::Comparison(Comparison { field: field.parse().unwrap(), test })
}

#[tokio::test(flavor = "multi_thread")]
async fn record_that_misses_the_row_condition_is_withheld_and_named() {
    // The field is not among those asked for.
    let world = world(|text| {
        text.condition = Some(is("CZZT", "样例企业3版本1"));
        text.fields.remove("CZZT");
    })
    .await;
    world.publish(vec![world.record(3, 1), world.record(6, 1)]).await;
    let ask = async |n| {
        let (mut query, openings) = world.query(LookupKind::Holder, &holder(n));
        query.fields = ["CZZTDM".parse().unwrap()].into();
        world.ask(query, openings).await
    };
    let hit = ask(3).await;
    assert_eq!((permitted(&hit).records.len(), permitted(&hit).withheld.as_deref()), (1, Some(&[][..])));
    assert_eq!(hit.presentations.len(), 1);
    let miss = ask(6).await;
    assert!(permitted(&miss).records.is_empty() && miss.presentations.is_empty());
    let withheld = permitted(&miss).withheld.as_deref().unwrap();
    assert_eq!((withheld.len(), withheld[0].version), (1, 1));
    let nothing = ask(9).await;
    assert_eq!(permitted(&nothing).withheld.as_deref(), Some(&[][..]));
    // A new version of the record is decided by its own values.
    world.publish(vec![world.record(3, 2)]).await;
    assert_eq!(permitted(&ask(3).await).withheld.as_ref().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn proposal_whose_row_condition_does_not_fit_the_catalog_is_refused_by_its_term() {
    let world = World::furnished(memory::store()).await;
    for (condition, reason, term) in [
        (is("GHOST", "1"), RefusalReason::AgreementTextInvalid, "condition GHOST: the resource has no such field"),
        (
            is("ZZYXQJZRQ", "never"),
            RefusalReason::AgreementTextInvalid,
            "condition ZZYXQJZRQ: a literal is no value of this field",
        ),
        (is("FDDBR", "张三丰"), RefusalReason::FieldNotShared, "FDDBR"),
    ] {
        let text = AgreementText { condition: Some(condition), ..world.agreement("a2") };
        let receipt = world.change(&world.consumer, world.proposal(&world.consumer, text)).await;
        assert_eq!((refusal(&receipt).reason, refusal(&receipt).term.as_str()), (reason, term));
        // What is never shared is refused with the basis of that, which stands in the catalog and not in the log.
        let cites = reason == RefusalReason::FieldNotShared;
        assert_eq!(world.hub.denial_basis(&receipt).as_deref(), cites.then_some("个人信息"));
        assert!(!receipt.entry.windows(12).any(|window| window == "个人信息".as_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_a_row_condition_looks_at_needs_the_consent_that_a_field_agreed_on_needs() {
    let world = World::furnished(memory::store()).await;
    let propose = async |id: &str, condition| {
        let fields = ["CZZT".parse().unwrap()].into();
        let text = AgreementText { fields, condition: Some(condition), ..world.agreement(id) };
        applied(&world.change(&world.consumer, world.proposal(&world.consumer, text)).await);
        world
            .change(&world.administrator, RuleChange::AgreementActivation(world.consent(&world.administrator, id)))
            .await
    };
    // All fields are UNCONDITIONAL: consumer and administrator are enough.
    applied(&propose("open", is("CZZT", "x")).await);
    let looked_at = propose("closed", is("FDDBR_MASKED", "张**")).await;
    assert_eq!(refusal(&looked_at).reason, RefusalReason::AcceptanceMissing);
    assert_eq!(refusal(&looked_at).term, "FDDBR_MASKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_released_under_a_row_condition_that_no_longer_fits_the_catalog() {
    let world = world(|text| text.condition = Some(is("CZZT", "样例企业3版本1"))).await;
    world.publish(vec![world.record(3, 1)]).await;
    assert_eq!(permitted(&ask(&world, 3).await).records.len(), 1);
    let mut tightened = licence();
    let field = tightened.fields.iter_mut().find(|field| field.code.as_str() == "CZZT").unwrap();
    field.sharing_class = SharingClass::NotShared;
    world.apply_catalog(vec![tightened]).await;
    let (mut query, openings) = world.query(LookupKind::Holder, &holder(3));
    query.fields = ["CZZTDM".parse().unwrap()].into();
    let answer = world.ask(query, openings).await;
    assert_eq!(refusal(&answer.receipt).reason, RefusalReason::ConditionInapplicable);
    assert_eq!(refusal(&answer.receipt).term, "condition CZZT: NOT_SHARED");
}

#[tokio::test(flavor = "multi_thread")]
async fn query_from_outside_the_networks_is_refused_and_its_entry_says_from_where_it_came() {
    let world = world(|text| text.networks = ["10.44.0.0/24".parse().unwrap()].into()).await;
    let inside = ask(&world, 0).await;
    assert_eq!(permitted(&inside).peer_address, Some(super::world::address()));
    let from = async |address: &str| {
        let (query, openings) = world.query(LookupKind::Holder, &holder(0));
        let statement = crate::domain::statement::Statement::Query(world.header(&world.consumer), query);
        let envelope = world.consumer.sign(&statement);
        let peer = world.consumer.system.clone();
        world.hub.query(peer, address.parse().unwrap(), envelope, openings).await.unwrap()
    };
    for outside in ["10.44.1.9", "::1"] {
        let answer = from(outside).await;
        let refusal = refusal(&answer.receipt);
        assert_eq!(refusal.reason, RefusalReason::NetworkNotAllowed);
        assert_eq!(refusal.peer_address, Some(outside.parse().unwrap()));
    }
    // An IPv4 peer on a socket of IPv6.
    permitted(&from("::ffff:10.44.0.77").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_s_limit_is_never_passed_however_many_ask_at_once_and_begins_anew_the_next_minute() {
    let world = Arc::new(world(|text| text.minute_limit = Some(20)).await);
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { ask(&world, n).await.receipt })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        let receipt = task.await.unwrap();
        match &receipt.outcome {
            Outcome::QueryPermitted(_) => count += 1,
            _ => assert_eq!(refusal(&receipt).reason, RefusalReason::MinuteLimitExceeded),
        }
    }
    assert_eq!(count, 20);
    world.pass(60);
    permitted(&ask(&world, 0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_retention_duty_comes_with_every_answer_also_a_repeated_one() {
    let world = world(|text| text.retention_days = Some(180)).await;
    let (query, openings) = world.query(LookupKind::Holder, &holder(0));
    let statement = crate::domain::statement::Statement::Query(world.header(&world.consumer), query);
    let envelope = world.consumer.sign(&statement);
    for repeated in [false, true] {
        let peer = world.consumer.system.clone();
        let address = super::world::address();
        let answer = world.hub.query(peer, address, envelope.clone(), openings.clone()).await.unwrap();
        assert_eq!((answer.receipt.repeated, answer.retention_days), (repeated, Some(180)));
    }
}
