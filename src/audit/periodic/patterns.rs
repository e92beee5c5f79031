//! What is unusual: rates far above a system's own, one operator far above others, off-hours, refusals in a row.
//!
//! None of it proves anything. Each is told with its rule and its numbers, so that whoever is asked about it can answer.

use std::collections::{HashMap, HashSet};

use crate::domain::{
    id::{Pseudonym, SystemId},
    identifier::Uscc,
    outcome::Outcome,
    rules::Rules,
    statement::Query,
    time::{Time, days_of_date},
};

use super::{
    Frame,
    figures::{Bilingual, Pattern},
    names::Names,
    statistic::usual,
};

/// How many weeks before the period are looked at for what is usual: two months, over which workloads hardly change.
pub(super) const WEEKS_BEFORE: usize = 8;
/// How many whole weeks a system must have been registered before it is judged by them: of fewer there is no middle.
const MIN_WEEKS: usize = 3;
/// How many queries must be out of the ordinary before anything is said: below, a busy afternoon is enough.
const MIN_QUERIES: u64 = 20;
/// How many operators must have asked before one of them is judged by the others.
const MIN_OPERATORS: usize = 5;
/// How many different records of one operator are nothing to speak of: what a counter serves in a day.
const MIN_RECORDS: f64 = 30.0;
/// Working hours of working days, at the hub's civil time. Which days are worked, the log's calendar says as it was at each query.
const WORKING_HOURS: std::ops::Range<u64> = 8..20;
/// How much larger than before, in percentage points, the share of queries outside working hours must be.
const MORE_OFF_HOURS: f64 = 25.0;
/// The share of queries outside working hours, in percent, that is told of a system with too little before to compare with.
const MANY_OFF_HOURS: f64 = 50.0;
/// The share of refused queries, in percent, that is told.
const MANY_REFUSED: f64 = 50.0;
/// The most operators that are told apart, at some 150 bytes each.
const MAX_OPERATORS: usize = 200_000;
/// The most different records that are remembered over all operators, at some 16 bytes each.
const MAX_RECORDS: usize = 4_000_000;
/// The most patterns of each kind in a report: more than anybody asks about in a week.
const MAX_PATTERNS: usize = 20;

/// What a system did.
#[derive(Debug)]
struct System {
    /// When it was registered.
    since: Time,
    /// Queries in each of the weeks before the period, the last one first.
    before: [u64; WEEKS_BEFORE],
    /// Of them all, those outside working hours.
    before_off_hours: u64,
    /// Queries in each week of the period.
    weeks: Vec<u64>,
    off_hours: u64,
    refused: u64,
}

/// What an operator asked for.
#[derive(Debug, Default)]
struct Operator {
    asked: u64,
    /// The beginnings of the handles of the records found: they are HMACs, so 64 bits tell them apart.
    records: HashSet<u64>,
}

/// What systems and operators did. Only registered systems have entries, so there are no more of them than the directory has.
#[derive(Debug, Default)]
pub(super) struct Watch {
    systems: HashMap<SystemId, System>,
    operators: HashMap<(SystemId, Pseudonym), Operator>,
    records: usize,
    is_full: bool,
}

impl Watch {
    /// Hears of a system's registration.
    pub(super) fn register(&mut self, system: &SystemId, time: Time) {
        self.systems.entry(system.clone()).or_insert_with(|| System {
            since: time,
            before: [0; WEEKS_BEFORE],
            before_off_hours: 0,
            weeks: Vec::new(),
            off_hours: 0,
            refused: 0,
        });
    }

    /// Counts a query in the weeks before the period.
    pub(super) fn count_before(&mut self, system: &SystemId, weeks: usize, off_hours: bool) {
        let Some(system) = self.systems.get_mut(system) else { return };
        if let Some(count) = system.before.get_mut(weeks) {
            *count += 1;
            system.before_off_hours += u64::from(off_hours);
        }
    }

    /// Counts a query in the period.
    pub(super) fn count(&mut self, id: &SystemId, query: &Query, outcome: &Outcome, day: usize, off_hours: bool) {
        if let Some(system) = self.systems.get_mut(id) {
            if system.weeks.len() <= day / 7 {
                system.weeks.resize(day / 7 + 1, 0);
            }
            system.weeks.last_mut().into_iter().for_each(|count| *count += 1);
            system.off_hours += u64::from(off_hours);
            system.refused += u64::from(matches!(outcome, Outcome::Refused(_)));
        }
        self.count_operator(id, query, outcome);
    }

    fn count_operator(&mut self, id: &SystemId, query: &Query, outcome: &Outcome) {
        let key = (id.clone(), query.operator_pseudonym);
        if self.operators.len() >= MAX_OPERATORS && !self.operators.contains_key(&key) {
            self.is_full = true;
            return;
        }
        let operator = self.operators.entry(key).or_default();
        operator.asked += query.commitments.len() as u64;
        let Outcome::QueryPermitted(permitted) = outcome else { return };
        for release in &permitted.records {
            let beginning = release.handle.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            if self.records >= MAX_RECORDS {
                self.is_full = true;
            } else if operator.records.insert(beginning) {
                self.records += 1;
            }
        }
    }

    /// Whether there was more than is remembered.
    pub(super) fn overflowed(&self) -> bool {
        self.is_full
    }

    /// What is unusual, the most unusual of each kind first.
    pub(super) fn finish(&self, rules: &Rules, frame: &Frame) -> Vec<Pattern> {
        let names = Names(rules);
        let of_systems = |judge: &dyn Fn(&System) -> Option<Judged>| {
            let found =
                self.systems.iter().filter_map(|(id, system)| Some(judge(system)?.into_pattern(id, None, &names)));
            first(found.collect())
        };
        let mut patterns = of_systems(&|system| above_usual(system, frame));
        patterns.extend(first(self.busy_operators(&names)));
        patterns.extend(of_systems(&off_hours));
        patterns.extend(of_systems(&many_refusals));
        patterns
    }

    /// Operators who got far more records than others of their department, or than all others where it has few.
    fn busy_operators(&self, names: &Names<'_>) -> Vec<Pattern> {
        let mut counts: HashMap<&Uscc, Vec<f64>> = HashMap::new();
        for ((system, _), operator) in &self.operators {
            counts.entry(system.department()).or_default().push(operator.records.len() as f64);
        }
        let everyone: Vec<f64> = counts.values().flatten().copied().collect();
        // Computed once for each department, not for each of its operators.
        let judged: HashMap<&Uscc, _> = counts
            .into_iter()
            .map(|(department, own)| {
                let is_enough = own.len() >= MIN_OPERATORS;
                let others = if is_enough { &own } else { &everyone };
                (department, (others.len(), is_enough, usual(others).filter(|_| others.len() >= MIN_OPERATORS)))
            })
            .collect();
        let found = self.operators.iter().filter_map(|((system, pseudonym), operator)| {
            let (others, is_own, usual) = judged.get(system.department())?;
            let usual = (*usual)?;
            let (value, threshold) = (operator.records.len() as f64, usual.threshold.max(MIN_RECORDS));
            (value > threshold).then(|| {
                let (zh_of, en_of) = if *is_own { ("本部门", "of this department") } else { ("全部部门", "of all departments") };
                let judged = Judged {
                    kind: "MANY_RECORDS",
                    value,
                    usual: usual.median,
                    threshold,
                    rule: Bilingual::new(
                        format!(
                            "一个操作员化名本期得到 {value} 条不同记录（查询 {} 条次）；{zh_of} {others} 个操作员的中位数为 {:.1}，超过 {threshold:.1} 即列出",
                            operator.asked, usual.median
                        ),
                        format!(
                            "one operator pseudonym got {value} different records (asked {} times); the median of {others} operators {en_of} is {:.1}, told above {threshold:.1}",
                            operator.asked, usual.median
                        ),
                    ),
                };
                judged.into_pattern(system, Some(pseudonym), names)
            })
        });
        found.collect()
    }
}

/// Something found unusual, not yet attributed.
struct Judged {
    kind: &'static str,
    value: f64,
    usual: f64,
    threshold: f64,
    rule: Bilingual,
}

impl Judged {
    fn into_pattern(self, system: &SystemId, operator: Option<&Pseudonym>, names: &Names<'_>) -> Pattern {
        Pattern {
            kind: self.kind,
            department: names.party(Some(*system.department())),
            system: system.to_string(),
            operator: operator.map(ToString::to_string),
            value: self.value,
            usual: self.usual,
            threshold: self.threshold,
            rule: self.rule,
        }
    }
}

/// The most unusual of a kind, by how far it is above what is told.
fn first(mut found: Vec<Pattern>) -> Vec<Pattern> {
    let excess = |pattern: &Pattern| pattern.value / pattern.threshold.max(1.0);
    found.sort_by(|a, b| {
        excess(b).total_cmp(&excess(a)).then_with(|| (&a.system, &a.operator).cmp(&(&b.system, &b.operator)))
    });
    found.truncate(MAX_PATTERNS);
    found
}

/// A week with far more queries than the weeks before the period.
fn above_usual(system: &System, frame: &Frame) -> Option<Judged> {
    let day = system.since.civil_day(frame.offset_seconds);
    let known = (days_of_date(frame.period.from()) - days_of_date(day)).div_euclid(7);
    let known = usize::try_from(known).ok()?.min(WEEKS_BEFORE);
    if known < MIN_WEEKS {
        return None;
    }
    let before: Vec<f64> = system.before.iter().take(known).map(|count| *count as f64).collect();
    let usual = usual(&before)?;
    let (week, count) = system.weeks.iter().enumerate().max_by_key(|(_, count)| **count)?;
    let threshold = usual.threshold.max(usual.median + MIN_QUERIES as f64);
    let value = *count as f64;
    (value > threshold).then(|| Judged {
        kind: "ABOVE_USUAL",
        value,
        usual: usual.median,
        threshold,
        rule: Bilingual::new(
            format!(
                "本期第 {} 周查询 {count} 次；此前 {known} 周的周中位数为 {:.1}，超过 {threshold:.1}（中位数加 6 倍绝对中位差）即列出",
                week + 1,
                usual.median
            ),
            format!(
                "{count} queries in week {} of the period; the median of the {known} weeks before is {:.1}, told above {threshold:.1} (median plus 6 median absolute deviations)",
                week + 1,
                usual.median
            ),
        ),
    })
}

/// A larger share of queries outside working hours than before.
fn off_hours(system: &System) -> Option<Judged> {
    let (total, before) = (system.weeks.iter().sum::<u64>(), system.before.iter().sum::<u64>());
    if system.off_hours < MIN_QUERIES {
        return None;
    }
    let share = percent(system.off_hours, total);
    let usual = if before >= MIN_QUERIES { percent(system.before_off_hours, before) } else { 0.0 };
    let threshold = if before >= MIN_QUERIES { usual + MORE_OFF_HOURS } else { MANY_OFF_HOURS };
    let (zh_before, en_before) = if before >= MIN_QUERIES {
        (format!("此前 {WEEKS_BEFORE} 周为 {usual:.0}%"), format!("{usual:.0} % in the {WEEKS_BEFORE} weeks before"))
    } else {
        ("此前查询太少，无从比较".to_owned(), "too few before to compare with".to_owned())
    };
    (share > threshold).then(|| Judged {
        kind: "OFF_HOURS",
        value: share,
        usual,
        threshold,
        rule: Bilingual::new(
            format!(
                "{} 次查询在工作时间（工作日 8–20 时）之外，占 {share:.0}%；{zh_before}，超过 {threshold:.0}% 即列出",
                system.off_hours
            ),
            format!(
                "{} queries outside working hours (working days, 8 to 20 h), {share:.0} %; {en_before}, told above {threshold:.0} %",
                system.off_hours
            ),
        ),
    })
}

/// More queries refused than permitted.
fn many_refusals(system: &System) -> Option<Judged> {
    let total = system.weeks.iter().sum::<u64>();
    let share = percent(system.refused, total);
    (system.refused >= MIN_QUERIES && share > MANY_REFUSED).then(|| Judged {
        kind: "MANY_REFUSALS",
        value: share,
        usual: 0.0,
        threshold: MANY_REFUSED,
        rule: Bilingual::new(
            format!("{total} 次查询中 {} 次被拒绝，占 {share:.0}%；超过 {MANY_REFUSED:.0}% 即列出", system.refused),
            format!("{} of {total} queries were refused, {share:.0} %; told above {MANY_REFUSED:.0} %", system.refused),
        ),
    })
}

fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 * 100.0 / of as f64 }
}

/// Whether an hour of a day lies outside working hours.
pub(super) fn is_off_hours(is_working_day: bool, hour: u64) -> bool {
    !is_working_day || !WORKING_HOURS.contains(&hour)
}
