//! Keys that may verify again and again: the busiest are made ready for it, as far as there is room.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use super::{Algorithm, Error, PreparedKey, Verifier, VerifyingKey};

/// Room for prepared keys. Whoever holds many keys has one for all of them, so that how much memory they take is bounded, however
/// many they are.
#[derive(Debug)]
pub struct Room(AtomicUsize);

impl Room {
    /// Room for so many keys, of [`PreparedKey::BYTES`] each.
    #[must_use]
    pub fn of(keys: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(keys)))
    }

    /// Takes the room of one key, if there is any left.
    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn give_back(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A key that counts what it verifies, and is prepared once that is worth the while.
pub struct BusyKey {
    plain: VerifyingKey,
    room: Arc<Room>,
    prepared: OnceLock<PreparedKey>,
    verified: AtomicU32,
}

impl BusyKey {
    /// A key that has verified nothing yet.
    #[must_use]
    pub fn new(plain: VerifyingKey, room: &Arc<Room>) -> Self {
        Self { plain, room: Arc::clone(room), prepared: OnceLock::new(), verified: AtomicU32::new(0) }
    }

    /// The 32 raw bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; VerifyingKey::LENGTH] {
        self.plain.as_bytes()
    }

    /// Whether it is prepared.
    #[must_use]
    pub fn is_prepared(&self) -> bool {
        self.prepared.get().is_some()
    }

    /// Prepares the key when its time has come. The thread whose verification makes it worth the while does it, the others go on
    /// without; a key that finds no room tries again as many verifications later.
    fn prepare_when_worth(&self) {
        let verified = self.verified.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if !verified.is_multiple_of(PreparedKey::WORTH) || !self.room.take() {
            return;
        }
        let prepared = PreparedKey::new(&self.plain).is_some_and(|prepared| self.prepared.set(prepared).is_ok());
        if !prepared {
            self.room.give_back();
        }
    }
}

impl Drop for BusyKey {
    fn drop(&mut self) {
        if self.is_prepared() {
            self.room.give_back();
        }
    }
}

impl Verifier for BusyKey {
    fn algorithm(&self) -> Algorithm {
        self.plain.algorithm()
    }

    fn kid(&self) -> &str {
        self.plain.kid()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        if let Some(prepared) = self.prepared.get() {
            return prepared.verify(message, signature);
        }
        self.prepare_when_worth();
        self.plain.verify(message, signature)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sign::{Secret, Signer as _, SigningKey};

    fn verify(key: &SigningKey, busy: &BusyKey, times: u32) {
        let signature = key.sign(b"message").unwrap();
        for _ in 0..times {
            busy.verify(b"message", &signature).unwrap();
            busy.verify(b"massage", &signature).unwrap_err();
        }
    }

    #[test]
    fn a_key_is_prepared_when_it_is_busy_and_there_is_room_which_it_gives_back() {
        let key = SigningKey::from_seed(&Secret::from_bytes(&[7; Secret::LENGTH])).unwrap();
        let room = Room::of(1);
        let busy = || BusyKey::new(key.verifying_key().clone(), &room);
        let (first, second) = (busy(), busy());
        verify(&key, &first, PreparedKey::WORTH / 2 - 1);
        assert!(!first.is_prepared());
        verify(&key, &first, 1);
        assert!(first.is_prepared());
        verify(&key, &second, PreparedKey::WORTH);
        assert!(!second.is_prepared(), "there was room for one");
        drop(first);
        verify(&key, &second, PreparedKey::WORTH / 2);
        assert!(second.is_prepared());
    }
}
