//! The life of statements, on the memory engine.

use std::sync::Arc;

use super::world::{Actor, World, applied, holder, key, key_request, licence, licence_id};
use crate::{
    domain::{
        agreement::{AgreementText, LookupKind},
        catalog::SharingClass,
        directory::Capability,
        id::{AgreementId, KeyId},
        outcome::{Notice, Outcome, RecordViolation, RefusalReason, Suppressed},
        record::RecordStatus,
        statement::{Policy, RuleChange, Statement},
    },
    hub::{Clock as _, Error, Receipt},
    sign::sd_jwt::{Expected, sd_hash, verify},
    store::memory,
    tlog::{TlogProof, leaf_hash},
    wire::{Entry, KeyRequest},
};

fn verified(world: &World, receipt: &Receipt) {
    let proof = TlogProof::parse(receipt.proof.as_bytes()).unwrap();
    let checkpoint = proof.verify(&leaf_hash(&receipt.entry), world.hub.log_verifier()).unwrap();
    assert!(checkpoint.size > receipt.index);
    assert_eq!(Entry::decode(&receipt.entry).unwrap().outcome, receipt.outcome);
}

fn refused(world: &World, receipt: &Receipt) -> RefusalReason {
    verified(world, receipt);
    match &receipt.outcome {
        Outcome::Refused(refusal) => refusal.reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn published_record_is_found_by_holder_and_by_identifier_and_verifies_under_its_provider() {
    let world = World::furnished(memory::store()).await;
    let answer = world.publish((0..3).map(|n| world.record(n, 1)).collect()).await;
    assert_eq!(answer.violations, []);
    verified(&world, &answer.receipt);

    let by_holder = world.ask_holder(0).await;
    verified(&world, &by_holder.receipt);
    assert_eq!(by_holder.presentations.len(), 3, "three licences of one holder");

    let (query, openings) = world.query(LookupKind::Record, &licence_id(1));
    let by_id = world.ask(query, openings).await;
    let Outcome::QueryPermitted(permitted) = &by_id.receipt.outcome else { panic!("{:?}", by_id.receipt.outcome) };
    let [presentation] = by_id.presentations.as_slice() else { panic!("one record") };
    let record = verify(presentation, world.provider.key.verifying_key(), &Expected::default()).unwrap();
    assert_eq!(record.fields.keys().collect::<Vec<_>>(), ["CZZT"]);
    assert_eq!(permitted.records[0].sd_hash.unwrap().0, sd_hash(presentation));
    assert_eq!(permitted.records[0].publication_index, answer.receipt.index);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_another_key_signed_than_their_publication_names_are_rejected() {
    let world = World::furnished(memory::store()).await;
    let administrator = KeyId(*world.administrator.key.verifying_key().thumbprint());
    for named in [administrator, KeyId([7; 32])] {
        let answer = world.publish_naming(named, vec![world.record(0, 1)]).await;
        let Outcome::Published(results) = &answer.receipt.outcome else { panic!("{:?}", answer.receipt.outcome) };
        assert_eq!(*results, [[RecordViolation::Signature].into()]);
    }
    assert_eq!(world.publish(vec![world.record(0, 1)]).await.violations, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn query_that_finds_nothing_is_permitted_with_no_records() {
    let world = World::furnished(memory::store()).await;
    let answer = world.ask_holder(500).await;
    assert!(matches!(&answer.receipt.outcome, Outcome::QueryPermitted(permitted) if permitted.records.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_term_of_the_agreement_refuses_with_its_reason() {
    let world = World::furnished(memory::store()).await;
    let reason_of = async |change: &dyn Fn(&mut crate::domain::statement::Query)| {
        let (mut query, openings) = world.query(LookupKind::Holder, &holder(0));
        change(&mut query);
        refused(&world, &world.ask(query, openings).await.receipt)
    };
    let field = |code: &str| std::collections::BTreeSet::from([code.parse().unwrap()]);
    assert_eq!(reason_of(&|q| q.fields = field("ZZBS")).await, RefusalReason::FieldNotAgreed);
    assert_eq!(reason_of(&|q| q.fields = field("FDDBR")).await, RefusalReason::FieldNotShared);
    assert_eq!(reason_of(&|q| q.fields = field("NONE")).await, RefusalReason::FieldUnknown);
    assert_eq!(reason_of(&|q| q.purpose = "tax".parse().unwrap()).await, RefusalReason::PurposeNotAgreed);
    assert_eq!(reason_of(&|q| q.resource_id = "no.such".parse().unwrap()).await, RefusalReason::ResourceUnknown);
    assert_eq!(
        reason_of(&|q| q.agreement_id = Some("a2".parse::<AgreementId>().unwrap())).await,
        RefusalReason::NoAgreement
    );
    assert_eq!(reason_of(&|q| q.lookup = LookupKind::Record).await, RefusalReason::OpeningMismatch);
    let (query, mut openings) = world.query(LookupKind::Holder, &holder(0));
    openings.pop();
    assert_eq!(refused(&world, &world.ask(query, openings).await.receipt), RefusalReason::OpeningMismatch);
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_agreement_refuses_until_who_suspended_it_resumes() {
    let world = World::furnished(memory::store()).await;
    let id = || "a1".parse::<AgreementId>().unwrap();
    let suspend = RuleChange::AgreementSuspension { agreement_id: id(), reason: None };
    applied(&world.change(&world.provider, suspend).await);
    assert_eq!(refused(&world, &world.ask_holder(0).await.receipt), RefusalReason::AgreementSuspended);
    let resume = || RuleChange::AgreementResumption { agreement_id: id() };
    assert_eq!(refused(&world, &world.change(&world.consumer, resume()).await), RefusalReason::NotAParty);
    applied(&world.change(&world.provider, resume()).await);
    assert!(matches!(world.ask_holder(0).await.receipt.outcome, Outcome::QueryPermitted(_)));
    world.pass(40 * 86_400);
    assert_eq!(refused(&world, &world.ask_holder(0).await.receipt), RefusalReason::AgreementExpired);
}

#[tokio::test(flavor = "multi_thread")]
async fn quota_is_never_passed_however_many_ask_at_once_and_begins_anew_the_next_day() {
    let world = World::furnished(memory::store()).await;
    let mut text = world.agreement("a1");
    text.version = 2;
    text.daily_limit = 20;
    text.previous_digest = Some(world.hub.snapshot().rules.agreements.find("a1").unwrap().newest().unwrap().digest);
    world.agree(text).await;
    let world = Arc::new(world);
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.ask_holder(n).await.receipt })
        })
        .collect();
    let mut permitted = 0;
    for task in tasks {
        let receipt = task.await.unwrap();
        match &receipt.outcome {
            Outcome::QueryPermitted(_) => permitted += 1,
            _ => assert_eq!(refused(&world, &receipt), RefusalReason::QuotaExhausted),
        }
    }
    assert_eq!(permitted, 20);
    world.pass(86_400);
    assert!(matches!(world.ask_holder(0).await.receipt.outcome, Outcome::QueryPermitted(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn same_bytes_get_the_first_receipt_and_other_bytes_under_the_id_are_refused() {
    let world = World::furnished(memory::store()).await;
    world.publish(vec![world.record(0, 1)]).await;
    let (query, openings) = world.query(LookupKind::Holder, &holder(0));
    let header = world.header(&world.consumer);
    let envelope = world.consumer.sign(&Statement::Query(header.clone(), query.clone()));
    let ask = async |envelope, openings| {
        world.hub.query(world.consumer.system.clone(), super::world::address(), envelope, openings).await.unwrap()
    };
    let first = ask(envelope.clone(), openings.clone()).await;
    let again = ask(envelope, openings.clone()).await;
    assert!(again.receipt.repeated && again.presentations.is_empty());
    assert_eq!((again.receipt.index, &again.receipt.entry), (first.receipt.index, &first.receipt.entry));
    verified(&world, &again.receipt);
    let (other, openings) = (world.query(LookupKind::Holder, &holder(9)).0, openings);
    let changed = world.consumer.sign(&Statement::Query(header, other));
    assert_eq!(refused(&world, &ask(changed, openings).await.receipt), RefusalReason::RequestIdReused);
}

#[tokio::test(flavor = "multi_thread")]
async fn same_request_sent_many_times_at_once_is_entered_once() {
    let world = Arc::new(World::furnished(memory::store()).await);
    let (query, openings) = world.query(LookupKind::Holder, &holder(0));
    let envelope = world.consumer.sign(&Statement::Query(world.header(&world.consumer), query));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (world, envelope, openings) = (Arc::clone(&world), envelope.clone(), openings.clone());
            tokio::spawn(async move {
                world
                    .hub
                    .query(world.consumer.system.clone(), super::world::address(), envelope, openings)
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut indexes = Vec::new();
    for task in tasks {
        indexes.push(task.await.unwrap().receipt.index);
    }
    indexes.dedup();
    assert_eq!(indexes.len(), 1, "{indexes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_its_actors_own_leaves_no_entry() {
    let world = World::furnished(memory::store()).await;
    let size = world.hub.snapshot().size;
    let (query, openings) = world.query(LookupKind::Holder, &holder(0));
    let statement = Statement::Query(world.header(&world.consumer), query);
    let send = async |peer: &Actor, envelope| {
        world.hub.query(peer.system.clone(), super::world::address(), envelope, openings.clone()).await.unwrap_err()
    };
    let good = world.consumer.sign(&statement);
    assert!(matches!(send(&world.provider, good.clone()).await, Error::ForeignActor { .. }));
    assert!(matches!(send(&world.consumer, world.provider.sign(&statement)).await, Error::UnknownKey { .. }));
    let mut flipped = good.clone();
    flipped.signatures[0].sig[0] ^= 1;
    assert!(matches!(send(&world.consumer, flipped).await, Error::Forged(_)));
    let mut cut = good.clone();
    cut.payload.pop();
    assert!(matches!(send(&world.consumer, cut).await, Error::Malformed(_)));
    let mut unsigned = good.clone();
    unsigned.signatures.clear();
    assert!(matches!(send(&world.consumer, unsigned).await, Error::NotSigned(_)));
    let stranger = Actor { system: super::world::system("91440300708461136T"), key: key(44) };
    assert!(matches!(send(&stranger, good).await, Error::UnknownSystem(_)));
    assert_eq!(world.hub.snapshot().size, size);
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_an_hour_off_is_refused_and_said() {
    let world = World::furnished(memory::store()).await;
    for seconds in [-3_600, 3_600] {
        let (query, openings) = world.query(LookupKind::Holder, &holder(0));
        let mut header = world.header(&world.consumer);
        header.issued_at = header.issued_at.plus_seconds(seconds);
        let envelope = world.consumer.sign(&Statement::Query(header, query));
        let answer =
            world.hub.query(world.consumer.system.clone(), super::world::address(), envelope, openings).await.unwrap();
        assert_eq!(refused(&world, &answer.receipt), RefusalReason::ClockSkew);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_accepted_one_by_one_and_versions_follow_each_other() {
    let world = World::furnished(memory::store()).await;
    let good = world.record(0, 1);
    let mut wrong_version = world.record(1, 2);
    wrong_version.0.status = RecordStatus::Active;
    let mut wrong_salt = world.record(2, 1);
    wrong_salt.1.record_salt[0] ^= 1;
    let mut cut = world.record(3, 1);
    let last = cut.1.sd_jwt.trim_end_matches('~').rfind('~').unwrap();
    cut.1.sd_jwt.truncate(last + 1);
    let answer = world.publish(vec![good, wrong_version, wrong_salt, cut]).await;
    let Outcome::Published(results) = &answer.receipt.outcome else { panic!("{:?}", answer.receipt.outcome) };
    let codes: Vec<Vec<_>> = results.iter().map(|result| result.iter().copied().collect()).collect();
    assert_eq!(
        codes,
        [vec![], vec![RecordViolation::Version], vec![RecordViolation::Handle], vec![RecordViolation::Disclosure],]
    );
    assert_eq!(answer.violations.len(), 3);

    let second = world.publish(vec![world.record(0, 2)]).await;
    assert_eq!(second.violations, []);
    let again = world.ask_holder(0).await;
    let Outcome::QueryPermitted(permitted) = &again.receipt.outcome else { panic!() };
    assert_eq!(permitted.records.iter().map(|record| record.version).collect::<Vec<_>>(), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_record_shows_its_status_and_nothing_else() {
    let world = World::furnished(memory::store()).await;
    world.publish(vec![world.record(0, 1)]).await;
    let mut revoked = world.record(0, 2);
    revoked.0.status = RecordStatus::Revoked;
    assert_eq!(world.publish(vec![revoked]).await.violations, []);
    let answer = world.ask_holder(0).await;
    let Outcome::QueryPermitted(permitted) = &answer.receipt.outcome else { panic!() };
    assert_eq!((permitted.records[0].status, permitted.records[0].sd_hash), (RecordStatus::Revoked, None));
    assert_eq!(answer.presentations, [""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn retired_key_is_refused_with_an_entry_and_compromise_withholds_its_records() {
    let world = World::furnished(memory::store()).await;
    world.publish(vec![world.record(0, 1)]).await;
    let compromised_since = Some(world.hub.snapshot().time.plus_seconds(-10));
    let retire = RuleChange::RetireKey { kid: world.provider.kid(), compromised_since };
    applied(&world.change(&world.administrator, retire).await);
    let answer = world.publish(vec![world.record(1, 1)]).await;
    assert_eq!(refused(&world, &answer.receipt), RefusalReason::KeyRetired);
    let answer = world.ask_holder(0).await;
    let Outcome::QueryPermitted(permitted) = &answer.receipt.outcome else { panic!() };
    assert_eq!(permitted.records[0].status, RecordStatus::Suspended);
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_keeps_an_administrator() {
    let world = World::furnished(memory::store()).await;
    let admin = &world.administrator;
    let retire = RuleChange::RetireKey { kid: admin.kid(), compromised_since: None };
    assert_eq!(refused(&world, &world.change(admin, retire).await), RefusalReason::LastAdministrator);
    let strip = RuleChange::RegisterSystem { system: admin.system.clone(), capabilities: [Capability::Audit].into() };
    assert_eq!(refused(&world, &world.change(admin, strip).await), RefusalReason::LastAdministrator);
    let unknown = RuleChange::RetireKey { kid: KeyId([0; 32]), compromised_since: None };
    assert_eq!(refused(&world, &world.change(admin, unknown).await), RefusalReason::KeyUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_beyond_the_limit_are_turned_away_without_entries() {
    let policy = Policy { max_refusals_per_minute: 3, ..Policy::default() };
    let world = World::begin(memory::store(), policy);
    let stray = || RuleChange::RetireKey { kid: KeyId([0; 32]), compromised_since: None };
    for _ in 0..3 {
        refused(&world, &world.change(&world.administrator, stray()).await);
    }
    let size = world.hub.snapshot().size;
    let envelope = world.administrator.sign(&Statement::Rule(world.header(&world.administrator), stray()));
    let error = world.hub.change_rules(world.administrator.system.clone(), envelope, vec![]).await.unwrap_err();
    assert!(matches!(error, Error::TooManyRefusals { limit: 3 }));
    assert_eq!(world.hub.snapshot().size, size);
    world.pass(61);
    refused(&world, &world.change(&world.administrator, stray()).await);
}

/// A world in whose first minute the administrator was refused as often as is entered, and so often more.
async fn flooded(more: u64) -> World {
    let world = World::begin(memory::store(), Policy { max_refusals_per_minute: 3, ..Policy::default() });
    // A second before the minute ends: the clock stands still, but the sequencer waits by a real one.
    world.pass(59);
    let stray = || RuleChange::RetireKey { kid: KeyId([0; 32]), compromised_since: None };
    for _ in 0..3 {
        refused(&world, &world.change(&world.administrator, stray()).await);
    }
    for _ in 0..more {
        let envelope = world.administrator.sign(&Statement::Rule(world.header(&world.administrator), stray()));
        world.hub.change_rules(world.administrator.system.clone(), envelope, vec![]).await.unwrap_err();
    }
    world
}

/// The suppressions that the log tells of, with the indexes of their entries.
fn suppressions(world: &World) -> Vec<(u64, Suppressed)> {
    let size = world.hub.snapshot().size;
    let entry = |index| world.hub.reader.entries(index, index + 1, 1).unwrap().remove(0);
    let notice = |index| match Entry::decode(&entry(index)).unwrap().outcome {
        Outcome::Noted(Notice::Suppressed(suppressed)) => Some((index, suppressed)),
        _ => None,
    };
    (0..size).filter_map(notice).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn minute_of_suppressed_refusals_ends_with_one_entry_that_counts_them_before_any_later_one() {
    let world = flooded(5).await;
    assert_eq!(suppressions(&world), []);
    let since = world.clock.now().start_of_minute();
    world.pass(61);
    let later =
        world.change(&world.administrator, RuleChange::RetireKey { kid: KeyId([0; 32]), compromised_since: None });
    let later = later.await;
    let until = since.plus_seconds(60);
    let system = world.administrator.system.clone();
    assert_eq!(suppressions(&world), [(later.index - 1, Suppressed { system, count: 5, since, until })]);
    world.pass(61);
    world.change(&world.administrator, RuleChange::RetireKey { kid: KeyId([0; 32]), compromised_since: None }).await;
    assert_eq!(suppressions(&world).len(), 1, "said once");
}

#[tokio::test(flavor = "multi_thread")]
async fn suppressed_refusals_are_told_when_nothing_more_comes_and_when_the_hub_stops() {
    let world = flooded(2).await;
    world.pass(61);
    let told = async {
        while suppressions(&world).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), told).await.unwrap();

    let world = flooded(4).await;
    world.hub.stop().unwrap();
    let found = suppressions(&world);
    assert_eq!(found.iter().map(|(_, suppressed)| suppressed.count).collect::<Vec<_>>(), [4]);
    assert_eq!(found[0].1.until, world.clock.now(), "counted as far as the minute went");
}

#[tokio::test(flavor = "multi_thread")]
async fn catalog_change_gives_new_versions_only_to_what_changed() {
    let world = World::furnished(memory::store()).await;
    world.apply_catalog(vec![licence()]).await;
    let snapshot = world.hub.snapshot();
    assert_eq!(
        (snapshot.rules.catalog.version, snapshot.rules.catalog.newest(licence().resource_id.as_str()).unwrap().0),
        (2, 1)
    );
    let stale = RuleChange::CatalogRelease {
        base_version: 1,
        parts: vec![crate::domain::id::Digest([1; 32])],
        allow_breaking: true,
    };
    assert_eq!(refused(&world, &world.change(&world.administrator, stale).await), RefusalReason::CatalogConflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn openings_are_kept_with_their_entry_unless_they_open_nothing() {
    let store = memory::store();
    let reader = Arc::clone(&store.reader);
    let world = World::furnished(store).await;
    let (query, openings) = world.query(LookupKind::Holder, &holder(0));
    let kept = world.ask(query.clone(), openings.clone()).await.receipt;
    assert_eq!(reader.openings(kept.index).unwrap().len(), 2);
    let stray = world.ask(query, [openings.clone(), openings].concat()).await.receipt;
    assert_eq!(refused(&world, &stray), RefusalReason::OpeningMismatch);
    assert_eq!(reader.openings(stray.index).unwrap().len(), 0);
}

/// A release that named a part twice, or a resource in two parts, was decided but could not be applied, and took the hub down.
#[tokio::test(flavor = "multi_thread")]
async fn catalog_release_that_names_something_twice_is_refused_and_the_hub_goes_on() {
    let world = World::furnished(memory::store()).await;
    let enter = async |resources: Vec<_>| {
        let resources = resources.into_iter().map(Arc::new).collect();
        let content = crate::domain::catalog::CatalogPart { resources, ..Default::default() };
        let part = RuleChange::CatalogPart { part: crate::domain::id::Digest([0; 32]), content };
        let receipt = world.change(&world.administrator, part).await;
        let Outcome::Applied(crate::domain::outcome::Effect::CatalogPartEntered(part)) = receipt.outcome else {
            panic!()
        };
        part
    };
    let mut renamed = licence();
    renamed.name = "营业执照（新）".into();
    let (same, changed) = (enter(vec![licence()]).await, enter(vec![renamed]).await);
    for parts in [vec![same, same], vec![changed, same], vec![same, changed]] {
        let release = RuleChange::CatalogRelease { base_version: 1, parts, allow_breaking: true };
        assert_eq!(refused(&world, &world.change(&world.administrator, release).await), RefusalReason::CatalogInvalid);
    }
    let release = RuleChange::CatalogRelease { base_version: 1, parts: vec![changed], allow_breaking: true };
    applied(&world.change(&world.administrator, release).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn system_that_changes_its_keys_without_end_is_turned_away() {
    let policy = Policy { max_refusals_per_minute: 5, ..Policy::default() };
    let world = World::furnished_with(memory::store(), policy).await;
    let register = |seed: u8| key_request(&key(seed), &world.consumer.system).into_change();
    // Its proposal of the agreement was the first of its five changes.
    for seed in 100..104 {
        applied(&world.change(&world.consumer, register(seed)).await);
    }
    let envelope = world.consumer.sign(&Statement::Rule(world.header(&world.consumer), register(105)));
    let error = world.hub.change_rules(world.consumer.system.clone(), envelope, vec![]).await.unwrap_err();
    assert!(matches!(error, Error::TooManyRefusals { limit: 5 }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn key_that_did_not_sign_for_its_system_is_refused_and_may_come_again_when_it_did() {
    let world = World::furnished(memory::store()).await;
    let key = key(100);
    let of_another = key_request(&key, &world.provider.system);
    let for_another_hub = KeyRequest::sign(&key, &"other.example".parse().unwrap(), &world.consumer.system);
    let good = key_request(&key, &world.consumer.system);
    for proof in [of_another.possession, for_another_hub.unwrap().possession, vec![0; 64], vec![]] {
        let request = KeyRequest { possession: proof, ..good.clone() };
        let receipt = world.change(&world.administrator, request.into_change()).await;
        assert_eq!(refused(&world, &receipt), RefusalReason::KeyPossessionUnproven);
    }
    applied(&world.change(&world.administrator, good.into_change()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn tightened_catalog_stops_an_agreement_that_its_provider_never_accepted_until_it_does() {
    let world = World::furnished(memory::store()).await;
    let id: AgreementId = "housing-open".parse().unwrap();
    let text = AgreementText { fields: ["CZZT".parse().unwrap()].into(), ..world.agreement(id.as_str()) };
    applied(&world.change(&world.consumer, world.proposal(&world.consumer, text)).await);
    let activation = RuleChange::AgreementActivation(world.consent(&world.administrator, id.as_str()));
    applied(&world.change(&world.administrator, activation).await);
    let ask = || async {
        let (mut query, openings) = world.query(LookupKind::Holder, &holder(0));
        query.agreement_id = Some(id.clone());
        world.ask(query, openings).await.receipt
    };
    permitted(&ask().await);

    let mut tightened = licence();
    let field = tightened.fields.iter_mut().find(|field| field.code.as_str() == "CZZT").unwrap();
    field.sharing_class = SharingClass::Conditional;
    world.apply_catalog(vec![tightened]).await;
    assert_eq!(refused(&world, &ask().await), RefusalReason::AcceptanceMissing);

    // An acceptance changes nothing but that, not even who may resume.
    let suspension = RuleChange::AgreementSuspension { agreement_id: id.clone(), reason: None };
    applied(&world.change(&world.consumer, suspension).await);
    let accept = || RuleChange::AgreementAcceptance(world.consent(&world.provider, id.as_str()));
    let by_the_consumer = RuleChange::AgreementAcceptance(world.consent(&world.consumer, id.as_str()));
    let receipt = world.change(&world.consumer, by_the_consumer).await;
    assert_eq!(refused(&world, &receipt), RefusalReason::NotAParty);
    applied(&world.change(&world.provider, accept()).await);
    assert_eq!(refused(&world, &ask().await), RefusalReason::AgreementSuspended);
    applied(&world.change(&world.consumer, RuleChange::AgreementResumption { agreement_id: id.clone() }).await);
    permitted(&ask().await);
    let receipt = world.change(&world.provider, accept()).await;
    assert_eq!(refused(&world, &receipt), RefusalReason::AgreementState);
}

fn permitted(receipt: &Receipt) {
    assert!(!matches!(receipt.outcome, Outcome::Refused(_)), "{:?}", receipt.outcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn query_that_finds_more_than_it_may_release_is_refused_with_an_entry() {
    let policy = Policy { max_released_records: 2, ..Policy::default() };
    let world = World::furnished_with(memory::store(), policy).await;
    world.publish((0..4).map(|n| world.record(n, 1)).collect()).await;
    assert_eq!(refused(&world, &world.ask_holder(0).await.receipt), RefusalReason::TooManyRecords);
    permitted(&world.ask_holder(3).await.receipt);
}
