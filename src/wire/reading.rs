//! Reading a message: every violation is kept, with the path of its field.

use std::{fmt, str::FromStr};

use prost::Message;

use crate::domain::{
    id::MalformedId,
    time::{Date, Time},
    value,
};

/// A field that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path, such as `header.request_id` or `records[3].handle`.
    pub field: String,
    /// What is allowed.
    pub description: String,
}

impl Violation {
    /// A violation of a field.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.description)
    }
}

/// A message that cannot be read, and everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Malformed(pub Vec<Violation>);

impl Malformed {
    /// One violation.
    pub(super) fn one(field: &str, description: impl Into<String>) -> Self {
        Self(vec![Violation::new(field, description)])
    }
}

/// Decodes a message that must be exactly what its encoder would write.
pub(super) fn decode_canonical<M: Message + Default>(bytes: &[u8], field: &str) -> Result<M, Malformed> {
    let message = M::decode(bytes).map_err(|error| Malformed::one(field, error.to_string()))?;
    if message.encode_to_vec() != bytes {
        return Err(Malformed::one(
            field,
            "is not the canonical encoding of a message of this version: fields in order, none unknown, no defaults",
        ));
    }
    Ok(message)
}

/// The most violations told of one message: one for each record of a publication whose records are all of the wrong form.
const MAX_VIOLATIONS: usize = 256;

/// A field of a message within another. Its name is made only where something is wrong with it.
pub(super) struct At<'a>(pub(super) fmt::Arguments<'a>, pub(super) &'static str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, self.1)
    }
}

/// Collects violations while a message is read.
#[derive(Default)]
pub(super) struct Reading {
    violations: Vec<Violation>,
}

impl Reading {
    /// The message read, unless something was wrong.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Malformed> {
        match read {
            Some(read) if self.violations.is_empty() => Ok(read),
            _ if self.violations.is_empty() => Err(Malformed::one("payload", "is incomplete")),
            _ => Err(Malformed(self.violations)),
        }
    }

    /// Keeps a violation. The first ones tell what is wrong; more would only cost memory.
    fn note(&mut self, field: impl fmt::Display, description: String) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(Violation::new(field.to_string(), description));
        }
    }

    pub(super) fn fail<T>(&mut self, field: impl fmt::Display, description: impl Into<String>) -> Option<T> {
        self.note(field, description.into());
        None
    }

    pub(super) fn require(&mut self, holds: bool, field: impl fmt::Display, description: &str) {
        if !holds {
            self.note(field, description.to_owned());
        }
    }

    pub(super) fn name<T: FromStr<Err: fmt::Display>>(&mut self, field: impl fmt::Display, text: &str) -> Option<T> {
        match text.parse() {
            Ok(name) => Some(name),
            Err(error) => self.fail(field, error.to_string()),
        }
    }

    /// A name, or nothing where the text is empty.
    pub(super) fn optional_name<T: FromStr<Err: fmt::Display>>(
        &mut self,
        field: impl fmt::Display,
        text: &str,
    ) -> Option<Option<T>> {
        if text.is_empty() { Some(None) } else { self.name(field, text).map(Some) }
    }

    pub(super) fn bytes<'a, T: TryFrom<&'a [u8], Error = MalformedId>>(
        &mut self,
        field: impl fmt::Display,
        bytes: &'a [u8],
    ) -> Option<T> {
        match T::try_from(bytes) {
            Ok(value) => Some(value),
            Err(error) => self.fail(field, format!("must be {}", error.allowed)),
        }
    }

    /// Bytes with a meaning, or nothing where there are none.
    pub(super) fn optional_bytes<'a, T: TryFrom<&'a [u8], Error = MalformedId>>(
        &mut self,
        field: impl fmt::Display,
        bytes: &'a [u8],
    ) -> Option<Option<T>> {
        if bytes.is_empty() { Some(None) } else { self.bytes(field, bytes).map(Some) }
    }

    pub(super) fn fixed<const N: usize>(&mut self, field: impl fmt::Display, bytes: &[u8]) -> Option<[u8; N]> {
        match bytes.try_into() {
            Ok(bytes) => Some(bytes),
            Err(_) => self.fail(field, format!("must be {N} bytes, is {}", bytes.len())),
        }
    }

    pub(super) fn time(
        &mut self,
        field: impl fmt::Display,
        timestamp: Option<&prost_types::Timestamp>,
    ) -> Option<Time> {
        match timestamp.map(time_of) {
            Some(Some(time)) => Some(time),
            Some(None) => self.fail(field, "is not a time of the years 1 to 9999 with 0 to 999999999 nanoseconds"),
            None => self.fail(field, "is required"),
        }
    }

    /// A date, or nothing where the text is empty.
    pub(super) fn optional_date(&mut self, field: impl fmt::Display, text: &str) -> Option<Option<Date>> {
        if text.is_empty() {
            return Some(None);
        }
        match value::parse_date(text) {
            Some(date) => Some(Some(date)),
            None => self.fail(field, "must be a date YYYY-MM-DD"),
        }
    }

    /// A text that people read: not blank, of at most `most` characters, without control characters.
    pub(super) fn text(&mut self, field: impl fmt::Display, text: &str, most: usize) -> Option<String> {
        let good = !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
        if good {
            Some(text.to_owned())
        } else {
            self.fail(field, format!("must be 1 to {most} characters, none of them control characters"))
        }
    }

    /// Names that must stand sorted and without repetition, so that one set has one encoding.
    pub(super) fn sorted<T, C>(&mut self, field: impl fmt::Display, texts: &[String]) -> Option<C>
    where
        T: FromStr<Err: fmt::Display> + Ord,
        C: FromIterator<T>,
    {
        let mut name = |(i, text): (usize, &String)| match text.parse() {
            Ok(name) => Some(name),
            Err(error) => self.fail(format_args!("{field}[{i}]"), format!("{error}")),
        };
        let read: Vec<Option<T>> = texts.iter().enumerate().map(&mut name).collect();
        let read: Vec<T> = read.into_iter().collect::<Option<_>>()?;
        self.ascending(&field, &read)?;
        Some(read.into_iter().collect())
    }

    pub(super) fn ascending<T: Ord>(&mut self, field: impl fmt::Display, items: &[T]) -> Option<()> {
        if items.windows(2).all(|pair| pair[0] < pair[1]) {
            Some(())
        } else {
            self.fail(field, "must be sorted, without repetition")
        }
    }
}

/// The instant of a timestamp; finer parts than milliseconds are cut off.
pub fn time_of(timestamp: &prost_types::Timestamp) -> Option<Time> {
    let nanos = (0..1_000_000_000).contains(&timestamp.nanos).then_some(timestamp.nanos)?;
    let millis = timestamp.seconds.checked_mul(1_000)?.checked_add(i64::from(nanos / 1_000_000))?;
    Time::from_millis(millis)
}

/// The timestamp of an instant.
pub fn timestamp(time: Time) -> prost_types::Timestamp {
    let millis = time.as_millis();
    // The remainder of a division by 1000 times a million is below 10^9.
    let nanos = i32::try_from(millis.rem_euclid(1_000) * 1_000_000).unwrap_or_default();
    prost_types::Timestamp { seconds: millis.div_euclid(1_000), nanos }
}
