//! What was done about people's own data: who looked up who had asked about a holder, and what was forgotten.

use std::collections::BTreeMap;

use crate::domain::{
    id::Code,
    identifier::Uscc,
    outcome::{Erased, Outcome},
    statement::{Erasure, Header, Trace},
    time::Time,
};

use super::{
    Frame,
    figures::{ErasureFigure, TraceFigure},
    names::Names,
};

/// The most groups of traces that are told apart, at some 100 bytes each. Few systems may trace, for a handful of purposes; a purpose
/// is any code, though.
const MAX_GROUPS: usize = 1_000;
/// The most orders and accounts of erasures that are listed: of accounts there is one a day, of orders a few.
const MAX_ERASURES: usize = 2_000;

/// What was found out about holders, and what was erased.
#[derive(Default)]
pub(super) struct Holders {
    /// By department and purpose; none where there are too many to tell apart.
    traces: BTreeMap<Option<(Uscc, Code)>, Tally>,
    erasures: Vec<Act>,
}

#[derive(Default)]
struct Tally {
    done: u64,
    refused: u64,
    exchanges: u64,
    with_legal_basis: u64,
}

struct Act {
    index: u64,
    time: Time,
    what: &'static str,
    department: Option<Uscc>,
    selection: String,
    count: Option<u64>,
}

impl Holders {
    /// Counts a trace.
    pub(super) fn trace(&mut self, header: &Header, trace: &Trace, outcome: &Outcome) {
        let key = Some((*header.actor.department(), trace.purpose.clone()));
        let is_known = self.traces.len() < MAX_GROUPS || self.traces.contains_key(&key);
        let tally = self.traces.entry(key.filter(|_| is_known)).or_default();
        match outcome {
            Outcome::HolderTraced(traced) => {
                tally.done += 1;
                tally.exchanges = tally.exchanges.saturating_add(traced.exchanges);
                tally.with_legal_basis += u64::from(trace.legal_basis.is_some());
            }
            _ => tally.refused += 1,
        }
    }

    /// Takes an order to erase.
    pub(super) fn order(&mut self, index: u64, time: Time, header: &Header, erasure: Erasure, outcome: &Outcome) {
        let what = if matches!(outcome, Outcome::ErasureOrdered) { "ORDERED" } else { "REFUSED" };
        let selection = match erasure {
            Erasure::Before(before) => format!("before {before}"),
            Erasure::Holder(_) => "of one holder".to_owned(),
        };
        self.push(Act { index, time, what, department: Some(*header.actor.department()), selection, count: None });
    }

    /// Takes what the hub told of erasures.
    pub(super) fn erased(&mut self, index: u64, time: Time, erased: &Erased) {
        let selection = format!("from {} to {}", erased.since, erased.until);
        self.push(Act { index, time, what: "ERASED", department: None, selection, count: Some(erased.count) });
    }

    fn push(&mut self, act: Act) {
        if self.erasures.len() < MAX_ERASURES {
            self.erasures.push(act);
        }
    }

    /// The figures: traces by how many there were, erasures in their order.
    pub(super) fn finish(&self, names: &Names<'_>, frame: &Frame) -> (Vec<TraceFigure>, Vec<ErasureFigure>) {
        let mut traces: Vec<_> = (self.traces.iter())
            .map(|(key, tally)| TraceFigure {
                department: names.party(key.as_ref().map(|(department, _)| *department)),
                purpose: key.as_ref().map(|(_, purpose)| purpose.to_string()).unwrap_or_default(),
                done: tally.done,
                refused: tally.refused,
                exchanges: tally.exchanges,
                with_legal_basis: tally.with_legal_basis,
            })
            .collect();
        traces.sort_by_key(|row| std::cmp::Reverse(row.done));
        let erasures = (self.erasures.iter())
            .map(|act| ErasureFigure {
                index: act.index,
                time: frame.local(act.time),
                what: act.what,
                department: names.party(act.department),
                selection: act.selection.clone(),
                count: act.count,
            })
            .collect();
        (traces, erasures)
    }
}
