//! Charts as inline SVG. Each has a title and a description for those who do not see it, and a table beneath it.

use crate::html::{Html, Value, grouped};

/// The width of every wide chart, in user units: the page scales it.
const WIDTH: f64 = 960.0;

/// What a chart is called, and what it shows in a sentence.
pub(super) struct Caption<'a> {
    pub(super) id: &'static str,
    pub(super) title: &'a str,
    pub(super) description: &'a str,
}

fn svg(html: &mut Html, caption: &Caption<'_>, width: f64, height: f64, inner: impl FnOnce(&mut Html)) {
    let view = format!("0 0 {width} {height}");
    let (title, description) = (format!("{}-title", caption.id), format!("{}-description", caption.id));
    let labelled = format!("{title} {description}");
    html.element(
        "svg",
        &[
            ("xmlns", "http://www.w3.org/2000/svg".into()),
            ("viewBox", view.as_str().into()),
            ("role", "img".into()),
            ("aria-labelledby", labelled.as_str().into()),
        ],
        |html| {
            html.leaf("title", &[("id", title.as_str().into())], caption.title);
            html.leaf("desc", &[("id", description.as_str().into())], caption.description);
            inner(html);
        },
    );
}

/// The colours of what a chart shows, on the shapes themselves: so they stay where a chart is taken out of its page.
fn colour(class: &str) -> &'static str {
    match class {
        "permitted" => "#1d5fa9",
        "refused" => "#c2492f",
        "published" => "#23795a",
        "weekend" => "#eef2f7",
        "grid" => "#dfe6ee",
        "h1" => "#d3e3f5",
        "h2" => "#a8c8ea",
        "h3" => "#74a6da",
        "h4" => "#3c7dc1",
        "h5" => "#14508f",
        _ => "#edf1f6",
    }
}

/// A text: `end`, `middle` and `start` are quiet and say where it is anchored; `value` and `on-light` are read, `on-dark` too.
fn label(html: &mut Html, x: f64, y: f64, class: &'static str, text: &str) {
    let (anchor, fill) = match class {
        "end" => ("end", "#5a6b7d"),
        "middle" => ("middle", "#5a6b7d"),
        "on-light" => ("middle", "#16212e"),
        "on-dark" => ("middle", "#ffffff"),
        "value" => ("start", "#16212e"),
        _ => ("start", "#5a6b7d"),
    };
    let attributes: &[(&'static str, Value<'_>)] = &[
        ("x", x.into()),
        ("y", y.into()),
        ("text-anchor", anchor.into()),
        ("fill", fill.into()),
        ("font-size", 12.0.into()),
    ];
    html.leaf("text", attributes, text);
}

fn rect(html: &mut Html, (x, y): (f64, f64), (width, height): (f64, f64), class: &'static str, title: &str) {
    let attributes: &[(&'static str, Value<'_>)] = &[
        ("x", x.into()),
        ("y", y.into()),
        ("width", width.into()),
        ("height", height.into()),
        ("fill", colour(class).into()),
    ];
    html.element("rect", attributes, |html| html.leaf("title", &[], title));
}

/// A step between the lines of a scale, of 1, 2 or 5 times a power of ten, of which at most five reach `most`.
fn step(most: u64) -> u64 {
    let powers = std::iter::successors(Some(1_u64), |power| power.checked_mul(10));
    let steps = powers.flat_map(|power| [1, 2, 5].map(|factor| power.saturating_mul(factor)));
    steps.into_iter().find(|step| most.div_ceil(*step) <= 5).unwrap_or(u64::MAX)
}

/// A column of a chart of days.
pub(super) struct Column {
    pub(super) label: String,
    pub(super) permitted: u64,
    pub(super) refused: u64,
    pub(super) is_weekend: bool,
}

/// Columns of permitted and refused queries, one above the other, by day.
pub(super) fn columns(html: &mut Html, caption: &Caption<'_>, columns: &[Column]) {
    const LEFT: f64 = 64.0;
    const TOP: f64 = 14.0;
    const TALL: f64 = 210.0;
    let most = columns.iter().map(|column| column.permitted + column.refused).max().unwrap_or(0).max(1);
    let (step, top) = (step(most), step(most) * most.div_ceil(step(most)));
    let tall = |count: u64| TALL * count as f64 / top as f64;
    let wide = (WIDTH - LEFT - 8.0) / columns.len().max(1) as f64;
    let every = columns.len().div_ceil(16).max(1);
    svg(html, caption, WIDTH, TOP + TALL + 34.0, |html| {
        for line in 0..=top / step {
            let y = TOP + TALL - tall(line * step);
            let ends = [("x1", LEFT.into()), ("x2", (WIDTH - 8.0).into()), ("y1", y.into()), ("y2", y.into())];
            html.empty("line", &[&ends[..], &[("stroke", colour("grid").into())]].concat());
            label(html, LEFT - 8.0, y + 4.0, "end", &grouped(line * step));
        }
        for (position, column) in columns.iter().enumerate() {
            let x = LEFT + wide * position as f64;
            let gap = (wide * 0.14).min(8.0);
            let base = TOP + TALL;
            let title = format!(
                "{}: 准予 permitted {}, 拒绝 refused {}",
                column.label,
                grouped(column.permitted),
                grouped(column.refused)
            );
            if column.is_weekend {
                rect(html, (x, TOP), (wide, TALL), "weekend", &title);
            }
            let (permitted, refused) = (tall(column.permitted), tall(column.refused));
            rect(html, (x + gap, base - permitted), (wide - 2.0 * gap, permitted), "permitted", &title);
            rect(html, (x + gap, base - permitted - refused), (wide - 2.0 * gap, refused), "refused", &title);
            if position % every == 0 {
                label(html, x + wide / 2.0, base + 18.0, "middle", column.label.get(5..).unwrap_or(&column.label));
            }
        }
    });
}

/// A bar with a name.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) count: u64,
}

/// Horizontal bars, the longest first.
pub(super) fn bars(html: &mut Html, caption: &Caption<'_>, bars: &[Bar], class: &'static str) {
    const LEFT: f64 = 300.0;
    const ROW: f64 = 26.0;
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    svg(html, caption, WIDTH, ROW * bars.len() as f64 + 8.0, |html| {
        for (position, bar) in bars.iter().enumerate() {
            let y = ROW * position as f64 + 4.0;
            let long = (WIDTH - LEFT - 90.0) * bar.count as f64 / most as f64;
            label(html, LEFT - 10.0, y + 16.0, "end", &cut(&bar.label, 34));
            rect(html, (LEFT, y + 3.0), (long.max(1.0), ROW - 8.0), class, &format!("{}: {}", bar.label, bar.count));
            label(html, LEFT + long + 8.0, y + 16.0, "value", &grouped(bar.count));
        }
    });
}

/// Counts by two names.
pub(super) struct Grid {
    pub(super) rows: Vec<String>,
    pub(super) columns: Vec<String>,
    /// A row of counts for each row.
    pub(super) counts: Vec<Vec<u64>>,
}

impl Grid {
    fn most(&self) -> u64 {
        self.counts.iter().flatten().copied().max().unwrap_or(0).max(1)
    }
}

/// The shades of a heat map, the lightest first; the style sheet colours them. Logarithmic, since a city's uses are.
const SHADES: [&str; 6] = ["h0", "h1", "h2", "h3", "h4", "h5"];

fn shade(count: u64, most: u64) -> &'static str {
    let share = if most <= 1 { 1.0 } else { (count.max(1) as f64).ln() / (most as f64).ln() };
    let position = if count == 0 { 0 } else { 1 + (share * 4.0).round().clamp(0.0, 4.0) as usize };
    SHADES.get(position).copied().unwrap_or("h5")
}

/// A heat map with a number in each cell.
pub(super) fn heat(html: &mut Html, caption: &Caption<'_>, grid: &Grid) {
    const LEFT: f64 = 220.0;
    const TOP: f64 = 34.0;
    const ROW: f64 = 34.0;
    let wide = ((WIDTH - LEFT) / grid.columns.len().max(1) as f64).min(150.0);
    svg(html, caption, WIDTH, TOP + ROW * grid.rows.len() as f64 + 6.0, |html| {
        for (position, name) in grid.columns.iter().enumerate() {
            let room = (wide / 13.0) as usize;
            label(html, LEFT + wide * (position as f64 + 0.5), TOP - 12.0, "middle", &cut(name, room.max(2)));
        }
        for (row, (name, counts)) in grid.rows.iter().zip(&grid.counts).enumerate() {
            let y = TOP + ROW * row as f64;
            label(html, LEFT - 10.0, y + 21.0, "end", &cut(name, 15));
            for (column, (other, count)) in grid.columns.iter().zip(counts).enumerate() {
                let x = LEFT + wide * column as f64;
                let class = shade(*count, grid.most());
                rect(html, (x + 1.0, y + 1.0), (wide - 2.0, ROW - 2.0), class, &format!("{name} ← {other}: {count}"));
                if *count > 0 {
                    let on = if matches!(class, "h4" | "h5") { "on-dark" } else { "on-light" };
                    label(html, x + wide / 2.0, y + 21.0, on, &grouped(*count));
                }
            }
        }
    });
}

/// A week by the hour.
pub(super) fn week(html: &mut Html, caption: &Caption<'_>, days: &[&str; 7], hours: &[[u64; 24]; 7]) {
    const LEFT: f64 = 96.0;
    const ROW: f64 = 26.0;
    let most = hours.iter().flatten().copied().max().unwrap_or(0).max(1);
    let wide = (WIDTH - LEFT) / 24.0;
    svg(html, caption, WIDTH, ROW * 7.0 + 28.0, |html| {
        for (row, (day, counts)) in days.iter().zip(hours).enumerate() {
            let y = ROW * row as f64;
            label(html, LEFT - 10.0, y + 17.0, "end", day);
            for (hour, count) in counts.iter().enumerate() {
                let x = LEFT + wide * hour as f64;
                let title = format!("{day} {hour}:00: {count}");
                rect(html, (x + 1.0, y + 1.0), (wide - 2.0, ROW - 2.0), shade(*count, most), &title);
            }
        }
        for hour in (0..24_u8).step_by(2) {
            let x = LEFT + wide * f64::from(hour);
            label(html, x + 2.0, ROW * 7.0 + 18.0, "start", &format!("{hour}:00"));
        }
    });
}

/// A row of days, one mark each: filled where something was published. No more than the table's cell needs.
pub(super) fn strip(html: &mut Html, id: &str, days: &[u64]) {
    const TALL: f64 = 16.0;
    let wide = (180.0 / days.len().max(1) as f64).min(18.0);
    let published = days.iter().filter(|count| **count > 0).count();
    let said = format!("{published} / {} 天有发布 days with publications", days.len());
    let view = format!("0 0 {} {TALL}", wide * days.len() as f64);
    let width = wide * days.len() as f64;
    html.element(
        "svg",
        &[
            ("xmlns", "http://www.w3.org/2000/svg".into()),
            ("id", id.into()),
            ("class", "strip".into()),
            ("viewBox", view.as_str().into()),
            ("width", width.into()),
            ("height", TALL.into()),
            ("role", "img".into()),
            ("aria-label", said.as_str().into()),
        ],
        |html| {
            for (position, count) in days.iter().enumerate() {
                let class = if *count > 0 { "published" } else { "h0" };
                let x = wide * position as f64;
                rect(html, (x + 0.5, 1.0), ((wide - 1.0).max(0.3), TALL - 2.0), class, &count.to_string());
            }
        },
    );
}

/// How much of a limit was used.
pub(super) fn meter(html: &mut Html, used: u64, limit: u64) {
    const WIDE: f64 = 90.0;
    let share = if limit == 0 { 1.0 } else { (used as f64 / limit as f64).min(1.0) };
    let said = format!("{:.0}%", share * 100.0);
    html.element(
        "svg",
        &[
            ("xmlns", "http://www.w3.org/2000/svg".into()),
            ("class", "meter".into()),
            ("viewBox", "0 0 90 10".into()),
            ("width", WIDE.into()),
            ("height", 10.0.into()),
            ("role", "img".into()),
            ("aria-label", said.as_str().into()),
        ],
        |html| {
            rect(html, (0.0, 0.0), (WIDE, 10.0), "h0", &said);
            let class = if share >= 0.8 { "refused" } else { "permitted" };
            rect(html, (0.0, 0.0), (WIDE * share, 10.0), class, &said);
        },
    );
}

/// A text of at most so many characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_have_round_steps() {
        for (most, expected) in [(1, 1), (5, 1), (6, 2), (12, 5), (100, 20), (101, 50), (4_321, 1_000)] {
            assert_eq!(step(most), expected, "{most}");
        }
        assert!(step(u64::MAX) > 0);
    }

    #[test]
    fn shades_grow_with_the_count() {
        let shades: Vec<_> = [0, 1, 10, 100, 1_000, 10_000].map(|count| shade(count, 10_000)).to_vec();
        assert_eq!(shades, SHADES);
        assert_eq!(shade(1, 1), "h5");
    }
}
