//! The report of rejected rows: a table that spreadsheets open.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use crate::{domain::catalog::Resource, publishing::Rejection};

/// A report being written: one line for each thing wrong, in the order of the table.
pub(super) struct Report<W: Write>(csv::Writer<W>);

/// The file of a report. It is opened before anything is published, so that no reason is lost for want of a place, and
/// taken away again if there was nothing to report.
pub(super) struct ReportFile {
    path: PathBuf,
    report: Report<File>,
    empty: bool,
}

impl ReportFile {
    /// Begins a report anew. Reasons of the hub may quote values, so that only the file's owner can read it.
    ///
    /// # Errors
    /// What creating and writing give.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        Ok(Self { path, report: Report::begin(file)?, empty: true })
    }

    /// Writes down what is wrong with some rows of a resource.
    ///
    /// # Errors
    /// What writing gives.
    pub(super) fn write(&mut self, resource: &Resource, rejections: &[Rejection]) -> io::Result<()> {
        self.empty &= rejections.is_empty();
        self.report.write(resource, rejections)
    }

    /// Ends the report; gives its path, if it says anything.
    ///
    /// # Errors
    /// What taking an empty report away gives.
    pub(super) fn end(self) -> io::Result<Option<PathBuf>> {
        if self.empty {
            std::fs::remove_file(&self.path)?;
            return Ok(None);
        }
        Ok(Some(self.path))
    }
}

impl<W: Write> Report<W> {
    fn begin(mut out: W) -> io::Result<Self> {
        // Without the mark spreadsheets take UTF-8 for the local encoding.
        out.write_all("\u{FEFF}".as_bytes())?;
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(["line", "field", "name", "code", "reason", "allowed"])?;
        writer.flush()?;
        Ok(Self(writer))
    }

    fn write(&mut self, resource: &Resource, rejections: &[Rejection]) -> io::Result<()> {
        for rejection in rejections {
            let field = rejection.field.as_deref().unwrap_or_default();
            let name = resource.field(field).map_or("", |field| field.name.as_str());
            let line = rejection.line.to_string();
            self.0.write_record([&line, field, name, &rejection.code, &rejection.reason, &rejection.allowed])?;
        }
        self.0.flush()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_report_with_nothing_to_say_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.rejected.csv");
        std::fs::write(&path, "an older report").unwrap();
        assert_eq!(ReportFile::create(path.clone()).unwrap().end().unwrap(), None);
        assert!(!path.exists());
    }

    #[test]
    fn a_report_names_line_field_and_reason() {
        let resource = crate::catalog::parse(include_bytes!("../../../deploy/examples/catalog.toml"))
            .unwrap()
            .resources
            .swap_remove(0);
        let rejection = Rejection {
            line: 7,
            field: Some("CZZTDM".to_owned()),
            code: "digits-lost".to_owned(),
            reason: "its last digits, \"lost\"".to_owned(),
            allowed: "18 characters".to_owned(),
        };
        let whole = Rejection { line: 9, field: None, allowed: String::new(), ..rejection.clone() };
        let mut out = Vec::new();
        Report::begin(&mut out).unwrap().write(&resource, &[rejection, whole]).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\u{FEFF}line,field,name,code,reason,allowed\n\
             7,CZZTDM,统一社会信用代码,digits-lost,\"its last digits, \"\"lost\"\"\",18 characters\n\
             9,,,digits-lost,\"its last digits, \"\"lost\"\"\",\n"
        );
    }
}
