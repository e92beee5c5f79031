/// SplitMix64 (Steele, Lea, Flood 2014): a small generator whose numbers follow from its seed for ever. It makes
/// examples, never keys.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The numbers for one thing: the `index`th of its kind in a seed's world.
    pub(super) fn of(seed: u64, kind: &str, index: u64) -> Self {
        let kind = kind.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(257) + u64::from(byte));
        let mut mixed = Self(seed ^ kind.rotate_left(32));
        let start = mixed.next();
        Self(start ^ index.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below a bound; 0 for a bound of 0. The bias of at most `bound` / 2^64 shows in no example.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// One of some words.
    pub(super) fn pick(&mut self, words: &[&'static str]) -> &'static str {
        let index = self.below(words.len() as u64);
        usize::try_from(index).ok().and_then(|index| words.get(index)).copied().unwrap_or_default()
    }
}

/// A permutation of the numbers below a power of ten: distinct numbers stay distinct and lose their order.
pub(super) fn scatter(number: u64, seed: u64, below: u64) -> u64 {
    /// Ends in 7, so that it has no factor in common with a power of ten.
    const MULTIPLIER: u64 = 7_368_787;
    let number = u128::from(number) * u128::from(MULTIPLIER) + u128::from(seed);
    u64::try_from(number % u128::from(below.max(1))).unwrap_or(0)
}
