//! The stages: what each does, and the figures that it gives.

pub(super) mod fairness;
pub(super) mod footprint;
pub(super) mod growth;
pub(super) mod half;
pub(super) mod mixed;
pub(super) mod overload;
pub(super) mod postgres;
pub(super) mod publishing;
pub(super) mod query;
pub(super) mod saturation;

use std::time::Duration;

use super::{
    Tell, Yardsticks,
    cpus::Cpus,
    options::Options,
    queries::Signer,
    stand::{self, Stand},
};

/// How long a stage may take: the publication of ten million records on a slow machine.
const LIMIT: Duration = Duration::from_secs(4 * 3_600);

/// What all stages work with.
pub(super) struct Bench<'a> {
    /// What is wanted.
    pub(super) options: &'a Options,
    /// The hub's folder and the departments.
    pub(super) stand: &'a Stand,
    /// What the machine can do.
    pub(super) yardsticks: &'a Yardsticks,
    /// The machine's memory.
    pub(super) memory_bytes: u64,
    /// All processors.
    pub(super) all: &'a Cpus,
    /// Told how far it is.
    pub(super) tell: Tell<'a>,
}

impl Bench<'_> {
    /// Runs clients where they are to run.
    fn as_clients<T: Send, F: Future<Output = anyhow::Result<T>>>(
        &self,
        work: impl FnOnce() -> F + Send,
    ) -> anyhow::Result<T> {
        stand::on(&self.options.client_cpus, LIMIT, work)
    }

    /// How many calls are due in a part of the open loop.
    fn calls_at(&self, per_second: f64) -> u32 {
        calls(per_second, self.options.duration)
    }

    /// Signs for the consumer, who asks for so many records.
    fn consumer(&self, records: u32) -> Signer<'_> {
        Signer { actor: &self.stand.city.consumer, records, cpus: self.all }
    }
}

/// How many calls are due in a time, one at least.
fn calls(per_second: f64, duration: Duration) -> u32 {
    // Above what a u32 holds it is the most of one.
    (per_second * duration.as_secs_f64()).max(1.0) as u32
}

/// Bytes in mebibytes.
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The middle one of some figures.
fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_due_by_rate_and_time() {
        assert_eq!(calls(100.0, Duration::from_millis(2_500)), 250);
        assert_eq!(calls(0.1, Duration::from_secs(1)), 1);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0]) - 4.0).abs() < f64::EPSILON);
        assert!(median([]).is_nan());
    }
}
