//! The report as one HTML page: no script, nothing from elsewhere, charts drawn here, every chart with its table.

mod answers;
mod charts;
mod holders;
mod sections;
mod table;
mod words;

use super::figures::{PeriodicReport, Totals};
use crate::html::{Html, grouped};

/// The page. Whatever the log's texts say, it shows them as texts.
pub fn page(report: &PeriodicReport) -> String {
    let title_and_days = format!("{} {} – {} {}", title(report).0, report.from, report.to, report.hub);
    Html::page(&title_and_days, |html| {
        header(html, report);
        html.element("main", &[], |html| {
            tiles(html, report);
            notes(html, report);
            sections::patterns(html, report);
            sections::days(html, report);
            sections::exchanges(html, report);
            sections::refusals(html, report);
            sections::hours(html, report);
            sections::freshness(html, report);
            sections::agreements(html, report);
            answers::answers(html, report);
            sections::changes(html, report);
            holders::holders(html, report);
            footer(html, report);
        });
    })
}

/// What the report is called: a week, a month, or other days.
fn title(report: &PeriodicReport) -> (&'static str, &'static str) {
    let is_month = report.from.ends_with("-01") && (28..=31).contains(&report.days.len());
    match report.days.len() {
        7 => ("数据共享交换周报告", "Weekly report on data exchange"),
        _ if is_month => ("数据共享交换月报告", "Monthly report on data exchange"),
        _ => ("数据共享交换报告", "Report on data exchange"),
    }
}

fn header(html: &mut Html, report: &PeriodicReport) {
    let (zh, en) = title(report);
    html.element("header", &[], |html| {
        html.element("div", &[], |html| {
            html.leaf("h1", &[], &format!("{zh} · {} 至 {}", report.from, report.to));
            html.leaf(
                "p",
                &[("lang", "en".into())],
                &format!("{en} · {} to {} ({})", report.from, report.to, report.offset),
            );
            let size = grouped(report.size);
            let of = format!(
                "共享平台 hub {} · 日志 log {} · {size} 条目 entries · root {}",
                report.hub, report.origin, report.root
            );
            html.leaf("p", &[("class", "fine".into())], &of);
        });
    });
}

fn tiles(html: &mut Html, report: &PeriodicReport) {
    let late = report.freshness.iter().filter(|row| matches!(row.state, "LATE" | "NEVER")).count() as u64;
    let active = report.agreements.iter().filter(|row| row.state == "ACTIVE").count() as u64;
    let expiring = report.agreements.iter().filter(|row| row.expires_in_days.is_some()).count();
    let compared = |of: fn(&Totals) -> u64| compared(of(&report.totals), of(&report.before));
    html.element("div", &[("class", "tiles".into())], |html| {
        let mut tile = |class: &'static str, name: &str, figure: u64, below: &str| {
            html.element("div", &[("class", class.into())], |html| {
                html.leaf("div", &[("class", "name".into())], name);
                html.leaf("div", &[("class", "figure".into())], &grouped(figure));
                html.leaf("div", &[("class", "before".into())], below);
            });
        };
        let totals = &report.totals;
        tile("tile", "查询 Queries", totals.queries, &compared(|totals| totals.queries));
        tile("tile", "提供记录 Records released", totals.released, &compared(|totals| totals.released));
        tile("tile red", "拒绝 Refusals", totals.refusals, &compared(|totals| totals.refusals));
        tile("tile green", "发布记录 Records published", totals.published, &compared(|totals| totals.published));
        tile("tile green", "生效协议 Active agreements", active, &format!("{expiring} 份即将到期 expiring soon"));
        let resources = report.freshness.len();
        tile("tile amber", "逾期资源 Late resources", late, &format!("共 {resources} 项 of {resources}"));
        tile(
            "tile amber",
            "异常模式 Unusual patterns",
            report.patterns.len() as u64,
            "需核实，非结论 to be asked about",
        );
        tile("tile", "规则变更 Rule changes", totals.changes, &compared(|totals| totals.changes));
    });
}

/// How a count compares with the period before.
fn compared(now: u64, before: u64) -> String {
    if before == 0 {
        return "上期 0 before".to_owned();
    }
    let change = (now as f64 - before as f64) * 100.0 / before as f64;
    format!("上期 {} before · {change:+.0}%", grouped(before))
}

fn notes(html: &mut Html, report: &PeriodicReport) {
    html.element("section", &[("class", "notes".into())], |html| {
        let said = match &report.verification {
            Some(verified) if verified.findings + verified.suspects == 0 => format!(
                "日志副本已验证：{} 个条目的哈希、签名和决定全部重新核对，无问题。 The copy was verified for this report: every hash, signature and decision of {0} entries, 0 findings.",
                grouped(verified.entries)
            ),
            Some(verified) => format!(
                "日志副本验证发现 {} 个问题、{} 个可疑签名，详见 hutong audit verify。 The copy was verified for this report, with {0} findings and {1} suspect signatures: see hutong audit verify.",
                grouped(verified.findings),
                grouped(verified.suspects)
            ),
            None => "日志副本的哈希与签名的检查点一致；各项决定未重新推算（--verify）。 The copy's hashes are those of the signed checkpoint; decisions were not made again (--verify)."
                .to_owned(),
        };
        html.leaf("p", &[], &said);
        for note in &report.notes {
            html.element("p", &[], |html| {
                html.text(&note.zh);
                html.text("。 ");
                html.leaf("span", &[("lang", "en".into())], &note.en);
            });
        }
    });
}

fn footer(html: &mut Html, report: &PeriodicReport) {
    html.element("footer", &[], |html| {
        html.leaf("p", &[], "本报告由 hutong audit report 依据交换日志副本生成，日期按枢纽民用日计。日志不含个人信息；“持证主体”以记录句柄计，操作员为每月更换的化名。");
        html.leaf(
            "p",
            &[("lang", "en".into())],
            "Made by hutong audit report from a copy of the exchange log; days are the hub's civil days. The log holds no personal data: holders are counted by the handles of records, operators are pseudonyms that change monthly.",
        );
        let kinds: Vec<_> = report.kinds.iter().map(|(kind, count)| format!("{kind} {}", grouped(*count))).collect();
        html.leaf("p", &[], &format!("条目 entries: {}", kinds.join(" · ")));
    });
}
