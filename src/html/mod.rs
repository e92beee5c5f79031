//! Pages that stand for themselves. The markup cannot come out wrong: elements are closed where they were opened, and every text is
//! escaped.

use std::fmt::Write as _;

/// A page being written.
#[derive(Debug, Default)]
pub(crate) struct Html(String);

/// The value of an attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    /// Escaped.
    Text(&'a str),
    /// A coordinate, to a tenth of a pixel.
    Number(f64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// Attributes of an element. Names are the program's own.
pub(crate) type Attributes<'a> = &'a [(&'static str, Value<'a>)];

impl Html {
    /// A whole page in Chinese, its style with it, of which nothing is fetched and in which nothing runs, whatever a text may try.
    pub(crate) fn page(title: &str, body: impl FnOnce(&mut Self)) -> String {
        let mut html = Self("<!DOCTYPE html>\n".to_owned());
        html.element("html", &[("lang", "zh-CN".into())], |html| {
            html.element("head", &[], |html| {
                html.empty("meta", &[("charset", "utf-8".into())]);
                let policy = "default-src 'none'; style-src 'unsafe-inline'";
                html.empty("meta", &[("http-equiv", "Content-Security-Policy".into()), ("content", policy.into())]);
                let scale = "width=device-width, initial-scale=1";
                html.empty("meta", &[("name", "viewport".into()), ("content", scale.into())]);
                html.leaf("title", &[], title);
                html.style(include_str!("style.css"));
            });
            html.element("body", &[], body);
        });
        html.finish()
    }

    /// The markup.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// A text.
    pub(crate) fn text(&mut self, text: &str) {
        escape(&mut self.0, text);
    }

    /// A style sheet, which is the program's own.
    fn style(&mut self, sheet: &'static str) {
        debug_assert!(!sheet.contains('<'), "a style sheet ends where its element does");
        self.0.push_str("<style>");
        self.0.push_str(sheet);
        self.0.push_str("</style>\n");
    }

    /// An element with what is in it.
    pub(crate) fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, inner: impl FnOnce(&mut Self)) {
        self.open(tag, attributes);
        self.0.push('>');
        inner(self);
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
        if !matches!(tag, "span" | "strong" | "b" | "text" | "td" | "th" | "title" | "code") {
            self.0.push('\n');
        }
    }

    /// An element with a text in it.
    pub(crate) fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(tag, attributes, |html| html.text(text));
    }

    /// An element without content.
    pub(crate) fn empty(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.open(tag, attributes);
        self.0.push_str("/>\n");
    }

    fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            match value {
                Value::Text(text) => escape(&mut self.0, text),
                // Writing to a string does not fail.
                Value::Number(number) => drop(write!(self.0, "{}", (number * 10.0).round() / 10.0)),
            }
            self.0.push('"');
        }
    }
}

/// Writes a text so that it is a text wherever it stands. Controls that XML does not allow are replaced.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            // Directions of writing could make a name read as another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_escaped_wherever_it_stands() {
        let mut html = Html::default();
        html.leaf("p", &[("title", "\"><script>".into())], "<script>alert('&')</script>\u{202e}\u{1}");
        assert_eq!(
            html.finish(),
            "<p title=\"&quot;&gt;&lt;script&gt;\">&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;\u{fffd}\u{fffd}</p>\n"
        );
    }

    #[test]
    fn numbers_read_well() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), text);
        }
        let mut html = Html::default();
        html.empty("rect", &[("x", 1.26.into()), ("y", 10.0.into())]);
        assert_eq!(html.finish(), "<rect x=\"1.3\" y=\"10\"/>\n");
    }
}
