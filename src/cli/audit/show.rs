//! `hutong audit show`

use std::{cmp::Ordering, fmt, ops::Range, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::{Serialize, Serializer, ser::Error as _};

use super::{connect, filter::Filter, or_exit};
use crate::{
    audit::{CHECKPOINT_FILE, Folder, GrpcSource, LogSource as _, describe},
    cli::{Exit, OrExit as _, Output, Run, block_on},
    client::Profile,
    domain::{
        statement::Statement,
        time::{Date, Time, date_of_days, days_of_date},
    },
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

    /// Only entries of this day, a civil day of the hub's, or later
    #[arg(long, value_name = "DAY", conflicts_with = "index")]
    from: Option<Date>,

    /// Only entries of this day, a civil day of the hub's, or earlier
    #[arg(long, value_name = "DAY", conflicts_with = "index")]
    to: Option<Date>,

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
        let days = Days { from: self.from, to: self.to };
        if days.from.zip(days.to).is_some_and(|(from, to)| to < from) {
            return None.or_exit(Exit::Usage, "--to is before --from");
        }
        let print = |index, bytes: &[u8]| print_entry(output, self.dsse, &self.filter, index, bytes);
        match (self.folder, self.profile) {
            (Some(folder), _) => show_copy(&Folder::new(folder), (wanted, is_single), days, print)?,
            (None, Some(profile)) => {
                let profile = Profile::read(&profile).or_exit(Exit::Config, "cannot read the log")?;
                block_on(show_hub(&profile, (wanted, is_single), days, print))?;
            }
            (None, None) => anyhow::bail!("neither a copy nor a profile was given"),
        }
        Ok(Exit::Success)
    }
}

fn show_copy(
    folder: &Folder,
    (wanted, is_single): (Range<u64>, bool),
    days: Days,
    print: impl Fn(u64, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let checkpoint = folder.path().join(CHECKPOINT_FILE);
    let context = || format!("cannot read {}", checkpoint.display());
    let note = std::fs::read(&checkpoint).or_exit(Exit::BadInput, context())?;
    let wanted = within(wanted, size_of(&note).or_exit(Exit::BadInput, context())?, is_single)?;
    let bundle_len = MAX_ENTRIES as u64;
    let size = size_of(&note)?;
    let read = |bundle: u64| {
        let bytes = or_exit(folder.bundle(bundle, size), "cannot read the copy")?;
        bytes.or_exit(Exit::BadInput, format!("the copy lacks its entry bundle {bundle}"))
    };
    let named = |bundle: u64| format!("entry bundle {bundle}");
    let times = if days.is_all() || wanted.is_empty() {
        None
    } else {
        let first = read(0)?;
        days.times(decode_bundle(&first).or_exit(Exit::BadInput, named(0))?.first().copied().unwrap_or_default())?
    };
    for bundle in wanted.start / bundle_len..wanted.end.div_ceil(bundle_len) {
        let bytes = read(bundle)?;
        let entries = decode_bundle(&bytes).or_exit(Exit::BadInput, named(bundle))?;
        for (index, entry) in (bundle * bundle_len..).zip(entries).filter(|(index, _)| wanted.contains(index)) {
            match place(times.as_ref(), entry) {
                Ordering::Less => {}
                Ordering::Equal => print(index, entry)?,
                Ordering::Greater => return Ok(()),
            }
        }
    }
    Ok(())
}

async fn show_hub(
    profile: &Profile,
    (wanted, is_single): (Range<u64>, bool),
    days: Days,
    print: impl Fn(u64, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut source = GrpcSource::new(connect(profile).await?.channel());
    let note = or_exit(source.checkpoint().await, "cannot read the log")?;
    let size = size_of(note.as_bytes()).or_exit(Exit::BadInput, "the hub's checkpoint")?;
    let wanted = within(wanted, size, is_single)?;
    let times = if days.is_all() || wanted.is_empty() {
        None
    } else {
        let first = or_exit(source.entries(0, 1).await, "cannot read the log")?;
        days.times(first.first().map(Vec::as_slice).unwrap_or_default())?
    };
    let mut start = wanted.start;
    while start < wanted.end {
        let end = wanted.end.min(start + MAX_ENTRIES as u64);
        let entries = or_exit(source.entries(start, end).await, "cannot read the log")?;
        for (index, entry) in (start..end).zip(&entries) {
            match place(times.as_ref(), entry) {
                Ordering::Less => {}
                Ordering::Equal => print(index, entry)?,
                Ordering::Greater => return Ok(()),
            }
        }
        start = end;
    }
    Ok(())
}

/// The civil days that are wanted, the first and the last included.
#[derive(Debug, Clone, Copy)]
struct Days {
    from: Option<Date>,
    to: Option<Date>,
}

impl Days {
    fn is_all(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// When these days begin and end by the hub's clocks, as the log's first entry has them.
    fn times(self, genesis: &[u8]) -> anyhow::Result<Option<Range<Time>>> {
        let unread = "the log's first entry does not say where its days begin";
        let entry = Entry::decode(genesis).or_exit(Exit::BadInput, unread)?;
        let Some(Statement::Genesis(genesis)) = entry.statement().or_exit(Exit::BadInput, unread)? else {
            return None.or_exit(Exit::BadInput, unread);
        };
        let offset = genesis.policy.civil_day_offset_seconds;
        let start = self.from.map_or(Time::MIN, |day| Time::start_of(day, offset));
        let next = |day| date_of_days(days_of_date(day) + 1);
        let end = self.to.map_or(Time::MAX, |day| Time::start_of(next(day), offset));
        Ok(Some(start..end))
    }
}

/// Whether an entry was made before, in or after the times wanted. A log's time never runs backwards, so that nothing is wanted
/// after the first that was made later. What does not read is shown as such.
fn place(times: Option<&Range<Time>>, bytes: &[u8]) -> Ordering {
    let Some((times, entry)) = times.zip(Entry::decode(bytes).ok()) else { return Ordering::Equal };
    match entry.time {
        time if time < times.start => Ordering::Less,
        time if time < times.end => Ordering::Equal,
        _ => Ordering::Greater,
    }
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
