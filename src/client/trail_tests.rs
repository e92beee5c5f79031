//! What a hub could make of the answer to a trace.

use super::*;
use crate::{
    client::fixture::{self, Log},
    domain::{
        id::{Commitment, Pseudonym},
        outcome::Outcome,
        statement::{Query, Trace},
        time::Time,
    },
    sign::{SystemRandomness, commitment::Scheme},
    wire::Entry,
};

const OTHER: &str = fixture::PROVIDER;

/// A log of several exchanges, and what an honest hub answers about the holder.
struct Stage {
    log: Log,
    exchanges: Vec<proto::TracedExchange>,
}

fn opening(scheme: Scheme, value: &str) -> Opening {
    Opening::new(&SystemRandomness::new(), scheme, value).unwrap()
}

fn query(lookup: LookupKind, lookups: &[Opening], case: &Opening) -> Statement {
    let query = Query {
        resource_id: fixture::RESOURCE.parse().unwrap(),
        purpose: "housing".parse().unwrap(),
        matter: "000117001000".parse().unwrap(),
        case_commitment: Commitment(case.commitment()),
        operator_pseudonym: Pseudonym([3; 32]),
        agreement_id: None,
        fields: ["CZZT".parse().unwrap()].into(),
        lookup,
        commitments: lookups.iter().map(|opening| Commitment(opening.commitment())).collect(),
    };
    Statement::Query(fixture::header(), query)
}

/// Queries by holder, by record and with others beside, and a trace, a minute between two.
fn stage() -> Stage {
    let log = Log::new();
    let case = opening(Scheme::Case, "办件2026-0001");
    let holder = || opening(Scheme::Uscc, fixture::CONSUMER);
    let other = opening(Scheme::Uscc, OTHER);
    let record = opening(Scheme::LicenceId, "1.2.156.3005.2.11100000000013338W001.11440399X00000043T.000001.001.9");
    let trace = |of: &Opening| Trace {
        purpose: "holder-request".parse().unwrap(),
        holder: Commitment(of.commitment()),
        case_commitment: Commitment(case.commitment()),
        legal_basis: None,
        since: None,
        until: None,
    };
    let (first, second, third) = (holder(), holder(), holder());
    let acts = [
        (query(LookupKind::Holder, std::slice::from_ref(&first), &case), vec![first]),
        (query(LookupKind::Record, std::slice::from_ref(&record), &case), vec![record]),
        (query(LookupKind::Holder, &[other, second.clone()], &case), vec![second]),
        (Statement::Trace(fixture::header(), trace(&third)), vec![third]),
    ];
    let entries: Vec<_> = (1..).zip(&acts).map(|(minute, (statement, _))| entry(statement, minute)).collect();
    let receipts = log.seal_all(&entries);
    let exchanges = receipts.into_iter().zip(acts).map(|((entry, proof), (_, openings))| proto::TracedExchange {
        receipt: Some(proto::Receipt { entry, proof }),
        openings: openings.iter().map(wire::opening_to_proto).collect(),
        case: Some(wire::opening_to_proto(&case)),
    });
    Stage { exchanges: exchanges.collect(), log }
}

fn at(minute: i64) -> Time {
    fixture::now().plus_seconds(60 * minute)
}

fn entry(statement: &Statement, minute: i64) -> Entry {
    let envelope = fixture::envelope(statement);
    Entry { time: at(minute), envelope: Some(envelope), outcome: Outcome::Refused(fixture::refusal()), carried: None }
}

fn request() -> TraceRequest {
    TraceRequest {
        holder: Holder::new("uscc", fixture::CONSUMER).unwrap(),
        purpose: "holder-request".parse().unwrap(),
        case: "信访-2026-000123".to_owned(),
        legal_basis: None,
        since: None,
        until: None,
    }
}

/// What the client says of an answer: how many exchanges it takes, or which check fails.
fn judged(
    request: &TraceRequest,
    traced: (u64, u64),
    exchanges: &[proto::TracedExchange],
    log: &Log,
) -> Result<usize, &'static str> {
    let take = || {
        let traced = HolderTraced { log_size: traced.0, exchanges: traced.1 };
        let mut trail = Trail::begin(request, traced, 5)?;
        exchanges.iter().try_for_each(|exchange| trail.take(exchange.clone(), &log.verifier()))?;
        Ok(trail.finish()?.len())
    };
    take().map_err(|error: Error| match error {
        Error::Unproven { check, .. } => check,
        other => panic!("{other}"),
    })
}

#[test]
fn honest_answers_are_taken_whole() {
    let Stage { log, exchanges } = stage();
    assert_eq!(judged(&request(), (5, 4), &exchanges, &log), Ok(4));
    assert_eq!(judged(&request(), (5, 0), &[], &log), Ok(0));
    let second = TraceRequest { since: Some(at(2)), until: Some(at(3)), ..request() };
    assert_eq!(judged(&second, (5, 1), &exchanges[1..2], &log), Ok(1));
}

#[test]
fn what_is_left_out_or_added_contradicts_the_trace_s_own_entry() {
    let Stage { log, exchanges } = stage();
    for left_out in 0..4 {
        let mut rest = exchanges.clone();
        rest.remove(left_out);
        assert_eq!(judged(&request(), (5, 4), &rest, &log), Err("number of exchanges"));
    }
    assert_eq!(judged(&request(), (5, 3), &exchanges, &log), Err("number of exchanges"));
    // A search that ended before the client's own knowledge of the log left out what came since.
    assert_eq!(judged(&request(), (4, 3), &exchanges[..3], &log), Err("extent of the search"));
}

#[test]
fn nothing_is_told_twice_out_of_order_or_beyond_what_was_searched() {
    let Stage { log, exchanges } = stage();
    let [first, second, third, fourth] = exchanges.try_into().unwrap();
    let [a, b, c, d] = [&first, &second, &third, &fourth].map(Clone::clone);
    assert_eq!(judged(&request(), (5, 2), &[a.clone(), a.clone()], &log), Err("order of exchanges"));
    assert_eq!(judged(&request(), (5, 4), &[b, a, c, d], &log), Err("order of exchanges"));
    let later = fixture::entry_of(&fixture::signed(), Outcome::Refused(fixture::refusal()));
    let beyond = (0..9).map(|_| later.clone()).chain([entry(&query_of_holder().0, 9)]).collect::<Vec<_>>();
    let (bytes, proof) = log.seal_all(&beyond).pop().unwrap();
    let exchange = proto::TracedExchange {
        receipt: Some(proto::Receipt { entry: bytes, proof }),
        openings: Vec::new(),
        case: None,
    };
    assert_eq!(judged(&request(), (5, 1), &[exchange], &log), Err("openings"), "nothing names the holder");
}

fn query_of_holder() -> (Statement, Opening) {
    let holder = opening(Scheme::Uscc, fixture::CONSUMER);
    let case = opening(Scheme::Case, "办件2026-0002");
    (query(LookupKind::Holder, std::slice::from_ref(&holder), &case), holder)
}

#[test]
fn an_entry_made_after_the_search_is_out_of_place() {
    let log = Log::new();
    let (statement, holder) = query_of_holder();
    let entries: Vec<_> = (0..8).map(|minute| entry(&statement, minute)).collect();
    let (bytes, proof) = log.seal_all(&entries).pop().unwrap();
    let exchange = proto::TracedExchange {
        receipt: Some(proto::Receipt { entry: bytes, proof }),
        openings: vec![wire::opening_to_proto(&holder)],
        case: None,
    };
    assert_eq!(judged(&request(), (5, 1), std::slice::from_ref(&exchange), &log), Err("order of exchanges"));
    assert_eq!(judged(&request(), (9, 1), &[exchange], &log), Ok(1));
}

#[test]
fn what_was_not_asked_for_is_refused() {
    let Stage { log, exchanges } = stage();
    let later = TraceRequest { since: Some(at(2)), ..request() };
    assert_eq!(judged(&later, (5, 4), &exchanges, &log), Err("time of exchanges"));
    let earlier = TraceRequest { until: Some(at(4)), ..request() };
    assert_eq!(judged(&earlier, (5, 4), &exchanges, &log), Err("time of exchanges"));
    let about_other = TraceRequest { holder: Holder::new("uscc", OTHER).unwrap(), ..request() };
    assert_eq!(judged(&about_other, (5, 1), &exchanges[..1], &log), Err("holder"));
    assert_eq!(judged(&about_other, (5, 1), &exchanges[3..], &log), Err("holder"));
}

#[test]
fn nothing_of_an_exchange_can_be_altered() {
    let Stage { log, exchanges } = stage();
    let altered = |alter: &dyn Fn(&mut proto::TracedExchange)| {
        let mut altered = exchanges.clone();
        alter(&mut altered[0]);
        judged(&request(), (5, 4), &altered, &log)
    };
    let other = wire::opening_to_proto(&opening(Scheme::Uscc, fixture::CONSUMER));
    let entry_byte = |exchange: &mut proto::TracedExchange| {
        *exchange.receipt.as_mut().unwrap().entry.last_mut().unwrap() ^= 1;
    };
    assert_eq!(altered(&entry_byte), Err("inclusion"));
    let proof = |exchange: &mut proto::TracedExchange| {
        let receipt = exchange.receipt.as_mut().unwrap();
        receipt.proof = fixture::flip_last_signature(&receipt.proof);
    };
    assert_eq!(altered(&proof), Err("checkpoint signature"));
    assert_eq!(altered(&|exchange| exchange.openings = vec![other.clone()]), Err("openings"));
    assert_eq!(altered(&|exchange| exchange.openings.push(other.clone())), Err("openings"));
    assert_eq!(altered(&|exchange| exchange.openings.clear()), Err("openings"));
    let case = wire::opening_to_proto(&opening(Scheme::Case, "办件2026-0009"));
    assert_eq!(altered(&|exchange| exchange.case = Some(case.clone())), Err("case"));
    assert_eq!(altered(&|exchange| exchange.receipt = None), Err("proof format"));
    // An entry of another log, under a key of its own.
    let foreign = Log::of_seed(9).seal(&entry(&query_of_holder().0, 1));
    let receipt = proto::Receipt { entry: foreign.0, proof: foreign.1 };
    assert_eq!(altered(&|exchange| exchange.receipt = Some(receipt.clone())), Err("checkpoint signature"));
    // One of this log that asks about nobody.
    let (bytes, proof) = log.seal(&fixture::refused_entry());
    let receipt = proto::Receipt { entry: bytes, proof };
    assert_eq!(altered(&|exchange| exchange.receipt = Some(receipt.clone())), Err("statement"));
}
