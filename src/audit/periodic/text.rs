//! The report on a terminal: the totals, and what to look at.

use std::fmt;

use super::figures::PeriodicReport;

/// How many lines each list shows; the page and the tables have all.
const LINES: usize = 10;

impl fmt::Display for PeriodicReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, before) = (&self.totals, &self.before);
        writeln!(f, "{}  {} 至 to {} ({})", self.hub, self.from, self.to, self.offset)?;
        for (name, now, before) in [
            ("queries 查询", now.queries, before.queries),
            ("refused 拒绝", now.refused, before.refused),
            ("records asked 查询条次", now.asked, before.asked),
            ("records released 提供记录", now.released, before.released),
            ("records published 发布记录", now.published, before.published),
            ("rule changes 规则变更", now.changes, before.changes),
        ] {
            writeln!(f, "{now:>12}  {name} (before 上期 {before})")?;
        }
        heading(f, "most used 使用最多", self.exchanges.len())?;
        for row in self.exchanges.iter().take(LINES) {
            let (consumer, provider) =
                (name(&row.consumer.name, &row.consumer.code), name(&row.provider.name, &row.provider.code));
            writeln!(
                f,
                "{:>12}  {consumer} ← {provider} · {} · {}, refused 拒绝 {}",
                row.released, row.resource.id, row.purpose, row.refused
            )?;
        }
        heading(f, "refused 拒绝", self.refusals.len())?;
        for row in self.refusals.iter().take(LINES) {
            let department = name(&row.department.name, &row.department.code);
            writeln!(f, "{:>12}  {} {} · {department}", row.count, row.reason, row.kind)?;
        }
        let late: Vec<_> = self.freshness.iter().filter(|row| matches!(row.state, "LATE" | "NEVER")).collect();
        heading(f, "late 逾期未更新", late.len())?;
        for row in late.into_iter().take(LINES) {
            let age = row.age_days.map_or_else(|| "never 从未".to_owned(), |days| format!("{days} d"));
            writeln!(f, "{age:>12}  {} {} · {}", row.resource.id, row.resource.name, row.cycle)?;
        }
        let told: Vec<_> =
            self.agreements.iter().filter(|row| row.is_new || row.is_unused || row.expires_in_days.is_some()).collect();
        heading(f, "agreements 协议", told.len())?;
        for row in told.into_iter().take(LINES) {
            let expires = row.expires_in_days.map(|days| format!(" expires in {days} d 即将到期"));
            let is_new = if row.is_new { " new 新增" } else { "" };
            let unused = if row.is_unused { " unused 未使用" } else { "" };
            writeln!(f, "{:>12}  {}{is_new}{unused}{}", row.state, row.id, expires.unwrap_or_default())?;
        }
        heading(f, "traces of holders 溯源", self.traces.len())?;
        for row in self.traces.iter().take(LINES) {
            let department = name(&row.department.name, &row.department.code);
            writeln!(
                f,
                "{:>12}  {department} · {}, exchanges found 查到 {}, refused 拒绝 {}",
                row.done, row.purpose, row.exchanges, row.refused
            )?;
        }
        heading(f, "erasures 删除", self.erasures.len())?;
        for row in self.erasures.iter().take(LINES) {
            let count = row.count.map(|count| count.to_string()).unwrap_or_default();
            writeln!(f, "{count:>12}  {} {} · entry 条目 {}", row.what, row.selection, row.index)?;
        }
        heading(f, "answered 协议答复", self.answers.len())?;
        for row in self.answers.iter().take(LINES) {
            let department = name(&row.department.name, &row.department.code);
            let (in_time, with_deadline, mean) = (row.in_time, row.with_deadline, row.mean_working_days);
            let deferred = row.deferred;
            writeln!(
                f,
                "{:>12}  {department} · {}, in time 按期 {in_time}/{with_deadline}, deferred 延长 {deferred}, {mean:.1} working days 个工作日",
                row.answered, row.step
            )?;
        }
        heading(f, "overdue 逾期未答复", self.overdue.len())?;
        for row in self.overdue.iter().take(LINES) {
            let department = match name(&row.department.name, &row.department.code) {
                "—" => "the authority 共享主管部门",
                name => name,
            };
            writeln!(f, "{:>10} d  {} · {department}, due 应于 {}", row.working_days_late, row.agreement, row.due)?;
        }
        heading(f, "unusual 异常模式", self.patterns.len())?;
        for row in self.patterns.iter().take(LINES) {
            let operator = row.operator.as_deref().map(|operator| format!(" operator 操作员 {operator}"));
            writeln!(f, "{:>14} {}{}", row.kind, row.system, operator.unwrap_or_default())?;
            writeln!(f, "{:14} {}\n{:14} {}", "", row.rule.zh, "", row.rule.en)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note 注意      {} {}", note.zh, note.en))?;
        match &self.verification {
            Some(verified) => {
                write!(
                    f,
                    "{} entries verified, {} findings, {} suspect signatures",
                    verified.entries, verified.findings, verified.suspects
                )
            }
            None => write!(
                f,
                "hashes compared with the signed checkpoint; decisions not made again 未重新推算决定 (--verify)"
            ),
        }
    }
}

fn heading(f: &mut fmt::Formatter<'_>, name: &str, count: usize) -> fmt::Result {
    if count > LINES { writeln!(f, "{name} ({LINES} of 共 {count})") } else { writeln!(f, "{name} ({count})") }
}

/// A department's name, or its code where it has none.
fn name<'a>(name: &'a str, code: &'a str) -> &'a str {
    match (name, code) {
        ("", "") => "—",
        ("", code) => code,
        (name, _) => name,
    }
}
