//! The sections of the page.

use std::collections::BTreeMap;

use super::{
    charts::{self, Bar, Caption, Column, Grid},
    table::{Cell, folded, table},
    words,
};
use crate::{
    audit::periodic::figures::{AgreementUse, Named, Party, PeriodicReport},
    domain::{calendar, time::Date},
    html::{Html, grouped},
};

/// The most rows and columns of a heat map: with more of them the numbers do not fit.
const MAX_GRID: usize = 12;

/// The days of a week, Monday first.
const WEEKDAYS: [&str; 7] = ["周一 Mon", "周二 Tue", "周三 Wed", "周四 Thu", "周五 Fri", "周六 Sat", "周日 Sun"];

pub(super) fn section(html: &mut Html, (zh, en): (&str, &str), lead: &str, inner: impl FnOnce(&mut Html)) {
    html.element("section", &[], |html| {
        html.element("h2", &[], |html| {
            html.text(zh);
            html.leaf("span", &[("lang", "en".into())], en);
        });
        if !lead.is_empty() {
            html.leaf("p", &[("class", "lead".into())], lead);
        }
        inner(html);
    });
}

pub(super) fn empty(html: &mut Html, text: &str) {
    html.leaf("p", &[("class", "empty".into())], text);
}

pub(super) fn name(party: &Party) -> String {
    match (party.name.as_str(), party.code.as_str()) {
        ("", "") => "其他 others".to_owned(),
        ("", code) => code.to_owned(),
        (name, _) => name.to_owned(),
    }
}

pub(super) fn party(party: &Party) -> Cell<'static> {
    Cell::Two(name(party), if party.name.is_empty() { String::new() } else { party.code.clone() })
}

/// A time of the hub's as people write it, to the minute.
pub(super) fn to_minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

fn resource(resource: &Named) -> Cell<'static> {
    if resource.name.is_empty() {
        return Cell::Text(if resource.id.is_empty() { "其他 others".to_owned() } else { resource.id.clone() });
    }
    let english = if resource.name_en.is_empty() { String::new() } else { format!(" · {}", resource.name_en) };
    Cell::Two(resource.name.clone(), format!("{}{english}", resource.id))
}

pub(super) fn patterns(html: &mut Html, report: &PeriodicReport) {
    let lead =
        "仅为提示，不是结论：每条列出规则与数字，供核实。 Hints, not conclusions: each with its rule and its numbers.";
    section(html, ("异常模式", "Unusual patterns"), lead, |html| {
        if report.patterns.is_empty() {
            return empty(html, "本期未发现。 None in this period.");
        }
        html.element("div", &[("class", "cards".into())], |html| {
            for pattern in &report.patterns {
                html.element("div", &[("class", "card".into())], |html| {
                    let (zh, en) = words::pattern(pattern.kind);
                    html.element("p", &[], |html| {
                        html.leaf("strong", &[], &format!("{zh} · {}", name(&pattern.department)));
                    });
                    html.leaf("p", &[], &pattern.rule.zh);
                    html.leaf(
                        "p",
                        &[("class", "en".into()), ("lang", "en".into())],
                        &format!("{en}: {}", pattern.rule.en),
                    );
                    html.element("p", &[], |html| {
                        html.leaf("code", &[], &pattern.system);
                        if let Some(operator) = &pattern.operator {
                            html.text(" 操作员 operator ");
                            html.leaf("code", &[], operator);
                        }
                    });
                });
            }
        });
    });
}

pub(super) fn days(html: &mut Html, report: &PeriodicReport) {
    section(html, ("每日查询", "Queries by day"), "", |html| {
        html.element("p", &[("class", "key".into())], |html| {
            for (class, text) in
                [("permitted", "准予 permitted"), ("refused", "拒绝 refused"), ("weekend", "周末 weekend")]
            {
                html.element("b", &[("class", class.into())], |_| {});
                html.text(text);
            }
        });
        let columns: Vec<_> = (report.days.iter())
            .map(|day| Column {
                label: day.date.clone(),
                permitted: day.totals.permitted,
                refused: day.totals.refused,
                is_weekend: is_weekend(&day.date),
            })
            .collect();
        let caption = Caption {
            id: "days",
            title: "每日查询 Queries by day",
            description: &format!(
                "{} queries over {} days, {} of them refused",
                report.totals.queries,
                columns.len(),
                report.totals.refused
            ),
        };
        charts::columns(html, &caption, &columns);
        folded(html, |html| {
            let headings = [
                ("日期 date", false),
                ("查询 queries", true),
                ("准予 permitted", true),
                ("拒绝 refused", true),
                ("查询条次 asked", true),
                ("命中 found", true),
                ("提供 released", true),
                ("发布 published", true),
            ];
            table(html, caption.title, &headings, &report.days, |day| {
                let totals = &day.totals;
                let counts = [
                    totals.queries,
                    totals.permitted,
                    totals.refused,
                    totals.asked,
                    totals.found,
                    totals.released,
                    totals.published,
                ];
                let mut cells = vec![Cell::Text(day.date.clone())];
                cells.extend(counts.map(Cell::Count));
                cells
            });
        });
    });
}

fn is_weekend(date: &str) -> bool {
    let date: Option<Date> = date.parse().ok();
    date.is_some_and(calendar::is_weekend)
}

pub(super) fn exchanges(html: &mut Html, report: &PeriodicReport) {
    let lead = "行为需求方，列为提供方，数字为提供的记录数。 Rows are consumers, columns providers, the numbers records released.";
    section(html, ("谁使用谁的数据", "Who uses whose data"), lead, |html| {
        if report.exchanges.is_empty() {
            return empty(html, "本期没有查询。 There were no queries in this period.");
        }
        let grid = grid(report);
        let caption = Caption {
            id: "use",
            title: "需求方 × 提供方 Consumers by providers",
            description: "records released to each consumer from each provider; the table below has every number",
        };
        charts::heat(html, &caption, &grid);
        folded(html, |html| {
            let headings = [
                ("需求方 consumer", false),
                ("提供方 provider", false),
                ("资源 resource", false),
                ("用途 purpose", false),
                ("准予 permitted", true),
                ("拒绝 refused", true),
                ("查询条次 asked", true),
                ("命中 found", true),
                ("提供 released", true),
            ];
            table(html, caption.title, &headings, &report.exchanges, |row| {
                let mut cells = vec![
                    party(&row.consumer),
                    party(&row.provider),
                    resource(&row.resource),
                    Cell::Text(row.purpose.clone()),
                ];
                cells.extend([row.permitted, row.refused, row.asked, row.found, row.released].map(Cell::Count));
                cells
            });
        });
    });
}

/// Records released by consumer and provider, the largest first; what does not fit is added up at the end.
fn grid(report: &PeriodicReport) -> Grid {
    let (mut consumers, mut providers) = (BTreeMap::new(), BTreeMap::new());
    for row in &report.exchanges {
        *consumers.entry(&row.consumer).or_insert(0_u64) += row.released;
        *providers.entry(&row.provider).or_insert(0_u64) += row.released;
    }
    let (rows, columns) = (largest(&consumers), largest(&providers));
    let names = |chosen: &[&Party], all: usize| {
        let mut names: Vec<_> = chosen.iter().map(|party| name(party)).collect();
        if all > chosen.len() {
            names.push(format!("其余 {} others", all - chosen.len()));
        }
        names
    };
    let (row_names, column_names) = (names(&rows, consumers.len()), names(&columns, providers.len()));
    let mut counts = vec![vec![0_u64; column_names.len()]; row_names.len()];
    for row in &report.exchanges {
        // What was not chosen belongs to the last row or column, the others.
        let at =
            |chosen: &[&Party], party: &Party| chosen.iter().position(|other| *other == party).unwrap_or(chosen.len());
        let cell =
            counts.get_mut(at(&rows, &row.consumer)).and_then(|cells| cells.get_mut(at(&columns, &row.provider)));
        cell.into_iter().for_each(|count| *count += row.released);
    }
    Grid { rows: row_names, columns: column_names, counts }
}

fn largest<'a>(totals: &BTreeMap<&'a Party, u64>) -> Vec<&'a Party> {
    let mut parties: Vec<_> = totals.iter().collect();
    parties.sort_by_key(|(_, total)| std::cmp::Reverse(**total));
    parties.into_iter().map(|(party, _)| *party).take(MAX_GRID).collect()
}

pub(super) fn refusals(html: &mut Html, report: &PeriodicReport) {
    section(html, ("拒绝原因", "Refusals by reason"), "", |html| {
        if report.refusals.is_empty() {
            return empty(html, "本期没有拒绝。 Nothing was refused in this period.");
        }
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for row in &report.refusals {
            *reasons.entry(&row.reason).or_default() += row.count;
        }
        let mut bars: Vec<_> = (reasons.into_iter())
            .map(|(reason, count)| Bar {
                label: format!("{} {reason}", words::reason(reason)).trim().to_owned(),
                count,
            })
            .collect();
        bars.sort_by_key(|bar| std::cmp::Reverse(bar.count));
        let caption = Caption {
            id: "refusals",
            title: "拒绝原因 Refusals by reason",
            description: "how many statements were refused for each reason; the table below has every number",
        };
        charts::bars(html, &caption, &bars, "refused");
        folded(html, |html| {
            let headings =
                [("原因 reason", false), ("部门 department", false), ("声明 statement", false), ("次数 count", true)];
            table(html, caption.title, &headings, &report.refusals, |row| {
                vec![
                    Cell::Two(words::reason(&row.reason).to_owned(), row.reason.clone()),
                    party(&row.department),
                    Cell::Text(row.kind.clone()),
                    Cell::Count(row.count),
                ]
            });
        });
    });
    if !report.suppressed.is_empty() {
        let lead = "系统每分钟被拒绝的次数超过上限后，其余请求只计数。 Beyond a system's limit of refusals a minute, requests are only counted.";
        section(html, ("限流未登记的请求", "Requests suppressed"), lead, |html| {
            let headings = [("系统 system", false), ("次数 count", true)];
            table(html, "Requests suppressed", &headings, &report.suppressed, |row| {
                vec![Cell::Text(row.system.clone()), Cell::Count(row.count)]
            });
        });
    }
}

pub(super) fn hours(html: &mut Html, report: &PeriodicReport) {
    section(html, ("查询时段", "Queries by hour"), "", |html| {
        let caption = Caption {
            id: "hours",
            title: "查询时段 Queries by weekday and hour",
            description: "queries by weekday and hour of the hub's civil time; the table below has every number",
        };
        charts::week(html, &caption, &WEEKDAYS, &report.hours);
        folded(html, |html| {
            let headings = [
                ("星期 weekday", false),
                ("0–8", true),
                ("8–12", true),
                ("12–14", true),
                ("14–18", true),
                ("18–20", true),
                ("20–24", true),
            ];
            let rows: Vec<_> = WEEKDAYS.iter().zip(&report.hours).collect();
            table(html, caption.title, &headings, &rows, |(day, hours)| {
                let between = |from: usize, to: usize| Cell::Count(hours.iter().skip(from).take(to - from).sum());
                let spans = [(0, 8), (8, 12), (12, 14), (14, 18), (18, 20), (20, 24)];
                let mut cells = vec![Cell::Text((**day).to_owned())];
                cells.extend(spans.map(|(from, to)| between(from, to)));
                cells
            });
        });
    });
}

pub(super) fn freshness(html: &mut Html, report: &PeriodicReport) {
    let lead = "没有变化的记录不会重新发布，因此逾期也可能表示数据没有变化。 Unchanged records are not published again, so late may also mean unchanged.";
    section(html, ("发布及时性", "Freshness against the update cycle"), lead, |html| {
        if report.freshness.is_empty() {
            return empty(html, "目录中没有资源。 The catalog has no resources.");
        }
        let mut rows: Vec<_> = report.freshness.iter().enumerate().collect();
        let rank = |state: &str| ["NEVER", "LATE", "FRESH"].iter().position(|known| *known == state).unwrap_or(3);
        rows.sort_by_key(|(_, row)| rank(row.state));
        let headings = [
            ("资源 resource", false),
            ("提供方 provider", false),
            ("更新周期 cycle", false),
            ("状态 state", false),
            ("距上次发布（天） days since", true),
            ("发布 published", true),
            ("注销等 withdrawn", true),
            ("退回 rejected", true),
            ("逐日 by day", false),
        ];
        table(html, "发布及时性 Freshness", &headings, &rows, |(position, row)| {
            let (state, class) = words::freshness(row.state);
            let age = row.age_days.map_or_else(|| "—".to_owned(), |days| grouped(days.unsigned_abs()));
            let id = format!("strip-{position}");
            vec![
                resource(&row.resource),
                party(&row.provider),
                Cell::Text(words::cycle(row.cycle).to_owned()),
                Cell::Badges(vec![(state.to_owned(), class)]),
                Cell::Two(age, row.last_published.as_deref().map(to_minute).unwrap_or_default()),
                Cell::Count(row.published),
                Cell::Count(row.withdrawn),
                Cell::Count(row.rejected),
                Cell::Drawn(Box::new(move |html| charts::strip(html, &id, &row.days))),
            ]
        });
    });
}

pub(super) fn agreements(html: &mut Html, report: &PeriodicReport) {
    section(html, ("共享协议", "Agreements"), "", |html| {
        if report.agreements.is_empty() {
            return empty(html, "没有共享协议。 There are no agreements.");
        }
        let mut rows: Vec<_> = report.agreements.iter().collect();
        rows.sort_by_key(|row| (!is_told(row), std::cmp::Reverse(row.asked)));
        let headings = [
            ("协议 agreement", false),
            ("状态 state", false),
            ("需求方 consumer", false),
            ("提供方 · 资源 provider, resource", false),
            ("有效期至 valid until", false),
            ("准予 permitted", true),
            ("查询条次 asked", true),
            ("单日最高／限额 peak of limit", false),
            ("未用信息项 unused fields", false),
        ];
        table(html, "共享协议 Agreements", &headings, &rows, |row| {
            let (peak, limit) = (row.peak, row.daily_limit);
            vec![
                Cell::Two(row.id.clone(), format!("version {}", row.version)),
                Cell::Badges(badges(row)),
                party(&row.consumer),
                Cell::Two(name(&row.provider), format!("{} {}", row.resource.name, row.resource.id)),
                Cell::Text(row.valid_until.clone()),
                Cell::Count(row.permitted),
                Cell::Count(row.asked),
                Cell::Drawn(Box::new(move |html| {
                    charts::meter(html, peak, limit);
                    html.leaf("small", &[], &format!("{} / {}", grouped(peak), grouped(limit)));
                })),
                Cell::Text(row.unused_fields.join(" ")),
            ]
        });
    });
}

/// Whether there is something about an agreement to look at.
fn is_told(row: &AgreementUse) -> bool {
    row.is_new || row.is_unused || row.expires_in_days.is_some() || row.state == "SUSPENDED"
}

fn badges(row: &AgreementUse) -> Vec<(String, &'static str)> {
    let (state, class) = words::agreement(row.state);
    let mut badges = vec![(state.to_owned(), class)];
    if row.is_new {
        badges.push(("新增 new".to_owned(), "badge good"));
    }
    if let Some(days) = row.expires_in_days {
        badges.push((format!("{days} 天后到期 expires in {days} d"), "badge warn"));
    }
    if row.is_unused {
        badges.push(("未使用 unused".to_owned(), "badge warn"));
    }
    badges
}

pub(super) fn changes(html: &mut Html, report: &PeriodicReport) {
    let lead = "目录、部门、系统、密钥与协议的每一次变更，均有签名条目可查。 Every change of directory, catalog and agreements has a signed entry.";
    section(html, ("规则变更", "Changes of the rules"), lead, |html| {
        if report.changes.is_empty() {
            return empty(html, "本期没有变更。 There were none in this period.");
        }
        let headings = [
            ("条目 entry", true),
            ("时间 time", false),
            ("变更 change", false),
            ("部门 by", false),
            ("对象 about", false),
            ("结果 effect", false),
        ];
        table(html, "规则变更 Changes of the rules", &headings, &report.changes, |row| {
            vec![
                Cell::Count(row.index),
                Cell::Text(to_minute(&row.time)),
                Cell::Two(row.kind_zh.to_owned(), row.kind.to_owned()),
                party(&row.department),
                Cell::Text(row.subject.clone()),
                Cell::Two(String::new(), row.effect.clone()),
            ]
        });
    });
}
