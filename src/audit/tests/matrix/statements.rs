//! The log as such: its beginning, its order, its form; who signed; requests answered again.

use super::{
    super::hub::{Actor, administrator, consumer, kid, provider, query, register_key},
    Hub, Row,
};
use crate::{
    domain::{
        outcome::{Outcome, Refusal, RefusalReason},
        record::RecordStatus,
        statement::{Genesis, RuleChange, Statement},
    },
    wire::{Entry, encode_statement},
};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = beginnings();
    rows.extend(rearranged());
    rows.extend(unreadable());
    rows.extend(signatures());
    rows.extend(requests());
    rows
}

/// Rewrites what the log's first entry says.
pub(super) fn rewrite_genesis(hub: &mut Hub, change: impl FnOnce(&mut Genesis)) {
    rewrite(hub, 0, |entry| {
        let Some(Statement::Genesis(mut genesis)) = entry.statement().unwrap() else { panic!("no genesis") };
        change(&mut genesis);
        let (_, payload) = encode_statement(&Statement::Genesis(genesis));
        entry.envelope.as_mut().unwrap().payload = payload;
    });
}

fn rewrite(hub: &mut Hub, index: usize, change: impl FnOnce(&mut Entry)) {
    let mut entry = Entry::decode(&hub.entries[index]).unwrap();
    change(&mut entry);
    hub.entries[index] = entry.encode();
}

fn beginnings() -> Vec<Row> {
    let genesis = |name: &str, change: fn(&mut Hub)| {
        Row::log(name, &["GENESIS_INVALID"], move || {
            let mut hub = Hub::running();
            change(&mut hub);
            (hub, vec![0])
        })
    };
    vec![
        genesis("a genesis that opens another log", |hub| {
            rewrite_genesis(hub, |genesis| genesis.origin = "other.example/exchange-log/2026".to_owned());
        }),
        genesis("a genesis with rules of decision that nobody knows", |hub| {
            rewrite_genesis(hub, |genesis| genesis.decision_version += 1);
        }),
        genesis("a genesis that somebody signed", |hub| {
            rewrite(hub, 0, |entry| {
                let genesis = entry.statement().unwrap().unwrap();
                entry.envelope = Some(administrator().sign(&genesis));
            });
        }),
        genesis("a genesis with another outcome than that the log was opened", |hub| {
            rewrite(hub, 0, |entry| entry.outcome = Outcome::Published(Vec::new()));
        }),
        Row::log("the genesis dropped", &["GENESIS_INVALID"], || {
            let mut hub = Hub::running();
            hub.entries.remove(0);
            (hub, vec![0])
        }),
        Row::log("the genesis entered a second time", &["CLOCK_BACKWARDS", "GENESIS_MISPLACED"], || {
            let mut hub = told();
            hub.entries.push(hub.entries[0].clone());
            let last = hub.size() - 1;
            (hub, vec![last; 2])
        }),
    ]
}

/// A publication of version 2 of record 1 and a query that got it, a minute apart: the last two entries.
fn told() -> Hub {
    let mut hub = Hub::running();
    hub.time = hub.time.plus_seconds(60);
    hub.publish(1, 2, RecordStatus::Active);
    hub.time = hub.time.plus_seconds(60);
    hub.query(&["NAME"], &[1]);
    hub
}

fn rearranged() -> Vec<Row> {
    vec![
        Row::log("a publication dropped, its record released", &["RECORD_NOT_CURRENT"], || {
            let mut hub = told();
            let published = hub.entries.len() - 2;
            hub.entries.remove(published);
            (hub, vec![published as u64])
        }),
        Row::log("a publication and its release swapped", &["RECORD_NOT_CURRENT", "CLOCK_BACKWARDS"], || {
            let mut hub = told();
            let published = hub.entries.len() - 2;
            hub.entries.swap(published, published + 1);
            (hub, vec![published as u64, published as u64 + 1])
        }),
        Row::log("an entry duplicated", &["STATEMENT_REPEATED"], || {
            let mut hub = told();
            hub.entries.push(hub.entries.last().unwrap().clone());
            let last = hub.size() - 1;
            (hub, vec![last])
        }),
        Row::lie("the clock turned back", &["CLOCK_BACKWARDS"], |hub| {
            hub.time = hub.time.plus_seconds(120);
            hub.query(&["NAME"], &[1]);
            hub.time = hub.time.plus_seconds(-60);
            let lie = hub.query(&["NAME"], &[1]);
            hub.time = hub.time.plus_seconds(60);
            lie
        }),
    ]
}

fn unreadable() -> Vec<Row> {
    let rewritten = |name: &str, codes, change: fn(&mut Vec<u8>)| {
        Row::lie(name, codes, move |hub| {
            let index = hub.query(&["NAME"], &[1]);
            change(&mut hub.entries[index as usize]);
            index
        })
    };
    vec![
        rewritten("an entry emptied", &["ENTRY_MALFORMED"], Vec::clear),
        rewritten("an entry with a field that the format does not have", &["ENTRY_MALFORMED"], |entry| {
            entry.extend([0x78, 0x01]);
        }),
        rewritten("a statement with a byte after its end", &["STATEMENT_MALFORMED"], |entry| {
            let mut decoded = Entry::decode(entry).unwrap();
            decoded.envelope.as_mut().unwrap().payload.push(0);
            *entry = decoded.encode();
        }),
    ]
}

/// A query, permitted, whose envelope the hub changed or had from somebody else.
fn signed_by(
    name: &str,
    codes: &'static [&'static str],
    sign: impl FnOnce(&mut Hub, &Statement) -> crate::sign::dsse::Envelope + 'static,
) -> Row {
    Row::lie(name, codes, move |hub| {
        let statement = hub.query_statement(&["NAME"], &[1]);
        let outcome = hub.decide(&consumer(), &statement, &[1]);
        let envelope = sign(hub, &statement);
        hub.enter(envelope, &statement, outcome)
    })
}

fn signatures() -> Vec<Row> {
    let retired = |since: Option<i64>| {
        move |hub: &mut Hub, statement: &Statement| {
            let stolen = Actor { seed: 13, ..consumer() };
            hub.change(&administrator(), register_key(&stolen));
            let compromised_since = since.map(|seconds| hub.time.plus_seconds(seconds));
            hub.change(&administrator(), RuleChange::RetireKey { kid: kid(&stolen.key()), compromised_since });
            // Honestly refused, which is as it must be; then not.
            let refused = hub.query_statement(&["NAME"], &[1]);
            hub.submit(&stolen, &refused);
            stolen.sign(statement)
        }
    };
    vec![
        signed_by(
            "a statement signed with a stolen key after its retirement",
            &["WRONGLY_DONE:KEY_RETIRED"],
            retired(None),
        ),
        signed_by(
            "a statement signed with a key known to be compromised",
            &["WRONGLY_DONE:KEY_RETIRED"],
            retired(Some(0)),
        ),
        signed_by("a statement signed with a key that nobody registered", &["KEY_UNKNOWN"], |_, statement| {
            Actor { seed: 99, ..consumer() }.sign(statement)
        }),
        signed_by("a statement signed with another system's key", &["KEY_FOREIGN"], |_, statement| {
            provider().sign(statement)
        }),
        signed_by("another statement's signature under a statement", &["SIGNATURE_INVALID"], |hub, statement| {
            let other = hub.query_statement(&["NAME"], &[1]);
            let mut envelope = consumer().sign(statement);
            envelope.signatures = consumer().sign(&other).signatures;
            envelope
        }),
        signed_by("a signature taken away", &["SIGNATURE_MISSING"], |_, statement| {
            let mut envelope = consumer().sign(statement);
            envelope.signatures.clear();
            envelope
        }),
        signed_by("a second signature added", &["SIGNATURE_MISSING"], |_, statement| {
            let mut envelope = consumer().sign(statement);
            envelope.signatures.extend(administrator().sign(statement).signatures);
            envelope
        }),
        signed_by("the log's own key used as a system's", &["KEY_UNKNOWN"], |_, statement| {
            Actor { seed: 7, ..consumer() }.sign(statement)
        }),
        Row::lie("a statement changed after it was signed", &["SIGNATURE_INVALID"], |hub| {
            let index = hub.query(&["NAME"], &[1]);
            rewrite(hub, index as usize, |entry| {
                let Some(Statement::Query(header, mut asked)) = entry.statement().unwrap() else { panic!("no query") };
                asked.matter = "housing-02".parse().unwrap();
                entry.envelope.as_mut().unwrap().payload = encode_statement(&Statement::Query(header, asked)).1;
            });
            index
        }),
        Row::lie("a statement meant for another hub", &["HUB_FOREIGN"], |hub| {
            let mut header = hub.header(&consumer());
            header.hub = "other.example".parse().unwrap();
            let statement = Statement::Query(header, query(&["NAME"], 1));
            let outcome = hub.decide(&consumer(), &statement, &[1]);
            hub.enter(consumer().sign(&statement), &statement, outcome)
        }),
        Row::log("what a key signed since its compromise", &["SIGNATURE_SUSPECT"; 2], || {
            let mut hub = Hub::running();
            hub.time = hub.time.plus_seconds(60);
            let since = hub.time;
            let signed = vec![hub.query(&["NAME"], &[1]), hub.query(&["HOLDER"], &[2])];
            hub.time = hub.time.plus_seconds(60);
            let retirement = RuleChange::RetireKey { kid: kid(&consumer().key()), compromised_since: Some(since) };
            hub.change(&administrator(), retirement);
            (hub, signed)
        }),
    ]
}

fn requests() -> Vec<Row> {
    let again = |name: &str, fields: &'static [&'static str], codes, outcome: fn(&mut Hub) -> Outcome| {
        Row::lie(name, codes, move |hub| {
            hub.query(&["NAME"], &[1]);
            let header = hub.header_again(&consumer(), hub.last_request());
            let statement = Statement::Query(header, query(fields, 1));
            let outcome = outcome(hub);
            hub.enter(consumer().sign(&statement), &statement, outcome)
        })
    };
    vec![
        Row::lie("a statement answered a second time", &["STATEMENT_REPEATED"], |hub| {
            let statement = hub.query_statement(&["NAME"], &[1]);
            hub.submit_looking_up(&consumer(), &statement, &[1]);
            hub.submit_looking_up(&consumer(), &statement, &[1])
        }),
        again("a request id used for two statements", &["STATUS"], &["WRONGLY_DONE:REQUEST_ID_REUSED"], |hub| {
            let honest = hub.query_statement(&["STATUS"], &[1]);
            hub.decide(&consumer(), &honest, &[1])
        }),
        again("a reused request id refused for another reason", &["HOLDER"], &["REFUSAL_DIFFERS"], |hub| {
            let honest = hub.query_statement(&["HOLDER"], &[1]);
            hub.decide(&consumer(), &honest, &[1])
        }),
        again("a reused request id refused in another's name", &["STATUS"], &["REFUSAL_DIFFERS"], |_| {
            Outcome::Refused(Refusal::new(RefusalReason::RequestIdReused, "another"))
        }),
        Row::lie("a statement of long ago taken", &["WRONGLY_DONE:CLOCK_SKEW"], |hub| dated(hub, -301)),
        Row::lie("a statement of the future taken", &["WRONGLY_DONE:CLOCK_SKEW"], |hub| dated(hub, 301)),
    ]
}

fn dated(hub: &mut Hub, seconds: i64) -> u64 {
    let mut header = hub.header(&consumer());
    header.issued_at = hub.time.plus_seconds(seconds);
    super::queries::permit(hub, &Statement::Query(header, query(&["NAME"], 1)))
}
