//! `hutong catalog import`.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::lint::Language;
use crate::{
    catalog::{self, Imported, MAX_WORKBOOK_BYTES, WorkbookFault},
    cli::{Exit, OrExit as _, Output, Run},
    files::{self, Readable},
};

/// Make a catalog file of the Excel template in which departments keep their catalog (.xlsx or .xls)
///
/// What is wrong is told by sheet, cell and column, all of it at once. Where something in the workbook cannot be read, nothing is
/// written; what only is missing may be completed in the file that was written, or in the workbook. Exit code 0: the file is in order;
/// 1: there is something to complete or to correct. Columns that mean nothing here are told and left out.
#[derive(Args)]
pub(in crate::cli) struct Import {
    /// The workbook
    workbook: PathBuf,
    /// The catalog file to write; one that is there is replaced
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// The language of what is told [default: that of the locale]
    #[arg(long, value_enum)]
    lang: Option<Language>,
}

/// A fault as it is printed.
#[derive(Serialize)]
struct Told {
    file: String,
    sheet: String,
    cell: String,
    column: String,
    /// Whether something is wrong; else it is only to be known.
    wrong: bool,
    message_en: String,
    message_zh: String,
    #[serde(skip)]
    lang: Language,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, sheet, cell, column, message_en, message_zh, lang, wrong } = self;
        f.write_str(file)?;
        for place in [sheet, cell, column].into_iter().filter(|place| !place.is_empty()) {
            write!(f, ":{place}")?;
        }
        let (note, message) = if *lang == Language::Zh { ("提示：", message_zh) } else { ("note: ", message_en) };
        write!(f, ": {}{message}", if *wrong { "" } else { note })
    }
}

/// What was written.
#[derive(Serialize)]
struct Written {
    file: String,
    findings: usize,
    #[serde(skip)]
    lang: Language,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, findings, lang } = self;
        match (lang, findings) {
            (Language::En, 0) => write!(f, "{file}: written, in order"),
            (Language::En, _) => write!(f, "{file}: written, to be completed: `hutong catalog lint` says where"),
            (Language::Zh, 0) => write!(f, "{file}：已生成，合规"),
            (Language::Zh, _) => write!(f, "{file}：已生成，有待补充，可用 hutong catalog lint 查看"),
        }
    }
}

impl Run for Import {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let name = self.workbook.display().to_string();
        let lang = Language::or_of_locale(self.lang);
        let tell = |found: Vec<WorkbookFault>, wrong: bool| {
            found.into_iter().try_for_each(|found| {
                let (message_en, message_zh) = (found.fault.english(), found.fault.chinese());
                let WorkbookFault { sheet, cell, column, .. } = found;
                output.print(&Told { file: name.clone(), sheet, cell, column, wrong, message_en, message_zh, lang })
            })
        };
        let bytes = files::read_up_to(&self.workbook, MAX_WORKBOOK_BYTES as u64)
            .or_exit(Exit::BadInput, format!("cannot read {name}"))?;
        let Imported { file, findings, passed_over } = match catalog::from_workbook(&bytes) {
            Ok(made) => made,
            Err(faults) => {
                tell(faults, true)?;
                return Ok(Exit::Findings);
            }
        };
        files::replace(&self.out, file.as_bytes(), Readable::ByAll)
            .or_exit(Exit::CannotCreate, format!("cannot write {}", self.out.display()))?;
        tell(passed_over, false)?;
        let count = findings.len();
        tell(findings, true)?;
        output.print(&Written { file: self.out.display().to_string(), findings: count, lang })?;
        Ok(if count == 0 { Exit::Success } else { Exit::Findings })
    }
}
