//! The order that the sequencer makes, and the time it gives.

use super::world::World;
use crate::{hub::Clock as _, store::memory, wire::Entry};

/// A batch takes its time when it begins, and drafts that were decided a little later still join it. Were its entries timed
/// before their decisions, an auditor would decide them again at another moment, and at midnight or at an agreement's first
/// instant come to another outcome.
#[tokio::test(flavor = "multi_thread")]
async fn entry_is_not_timed_before_its_decision() {
    let world = World::furnished(memory::store()).await;
    world.pass(60);
    let start = world.clock.now();
    world.clock.run_backwards();
    // Readings: the statement's issued_at, then the decision, then the batch.
    let answer = world.ask_holder(0).await;
    assert_eq!(Entry::decode(&answer.receipt.entry).unwrap().time, start.plus_seconds(-1));
}
