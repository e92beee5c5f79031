//! `hutong agreement propose`.

use std::path::PathBuf;

use clap::Args;

use super::{
    file::{Place, Terms},
    life::Acted,
};
use crate::{
    cli::{
        Exit, OrExit as _, Output, Run, block_on,
        system::{AsSystem, OrHub as _},
    },
    client::{Client, Error},
    domain::id::AgreementId,
    files,
};

/// Propose an agreement, or its next version, from a file of its terms
///
/// For the consumer: signs the text. The provider accepts and an administrator activates the very same text. An example of
/// the file is deploy/examples/agreement-housing.toml.
#[derive(Args)]
pub(in crate::cli) struct Propose {
    #[command(flatten)]
    as_system: AsSystem,
    /// The file of terms, TOML in UTF-8
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Run for Propose {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let text = files::read_text(&self.file).or_exit(Exit::BadInput, "cannot read the terms")?;
        let faulty = || format!("{} is no agreement", self.file.display());
        let terms = Terms::parse(&text).or_exit(Exit::BadInput, faulty())?;
        let changed = block_on(async {
            let client = self.as_system.connect().await?;
            let place = next_version(&client, &terms.id).await?;
            let text = terms.text(client.hub_domain(), place);
            let (legal_basis, scenario) = (terms.legal_basis.as_deref(), terms.scenario.as_deref());
            client.propose_agreement(text, legal_basis, scenario).await.or_hub("cannot propose the agreement")
        })?;
        output.print(&Acted::of(&terms.id, &changed)?)?;
        Ok(Exit::Success)
    }
}

/// Where a proposal goes: after the newest version, or first.
async fn next_version(client: &Client, id: &AgreementId) -> anyhow::Result<Place> {
    match client.agreement(id, None).await {
        Ok(shown) => {
            Ok(Place { version: shown.version.text.version.saturating_add(1), previous: Some(shown.version.digest) })
        }
        Err(Error::Rejected(rejected)) if rejected.code == tonic::Code::NotFound => {
            Ok(Place { version: 1, previous: None })
        }
        Err(error) => Err(error).or_hub("cannot ask for the agreement's newest version"),
    }
}
