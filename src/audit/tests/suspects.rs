//! Keys that were compromised: what they signed is suspect, and what is released of it all the same is wrong.

use super::{
    copied, found,
    hub::{Actor, Hub, administrator, consumer, kid, provider, register_key},
    verified,
};
use crate::{
    audit::Level,
    domain::{id::Digest, record::RecordStatus, statement::RuleChange, time::Time},
};

fn retire(hub: &mut Hub, actor: &Actor, since: Time) {
    let kid = kid(&actor.key());
    hub.change(&administrator(), RuleChange::RetireKey { kid, compromised_since: Some(since) });
}

fn codes(hub: &Hub) -> Vec<(Option<u64>, String)> {
    let (_temporary, folder) = copied(hub);
    found(&verified(&folder))
}

fn suspect(index: u64) -> (Option<u64>, String) {
    (Some(index), "SIGNATURE_SUSPECT".to_owned())
}

#[test]
fn what_a_key_signed_since_its_compromise_is_suspect() {
    let mut hub = Hub::running();
    // Some bundles of a time in which all was well, and in which another key signed.
    while hub.size() < 300 {
        hub.query(&["NAME"], &[1]);
    }
    hub.time = hub.time.plus_seconds(60);
    let since = hub.time;
    let stolen = [hub.query(&["NAME"], &[1]), hub.query(&["HOLDER"], &[2])];
    hub.publish(3, 1, RecordStatus::Active);
    hub.time = hub.time.plus_seconds(60);
    retire(&mut hub, &consumer(), since);
    // Refused from now on, and no longer suspect.
    hub.query(&["NAME"], &[1]);
    let (_temporary, folder) = copied(&hub);
    let report = verified(&folder);
    assert_eq!(found(&report), stolen.map(suspect), "{report}");
    assert_eq!((report.total(Level::Error), report.total(Level::Warning)), (0, 2));
    assert!(report.to_string().ends_with("0 findings, 2 suspect"), "{report}");
}

#[test]
fn the_earlier_of_two_dates_counts_once() {
    let mut hub = Hub::running();
    let mut signed = Vec::new();
    let begin = hub.time.plus_seconds(60);
    for _ in 0..4 {
        hub.time = hub.time.plus_seconds(60);
        signed.push(hub.query(&["NAME"], &[1]));
    }
    retire(&mut hub, &consumer(), begin.plus_seconds(120));
    retire(&mut hub, &consumer(), begin.plus_seconds(60));
    assert_eq!(codes(&hub), signed[1..].iter().copied().map(suspect).collect::<Vec<_>>());
}

/// A hub whose provider's key turns out to have been compromised when it signed record 3, and not yet when it signed 1 and 2.
fn compromised() -> (Hub, Actor, u64) {
    let mut hub = Hub::running();
    hub.time = hub.time.plus_seconds(60);
    let since = hub.time;
    let published = hub.publish(3, 1, RecordStatus::Active);
    hub.query(&["NAME"], &[3]);
    let next = Actor { seed: 21, ..provider() };
    hub.change(&administrator(), register_key(&next));
    retire(&mut hub, &provider(), since);
    (hub, next, published)
}

#[test]
fn an_honest_hub_withholds_what_a_compromised_key_signed_until_it_is_signed_anew() {
    let (mut hub, next, published) = compromised();
    hub.query(&["NAME"], &[1, 3]);
    let anew = hub.publication_by(&next, 3, 2, RecordStatus::Active);
    hub.submit(&next, &anew);
    hub.query(&["NAME"], &[3]);
    assert_eq!(codes(&hub), [suspect(published)]);
}

#[test]
fn releases_of_what_a_compromised_key_signed() {
    let (mut hub, _, published) = compromised();
    let lie = hub.query_entering(&["NAME"], &[3], |permitted| {
        let release = &mut permitted.records[0];
        assert_eq!(release.status, RecordStatus::Suspended);
        release.status = RecordStatus::Active;
        release.fields = vec!["NAME".parse().unwrap()];
        release.sd_hash = Some(Digest([9; 32]));
    });
    assert_eq!(codes(&hub), [suspect(published), (Some(lie), "RECORD_SUSPECT".to_owned())]);
}

#[test]
fn withholding_what_no_compromised_key_signed() {
    let (mut hub, _, published) = compromised();
    let lie = hub.query_entering(&["NAME"], &[1], |permitted| {
        let release = &mut permitted.records[0];
        release.status = RecordStatus::Suspended;
        release.fields.clear();
        release.sd_hash = None;
    });
    assert_eq!(codes(&hub), [suspect(published), (Some(lie), "RECORD_STATUS".to_owned())]);
}
