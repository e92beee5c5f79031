//! Lines over a scale, as inline SVG.

use crate::html::{Html, Value};

/// The width and the height of a chart, in user units: the page scales it.
const SIZE: (f64, f64) = (960.0, 300.0);
/// Room for the vertical scale, above, to the right, and for the horizontal scale.
const MARGINS: [f64; 4] = [72.0, 14.0, 16.0, 44.0];
/// Colours of lines, in turn.
const COLOURS: [&str; 4] = ["#5a6b7d", "#1d5fa9", "#c2492f", "#23795a"];

/// A line.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) points: Vec<(f64, f64)>,
}

/// How heights are laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// From 0.
    Linear,
    /// A decade is as high as any other.
    Logarithmic,
}

/// What a chart shows.
pub(super) struct Chart<'a> {
    /// Its title, for those who do not see it too.
    pub(super) title: &'a str,
    /// What the horizontal scale is of.
    pub(super) across: &'a str,
    /// What the vertical scale is of.
    pub(super) up: &'a str,
    pub(super) scale: Scale,
    /// Where the horizontal scale has marks, and what they say.
    pub(super) marks: Vec<(f64, String)>,
    pub(super) lines: Vec<Line<'a>>,
}

/// From values to places.
struct Places {
    across: (f64, f64),
    up: (f64, f64),
    scale: Scale,
}

impl Places {
    fn of(chart: &Chart<'_>) -> Self {
        let points = || chart.lines.iter().flat_map(|line| &line.points);
        let across = bounds(points().map(|point| point.0).chain(chart.marks.iter().map(|mark| mark.0)));
        let (least, most) = bounds(points().map(|point| point.1));
        let up = match chart.scale {
            Scale::Linear => (0.0, top(most)),
            Scale::Logarithmic => {
                let (floor, ceiling) = (least.max(1e-3).log10().floor(), most.max(1e-3).log10().ceil());
                (floor, ceiling.max(floor + 1.0))
            }
        };
        Self { across, up, scale: chart.scale }
    }

    fn x(&self, value: f64) -> f64 {
        let [left, _, right, _] = MARGINS;
        left + (SIZE.0 - left - right) * share(value, self.across)
    }

    fn y(&self, value: f64) -> f64 {
        let [_, above, _, below] = MARGINS;
        let value = if self.scale == Scale::Logarithmic { value.max(1e-3).log10() } else { value };
        SIZE.1 - below - (SIZE.1 - above - below) * share(value, self.up)
    }

    /// The values at which the vertical scale has lines.
    fn steps(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => (0..=4).map(|quarter| self.up.1 * f64::from(quarter) / 4.0).collect(),
            Scale::Logarithmic => {
                let decades = (self.up.1 - self.up.0).round() as i32;
                (0..=decades).map(|decade| 10_f64.powf(self.up.0 + f64::from(decade))).collect()
            }
        }
    }
}

/// Where a value lies between two others, from 0 to 1.
fn share(value: f64, (least, most): (f64, f64)) -> f64 {
    if most > least { ((value - least) / (most - least)).clamp(0.0, 1.0) } else { 0.0 }
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
    if least <= most { (least, most) } else { (0.0, 1.0) }
}

/// The end of a scale: 1, 2, 4 or 8 times a power of ten.
fn top(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 4.0, 8.0].map(|factor| factor * power).into_iter().find(|top| *top >= most).unwrap_or(10.0 * power)
}

/// A number as short as it may be.
fn short(value: f64) -> String {
    match value {
        value if value >= 10.0 || value == 0.0 => format!("{value:.0}"),
        value => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

/// Draws it, with its title above and its key below.
pub(super) fn draw(html: &mut Html, chart: &Chart<'_>) {
    let places = Places::of(chart);
    let view = format!("0 0 {} {}", SIZE.0, SIZE.1);
    html.leaf("h3", &[], chart.title);
    let attributes = [("viewBox", view.as_str().into()), ("role", "img".into()), ("aria-label", chart.title.into())];
    html.element("svg", &attributes, |html| {
        let [left, above, right, below] = MARGINS;
        for step in places.steps() {
            let y = places.y(step);
            line(html, &[(left, y), (SIZE.0 - right, y)], "#dfe6ee", 1.0);
            label(html, left - 8.0, y + 4.0, "end", &short(step));
        }
        for (value, text) in &chart.marks {
            label(html, places.x(*value), SIZE.1 - below + 18.0, "middle", text);
        }
        label(html, left, above - 2.0, "start", chart.up);
        label(html, SIZE.0 - right, SIZE.1 - 6.0, "end", chart.across);
        for (of, colour) in chart.lines.iter().zip(COLOURS.iter().cycle()) {
            let points: Vec<_> = of.points.iter().map(|(x, y)| (places.x(*x), places.y(*y))).collect();
            line(html, &points, colour, 2.0);
        }
        for (position, (of, colour)) in chart.lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let x = left + 12.0 + 230.0 * position as f64;
            line(html, &[(x, SIZE.1 - 10.0), (x + 22.0, SIZE.1 - 10.0)], colour, 3.0);
            label(html, x + 28.0, SIZE.1 - 6.0, "start", of.name);
        }
    });
}

fn line(html: &mut Html, points: &[(f64, f64)], colour: &str, width: f64) {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let points = points.join(" ");
    let attributes: &[(&'static str, Value<'_>)] = &[
        ("points", points.as_str().into()),
        ("fill", "none".into()),
        ("stroke", colour.into()),
        ("stroke-width", width.into()),
    ];
    html.empty("polyline", attributes);
}

fn label(html: &mut Html, x: f64, y: f64, anchor: &'static str, text: &str) {
    let attributes: &[(&'static str, Value<'_>)] = &[
        ("x", x.into()),
        ("y", y.into()),
        ("text-anchor", anchor.into()),
        ("fill", "#5a6b7d".into()),
        ("font-size", 12.0.into()),
    ];
    html.leaf("text", attributes, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(scale: Scale, points: Vec<(f64, f64)>) -> Chart<'static> {
        let lines = vec![Line { name: "一 one", points }];
        Chart { title: "t", across: "x", up: "y", scale, marks: vec![(0.0, "0".to_owned())], lines }
    }

    #[test]
    fn scales_end_at_round_numbers_and_hold_every_value() {
        for (most, end) in [(0.0, 1.0), (1.0, 1.0), (3.0, 4.0), (90.0, 100.0), (0.05, 0.08)] {
            assert!((top(most) - end).abs() < 1e-9, "{most}");
        }
        let places = Places::of(&chart(Scale::Linear, vec![(0.0, 0.0), (10.0, 4.0)]));
        assert!((places.y(4.0) - MARGINS[1]).abs() < 1e-9 && (places.y(0.0) - (SIZE.1 - MARGINS[3])).abs() < 1e-9);
        assert!((places.x(10.0) - (SIZE.0 - MARGINS[2])).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_scale_has_whole_decades() {
        let places = Places::of(&chart(Scale::Logarithmic, vec![(0.0, 0.3), (1.0, 20.0)]));
        let steps = places.steps();
        assert_eq!(steps.len(), 4, "{steps:?}");
        assert!(places.y(0.3) > places.y(20.0));
    }

    #[test]
    fn what_is_no_number_breaks_nothing() {
        for points in [vec![], vec![(f64::NAN, f64::NAN)], vec![(1.0, f64::INFINITY)], vec![(2.0, 5.0)]] {
            let mut html = Html::default();
            draw(&mut html, &chart(Scale::Linear, points));
            assert!(html.finish().contains("一 one"));
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [(0.0, "0"), (0.25, "0.25"), (12_000.0, "12000"), (1.0, "1")] {
            assert_eq!(short(value), text);
        }
    }
}
