//! `hutong licence-id new`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{Exit, OrExit as _, Output, Run},
    domain::identifier::{FIRST_LICENCE_VERSION, LicenceId, normalize},
};

/// Make an identifier of its parts: the object identifier root and the check character are added
///
/// Exit code 2: a part is wrong, and the message says which.
#[derive(Args)]
pub(in crate::cli) struct New {
    /// The licence type 证照类型代码: the credit code of the body that defined it, and three digits
    #[arg(long = "type", value_name = "TYPE")]
    licence_type: String,
    /// The issuer 颁发机构代码: its credit code
    #[arg(long, value_name = "USCC")]
    issuer: String,
    /// The serial number that the issuer gives: 1 to 64 digits and letters
    #[arg(long)]
    serial: String,
    /// The version of the licence: three digits
    #[arg(long, value_name = "VERSION", default_value = FIRST_LICENCE_VERSION)]
    licence_version: String,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    licence_id: String,
    warnings: Vec<String>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.licence_id)?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

impl Run for New {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let parts = [&self.licence_type, &self.issuer, &self.serial, &self.licence_version].map(|part| normalize(part));
        let [licence_type, issuer, serial, version] = &parts;
        let id = LicenceId::complete(licence_type, issuer, serial, version)
            .or_exit(Exit::Usage, "these parts make no identifier")?;
        let warnings = id.warnings().iter().map(ToString::to_string).collect();
        output.print(&Made { licence_id: id.as_str().to_owned(), warnings })?;
        Ok(Exit::Success)
    }
}
