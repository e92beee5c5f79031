//! What is aimed at, as ratios of the same run, and whether it was reached.

use std::fmt;

use serde::Serialize;

use super::{report::Report, stages::postgres::Postgres};

/// Something aimed at.
#[derive(Debug, Clone, Serialize)]
pub struct Target {
    /// What, in English.
    pub what: &'static str,
    /// What, in Chinese.
    pub what_zh: &'static str,
    /// What was found.
    pub found: f64,
    /// The bound.
    pub bound: f64,
    /// Whether what is found is to be at most the bound, or at least.
    pub at_most: bool,
    /// Whether it is.
    pub reached: bool,
}

/// Resident memory with ten million records, in MiB.
const MEMORY_MIB: f64 = 1_024.0;
/// From the start of the process until it takes calls, in seconds.
const START_SECONDS: f64 = 10.0;

fn at_most(what: &'static str, what_zh: &'static str, found: f64, bound: f64) -> Target {
    Target { what, what_zh, found, bound, at_most: true, reached: found <= bound }
}

fn at_least(what: &'static str, what_zh: &'static str, found: f64, bound: f64) -> Target {
    Target { what, what_zh, found, bound, at_most: false, reached: found >= bound }
}

/// The targets of all that was measured.
pub(super) fn of(report: &Report) -> Vec<Target> {
    let ms = |micros: u64| micros as f64 / 1e3;
    let publishing = &report.publishing;
    let mut targets = vec![
        at_most(
            "a query's CPU over bare call and verification",
            "查询 CPU／（空调用＋验签）",
            report.query.ratio,
            1.35,
        ),
        at_least(
            "records a second over verifications a second",
            "发布速率／验签速率",
            publishing.of_verification_rate,
            0.7,
        ),
        at_least(
            "publishing: last tenth over first tenth",
            "发布：末十分之一／首十分之一",
            publishing.last_to_first,
            0.9,
        ),
    ];
    if let Some(growth) = &report.growth {
        targets.push(at_most(
            "a query's CPU with all records over that with few",
            "查询 CPU：全量／少量",
            growth.ratio,
            1.2,
        ));
    }
    if let Some(Postgres::Measured(postgres)) = &report.postgres {
        targets.push(at_least("queries a second over an audited view's", "查询速率／带审计视图", postgres.ratio, 1.5));
    }
    if let Some(half) = &report.half {
        let (found, bound) = (ms(half.hub.latency.p99_us), ms(half.p99_bound_us));
        targets.push(at_most("p99 at half of the rate, ms", "半负载 p99（毫秒）", found, bound));
    }
    if let Some(overload) = &report.overload {
        targets.push(at_least(
            "goodput at three times the rate over its peak",
            "三倍过载：有效吞吐／峰值",
            overload.goodput_of_peak,
            0.9,
        ));
    }
    if let Some(fairness) = &report.fairness {
        targets.push(at_least("answered beside a flood", "洪水旁的成功率", fairness.beside.success(), 0.99));
    }
    if let Some(footprint) = &report.footprint {
        let mib = footprint.resident as f64 / f64::from(1 << 20);
        targets.push(at_most("resident memory, MiB", "常驻内存（MiB）", mib, MEMORY_MIB));
        targets.push(at_most("start, seconds", "启动（秒）", footprint.start_seconds, START_SECONDS));
    }
    targets
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, sign) = (if self.reached { "✓" } else { "✗" }, if self.at_most { "≤" } else { "≥" });
        write!(f, "{mark} {} {}: {:.2} (aimed at {sign} {:.2})", self.what, self.what_zh, self.found, self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_reached_on_its_side_of_the_bound() {
        assert!(at_most("a", "甲", 1.35, 1.35).reached && !at_most("a", "甲", 1.36, 1.35).reached);
        assert!(at_least("a", "甲", 0.9, 0.9).reached && !at_least("a", "甲", 0.8, 0.9).reached);
        // What could not be measured was not reached.
        assert!(!at_most("a", "甲", f64::NAN, 1.0).reached && !at_least("a", "甲", f64::NAN, 1.0).reached);
        assert_eq!(at_most("cost", "开销", 2.0, 1.0).to_string(), "✗ cost 开销: 2.00 (aimed at ≤ 1.00)");
    }
}
