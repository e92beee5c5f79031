//! Queries, signed beforehand: what signing costs the consumer is none of the hub's costs.

use std::{ops::Range, thread};

use anyhow::{Context as _, bail};
use prost::Message as _;

use super::{
    city::{Actor, City},
    cpus::Cpus,
    now,
};
use crate::{
    domain::time::Time,
    wire::{self, proto::SubmitQueryRequest},
};

/// Knuth's multiplier: an odd number near 2³² over the golden ratio, by which successive numbers fall far from each other.
const SPREAD: u64 = 2_654_435_761;

/// Makes signed queries of one system.
#[derive(Clone, Copy)]
pub(crate) struct Signer<'a> {
    /// Who asks.
    pub(crate) actor: &'a Actor,
    /// How many records there are to ask for.
    pub(crate) records: u32,
    /// On which processors is signed, all at once.
    pub(crate) cpus: &'a Cpus,
}

impl Signer<'_> {
    /// So many queries, spread over all records; `from` says where they go on.
    pub(crate) fn sign(&self, from: u32, count: u32) -> anyhow::Result<Vec<SubmitQueryRequest>> {
        let now = now()?;
        in_parallel(self.cpus, from..from.saturating_add(count), |number| self.one(number, now))
    }

    fn one(&self, number: u32, now: Time) -> anyhow::Result<SubmitQueryRequest> {
        let (statement, openings) = City::query_of(self.actor, spread(number, self.records), now)?;
        Ok(SubmitQueryRequest {
            envelope: Some(wire::envelope_to_proto(&self.actor.sign(&statement)?)),
            openings: openings.iter().map(wire::opening_to_proto).collect(),
        })
    }
}

/// The bytes of the first.
pub(crate) fn bytes_of_first(queries: &[SubmitQueryRequest]) -> usize {
    queries.first().map_or(0, SubmitQueryRequest::encoded_len)
}

/// The record that a query is about: neighbours in time are none in the store.
fn spread(number: u32, records: u32) -> u32 {
    let far = u64::from(number).wrapping_mul(SPREAD) % u64::from(records.max(1));
    u32::try_from(far).unwrap_or_default()
}

/// Makes something of each number, in order, on a thread for each processor.
pub(crate) fn in_parallel<T: Send>(
    cpus: &Cpus,
    numbers: Range<u32>,
    make: impl Fn(u32) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let share = numbers.len().div_ceil(cpus.count()).max(1);
    let make = &make;
    thread::scope(|scope| {
        let threads: Vec<_> = numbers
            .clone()
            .step_by(share)
            .map(|first| {
                let last = first.saturating_add(u32::try_from(share).unwrap_or(u32::MAX)).min(numbers.end);
                scope.spawn(move || {
                    cpus.keep_this_thread().with_context(|| format!("cannot keep to processor {cpus}"))?;
                    (first..last).map(make).collect::<anyhow::Result<Vec<T>>>()
                })
            })
            .collect();
        let mut all = Vec::with_capacity(numbers.len());
        for thread in threads {
            match thread.join() {
                Ok(made) => all.extend(made?),
                Err(_) => bail!("a thread panicked"),
            }
        }
        Ok(all)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn work_side_by_side_keeps_its_order_and_its_errors() {
        let cpus = Cpus::available().unwrap();
        assert_eq!(
            in_parallel(&cpus, 3..20, |number| Ok(number * 2)).unwrap(),
            (3..20).map(|n| n * 2).collect::<Vec<_>>()
        );
        assert!(in_parallel(&cpus, 0..0, Ok).unwrap().is_empty());
        let failed = in_parallel(&cpus, 0..9, |number| if number == 7 { bail!("seven") } else { Ok(number) });
        assert_eq!(failed.unwrap_err().to_string(), "seven");
    }

    #[test]
    fn queries_go_through_the_whole_store() {
        let seen: std::collections::BTreeSet<u32> = (0..1_000).map(|number| spread(number, 1_000)).collect();
        assert!(seen.len() > 900, "{}", seen.len());
        assert!(seen.iter().all(|record| *record < 1_000));
        assert_eq!(spread(7, 0), 0);
    }
}
