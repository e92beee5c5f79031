//! Rollover: a log is closed, and another under another key continues it.
//!
//! Carried over are the entries on which something still rests, as they were and in their order: all that changed the rules, and
//! the publications that made a record current or took another's place. So whoever replays the new log comes to the same rules and
//! the same records. What was used of the quotas of the last day is told beside them.

use crate::{
    domain::{
        id::Digest,
        outcome::{MAX_QUOTAS_CARRIED, Notice, Outcome, QuotasCarried},
        quota::DayUse,
        statement::{ClosingReceipt, Genesis, MAX_CLOSINGS, PreviousLog, Publication, Statement},
        time::Time,
    },
    sign::{LogSigner, sealing::BlindIndex},
    store::{Bodies, LogReader, Projections, Store},
    tlog::{Hash, KeyName, VerifierKey, leaf_hash, prove_consistency},
    wire::{Carried, Entry},
};

use super::{
    Error, erasure, genesis,
    projection::{Terms, catch_up, decode, single, statement_of, uses_of},
    receipt::{Receipt, Stored},
};

/// How many bytes of entries are read, or written and synced, at a time: as when catching up.
const STEP_BYTES: usize = 1 << 20;
/// How many entries are written at a time: a quarter of what a batch may hold.
const STEP_ENTRIES: usize = 1_024;

/// Enters as a log's last entry that the log of another key continues it. Does nothing where it says so already.
///
/// # Errors
/// When the log was closed in favour of another key, is not of this one, or cannot be written.
pub fn close_log(store: &mut Store, signer: &LogSigner, next: &VerifierKey, now: Time) -> Result<(), Error> {
    genesis::check_tail(store.log.as_ref(), &signer.verifier())?;
    let last = last(store.reader.as_ref())?;
    let next_vkey = next.to_string();
    if let Outcome::Noted(Notice::Closed { next_vkey: named }) = &last.outcome {
        return if *named == next_vkey { Ok(()) } else { Err(closed(named)) };
    }
    erasure::refuse_untold(store.openings.as_ref())?;
    let outcome = Outcome::Noted(Notice::Closed { next_vkey });
    let entry = Entry { time: now.max(last.time), envelope: None, outcome, carried: None };
    genesis::append(store.log.as_mut(), signer, vec![entry.encode()])
}

/// Refuses a log that was closed: nothing may follow.
pub(super) fn refuse_closed(reader: &dyn LogReader) -> Result<(), Error> {
    match last(reader)?.outcome {
        Outcome::Noted(Notice::Closed { next_vkey }) => Err(closed(&next_vkey)),
        _ => Ok(()),
    }
}

fn closed(next_vkey: &str) -> Error {
    Error::Inconsistent(format!("the log was closed in favour of {next_vkey}: finish the rollover to that log"))
}

fn last(reader: &dyn LogReader) -> Result<Entry, Error> {
    let size = size(reader);
    single(reader, size.checked_sub(1).ok_or_else(|| Error::Inconsistent("the log is empty".to_owned()))?)
}

fn size(reader: &dyn LogReader) -> u64 {
    reader.tail().map_or(0, |tail| tail.frontier.size())
}

/// Opens the log that continues a closed one, in a store that is empty, and carries over what still holds. Gives how many entries
/// were carried over. `progress` hears how many entries of the old log have been looked at, and of how many.
///
/// # Errors
/// When a store fails, the old log does not read or was not closed in favour of this key, or a body is missing.
pub fn carry_over(
    old: &Store,
    old_key: &VerifierKey,
    new: &mut Store,
    signer: &LogSigner,
    blind_index: BlindIndex,
    now: Time,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, Error> {
    let (reader, terms) = (old.reader.as_ref(), Terms::new(blind_index));
    let last = last(reader)?;
    if last.outcome != Outcome::Noted(Notice::Closed { next_vkey: signer.vkey().to_string() }) {
        return Err(Error::Inconsistent("the log before was not closed in favour of this one".to_owned()));
    }
    let rules = catch_up(reader, old.bodies.as_ref(), old.projections.as_ref(), &terms, &mut |_, _| {})?.rules;
    let offset = rules.policy.civil_day_offset_seconds;
    let Due { entries, issued_until, quotas } = due(reader, old.projections.as_ref(), offset, progress)?;
    let now = now.max(last.time);
    let genesis = genesis_after(reader, old_key, signer.vkey().name(), issued_until.unwrap_or(last.time), now)?;
    genesis::open_log(new.log.as_mut(), signer, genesis)?;
    let mut step = Vec::new();
    let mut bytes = 0;
    for index in &entries {
        let entry = single(reader, *index)?;
        copy_bodies(*index, &entry, old.bodies.as_ref(), new.bodies.as_ref())?;
        let carried = Some(Carried { index: *index, time: entry.decided_at() });
        let entry = Entry { time: now, carried, ..entry }.encode();
        bytes += entry.len();
        step.push(entry);
        if bytes >= STEP_BYTES || step.len() >= STEP_ENTRIES {
            genesis::append(new.log.as_mut(), signer, std::mem::take(&mut step))?;
            bytes = 0;
        }
    }
    if !step.is_empty() {
        genesis::append(new.log.as_mut(), signer, step)?;
    }
    for outcome in quotas_carried(&quotas) {
        let entry = Entry { time: now, envelope: None, outcome, carried: None };
        genesis::append(new.log.as_mut(), signer, vec![entry.encode()])?;
    }
    // What does not replay must not be what a hub is to go on with.
    catch_up(new.reader.as_ref(), new.bodies.as_ref(), new.projections.as_ref(), &terms, &mut |_, _| {})?;
    new.projections.flush()?;
    Ok(entries.len() as u64)
}

/// The proof that the log of `first` entries, at least 1, is the beginning of that of `second`. Blocks.
///
/// # Errors
/// When the sizes are not in order, or the storage fails.
pub fn prove_growth(reader: &dyn LogReader, first: u64, second: u64) -> Result<Vec<Hash>, Error> {
    prove_consistency(&Stored(reader), first, second)
}

/// What is to be carried over.
struct Due {
    entries: Vec<u64>,
    /// The latest time of a statement that was not refused.
    issued_until: Option<Time>,
    /// What was used of the quotas of the last day.
    quotas: DayUse,
}

fn due(
    reader: &dyn LogReader,
    projections: &dyn Projections,
    offset_seconds: i32,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Due, Error> {
    let (mut index, size) = (0, size(reader));
    let mut due = Due { entries: Vec::new(), issued_until: None, quotas: DayUse::default() };
    while index < size {
        for bytes in reader.entries(index, size, STEP_BYTES)? {
            let entry = decode(index, &bytes)?;
            let statement = statement_of(index, &entry)?;
            if !matches!(entry.outcome, Outcome::Refused(_)) {
                let issued_at = statement.as_ref().and_then(Statement::header).map(|header| header.issued_at);
                due.issued_until = due.issued_until.max(issued_at);
            }
            for (agreement, day, asked) in
                uses_of(offset_seconds, entry.decided_at(), statement.as_ref(), &entry.outcome)
            {
                due.quotas.take(agreement, day, asked);
            }
            if is_due(index, &entry, statement.as_ref(), projections)? {
                due.entries.push(index);
            }
            index += 1;
        }
        progress(index, size);
    }
    Ok(due)
}

/// What the new log says of the quotas' use, in as many entries as it takes.
fn quotas_carried(quotas: &DayUse) -> Vec<Outcome> {
    let Some(day) = quotas.day() else { return Vec::new() };
    let uses: Vec<_> = quotas.uses().map(|(agreement, asked)| (agreement.clone(), asked)).collect();
    let entries = uses.chunks(MAX_QUOTAS_CARRIED);
    entries.map(|uses| Outcome::Noted(Notice::QuotasCarried(QuotasCarried { day, uses: uses.to_vec() }))).collect()
}

fn is_due(
    index: u64,
    entry: &Entry,
    statement: Option<&Statement>,
    projections: &dyn Projections,
) -> Result<bool, Error> {
    if matches!(entry.outcome, Outcome::Applied(_)) {
        return Ok(index > 0);
    }
    let (Some(Statement::Publication(_, publication)), Outcome::Published(results)) = (statement, &entry.outcome)
    else {
        return Ok(false);
    };
    for (record, _) in publication.records.iter().zip(results).filter(|(_, violations)| violations.is_empty()) {
        let row = projections.record(&record.handle)?;
        if row.is_some_and(|row| row.head.publication_index == index) {
            return Ok(true);
        }
        // That another was replaced rests on it too, also once a later version of this record is current.
        let replaced = record.replaces.map(|handle| projections.record(&handle)).transpose()?.flatten();
        let successor = replaced.and_then(|row| row.head.successor);
        if successor.is_some_and(|successor| successor.publication_index == index) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The genesis of the log that continues a closed one: what genesis fixed stays, but for the origin.
fn genesis_after(
    reader: &dyn LogReader,
    old_key: &VerifierKey,
    origin: &KeyName,
    issued_until: Time,
    now: Time,
) -> Result<Genesis, Error> {
    let nothing = || Error::Inconsistent("the log does not begin with a genesis entry".to_owned());
    let first = reader.entries(0, 1, 1)?.into_iter().next().ok_or_else(nothing)?;
    let Some(Statement::Genesis(genesis)) = statement_of(0, &decode(0, &first)?)? else { return Err(nothing()) };
    let frontier = reader.tail().ok_or_else(nothing)?.frontier;
    let Receipt { entry, proof, .. } = Receipt::of_index(reader, frontier.size().saturating_sub(1))?;
    let mut closings = genesis.previous.as_ref().map(|previous| previous.closings.clone()).unwrap_or_default();
    closings.push(ClosingReceipt { entry, proof });
    closings.drain(..closings.len().saturating_sub(MAX_CLOSINGS));
    let previous = PreviousLog {
        vkey: old_key.to_string(),
        size: frontier.size(),
        root: Digest(*frontier.root().as_bytes()),
        genesis_hash: Digest(*leaf_hash(&first).as_bytes()),
        issued_until,
        closings,
    };
    Ok(Genesis { origin: origin.to_string(), created_at: now, previous: Some(previous), ..*genesis })
}

/// Copies the bodies of a publication's records, sealed anew.
fn copy_bodies(index: u64, entry: &Entry, from: &dyn Bodies, to: &dyn Bodies) -> Result<(), Error> {
    let (Some(Statement::Publication(_, publication)), Outcome::Published(results)) =
        (statement_of(index, entry)?, &entry.outcome)
    else {
        return Ok(());
    };
    let Publication { records, .. } = publication;
    let accepted = records.iter().zip(results).filter(|(_, violations)| violations.is_empty());
    let bodies: Vec<_> = accepted
        .map(|(record, _)| {
            let missing = || Error::Inconsistent(format!("the body {} of entry {index} is missing", record.jwt_sha256));
            Ok((record.jwt_sha256, from.get(&record.jwt_sha256)?.ok_or_else(missing)?))
        })
        .collect::<Result<_, Error>>()?;
    let bodies: Vec<_> = bodies.iter().map(|(digest, body)| (*digest, body.as_slice())).collect();
    Ok(to.put(&bodies)?)
}
