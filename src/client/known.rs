//! What the directory had a short while ago.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// How long a key, or a department's rights, are believed to be as the directory had them: a compromise, a retirement or a
/// withdrawal is noticed within this time, and a consumer that asks all day asks for them six times an hour.
pub(super) const KNOWN_FOR: Duration = Duration::from_secs(600);

/// What was learnt, each with the time at which it was.
pub(super) struct Known<K, V>(HashMap<K, (Instant, V)>);

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq, V> Known<K, V> {
    /// What is known, if it was learnt lately.
    pub(super) fn get(&self, what: &K, now: Instant) -> Option<&V> {
        let (learnt, value) = self.0.get(what)?;
        (now.saturating_duration_since(*learnt) < KNOWN_FOR).then_some(value)
    }

    /// Remembers in place of what was known.
    pub(super) fn learn(&mut self, what: K, value: V, now: Instant) {
        self.0.insert(what, (now, value));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{client::fixture, domain::directory::Key};

    #[test]
    fn a_key_is_asked_for_again_after_its_time() {
        let key = fixture::provider_key_entry();
        let (begin, second) = (Instant::now(), Duration::from_secs(1));
        let mut known = Known::default();
        assert_eq!(known.get(&key.kid, begin), None);
        known.learn(key.kid, key.clone(), begin);
        assert_eq!(known.get(&key.kid, begin + KNOWN_FOR - second), Some(&key));
        assert_eq!(known.get(&key.kid, begin + KNOWN_FOR), None);

        let compromised = Key { compromised_since: Some(fixture::now()), ..key.clone() };
        known.learn(compromised.kid, compromised.clone(), begin + KNOWN_FOR);
        assert_eq!(known.get(&key.kid, begin + KNOWN_FOR), Some(&compromised));
    }
}
