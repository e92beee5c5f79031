//! `hutong agreement propose|extend`.

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
        when::When,
    },
    client::{Client, Error, FreeTexts, ShownAgreement},
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
            let newest = newest(&client, &terms.id).await?;
            let place = newest.as_ref().map_or(Place { version: 1, previous: None }, next_place);
            let before = match newest {
                Some(newest) => changed_version(&client, newest).await?,
                None => None,
            };
            let text = terms.text(client.hub_domain(), place);
            let free = FreeTexts {
                legal_basis: terms.legal_basis.as_deref(),
                scenario: terms.scenario.as_deref(),
                scope: terms.scope.as_deref(),
            };
            client.propose_agreement(text, before.as_ref(), free).await.or_hub("cannot propose the agreement")
        })?;
        output.print(&Acted::of(&terms.id, &changed)?)?;
        Ok(Exit::Success)
    }
}

/// Where a proposal that follows this newest version goes: after it, or in its place where it never came into force.
pub(super) fn next_place(newest: &ShownAgreement) -> Place {
    let text = &newest.version.text;
    if newest.version.state.is_replaceable() {
        Place { version: text.version, previous: text.previous_digest }
    } else {
        Place { version: text.version.saturating_add(1), previous: Some(newest.version.digest) }
    }
}

/// The newest version of an agreement, if there is one.
async fn newest(client: &Client, id: &AgreementId) -> anyhow::Result<Option<ShownAgreement>> {
    match client.agreement(id, None).await {
        Ok(shown) => Ok(Some(shown)),
        Err(Error::Rejected(rejected)) if rejected.code == tonic::Code::NotFound => Ok(None),
        Err(error) => Err(error).or_hub("cannot ask for the agreement's newest version"),
    }
}

/// The version before another, if there is one.
pub(super) async fn predecessor(client: &Client, shown: &ShownAgreement) -> anyhow::Result<Option<ShownAgreement>> {
    let text = &shown.version.text;
    match text.version.checked_sub(1).filter(|number| *number > 0) {
        None => Ok(None),
        Some(number) => {
            client.agreement(&text.agreement_id, Some(number)).await.map(Some).or_hub("cannot read the version before")
        }
    }
}

/// The version that a proposal changes: the newest that came into force.
async fn changed_version(client: &Client, newest: ShownAgreement) -> anyhow::Result<Option<ShownAgreement>> {
    if newest.version.state.is_replaceable() { predecessor(client, &newest).await } else { Ok(Some(newest)) }
}

/// Propose that an agreement be in force longer 延期: a version that changes nothing but its last day
///
/// For the consumer. It is answered like any proposal; the version in force stays in force meanwhile.
#[derive(Args)]
pub(in crate::cli) struct Extend {
    #[command(flatten)]
    as_system: AsSystem,
    /// The agreement
    #[arg(value_name = "ID")]
    agreement: AgreementId,
    /// The new last day, such as 2027-12-31
    #[arg(long, value_name = "DAY")]
    until: When,
}

impl Run for Extend {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let changed = block_on(async {
            let client = self.as_system.connect().await?;
            let newest = client.agreement(&self.agreement, None).await.or_hub("cannot read the agreement")?;
            let place = next_place(&newest);
            let Some(base) = changed_version(&client, newest).await? else {
                let why = "nothing of it ever came into force: propose it anew from a file";
                return None.or_exit(Exit::BadInput, why);
            };
            let mut text = base.version.text.clone();
            (text.version, text.previous_digest, text.valid_until) = (place.version, place.previous, self.until.end());
            if text.valid_until <= base.version.text.valid_until {
                let why = format!("it is in force until {} already", base.version.text.valid_until);
                return None.or_exit(Exit::BadInput, why);
            }
            client.extend_agreement(&base, text).await.or_hub("cannot propose the extension")
        })?;
        output.print(&Acted::of(&self.agreement, &changed)?)?;
        Ok(Exit::Success)
    }
}
