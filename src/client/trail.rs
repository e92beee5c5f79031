//! The answer to a trace, held against what was asked and against what is known of the log.
//!
//! A hub can leave out an exchange and count one less; that nobody but those who were party to it can notice. Anything else it adds,
//! moves or alters is found here.

use super::{
    Error, Holder, TraceRequest, TracedExchange,
    trace::unproven,
    verify::{self, VerifiedReceipt},
};
use crate::{
    domain::{agreement::LookupKind, outcome::HolderTraced, statement::Statement},
    sign::{LogVerifier, commitment::Opening},
    wire::{self, Malformed, proto},
};

/// What came of a trace so far.
#[derive(Debug)]
pub(super) struct Trail<'a> {
    request: &'a TraceRequest,
    /// What the trace's own entry says.
    traced: HolderTraced,
    exchanges: Vec<TracedExchange>,
}

impl<'a> Trail<'a> {
    /// The answer to a request, of which the entry says this. Before it was asked the log had `known` entries at least.
    pub(super) fn begin(request: &'a TraceRequest, traced: HolderTraced, known: u64) -> Result<Self, Error> {
        if traced.log_size < known {
            let why = format!("{} entries were looked at; the log had {known} before it was asked", traced.log_size);
            return Err(unproven("extent of the search", &why));
        }
        Ok(Self { request, traced, exchanges: Vec::new() })
    }

    /// Takes the next exchange.
    pub(super) fn take(&mut self, exchange: proto::TracedExchange, log_key: &LogVerifier) -> Result<(), Error> {
        let exchange = check_exchange(exchange, log_key)?;
        self.check_place(&exchange.receipt)?;
        self.check_time(&exchange.receipt)?;
        check_names(&exchange, &self.request.holder)?;
        self.exchanges.push(exchange);
        Ok(())
    }

    /// All that came, if it is as many as the entry says.
    pub(super) fn finish(self) -> Result<Vec<TracedExchange>, Error> {
        let (said, came) = (self.traced.exchanges, self.exchanges.len());
        if came as u64 == said {
            return Ok(self.exchanges);
        }
        Err(unproven("number of exchanges", &format!("the entry says {said} exchanges, {came} came")))
    }

    /// Whether an exchange comes after the one before, and is among the entries that were looked at.
    fn check_place(&self, receipt: &VerifiedReceipt) -> Result<(), Error> {
        let (index, size) = (receipt.index, self.traced.log_size);
        let follows = self.exchanges.last().is_none_or(|last| last.receipt.index < index);
        if follows && index < size {
            return Ok(());
        }
        Err(unproven("order of exchanges", &format!("entry {index} is out of place, or not among the first {size}")))
    }

    /// Whether an exchange is of the time that was asked for.
    fn check_time(&self, receipt: &VerifiedReceipt) -> Result<(), Error> {
        let (time, TraceRequest { since, until, .. }) = (receipt.time(), self.request);
        if since.is_none_or(|since| since <= time) && until.is_none_or(|until| time < until) {
            return Ok(());
        }
        Err(unproven("time of exchanges", &format!("entry {} of {time} was not asked for", receipt.index)))
    }
}

/// Verifies an exchange: the receipt under the log's key, and that each opening opens a commitment of its statement.
fn check_exchange(exchange: proto::TracedExchange, log_key: &LogVerifier) -> Result<TracedExchange, Error> {
    let receipt = exchange.receipt.unwrap_or_default();
    let receipt = verify::receipt(&receipt.entry, receipt.proof.as_bytes(), log_key).into_result("an exchange")?;
    let malformed = |error: Malformed| unproven("openings", &error.to_string());
    let names = wire::openings_from_proto(exchange.openings).map_err(malformed)?;
    let case = wire::openings_from_proto(exchange.case.into_iter().collect()).map_err(malformed)?.pop();
    let (header, commitments, case_commitment) = match &receipt.statement {
        Some(Statement::Query(header, query)) => (header, query.commitments.as_slice(), query.case_commitment),
        Some(Statement::Trace(header, trace)) => (header, std::slice::from_ref(&trace.holder), trace.case_commitment),
        _ => return Err(unproven("statement", &format!("entry {} asks about nobody", receipt.index))),
    };
    let opens_one = |opening: &Opening| commitments.iter().any(|commitment| opening.verify(&commitment.0).is_ok());
    if names.is_empty() || !names.iter().all(opens_one) {
        return Err(unproven("openings", &format!("entry {} does not commit to what was said of it", receipt.index)));
    }
    if case.as_ref().is_some_and(|case| case.verify(&case_commitment.0).is_err()) {
        return Err(unproven("case", &format!("entry {} does not commit to the case said of it", receipt.index)));
    }
    let (actor, case) = (header.actor.clone(), case.map(|case| case.value().to_owned()));
    Ok(TracedExchange { receipt, actor, names, case })
}

/// Whether what names its holder names the one asked about. Whose a record is, is the hub's word.
fn check_names(exchange: &TracedExchange, holder: &Holder) -> Result<(), Error> {
    let names_records =
        matches!(&exchange.receipt.statement, Some(Statement::Query(_, query)) if query.lookup == LookupKind::Record);
    let is_holder = |name: &Opening| name.scheme() == holder.scheme() && name.value() == holder.value();
    if names_records || exchange.names.iter().all(is_holder) {
        return Ok(());
    }
    Err(unproven("holder", &format!("entry {} asks about somebody else", exchange.receipt.index)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "trail_tests.rs"]
mod tests;
