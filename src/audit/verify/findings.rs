//! What was found so far, within bounds: a log that is wrong everywhere must not fill the memory.

use std::collections::BTreeMap;

use crate::{
    audit::{Level, Place, describe},
    tlog::{Entries, MAX_ENTRIES, TileKind, TilePath},
};

use super::{Error, Fault, Finding, Folder};

/// Findings, all counted, and of each level the first so many kept.
pub(super) struct Findings {
    most: usize,
    kept: BTreeMap<Level, Vec<Finding>>,
    counts: BTreeMap<Fault, u64>,
}

impl Findings {
    /// Of each level at most so many are kept.
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: BTreeMap::new(), counts: BTreeMap::new() }
    }

    /// Adds a finding about an entry, or about the log as a whole.
    pub(super) fn add(&mut self, index: Option<u64>, rule: Fault, message: String) {
        let level = rule.level();
        *self.counts.entry(rule).or_default() += 1;
        let kept = self.kept.entry(level).or_default();
        if kept.len() < self.most {
            kept.push(Finding { index, rule, level, message, place: None, entry: None });
        }
    }

    /// Adds those of another.
    pub(super) fn append(&mut self, other: Self) {
        for (rule, count) in other.counts {
            *self.counts.entry(rule).or_default() += count;
        }
        for (level, found) in other.kept {
            let kept = self.kept.entry(level).or_default();
            kept.extend(found);
            kept.truncate(self.most);
        }
    }

    /// How many there are of each rule.
    pub(super) fn counts(&self) -> &BTreeMap<Fault, u64> {
        &self.counts
    }

    /// Those kept, in the order of the entries, those about the log as a whole first, each with its entry decoded.
    pub(super) fn described(self, folder: &Folder, size: u64) -> Result<Vec<Finding>, Error> {
        let mut findings: Vec<_> = self.kept.into_values().flatten().collect();
        findings.sort_by_key(|finding| finding.index);
        let mut open: Option<(TilePath, Vec<u8>)> = None;
        for finding in &mut findings {
            let Some(index) = finding.index else { continue };
            let Some(path) = TilePath::at_size(TileKind::Entries, index / MAX_ENTRIES as u64, size) else { continue };
            if open.as_ref().is_none_or(|(opened, _)| *opened != path) {
                open = Some((path, folder.read(&path.to_string())?.unwrap_or_default()));
            }
            if let Some((_, bytes)) = &open {
                describe_entry(finding, index, path, bytes);
            }
        }
        Ok(findings)
    }
}

fn describe_entry(finding: &mut Finding, index: u64, path: TilePath, bundle: &[u8]) {
    /// The length before each entry.
    const PREFIX: u64 = 2;
    let position = (index % MAX_ENTRIES as u64) as usize;
    let mut entries = Entries::new(bundle).map_while(Result::ok);
    let before: u64 = entries.by_ref().take(position).map(|entry| PREFIX + entry.len() as u64).sum();
    let Some(entry) = entries.next() else { return };
    let start = before + PREFIX;
    finding.place = Some(Place { file: path.to_string(), bytes: start..start + entry.len() as u64 });
    // What is not the entry that the log sealed is nobody's word, and is not told as if it were.
    if !matches!(finding.rule, Fault::LeafHash | Fault::TileHash | Fault::TileMalformed | Fault::BundleMalformed) {
        finding.entry = describe::describe(index, entry).ok();
    }
}
