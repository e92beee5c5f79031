//! A document's files, read from its ZIP within bounds.

use std::{
    collections::{BTreeMap, HashMap},
    io::{Cursor, Read as _},
};

use sm3::Digest as _;
use zip::{ZipArchive, read::ZipReadOptions};

/// The most bytes of a document, as ZIP: many times a licence with its pictures, of which there are some MB.
pub const MAX_DOCUMENT_BYTES: usize = 64 << 20;
/// The most files of a document: some for each of a thousand pages.
const MAX_FILES: usize = 8_192;
/// The most bytes of all files together: pictures hardly shrink in a ZIP, and descriptions of pages by a factor of some ten.
const MAX_UNPACKED_BYTES: u64 = 256 << 20;
/// By how much a file may shrink: deflate ends at a factor of some 1,000, which only makes a bomb reach. Text and XML stay below 100.
const MAX_RATIO: u64 = 200;
/// What may be unpacked whatever the ratio: small files with nothing in them shrink well.
const RATIO_FREE_BYTES: u64 = 1 << 20;
/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// A document's files, by their paths from its root, without a leading slash.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    files: BTreeMap<String, usize>,
    /// Hashes made so far: several signatures protect the same files.
    hashes: HashMap<String, [u8; 32]>,
}

impl<'a> Package<'a> {
    /// Opens a document. Nothing is unpacked yet.
    ///
    /// # Errors
    /// In words why it cannot be a document, or is not taken.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, String> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(format!("has {} bytes, allowed are {MAX_DOCUMENT_BYTES}", bytes.len()));
        }
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("is no ZIP file: {error}"))?;
        if archive.len() > MAX_FILES {
            return Err(format!("has {} files, allowed are {MAX_FILES}", archive.len()));
        }
        if archive.has_duplicate_names() {
            return Err("has two files of one name".to_owned());
        }
        if archive.has_overlapping_entries().map_err(|error| error.to_string())? {
            return Err("has files that overlap".to_owned());
        }
        let mut files = BTreeMap::new();
        let mut unpacked = 0_u64;
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(|error| error.to_string())?;
            if entry.is_dir() {
                continue;
            }
            let name = entry.name().map_err(|error| error.to_string())?.into_owned();
            let (packed, size) = (entry.compressed_size(), entry.size());
            if size > RATIO_FREE_BYTES && size / MAX_RATIO > packed {
                return Err(format!("has a file that unpacks to more than {MAX_RATIO} times its size: {name}"));
            }
            unpacked = unpacked.saturating_add(size);
            let path = canonical(&name).ok_or_else(|| format!("has a file outside of itself: {name:?}"))?;
            if files.insert(path, index).is_some() {
                return Err(format!("has two files of one name: {name}"));
            }
        }
        if unpacked > MAX_UNPACKED_BYTES {
            return Err(format!("unpacks to {unpacked} bytes, allowed are {MAX_UNPACKED_BYTES}"));
        }
        Ok(Self { archive, files, hashes: HashMap::new() })
    }

    /// The paths of all files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The file that a description in `from` means by a location: from the root if it begins with a slash, otherwise from the folder of
    /// the description. Some programs leave the slash away, which is understood where it cannot be meant otherwise.
    ///
    /// # Errors
    /// In words, where there is none, or there are two.
    pub(super) fn resolve(&self, location: &str, from: &str) -> Result<String, String> {
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let relative = if location.starts_with('/') { None } else { canonical(&format!("{folder}/{location}")) };
        let absolute = canonical(location);
        let there = |path: Option<String>| path.filter(|path| self.files.contains_key(path));
        match (there(relative), there(absolute)) {
            (Some(relative), Some(absolute)) if relative != absolute => {
                Err(format!("{location} in {from} may mean {relative} or {absolute}"))
            }
            (Some(path), _) | (None, Some(path)) => Ok(path),
            (None, None) => Err(format!("there is no file {location}, which {from} names")),
        }
    }

    /// A file's contents.
    ///
    /// # Errors
    /// In words, when there is no such file, it has more than `most` bytes, or does not unpack.
    pub(super) fn read(&mut self, path: &str, most: usize) -> Result<Vec<u8>, String> {
        let mut contents = Vec::new();
        self.unpack(path, |chunk| {
            contents.extend_from_slice(chunk);
            if contents.len() > most { Err(format!("{path} has more than {most} bytes")) } else { Ok(()) }
        })?;
        Ok(contents)
    }

    /// The SM3 of a file.
    ///
    /// # Errors
    /// In words, when there is no such file or it does not unpack.
    pub(super) fn hash(&mut self, path: &str) -> Result<[u8; 32], String> {
        if let Some(hash) = self.hashes.get(path) {
            return Ok(*hash);
        }
        let mut hasher = sm3::Sm3::new();
        self.unpack(path, |chunk| {
            hasher.update(chunk);
            Ok(())
        })?;
        let hash = hasher.finalize().into();
        self.hashes.insert(path.to_owned(), hash);
        Ok(hash)
    }

    /// Unpacks a file piece by piece. It may not have more bytes than its entry says, on which the bounds were checked.
    fn unpack(&mut self, path: &str, mut take: impl FnMut(&[u8]) -> Result<(), String>) -> Result<(), String> {
        let index = *self.files.get(path).ok_or_else(|| format!("there is no file {path}"))?;
        let failed = |error: &dyn std::fmt::Display| format!("{path} cannot be unpacked: {error}");
        // Other programs may read the header beside a file where this one reads the directory: they must say the same.
        let options = ZipReadOptions::new().enforce_header_consistency(true);
        let mut file = self.archive.by_index_with_options(index, options).map_err(|error| failed(&error))?;
        let mut left = file.size();
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = file.read(&mut chunk).map_err(|error| failed(&error))?;
            if count == 0 {
                return Ok(());
            }
            left = left.checked_sub(count as u64).ok_or_else(|| failed(&"it is larger than its entry says"))?;
            take(chunk.get(..count).unwrap_or_default())?;
        }
    }
}

/// A path from the root in its one form: parts and single slashes. `None` for one that leads out of the document or is none.
fn canonical(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part if part.contains(['\\', '\0', ':']) => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::seal::tests::document::zip_of;

    #[test]
    fn paths_have_one_form_and_stay_within() {
        for (path, expected) in [
            ("/Doc_0/a.xml", Some("Doc_0/a.xml")),
            ("Doc_0//./a.xml", Some("Doc_0/a.xml")),
            ("Doc_0/Signs/../a.xml", Some("Doc_0/a.xml")),
            ("../a.xml", None),
            ("Doc_0/../../a.xml", None),
            ("C:\\a.xml", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(canonical(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_location_that_may_mean_two_files_is_none() {
        let bytes = zip_of(&[("OFD.xml", b"a"), ("Doc_0/S/x.xml", b"b"), ("x.xml", b"c"), ("Doc_0/S/OFD.xml", b"d")]);
        let package = Package::open(&bytes).unwrap();
        assert_eq!(package.resolve("/x.xml", "Doc_0/S/s.xml").unwrap(), "x.xml");
        assert_eq!(package.resolve("../../x.xml", "Doc_0/S/s.xml").unwrap(), "x.xml");
        assert_eq!(package.resolve("Doc_0/S/x.xml", "Doc_0/S/s.xml").unwrap(), "Doc_0/S/x.xml");
        assert!(package.resolve("OFD.xml", "Doc_0/S/s.xml").unwrap_err().contains("may mean"));
        assert!(package.resolve("y.xml", "Doc_0/S/s.xml").unwrap_err().contains("no file"));
    }

    #[test]
    fn files_written_as_a_stream_have_their_sizes_behind_them() {
        use std::io::Write as _;
        let mut zip = zip::ZipWriter::new_stream(Vec::new());
        zip.start_file("OFD.xml", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"<OFD/>").unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        let mut package = Package::open(&bytes).unwrap();
        assert_eq!(package.read("OFD.xml", 100).unwrap(), b"<OFD/>");
        assert!(package.read("OFD.xml", 3).unwrap_err().contains("more than 3 bytes"));
    }

    #[test]
    fn bombs_and_files_outside_are_not_taken() {
        let zeros = vec![0; 8 << 20];
        for (files, problem) in [
            (vec![("OFD.xml", &zeros[..])], "more than 200 times"),
            (vec![("../OFD.xml", &b"a"[..])], "outside of itself"),
            (vec![("a//b", &b"a"[..]), ("a/b", &b"b"[..])], "two files of one name"),
        ] {
            let error = Package::open(&zip_of(&files)).err().unwrap();
            assert!(error.contains(problem), "{error}");
        }
        assert!(Package::open(b"PK\x03\x04nothing").is_err());
        let mut package = Package::open(&[]).err();
        assert!(package.take().unwrap().contains("no ZIP"));
    }
}
