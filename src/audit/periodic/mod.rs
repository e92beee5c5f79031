//! The weekly and monthly report 周报告、月报告: who used what, what was refused, what is late, what is unusual.
//!
//! ```text
//! copy of the log ──> walk.rs ──> gather.rs ──┬─> exchanges.rs     by provider × consumer × resource × purpose, by agreement
//!                                             ├─> agreements.rs    new, expiring, unused
//!                                             ├─> answers.rs       in time, overdue
//!                                             ├─> publications.rs  freshness against the update cycle
//!                                             ├─> holders.rs       traces of holders, erasures of openings
//!                                             └─> patterns.rs      statistic.rs: above usual, by operator, off-hours
//! PeriodicReport (figures.rs) ──> JSON │ sheets.rs: CSV │ page/: HTML │ text.rs: a terminal
//! ```
//!
//! The log is read once, from its beginning, since directory, catalog and agreements are made by it. Memory grows with departments,
//! resources, agreements and groups, each with a bound of its own, not with the log.

mod agreements;
mod answers;
mod exchanges;
mod figures;
mod gather;
mod holders;
mod names;
mod page;
mod patterns;
mod period;
mod publications;
mod sheets;
mod statistic;
mod text;

use super::{Error, Folder, walk};
use crate::{domain::time::Time, sign::LogVerifier};

pub use figures::{
    AgreementUse, AnswerCount, Bilingual, Change, Day, ErasureFigure, Exchange, Freshness, Named, OverdueAnswer, Party,
    Pattern, PeriodicReport, RefusalCount, SystemCount, Totals, TraceFigure, Verification,
};
pub use page::page;
pub use period::{MAX_DAYS, Period};
pub use sheets::{SECTIONS, sheet};

/// The period on the hub's clock.
#[derive(Debug, Clone, Copy)]
struct Frame {
    period: Period,
    offset_seconds: i32,
    start: Time,
    end: Time,
}

impl Frame {
    /// An instant as clocks at the hub show it: RFC 3339 with the hub's offset, to the second.
    fn local(&self, time: Time) -> String {
        let seconds = time.plus_seconds(self.offset_seconds.into()).as_seconds().rem_euclid(86_400);
        let (date, offset) = (time.civil_day(self.offset_seconds), offset_in_words(self.offset_seconds));
        format!("{date}T{:02}:{:02}:{:02}{offset}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }
}

/// An offset from UTC such as `+08:00`.
fn offset_in_words(seconds: i32) -> String {
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Makes the report of a period from a copy of a log. `progress` hears how many entries have been read, and of how many.
///
/// Every entry is hashed and the root compared with the checkpoint's under the log's key. Whether the entries are right is
/// for [`super::verify()`].
///
/// # Errors
/// [`Error::NoLog`], [`Error::Untrusted`], [`Error::Damaged`], [`Error::Io`].
pub fn summarize(
    folder: &Folder,
    log_key: &LogVerifier,
    period: Period,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<PeriodicReport, Error> {
    let checkpoint = walk::checkpoint(folder, log_key)?;
    let mut gatherer = gather::Gatherer::new(period);
    let root = walk::walk(folder, &checkpoint, progress, &mut |leaf| gatherer.follow(leaf))?;
    let damaged = |problem: String| Error::Damaged { place: folder.path().display().to_string(), problem };
    if root != checkpoint.root {
        return Err(damaged(format!("its entries have root {root}, its checkpoint says {}", checkpoint.root)));
    }
    gatherer.finish(&checkpoint).ok_or_else(|| damaged("its first entry is not a genesis".to_owned()))
}
