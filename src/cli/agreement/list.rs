//! `hutong agreement list`.

use clap::Args;
use serde::Serialize;

use super::standing;
use crate::{
    cli::{
        Exit, Output, Row, Run, block_on, now,
        system::{AsSystem, OrHub as _},
    },
    client::ShownAgreement,
    domain::time::Time,
};

/// List the agreements that this system may read, each in its newest version
#[derive(Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    as_system: AsSystem,
}

/// An agreement in one line.
#[derive(Serialize)]
struct Listed {
    agreement: String,
    version: u32,
    state: &'static str,
    consumer: String,
    provider: String,
    resource: String,
    valid_from: String,
    valid_until: String,
    digest: String,
}

impl Listed {
    fn new(shown: &ShownAgreement, now: Time) -> Self {
        let text = &shown.version.text;
        Self {
            agreement: text.agreement_id.to_string(),
            version: text.version,
            state: standing(&shown.version, now).0,
            consumer: text.consumer.as_str().to_owned(),
            provider: text.provider.as_str().to_owned(),
            resource: text.resource_id.to_string(),
            valid_from: text.valid_from.to_string(),
            valid_until: text.valid_until.to_string(),
            digest: shown.version.digest.to_string(),
        }
    }
}

impl Row for Listed {
    const HEADINGS: &'static [&'static str] = &["AGREEMENT", "VERSION", "STATE", "CONSUMER", "PROVIDER", "RESOURCE"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.agreement.clone(),
            self.version.to_string(),
            self.state.to_owned(),
            self.consumer.clone(),
            self.provider.clone(),
            self.resource.clone(),
        ]
    }
}

impl Run for List {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let agreements = block_on(async {
            self.as_system.connect().await?.agreements().await.or_hub("cannot list the agreements")
        })?;
        let now = now()?;
        output.list(&agreements.iter().map(|shown| Listed::new(shown, now)).collect::<Vec<_>>())?;
        Ok(Exit::Success)
    }
}
