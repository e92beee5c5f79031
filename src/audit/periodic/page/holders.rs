//! The section on people's own data.

use super::{
    sections::{empty, party, section, to_minute},
    table::{Cell, table},
};
use crate::{audit::periodic::figures::PeriodicReport, html::Html};

/// Who looked up who had asked about a holder, and what was erased.
pub(super) fn holders(html: &mut Html, report: &PeriodicReport) {
    let lead = "谁查询了“谁查过我”，以及删除了哪些开启值；日志只记数量，不记是谁。 Who looked up who had asked about somebody, and which openings were erased; the log holds counts and no names.";
    section(html, ("溯源与删除", "Traces and erasures"), lead, |html| {
        if report.traces.is_empty() && report.erasures.is_empty() {
            return empty(html, "本期没有。 There were none in this period.");
        }
        if !report.traces.is_empty() {
            let headings = [
                ("部门 department", false),
                ("用途 purpose", false),
                ("溯源 traces", true),
                ("拒绝 refused", true),
                ("查到的交换 exchanges found", true),
                ("注明依据 with legal basis", true),
            ];
            table(html, "溯源 Traces of holders", &headings, &report.traces, |row| {
                let mut cells = vec![party(&row.department), Cell::Text(row.purpose.clone())];
                cells.extend([row.done, row.refused, row.exchanges, row.with_legal_basis].map(Cell::Count));
                cells
            });
        }
        if !report.erasures.is_empty() {
            let headings = [
                ("条目 entry", true),
                ("时间 time", false),
                ("事项 what", false),
                ("部门 by", false),
                ("范围 which", false),
                ("数量 count", true),
            ];
            table(html, "删除 Erasures of openings", &headings, &report.erasures, |row| {
                let what = match row.what {
                    "ORDERED" => "下令删除",
                    "REFUSED" => "命令被拒",
                    _ => "已删除",
                };
                vec![
                    Cell::Count(row.index),
                    Cell::Text(to_minute(&row.time)),
                    Cell::Two(what.to_owned(), row.what.to_owned()),
                    row.count.map_or_else(|| party(&row.department), |_| Cell::Text("共享平台 hub".to_owned())),
                    Cell::Text(row.selection.clone()),
                    row.count.map_or_else(|| Cell::Text(String::new()), Cell::Count),
                ]
            });
        }
    });
}
