//! How long calls took: histograms that keep three digits whatever the range (HdrHistogram), and what is told of them.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest latency told apart, in microseconds: two minutes, the longest deadline that a hub allows. Longer ones count as this.
const LONGEST_US: u64 = 120_000_000;
/// Digits that are kept: within a thousandth.
const DIGITS: u8 = 3;

/// The percentiles of a curve: ever closer to the whole, as the tail is what hurts.
const CURVE: [f64; 14] = [0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.75, 99.9, 99.99, 100.0];

/// How long calls took.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        match Histogram::new_with_bounds(1, LONGEST_US, DIGITS) {
            Ok(histogram) => Self(histogram),
            Err(_) => unreachable!("these bounds are in order"),
        }
    }
}

impl Latencies {
    /// Counts a call.
    pub(crate) fn record(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST_US).max(1));
    }

    /// Counts all calls of another.
    pub(crate) fn add(&mut self, other: &Self) {
        // Both have the same bounds, so nothing can be out of them.
        let _ = self.0.add(&other.0);
    }

    /// How many calls.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// What so many of a hundred calls took at most, in microseconds; 0 where there is none.
    pub(crate) fn percentile(&self, percentile: f64) -> u64 {
        if self.0.is_empty() { 0 } else { self.0.value_at_percentile(percentile) }
    }

    /// What is told.
    pub(crate) fn summary(&self) -> Summary {
        Summary {
            count: self.count(),
            mean_us: if self.0.is_empty() { 0.0 } else { self.0.mean() },
            p50_us: self.percentile(50.0),
            p90_us: self.percentile(90.0),
            p99_us: self.percentile(99.0),
            p99_9_us: self.percentile(99.9),
            max_us: self.percentile(100.0),
            curve: CURVE.iter().map(|percentile| (*percentile, self.percentile(*percentile))).collect(),
        }
    }
}

/// What is told of latencies, in microseconds, each within a thousandth.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many calls.
    pub count: u64,
    /// The mean.
    pub mean_us: f64,
    /// The median.
    pub p50_us: u64,
    /// Nine of ten took at most this.
    pub p90_us: u64,
    /// 99 of a hundred did.
    pub p99_us: u64,
    /// 999 of a thousand did.
    pub p99_9_us: u64,
    /// The longest.
    pub max_us: u64,
    /// Percentiles, and what they took.
    pub curve: Vec<(f64, u64)>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        micros.into_iter().for_each(|micros| latencies.record(Duration::from_micros(micros)));
        latencies
    }

    /// Equal up to the digits that are kept.
    fn near(told: u64, real: u64) -> bool {
        told.abs_diff(real) * 1_000 <= real
    }

    #[test]
    fn percentiles_are_those_of_the_calls_counted() {
        let summary = of(1..=10_000).summary();
        assert_eq!(summary.count, 10_000);
        let told = [summary.p50_us, summary.p90_us, summary.p99_us, summary.p99_9_us, summary.max_us];
        for (told, real) in told.into_iter().zip([5_000, 9_000, 9_900, 9_990, 10_000]) {
            assert!(near(told, real), "{told} for {real}");
        }
        assert!((summary.mean_us - 5_000.5).abs() < 5.0, "{}", summary.mean_us);
        assert!(summary.curve.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1));
    }

    #[test]
    fn one_call_in_a_thousand_is_seen_in_the_tail_only() {
        let summary = of(std::iter::repeat_n(100, 999).chain([50_000])).summary();
        assert!(near(summary.p99_us, 100) && near(summary.max_us, 50_000), "{summary:?}");
    }

    #[test]
    fn sums_are_the_sum_and_nothing_is_out_of_bounds() {
        let mut sum = of([1, 2, 3]);
        sum.add(&of([4, 0, u64::MAX]));
        assert_eq!(sum.count(), 6);
        assert!(near(sum.percentile(100.0), LONGEST_US), "{}", sum.percentile(100.0));
    }

    #[test]
    fn no_calls_are_told_as_none() {
        let summary = Latencies::default().summary();
        assert_eq!((summary.count, summary.p99_us, summary.mean_us), (0, 0, 0.0));
    }
}
