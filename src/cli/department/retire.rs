//! `hutong department retire`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Exit, OrExit as _, Output, Row, Run, block_on,
        system::{AsSystem, OrHub as _},
    },
    client::{Changed, Client, Error, ShownAgreement},
    domain::{
        agreement::{AgreementState, AgreementVersion},
        directory::{Directory, Key},
        id::{AgreementId, KeyId, ResourceId, SystemId},
        identifier::Uscc,
        issuing::IssuingRight,
    },
    wire::{self, proto::AgreementSelection},
};

/// End a department's part in the hub, or that of one of its systems
///
/// Only for administrators of another department. Terminates the department's agreements, withdraws its issuing rights, takes the
/// capabilities of its systems away and retires their keys, in this order, an entry each. What it published stays as it is. Each
/// step that is done already is left out, so that a run that was cut short is simply made again.
#[derive(Args)]
pub(in crate::cli) struct Retire {
    #[command(flatten)]
    as_system: AsSystem,
    /// The department's unified social credit code
    #[arg(value_name = "USCC")]
    uscc: Uscc,
    /// Only this system of the department, such as permits: its capabilities and keys; agreements and rights stay
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// The reason for terminating agreements; the log commits to it
    #[arg(long, value_name = "TEXT", conflicts_with = "system")]
    reason: Option<String>,
    /// Change nothing: list what would be done
    #[arg(long)]
    dry_run: bool,
}

/// One thing to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Terminate(AgreementId),
    Withdraw(ResourceId),
    Disempower(SystemId),
    RetireKey(KeyId),
}

impl Step {
    fn code(&self) -> &'static str {
        match self {
            Self::Terminate(_) => "terminate-agreement",
            Self::Withdraw(_) => "withdraw-issuing-right",
            Self::Disempower(_) => "take-capabilities",
            Self::RetireKey(_) => "retire-key",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Terminate(id) => id.to_string(),
            Self::Withdraw(resource) => resource.to_string(),
            Self::Disempower(system) => system.to_string(),
            Self::RetireKey(kid) => wire::kid_to_text(kid),
        }
    }

    async fn take(&self, client: &Client, uscc: Uscc, reason: Option<&str>) -> Result<Changed, Error> {
        match self {
            Self::Terminate(id) => client.terminate_agreement(id.clone(), reason).await,
            Self::Withdraw(resource) => client.withdraw_issuing_right(resource.clone(), uscc).await,
            Self::Disempower(system) => client.register_system(system.clone(), std::collections::BTreeSet::new()).await,
            Self::RetireKey(kid) => client.retire_key(*kid, None).await,
        }
    }
}

/// A step, and the entry that says so; none in a dry run.
#[derive(Serialize)]
struct Done {
    step: &'static str,
    subject: String,
    entry: Option<u64>,
}

impl Row for Done {
    const HEADINGS: &'static [&'static str] = &["STEP", "OF", "ENTRY"];

    fn cells(&self) -> Vec<String> {
        let entry = self.entry.map_or_else(|| "-".to_owned(), |entry| entry.to_string());
        vec![self.step.to_owned(), self.subject.clone(), entry]
    }
}

/// Tells how far it is.
struct Place<'a>(usize, usize, &'a Step);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {} {}", self.0, self.1, self.2.code(), self.2.subject())
    }
}

impl Run for Retire {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let done = block_on(async {
            let client = self.as_system.connect().await?;
            if *client.system().department() == self.uscc {
                let why =
                    "an administrator of another department must do this: its own key would be retired on the way";
                return None.or_exit(Exit::Usage, why);
            }
            let directory = client.department(&self.uscc).await.or_hub("cannot read the department")?;
            let steps = match &self.system {
                Some(name) => {
                    let one = directory.systems.keys().find(|system| system.name() == name);
                    let one = one.or_exit(Exit::BadInput, format!("{} has no system {name}", self.uscc))?;
                    of_systems(&directory, Some(one))
                }
                None => {
                    let mut steps = of_agreements(&client, self.uscc).await?;
                    let rights = client.issuing_rights().await.or_hub("cannot list the issuing rights")?;
                    steps.extend(of_rights(self.uscc, &rights));
                    steps.extend(of_systems(&directory, None));
                    steps
                }
            };
            let mut done = Vec::with_capacity(steps.len());
            for (number, step) in (1..).zip(&steps) {
                let place = Place(number, steps.len(), step);
                let entry = if self.dry_run {
                    None
                } else {
                    let changed = step.take(&client, self.uscc, self.reason.as_deref()).await;
                    let changed =
                        changed.or_hub(format_args!("stopped at step {place}; the same command goes on from there"))?;
                    eprintln!("{place}: entry {}", changed.receipt.index);
                    Some(changed.receipt.index)
                };
                done.push(Done { step: step.code(), subject: step.subject(), entry });
            }
            Ok(done)
        })?;
        output.list(&done)?;
        Ok(Exit::Success)
    }
}

/// The agreements of a department that have not ended.
async fn of_agreements(client: &Client, uscc: Uscc) -> anyhow::Result<Vec<Step>> {
    let agreements = client.agreements(AgreementSelection::Unspecified).await.or_hub("cannot list the agreements")?;
    let mut steps = Vec::new();
    for ShownAgreement { version, .. } in agreements {
        let text = &version.text;
        if [text.consumer, text.provider].contains(&uscc)
            && has_not_ended(client, &version).await.or_hub(format_args!("cannot read {}", text.agreement_id))?
        {
            steps.push(Step::Terminate(text.agreement_id.clone()));
        }
    }
    Ok(steps)
}

/// Whether there is anything to terminate. A version that was rejected or withdrawn leaves the one before it in force.
async fn has_not_ended(client: &Client, newest: &AgreementVersion) -> Result<bool, Error> {
    let mut state = newest.state;
    let mut number = newest.text.version;
    while matches!(state, AgreementState::Rejected | AgreementState::Withdrawn) {
        number = number.saturating_sub(1);
        if number == 0 {
            return Ok(false);
        }
        state = client.agreement(&newest.text.agreement_id, Some(number)).await?.version.state;
    }
    Ok(state != AgreementState::Terminated)
}

/// The rights of a department that stand.
fn of_rights(uscc: Uscc, rights: &[IssuingRight]) -> impl Iterator<Item = Step> {
    let standing = rights.iter().filter(move |right| right.grant.department == uscc && right.ended_index.is_none());
    standing.map(|right| Step::Withdraw(right.grant.resource_id.clone()))
}

/// What the systems of a department, or one of them, still may.
fn of_systems(directory: &Directory, one: Option<&SystemId>) -> Vec<Step> {
    let systems = || directory.systems.iter().filter(|(id, _)| one.is_none_or(|one| one == *id));
    let empowered = systems().filter(|(_, system)| !system.capabilities.is_empty());
    let keys = systems().flat_map(|(_, system)| &system.keys);
    let active = keys.filter(|kid| directory.keys.get(kid).is_some_and(Key::is_active));
    empowered.map(|(id, _)| Step::Disempower(id.clone())).chain(active.map(|kid| Step::RetireKey(*kid))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::domain::directory::{Capability, System};

    #[test]
    fn what_is_done_already_is_left_out_and_keys_go_last() {
        let system = |name: &str| -> SystemId {
            format!("spiffe://gov.example/department/11440399X00000019A/system/{name}").parse().unwrap()
        };
        let key = |id: u8, name: &str, retired_index| Key {
            kid: KeyId([id; 32]),
            system: system(name),
            public_key: [id; 32],
            registered_index: 1,
            retired_index,
            compromised_since: None,
        };
        let keys = [key(1, "a", Some(9)), key(2, "a", None), key(3, "b", None)];
        let directory = Directory {
            departments: [("11440399X00000019A".parse().unwrap(), "甲".to_owned())].into(),
            systems: [
                (
                    system("a"),
                    System { capabilities: [Capability::Publish].into(), keys: vec![keys[0].kid, keys[1].kid] },
                ),
                (system("b"), System { capabilities: [].into(), keys: vec![keys[2].kid] }),
            ]
            .into(),
            keys: keys.iter().map(|key| (key.kid, key.clone())).collect(),
        };
        let all = [Step::Disempower(system("a")), Step::RetireKey(keys[1].kid), Step::RetireKey(keys[2].kid)];
        assert_eq!(of_systems(&directory, None), all);
        assert_eq!(of_systems(&directory, Some(&system("b"))), [Step::RetireKey(keys[2].kid)]);
    }
}
