//! Receipts, journals and presentations against logs that leave out, change, or tell another reader otherwise.

use std::{fs, path::Path};

use serde_json::json;
use tempfile::TempDir;

use super::{
    copied,
    hub::{Actor, Hub, Source, consumer, handle, log_signer, provider},
};
use crate::{
    audit::{Holdings, Mismatch, Reconciliation, reconcile},
    domain::{id::Digest, outcome::Outcome, statement::Statement},
    sign::{SystemRandomness, sd_jwt},
    tlog::{Note, TlogProof, prove_inclusion},
    wire::Entry,
};

/// A folder of evidence.
pub(super) struct Held(TempDir);

impl Held {
    pub(super) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Keeps the receipt of an entry, as the hub gave it out when its log was this long.
    pub(super) fn receipt(&self, hub: &Hub, index: u64) {
        let source = hub.source();
        self.keep_receipt(&source, index, &proof(&source, index));
    }

    pub(super) fn keep_receipt(&self, source: &Source, index: u64, proof: &str) {
        fs::write(self.path().join(format!("{index}.tlog-proof")), proof).unwrap();
        fs::write(self.path().join(format!("{index}.entry")), &source.entries[index as usize]).unwrap();
    }

    /// Writes down a statement and what came of it, as a client does.
    pub(super) fn journal(&self, bytes: &[u8], came: Option<(&str, Option<u64>)>) {
        let entry = Entry::decode(bytes).unwrap();
        let statement = entry.statement().unwrap().unwrap();
        let request_id = statement.header().unwrap().request_id.to_string();
        let envelope: serde_json::Value = serde_json::from_str(&entry.envelope.unwrap().to_json()).unwrap();
        let mut text = format!("{}\n", json!({"request_id": request_id, "at": "", "kind": "", "envelope": envelope}));
        if let Some((came, index)) = came {
            text += &format!("{}\n", json!({"request_id": request_id, "at": "", "came": came, "index": index}));
        }
        let path = self.path().join("permits.journal");
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, before + &text).unwrap();
    }

    pub(super) fn reconciled(&self, hub: &Hub, actors: &[Actor]) -> Reconciliation {
        let (_temporary, folder) = copied(hub);
        let actors = actors.iter().map(|actor| actor.system.clone()).collect();
        let holdings = Holdings { folder: self.path().to_owned(), actors, ..Default::default() };
        reconcile(&folder, &log_signer(7).verifier(), &holdings, &mut |_, _| {}).unwrap()
    }
}

pub(super) fn proof(source: &Source, index: u64) -> String {
    let size = source.entries.len() as u64;
    let hashes = prove_inclusion(&source, index, size).unwrap();
    let checkpoint = Note::parse(source.note.as_bytes()).unwrap();
    TlogProof { index, hashes, checkpoint, extra: None }.to_string()
}

pub(super) fn found(report: &Reconciliation) -> Vec<(Option<u64>, Mismatch)> {
    report.findings.iter().map(|finding| (finding.index, finding.rule)).collect()
}

/// A hub with two queries, the receipts of both, and their journal.
fn told() -> (Hub, Held, [u64; 2]) {
    let (mut hub, held) = (Hub::running(), Held::new());
    let indexes = [&["NAME"][..], &["HOLDER"][..]].map(|fields| {
        let index = hub.query(fields, &[1]);
        held.receipt(&hub, index);
        index
    });
    held.journal(&hub.entries[indexes[0] as usize], Some(("answered", Some(indexes[0]))));
    held.journal(&hub.entries[indexes[1] as usize], Some(("refused", Some(indexes[1]))));
    (hub, held, indexes)
}

#[test]
fn honest_log_has_all_that_is_held() {
    let (mut hub, held, _) = told();
    hub.publish(1, 2, crate::domain::record::RecordStatus::Active);
    let report = held.reconciled(&hub, &[]);
    assert_eq!(found(&report), [], "{report}");
    assert_eq!((report.receipts, report.receipts_in_log, report.statements_in_log), (2, 2, 2));
    assert!(report.to_string().ends_with("2 receipts reconciled, 0 findings"));
}

#[test]
fn entry_left_out_or_altered_is_found_with_what_stands_there() {
    let (hub, held, [first, second]) = told();
    let mut other = hub.clone();
    other.entries.truncate(first as usize);
    let statement = other.query_statement(&["NAME"], &[2]);
    other.submit_looking_up(&consumer(), &statement, &[2]);
    // The second is there, but the hub now says otherwise.
    let mut entry = Entry::decode(&hub.entries[second as usize]).unwrap();
    entry.time = entry.time.plus_seconds(1);
    other.entries.push(entry.encode());
    let report = held.reconciled(&other, &[]);
    let codes = found(&report);
    assert!(codes.contains(&(Some(first), Mismatch::EntryOmitted)), "{report}");
    assert!(codes.contains(&(Some(first), Mismatch::StatementOmitted)), "{report}");
    assert!(codes.contains(&(Some(first), Mismatch::HistoryForked)), "{report}");
    assert!(codes.contains(&(Some(second), Mismatch::EntryAltered)), "{report}");
    assert_eq!(codes.len(), 5, "and the second root too: {report}");
    let omitted = report.findings.iter().find(|finding| finding.rule == Mismatch::EntryOmitted).unwrap();
    assert!(omitted.held.as_ref().unwrap().contains("query"), "{omitted}");
    assert!(omitted.entry.is_some() && omitted.held != omitted.entry, "{omitted}");
}

#[test]
fn shorter_copy_is_behind_the_receipt() {
    let (hub, held, [first, second]) = told();
    let mut shorter = hub.clone();
    shorter.entries.truncate(second as usize);
    let report = held.reconciled(&shorter, &[]);
    assert_eq!(found(&report), [(Some(second), Mismatch::LogBehind), (Some(second), Mismatch::LogBehind)], "{report}");
    shorter.entries.truncate(first as usize);
    assert_eq!(held.reconciled(&shorter, &[]).counts[&Mismatch::LogBehind], 4);
}

#[test]
fn other_history_with_the_same_entry_is_found_by_its_root() {
    let (hub, held, [first, second]) = told();
    let mut other = hub.clone();
    // An entry before both is another; the receipts' own entries are the same bytes at the same indexes.
    let mut earlier = Entry::decode(&hub.entries[3]).unwrap();
    earlier.envelope.as_mut().unwrap().signatures[0].sig[0] ^= 1;
    other.entries[3] = earlier.encode();
    let report = held.reconciled(&other, &[]);
    assert_eq!(found(&report), [(Some(first), Mismatch::HistoryForked), (Some(second), Mismatch::HistoryForked)]);
    assert_eq!(report.receipts_in_log, 2);
}

#[test]
fn entries_of_an_actor_without_evidence_are_extra() {
    let (mut hub, held, _) = told();
    let forged = hub.query(&["STATUS"], &[2]);
    assert_eq!(found(&held.reconciled(&hub, &[provider()])).len(), 3, "an acceptance and two publications");
    let report = held.reconciled(&hub, &[consumer()]);
    let extra: Vec<_> = found(&report);
    // The proposal of the agreement was the consumer's too.
    assert_eq!(extra.last(), Some(&(Some(forged), Mismatch::EntryExtra)), "{report}");
    assert_eq!(extra.len(), 2, "{report}");
    assert_eq!(report.entries_of_actors, 4);
    assert!(report.findings[1].entry.as_ref().unwrap().contains("STATUS"));
}

#[test]
fn journal_and_log_tell_the_same() {
    let (mut hub, held) = (Hub::running(), Held::new());
    let indexes: Vec<_> = (0..6).map(|_| hub.query(&["NAME"], &[1])).collect();
    let entry = |n: usize| hub.entries[indexes[n] as usize].clone();
    held.journal(&entry(0), Some(("answered", Some(indexes[1]))));
    held.journal(&entry(1), Some(("refused", Some(indexes[1]))));
    held.journal(&entry(2), Some(("rejected", None)));
    held.journal(&entry(3), Some(("unknown", None)));
    held.journal(&entry(4), None);
    let mut never = hub.clone();
    let index = never.query(&["NAME"], &[1]);
    held.journal(&never.entries[index as usize], None);
    let path = held.path().join("permits.journal");
    fs::write(&path, fs::read_to_string(&path).unwrap() + "{\"request_id\":\"00").unwrap();

    let report = held.reconciled(&hub, &[]);
    assert_eq!(
        found(&report),
        [
            (None, Mismatch::JournalMalformed),
            (Some(indexes[0]), Mismatch::IndexDiffers),
            (Some(indexes[1]), Mismatch::OutcomeDiffers),
            (Some(indexes[2]), Mismatch::RejectedEntered),
        ],
        "{report}"
    );
    assert_eq!((report.statements, report.statements_in_log), (6, 5));
    assert!(report.notes[0].starts_with("2 statements") && report.notes[1].starts_with("1 statements"), "{report}");
}

#[test]
fn what_is_no_receipt_is_named() {
    let (hub, held, [first, second]) = told();
    fs::remove_file(held.path().join(format!("{first}.entry"))).unwrap();
    fs::write(held.path().join("empty.entry"), b"").unwrap();
    fs::write(held.path().join("empty.tlog-proof"), b"").unwrap();
    let foreign = Note::sign(Note::parse(hub.source().note.as_bytes()).unwrap().text(), &[&log_signer(8)]).unwrap();
    let source = hub.source();
    let hashes = prove_inclusion(&&source, second, source.entries.len() as u64).unwrap();
    let forged = TlogProof { index: second, hashes, checkpoint: foreign, extra: None };
    held.keep_receipt(&source, second, &forged.to_string());
    let report = held.reconciled(&hub, &[]);
    assert_eq!(
        found(&report),
        [
            (None, Mismatch::ReceiptIncomplete),
            (None, Mismatch::ReceiptMalformed),
            (Some(second), Mismatch::ReceiptUnproven),
        ],
        "{report}"
    );
}

/// A record with two fields, signed by the provider.
pub(super) fn record() -> String {
    let claims = sd_jwt::RecordClaims {
        iss: super::hub::PROVIDER.to_owned(),
        vct: "urn:hutong:market.licence:1".to_owned(),
        jti: handle(1).0,
        ver: 1,
        iat: 1_767_578_400,
    };
    let fields = [("NAME", "某某有限公司"), ("STATUS", "存续")].map(|(code, value)| (code.to_owned(), json!(value)));
    sd_jwt::issue(&provider().key(), &SystemRandomness::new(), &claims, &fields).unwrap()
}

#[test]
fn more_released_than_logged_is_found_by_who_received_it() {
    let record = record();
    let parsed = sd_jwt::SdJwt::parse(&record).unwrap();
    let both = parsed.select(&["NAME", "STATUS"]).unwrap();
    let one = parsed.select(&["NAME"]).unwrap();
    let logged = |hub: &mut Hub, presentation: &str| {
        let (sd_hash, jwt_sha256) = (Digest(sd_jwt::sd_hash(presentation)), Digest(parsed.jwt_hash()));
        hub.query_entering(&["NAME"], &[1], |permitted| {
            permitted.records[0].sd_hash = Some(sd_hash);
            permitted.records[0].jwt_sha256 = jwt_sha256;
        })
    };
    for (entered, received, expected) in [
        (&one, &one, None),
        (&one, &both, Some(Mismatch::ReleaseUnlogged)),
        (&both, &both, Some(Mismatch::ReleaseDiffers)),
    ] {
        let (mut hub, held) = (Hub::running(), Held::new());
        let index = logged(&mut hub, entered);
        held.receipt(&hub, index);
        fs::write(held.path().join(format!("{index}-0.sd-jwt")), received).unwrap();
        // Another entry released the same: it is not this one's excuse.
        logged(&mut hub, received);
        let report = held.reconciled(&hub, &[]);
        let expected: Vec<_> = expected.map(|rule| (Some(index), rule)).into_iter().collect();
        assert_eq!(found(&report), expected, "{report}");
        assert!(!report.to_string().contains("某某"), "no data is quoted");
    }
}

#[test]
fn copy_that_is_not_what_was_signed_is_found() {
    let (hub, held, _) = told();
    let (_temporary, folder) = copied(&hub);
    let bundle = fs::read_dir(folder.path().join("tile/entries/000.p")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&bundle).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    let holdings = Holdings { folder: held.path().to_owned(), ..Default::default() };
    let report = reconcile(&folder, &log_signer(7).verifier(), &holdings, &mut |_, _| {}).unwrap();
    assert!(report.counts.contains_key(&Mismatch::RootMismatch), "{report}");
}

#[test]
fn statements_that_do_not_read_are_nobodys() {
    let (mut hub, held, _) = told();
    let statement = hub.query_statement(&["NAME"], &[1]);
    let mut envelope = consumer().sign(&statement);
    envelope.payload.push(0);
    hub.entries.push(
        Entry { time: hub.time, envelope: Some(envelope), outcome: Outcome::Published(Vec::new()), carried: None }
            .encode(),
    );
    assert!(matches!(statement, Statement::Query(..)));
    assert_eq!(found(&held.reconciled(&hub, &[])), []);
}
