//! Following the log: the rules as they were at each entry, and the counts of what was done under them.

use std::collections::BTreeMap;

use crate::{
    audit::{describe, walk::Leaf},
    domain::{
        id::SystemId,
        identifier::Uscc,
        outcome::{Effect, Notice, Outcome, RefusalReason},
        rules::Rules,
        statement::{Header, Query, RuleChange, Statement},
        time::Time,
    },
    tlog::Checkpoint,
    wire::Entry,
};

use super::{
    Frame, Period,
    agreements::Activations,
    answers::{self, Answers},
    exchanges::{self, Exchanges},
    figures::{Bilingual, Change, Day, PeriodicReport, RefusalCount, SystemCount, Totals},
    holders::Holders,
    names::Names,
    offset_in_words,
    patterns::{Watch, is_off_hours},
    publications::{self, Publications},
};

/// The most changes of the rules that are listed, at some 500 bytes each; what is beyond is counted. A city with more of them in a
/// week is being set up.
const MAX_CHANGES: usize = 2_000;

/// What the log says so far.
pub(super) struct Gatherer {
    period: Period,
    /// Since the genesis.
    state: Option<State>,
    /// Entries and statements that do not read, or do not fit those before them.
    unreadable: u64,
    last_time: Option<Time>,
}

struct State {
    rules: Rules,
    frame: Frame,
    opened: Time,
    totals: Totals,
    before: Totals,
    days: Vec<Totals>,
    hours: [[u64; 24]; 7],
    kinds: BTreeMap<String, u64>,
    refusals: BTreeMap<(Uscc, &'static str, RefusalReason), u64>,
    suppressed: BTreeMap<SystemId, u64>,
    changes: Vec<Change>,
    exchanges: Exchanges,
    activations: Activations,
    answers: Answers,
    publications: Publications,
    holders: Holders,
    watch: Watch,
}

impl Gatherer {
    pub(super) fn new(period: Period) -> Self {
        Self { period, state: None, unreadable: 0, last_time: None }
    }

    /// Follows an entry.
    pub(super) fn follow(&mut self, leaf: &Leaf<'_>) {
        if self.read(leaf).is_none() {
            self.unreadable += 1;
        }
    }

    fn read(&mut self, leaf: &Leaf<'_>) -> Option<()> {
        let entry = Entry::decode(leaf.bytes).ok()?;
        self.last_time = self.last_time.max(Some(entry.time));
        let statement = entry.statement().ok()?;
        let state = match (&mut self.state, &statement) {
            (Some(state), _) => state,
            (None, Some(Statement::Genesis(genesis))) => {
                self.state.insert(State::open(Rules::of_genesis(genesis), self.period, entry.time))
            }
            (None, _) => return None,
        };
        if entry.time < state.frame.end { state.follow(leaf.index, &entry, statement.as_ref()) } else { Some(()) }
    }

    /// The report; `None` of a log without a genesis.
    pub(super) fn finish(self, checkpoint: &Checkpoint) -> Option<PeriodicReport> {
        let state = self.state?;
        let notes = state.notes(self.last_time, self.unreadable);
        let (rules, frame) = (&state.rules, &state.frame);
        let names = Names(rules);
        let as_of = self.last_time.unwrap_or(frame.end).min(frame.end);
        let (traces, erasures) = state.holders.finish(&names, frame);
        let mut refusals: Vec<_> = state.refusals.iter().collect();
        refusals.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        Some(PeriodicReport {
            hub: rules.hub.to_string(),
            origin: checkpoint.origin.to_string(),
            from: frame.period.from().to_string(),
            to: frame.period.to().to_string(),
            offset: offset_in_words(frame.offset_seconds),
            size: checkpoint.size,
            root: checkpoint.root.to_string(),
            last_time: self.last_time.map(|time| frame.local(time)),
            verification: None,
            notes,
            totals: state.totals,
            before: state.before,
            days: (frame.period.each().zip(&state.days))
                .map(|(date, totals)| Day { date: date.to_string(), totals: *totals })
                .collect(),
            hours: state.hours,
            exchanges: state.exchanges.finish(&names),
            refusals: (refusals.into_iter())
                .map(|((department, kind, reason), count)| RefusalCount {
                    department: names.party(Some(*department)),
                    kind: (*kind).to_owned(),
                    reason: reason.to_string(),
                    count: *count,
                })
                .collect(),
            suppressed: (state.suppressed.iter())
                .map(|(system, count)| SystemCount { system: system.to_string(), count: *count })
                .collect(),
            agreements: state.activations.finish(rules, frame, &state.exchanges),
            answers: state.answers.finish(rules),
            overdue: answers::overdue(rules, frame, as_of),
            freshness: state.publications.finish(rules, frame, as_of),
            traces,
            erasures,
            patterns: state.watch.finish(rules, frame),
            changes: state.changes,
            kinds: state.kinds,
        })
    }
}

impl State {
    fn open(rules: Rules, period: Period, opened: Time) -> Self {
        let offset_seconds = rules.policy.civil_day_offset_seconds;
        let start = Time::start_of(period.from(), offset_seconds);
        let mut watch = Watch::default();
        rules.directory.systems.keys().for_each(|system| watch.register(system, opened));
        Self {
            rules,
            frame: Frame { period, offset_seconds, start, end: period.end(offset_seconds) },
            opened,
            totals: Totals::default(),
            before: Totals::default(),
            days: vec![Totals::default(); period.days().unsigned_abs() as usize],
            hours: [[0; 24]; 7],
            kinds: BTreeMap::new(),
            refusals: BTreeMap::new(),
            suppressed: BTreeMap::new(),
            changes: Vec::new(),
            exchanges: Exchanges::default(),
            activations: Activations::default(),
            answers: Answers::default(),
            publications: Publications::default(),
            holders: Holders::default(),
            watch,
        }
    }

    /// Follows an entry before the end of the period; `None` where it does not fit those before it.
    fn follow(&mut self, index: u64, entry: &Entry, statement: Option<&Statement>) -> Option<()> {
        let date = entry.decided_at().civil_day(self.frame.offset_seconds);
        let day = self.frame.period.position(date);
        if day.is_some() {
            let (kind, _) = statement.map_or_else(|| describe::own_kind(&entry.outcome), describe::kind);
            *self.kinds.entry(kind.to_owned()).or_default() += 1;
        }
        let mut totals =
            Totals { refusals: u64::from(matches!(entry.outcome, Outcome::Refused(_))), ..Totals::default() };
        match (statement, &entry.outcome) {
            (Some(Statement::Query(header, query)), outcome) => {
                totals.add(&exchanges::totals_of(query, outcome));
                self.query(header, query, entry, day);
            }
            (Some(Statement::Publication(_, publication)), Outcome::Published(results)) => {
                totals.add(&publications::totals_of(results));
                self.publications.count(publication, results, entry.decided_at(), day, &self.frame);
            }
            (Some(statement @ Statement::Rule(header, change)), Outcome::Applied(effect)) => {
                totals.changes = 1;
                if day.is_some() {
                    self.answers.follow(&self.rules, &header.actor, change, entry.decided_at());
                }
                self.rules.apply(index, entry.decided_at(), statement, effect).ok()?;
                self.activations.follow(change, effect, entry.decided_at());
                if let RuleChange::RegisterSystem { system, .. } = change {
                    self.watch.register(system, entry.decided_at());
                }
                if day.is_some() {
                    self.change(index, entry, header, statement, effect);
                }
            }
            (None, Outcome::Noted(Notice::Suppressed(suppressed))) => {
                totals.suppressed = suppressed.count;
                if day.is_some() {
                    *self.suppressed.entry(suppressed.system.clone()).or_default() += suppressed.count;
                }
            }
            (None, Outcome::Noted(Notice::Erased(erased))) => {
                totals.erased = erased.count;
                if day.is_some() {
                    self.holders.erased(index, entry.decided_at(), erased);
                }
            }
            (Some(Statement::Trace(header, trace)), outcome) if day.is_some() => {
                self.holders.trace(header, trace, outcome);
            }
            (Some(Statement::Erasure(header, erasure)), outcome) if day.is_some() => {
                self.holders.order(index, entry.decided_at(), header, *erasure, outcome);
            }
            _ => {}
        }
        if let (Some(header), Outcome::Refused(refusal), Some(_)) =
            (statement.and_then(Statement::header), &entry.outcome, day)
        {
            let kind = statement.map_or("", |statement| describe::kind(statement).0);
            *self.refusals.entry((*header.actor.department(), kind, refusal.reason)).or_default() += 1;
        }
        if let Some(of_day) = day.and_then(|day| self.days.get_mut(day)) {
            of_day.add(&totals);
            self.totals.add(&totals);
        } else if self.frame.period.before().position(date).is_some() {
            self.before.add(&totals);
        }
        Some(())
    }

    fn query(&mut self, header: &Header, query: &Query, entry: &Entry, day: Option<usize>) {
        let date = entry.decided_at().civil_day(self.frame.offset_seconds);
        let local = entry.decided_at().plus_seconds(self.frame.offset_seconds.into()).as_seconds().rem_euclid(86_400);
        let weekday = date.weekday().to_monday_zero_offset().unsigned_abs() as usize;
        let clock = (weekday, local.unsigned_abs() / 3_600);
        let off_hours = is_off_hours(self.rules.calendar.is_working(date), clock.1);
        if let Some(day) = day {
            if let Some(count) = self.hours.get_mut(clock.0).and_then(|hours| hours.get_mut(clock.1 as usize)) {
                *count += 1;
            }
            self.exchanges.count(&self.rules, header.actor.department(), query, &entry.outcome, day);
            self.watch.count(&header.actor, query, &entry.outcome, day, off_hours);
        } else if let Some(weeks) = self.frame.period.weeks_before(date) {
            self.watch.count_before(&header.actor, weeks, off_hours);
        }
    }

    fn change(&mut self, index: u64, entry: &Entry, header: &Header, statement: &Statement, effect: &Effect) {
        if self.changes.len() >= MAX_CHANGES {
            return;
        }
        let described = describe::of(index, entry, Some(statement));
        // The first term of a statement is what it is about; parts and releases of a catalog are told by their effect.
        let subject = match effect {
            Effect::CatalogPartEntered(_) | Effect::CatalogReleased { .. } => String::new(),
            _ => described.statement.first().map(|(_, value)| value.clone()).unwrap_or_default(),
        };
        self.changes.push(Change {
            index,
            time: self.frame.local(entry.decided_at()),
            kind: described.kind,
            kind_zh: described.kind_zh,
            department: Names(&self.rules).party(Some(*header.actor.department())),
            system: header.actor.to_string(),
            subject,
            effect: described.outcome.first().map(|(_, value)| value.clone()).unwrap_or_default(),
        });
    }

    fn notes(&self, last_time: Option<Time>, unreadable: u64) -> Vec<Bilingual> {
        let frame = &self.frame;
        let mut notes = Vec::new();
        let mut note = |holds: bool, zh: String, en: String| {
            if holds {
                notes.push(Bilingual::new(zh, en));
            }
        };
        let last = last_time.map(|time| frame.local(time)).unwrap_or_default();
        let opened = frame.local(self.opened);
        note(
            last_time.is_some_and(|time| time < frame.end),
            format!("日志副本止于 {last}，早于本期结束；此后的交换不在报告之内"),
            format!("the copy of the log ends at {last}, before the period does: what came later is not in the report"),
        );
        note(
            self.opened >= frame.start,
            format!("日志始于 {opened}，本期开始之时尚无日志"),
            format!("the log begins at {opened}, after the period does"),
        );
        note(
            unreadable > 0,
            format!("{unreadable} 个条目无法读取或与此前的条目不符，未计入；请运行 hutong audit verify"),
            format!(
                "{unreadable} entries do not read or do not fit those before them, and are not counted: run hutong audit verify"
            ),
        );
        note(
            self.totals.changes > self.changes.len() as u64,
            format!("规则变更 {} 项，仅列出前 {} 项", self.totals.changes, self.changes.len()),
            format!("of {} changes of the rules the first {} are listed", self.totals.changes, self.changes.len()),
        );
        note(
            self.exchanges.overflowed(),
            "分组过多，其余合并为一行".to_owned(),
            "there are too many groups to tell apart; the rest is counted in one line".to_owned(),
        );
        note(
            self.watch.overflowed(),
            "操作员或记录过多，操作员的统计为下限".to_owned(),
            "there are too many operators or records to tell apart; the figures of operators are lower bounds"
                .to_owned(),
        );
        let (from, to) = (frame.period.from().year(), frame.period.to().year());
        let unknown: Vec<_> = (from..=to).filter(|year| self.rules.calendar.year(*year).is_none()).collect();
        note(
            !unknown.is_empty(),
            format!("日志中没有 {unknown:?} 年的节假日与调休安排，该年以周一至周五为工作日"),
            format!(
                "the log has no calendar of {unknown:?}: of such a year Monday to Friday count as working days, holidays too"
            ),
        );
        notes
    }
}

impl Totals {
    /// Adds counts.
    pub(super) fn add(&mut self, more: &Self) {
        for (count, more) in [
            (&mut self.queries, more.queries),
            (&mut self.permitted, more.permitted),
            (&mut self.refused, more.refused),
            (&mut self.asked, more.asked),
            (&mut self.found, more.found),
            (&mut self.released, more.released),
            (&mut self.fields, more.fields),
            (&mut self.publications, more.publications),
            (&mut self.published, more.published),
            (&mut self.rejected, more.rejected),
            (&mut self.refusals, more.refusals),
            (&mut self.changes, more.changes),
            (&mut self.suppressed, more.suppressed),
            (&mut self.erased, more.erased),
        ] {
            *count = count.saturating_add(more);
        }
    }
}
