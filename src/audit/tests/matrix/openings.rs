//! Traces of holders and orders to erase openings.

use super::{
    super::hub::{administrator, consumer},
    Hub, Row,
};
use crate::domain::{
    directory::Capability,
    id::Commitment,
    outcome::{HolderTraced, Outcome, Refusal, RefusalReason},
    statement::{Erasure, RuleChange, Statement, Trace},
};

/// A trace by the consumer, which may trace.
fn trace(hub: &mut Hub) -> Statement {
    let capabilities = [Capability::Query, Capability::SignAgreements, Capability::Trace].into();
    hub.change(&administrator(), RuleChange::RegisterSystem { system: consumer().system, capabilities });
    trace_statement(hub)
}

fn trace_statement(hub: &mut Hub) -> Statement {
    let trace = Trace {
        purpose: "complaint".parse().unwrap(),
        holder: Commitment([3; 32]),
        case_commitment: Commitment([4; 32]),
        legal_basis: None,
        since: None,
        until: None,
    };
    Statement::Trace(hub.header(&consumer()), trace)
}

fn enter(hub: &mut Hub, statement: &Statement, outcome: Outcome) -> u64 {
    hub.enter(consumer().sign(statement), statement, outcome)
}

fn traced(log_size: u64, exchanges: u64) -> Outcome {
    Outcome::HolderTraced(HolderTraced { log_size, exchanges })
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::lie("a trace that looked at entries not yet made", &["TRACE_IMPOSSIBLE"], |hub| {
            let statement = trace(hub);
            let size = hub.size();
            enter(hub, &statement, traced(size + 1, 1))
        }),
        Row::lie("a trace that found more than it looked at", &["TRACE_IMPOSSIBLE"], |hub| {
            let statement = trace(hub);
            enter(hub, &statement, traced(4, 5))
        }),
        Row::lie("a trace by a system that may not", &["WRONGLY_DONE:CAPABILITY_MISSING"], |hub| {
            let statement = trace_statement(hub);
            enter(hub, &statement, traced(4, 1))
        }),
        Row::lie("a trace refused that should have been made", &["WRONGLY_REFUSED:CAPABILITY_MISSING"], |hub| {
            let statement = trace(hub);
            enter(hub, &statement, Outcome::Refused(Refusal::new(RefusalReason::CapabilityMissing, "trace")))
        }),
        Row::lie("a trace answered as if it were an order to erase", &["OUTCOME_KIND"], |hub| {
            let statement = trace(hub);
            enter(hub, &statement, Outcome::ErasureOrdered)
        }),
        Row::lie(
            "openings erased on the word of a system that may not say so",
            &["WRONGLY_DONE:CAPABILITY_MISSING"],
            |hub| {
                let statement = Statement::Erasure(hub.header(&consumer()), Erasure::Before(hub.time));
                enter(hub, &statement, Outcome::ErasureOrdered)
            },
        ),
    ]
}
