//! The report as one HTML page: no script, nothing from elsewhere, charts drawn here, in Chinese and English.

mod chart;

use self::chart::{Chart, Line, Scale, draw};
use super::{latencies::Summary, open::Offered, report::Report};
use crate::html::Html;

/// The percentiles that are marked on a curve.
const MARKS: [f64; 6] = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99];

impl Report {
    /// The page.
    #[must_use]
    pub fn to_html(&self) -> String {
        let title = format!("互通性能测量报告 · hutong bench {}", self.began);
        Html::page(&title, |html| {
            html.element("header", &[], |html| {
                html.element("div", &[], |html| {
                    html.leaf("h1", &[], "互通性能测量报告");
                    html.leaf("p", &[("lang", "en".into())], "What a hub can do, beside what cannot be left out");
                    html.leaf("p", &[("class", "fine".into())], &self.origin());
                });
            });
            html.element("main", &[], |html| {
                self.targets_section(html);
                self.query_section(html);
                self.half_section(html);
                self.overload_section(html);
                self.publishing_section(html);
                section(html, "全部数据", "All figures", |html| {
                    html.leaf("pre", &[], &self.to_string());
                });
            });
        })
    }

    fn origin(&self) -> String {
        let Self { machine, options, .. } = self;
        let build = self.build.as_deref().unwrap_or("build not named");
        format!(
            "hutong {}, {build} · {} · {} ×{} · {} · {} · load {} · servers on {}, clients on {} · {}",
            self.version,
            self.began,
            machine.cpu,
            machine.processors,
            machine.kernel,
            machine.file_system,
            machine.load_average,
            options.hub_cpus,
            options.client_cpus,
            self.command.join(" ")
        )
    }

    fn targets_section(&self, html: &mut Html) {
        section(html, "目标", "What is aimed at", |html| {
            if !self.optimized {
                html.leaf(
                    "p",
                    &[("class", "lead".into())],
                    "未优化的构建，数据无意义 A build without optimizations: its figures say nothing",
                );
            }
            html.element("table", &[], |html| {
                row(html, "th", ["指标 what", "测得 found", "目标 aimed at", ""].map(str::to_owned));
                for target in &self.targets {
                    let sign = if target.at_most { "≤" } else { "≥" };
                    html.element("tr", &[], |html| {
                        html.leaf("td", &[], &format!("{} {}", target.what_zh, target.what));
                        html.leaf("td", &[], &format!("{:.2}", target.found));
                        html.leaf("td", &[], &format!("{sign} {:.2}", target.bound));
                        html.element("td", &[], |html| {
                            let (class, text) = if target.reached {
                                ("badge good", "达到 reached")
                            } else {
                                ("badge bad", "未达到 not reached")
                            };
                            html.leaf("span", &[("class", class.into())], text);
                        });
                    });
                }
            });
        });
    }

    fn query_section(&self, html: &mut Html) {
        let query = &self.query;
        section(html, "查询", "A signed durable query", |html| {
            let lead = format!(
                "每次查询的 CPU 是“空调用＋一次验签”的 {:.2} 倍 the CPU of a query is {:.2} times that of a bare call and a verification",
                query.ratio, query.ratio
            );
            html.leaf("p", &[("class", "lead".into())], &lead);
            html.element("table", &[], |html| {
                row(
                    html,
                    "th",
                    ["", "每秒 a second", "服务端 µs CPU", "客户端 µs CPU", "p50 ms", "p99 ms"].map(str::to_owned),
                );
                for (name, calls) in
                    [("空调用 bare call", &query.bare), ("签名持久查询 signed durable query", &query.query)]
                {
                    let ms = |micros: u64| format!("{:.2}", micros as f64 / 1e3);
                    let Summary { p50_us, p99_us, .. } = calls.latency;
                    let figures =
                        [calls.per_second, calls.cpu_us, calls.client_cpu_us].map(|figure| format!("{figure:.1}"));
                    let [per_second, cpu, client] = figures;
                    row(html, "td", [name.to_owned(), per_second, cpu, client, ms(p50_us), ms(p99_us)]);
                }
            });
            let points = query.ratios.iter().enumerate().map(|(round, ratio)| (round as f64 + 1.0, *ratio)).collect();
            draw(
                html,
                &Chart {
                    title: "每轮的比值 The ratio, round by round",
                    across: "轮次 round",
                    up: "比值 ratio",
                    scale: Scale::Linear,
                    marks: (1..=query.ratios.len()).map(|round| (round as f64, round.to_string())).collect(),
                    lines: vec![Line { name: "比值 ratio", points }],
                },
            );
            let lines = [("空调用 bare call", &query.bare.latency), ("查询 query", &query.query.latency)];
            curves(html, "闭环延迟 Latencies in the closed loop", &lines);
        });
    }

    fn half_section(&self, html: &mut Html) {
        let Some(half) = &self.half else { return };
        section(html, "半负载", "At half of the rate", |html| {
            if let Some(saturation) = &self.saturation {
                let lead = format!(
                    "饱和时每秒 {:.0} 次查询 the hub answers {:.0} queries a second at most",
                    saturation.per_second, saturation.per_second
                );
                html.leaf("p", &[("class", "lead".into())], &lead);
            }
            let mut lines = vec![("空调用 bare call", &half.bare.latency), ("查询 query", &half.hub.latency)];
            if let Some(mixed) = &self.mixed {
                lines.push(("发布中查询 while publishing", &mixed.queries.latency));
            }
            curves(html, "开环延迟 Latencies in the open loop, from the moment at which a call was due", &lines);
        });
    }

    fn overload_section(&self, html: &mut Html) {
        let Some(overload) = &self.overload else { return };
        section(html, "过载与公平", "Overload and fairness", |html| {
            slices(html, "三倍过载 Three times the rate, a second", &overload.overload);
            if let Some(fairness) = &self.fairness {
                let lines =
                    [("独自 alone", &fairness.alone.latency), ("洪水旁 beside a flood", &fairness.beside.latency)];
                curves(html, "另一部门的延迟 Latencies of a modest department", &lines);
            }
        });
    }

    fn publishing_section(&self, html: &mut Html) {
        section(html, "发布", "Publishing", |html| {
            let parts = &self.publishing.parts;
            let marks = (0..=4_u32).map(|quarter| self.publishing.records / 4 * quarter);
            draw(
                html,
                &Chart {
                    title: "发布速率 Records a second, as the store fills",
                    across: "库中记录 records in the store",
                    up: "每秒 a second",
                    scale: Scale::Linear,
                    marks: marks.map(|records| (f64::from(records), records.to_string())).collect(),
                    lines: vec![Line {
                        name: "每秒记录 records/s",
                        points: parts.iter().map(|(at, rate)| (f64::from(*at), *rate)).collect(),
                    }],
                },
            );
        });
    }
}

fn section(html: &mut Html, zh: &str, en: &str, inner: impl FnOnce(&mut Html)) {
    html.element("section", &[], |html| {
        html.element("h2", &[], |html| {
            html.text(zh);
            html.leaf("span", &[("lang", "en".into())], en);
        });
        inner(html);
    });
}

fn row<const CELLS: usize>(html: &mut Html, tag: &'static str, cells: [String; CELLS]) {
    html.element("tr", &[], |html| cells.iter().for_each(|cell| html.leaf(tag, &[], cell)));
}

/// Latencies by percentile, the tail spread out.
fn curves(html: &mut Html, title: &str, curves: &[(&str, &Summary)]) {
    let points = |summary: &Summary| {
        summary.curve.iter().map(|(percentile, micros)| (nines(*percentile), *micros as f64 / 1e3)).collect()
    };
    draw(
        html,
        &Chart {
            title,
            across: "百分位 percentile",
            up: "毫秒 ms",
            scale: Scale::Logarithmic,
            marks: MARKS.iter().map(|mark| (nines(*mark), mark.to_string())).collect(),
            lines: curves.iter().map(|(name, summary)| Line { name, points: points(summary) }).collect(),
        },
    );
}

/// How many nines a percentile has: 0 is 0, 90 is 1, 99.9 is 3; the whole counts as the last mark.
fn nines(percentile: f64) -> f64 {
    let rest = (1.0 - percentile / 100.0).max(1e-4);
    -rest.log10()
}

/// What became of calls, over time.
fn slices(html: &mut Html, title: &str, offered: &Offered) {
    let of = |count: fn(&(u64, u64)) -> u64| {
        let points = offered.slices.iter().enumerate();
        points.map(|(slice, counts)| (slice as f64 / 4.0, count(counts) as f64 * 4.0)).collect()
    };
    draw(
        html,
        &Chart {
            title,
            across: "秒 seconds",
            up: "每秒 a second",
            scale: Scale::Linear,
            marks: (0..=offered.slices.len() / 4).map(|second| (second as f64, second.to_string())).collect(),
            lines: vec![
                Line { name: "答复 answered", points: of(|slice| slice.0) },
                Line { name: "拒绝 refused", points: of(|slice| slice.1) },
            ],
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_curve_is_spread_out() {
        for (percentile, at) in [(0.0, 0.0), (90.0, 1.0), (99.9, 3.0), (100.0, 4.0)] {
            assert!((nines(percentile) - at).abs() < 1e-6, "{percentile}");
        }
    }
}
