//! `hutong audit show`

use std::{fmt, ops::Range, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::{Serialize, Serializer, ser::Error as _};

use super::{connect, filter::Filter, or_exit};
use crate::{
    audit::{CHECKPOINT_FILE, Folder, GrpcSource, LogSource as _, describe},
    cli::{Exit, OrExit as _, Output, Run, block_on},
    client::Profile,
    tlog::{Checkpoint, Error, MAX_ENTRIES, Note, decode_bundle},
    wire::Entry,
};

/// Print entries of the exchange log as people read them
///
/// Says what entries say, not whether it is right: `hutong audit verify` does.
#[derive(Args)]
pub(super) struct Show {
    /// A copy of the log, as `hutong audit mirror` made it
    #[arg(value_name = "DIR", required_unless_present = "profile", conflicts_with = "profile")]
    folder: Option<PathBuf>,

    /// Read from the hub instead: the profile of a system with the audit capability
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,

    /// Only the entry of this index
    #[arg(long, value_name = "N", conflicts_with = "range")]
    index: Option<u64>,

    /// Only the entries from A up to, not including, B; either may be left out
    #[arg(long, value_name = "A..B", value_parser = range)]
    range: Option<Range<u64>>,

    /// Print each statement as a standard DSSE JSON envelope, one on a line; what nobody signed, genesis and the hub's own
    /// entries, is left out
    #[arg(long)]
    dsse: bool,

    #[command(flatten)]
    filter: Filter,
}

impl Run for Show {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let wanted = match (self.index, self.range) {
            (Some(index), _) => index..index.saturating_add(1),
            (None, Some(range)) => range,
            (None, None) => 0..u64::MAX,
        };
        let is_single = self.index.is_some();
        let print = |index, bytes: &[u8]| print_entry(output, self.dsse, &self.filter, index, bytes);
        match (self.folder, self.profile) {
            (Some(folder), _) => show_copy(&Folder::new(folder), wanted, is_single, print)?,
            (None, Some(profile)) => {
                let profile = Profile::read(&profile).or_exit(Exit::Config, "cannot read the log")?;
                block_on(show_hub(&profile, wanted, is_single, print))?;
            }
            (None, None) => anyhow::bail!("neither a copy nor a profile was given"),
        }
        Ok(Exit::Success)
    }
}

fn show_copy(
    folder: &Folder,
    wanted: Range<u64>,
    is_single: bool,
    print: impl Fn(u64, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let checkpoint = folder.path().join(CHECKPOINT_FILE);
    let context = || format!("cannot read {}", checkpoint.display());
    let note = std::fs::read(&checkpoint).or_exit(Exit::BadInput, context())?;
    let wanted = within(wanted, size_of(&note).or_exit(Exit::BadInput, context())?, is_single)?;
    let bundle_len = MAX_ENTRIES as u64;
    let size = size_of(&note)?;
    for bundle in wanted.start / bundle_len..wanted.end.div_ceil(bundle_len) {
        let bytes = or_exit(folder.bundle(bundle, size), "cannot read the copy")?;
        let bytes = bytes.or_exit(Exit::BadInput, format!("the copy lacks its entry bundle {bundle}"))?;
        let entries = decode_bundle(&bytes).or_exit(Exit::BadInput, format!("entry bundle {bundle}"))?;
        for (index, entry) in (bundle * bundle_len..).zip(entries).filter(|(index, _)| wanted.contains(index)) {
            print(index, entry)?;
        }
    }
    Ok(())
}

async fn show_hub(
    profile: &Profile,
    wanted: Range<u64>,
    is_single: bool,
    print: impl Fn(u64, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut source = GrpcSource::new(connect(profile).await?.channel());
    let note = or_exit(source.checkpoint().await, "cannot read the log")?;
    let size = size_of(note.as_bytes()).or_exit(Exit::BadInput, "the hub's checkpoint")?;
    let wanted = within(wanted, size, is_single)?;
    let mut start = wanted.start;
    while start < wanted.end {
        let end = wanted.end.min(start + MAX_ENTRIES as u64);
        let entries = or_exit(source.entries(start, end).await, "cannot read the log")?;
        (start..end).zip(&entries).try_for_each(|(index, entry)| print(index, entry))?;
        start = end;
    }
    Ok(())
}

/// The size that a checkpoint says.
fn size_of(note: &[u8]) -> Result<u64, Error> {
    Ok(Note::parse(note)?.text().parse::<Checkpoint>()?.size)
}

/// What is wanted of a log of `size` entries. A single entry must be there.
fn within(wanted: Range<u64>, size: u64, is_single: bool) -> anyhow::Result<Range<u64>> {
    if is_single && wanted.start >= size {
        return None.or_exit(Exit::BadInput, format!("there is no entry {}: the log has {size}", wanted.start));
    }
    Ok(wanted.start.min(size)..wanted.end.min(size))
}

fn print_entry(output: &Output, dsse: bool, filter: &Filter, index: u64, bytes: &[u8]) -> anyhow::Result<()> {
    let unread = || format!("entry {index} does not read");
    let described = describe(index, bytes);
    if described.as_ref().is_ok_and(|described| !filter.takes(described)) {
        return Ok(());
    }
    if !dsse {
        return output.print(&described.or_exit(Exit::BadInput, unread())?);
    }
    let entry = Entry::decode(bytes).or_exit(Exit::BadInput, unread())?;
    match entry.envelope.filter(|envelope| !envelope.signatures.is_empty()) {
        Some(envelope) => output.print(&EnvelopeJson(envelope.to_json())).with_context(|| format!("entry {index}")),
        None => Ok(()),
    }
}

/// A DSSE envelope, already JSON.
struct EnvelopeJson(String);

impl fmt::Display for EnvelopeJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EnvelopeJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let bound = |text: &str, default| match text {
        "" => Ok(default),
        text => text.parse().map_err(|_| format!("`{text}` is not an index")),
    };
    let (start, end) = text.split_once("..").ok_or_else(|| "must be A..B, such as 10..20, 10.. or ..20".to_owned())?;
    let range = bound(start, 0)?..bound(end, u64::MAX)?;
    if range.start > range.end { Err(format!("{} is after {}", range.start, range.end)) } else { Ok(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_reads_with_either_bound_left_out() {
        for (text, expected) in [("3..9", 3..9), ("3..", 3..u64::MAX), ("..9", 0..9), ("..", 0..u64::MAX)] {
            assert_eq!(range(text), Ok(expected), "{text}");
        }
        for text in ["", "3", "9..3", "a..b", "-1..2"] {
            assert!(range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wanted_ends_with_the_log() {
        assert_eq!(within(3..u64::MAX, 10, false).ok(), Some(3..10));
        assert_eq!(within(20..30, 10, false).ok(), Some(10..10));
        assert!(within(10..11, 10, true).is_err());
    }
}
