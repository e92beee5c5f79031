//! What a start does with the log: from the last segment's header it recomputes the tree, cuts what no receipt can cover,
//! and refuses whatever else is not as it was written.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, RwLock, atomic::AtomicBool},
};

use super::{
    beside::Beside,
    disk::Disk,
    high_water::{self, HighWater, Mark},
    levels::{self, Levels},
    log::{self, LogSegment, ScanEnd, Scanned, ScannedBatches, Shared, Writer},
    openings::{self, Openings},
    segment::Rest,
    vault::Vault,
};
use crate::{
    store::{Error, Tail},
    tlog::Frontier,
};

/// What is wrong with a log that is shorter than it was.
pub(super) const MISSING: &str = "entries are missing at its end";

/// Opens the log in a folder.
pub(super) fn open(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    vault: &Vault,
    segment_size: u64,
    high_water_path: Option<&Path>,
) -> Result<Writer, Error> {
    let mark = high_water_path.map(|path| high_water::read(&**disk, path)).transpose()?.flatten();
    let segments = LogSegment::open_all(&**disk, &dir.join(log::DIR))?;
    let openings = Openings::open(disk, &dir.join(openings::DIR), vault, segment_size)?;
    let levels = Levels::open(&**disk, &dir.join(levels::DIR))?;

    let (batches, end) = read_last(&segments, &openings, &levels, mark)?;
    openings.cut(end.openings)?;
    restore(&levels, &segments, &batches)?;
    compare(&levels, &end, mark)?;

    if let Some(path) = high_water_path
        && mark.is_none()
        && end.frontier.size() > 0
    {
        tracing::warn!(path = %path.display(), "there is no high-water mark yet: a rollback before now is not noticed");
    }
    let tail = end.checkpoint.clone().map(|checkpoint| Arc::new(Tail { frontier: end.frontier.clone(), checkpoint }));
    let segments = RwLock::new(segments.into_iter().map(Arc::new).collect());
    let shared =
        Arc::new(Shared { segments, levels, openings, tail: RwLock::new(tail), failed: AtomicBool::new(false) });
    let keep = |path: PathBuf| HighWater::start(Arc::clone(disk), path, Arc::clone(&shared));
    let high_water = high_water_path.map(|path| keep(path.to_owned())).transpose();
    let high_water =
        high_water.map_err(|source| Error::Io { what: "start the high-water mark's thread".into(), source })?;
    Ok(Writer {
        shared,
        disk: Arc::clone(disk),
        dir: dir.join(log::DIR),
        vault: vault.clone(),
        segment_size,
        end,
        must_roll: false,
        beside: Beside::start()
            .map_err(|source| Error::Io { what: "start the thread that writes the openings".into(), source })?,
        high_water,
    })
}

/// Reads the last segment and cuts its torn end.
fn read_last(
    segments: &[LogSegment],
    openings: &Openings,
    levels: &Levels,
    mark: Option<Mark>,
) -> Result<(ScannedBatches, ScanEnd), Error> {
    let last = segments.last().ok_or_else(|| super::segment::damaged(Path::new(log::DIR), 0, "there is no segment"))?;
    let mut batches = ScannedBatches::new();
    let mut end = last.scan(|batch| {
        batches.push_back(batch);
        Ok(())
    })?;
    // Hashes are derived from durable batches only: there are never more of them than entries that were once durable.
    let known = levels.entries().max(mark.map_or(0, |mark| mark.size));
    let size = end.frontier.size();
    let mut torn_until = match last.segment.rest(end.offset)? {
        Rest::Blank => None,
        Rest::Torn(until) => Some(until),
        Rest::FrameAt(next) => {
            let problem = format!("{}; a valid frame follows at byte {next}", end.problem);
            return Err(last.segment.damaged(end.offset, problem));
        }
    };
    if known > size {
        return Err(match torn_until {
            Some(_) => last
                .segment
                .damaged(end.offset, format!("{}; {known} entries were durable, {size} are readable", end.problem)),
            None => rolled_back(known, size, MISSING),
        });
    }
    // A batch is whole when its openings are. The last one may have been cut short between the two syncs.
    let unfinished = torn_until.is_none()
        && known < size
        && batches.back().map(|batch| lost_openings(openings, batch)).transpose()?.unwrap_or(false);
    if unfinished && let Some(batch) = batches.pop_back() {
        torn_until = Some(end.offset);
        end = batch.before;
    }
    if let Some(until) = torn_until {
        last.segment.blank(end.offset, until)?;
    }
    last.segment.sync()?;
    Ok((batches, end))
}

/// Whether a batch's openings are not all there.
fn lost_openings(openings: &Openings, batch: &Scanned) -> Result<bool, Error> {
    match openings.check(batch.openings, batch.before.frontier.size()) {
        Ok(()) => Ok(false),
        Err(Error::Damaged { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Brings the derived rows to the end of the log: the last segment's part is made again, and all of it if what they hold
/// of the segments before is not the tree that the last one goes on from.
pub(super) fn restore(levels: &Levels, segments: &[LogSegment], last: &ScannedBatches) -> Result<(), Error> {
    let settle = || levels.settle().map_err(|source| super::not_written("the derived hashes", source));
    let Some((last_segment, before)) = segments.split_last() else { return Ok(()) };
    if !levels.cut(&last_segment.frontier)? {
        levels.cut(&Frontier::new())?;
        let mut frontier = Frontier::new();
        for segment in before {
            follows(segment, &frontier)?;
            let end = segment.scan(|batch| {
                levels.push(&batch.tree, &batch.places);
                Ok(())
            })?;
            frontier = end.frontier;
            settle()?;
        }
        follows(last_segment, &frontier)?;
    }
    last.iter().for_each(|batch| levels.push(&batch.tree, &batch.places));
    settle()
}

/// Whether a segment goes on from where the one before it ends.
pub(super) fn follows(segment: &LogSegment, before: &Frontier) -> Result<(), Error> {
    if segment.frontier == *before {
        return Ok(());
    }
    let problem = format!("it does not go on from the {} entries that are readable before it", before.size());
    Err(segment.segment.damaged(0, problem))
}

/// Compares the log with the mark.
fn compare(levels: &Levels, end: &ScanEnd, mark: Option<Mark>) -> Result<(), Error> {
    let Some(mark) = mark else { return Ok(()) };
    let then = Frontier::read(levels, mark.size).map_err(Error::from)?;
    if then.root() == mark.root {
        return Ok(());
    }
    Err(rolled_back(mark.size, end.frontier.size(), "it had another root at that size"))
}

pub(super) fn rolled_back(mark: u64, found: u64, problem: &str) -> Error {
    Error::RolledBack { mark, found, problem: problem.into() }
}
