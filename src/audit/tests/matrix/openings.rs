//! Traces of holders and orders to erase openings.

use super::{
    super::hub::{Actor, consumer, provider},
    Hub, Row,
};
use crate::domain::outcome::{HolderTraced, Outcome, Refusal, RefusalReason};

/// A trace, and what the hub says came of it.
fn traced(
    name: &str,
    codes: &'static [&'static str],
    by: fn() -> Actor,
    outcome: impl FnOnce(&Hub) -> Outcome + 'static,
) -> Row {
    Row::lie(name, codes, move |hub| {
        let statement = hub.trace_statement(&by());
        let outcome = outcome(hub);
        hub.enter(by().sign(&statement), &statement, outcome)
    })
}

fn found(log_size: u64, exchanges: u64) -> Outcome {
    Outcome::HolderTraced(HolderTraced { log_size, exchanges })
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        traced("a trace that looked at entries not yet made", &["TRACE_IMPOSSIBLE"], consumer, |hub| {
            found(hub.size() + 1, 1)
        }),
        traced("a trace that found more than it looked at", &["TRACE_IMPOSSIBLE"], consumer, |_| found(4, 5)),
        traced("a trace by a system that may not", &["WRONGLY_DONE:CAPABILITY_MISSING"], provider, |_| found(4, 1)),
        traced("a trace refused that should have been made", &["WRONGLY_REFUSED:CAPABILITY_MISSING"], consumer, |_| {
            Outcome::Refused(Refusal::new(RefusalReason::CapabilityMissing, "trace"))
        }),
        traced("a trace answered as if it were an order to erase", &["OUTCOME_KIND"], consumer, |_| {
            Outcome::ErasureOrdered
        }),
        Row::lie(
            "openings erased on the word of a system that may not say so",
            &["WRONGLY_DONE:CAPABILITY_MISSING"],
            |hub| {
                let statement = hub.erasure_statement(&consumer());
                hub.enter(consumer().sign(&statement), &statement, Outcome::ErasureOrdered)
            },
        ),
    ]
}
