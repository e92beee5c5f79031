//! What was carried over from the log before: where it may stand, and whether it is all that it must be.

use std::collections::BTreeMap;

use crate::{
    domain::{
        outcome::{Notice, Outcome, QuotasCarried},
        quota::DayUse,
        statement::{Genesis, Statement},
        time::Time,
    },
    tlog::{Entries, MAX_ENTRIES},
    wire::{Carried, Entry},
};

use super::{Error, Fault, Folder, findings::Findings, replay::Found};

/// What a log says of those before and after it.
#[derive(Default)]
pub(super) struct Course {
    /// Its genesis.
    pub(super) genesis: Option<Genesis>,
    /// The key of the log that continues it.
    pub(super) next_vkey: Option<String>,
    /// The latest time of a statement that was not refused.
    pub(super) issued_until: Option<Time>,
    /// The time of its last entry.
    pub(super) last_time: Option<Time>,
    /// The entries on which something rests at its end.
    pub(super) due: Due,
    /// What was used of the quotas of its last day.
    pub(super) quotas: DayUse,
    /// What it says was used of them in the log before.
    pub(super) quotas_carried: DayUse,
    /// The last entry carried over; none once another has followed.
    carrying: Option<u64>,
}

impl Course {
    /// Follows an entry, and checks that it stands where it may.
    pub(super) fn follow(&mut self, index: u64, entry: &Entry, statement: Option<&Statement>, found: &mut Found) {
        if let Some(next) = &self.next_vkey {
            found.add(Fault::EntryAfterClose, format!("the log was closed in favour of {next}"));
        }
        match (entry.carried, &entry.outcome) {
            (Some(carried), _) => self.follow_carried(carried, entry.time, found),
            (None, Outcome::Noted(Notice::QuotasCarried(QuotasCarried { day, uses }))) => {
                if self.carrying.is_none() {
                    found.add(Fault::CarryMisplaced, "quotas are carried over at the beginning only");
                }
                uses.iter().for_each(|(agreement, asked)| self.quotas_carried.take(agreement, *day, *asked));
            }
            (None, _) => self.carrying = None,
        }
        match (&entry.outcome, statement) {
            (_, Some(Statement::Genesis(genesis))) if index == 0 => {
                self.carrying = genesis.previous.as_ref().map(|_| 0);
                self.genesis = Some(Genesis::clone(genesis));
            }
            (Outcome::Applied(_), _) => self.due.insert(index),
            (Outcome::Noted(Notice::Closed { next_vkey }), _) => self.next_vkey = Some(next_vkey.clone()),
            _ => {}
        }
        if !matches!(entry.outcome, Outcome::Refused(_)) {
            self.issued_until =
                self.issued_until.max(statement.and_then(Statement::header).map(|header| header.issued_at));
        }
        self.last_time = Some(entry.time);
    }

    fn follow_carried(&mut self, carried: Carried, time: Time, found: &mut Found) {
        let Carried { index, time: first } = carried;
        match self.carrying {
            None => found.add(
                Fault::CarryMisplaced,
                "what is carried over must follow the genesis of a log that continues another",
            ),
            Some(last) if index <= last => {
                found.add(Fault::CarryMisplaced, format!("it was entry {index}, the one before was entry {last}"));
            }
            Some(_) if first > time => {
                found.add(Fault::CarryMisplaced, format!("it is said to have been made at {first}, which is later"));
            }
            Some(_) => {}
        }
        self.carrying = self.carrying.map(|last| last.max(index));
    }
}

/// Indexes of entries, one bit each: a million entries are 125 kB.
#[derive(Default)]
pub(super) struct Due(BTreeMap<u64, u64>);

impl Due {
    pub(super) fn insert(&mut self, index: u64) {
        *self.0.entry(index / 64).or_default() |= 1 << (index % 64);
    }

    fn remove(&mut self, index: u64) -> bool {
        let Some(word) = self.0.get_mut(&(index / 64)) else { return false };
        let bit = 1 << (index % 64);
        let was = *word & bit != 0;
        *word &= !bit;
        was
    }

    fn iter(&self) -> impl Iterator<Item = u64> {
        let bits = |(word, bits): (&u64, &u64)| {
            let (first, bits) = (word * 64, *bits);
            (0..64).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| first + bit)
        };
        self.0.iter().flat_map(bits)
    }
}

/// Compares what a log carried over with the log before it.
pub(super) fn compare(
    (folder, size): (&Folder, u64),
    (old, old_size): (&Folder, u64),
    (mut due, (used, carried)): (Due, (&DayUse, &DayUse)),
    findings: &mut Findings,
) -> Result<(), Error> {
    let (mut earlier, mut later) = (Bundles::new(old, old_size), Bundles::new(folder, size));
    for index in 1..size {
        // What does not read was found already.
        let Some(entry) = later.entry(index)? else { continue };
        let Some(carried) = entry.carried else { break };
        let differs = match earlier.entry(carried.index)? {
            None => Some("which is not there".to_owned()),
            Some(was) if carried.time != was.decided_at() => Some(format!("which was made at {}", was.decided_at())),
            Some(was) => {
                let expected = Entry { time: entry.time, carried: Some(carried), ..was };
                (expected != entry).then(|| "which says something else".to_owned())
            }
        };
        if let Some(differs) = differs {
            let message = format!("it is said to have been entry {} of the log before, {differs}", carried.index);
            findings.add(Some(index), Fault::CarryDiffers, message);
        }
        if !due.remove(carried.index) {
            let message =
                format!("nothing rests on entry {} of the log before, from which it is said to come", carried.index);
            findings.add(Some(index), Fault::CarryUndue, message);
        }
    }
    if used != carried {
        let uses = |quotas: &DayUse| {
            let uses: Vec<_> = quotas.uses().map(|(agreement, asked)| format!("{asked} under {agreement}")).collect();
            quotas.day().map_or_else(|| "none".to_owned(), |day| format!("on {day} {}", uses.join(", ")))
        };
        let message = format!("quotas carried over are {}; used in the log before were {}", uses(carried), uses(used));
        findings.add(None, Fault::CarryDiffers, message);
    }
    for index in due.iter() {
        let message = format!("entry {index} of the log before still holds and was not carried over");
        findings.add(None, Fault::CarryMissing, message);
    }
    Ok(())
}

/// A copy read entry by entry, in its order: one bundle is in memory.
struct Bundles<'a> {
    folder: &'a Folder,
    size: u64,
    open: Option<(u64, Vec<u8>)>,
}

impl<'a> Bundles<'a> {
    fn new(folder: &'a Folder, size: u64) -> Self {
        Self { folder, size, open: None }
    }

    fn entry(&mut self, index: u64) -> Result<Option<Entry>, Error> {
        let width = MAX_ENTRIES as u64;
        let number = index / width;
        if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
            self.open = Some((number, self.folder.bundle(number, self.size)?.unwrap_or_default()));
        }
        let bytes = self.open.as_ref().map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
        let found = Entries::new(bytes).map_while(Result::ok).nth((index % width) as usize);
        Ok(found.and_then(|bytes| Entry::decode(bytes).ok()))
    }
}
