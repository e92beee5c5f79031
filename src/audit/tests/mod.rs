//! Logs that are honest, copies that rotted, hubs that lie.

mod files;
mod histories;
mod hub;
mod matrix;
mod mirroring;
mod periods;
mod random;
mod reconciling;
mod reports;
mod rollover;
mod suspects;
mod witnessed;

use tempfile::TempDir;

use crate::tlog::leaf_hash;

use super::{Error, Finding, Folder, Mirrored, Options, Report, Trust, mirror, verify};

use hub::{Hub, Source, log_signer};

/// Waits for what needs no event queue.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn copy(source: &mut Source, folder: &Folder) -> Result<Mirrored, Error> {
    wait(mirror(source, folder, &log_signer(7).verifier(), &mut |_, _| {}))
}

/// A copy of a hub's log.
fn copied(hub: &Hub) -> (TempDir, Folder) {
    let temporary = TempDir::new().unwrap();
    let folder = Folder::new(temporary.path());
    copy(&mut hub.source(), &folder).unwrap();
    (temporary, folder)
}

fn verified(folder: &Folder) -> Report {
    verified_by(folder, &Trust::in_key(log_signer(7).verifier()))
}

fn verified_by(folder: &Folder, trust: &Trust) -> Report {
    verify(folder, trust, &Options::default(), &mut ()).unwrap()
}

/// What is found, by entry and rule.
fn found(report: &Report) -> Vec<(Option<u64>, String)> {
    report.findings.iter().map(|Finding { index, rule, .. }| (*index, rule.code())).collect()
}

#[test]
fn honest_log_has_no_findings() {
    let mut hub = Hub::running();
    hub.query(&["NAME"], &[1, 2]);
    hub.query(&["HOLDER"], &[1]);
    let (_temporary, folder) = copied(&hub);
    let report = verified(&folder);
    assert_eq!(found(&report), []);
    assert_eq!((report.entries, report.size), (hub.size(), hub.size()));
    assert_eq!(report.kinds.get("query"), Some(&2));
    assert_eq!(report.refusals.get("FIELD_NOT_AGREED"), Some(&1));
    assert!(report.to_string().ends_with(&format!("{} entries verified, 0 findings", hub.size())));
}

#[test]
fn genesis_is_the_trusted_one_or_a_finding() {
    let hub = Hub::running();
    let (_temporary, folder) = copied(&hub);
    let with = |genesis| {
        found(&verified_by(&folder, &Trust { genesis: Some(genesis), ..Trust::in_key(log_signer(7).verifier()) }))
    };
    assert_eq!(with(leaf_hash(&hub.entries[0])), []);
    assert_eq!(with(leaf_hash(b"another")), [(Some(0), "GENESIS_FOREIGN".to_owned())]);
}
