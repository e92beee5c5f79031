//! Honest histories, at random and seeded: departments do right and wrong, the hub answers as it must, and nothing is found.

mod act;
mod city;

use std::{cell::RefCell, collections::BTreeMap, num::NonZeroUsize, thread};

use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use tempfile::TempDir;

use super::{Folder, Options, Trust, found, hub::log_signer, verify};

use act::{Act, act};
use city::City;

/// How many histories are lived through, unless `HUTONG_HISTORIES` says otherwise.
const HISTORIES: u32 = 1_000;
/// How many threads live through them. Each has its own seed, so that the histories are the same on every machine.
const THREADS: u8 = 4;
/// The most acts of one history: enough for an agreement to be made, amended and ended.
const MOST_ACTS: usize = 48;

type Outcomes = BTreeMap<&'static str, u64>;

/// Lives through a history, and verifies its log: what keys signed since their compromise is suspect, and nothing else is found.
fn live(acts: Vec<Act>) -> Result<Outcomes, TestCaseError> {
    let mut city = City::founded();
    for act in acts {
        city.play(act);
    }
    let temporary = TempDir::new().unwrap();
    city.hub.source().lay_out(temporary.path());
    let options = Options { threads: NonZeroUsize::MIN, ..Options::default() };
    let trust = Trust::in_key(log_signer(7).verifier());
    let report = verify(&Folder::new(temporary.path()), &trust, &options, &mut ()).unwrap();
    let suspects: Vec<_> = city.suspects.iter().map(|index| (Some(*index), "SIGNATURE_SUSPECT".to_owned())).collect();
    prop_assert_eq!(found(&report), suspects, "{}", report);
    prop_assert_eq!(report.entries, city.hub.size());
    Ok(city.outcomes)
}

/// Lives through so many histories, and tells what came of statements in all of them.
fn live_through(seed: u8, histories: u32) -> Outcomes {
    let config = ProptestConfig { cases: histories, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let outcomes = RefCell::new(Outcomes::new());
    let lived = TestRunner::new_with_rng(config, rng).run(&prop::collection::vec(act(), 1..MOST_ACTS), |acts| {
        add(&mut outcomes.borrow_mut(), live(acts)?);
        Ok(())
    });
    lived.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    outcomes.into_inner()
}

fn add(all: &mut Outcomes, more: Outcomes) {
    more.into_iter().for_each(|(outcome, count)| *all.entry(outcome).or_default() += count);
}

#[test]
fn nothing_is_found_in_honest_histories() {
    let histories = std::env::var("HUTONG_HISTORIES").map_or(HISTORIES, |number| number.parse().unwrap());
    let outcomes = thread::scope(|scope| {
        let share =
            |seed: u8| histories / u32::from(THREADS) + u32::from(u32::from(seed) < histories % u32::from(THREADS));
        let threads: Vec<_> = (0..THREADS).map(|seed| scope.spawn(move || live_through(seed, share(seed)))).collect();
        let mut all = Outcomes::new();
        threads.into_iter().for_each(|thread| add(&mut all, thread.join().unwrap()));
        all
    });
    println!("{histories} histories: {outcomes:?}");
    if histories >= HISTORIES {
        assert_eq!(City::unrefused(&outcomes), [], "every reason refuses something in some history");
        for outcome in ["permitted", "published", "applied", "traced", "ordered", "suppressed", "erased"] {
            assert!(outcomes.contains_key(outcome), "nothing was {outcome}");
        }
    }
}
