//! A copy under a trust policy: whose cosignatures its checkpoint needs.

use std::fs;

use super::{
    copied, found,
    hub::{Hub, log_signer},
    verified_by,
};
use crate::{
    audit::{Folder, Report, Trust},
    sign::{CosignatureSigner, PolicyVerifier, Secret, SigningKey},
    tlog::{Cosigner as _, Note, TrustPolicy, cosign},
};

/// Midday of the day on which the witnesses cosign.
const NOON: u64 = 1_795_348_800;

fn witness(name: &str, seed: u8) -> CosignatureSigner {
    let key = SigningKey::from_seed(&Secret::from_bytes(&[seed; 32])).unwrap();
    CosignatureSigner::new(format!("{name}.example/witness").parse().unwrap(), key)
}

/// Two of a court, a city and an office.
pub(super) fn policy(quorum: &str) -> Trust {
    let witnesses: String = (20..)
        .zip(["court", "city", "office"])
        .map(|(seed, name)| format!("witness {name} {}\n", witness(name, seed).key()))
        .collect();
    let log = log_signer(7).vkey();
    let text = format!("log {log}\n{witnesses}group two 2 court city office\nquorum {quorum}\n");
    let policy = PolicyVerifier::new(TrustPolicy::parse(text.as_bytes()).unwrap()).unwrap();
    Trust { policy: Some(policy), ..Trust::in_key(log_signer(7).verifier()) }
}

pub(super) fn cosigned(folder: &Folder, by: &[(&str, u8)]) -> Note {
    let path = folder.path().join("checkpoint");
    let mut note = Note::parse(&fs::read(&path).unwrap()).unwrap();
    for (name, seed) in by {
        note.add(cosign(&note, NOON, &witness(name, *seed)).unwrap()).unwrap();
    }
    fs::write(path, note.to_string()).unwrap();
    note
}

fn codes(report: &Report) -> Vec<String> {
    found(report).into_iter().map(|(_, code)| code).collect()
}

#[test]
fn quorum_of_witnesses_is_met_or_a_finding_that_names_who_is_missing() {
    let (_temporary, folder) = copied(&Hub::running());
    let report = verified_by(&folder, &policy("two"));
    assert_eq!(codes(&report), ["QUORUM_MISSED"]);
    assert!(report.findings[0].message.contains("court (court.example/witness), city (city.example/witness), office"));
    assert_eq!(codes(&verified_by(&folder, &policy("none"))), [""; 0]);

    cosigned(&folder, &[("city", 21)]);
    let report = verified_by(&folder, &policy("two"));
    assert_eq!(codes(&report), ["QUORUM_MISSED"]);
    assert!(!report.findings[0].message.contains("city"), "{}", report.findings[0].message);
    assert_eq!(codes(&verified_by(&folder, &policy("city"))), [""; 0]);

    cosigned(&folder, &[("office", 22), ("stranger", 40)]);
    assert_eq!(codes(&verified_by(&folder, &policy("two"))), [""; 0]);
    assert_eq!(codes(&verified_by(&folder, &policy("court"))), ["QUORUM_MISSED"]);
}

#[test]
fn a_false_cosignature_is_found_even_where_the_others_are_enough() {
    let (_temporary, folder) = copied(&Hub::running());
    let note = cosigned(&folder, &[("court", 20), ("city", 21), ("office", 22)]).to_string();
    // Of the office's cosignature only the time is changed: its last bits are in the 16th character.
    let (before, signature) = note.rsplit_once(' ').unwrap();
    let other = if signature.as_bytes()[15] == b'A' { "B" } else { "A" };
    let changed = format!("{before} {}{other}{}", &signature[..15], &signature[16..]);
    fs::write(folder.path().join("checkpoint"), changed).unwrap();
    let report = verified_by(&folder, &policy("two"));
    assert_eq!(codes(&report), ["COSIGNATURE_FALSE"]);
    assert!(report.findings[0].message.contains("office"), "{}", report.findings[0].message);
}
