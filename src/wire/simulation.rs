//! Queries that are not asked, and what would become of them.

use std::net::IpAddr;

use super::{
    agreement::lookup_from_number,
    catalog::paired,
    proto,
    reading::{Malformed, Reading},
};
use crate::domain::{
    decide::{Simulated, Term, Verdict},
    id::{Commitment, Pseudonym},
    identifier::Uscc,
    statement::Query,
    time::Time,
};

paired!(term_to_number, term_from_number, Term, AgreementTerm, {
    NotTerminated, Activated, NotExpired, Begun, NotSuspended, Accepted, Condition, Lookup, Purpose, Matter, Fields, BatchLimit,
    Networks, MinuteLimit, DailyLimit,
});

/// The most lookups of a simulated query: more than any agreement allows, so that its limit is seen to be passed.
const MAX_LOOKUPS: u32 = 1_000;

/// A query to be simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// Whose; `None`: the caller's.
    pub consumer: Option<Uscc>,
    /// The query. It names nobody.
    pub query: Query,
    /// From where; `None`: from where the caller calls.
    pub address: Option<IpAddr>,
    /// When; `None`: now.
    pub time: Option<Time>,
}

/// Reads a query to be simulated.
///
/// # Errors
/// Every field that is not well formed.
pub fn simulation_from_proto(message: &proto::SimulateQueryRequest) -> Result<Simulation, Malformed> {
    let mut reading = Reading::default();
    let read = read_simulation(&mut reading, message);
    reading.finish(read)
}

fn read_simulation(reading: &mut Reading, message: &proto::SimulateQueryRequest) -> Option<Simulation> {
    let consumer = reading.optional_name("consumer", &message.consumer);
    let resource_id = reading.name("resource_id", &message.resource_id);
    let purpose = reading.name("purpose", &message.purpose);
    let matter = reading.name("matter", &message.matter);
    let fields = reading.sorted("fields", &message.fields);
    reading.require(!message.fields.is_empty(), "fields", "must not be empty");
    let lookup = lookup_from_number(message.lookup).or_else(|| reading.fail("lookup", "is not a lookup"));
    let count = message.lookup_count;
    reading.require((1..=MAX_LOOKUPS).contains(&count), "lookup_count", "must be 1 to 1000");
    let agreement_id = reading.optional_name("agreement_id", &message.agreement_id);
    let address = reading.optional_name("peer_address", &message.peer_address);
    let time = match &message.time {
        None => Some(None),
        some => reading.time("time", some.as_ref()).map(Some),
    };
    let query = Query {
        resource_id: resource_id?,
        purpose: purpose?,
        matter: matter?,
        case_commitment: Commitment([0; 32]),
        operator_pseudonym: Pseudonym([0; 32]),
        agreement_id: agreement_id?,
        fields: fields?,
        lookup: lookup?,
        commitments: vec![Commitment([0; 32]); count.min(MAX_LOOKUPS) as usize],
    };
    Some(Simulation { consumer: consumer?, query, address: address?, time: time? })
}

/// What would become of a query, as it travels.
pub fn simulated_to_proto(simulated: &Simulated) -> proto::SimulateQueryResponse {
    let verdict = |verdict: &Verdict| proto::AgreementVerdict {
        agreement_id: verdict.agreement_id.to_string(),
        version: verdict.version,
        terms: verdict.terms.iter().map(|(term, met)| term_verdict(*term, met)).collect(),
    };
    let mut response = proto::SimulateQueryResponse {
        verdicts: simulated.verdicts.iter().map(verdict).collect(),
        ..proto::SimulateQueryResponse::default()
    };
    match &simulated.outcome {
        Ok(permitted) => {
            response.is_permitted = true;
            response.agreement_id = permitted.agreement_id.to_string();
            response.agreement_version = permitted.agreement_version;
            response.depends_on_record = simulated.depends_on_record;
        }
        Err(refusal) => response.refused = Some(super::entry::refusal_to_proto(refusal)),
    }
    response
}

fn term_verdict(term: Term, met: &Result<(), crate::domain::outcome::Refusal>) -> proto::TermVerdict {
    let refusal = met.as_ref().err();
    proto::TermVerdict {
        term: term_to_number(term),
        reason: refusal.map_or(0, |refusal| refusal.reason.number()),
        detail: refusal.map(|refusal| refusal.term.clone()).unwrap_or_default(),
    }
}

/// The term of a verdict.
pub fn term_of_verdict(verdict: &proto::TermVerdict) -> Option<Term> {
    term_from_number(verdict.term)
}
