//! When calls arrive in the open loop, whatever becomes of those before.

use std::time::Duration;

/// The seed: every run has the same arrivals, so that two runs differ by what they measure.
const SEED: u64 = 0x48_75_74_6f_6e_67;

/// Moments after a beginning, without end: callers who know nothing of each other, which makes the time between two of them
/// exponentially distributed. As many come together as do in life.
pub(crate) struct Schedule {
    mean_gap: f64,
    at: f64,
    state: u64,
}

impl Schedule {
    /// So many arrivals a second, in the mean.
    pub(crate) fn new(per_second: f64) -> Self {
        Self { mean_gap: per_second.max(f64::MIN_POSITIVE).recip(), at: 0.0, state: SEED }
    }

    /// The next number of SplitMix64, over 0 and at most 1.
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The upper 53 bits, which is what an f64 holds.
        ((mixed >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.at += -self.uniform().ln() * self.mean_gap;
        Duration::try_from_secs_f64(self.at).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_have_the_rate_that_was_asked_for_and_come_as_they_like() {
        let arrivals: Vec<Duration> = Schedule::new(1_000.0).take(100_000).collect();
        assert!(arrivals.is_sorted());
        let last = arrivals.last().map_or(0.0, Duration::as_secs_f64);
        assert!((last - 100.0).abs() < 2.0, "{last}");
        // Of exponential gaps e⁻¹ are longer than the mean, and e⁻³ longer than three of it.
        let gaps = arrivals.windows(2).map(|two| two[1] - two[0]);
        let longer = |than: f64| gaps.clone().filter(|gap| gap.as_secs_f64() > than).count() as f64 / 1e5;
        assert!((longer(0.001) - 0.368).abs() < 0.01 && (longer(0.003) - 0.050).abs() < 0.005, "{}", longer(0.001));
    }

    #[test]
    fn two_runs_have_the_same_arrivals() {
        assert!(Schedule::new(7.0).take(100).eq(Schedule::new(7.0).take(100)));
    }
}
