//! What is told of a verification, and how.

use std::{collections::BTreeSet, io, num::NonZeroUsize};

use serde_json::{Value, json};

use super::{
    copied, found,
    hub::{Hub, administrator, consumer, handle, kid, log_signer, provider, seal},
    verified, verified_by,
};
use crate::{
    audit::{Decision, Fault, Level, Options, Trust, Watch, sarif, verify},
    domain::{
        outcome::{Outcome, Refusal, RefusalReason},
        record::RecordStatus,
        statement::RuleChange,
    },
    tlog::{Checkpoint, Frontier, Note, leaf_hash},
};

fn trust() -> Trust {
    Trust::in_key(log_signer(7).verifier())
}

/// A log over several bundles in which much is wrong.
fn lying() -> Hub {
    let mut hub = Hub::running();
    while hub.size() < 900 {
        hub.query(&["NAME"], &[1, 2]);
        hub.publish(1, hub.records[&handle(1)].1.version + 1, RecordStatus::Active);
        if hub.size().is_multiple_of(50) {
            hub.query_entering(&["NAME"], &[1], |permitted| permitted.records[0].version += 1);
            let statement = hub.query_statement(&["NAME"], &[1]);
            let refusal = Refusal::new(RefusalReason::NoAgreement, "");
            hub.enter(consumer().sign(&statement), &statement, Outcome::Refused(refusal));
        }
    }
    hub
}

#[test]
fn any_number_of_threads_finds_the_same() {
    let (_temporary, folder) = copied(&lying());
    let with = |threads| {
        let options = Options { threads: NonZeroUsize::new(threads).unwrap(), ..Options::default() };
        serde_json::to_value(verify(&folder, &trust(), &options, &mut ()).unwrap()).unwrap()
    };
    let alone = with(1);
    assert!(alone["findings"].as_array().unwrap().len() > 20, "{alone}");
    for threads in [2, 3, 8] {
        assert_eq!(with(threads), alone, "{threads} threads");
    }
}

#[test]
fn findings_beyond_the_bound_are_counted() {
    let (_temporary, folder) = copied(&lying());
    let all = verified(&folder);
    let options = Options { max_findings: 5, ..Options::default() };
    let report = verify(&folder, &trust(), &options, &mut ()).unwrap();
    assert_eq!(report.findings.len(), 5);
    assert_eq!(report.rules, all.rules);
    assert_eq!(report.unlisted(), all.findings.len() as u64 - 5);
    assert_eq!(report.total(Level::Error), all.findings.len() as u64);
    assert!(report.to_string().contains(&format!("and {} more", report.unlisted())), "{report}");
}

#[test]
fn a_finding_tells_its_entry_and_where_it_stands() {
    let mut hub = Hub::running();
    while hub.size() < 300 {
        hub.query(&["NAME"], &[1]);
    }
    let lie = hub.query_entering(&["NAME"], &[1], |permitted| permitted.records[0].version += 1);
    let (_temporary, folder) = copied(&hub);
    let report = verified(&folder);
    let [finding] = report.findings.as_slice() else { panic!("{report}") };
    let entry = finding.entry.as_ref().unwrap();
    assert_eq!((finding.index, entry.index, entry.kind), (Some(lie), lie, "query"));
    let place = finding.place.as_ref().unwrap();
    let bytes = std::fs::read(folder.path().join(&place.file)).unwrap();
    assert_eq!(bytes[place.bytes.start as usize..place.bytes.end as usize], hub.entries[lie as usize]);
}

#[derive(Default)]
struct Written(Vec<Value>);

impl Watch for Written {
    fn decided(&mut self, decision: &Decision<'_>) -> io::Result<()> {
        self.0.push(serde_json::to_value(decision)?);
        Ok(())
    }
}

#[test]
fn every_decision_says_what_it_rests_on() {
    let mut hub = Hub::running();
    let (permitted, refused) = (hub.query(&["NAME"], &[1]), hub.query(&["HOLDER"], &[1]));
    let statement = hub.query_statement(&["NAME"], &[1]);
    let refusal = Outcome::Refused(Refusal::new(RefusalReason::OpeningMismatch, ""));
    let unopened = hub.enter(consumer().sign(&statement), &statement, refusal);
    let published = hub.publish(3, 1, RecordStatus::Active);
    let (_temporary, folder) = copied(&hub);
    let mut written = Written::default();
    let report = verify(&folder, &trust(), &Options::default(), &mut written).unwrap();
    assert_eq!(written.0.len() as u64, hub.size() - 1, "all but genesis");
    assert_eq!(report.decisions.recomputed + report.decisions.attested, hub.size() - 1);
    for (index, outcome, basis, fact) in [
        (permitted, "permitted", "ATTESTED", json!("LOOKUP_RESULT")),
        (refused, "FIELD_NOT_AGREED", "RECOMPUTED", Value::Null),
        (unopened, "OPENING_MISMATCH", "ATTESTED", json!("OPENINGS")),
        (published, "published", "ATTESTED", json!("RECORD_BODIES")),
    ] {
        let decision = &written.0[index as usize - 1];
        assert_eq!(decision["index"], json!(index));
        assert_eq!(
            (&decision["outcome"], &decision["basis"], &decision["fact"]),
            (&json!(outcome), &json!(basis), &fact)
        );
    }
    let counts = serde_json::to_value(&report).unwrap()["attested"].clone();
    assert_eq!(counts, json!({ "LOOKUP_RESULT": 1, "OPENINGS": 1, "RECORD_BODIES": 3 }));
}

#[test]
fn a_log_that_does_not_continue_what_its_key_signed_before() {
    let mut hub = Hub::running();
    while hub.size() < 300 {
        hub.query(&["NAME"], &[1]);
    }
    let at = |entries: &[Vec<u8>]| {
        let mut frontier = Frontier::new();
        entries.iter().for_each(|entry| frontier.append(leaf_hash(entry)).unwrap());
        let note = Note::parse(seal(&log_signer(7), &frontier).to_string().as_bytes()).unwrap();
        Checkpoint::open(&note, &log_signer(7).verifier()).unwrap()
    };
    let known = |known: &[Checkpoint], hub: &Hub| {
        let (_temporary, folder) = copied(hub);
        found(&verified_by(&folder, &Trust { known: known.to_vec(), ..trust() }))
    };
    let honest = [at(&[]), at(&hub.entries[..7]), at(&hub.entries[..256]), at(&hub.entries)];
    assert_eq!(known(&honest, &hub), []);

    let mut shorter = hub.clone();
    shorter.entries.truncate(290);
    assert_eq!(known(&honest, &shorter), [(None, "LOG_TRUNCATED".to_owned())]);

    let mut other = Hub::running();
    while other.size() < 300 {
        other.query(&["STATUS"], &[1]);
    }
    assert_eq!(known(&honest, &other), [(None, "LOG_FORKED".to_owned()), (None, "LOG_FORKED".to_owned())]);
}

#[test]
fn sarif_names_rules_levels_and_places() {
    let mut hub = lying();
    let since = hub.time;
    hub.publish(5, 1, RecordStatus::Active);
    let kid = kid(&provider().key());
    hub.change(&administrator(), RuleChange::RetireKey { kid, compromised_since: Some(since) });
    let (_temporary, folder) = copied(&hub);
    let report = verified(&folder);
    let log = sarif(&report, 1);
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), Fault::RULES.len());
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report.findings.len());
    for (result, finding) in results.iter().zip(&report.findings) {
        let id = result["ruleId"].as_str().unwrap();
        let rule = &rules[result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(id.split('/').next().unwrap(), rule["id"].as_str().unwrap());
        assert_eq!(id.replace('/', ":"), finding.rule.code());
        assert_eq!(result["level"], json!(if id == "SIGNATURE_SUSPECT" { "warning" } else { "error" }));
        let location = &result["locations"][0];
        assert_eq!(location["logicalLocations"][0]["name"], json!(finding.index.unwrap().to_string()));
        assert_eq!(
            location["physicalLocation"]["artifactLocation"]["uri"],
            json!(finding.place.as_ref().unwrap().file)
        );
        assert_eq!(result["properties"]["entry"]["index"], json!(finding.index.unwrap()));
    }
    let levels: BTreeSet<_> = results.iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels.into_iter().collect::<Vec<_>>(), ["error", "warning"]);
}

#[test]
fn codes_are_distinct_and_explained() {
    let mut codes: Vec<_> = Fault::RULES.iter().map(|(code, _)| code).collect();
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), Fault::RULES.len());
    let documented = include_str!("../../../docs/auditors.md");
    for (code, meaning) in Fault::RULES {
        assert!(meaning.trim().ends_with('.'), "{code}");
        assert!(documented.contains(&format!("`{code}")), "docs/auditors.md does not explain {code}");
    }
}
