//! What only the counterparty can know: it holds receipts, a journal and presentations, and the log tells otherwise. Of the hub's
//! lies among them nothing shows in the copy itself.

use std::fs;

use super::{
    super::{
        hub::{consumer, provider},
        reconciling::{self, Held, proof, record},
    },
    Finder, Hub, Row, Staged, copied, log_signer, verified,
};
use crate::{
    audit::{Holdings, Reconciliation, reconcile},
    domain::{id::Digest, record::RecordStatus, statement::Statement},
    sign::sd_jwt,
    tlog::{Note, TlogProof},
    wire::Entry,
};

/// What the counterparty finds, and where each code must be found.
struct Compared {
    report: Reconciliation,
    at: Vec<Option<u64>>,
}

fn row(name: &str, codes: &'static [&'static str], stage: impl FnOnce() -> Compared + 'static) -> Row {
    Row::new(name, Finder::Counterparty, codes, move || {
        let Compared { report, at } = stage();
        let found = reconciling::found(&report).into_iter().map(|(index, rule)| (index, rule.to_string())).collect();
        Staged { at, found }
    })
}

/// A hub that told somebody one thing and logs another. Nothing is wrong with its log as such.
fn lie(
    name: &str,
    codes: &'static [&'static str],
    stage: impl FnOnce(&Held) -> (Hub, Vec<Option<u64>>) + 'static,
) -> Row {
    row(name, codes, move || {
        let held = Held::new();
        let (logged, at) = stage(&held);
        assert_eq!(verified(&logged), [], "the copy as such");
        Compared { report: held.reconciled(&logged, &[]), at }
    })
}

/// An honest hub and its answer to a query, of which the receipt is held.
fn told(held: &Held) -> (Hub, u64) {
    let mut hub = Hub::running();
    let index = hub.query(&["NAME"], &[1]);
    held.receipt(&hub, index);
    (hub, index)
}

/// A hub that entered a query, and what its journal says of it.
fn journalled(name: &str, codes: &'static [&'static str], came: fn(u64) -> (&'static str, Option<u64>)) -> Row {
    lie(name, codes, move |held| {
        let mut hub = Hub::running();
        let index = hub.query(&["NAME"], &[1]);
        held.journal(&hub.entries[index as usize], Some(came(index)));
        (hub, vec![Some(index)])
    })
}

/// Evidence that is itself damaged or forged.
fn damaged(name: &str, codes: &'static [&'static str], damage: fn(&Held, &Hub, u64) -> Option<u64>) -> Row {
    row(name, codes, move || {
        let held = Held::new();
        let (hub, index) = told(&held);
        let at = vec![damage(&held, &hub, index)];
        Compared { report: held.reconciled(&hub, &[]), at }
    })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = omissions();
    rows.extend(journals());
    rows.extend(releases());
    rows.extend(evidence_itself());
    rows
}

fn omissions() -> Vec<Row> {
    vec![
        lie("an entry left out, another put in its place", &["ENTRY_OMITTED", "HISTORY_FORKED"], |held| {
            let (_, index) = told(held);
            let mut other = Hub::running();
            assert_eq!(other.query(&["STATUS"], &[2]), index);
            (other, vec![Some(index); 2])
        }),
        lie("an entry altered after its receipt", &["ENTRY_ALTERED", "HISTORY_FORKED"], |held| {
            let (mut hub, index) = told(held);
            let mut entry = Entry::decode(&hub.entries[index as usize]).unwrap();
            entry.time = entry.time.plus_seconds(1);
            hub.entries[index as usize] = entry.encode();
            (hub, vec![Some(index); 2])
        }),
        lie("another history before the same entry", &["HISTORY_FORKED"], |held| {
            let history = |fields| {
                let mut hub = Hub::running();
                hub.query(fields, &[1]);
                let index = hub.query(&["NAME"], &[2]);
                (hub, index)
            };
            let (hub, index) = history(&["NAME"]);
            held.receipt(&hub, index);
            (history(&["STATUS"]).0, vec![Some(index)])
        }),
        lie("a tail rolled back behind a receipt", &["LOG_BEHIND"], |held| {
            let (mut hub, index) = told(held);
            hub.entries.truncate(index as usize);
            (hub, vec![Some(index)])
        }),
        lie("a statement answered and not entered", &["STATEMENT_OMITTED"], |held| {
            let mut hub = Hub::running();
            let index = hub.query(&["NAME"], &[1]);
            held.journal(&hub.entries[index as usize], Some(("answered", Some(index))));
            let mut other = Hub::running();
            other.query(&["STATUS"], &[2]);
            (other, vec![Some(index)])
        }),
        row("a statement made with a stolen key that is still active", &["ENTRY_EXTRA"], || {
            let (mut hub, held) = (Hub::running(), Held::new());
            hub.query(&["NAME"], &[1]);
            let known = hub.size();
            let forged = hub.query(&["STATUS"], &[2]);
            for (index, bytes) in (0..known).zip(&hub.entries) {
                let statement = Entry::decode(bytes).unwrap().statement().unwrap();
                let is_own = statement.and_then(|statement| Some(statement.header()?.actor == consumer().system));
                if is_own == Some(true) {
                    held.journal(bytes, Some(("answered", Some(index))));
                }
            }
            assert_eq!(verified(&hub), [], "the copy as such");
            Compared { report: held.reconciled(&hub, &[consumer()]), at: vec![Some(forged)] }
        }),
    ]
}

fn journals() -> Vec<Row> {
    vec![
        journalled("an entry at another index than was told", &["INDEX_DIFFERS"], |index| {
            ("answered", Some(index + 1))
        }),
        journalled("a refusal told, a permit logged", &["OUTCOME_DIFFERS"], |index| ("refused", Some(index))),
        journalled("a statement that was not taken, entered all the same", &["REJECTED_ENTERED"], |_| {
            ("rejected", None)
        }),
        lie("an answer told, a refusal logged", &["OUTCOME_DIFFERS"], |held| {
            let mut hub = Hub::running();
            let index = hub.query(&["HOLDER"], &[1]);
            held.journal(&hub.entries[index as usize], Some(("answered", Some(index))));
            (hub, vec![Some(index)])
        }),
    ]
}

/// A hub that logs a presentation of one record and gives out another.
fn released(
    name: &str,
    codes: &'static [&'static str],
    logged: &'static [&'static str],
    received: &'static [&'static str],
) -> Row {
    lie(name, codes, move |held| {
        let record = record();
        let parsed = sd_jwt::SdJwt::parse(&record).unwrap();
        let (logged, received) = (parsed.select(logged).unwrap(), parsed.select(received).unwrap());
        let mut hub = Hub::running();
        // The log's record is that which was released.
        let statement = hub.publication(1, 2, RecordStatus::Active);
        let Statement::Publication(header, mut publication) = statement else { panic!() };
        publication.records[0].jwt_sha256 = Digest(parsed.jwt_hash());
        let statement = Statement::Publication(header, publication);
        hub.submit(&provider(), &statement);
        let sd_hash = Digest(sd_jwt::sd_hash(&logged));
        let index = hub.query_entering(&["NAME"], &[1], |permitted| permitted.records[0].sd_hash = Some(sd_hash));
        held.receipt(&hub, index);
        fs::write(held.path().join(format!("{index}-0.sd-jwt")), received).unwrap();
        (hub, vec![Some(index)])
    })
}

fn releases() -> Vec<Row> {
    vec![
        released("more released than logged", &["RELEASE_UNLOGGED"], &["NAME"], &["NAME", "STATUS"]),
        released(
            "a presentation logged under fewer fields than are in it",
            &["RELEASE_DIFFERS"],
            &["NAME", "STATUS"],
            &["NAME", "STATUS"],
        ),
    ]
}

fn evidence_itself() -> Vec<Row> {
    vec![
        damaged("a receipt without its entry", &["RECEIPT_INCOMPLETE"], |held, _, index| {
            fs::remove_file(held.path().join(format!("{index}.entry"))).unwrap();
            None
        }),
        damaged("a receipt that does not read", &["RECEIPT_MALFORMED"], |held, _, index| {
            fs::write(held.path().join(format!("{index}.tlog-proof")), b"").unwrap();
            None
        }),
        damaged("a receipt signed by another key than the log's", &["RECEIPT_UNPROVEN"], |held, hub, index| {
            let source = hub.source();
            let text = Note::parse(source.note.as_bytes()).unwrap().text().to_owned();
            let checkpoint = Note::sign(&text, &[&log_signer(8)]).unwrap();
            let honest = TlogProof::parse(proof(&source, index).as_bytes()).unwrap();
            held.keep_receipt(&source, index, &TlogProof { checkpoint, ..honest }.to_string());
            Some(index)
        }),
        damaged("a journal with a torn line", &["JOURNAL_MALFORMED"], |held, _, _| {
            fs::write(held.path().join("permits.journal"), "{\"request_id\":\"00").unwrap();
            None
        }),
        damaged("a presentation that does not read", &["PRESENTATION_MALFORMED"], |held, _, index| {
            fs::write(held.path().join(format!("{index}-0.sd-jwt")), "none").unwrap();
            Some(index)
        }),
        row("a copy that is not what its checkpoint signed", &["ROOT_MISMATCH"], || {
            let held = Held::new();
            let (mut hub, _) = told(&held);
            hub.query(&["NAME"], &[1]);
            let (_temporary, folder) = copied(&hub);
            let bundle = format!("tile/entries/000.p/{}", hub.size());
            let mut bytes = fs::read(folder.path().join(&bundle)).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(folder.path().join(bundle), bytes).unwrap();
            let holdings = Holdings { folder: held.path().to_owned(), ..Default::default() };
            let report = reconcile(&folder, &log_signer(7).verifier(), &holdings, &mut |_, _| {}).unwrap();
            Compared { report, at: vec![None] }
        }),
    ]
}
