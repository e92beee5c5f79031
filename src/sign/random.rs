//! Randomness as an argument, so that every format has a golden vector.

use std::sync::Mutex;

use ring::rand::{SecureRandom, SystemRandom};

use super::Error;

/// A source of random bytes. Outside tests it is [`SystemRandomness`].
pub trait Random: Send + Sync {
    /// Fills `out` wholly with bytes nobody can predict.
    ///
    /// # Errors
    /// [`Error::Randomness`] when the source fails; `out` is then not to be used.
    fn fill(&self, out: &mut [u8]) -> Result<(), Error>;
}

/// The operating system's generator, through ring.
#[derive(Debug, Clone)]
pub struct SystemRandomness(SystemRandom);

impl SystemRandomness {
    /// The generator; opening it costs nothing.
    #[must_use]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemRandomness {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for SystemRandomness {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fill(out).map_err(|_| Error::Randomness)
    }
}

/// Bytes that [`DrawnAhead`] draws at a time: the nonces of some forty seals.
const DRAWN_BYTES: usize = 512;

/// Another source, asked for many bytes at a time: for what is made often and is no secret, such as nonces. Each byte is given once.
pub struct DrawnAhead<R> {
    source: R,
    drawn: Mutex<Vec<u8>>,
}

impl<R: Random> DrawnAhead<R> {
    /// Nothing is drawn yet.
    pub fn new(source: R) -> Self {
        Self { source, drawn: Mutex::default() }
    }
}

impl<R: Random> Random for DrawnAhead<R> {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        if out.len() > DRAWN_BYTES {
            return self.source.fill(out);
        }
        let mut drawn = self.drawn.lock().map_err(|_| Error::Randomness)?;
        if drawn.len() < out.len() {
            let mut fresh = vec![0; DRAWN_BYTES];
            self.source.fill(&mut fresh)?;
            *drawn = fresh;
        }
        let rest = drawn.len() - out.len();
        out.copy_from_slice(drawn.get(rest..).ok_or(Error::Randomness)?);
        drawn.truncate(rest);
        Ok(())
    }
}

/// `N` fresh random bytes.
pub(crate) fn bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], Error> {
    let mut out = [0; N];
    random.fill(&mut out)?;
    Ok(out)
}

/// A tape of known bytes that fails when it has run out: the randomness of golden vectors.
#[cfg(test)]
pub(crate) mod tape {
    use super::{Error, Mutex, Random};

    pub(crate) struct Tape(Mutex<Vec<u8>>);

    impl Tape {
        pub(crate) fn new(bytes: &[u8]) -> Self {
            Self(Mutex::new(bytes.to_vec()))
        }
    }

    impl Random for Tape {
        fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
            let mut tape = self.0.lock().map_err(|_| Error::Randomness)?;
            if tape.len() < out.len() {
                return Err(Error::Randomness);
            }
            let rest = tape.split_off(out.len());
            out.copy_from_slice(&tape);
            *tape = rest;
            Ok(())
        }
    }
}
