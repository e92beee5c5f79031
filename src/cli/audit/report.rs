//! `hutong audit report`

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::{ArgGroup, Args};
use serde::Serialize;

use super::{
    advance, entries_bar, or_exit, read_log_key,
    verify::{Shown, genesis_hash},
};
use crate::{
    audit::{
        Folder, Level, Options, Trust, VKEY_FILE,
        periodic::{Period, PeriodicReport, SECTIONS, Verification, page, sheet, summarize},
        verify,
    },
    cli::{Exit, OrExit as _, Output, Run},
    domain::time::Date,
    files::{self, Readable},
    sign::LogVerifier,
    tlog::Hash,
};

/// Report on the use of a hub over a week, a month or other days, from a copy of the exchange log 周报告、月报告
///
/// By provider, consumer, resource and purpose: queries, records asked for and released; refusals by reason; agreements new,
/// expiring and unused; changes of the rules; publications against the update cycle; what is unusual, each with its rule and
/// its numbers. Days are the hub's civil days. --out writes a page that prints and needs nothing else (.html), tables for
/// spreadsheets (.csv, a file a section), or everything (.json); without it a summary is printed.
#[derive(Args)]
#[command(group = ArgGroup::new("period").required(true))]
pub(super) struct Report {
    /// The copy of the log, as `hutong audit mirror` made it
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The first day
    #[arg(long, value_name = "DAY", group = "period", requires = "to")]
    from: Option<Date>,

    /// The last day
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<Date>,

    /// The week, Monday to Sunday, of this day 周报告
    #[arg(long, value_name = "DAY", group = "period")]
    week: Option<Date>,

    /// The month of this day, or YYYY-MM 月报告
    #[arg(long, value_name = "MONTH", group = "period", value_parser = month)]
    month: Option<Date>,

    /// Where to write it: a new file that ends in .html, .csv or .json
    #[arg(long, value_name = "FILE", value_parser = out)]
    out: Option<Out>,

    /// Of a CSV only this section, into FILE itself
    #[arg(long, value_name = "SECTION", requires = "out", value_parser = SECTIONS)]
    section: Option<String>,

    /// Verify the copy first, as `hutong audit verify` does, and say in the report what came of it
    #[arg(long)]
    verify: bool,

    /// The log's public key as you have it from elsewhere [default: the copy's own log.vkey, which proves nothing by itself]
    #[arg(long, value_name = "FILE")]
    vkey: Option<PathBuf>,

    /// With --verify: the hash of the genesis entry as you have it from elsewhere, in hexadecimal or base64
    #[arg(long, value_name = "HASH", requires = "verify", value_parser = genesis_hash)]
    genesis: Option<Hash>,
}

/// A file to be written, by the ending of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Out {
    Html(PathBuf),
    Csv(PathBuf),
    Json(PathBuf),
}

/// What was written.
#[derive(Serialize)]
struct Written {
    written: Vec<PathBuf>,
    patterns: usize,
    findings: Option<u64>,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.iter().try_for_each(|path| writeln!(f, "wrote {}", path.display()))?;
        write!(f, "{} unusual patterns", self.patterns)?;
        self.findings.map_or(Ok(()), |findings| write!(f, ", {findings} findings"))
    }
}

impl Run for Report {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let period = self.period()?;
        if self.section.is_some() && !matches!(self.out, Some(Out::Csv(_))) {
            return None.or_exit(Exit::Usage, "--section is for a file that ends in .csv");
        }
        let log_key = read_log_key(&self.vkey.clone().unwrap_or_else(|| self.folder.join(VKEY_FILE)))?;
        let folder = Folder::new(&self.folder);
        let verification = if self.verify { Some(self.verification(&folder, &log_key)?) } else { None };
        let bar = entries_bar("reading");
        let report = summarize(&folder, &log_key, period, &mut advance(&bar));
        bar.finish_and_clear();
        let mut report = or_exit(report, "cannot report")?;
        report.verification = verification;
        let findings = report.verification.as_ref().map(|verified| verified.findings);
        let suspects = report.verification.as_ref().map(|verified| verified.suspects);
        match &self.out {
            Some(out) => {
                let written = out.write(&report, self.section.as_deref())?;
                output.print(&Written { written, patterns: report.patterns.len(), findings })?;
            }
            None => output.print(&report)?,
        }
        Ok(match (findings.unwrap_or(0), suspects.unwrap_or(0)) {
            (0, 0) => Exit::Success,
            (0, _) => Exit::Suspect,
            _ => Exit::Findings,
        })
    }
}

impl Report {
    fn period(&self) -> anyhow::Result<Period> {
        match (self.week, self.month, self.from, self.to) {
            (Some(day), ..) => Ok(Period::week_of(day)),
            (_, Some(day), ..) => Ok(Period::month_of(day)),
            (_, _, Some(from), Some(to)) => or_exit(Period::new(from, to), "cannot report"),
            _ => None.or_exit(Exit::Usage, "no days were given: --week, --month, or --from and --to"),
        }
    }

    fn verification(&self, folder: &Folder, log_key: &LogVerifier) -> anyhow::Result<Verification> {
        let trust = Trust { genesis: self.genesis, ..Trust::in_key(log_key.clone()) };
        let mut shown = Shown::new(None)?;
        let result = verify(folder, &trust, &Options::default(), &mut shown);
        shown.finish()?;
        let verified = or_exit(result, "cannot verify the copy")?;
        let [findings, suspects] = [Level::Error, Level::Warning].map(|level| verified.total(level));
        Ok(Verification { entries: verified.entries, findings, suspects })
    }
}

impl Out {
    /// Writes the report, and says where. What is there already is not overwritten. A report says who asked for what, so that
    /// it is its owner's to pass on.
    fn write(&self, report: &PeriodicReport, section: Option<&str>) -> anyhow::Result<Vec<PathBuf>> {
        let files = match self {
            Self::Html(path) => vec![(path.clone(), page(report).into_bytes())],
            Self::Json(path) => {
                let mut json = serde_json::to_vec_pretty(report).or_exit(Exit::Failed, "cannot write the report")?;
                json.push(b'\n');
                vec![(path.clone(), json)]
            }
            Self::Csv(path) => {
                let sections = section.map_or_else(|| SECTIONS.to_vec(), |section| vec![section]);
                let named = |name: &str| if section.is_some() { path.clone() } else { beside(path, name) };
                let sheets = sections.into_iter().map(|name| Ok((named(name), sheet(report, name)?)));
                sheets.collect::<Result<Vec<_>, csv::Error>>().or_exit(Exit::Failed, "cannot write the report")?
            }
        };
        let contents: Vec<_> =
            files.iter().map(|(path, bytes)| (path.as_path(), bytes.as_slice(), Readable::ByOwner)).collect();
        files::create_together(&contents).or_exit(Exit::CannotCreate, "cannot write the report")?;
        Ok(files.into_iter().map(|(path, _)| path).collect())
    }
}

/// `week.csv` for a section: `week-days.csv`.
fn beside(path: &Path, section: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{section}.csv"))
}

fn out(text: &str) -> Result<Out, &'static str> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("html") => Ok(Out::Html(path)),
        Some("csv") => Ok(Out::Csv(path)),
        Some("json") => Ok(Out::Json(path)),
        _ => Err("must end in .html, .csv or .json"),
    }
}

fn month(text: &str) -> Result<Date, String> {
    let day = if text.len() == "2026-03".len() { format!("{text}-01") } else { text.to_owned() };
    day.parse().map_err(|_| format!("`{text}` is no month such as 2026-03"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn months_read_with_or_without_a_day() {
        let march: Date = "2026-03-01".parse().unwrap();
        assert_eq!(month("2026-03"), Ok(march));
        assert_eq!(month("2026-03-17").map(Period::month_of), Ok(Period::month_of(march)));
        assert!(month("2026-13").is_err() && month("March").is_err());
    }

    #[test]
    fn the_ending_says_what_is_written() {
        assert_eq!(out("a/week.html"), Ok(Out::Html("a/week.html".into())));
        assert!(out("week").is_err() && out("week.pdf").is_err());
        assert_eq!(beside(Path::new("a/week.csv"), "days"), Path::new("a/week-days.csv"));
    }
}
