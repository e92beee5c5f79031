//! The report as tables for spreadsheets: CSV in UTF-8 with a byte order mark, one sheet a section, one row a group.

use super::figures::{Exchange, Named, Party, PeriodicReport, Totals};

/// The sections that there are.
pub const SECTIONS: [&str; 12] = [
    "exchanges",
    "days",
    "hours",
    "refusals",
    "agreements",
    "answers",
    "overdue",
    "freshness",
    "changes",
    "traces",
    "erasures",
    "patterns",
];

/// Without it spreadsheets take UTF-8 for the machine's own encoding.
const BYTE_ORDER_MARK: &str = "\u{feff}";

type Row = Vec<String>;

/// A section as CSV; an unknown one is empty.
///
/// # Errors
/// None that memory has not.
pub fn sheet(report: &PeriodicReport, section: &str) -> Result<Vec<u8>, csv::Error> {
    let (headings, rows) = table(report, section);
    let mut writer = csv::Writer::from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
    writer.write_record(headings)?;
    for row in rows {
        writer.write_record(row.into_iter().map(harmless))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// A cell that a spreadsheet will not run as a formula: names come from whoever registered a department.
fn harmless(cell: String) -> String {
    let is_number = cell.parse::<f64>().is_ok();
    if !is_number && cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

fn table(report: &PeriodicReport, section: &str) -> (Vec<&'static str>, Vec<Row>) {
    match section {
        "exchanges" => (
            vec![
                "provider_code",
                "provider",
                "consumer_code",
                "consumer",
                "resource_id",
                "resource",
                "purpose",
                "permitted",
                "refused",
                "asked",
                "found",
                "released",
                "fields",
            ],
            report.exchanges.iter().map(exchange).collect(),
        ),
        "days" => (
            vec![
                "date",
                "queries",
                "permitted",
                "refused",
                "asked",
                "found",
                "released",
                "fields",
                "publications",
                "published",
                "rejected",
                "refusals",
                "changes",
                "suppressed",
                "erased",
            ],
            report.days.iter().map(|day| [vec![day.date.clone()], totals(&day.totals)].concat()).collect(),
        ),
        "hours" => (
            vec!["weekday", "hour", "queries"],
            (1..)
                .zip(&report.hours)
                .flat_map(|(weekday, hours)| {
                    let row = move |(hour, count): (usize, &u64)| cells([&weekday, &hour, count]);
                    hours.iter().enumerate().map(row)
                })
                .collect(),
        ),
        "refusals" => (
            vec!["department_code", "department", "kind", "reason", "count"],
            (report.refusals.iter())
                .map(|row| [party(&row.department), cells([&row.kind, &row.reason, &row.count])].concat())
                .collect(),
        ),
        "agreements" => (
            vec![
                "id",
                "version",
                "state",
                "consumer_code",
                "consumer",
                "provider_code",
                "provider",
                "resource_id",
                "resource",
                "valid_from",
                "valid_until",
                "permitted",
                "asked",
                "peak",
                "daily_limit",
                "is_new",
                "expires_in_days",
                "is_unused",
                "unused_fields",
            ],
            report.agreements.iter().map(agreement).collect(),
        ),
        "answers" => (
            vec![
                "department_code",
                "department",
                "step",
                "answered",
                "with_deadline",
                "in_time",
                "deferred",
                "mean_working_days",
            ],
            (report.answers.iter())
                .map(|row| {
                    let mean = format!("{:.1}", row.mean_working_days);
                    let rest =
                        cells([&row.step, &row.answered, &row.with_deadline, &row.in_time, &row.deferred, &mean]);
                    [party(&row.department), rest].concat()
                })
                .collect(),
        ),
        "overdue" => (
            vec![
                "agreement",
                "version",
                "step",
                "department_code",
                "department",
                "consumer_code",
                "consumer",
                "since",
                "due",
                "working_days_late",
            ],
            (report.overdue.iter())
                .map(|row| {
                    let first = cells([&row.agreement, &row.version, &row.step]);
                    let rest = cells([&row.since, &row.due, &row.working_days_late]);
                    [first, party(&row.department), party(&row.consumer), rest].concat()
                })
                .collect(),
        ),
        "freshness" => (
            vec![
                "resource_id",
                "resource",
                "provider_code",
                "provider",
                "cycle",
                "cycle_days",
                "last_published",
                "age_days",
                "state",
                "published",
                "withdrawn",
                "rejected",
                "days_with_publications",
            ],
            report.freshness.iter().map(freshness).collect(),
        ),
        "changes" => (
            vec!["index", "time", "kind", "department_code", "department", "system", "subject", "effect"],
            (report.changes.iter())
                .map(|row| {
                    let first = cells([&row.index, &row.time, &row.kind]);
                    [first, party(&row.department), cells([&row.system, &row.subject, &row.effect])].concat()
                })
                .collect(),
        ),
        "traces" => (
            vec![
                "department_code",
                "department",
                "purpose",
                "traces",
                "refused",
                "exchanges_found",
                "with_legal_basis",
            ],
            (report.traces.iter())
                .map(|row| {
                    let counts = cells([&row.purpose, &row.done, &row.refused, &row.exchanges, &row.with_legal_basis]);
                    [party(&row.department), counts].concat()
                })
                .collect(),
        ),
        "erasures" => (
            vec!["index", "time", "what", "department_code", "department", "selection", "count"],
            (report.erasures.iter())
                .map(|row| {
                    let count = row.count.map(|count| count.to_string()).unwrap_or_default();
                    let first = cells([&row.index, &row.time, &row.what]);
                    [first, party(&row.department), cells([&row.selection, &count])].concat()
                })
                .collect(),
        ),
        "patterns" => (
            vec![
                "kind",
                "department_code",
                "department",
                "system",
                "operator",
                "value",
                "usual",
                "threshold",
                "rule_zh",
                "rule_en",
            ],
            (report.patterns.iter())
                .map(|row| {
                    let operator = row.operator.clone().unwrap_or_default();
                    let rest = cells([
                        &row.system,
                        &operator,
                        &row.value,
                        &row.usual,
                        &row.threshold,
                        &row.rule.zh,
                        &row.rule.en,
                    ]);
                    [cells([&row.kind]), party(&row.department), rest].concat()
                })
                .collect(),
        ),
        _ => (vec!["section"], Vec::new()),
    }
}

fn cells<const N: usize>(values: [&dyn std::fmt::Display; N]) -> Row {
    values.iter().map(ToString::to_string).collect()
}

fn party(party: &Party) -> Row {
    vec![party.code.clone(), party.name.clone()]
}

fn named(resource: &Named) -> Row {
    vec![resource.id.clone(), resource.name.clone()]
}

fn exchange(row: &Exchange) -> Row {
    let counts =
        cells([&row.purpose, &row.permitted, &row.refused, &row.asked, &row.found, &row.released, &row.fields]);
    [party(&row.provider), party(&row.consumer), named(&row.resource), counts].concat()
}

fn totals(totals: &Totals) -> Row {
    cells([
        &totals.queries,
        &totals.permitted,
        &totals.refused,
        &totals.asked,
        &totals.found,
        &totals.released,
        &totals.fields,
        &totals.publications,
        &totals.published,
        &totals.rejected,
        &totals.refusals,
        &totals.changes,
        &totals.suppressed,
        &totals.erased,
    ])
}

fn agreement(row: &super::AgreementUse) -> Row {
    let first = cells([&row.id, &row.version, &row.state]);
    let days = row.expires_in_days.map(|days| days.to_string()).unwrap_or_default();
    let fields = row.unused_fields.join(" ");
    let rest = cells([
        &row.valid_from,
        &row.valid_until,
        &row.permitted,
        &row.asked,
        &row.peak,
        &row.daily_limit,
        &row.is_new,
        &days,
        &row.is_unused,
        &fields,
    ]);
    [first, party(&row.consumer), party(&row.provider), named(&row.resource), rest].concat()
}

fn freshness(row: &super::Freshness) -> Row {
    let text = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
    let (cycle_days, age_days) = (text(row.cycle_days), text(row.age_days));
    let last = row.last_published.clone().unwrap_or_default();
    let days = row.days.iter().filter(|published| **published > 0).count();
    let rest = cells([
        &row.cycle,
        &cycle_days,
        &last,
        &age_days,
        &row.state,
        &row.published,
        &row.withdrawn,
        &row.rejected,
        &days,
    ]);
    [named(&row.resource), party(&row.provider), rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, expected) in [("=1+1", "'=1+1"), ("@x", "'@x"), ("-12", "-12"), ("-a", "'-a"), ("住建局", "住建局")]
        {
            assert_eq!(harmless(cell.to_owned()), expected);
        }
    }
}
