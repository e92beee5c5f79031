//! Projections against the log: checked by making them anew beside, or made anew in their place.

use crate::{
    sign::{LogVerifier, sealing::BlindIndex},
    store::{Projections, Store},
};

use super::{
    Error, genesis,
    projection::{Terms, catch_up},
};

/// A difference between projections and those made anew. Keys and values are blind, but not for people: only their number is
/// told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// How many rows there are.
    pub found: usize,
    /// How many there should be.
    pub expected: usize,
    /// How many rows that should be there are missing or differ.
    pub differing: usize,
}

/// Checks the log's last checkpoint, brings the projections up to the log, and compares them with others made anew in
/// `scratch`, which must be empty. `progress` hears how many entries have been replayed, and of how many.
///
/// # Errors
/// When the log or a body does not read: that is damage, and the message names the place.
pub fn check_projections(
    store: &Store,
    blind_index: BlindIndex,
    verifier: &LogVerifier,
    scratch: &dyn Projections,
    mut progress: impl FnMut(u64, u64),
) -> Result<Option<Difference>, Error> {
    genesis::check_tail(store.log.as_ref(), verifier)?;
    let terms = Terms::new(blind_index);
    let (reader, bodies) = (store.reader.as_ref(), store.bodies.as_ref());
    catch_up(reader, bodies, store.projections.as_ref(), &terms, &mut |_, _| {})?;
    catch_up(reader, bodies, scratch, &terms, &mut progress)?;
    let (found, expected) = (store.projections.dump()?, scratch.dump()?);
    // Both are in the order of their keys.
    let differing = expected.iter().filter(|row| found.binary_search(row).is_err()).count();
    let same = differing == 0 && found.len() == expected.len();
    Ok((!same).then_some(Difference { found: found.len(), expected: expected.len(), differing }))
}

/// Makes the projections anew from the log and the bodies, durably.
///
/// # Errors
/// As [`check_projections`].
pub fn rebuild_projections(
    store: &Store,
    blind_index: BlindIndex,
    verifier: &LogVerifier,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), Error> {
    genesis::check_tail(store.log.as_ref(), verifier)?;
    store.projections.reset()?;
    let terms = Terms::new(blind_index);
    catch_up(store.reader.as_ref(), store.bodies.as_ref(), store.projections.as_ref(), &terms, &mut progress)?;
    Ok(store.projections.flush()?)
}
