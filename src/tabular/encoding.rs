use std::{
    fmt,
    io::{self, Read, Seek, SeekFrom},
    str::FromStr,
};

use super::Error;

/// How much is read at a time, in bytes.
const CHUNK_BYTES: usize = 32 * 1024;

/// How a file's characters are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// GB 18030, and with it GBK and GB 2312: what Chinese spreadsheets save as "CSV".
    Gb18030,
    /// UTF-16, little end first: what spreadsheets save as "Unicode text".
    Utf16Le,
}

impl Encoding {
    /// The encoding of a source: by its byte order mark; else UTF-8 if all of it is valid UTF-8; else GB18030.
    /// Leaves the source where it stood.
    ///
    /// # Errors
    /// What reading and seeking give.
    pub fn detect<R: Read + Seek>(source: &mut R) -> io::Result<Self> {
        let start = source.stream_position()?;
        let mut utf8 = encoding_rs::UTF_8.new_decoder_without_bom_handling();
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut sink = vec![0; CHUNK_BYTES * 3];
        let mut encoding = Self::Utf8;
        for first in std::iter::once(true).chain(std::iter::repeat(false)) {
            let read = read_some(source, &mut buffer)?;
            let chunk = buffer.get(..read).unwrap_or_default();
            if first && chunk.starts_with(&[0xFF, 0xFE]) {
                encoding = Self::Utf16Le;
                break;
            }
            if first && chunk.starts_with(&[0xEF, 0xBB, 0xBF]) {
                break;
            }
            let (result, _, _) = utf8.decode_to_utf8_without_replacement(chunk, &mut sink, read == 0);
            if matches!(result, encoding_rs::DecoderResult::Malformed(..)) {
                encoding = Self::Gb18030;
                break;
            }
            if read == 0 {
                break;
            }
        }
        source.seek(SeekFrom::Start(start))?;
        Ok(encoding)
    }

    /// The encoding with a name.
    ///
    /// # Errors
    /// [`Error::UnknownEncoding`].
    pub fn parse(name: &str) -> Result<Self, Error> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "gb18030" | "gbk" | "gb2312" => Ok(Self::Gb18030),
            "utf-16le" | "utf-16" => Ok(Self::Utf16Le),
            _ => Err(Error::UnknownEncoding { name: name.to_owned() }),
        }
    }

    /// The encoding's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Gb18030 => "gb18030",
            Self::Utf16Le => "utf-16le",
        }
    }

    fn definition(self) -> &'static encoding_rs::Encoding {
        match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::Gb18030 => encoding_rs::GB18030,
            Self::Utf16Le => encoding_rs::UTF_16LE,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Encoding {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::parse(name)
    }
}

/// A source's text, chunk by chunk. Bytes that are no character become U+FFFD, which no value may contain, so that the
/// fault is reported in its row.
pub(super) struct Text<R> {
    source: R,
    encoding: Encoding,
    decoder: encoding_rs::Decoder,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R> fmt::Debug for Text<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").field("encoding", &self.encoding).field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl<R> Text<R> {
    pub(super) fn new(source: R, encoding: Encoding) -> Self {
        let decoder = encoding.definition().new_decoder_with_bom_removal();
        Self { source, encoding, decoder, buffer: vec![0; CHUNK_BYTES], ended: false }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }
}

impl<R: Read> Text<R> {
    /// Appends the next chunk to `text`; false at the end.
    pub(super) fn read_to(&mut self, text: &mut String) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let read = read_some(&mut self.source, &mut self.buffer)?;
        self.ended = read == 0;
        let chunk = self.buffer.get(..read).unwrap_or_default();
        // Without enough room the decoder would stop before the chunk's end.
        text.reserve(self.decoder.max_utf8_buffer_length(read).unwrap_or(CHUNK_BYTES * 4));
        let _ = self.decoder.decode_to_string(chunk, text, self.ended);
        Ok(true)
    }
}

/// One read; 0 only at the end, for interruptions are tried again.
fn read_some(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn decoded(bytes: &[u8]) -> (Encoding, String) {
        let mut source = Cursor::new(bytes);
        let encoding = Encoding::detect(&mut source).unwrap();
        assert_eq!(source.position(), 0);
        let mut text = Text::new(source, encoding);
        let mut all = String::new();
        while text.read_to(&mut all).unwrap() {}
        (encoding, all)
    }

    #[test]
    fn the_encoding_is_detected() {
        let text = "证照名称,营业执照𠮷";
        let with_mark = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        let gb18030 = encoding_rs::GB18030.encode(text).0.into_owned();
        let utf16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let table = [
            (text.as_bytes(), Encoding::Utf8),
            (&with_mark, Encoding::Utf8),
            (&gb18030, Encoding::Gb18030),
            (&utf16, Encoding::Utf16Le),
        ];
        for (bytes, encoding) in table {
            assert_eq!(decoded(bytes), (encoding, text.to_owned()));
        }
        assert_eq!(decoded(b""), (Encoding::Utf8, String::new()));
    }

    #[test]
    fn characters_across_chunks_stay_whole_and_late_bytes_decide() {
        let text = "证".repeat(CHUNK_BYTES);
        assert!(decoded(text.as_bytes()) == (Encoding::Utf8, text));
        let late = format!("{}证照", "a".repeat(3 * CHUNK_BYTES));
        assert!(decoded(&encoding_rs::GB18030.encode(&late).0) == (Encoding::Gb18030, late));
    }

    #[test]
    fn a_character_cut_off_at_the_end_is_not_utf8() {
        assert_eq!(decoded(&"证照".as_bytes()[..5]).0, Encoding::Gb18030);
    }
}
