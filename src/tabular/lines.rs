use std::{collections::VecDeque, io::Read};

use super::{Encoding, Error, MAX_ROW_BYTES, encoding::Text};

/// A physical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Where, from 1.
    pub(super) number: u64,
    /// Its text without the line end; `None` if it is longer than [`MAX_ROW_BYTES`].
    pub(super) text: Option<String>,
}

/// The lines of a text, one at a time, in memory bounded by [`MAX_ROW_BYTES`].
#[derive(Debug)]
pub(super) struct Lines<R> {
    source: Text<R>,
    /// Decoded and not yet handed out, from `start` on.
    pending: String,
    start: usize,
    read: u64,
    /// Lines put back, to be handed out again.
    returned: VecDeque<Line>,
}

impl<R> Lines<R> {
    pub(super) fn new(source: R, encoding: Encoding) -> Self {
        let source = Text::new(source, encoding);
        Self { source, pending: String::new(), start: 0, read: 0, returned: VecDeque::new() }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.source.encoding()
    }

    /// Puts lines back in front, in their order.
    pub(super) fn put_back(&mut self, lines: impl IntoIterator<Item = Line, IntoIter: DoubleEndedIterator>) {
        for line in lines.into_iter().rev() {
            self.returned.push_front(line);
        }
    }
}

impl<R: Read> Lines<R> {
    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line>, Error> {
        if let Some(line) = self.returned.pop_front() {
            return Ok(Some(line));
        }
        let mut too_long = false;
        let mut searched = self.start;
        loop {
            if let Some(found) = self.pending.get(searched..).and_then(|rest| rest.find('\n')) {
                let end = searched + found;
                let line = self.take(end, too_long);
                self.start = end + 1;
                return Ok(Some(line));
            }
            self.pending.drain(..self.start);
            self.start = 0;
            if self.pending.len() > MAX_ROW_BYTES {
                too_long = true;
                self.pending.clear();
            }
            searched = self.pending.len();
            let more = self.source.read_to(&mut self.pending);
            if !more.map_err(|source| Error::Io { line: self.read, source })? {
                return Ok(self.last(too_long));
            }
        }
    }

    fn last(&mut self, too_long: bool) -> Option<Line> {
        let end = self.pending.len();
        if end == 0 && !too_long {
            return None;
        }
        let line = self.take(end, too_long);
        self.start = end;
        Some(line)
    }

    fn take(&mut self, end: usize, too_long: bool) -> Line {
        self.read += 1;
        let text = self.pending.get(self.start..end).unwrap_or_default();
        let text = text.strip_suffix('\r').unwrap_or(text);
        let fits = !too_long && text.len() <= MAX_ROW_BYTES;
        Line { number: self.read, text: fits.then(|| text.to_owned()) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(u64, Option<String>)> {
        let mut lines = Lines::new(text.as_bytes(), Encoding::Utf8);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((line.number, line.text));
        }
        assert_eq!(lines.next().unwrap(), None);
        all
    }

    fn line(number: u64, text: &str) -> (u64, Option<String>) {
        (number, Some(text.to_owned()))
    }

    #[test]
    fn lines_end_with_line_feed_or_the_text() {
        assert_eq!(lines(""), []);
        assert_eq!(lines("甲"), [line(1, "甲")]);
        assert_eq!(lines("甲\n"), [line(1, "甲")]);
        assert_eq!(lines("甲\r\n\r\n乙\n丙"), [line(1, "甲"), line(2, ""), line(3, "乙"), line(4, "丙")]);
    }

    #[test]
    fn a_line_beyond_the_bound_is_passed_over_and_the_next_is_whole() {
        let fitting = "a".repeat(MAX_ROW_BYTES);
        for excess in [1, 100_000, 3 * MAX_ROW_BYTES] {
            let long = "b".repeat(MAX_ROW_BYTES + excess);
            let text = format!("{fitting}\n{long}\nend\n{long}");
            assert_eq!(lines(&text), [line(1, &fitting), (2, None), line(3, "end"), (4, None)]);
        }
    }
}
