//! Reading DER (ITU-T X.690) from borrowed bytes: what e-seals are made of, and nothing else.
//!
//! Elements keep the span they were read from, header included, since signatures are over bytes as received. Lengths are definite
//! and minimal, numbers minimal, tags of one byte; there is no recursion, so no depth to bound.

use crate::domain::time::Time;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const IA5_STRING: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, explicitly tagged.
pub(super) const CONTEXT_0: u8 = 0xa0;

/// The longest object identifier, in encoded bytes: those in use have up to 12.
const MAX_OID_BYTES: usize = 32;

/// What is wrong with bytes that should be an e-seal, a signature, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} at byte {offset}: {problem}")]
pub struct Malformed {
    /// Which part, by its name in the standard.
    pub field: &'static str,
    /// Where it begins, in bytes from 0.
    pub offset: usize,
    /// What is wrong and what is allowed.
    pub problem: String,
}

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// Where it begins in the bytes that were read first.
    pub(super) offset: usize,
    /// Header and content.
    pub(super) span: &'a [u8],
    pub(super) content: &'a [u8],
}

/// Elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// Of what is in an element.
    pub(super) fn within(element: &Element<'a>) -> Self {
        let header = element.span.len() - element.content.len();
        Self { rest: element.content, offset: element.offset + header }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn wrong<T>(&self, field: &'static str, problem: impl Into<String>) -> Result<T, Malformed> {
        Err(Malformed { field, offset: self.offset, problem: problem.into() })
    }

    /// That nothing follows.
    pub(super) fn finish(&self, field: &'static str) -> Result<(), Malformed> {
        if self.is_empty() {
            Ok(())
        } else {
            self.wrong(field, format!("{} bytes too many follow it", self.rest.len()))
        }
    }

    /// The next element, whatever its tag.
    pub(super) fn any(&mut self, field: &'static str) -> Result<Element<'a>, Malformed> {
        let (tag, length, header) = match *self.rest {
            [] => return self.wrong(field, "is missing"),
            [tag, ..] if tag & 0x1f == 0x1f => return self.wrong(field, "has a tag of several bytes"),
            [tag, short @ ..=0x7f, ..] => (tag, usize::from(short), 2),
            [tag, 0x81, length @ 0x80..=0xff, ..] => (tag, usize::from(length), 3),
            [tag, 0x82, high @ 1..=0xff, low, ..] => (tag, usize::from(high) << 8 | usize::from(low), 4),
            [tag, 0x83, high @ 1..=0xff, middle, low, ..] => {
                (tag, usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low), 5)
            }
            _ => return self.wrong(field, "has no length, or one that is not DER or above 16 MiB"),
        };
        let Some((span, rest)) = self.rest.split_at_checked(header + length) else {
            let left = self.rest.len().saturating_sub(header);
            return self.wrong(field, format!("is cut off: it says {length} bytes, and {left} are there"));
        };
        let element = Element { tag, offset: self.offset, span, content: &span[header..] };
        self.rest = rest;
        self.offset += span.len();
        Ok(element)
    }

    /// The next element, which must have the tag.
    pub(super) fn element(&mut self, tag: u8, field: &'static str) -> Result<Element<'a>, Malformed> {
        match self.peek() {
            Some(found) if found != tag => {
                self.wrong(field, format!("is {}, must be {}", name_of(found), name_of(tag)))
            }
            _ => self.any(field),
        }
    }

    /// The next element, if it has the tag.
    pub(super) fn optional(&mut self, tag: u8, field: &'static str) -> Result<Option<Element<'a>>, Malformed> {
        (self.peek() == Some(tag)).then(|| self.any(field)).transpose()
    }

    /// The elements in a SEQUENCE.
    pub(super) fn sequence(&mut self, field: &'static str) -> Result<Self, Malformed> {
        Ok(Self::within(&self.element(SEQUENCE, field)?))
    }

    /// A number from 0 to 4294967295.
    pub(super) fn number(&mut self, field: &'static str) -> Result<u32, Malformed> {
        let start = *self;
        let number = self.element(INTEGER, field)?.content;
        let magnitude = match number {
            [0] => &[],
            [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => rest,
            [1..0x80, ..] => number,
            _ => return start.wrong(field, "is not a whole number from 0 on in DER"),
        };
        if magnitude.len() > 4 {
            return start.wrong(field, "is greater than 4294967295");
        }
        Ok(magnitude.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    pub(super) fn octets(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        Ok(self.element(OCTET_STRING, field)?.content)
    }

    /// A BIT STRING of whole bytes.
    pub(super) fn bits(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        let start = *self;
        match self.element(BIT_STRING, field)?.content {
            [0, bytes @ ..] => Ok(bytes),
            _ => start.wrong(field, "is not a BIT STRING of whole bytes"),
        }
    }

    pub(super) fn boolean(&mut self, field: &'static str) -> Result<bool, Malformed> {
        let start = *self;
        match self.element(BOOLEAN, field)?.content {
            [0] => Ok(false),
            [0xff] => Ok(true),
            _ => start.wrong(field, "is neither TRUE nor FALSE in DER"),
        }
    }

    /// An object identifier in dotted form.
    pub(super) fn oid(&mut self, field: &'static str) -> Result<String, Malformed> {
        let start = *self;
        let content = self.element(OBJECT_IDENTIFIER, field)?.content;
        oid_text(content).map_or_else(|| start.wrong(field, "is not an object identifier in DER"), Ok)
    }

    /// ASCII text of at most `most` characters.
    pub(super) fn ascii(&mut self, tag: u8, most: usize, field: &'static str) -> Result<&'a str, Malformed> {
        let start = *self;
        let content = self.element(tag, field)?.content;
        match std::str::from_utf8(content) {
            Ok(text) if content.is_ascii() && content.len() <= most => Ok(text),
            _ => start.wrong(field, format!("is not ASCII text of at most {most} characters")),
        }
    }

    /// UTF-8 text of at most `most` bytes.
    pub(super) fn utf8(&mut self, most: usize, field: &'static str) -> Result<&'a str, Malformed> {
        let start = *self;
        match std::str::from_utf8(self.element(UTF8_STRING, field)?.content) {
            Ok(text) if text.len() <= most => Ok(text),
            _ => start.wrong(field, format!("is not UTF-8 text of at most {most} bytes")),
        }
    }

    /// A point in time: GeneralizedTime, or UTCTime as version 1 has it.
    pub(super) fn time(&mut self, field: &'static str) -> Result<Time, Malformed> {
        let start = *self;
        let tag = if self.peek() == Some(UTC_TIME) { UTC_TIME } else { GENERALIZED_TIME };
        let content = self.element(tag, field)?.content;
        time_of(tag, content).map_or_else(
            || start.wrong(field, "is not a time in UTC such as 20260105000000Z (UTCTime: 260105000000Z)"),
            Ok,
        )
    }
}

/// The time in the content of a GeneralizedTime or a UTCTime, in seconds and UTC, as DER has it.
pub(super) fn time_of(tag: u8, content: &[u8]) -> Option<Time> {
    let digits = content.strip_suffix(b"Z")?;
    let length = if tag == UTC_TIME { 12 } else { 14 };
    if digits.len() != length || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (year, rest) = digits.split_at_checked(length - 10)?;
    let number = |digits: &[u8]| digits.iter().fold(0_i16, |number, digit| number * 10 + i16::from(digit - b'0'));
    let year = match (tag, number(year)) {
        (UTC_TIME, year @ 0..50) => 2000 + year,
        (UTC_TIME, year) => 1900 + year,
        (_, year) => year,
    };
    let part = |at: usize| rest.get(at..at + 2).and_then(|digits| i8::try_from(number(digits)).ok());
    let civil = jiff::civil::DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0).ok()?;
    let instant = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Time::from_millis(instant.as_millisecond())
}

/// An object identifier's content in dotted form; `None` where it is no DER.
pub(super) fn oid_text(content: &[u8]) -> Option<String> {
    if content.is_empty() || content.len() > MAX_OID_BYTES {
        return None;
    }
    let (mut text, mut arc, mut within) = (String::new(), 0_u64, false);
    for byte in content {
        if (!within && *byte == 0x80) || arc >> 57 != 0 {
            return None;
        }
        arc = arc << 7 | u64::from(byte & 0x7f);
        within = byte & 0x80 != 0;
        if within {
            continue;
        }
        if text.is_empty() {
            let first = (arc / 40).min(2);
            text = format!("{first}.{}", arc - first * 40);
        } else {
            text.push_str(&format!(".{arc}"));
        }
        arc = 0;
    }
    (!within).then_some(text)
}

fn name_of(tag: u8) -> String {
    let name = match tag {
        BOOLEAN => "a BOOLEAN",
        INTEGER => "an INTEGER",
        BIT_STRING => "a BIT STRING",
        OCTET_STRING => "an OCTET STRING",
        OBJECT_IDENTIFIER => "an OBJECT IDENTIFIER",
        UTF8_STRING => "a UTF8String",
        PRINTABLE_STRING => "a PrintableString",
        IA5_STRING => "an IA5String",
        UTC_TIME => "a UTCTime",
        GENERALIZED_TIME => "a GeneralizedTime",
        SEQUENCE => "a SEQUENCE",
        SET => "a SET",
        CONTEXT_0 => "tagged [0]",
        _ => return format!("of tag 0x{tag:02x}"),
    };
    name.to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_have_one_encoding() {
        for (bytes, read) in [
            (&[4, 0][..], true),
            (&[4, 1, 7], true),
            (&[4, 0x81, 1, 7], false),
            (&[4, 0x80, 0, 0], false),
            (&[4, 0x82, 0, 1, 7], false),
            (&[4, 0x84, 0, 0, 0, 1, 7], false),
            (&[4, 2, 7], false),
            (&[4], false),
            (&[], false),
            (&[0x1f, 1, 0], false),
        ] {
            assert_eq!(Reader::new(bytes).any("x").is_ok(), read, "{bytes:?}");
        }
        let long = [&[4, 0x81, 0x80][..], &[9; 0x80]].concat();
        assert_eq!(Reader::new(&long).octets("x").unwrap(), &[9; 0x80]);
    }

    #[test]
    fn numbers_have_one_encoding_and_a_bound() {
        for (bytes, expected) in [
            (&[2, 1, 0][..], Some(0)),
            (&[2, 1, 5], Some(5)),
            (&[2, 2, 0, 0x80], Some(128)),
            (&[2, 5, 0, 255, 255, 255, 255], Some(u32::MAX)),
            (&[2, 5, 1, 0, 0, 0, 0], None),
            (&[2, 2, 0, 5], None),
            (&[2, 1, 0x80], None),
            (&[2, 0], None),
        ] {
            assert_eq!(Reader::new(bytes).number("x").ok(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn times_are_in_utc_and_exist() {
        let at = |tag, text: &str| time_of(tag, text.as_bytes()).map(|time| time.to_string());
        let expected = Some("2026-01-05T08:09:10.000Z".to_owned());
        assert_eq!(at(GENERALIZED_TIME, "20260105080910Z"), expected);
        assert_eq!(at(UTC_TIME, "260105080910Z"), expected);
        assert_eq!(at(UTC_TIME, "990105080910Z").unwrap(), "1999-01-05T08:09:10.000Z");
        for wrong in
            ["20260105080910", "20260105080910+0800", "20260230080910Z", "20260105250910Z", "2026010508091Z", "Z"]
        {
            assert_eq!(at(GENERALIZED_TIME, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn object_identifiers_are_dotted() {
        let text = |hex: &str| oid_text(&hex::decode(hex).unwrap());
        assert_eq!(text("2a811ccf55018375").unwrap(), "1.2.156.10197.1.501");
        assert_eq!(text("550406").unwrap(), "2.5.4.6");
        assert_eq!(text("8837").unwrap(), "2.999");
        for wrong in ["", "2a80", "2a8001", "2affffffffffffffffffff7f"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn errors_say_which_field_at_which_byte() {
        let mut reader = Reader::new(&[0x30, 3, 2, 1, 5]).sequence("header").unwrap();
        let error = reader.octets("header.ID").unwrap_err();
        assert_eq!(error.to_string(), "header.ID at byte 2: is an INTEGER, must be an OCTET STRING");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(element) = reader.any("x") {
                let mut copy = Reader::new(element.span);
                let _ = (copy.number("x"), copy.time("x"), copy.oid("x"), copy.bits("x"), copy.boolean("x"));
                prop_assert_eq!(&bytes[element.offset..element.offset + element.span.len()], element.span);
            }
        }
    }
}
