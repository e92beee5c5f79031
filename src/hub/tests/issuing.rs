//! Records of a resource that another department than its provider publishes.

use std::collections::BTreeSet;

use super::world::{Actor, PROVIDER, RESOURCE, World, applied, key_request};
use crate::{
    domain::{
        directory::Capability,
        issuing::IssuingGrant,
        outcome::{Outcome, RecordViolation, RefusalReason},
        statement::RuleChange,
        time::Time,
    },
    hub::{Clock as _, PublicationAnswer, Receipt},
    store::memory,
};

const BRANCH: &str = "91350100M000100Y43";

/// A furnished world, and a branch.
async fn with_branch() -> (World, Actor) {
    let world = World::furnished(memory::store()).await;
    let branch = register_branch(&world).await;
    (world, branch)
}

/// A branch that is registered, and publishes where it has the right.
pub(super) async fn register_branch(world: &World) -> Actor {
    let branch = Actor::new(BRANCH, 23);
    let (uscc, system) = (*branch.system.department(), branch.system.clone());
    for change in [
        RuleChange::RegisterDepartment { uscc, name: "分局".to_owned() },
        RuleChange::RegisterSystem { system: system.clone(), capabilities: [Capability::Publish].into() },
        key_request(&branch.key, &system).into_change(),
    ] {
        applied(&world.change(&world.administrator, change).await);
    }
    branch
}

pub(super) fn grant_of(now: Time, from: i64, until: i64) -> IssuingGrant {
    IssuingGrant {
        resource_id: RESOURCE.parse().unwrap(),
        department: BRANCH.parse().unwrap(),
        valid_from: now.plus_seconds(from),
        valid_until: now.plus_seconds(until),
        succeeds: BTreeSet::new(),
    }
}

pub(super) async fn grant(world: &World, grant: IssuingGrant) -> Receipt {
    world.change(&world.administrator, RuleChange::GrantIssuingRight(grant)).await
}

async fn publish(world: &World, branch: &Actor, n: u32, version: u32) -> PublicationAnswer {
    world.publish_by(branch, branch.kid(), vec![world.record_by(branch, n, version)]).await
}

fn reason(receipt: &Receipt) -> Option<RefusalReason> {
    match &receipt.outcome {
        Outcome::Refused(refusal) => Some(refusal.reason),
        _ => None,
    }
}

fn violations(answer: &PublicationAnswer) -> Vec<RecordViolation> {
    answer.violations.iter().map(|(_, violation)| violation.violation).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_publishes_anothers_resource_while_its_right_is_valid_and_no_longer() {
    let (world, branch) = with_branch().await;
    assert_eq!(reason(&publish(&world, &branch, 0, 1).await.receipt), Some(RefusalReason::ResourceNotOwned));

    let now = world.clock.now();
    applied(&grant(&world, grant_of(now, 60, 120)).await);
    assert_eq!(reason(&publish(&world, &branch, 0, 1).await.receipt), Some(RefusalReason::IssuingRightNotValid));
    world.pass(61);
    let answer = publish(&world, &branch, 0, 1).await;
    assert_eq!((reason(&answer.receipt), violations(&answer)), (None, Vec::new()));
    assert_eq!(world.ask_holder(0).await.presentations.len(), 1, "released like any other");
    world.pass(60);
    assert_eq!(reason(&publish(&world, &branch, 1, 1).await.receipt), Some(RefusalReason::IssuingRightNotValid));
    assert_eq!(world.ask_holder(0).await.presentations.len(), 1, "what was published stays");

    let (resource_id, department) = (RESOURCE.parse().unwrap(), *branch.system.department());
    let withdraw = || RuleChange::WithdrawIssuingRight { resource_id: RESOURCE.parse().unwrap(), department };
    applied(&world.change(&world.administrator, withdraw()).await);
    assert_eq!(reason(&publish(&world, &branch, 1, 1).await.receipt), Some(RefusalReason::ResourceNotOwned));
    let again = world.change(&world.administrator, withdraw()).await;
    assert_eq!(reason(&again), Some(RefusalReason::IssuingRightUnknown));
    let rules = &world.hub.snapshot().rules;
    assert_eq!(rules.issuing_rights.of(&resource_id, &department).len(), 1, "the right's life stays known");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_stays_with_its_department_until_another_is_granted_to_succeed_it() {
    let (world, branch) = with_branch().await;
    let provider: crate::domain::identifier::Uscc = PROVIDER.parse().unwrap();
    let now = world.clock.now();
    applied(&grant(&world, grant_of(now, 0, 600)).await);
    world.publish(vec![world.record(0, 1)]).await;
    publish(&world, &branch, 1, 1).await;

    // The same salt makes the same handle: nothing but the rule keeps one from the other's record.
    assert_eq!(violations(&publish(&world, &branch, 0, 2).await), [RecordViolation::Issuer]);
    let by_provider = world.publish(vec![world.record(1, 2)]).await;
    assert_eq!(violations(&by_provider), [RecordViolation::Issuer], "the provider's right is no other");

    applied(&grant(&world, IssuingGrant { succeeds: [provider].into(), ..grant_of(now, 0, 600) }).await);
    assert_eq!(violations(&publish(&world, &branch, 0, 2).await), []);
    // From now on the record is the branch's.
    assert_eq!(violations(&world.publish(vec![world.record(0, 3)]).await), [RecordViolation::Issuer]);

    let back =
        IssuingGrant { department: provider, succeeds: [BRANCH.parse().unwrap()].into(), ..grant_of(now, 0, 600) };
    applied(&grant(&world, back).await);
    assert_eq!(violations(&world.publish(vec![world.record(0, 3)]).await), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_iss_that_is_not_the_publishers_is_rejected() {
    let (world, branch) = with_branch().await;
    applied(&grant(&world, grant_of(world.clock.now(), 0, 600)).await);
    let mut pretending = Actor::new(PROVIDER, 23);
    pretending.key = crate::sign::SigningKey::from_jwk(&branch.key.to_private_jwk()).unwrap();
    let answer = world.publish_by(&branch, branch.kid(), vec![world.record_by(&pretending, 0, 1)]).await;
    assert_eq!(violations(&answer), [RecordViolation::Claim]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_makes_no_sense_is_refused_with_what_is_wrong() {
    let (world, branch) = with_branch().await;
    let now = world.clock.now();
    let good = || grant_of(now, 0, 600);
    let provider = PROVIDER.parse().unwrap();
    let table = [
        (IssuingGrant { resource_id: "no.such".parse().unwrap(), ..good() }, RefusalReason::ResourceUnknown, "no.such"),
        (
            IssuingGrant { department: "11440399X00000043T".parse().unwrap(), ..good() },
            RefusalReason::DepartmentUnknown,
            "11440399X00000043T",
        ),
        (
            IssuingGrant { succeeds: ["11440399X00000043T".parse().unwrap()].into(), ..good() },
            RefusalReason::DepartmentUnknown,
            "11440399X00000043T",
        ),
        (IssuingGrant { department: provider, ..good() }, RefusalReason::IssuingRightInvalid, "department"),
        (
            IssuingGrant { succeeds: [*branch.system.department()].into(), ..good() },
            RefusalReason::IssuingRightInvalid,
            "succeeds",
        ),
        (IssuingGrant { valid_until: now, ..good() }, RefusalReason::IssuingRightInvalid, "valid_until"),
        (grant_of(now, -60, -1), RefusalReason::IssuingRightInvalid, "valid_until"),
    ];
    for (granted, reason, term) in table {
        let receipt = grant(&world, granted.clone()).await;
        let Outcome::Refused(refusal) = &receipt.outcome else { panic!("{granted:?}: {:?}", receipt.outcome) };
        assert_eq!((refusal.reason, refusal.term.as_str()), (reason, term));
    }
    let by_provider = world.change(&world.provider, RuleChange::GrantIssuingRight(good())).await;
    assert_eq!(reason(&by_provider), Some(RefusalReason::CapabilityMissing));
}
