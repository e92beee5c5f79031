//! Sorting more than memory should hold: sorted runs in temporary files, merged.
//!
//! Items are bytes and sort as bytes. What a verification must remember of every entry goes through here, so that a log of a
//! million entries takes no more memory than one of ten thousand.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, binary_heap::PeekMut},
    fs::File,
    io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _},
};

use super::Error;

/// How many bytes of items are sorted in memory: few enough that a log of ten thousand entries, whose items take more, needs
/// no less memory than one of any length.
const RUN_BYTES: usize = 1 << 20;

/// How many runs are merged at once. Two sorters of a billion items each have at most some two hundred files open, below the
/// least limit that systems set.
const FAN_IN: usize = 32;

/// The buffer with which each run is read while it is merged: 32 of them are half a mebibyte for each level of runs.
const READ_BUFFER: usize = 16 << 10;

/// Takes items in any order, gives them in theirs.
pub(super) struct Sorter {
    run_bytes: usize,
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// For each level the runs of it; one of a level holds as much as [`FAN_IN`] of the level below.
    levels: Vec<Vec<Run>>,
}

/// An item in memory. Most comparisons end within the first eight bytes.
#[derive(Clone, Copy)]
struct Item {
    prefix: u64,
    start: usize,
    len: usize,
}

impl Sorter {
    /// A sorter with nothing in it.
    pub(super) fn new() -> Self {
        Self::with_runs_of(RUN_BYTES)
    }

    fn with_runs_of(run_bytes: usize) -> Self {
        Self { run_bytes, bytes: Vec::new(), items: Vec::new(), levels: Vec::new() }
    }

    /// Takes an item.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub(super) fn push(&mut self, item: &[u8]) -> Result<(), Error> {
        if self.bytes.len() + item.len() + (self.items.len() + 1) * size_of::<Item>() > self.run_bytes {
            self.spill()?;
        }
        let mut prefix = [0; 8];
        prefix.iter_mut().zip(item).for_each(|(to, from)| *to = *from);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(item);
        self.items.push(Item { prefix: u64::from_be_bytes(prefix), start, len: item.len() });
        Ok(())
    }

    /// Gives all items in their order, equal ones as often as they came.
    ///
    /// # Errors
    /// When a temporary file cannot be written or read, and what `take` says.
    pub(super) fn drain(mut self, mut take: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        if self.levels.is_empty() {
            self.sort();
            return self.sorted().try_for_each(take);
        }
        self.spill()?;
        (self.bytes, self.items) = Default::default();
        merge(self.levels.into_iter().flatten(), &mut take)
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.items.sort_unstable_by(|a, b| match a.prefix.cmp(&b.prefix) {
            Ordering::Equal => slice(bytes, *a).cmp(slice(bytes, *b)),
            order => order,
        });
    }

    fn sorted(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().map(|item| slice(&self.bytes, *item))
    }

    /// Writes what is in memory as a run, and makes one of as many as are merged at once.
    fn spill(&mut self) -> Result<(), Error> {
        if self.items.is_empty() {
            return Ok(());
        }
        self.sort();
        let mut writer = RunWriter::new()?;
        self.sorted().try_for_each(|item| writer.push(item))?;
        self.bytes.clear();
        self.items.clear();
        let mut run = writer.finish()?;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(runs) = self.levels.get_mut(level) else { break };
            runs.push(run);
            if runs.len() < FAN_IN {
                break;
            }
            let mut writer = RunWriter::new()?;
            merge(runs.drain(..), &mut |item| writer.push(item))?;
            run = writer.finish()?;
        }
        Ok(())
    }
}

fn slice(bytes: &[u8], item: Item) -> &[u8] {
    bytes.get(item.start..item.start + item.len).unwrap_or_default()
}

fn failed(source: io::Error) -> Error {
    Error::io("sorting what entries say in a temporary file", source)
}

/// Sorted items in a file that has no name and goes when it is closed.
struct Run {
    file: File,
    items: u64,
}

struct RunWriter {
    file: BufWriter<File>,
    items: u64,
}

impl RunWriter {
    fn new() -> Result<Self, Error> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile().map_err(failed)?), items: 0 })
    }

    fn push(&mut self, item: &[u8]) -> Result<(), Error> {
        let len = u32::try_from(item.len()).map_err(|_| failed(io::ErrorKind::FileTooLarge.into()))?;
        self.items += 1;
        self.file.write_all(&len.to_be_bytes()).and_then(|()| self.file.write_all(item)).map_err(failed)
    }

    fn finish(self) -> Result<Run, Error> {
        let mut file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        Ok(Run { file, items: self.items })
    }
}

/// A run while it is merged, by its next item.
struct Head {
    item: Vec<u8>,
    file: BufReader<File>,
    left: u64,
}

impl Head {
    /// The head of a run; `None` of an empty one.
    fn new(run: Run) -> Result<Option<Self>, Error> {
        let file = BufReader::with_capacity(READ_BUFFER, run.file);
        let mut head = Self { item: Vec::new(), file, left: run.items };
        Ok(head.advance()?.then_some(head))
    }

    /// Reads the next item; false after the last.
    fn advance(&mut self) -> Result<bool, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(false) };
        self.left = left;
        let mut len = [0; 4];
        self.file.read_exact(&mut len).map_err(failed)?;
        self.item.resize(u32::from_be_bytes(len) as usize, 0);
        self.file.read_exact(&mut self.item).map_err(failed)?;
        Ok(true)
    }
}

// The heap gives the greatest first; wanted is the least item.
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.item.cmp(&self.item)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.item == other.item
    }
}

impl Eq for Head {}

fn merge(runs: impl IntoIterator<Item = Run>, take: &mut impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let mut heads = BinaryHeap::new();
    for run in runs {
        heads.extend(Head::new(run)?);
    }
    while let Some(mut least) = heads.peek_mut() {
        take(&least.item)?;
        if !least.advance()? {
            PeekMut::pop(least);
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(run_bytes: usize, items: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut sorter = Sorter::with_runs_of(run_bytes);
        items.iter().try_for_each(|item| sorter.push(item)).unwrap();
        let mut out = Vec::new();
        sorter
            .drain(|item| {
                out.push(item.to_vec());
                Ok(())
            })
            .unwrap();
        out
    }

    proptest! {
        #[test]
        fn items_come_out_in_order_and_complete(
            mut items in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..200),
            run_bytes in 1..2_000usize,
        ) {
            let out = sorted(run_bytes, &items);
            items.sort();
            prop_assert_eq!(out, items);
        }
    }

    #[test]
    fn runs_are_merged_in_levels() {
        // Runs of two items: 5,000 items make three levels of 32.
        let mut items: Vec<_> = (0..5_000u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes().to_vec()).collect();
        let out = sorted(2 * (4 + size_of::<Item>()), &items);
        items.sort();
        assert_eq!(out, items);
    }
}
