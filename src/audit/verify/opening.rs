//! Traces of holders and orders to erase openings, decided again.

use crate::domain::{
    outcome::{Outcome, Refusal},
    statement::Statement,
};

use super::{
    Fault,
    replay::{Act, Found, compare},
};
use crate::audit::{Basis, Fact};

/// Decides a trace or an order again. What a trace found rests on the hub's word: the log does not say who was asked about.
pub(super) fn follow(act: &Act<'_>, admitted: Result<(), Refusal>, found: &mut Found) -> Basis {
    match (act.statement, &act.entry.outcome) {
        (_, Outcome::Refused(_)) => compare(admitted, &act.entry.outcome, &[], found),
        (Statement::Trace(..), Outcome::HolderTraced(traced)) => {
            if traced.log_size > act.index || traced.exchanges > traced.log_size {
                let message =
                    format!("it found {} of {} entries, before entry {}", traced.exchanges, traced.log_size, act.index);
                found.add(Fault::TraceImpossible, message);
            }
            compare(admitted, &act.entry.outcome, &[], found);
            Basis::Attested(Fact::TraceResult)
        }
        (Statement::Erasure(..), Outcome::ErasureOrdered) => compare(admitted, &act.entry.outcome, &[], found),
        _ => {
            found.add(Fault::OutcomeKind, "a trace finds, an order to erase stands, or either is refused");
            Basis::Recomputed
        }
    }
}
