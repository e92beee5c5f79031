//! How many calls of one department are at work, so that none takes the places of all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::domain::identifier::Uscc;

/// The calls at work, by department.
#[derive(Debug, Default)]
pub(super) struct Shares(Mutex<HashMap<Uscc, usize>>);

/// One call's part of its department's share, until it is dropped.
#[derive(Debug)]
pub(super) struct Part {
    shares: Arc<Shares>,
    department: Uscc,
}

impl Shares {
    /// Takes a part for a call of a department, unless so many are taken.
    pub(super) fn take(self: &Arc<Self>, department: &Uscc, limit: usize) -> Option<Part> {
        let mut taken = self.taken();
        let count = taken.entry(*department).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Part { shares: Arc::clone(self), department: *department })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Uscc, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        if let Some(count) = taken.get_mut(&self.department) {
            *count -= 1;
            // Who asks nothing is not remembered: the table holds no more than the calls at work.
            if *count == 0 {
                taken.remove(&self.department);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_department_has_no_more_than_its_share_and_others_are_not_touched() {
        let shares = Arc::new(Shares::default());
        let (one, other) = ("11100000000013338W".parse().unwrap(), "11330105002500287C".parse().unwrap());
        let first = shares.take(&one, 2).unwrap();
        let _second = shares.take(&one, 2).unwrap();
        assert!(shares.take(&one, 2).is_none());
        assert!(shares.take(&other, 2).is_some());
        drop(first);
        assert!(shares.take(&one, 2).is_some());
        assert_eq!(shares.taken().len(), 1, "who asks nothing is not remembered");
    }
}
