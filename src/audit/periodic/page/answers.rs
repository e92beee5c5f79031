//! How proposals of agreements were answered, on the page.

use super::{
    sections::{empty, name, party, section, to_minute},
    table::{Cell, table},
};
use crate::{
    audit::periodic::figures::{AnswerCount, OverdueAnswer, PeriodicReport},
    html::Html,
};

/// Who must answer: the authority is no one department.
fn answering(row: &OverdueAnswer) -> Cell<'static> {
    if row.step == "ACTIVATION" {
        Cell::Text("共享主管部门 the authority".to_owned())
    } else {
        party(&row.department)
    }
}

fn step(step: &str) -> String {
    if step == "ACCEPTANCE" { "提供方答复 acceptance" } else { "主管部门审核 activation" }.to_owned()
}

/// Of answers with a deadline those that were in time, in per cent.
fn in_time(row: &AnswerCount) -> String {
    match (row.in_time * 100).checked_div(row.with_deadline) {
        Some(percent) => format!("{percent} % ({} / {})", row.in_time, row.with_deadline),
        None => "未设时限 no deadline".to_owned(),
    }
}

pub(super) fn answers(html: &mut Html, report: &PeriodicReport) {
    let lead = "工作日按共享平台日历计算。 Working days are those of the hub's calendar.";
    section(html, ("协议答复", "Answers to proposals"), lead, |html| {
        if report.answers.is_empty() {
            empty(html, "本期没有答复。 None were given in this period.");
        } else {
            let headings = [
                ("部门 department", false),
                ("环节 step", false),
                ("答复 answered", true),
                ("按期答复率 in time", false),
                ("延长答复 deferred", true),
                ("平均工作日 mean working days", false),
            ];
            table(html, "协议答复 Answers to proposals", &headings, &report.answers, |row| {
                vec![
                    Cell::Text(name(&row.department)),
                    Cell::Text(step(row.step)),
                    Cell::Count(row.answered),
                    Cell::Text(in_time(row)),
                    Cell::Count(row.deferred),
                    Cell::Text(format!("{:.1}", row.mean_working_days)),
                ]
            });
        }
        if report.overdue.is_empty() {
            return empty(html, "期末没有逾期未答复的申请。 No answer is overdue at the end of the period.");
        }
        let headings = [
            ("协议 agreement", false),
            ("应答复 must answer", false),
            ("需求方 consumer", false),
            ("自 since", false),
            ("应于 due", false),
            ("逾期工作日 working days late", true),
        ];
        table(html, "逾期未答复 Overdue answers", &headings, &report.overdue, |row| {
            vec![
                Cell::Two(row.agreement.clone(), format!("version {}", row.version)),
                answering(row),
                party(&row.consumer),
                Cell::Text(to_minute(&row.since)),
                Cell::Text(row.due.clone()),
                Cell::Count(row.working_days_late.into()),
            ]
        });
    });
}
