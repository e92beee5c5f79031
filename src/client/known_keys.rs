//! Keys as the directory had them a short while ago.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::domain::{directory::Key, id::KeyId};

/// How long a key is believed to be as the directory had it: a compromise or a retirement is noticed within this time, and a
/// consumer that asks all day asks for keys six times an hour.
pub(super) const KEYS_KNOWN_FOR: Duration = Duration::from_secs(600);

/// The keys, each with the time at which it was learnt.
#[derive(Default)]
pub(super) struct KnownKeys(HashMap<KeyId, (Instant, Key)>);

impl KnownKeys {
    /// The key, if it was learnt lately.
    pub(super) fn get(&self, kid: &KeyId, now: Instant) -> Option<&Key> {
        let (learnt, key) = self.0.get(kid)?;
        (now.saturating_duration_since(*learnt) < KEYS_KNOWN_FOR).then_some(key)
    }

    /// Remembers keys in place of what was known of them.
    pub(super) fn learn<'k>(&mut self, keys: impl Iterator<Item = &'k Key>, now: Instant) {
        self.0.extend(keys.map(|key| (key.kid, (now, key.clone()))));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::client::fixture;

    #[test]
    fn a_key_is_asked_for_again_after_its_time() {
        let key = fixture::provider_key_entry();
        let (begin, second) = (Instant::now(), Duration::from_secs(1));
        let mut known = KnownKeys::default();
        assert_eq!(known.get(&key.kid, begin), None);
        known.learn([&key].into_iter(), begin);
        assert_eq!(known.get(&key.kid, begin + KEYS_KNOWN_FOR - second), Some(&key));
        assert_eq!(known.get(&key.kid, begin + KEYS_KNOWN_FOR), None);

        let compromised = Key { compromised_since: Some(fixture::now()), ..key.clone() };
        known.learn([&compromised].into_iter(), begin + KEYS_KNOWN_FOR);
        assert_eq!(known.get(&key.kid, begin + KEYS_KNOWN_FOR), Some(&compromised));
    }
}
