//! Weekly and monthly reports on histories of which every number is known.

use std::{collections::BTreeMap, path::Path};

use proptest::prelude::*;

use super::{
    copied,
    hub::{
        Actor, Hub, administrator, agreement_text, consent, consumer, log_signer, proposal, provider, query,
        register_key,
    },
    random::{act, play},
};
use crate::{
    audit::{
        Error, Folder,
        periodic::{MAX_DAYS, Party, Period, PeriodicReport, SECTIONS, page, sheet, summarize},
    },
    domain::{
        answer::{AnswerStep, AnswerTerm, AnswerTerms},
        calendar::CalendarYear,
        catalog::SharingClass,
        directory::Capability,
        id::{Commitment, Digest, Pseudonym},
        outcome::{Erased, HolderTraced, Notice, Outcome, Suppressed},
        record::RecordStatus,
        statement::{RuleChange, Statement},
        time::{Date, Time},
    },
    wire::Entry,
};

/// The offset of the hub's civil day in these tests.
const CHINA: i32 = 8 * 3_600;
/// The second department that asks.
const TAX: &str = "11440399X00000043T";

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn reported(hub: &Hub, period: Period) -> PeriodicReport {
    let (_temporary, folder) = copied(hub);
    summarize(&folder, &log_signer(7).verifier(), period, &mut |_, _| {}).unwrap()
}

/// A department that asks, with an agreement of its own.
fn tax(hub: &mut Hub) -> Actor {
    let tax = Actor::new(TAX, "assessment", 40);
    let uscc = *tax.system.department();
    hub.change(&administrator(), RuleChange::RegisterDepartment { uscc, name: "<b>税务局</b>".to_owned() });
    let capabilities = [Capability::Query, Capability::SignAgreements].into();
    hub.change(&administrator(), RuleChange::RegisterSystem { system: tax.system.clone(), capabilities });
    hub.change(&administrator(), register_key(&tax));
    let mut text = agreement_text(hub.time, "tax-licence", &["NAME", "STATUS"]);
    text.consumer = uscc;
    hub.change(&tax, proposal(&tax, text.clone()));
    hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
    hub.change(&administrator(), RuleChange::AgreementActivation(consent(&administrator(), &text)));
    tax
}

fn ask(hub: &mut Hub, actor: &Actor, operator: u8, fields: &[&str], records: &[u8]) {
    let mut asked = query(fields, records.len());
    asked.operator_pseudonym = Pseudonym([operator; 32]);
    let statement = Statement::Query(hub.header(actor), asked);
    hub.submit_looking_up(actor, &statement, records);
}

/// At an hour of a day of the hub's own.
fn at(hub: &mut Hub, date: &str, hour: i64) {
    hub.time = Time::start_of(day(date), CHINA).plus_seconds(hour * 3_600);
}

/// The hub opened on Monday 5 January 2026 at 10; four calm weeks; and in the fifth, from Monday 2 February, a busy one.
fn month() -> Hub {
    let mut hub = Hub::running();
    for week in 0..4 {
        let monday = Time::start_of(day("2026-01-05"), CHINA).plus_seconds(week * 7 * 86_400 + 14 * 3_600);
        hub.time = monday.max(hub.time);
        for n in 0..5 {
            ask(&mut hub, &consumer(), n, &["NAME"], &[1]);
        }
    }
    at(&mut hub, "2026-02-02", 9);
    let tax = tax(&mut hub);
    at(&mut hub, "2026-02-03", 23);
    for n in 0..40 {
        ask(&mut hub, &consumer(), n % 6, &["NAME"], &[1, 2, 9]);
    }
    for _ in 0..25 {
        ask(&mut hub, &tax, 77, &["HOLDER"], &[1]);
    }
    hub.publish(1, 2, RecordStatus::Revoked);
    hub.publish(2, 9, RecordStatus::Active);
    let (since, until) = (hub.time.start_of_minute(), hub.time);
    hub.time = hub.time.plus_seconds(60);
    hub.note(Notice::Suppressed(Suppressed { system: tax.system.clone(), count: 7, since, until }));
    at(&mut hub, "2026-02-04", 9);
    hub.note(Notice::Erased(Erased { count: 3, digest: Digest([1; 32]), since, until }));
    let trace = hub.trace_statement(&consumer());
    let outcome = Outcome::HolderTraced(HolderTraced { log_size: hub.size(), exchanges: 12 });
    hub.enter(consumer().sign(&trace), &trace, outcome);
    let order = hub.erasure_statement(&administrator());
    hub.submit(&administrator(), &order);
    // After the period.
    at(&mut hub, "2026-02-09", 0);
    ask(&mut hub, &tax, 1, &["NAME"], &[2]);
    hub
}

#[test]
fn week_is_told_with_all_its_numbers() {
    let report = reported(&month(), Period::week_of(day("2026-02-04")));
    assert_eq!(
        (report.from.as_str(), report.to.as_str(), report.offset.as_str()),
        ("2026-02-02", "2026-02-08", "+08:00")
    );
    let totals = report.totals;
    assert_eq!((totals.queries, totals.permitted, totals.refused), (65, 40, 25));
    assert_eq!((totals.asked, totals.found, totals.released, totals.fields), (145, 80, 80, 80));
    assert_eq!((totals.publications, totals.published, totals.rejected), (2, 1, 1));
    assert_eq!((totals.refusals, totals.changes, totals.suppressed, totals.erased), (25, 6, 7, 3));
    assert_eq!((report.before.queries, report.before.released), (5, 5));

    let groups: Vec<_> = report
        .exchanges
        .iter()
        .map(|row| (row.consumer.name.as_str(), row.permitted, row.refused, row.asked))
        .collect();
    assert_eq!(groups, [("住建局", 40, 0, 120), ("<b>税务局</b>", 0, 25, 25)]);
    assert_eq!(report.exchanges[0].provider.name, "市场监管局");
    assert_eq!(
        (report.exchanges[0].resource.name.as_str(), report.exchanges[0].purpose.as_str()),
        ("营业执照", "permit")
    );
    assert_eq!(
        (report.refusals.len(), report.refusals[0].reason.as_str(), report.refusals[0].count),
        (1, "FIELD_NOT_AGREED", 25)
    );
    assert_eq!(report.hours[1][23], 65, "Tuesday at 23");
    assert_eq!(report.days[1].totals.queries, 65);
    assert_eq!(report.suppressed[0].count, 7);
    assert_eq!(report.kinds["query"], 65);
}

#[test]
fn agreements_new_expiring_and_unused_are_told_apart() {
    let mut hub = month();
    let report = reported(&hub, Period::week_of(day("2026-02-04")));
    let [housing, tax] = &report.agreements[..] else { panic!("{:?}", report.agreements) };
    // Thirty days from 5 January: over on 4 February.
    assert_eq!(
        (housing.id.as_str(), housing.state, housing.is_new, housing.is_unused),
        ("housing-licence", "EXPIRED", false, false)
    );
    assert_eq!((housing.permitted, housing.asked, housing.peak, housing.daily_limit), (40, 120, 120, 2_000));
    assert_eq!(housing.unused_fields, ["STATUS"]);
    assert_eq!((tax.state, tax.is_new, tax.expires_in_days, tax.permitted), ("ACTIVE", true, Some(24), 0));
    assert!(!tax.is_unused, "it is new");

    at(&mut hub, "2026-02-20", 9);
    ask(&mut hub, &consumer(), 1, &["NAME"], &[2]);
    let later = reported(&hub, Period::week_of(day("2026-02-18")));
    assert!(later.agreements[1].is_unused && !later.agreements[1].is_new, "{:?}", later.agreements[1]);
    let earlier = reported(&hub, Period::week_of(day("2026-01-28")));
    assert_eq!(earlier.agreements.len(), 1, "as it was then");
    assert_eq!(earlier.agreements[0].expires_in_days, Some(3));
}

#[test]
fn answers_in_time_and_overdue_are_told_by_department_in_working_days() {
    let mut hub = month();
    let term = AnswerTerm { working_days: 2, deferral_days: 1 };
    let terms = AnswerTerms::new([((AnswerStep::Acceptance, SharingClass::Conditional), term)]).unwrap();
    // A Thursday.
    at(&mut hub, "2026-02-12", 10);
    hub.change(&administrator(), RuleChange::AnswerTerms(terms));
    for id in ["first", "second", "third"] {
        let text = agreement_text(hub.time, id, &["STATUS"]);
        hub.change(&consumer(), proposal(&consumer(), text.clone()));
        if id == "first" {
            let signed = consent(&provider(), &text);
            let (agreement_id, version, digest) = (signed.agreement_id, signed.version, signed.digest);
            let reason = Commitment([8; 32]);
            hub.change(&provider(), RuleChange::AnswerDeferral { agreement_id, version, digest, reason });
        }
        match id {
            "first" => at(&mut hub, "2026-02-13", 10),
            _ => at(&mut hub, "2026-02-18", 9),
        }
        if id != "third" {
            hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
        }
    }
    at(&mut hub, "2026-02-24", 9);
    ask(&mut hub, &consumer(), 1, &["NAME"], &[2]);
    let fortnight = Period::new(day("2026-02-09"), day("2026-02-22")).unwrap();
    let report = reported(&hub, fortnight);
    let [registry] = &report.answers[..] else { panic!("{:?}", report.answers) };
    // One after a working day, one of a Friday's proposal on the third: that is late.
    assert_eq!((registry.department.name.as_str(), registry.step), ("市场监管局", "ACCEPTANCE"));
    assert_eq!((registry.answered, registry.with_deadline, registry.in_time, registry.deferred), (2, 2, 1, 1));
    assert!((registry.mean_working_days - 2.0).abs() < 1e-9, "{}", registry.mean_working_days);
    // Asked for on Wednesday the 18th, due on Friday the 20th: overdue at the end of the period, a Sunday.
    let [late] = &report.overdue[..] else { panic!("{:?}", report.overdue) };
    assert_eq!((late.agreement.as_str(), late.due.as_str(), late.working_days_late), ("third", "2026-02-20", 0));
    let page = page(&report);
    assert!(page.contains("50 % (1 / 2)") && page.contains("2026-02-20"), "{page}");
}

#[test]
fn freshness_is_measured_against_the_cycle() {
    let report = reported(&month(), Period::week_of(day("2026-02-04")));
    let [licence] = &report.freshness[..] else { panic!("{:?}", report.freshness) };
    assert_eq!(
        (licence.cycle, licence.cycle_days, licence.age_days, licence.state),
        ("DAILY", Some(1), Some(5), "LATE")
    );
    assert_eq!((licence.published, licence.withdrawn, licence.rejected), (1, 1, 1));
    assert_eq!(licence.days, [0, 1, 0, 0, 0, 0, 0]);
    let first = reported(&month(), Period::new(day("2026-01-05"), day("2026-01-05")).unwrap());
    assert_eq!((first.freshness[0].state, first.freshness[0].published), ("FRESH", 2));
}

#[test]
fn what_is_unusual_is_told_with_its_numbers() {
    let report = reported(&month(), Period::week_of(day("2026-02-04")));
    let told: Vec<_> = report.patterns.iter().map(|pattern| (pattern.kind, pattern.department.name.as_str())).collect();
    assert_eq!(
        told,
        [
            ("ABOVE_USUAL", "住建局"),
            ("OFF_HOURS", "住建局"),
            ("OFF_HOURS", "<b>税务局</b>"),
            ("MANY_REFUSALS", "<b>税务局</b>"),
        ]
    );
    let above = &report.patterns[0];
    assert_eq!((above.value, above.usual, above.threshold), (40.0, 5.0, 25.0));
    assert!(above.rule.en.contains("40 queries") && above.rule.zh.contains("25.0"), "{:?}", above.rule);
    let calm = reported(&month(), Period::week_of(day("2026-01-28")));
    assert_eq!(calm.patterns, [], "a week like the others");
}

#[test]
fn traces_and_erasures_are_told_by_who_and_when() {
    let report = reported(&month(), Period::week_of(day("2026-02-04")));
    let [traces] = &report.traces[..] else { panic!("{:?}", report.traces) };
    assert_eq!((traces.department.name.as_str(), traces.done, traces.refused, traces.exchanges), ("住建局", 1, 0, 12));
    let told: Vec<_> =
        report.erasures.iter().map(|act| (act.what, act.count, act.department.code.is_empty())).collect();
    assert_eq!(told, [("ERASED", Some(3), true), ("ORDERED", None, false)]);
    let later = reported(&month(), Period::week_of(day("2026-02-11")));
    assert_eq!((later.traces.len(), later.erasures.len()), (0, 0));
}

#[test]
fn working_hours_are_those_of_the_calendar_in_the_log() {
    // A Saturday that is worked, and a Friday that is not.
    let calendar = CalendarYear {
        year: 2026,
        source: "示例〔2026〕1号".to_owned(),
        holidays: [day("2026-02-06")].into(),
        working_days: [day("2026-02-07")].into(),
    };
    for (date, is_known, is_told) in [
        ("2026-02-07", false, true),
        ("2026-02-07", true, false),
        ("2026-02-06", false, false),
        ("2026-02-06", true, true),
    ] {
        let mut hub = Hub::running();
        at(&mut hub, "2026-02-02", 9);
        if is_known {
            hub.change(&administrator(), RuleChange::CalendarYear(calendar.clone()));
        }
        at(&mut hub, date, 10);
        for n in 0..30 {
            ask(&mut hub, &consumer(), n % 6, &["NAME"], &[1]);
        }
        let report = reported(&hub, Period::week_of(day(date)));
        let told = report.patterns.iter().any(|pattern| pattern.kind == "OFF_HOURS");
        assert_eq!(told, is_told, "{date}, calendar known: {is_known}");
        assert_eq!(report.notes.iter().any(|note| note.en.contains("calendar")), !is_known);
    }
}

#[test]
fn operator_far_above_the_others_is_told() {
    let mut hub = Hub::running();
    for record in 3..80 {
        hub.publish(record, 1, RecordStatus::Active);
    }
    hub.time = hub.time.plus_seconds(3_600);
    for operator in 0..6 {
        ask(&mut hub, &consumer(), operator, &["NAME"], &[1, 2]);
        ask(&mut hub, &consumer(), operator, &["NAME"], &[1, 2]);
    }
    for first in (1..70_u8).step_by(10) {
        ask(&mut hub, &consumer(), 99, &["NAME"], &(first..first + 10).collect::<Vec<_>>());
    }
    let report = reported(&hub, Period::week_of(day("2026-01-05")));
    let [pattern] = &report.patterns[..] else { panic!("{:?}", report.patterns) };
    assert_eq!((pattern.kind, pattern.value, pattern.usual, pattern.threshold), ("MANY_RECORDS", 70.0, 2.0, 30.0));
    assert_eq!(pattern.operator, Some(Pseudonym([99; 32]).to_string()));
}

#[test]
fn texts_of_the_log_are_only_texts_on_the_page() {
    let html = page(&reported(&month(), Period::week_of(day("2026-02-04"))));
    assert!(html.contains("&lt;b&gt;税务局&lt;/b&gt;") && !html.contains("<b>税务局"));
    assert!(!html.contains("<script") && !html.contains("src=") && !html.contains("href="));
    let links: Vec<_> = html.match_indices("http").map(|(at, _)| &html[at..at + 18]).collect();
    assert!(links.iter().all(|link| *link == "http://www.w3.org/" || link.starts_with("http-equiv")), "{links:?}");
    for said in ["数据共享交换周报告", "Weekly report", "住建局", "FIELD_NOT_AGREED", "信息项不在协议内", "逾期 late"]
    {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn every_section_is_a_table_of_equal_rows() {
    let report = reported(&month(), Period::week_of(day("2026-02-04")));
    for section in SECTIONS {
        let bytes = sheet(&report, section).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let mut reader = csv::Reader::from_reader(text.strip_prefix('\u{feff}').unwrap().as_bytes());
        assert!(reader.headers().unwrap().len() > 2, "{section}");
        let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
        // Nothing is overdue in a city without deadlines.
        assert!(!rows.is_empty() || section == "overdue", "{section}");
    }
}

#[test]
fn damaged_copy_and_one_without_genesis_are_not_reported_on() {
    let hub = month();
    let (_temporary, folder) = copied(&hub);
    let bundle = folder.path().join("tile/entries/000.p");
    let path = std::fs::read_dir(&bundle).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[400] ^= 1;
    std::fs::write(path, bytes).unwrap();
    let of = |folder: &Folder| {
        summarize(folder, &log_signer(7).verifier(), Period::week_of(day("2026-02-04")), &mut |_, _| {}).unwrap_err()
    };
    assert!(matches!(of(&folder), Error::Damaged { .. }));
    let mut headless = hub;
    headless.entries.remove(0);
    let (_temporary, folder) = copied(&headless);
    assert!(matches!(of(&folder), Error::Damaged { .. }));
    assert!(matches!(of(&Folder::new("/nonexistent")), Error::NoLog(_)));
}

/// The report of a fixed history as JSON, compared with the one kept; `HUTONG_WRITE_VECTORS=1` writes it, where the history or
/// the report changed on purpose.
#[test]
fn report_of_a_fixed_history_is_the_one_kept() {
    let mut report = reported(&month(), Period::week_of(day("2026-02-04")));
    // They follow from every byte of every entry; what the report counts does not.
    (report.root, report.size) = (String::new(), 0);
    report.changes.iter_mut().for_each(|change| change.index = 0);
    let json = serde_json::to_string_pretty(&report).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/audit/weekly.json");
    if std::env::var_os("HUTONG_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &json).unwrap();
    }
    assert_eq!(json, std::fs::read_to_string(&path).unwrap(), "{}", path.display());
}

/// Counts made the slow and obvious way.
#[derive(Debug, Default, PartialEq)]
struct Naive {
    queries: u64,
    permitted: u64,
    asked: u64,
    found: u64,
    released: u64,
    published: u64,
    rejected: u64,
    refusals: BTreeMap<String, u64>,
    suppressed: u64,
    changes: u64,
}

impl Naive {
    fn of(hub: &Hub, from: Date, to: Date) -> Self {
        let mut naive = Self::default();
        for bytes in &hub.entries {
            let entry = Entry::decode(bytes).unwrap();
            let date = entry.time.civil_day(CHINA);
            if date < from || date > to {
                continue;
            }
            let statement = entry.statement().unwrap();
            if let Some(Statement::Query(_, query)) = &statement {
                naive.queries += 1;
                naive.asked += query.commitments.len() as u64;
            }
            match &entry.outcome {
                Outcome::QueryPermitted(permitted) => {
                    naive.permitted += 1;
                    naive.found += permitted.records.len() as u64;
                    naive.released +=
                        permitted.records.iter().filter(|release| release.sd_hash.is_some()).count() as u64;
                }
                Outcome::Refused(refusal) => *naive.refusals.entry(refusal.reason.to_string()).or_default() += 1,
                Outcome::Published(results) => {
                    for violations in results {
                        *(if violations.is_empty() { &mut naive.published } else { &mut naive.rejected }) += 1;
                    }
                }
                Outcome::Noted(Notice::Suppressed(suppressed)) => naive.suppressed += suppressed.count,
                Outcome::Applied(_) if !matches!(statement, Some(Statement::Genesis(_))) => naive.changes += 1,
                _ => {}
            }
        }
        naive
    }

    fn reported(report: &PeriodicReport) -> Self {
        let mut refusals = BTreeMap::new();
        for row in &report.refusals {
            *refusals.entry(row.reason.clone()).or_default() += row.count;
        }
        let totals = report.totals;
        Self {
            queries: totals.queries,
            permitted: totals.permitted,
            asked: totals.asked,
            found: totals.found,
            released: totals.released,
            published: totals.published,
            rejected: totals.rejected,
            refusals,
            suppressed: totals.suppressed,
            changes: totals.changes,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn counts_are_those_of_the_log(
        acts in prop::collection::vec(act(), 1..60),
        first in 0..12_i64,
        length in 0..20_i64,
    ) {
        let mut hub = Hub::running();
        let (mut asker, mut publisher) = (consumer(), provider());
        for act in acts {
            play(&mut hub, &mut asker, &mut publisher, act);
        }
        let from = Time::start_of(day("2026-01-03"), CHINA).plus_seconds(first * 86_400 + 1).civil_day(CHINA);
        let to = Time::start_of(from, CHINA).plus_seconds(length * 86_400 + 1).civil_day(CHINA);
        let report = reported(&hub, Period::new(from, to).unwrap());
        prop_assert_eq!(Naive::reported(&report), Naive::of(&hub, from, to));
        // Each way of counting the same adds up.
        let totals = report.totals;
        let summed = |of: &dyn Fn(&crate::audit::periodic::Exchange) -> u64| report.exchanges.iter().map(of).sum::<u64>();
        prop_assert_eq!(summed(&|row| row.permitted + row.refused), totals.queries);
        prop_assert_eq!(summed(&|row| row.asked), totals.asked);
        prop_assert_eq!(summed(&|row| row.released), totals.released);
        prop_assert_eq!(report.days.iter().map(|day| day.totals.queries).sum::<u64>(), totals.queries);
        prop_assert_eq!(report.hours.iter().flatten().sum::<u64>(), totals.queries);
        prop_assert_eq!(report.refusals.iter().map(|row| row.count).sum::<u64>(), totals.refusals);
        prop_assert_eq!(report.freshness.iter().map(|row| row.published).sum::<u64>(), totals.published);
        prop_assert_eq!(report.agreements.iter().map(|row| row.permitted).sum::<u64>(), totals.permitted);
        prop_assert_eq!(report.changes.len() as u64, totals.changes);
        prop_assert_eq!(report.days.len() as i64, length + 1);
        prop_assert!(report.days.len() as i64 <= MAX_DAYS);
        let nobody = Party { code: String::new(), name: String::new() };
        prop_assert!(report.exchanges.iter().all(|row| row.consumer != nobody));
    }
}
