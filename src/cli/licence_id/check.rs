//! `hutong licence-id check`.

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{Exit, Output, Row, Run},
    domain::identifier::{LicenceId, LicencePart, normalize},
};

/// Check identifiers, each with or without its root, to the character
///
/// Exit code 0: all are in order, or odd in a way that is in use; 2: one is wrong, and its row says in which part.
#[derive(Args)]
pub(in crate::cli) struct Check {
    /// The identifiers
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// What was found of one.
#[derive(Debug, Serialize)]
struct Checked {
    given: String,
    /// The form in which records have it; absent where it is none.
    licence_id: Option<String>,
    parts: Option<Parts>,
    /// What is wrong, or odd and accepted all the same.
    findings: Vec<String>,
}

/// The parts of an identifier.
#[derive(Debug, Serialize)]
struct Parts {
    #[serde(rename = "type")]
    licence_type: String,
    issuer: String,
    serial: String,
    version: String,
    check: String,
}

impl Row for Checked {
    const HEADINGS: &'static [&'static str] = &["GIVEN", "IS", "FINDINGS"];

    fn cells(&self) -> Vec<String> {
        let is = match (&self.licence_id, self.findings.is_empty()) {
            (None, _) => "wrong",
            (Some(_), true) => "in order",
            (Some(_), false) => "odd",
        };
        vec![self.given.clone(), is.to_owned(), self.findings.join("; ")]
    }
}

impl Checked {
    fn new(given: String) -> Self {
        match LicenceId::parse(&normalize(&given)) {
            Ok(id) => {
                let part = |part| id.part(part).to_owned();
                let parts = Parts {
                    licence_type: part(LicencePart::Type),
                    issuer: part(LicencePart::Issuer),
                    serial: part(LicencePart::Serial),
                    version: part(LicencePart::Version),
                    check: part(LicencePart::Check),
                };
                let findings = id.warnings().iter().map(ToString::to_string).collect();
                Self { given, licence_id: Some(id.as_str().to_owned()), parts: Some(parts), findings }
            }
            Err(error) => Self { given, licence_id: None, parts: None, findings: vec![error.to_string()] },
        }
    }
}

impl Run for Check {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let checked: Vec<Checked> = self.ids.into_iter().map(Checked::new).collect();
        output.list(&checked)?;
        let is_wrong = checked.iter().any(|checked| checked.licence_id.is_none());
        Ok(if is_wrong { Exit::Usage } else { Exit::Success })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn each_is_said_to_be_in_order_odd_or_wrong_and_why() {
        for (given, is, why) in [
            ("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U", "in order", ""),
            ("11100000000013338w011.11430000006122244l.20230000403.001.u", "in order", ""),
            ("11100000MB03271699022.340100.000000016.001.9", "odd", "the issuer holds no valid unified social credit"),
            ("11100000000013338W011.11430000006122244L.20230000403.001.M", "wrong", "the others give 'U'"),
            ("11100000000013338W01.11430000006122244L.20230000403.001.U", "wrong", "the type has 20 characters"),
            ("11100000000013338W011.11430000006122244L.2023-403.001.U", "wrong", "character 5 of the serial is not"),
            ("11100000000013338W011.11430000006122244L.20230000403.1.U", "wrong", "the version has 1 characters"),
        ] {
            let cells = Checked::new(given.to_owned()).cells();
            assert_eq!((cells[0].as_str(), cells[1].as_str()), (given, is));
            assert!(cells[2].contains(why), "{given}: {}", cells[2]);
        }
    }
}
