//! Checks everything the engine keeps, and makes anew what is derived.
//!
//! A check changes nothing that is primary and goes on behind what it finds as far as that can be told: behind damage in a segment with the
//! next segment, whose header says where the tree stands there. What the entries mean, and whether the checkpoints'
//! signatures verify, is for those who know: the engine compares bytes with hashes, and seals with keys.

use std::{fs, path::Path, sync::Arc};

use super::{
    Index, Options, RealDisk,
    bodies::{self, Location},
    disk::Disk,
    index,
    levels::{self, Levels},
    log::{self, LogSegment, ScanEnd, Scanned, ScannedBatches},
    openings::{self, Openings},
    recovery,
    segment::Rest,
    vault::{SealedFile, Vault},
};
use crate::{
    domain::id::Digest,
    sign::{Random, sealing::VaultKey, sha256},
    store::{Error, rows::Table},
    tlog::{Frontier, encode_hashes},
};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file and the offset, or what else names the place. Never personal data.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
    /// Whether [`rebuild`] mends it.
    pub is_derived: bool,
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being checked.
    pub what: &'static str,
    /// Segment files of it that are done.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

/// Checks a folder that no process works on: every frame's checksum, every entry's hash, every batch's root against its
/// checkpoint, the derived rows against the frames, every seal, every body against its name, and whether the index knows
/// each body's place.
///
/// # Errors
/// [`Error::InUse`]; [`Error::Io`] when a file cannot be read at all.
pub fn check(
    dir: &Path,
    key: &VaultKey,
    random: Arc<dyn Random>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Finding>, Error> {
    let lock = super::lock(dir)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let mut check = Check { disk, dir, vault: Vault { key: key.clone(), random }, findings: Vec::new(), progress };
    check.log()?;
    let places = check.bodies()?;
    // An index that is not trusted is made anew by the next start, whatever is in it.
    if dir.join(index::DIR).exists() && index::was_left_well(dir) {
        check.index(&Index::open(dir, lock)?.bodies()?, &places)?;
    }
    Ok(check.findings)
}

/// Makes anew what is derived: the rows of hashes and places, and an empty index with the place of each body. The new rows
/// are made beside the old ones and put in their place when they are whole. The projections are then the caller's to fill,
/// from the log.
///
/// # Errors
/// [`Error::InUse`]; [`Error::Damaged`] when the log or the bodies cannot be read to their end; [`Error::RolledBack`] when
/// the old rows tell of more entries than the log has: that loss is not for a rebuild to hide.
pub fn rebuild(dir: &Path, key: &VaultKey, random: Arc<dyn Random>, options: &Options) -> Result<super::Store, Error> {
    let failed = |source| Error::Io { what: format!("replace what is derived in {}", dir.display()), source };
    let lock = super::lock(dir)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let fresh = dir.join(REBUILT);
    remove_dir(&fresh).map_err(failed)?;
    make_rows(&*disk, dir, &fresh)?;
    remove_dir(&dir.join(levels::DIR)).map_err(failed)?;
    fs::rename(&fresh, dir.join(levels::DIR)).map_err(failed)?;
    index::set_aside(dir).map_err(failed)?;
    disk.sync_dir(dir).map_err(failed)?;
    super::open_locked(lock, &disk, dir, &Vault { key: key.clone(), random }, options)
}

/// Where the new rows are made.
const REBUILT: &str = "levels.rebuilt";

/// Makes the rows of a log in another directory, durably.
fn make_rows(disk: &dyn Disk, dir: &Path, into: &Path) -> Result<(), Error> {
    let segments = LogSegment::open_all(disk, &dir.join(log::DIR))?;
    let rows = Levels::open(disk, into)?;
    let mut batches = ScannedBatches::new();
    if let Some(last) = segments.last() {
        last.scan(|batch| {
            batches.push_back(batch);
            Ok(())
        })?;
    }
    recovery::restore(&rows, &segments, &batches)?;
    let (known, size) = (Levels::open(disk, &dir.join(levels::DIR))?.entries(), rows.entries());
    if known > size {
        return Err(recovery::rolled_back(known, size, recovery::MISSING));
    }
    rows.sync().map_err(|source| super::not_written("the derived hashes", source))
}

/// Removes a directory, if it is there.
fn remove_dir(dir: &Path) -> std::io::Result<()> {
    if dir.exists() { fs::remove_dir_all(dir) } else { Ok(()) }
}

/// A check under way.
struct Check<'a> {
    disk: Arc<dyn Disk>,
    dir: &'a Path,
    vault: Vault,
    findings: Vec<Finding>,
    progress: &'a mut dyn FnMut(Progress),
}

impl Check<'_> {
    /// Turns damage into a finding; any other error ends the check.
    fn note<V>(&mut self, result: Result<V, Error>, is_derived: bool) -> Result<Option<V>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged { place, problem }) => {
                self.findings.push(Finding { place, problem, is_derived });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The log with what is derived from it, and the openings.
    fn log(&mut self) -> Result<(), Error> {
        let dir = self.dir;
        let segments = LogSegment::open_all(&*self.disk, &dir.join(log::DIR));
        let openings = Openings::open(&self.disk, &dir.join(openings::DIR), &self.vault, 0);
        let levels = Levels::open(&*self.disk, &dir.join(levels::DIR))?;
        let (segments, openings) = (self.note(segments, false)?, self.note(openings, false)?);
        let Some(segments) = segments else { return Ok(()) };
        let mut before: Option<Frontier> = None;
        for (done, segment) in segments.iter().enumerate() {
            (self.progress)(Progress { what: log::DIR, done, total: segments.len() });
            if let Some(before) = &before {
                self.note(recovery::follows(segment, before), false)?;
            }
            let end = self.segment(segment, openings.as_ref(), &levels)?;
            before = end.map(|end| end.frontier);
        }
        (self.progress)(Progress { what: log::DIR, done: segments.len(), total: segments.len() });
        let (kept, readable) = (levels.entries(), before.map_or(u64::MAX, |frontier| frontier.size()));
        if kept > readable {
            let problem = format!("{readable} entries are readable, hashes of {kept} were derived");
            self.findings.push(Finding { place: dir.join(log::DIR).display().to_string(), problem, is_derived: false });
        }
        Ok(())
    }

    /// One segment of the log. Gives its end, if it can be read to its end.
    fn segment(
        &mut self,
        segment: &LogSegment,
        openings: Option<&Openings>,
        levels: &Levels,
    ) -> Result<Option<ScanEnd>, Error> {
        let scanned = segment.scan(|batch| {
            if let Some(openings) = openings {
                self.note(openings.check(batch.openings, batch.before.frontier.size()), false)?;
            }
            self.rows(&batch, levels)
        });
        let Some(end) = self.note(scanned, false)? else { return Ok(None) };
        let torn = match segment.segment.rest(end.offset)? {
            Rest::Blank => return Ok(Some(end)),
            Rest::Torn(until) => format!("{}; torn or rotten up to byte {until}", end.problem),
            Rest::FrameAt(next) => format!("{}; a valid frame follows at byte {next}", end.problem),
        };
        self.note(Err::<(), _>(segment.segment.damaged(end.offset, torn)), false)?;
        Ok(None)
    }

    /// The derived rows of one batch.
    fn rows(&mut self, batch: &Scanned, levels: &Levels) -> Result<(), Error> {
        let (first, end) = (batch.before.frontier.size(), batch.tree.size());
        let mut wrong = |row: String| {
            let problem = format!("entries {first} to {}: not what the log's frames give", end - 1);
            self.findings.push(Finding { place: format!("{}/{row}", levels::DIR), problem, is_derived: true });
        };
        for added in batch.tree.tile_hashes() {
            let range = added.first..added.first + added.hashes.len() as u64;
            let kept = levels.hashes(added.level, range);
            if !kept.is_ok_and(|kept| encode_hashes(&kept) == encode_hashes(added.hashes)) {
                wrong(added.level.to_string());
            }
        }
        if !levels.places(first..end).is_ok_and(|kept| kept == batch.places) {
            wrong("offsets".into());
        }
        Ok(())
    }

    /// The bodies. Gives each name with the place of its first copy.
    fn bodies(&mut self) -> Result<Vec<(Digest, Location)>, Error> {
        let files = SealedFile::open_all(&*self.disk, &self.dir.join(bodies::DIR), bodies::KIND, &self.vault);
        let files = self.note(files, false)?.unwrap_or_default();
        let mut places = Vec::new();
        for (done, file) in files.iter().enumerate() {
            (self.progress)(Progress { what: bodies::DIR, done, total: files.len() });
            let scanned = bodies::scan(file, super::segment::HEADER_LEN, |frame| {
                for (name, location) in frame.bodies {
                    let body = self.note(bodies::unseal(file, location), false)?;
                    if body.is_some_and(|body| jwt_name(&body) != name) {
                        let wrong = file.segment.damaged(location.offset, "the JWT does not hash to the body's name");
                        self.note(Err::<(), _>(wrong), false)?;
                    }
                    places.push((name, location));
                }
                Ok(())
            });
            if let Some((end, problem)) = self.note(scanned, false)?
                && file.segment.rest(end)? != Rest::Blank
            {
                self.note(Err::<(), _>(file.segment.damaged(end, problem)), false)?;
            }
        }
        (self.progress)(Progress { what: bodies::DIR, done: files.len(), total: files.len() });
        Ok(places)
    }

    /// The index's places of the bodies. What it does not know yet because it was written last is no finding: a start
    /// reads that anew.
    fn index(&mut self, locations: &impl Table, places: &[(Digest, Location)]) -> Result<(), Error> {
        let known = bodies::known_end(locations)?;
        for (name, location) in places {
            let kept = locations.get(name.as_bytes())?.as_deref().and_then(Location::decode);
            if kept != Some(*location) && location.is_before(known) {
                let problem = "the index does not know where the body lies".into();
                self.findings.push(Finding { place: format!("body {name}"), problem, is_derived: true });
            }
        }
        Ok(())
    }
}

/// The name of a body: the SHA-256 of its JWT, which ends at the first `~`.
fn jwt_name(body: &[u8]) -> Digest {
    let jwt = body.split(|byte| *byte == b'~').next().unwrap_or_default();
    Digest(sha256(jwt))
}
