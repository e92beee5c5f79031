//! The report of rejected rows: a table that spreadsheets open.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use crate::{domain::catalog::Resource, publishing::Rejection};

/// A report being written: one line for each thing wrong, in the order of the table.
pub(super) struct Report<W: Write>(csv::Writer<W>);

impl Report<File> {
    /// Begins a report anew. Reasons of the hub may quote values, so that only the file's owner can read it.
    ///
    /// # Errors
    /// What creating and writing give.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Self::begin(OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?)
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

    /// Writes down what is wrong with some rows of a resource.
    ///
    /// # Errors
    /// What writing gives.
    pub(super) fn write(&mut self, resource: &Resource, rejections: &[Rejection]) -> io::Result<()> {
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
    fn a_report_names_line_field_and_reason() {
        let resource =
            crate::catalog::parse(include_bytes!("../../../deploy/examples/catalog.toml")).unwrap().swap_remove(0);
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
