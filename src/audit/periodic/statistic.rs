//! What is usual: the median of earlier values, and how far they lie from it. Unlike mean and standard deviation neither is
//! moved by the few wild values that are being looked for.

/// How many deviations above the median is unusual. With values spread as a normal distribution spreads them, 6 is exceeded
/// once in a thousand million; real rates have heavier tails, and a report should name few.
const DEVIATIONS: f64 = 6.0;
/// What makes the median absolute deviation of a normal distribution its standard deviation.
const CONSISTENCY: f64 = 1.4826;

/// The middle of some values, and what lies far above it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usual {
    pub(super) median: f64,
    pub(super) threshold: f64,
}

/// What is usual according to these values; `None` of none.
///
/// Counts that hardly ever varied have a deviation of nearly 0, so it is at least the square root of the median, which is how
/// far counts of independent events lie from it, and at least 1.
pub(super) fn usual(values: &[f64]) -> Option<Usual> {
    let middle = median(values.to_vec())?;
    let deviation = median(values.iter().map(|value| (value - middle).abs()).collect())?;
    let spread = (CONSISTENCY * deviation).max(middle.max(0.0).sqrt()).max(1.0);
    Some(Usual { median: middle, threshold: middle + DEVIATIONS * spread })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*values.get(values.len() / 2 - 1)?, upper))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle() {
        for (values, middle) in [(vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 9.0], 3.0)] {
            assert_eq!(median(values), Some(middle));
        }
        assert_eq!(usual(&[]), None);
    }

    #[test]
    fn one_wild_value_does_not_make_the_next_usual() {
        let calm = usual(&[100.0, 110.0, 90.0, 105.0, 95.0]).unwrap();
        let wild = usual(&[100.0, 110.0, 90.0, 105.0, 100_000.0]).unwrap();
        assert_eq!(calm.median, 100.0);
        assert!(wild.threshold < 200.0, "{wild:?}");
        assert_eq!(usual(&[0.0, 0.0, 0.0]).unwrap().threshold, 6.0);
        assert_eq!(usual(&[400.0, 400.0, 400.0]).unwrap().threshold, 400.0 + 6.0 * 20.0);
    }
}
