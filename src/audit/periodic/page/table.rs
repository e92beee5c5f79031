//! Tables, each with a caption for those who do not see it.

use crate::html::{Html, grouped};

/// The most rows of a table on the page; the rest is in the CSV. A page of some thousand rows neither reads nor prints.
pub(super) const MAX_ROWS: usize = 200;

/// What is in a cell.
pub(super) enum Cell<'a> {
    /// A text.
    Text(String),
    /// A text, and a smaller one beneath it.
    Two(String, String),
    /// A count.
    Count(u64),
    /// Marks, each with its class.
    Badges(Vec<(String, &'static str)>),
    /// Drawn.
    Drawn(Box<dyn Fn(&mut Html) + 'a>),
}

/// A heading, and whether its column holds numbers.
pub(super) type Heading = (&'static str, bool);

/// A table of at most [`MAX_ROWS`] rows.
pub(super) fn table<'a, T>(
    html: &mut Html,
    caption: &str,
    headings: &[Heading],
    rows: &'a [T],
    row: impl Fn(&'a T) -> Vec<Cell<'a>>,
) {
    html.element("div", &[("class", "scroll".into())], |html| {
        html.element("table", &[("aria-label", caption.into())], |html| {
            html.element("thead", &[], |html| {
                html.element("tr", &[], |html| {
                    for (name, is_number) in headings {
                        let class = if *is_number { "number" } else { "text" };
                        html.leaf("th", &[("scope", "col".into()), ("class", class.into())], name);
                    }
                });
            });
            html.element("tbody", &[], |html| {
                for item in rows.iter().take(MAX_ROWS) {
                    html.element("tr", &[], |html| row(item).into_iter().for_each(|cell| draw(html, cell)));
                }
            });
        });
    });
    if rows.len() > MAX_ROWS {
        let more = rows.len() - MAX_ROWS;
        html.leaf(
            "p",
            &[("class", "empty".into())],
            &format!("另有 {more} 行，见 CSV。{more} more rows are in the CSV."),
        );
    }
}

fn draw(html: &mut Html, cell: Cell<'_>) {
    match cell {
        Cell::Text(text) => html.leaf("td", &[], &text),
        Cell::Two(text, small) => html.element("td", &[], |html| {
            html.text(&text);
            if !small.is_empty() {
                html.leaf("small", &[], &small);
            }
        }),
        Cell::Count(count) => html.leaf("td", &[("class", "number".into())], &grouped(count)),
        Cell::Badges(badges) => html.element("td", &[], |html| {
            for (text, class) in badges {
                html.leaf("span", &[("class", class.into())], &text);
            }
        }),
        Cell::Drawn(draw) => html.element("td", &[], |html| draw(html)),
    }
}

/// A table that can be folded away, under a chart.
pub(super) fn folded(html: &mut Html, inner: impl FnOnce(&mut Html)) {
    html.element("details", &[("open", "open".into())], |html| {
        html.leaf("summary", &[], "数据表 Table");
        inner(html);
    });
}
