//! `hutong agreement accept|activate|reject|defer|withdraw|suspend|resume|terminate`.

use std::{
    fmt,
    io::{self, IsTerminal as _},
};

use clap::Args;
use serde::Serialize;

use super::{diff, show, state};
use crate::{
    cli::{
        Exit, OrExit as _, Output, Run, block_on, now,
        system::{AsSystem, OrHub as _},
    },
    client::{Changed, Client, ShownAgreement},
    domain::{
        id::{AgreementId, Digest},
        outcome::Effect,
    },
};

/// Accept an agreement for the provider: signs the text that `hutong agreement show` shows
#[derive(Args)]
pub(in crate::cli) struct Accept {
    #[command(flatten)]
    consent: Consent,
}

/// Put an agreement into force 生效, as an administrator: signs the text that `hutong agreement show` shows
#[derive(Args)]
pub(in crate::cli) struct Activate {
    #[command(flatten)]
    consent: Consent,
}

/// Reject 驳回 a proposal, with the reason: for the provider, or as an administrator
///
/// The log commits to the reason; the parties and administrators read it with `hutong agreement show`.
#[derive(Args)]
pub(in crate::cli) struct Reject {
    #[command(flatten)]
    consent: Consent,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Defer 延长 the answer that this department owes to a proposal, with the reason: for the provider, or as an administrator
///
/// Once for each answer, before it is overdue, and by as many working days as `hutong deadline show` says. The log commits to the
/// reason; the parties and administrators read it with `hutong agreement show`.
#[derive(Args)]
pub(in crate::cli) struct Defer {
    #[command(flatten)]
    as_system: AsSystem,
    /// The agreement
    #[arg(value_name = "ID")]
    agreement: AgreementId,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Withdraw 撤回 a proposal of this department that is not in force
#[derive(Args)]
pub(in crate::cli) struct Withdraw {
    #[command(flatten)]
    ending: Ending,
}

/// Suspend 暂停 an agreement that is in force
///
/// For either party and for administrators; only who suspended it resumes it.
#[derive(Args)]
pub(in crate::cli) struct Suspend {
    #[command(flatten)]
    ending: Ending,
}

/// Resume an agreement that this department suspended
#[derive(Args)]
pub(in crate::cli) struct Resume {
    #[command(flatten)]
    as_system: AsSystem,
    /// The agreement
    #[arg(value_name = "ID")]
    agreement: AgreementId,
}

/// End 终止 an agreement for good
///
/// For either party and for administrators. It cannot be undone: what it gave is given again only under a new agreement.
#[derive(Args)]
pub(in crate::cli) struct Terminate {
    #[command(flatten)]
    ending: Ending,
}

/// What is signed.
#[derive(Args)]
struct Consent {
    #[command(flatten)]
    as_system: AsSystem,
    /// The agreement
    #[arg(value_name = "ID")]
    agreement: AgreementId,
    /// The version to sign [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    agreement_version: Option<u32>,
    /// The SHA-256 of the text that was read and agreed to: nothing is signed if the hub's text is another
    #[arg(long, value_name = "HEX", value_parser = digest)]
    digest: Option<Digest>,
    /// Sign without asking
    #[arg(long)]
    yes: bool,
}

/// What is suspended or ended, and why.
#[derive(Args)]
struct Ending {
    #[command(flatten)]
    as_system: AsSystem,
    /// The agreement
    #[arg(value_name = "ID")]
    agreement: AgreementId,
    /// Why; the log holds only a commitment to it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

fn digest(text: &str) -> Result<Digest, &'static str> {
    let mut digest = Digest([0; 32]);
    hex::decode_to_slice(text, &mut digest.0).map_err(|_| "a SHA-256 is 64 hexadecimal digits")?;
    Ok(digest)
}

impl Consent {
    /// The text to sign, which is the one that was read.
    async fn text(&self, client: &Client) -> anyhow::Result<ShownAgreement> {
        let shown =
            client.agreement(&self.agreement, self.agreement_version).await.or_hub("cannot read the agreement")?;
        let found = shown.version.digest;
        if let Some(expected) = self.digest.filter(|expected| *expected != found) {
            let why = format!("nothing was signed: the text's SHA-256 is {found}, expected is {expected}");
            return None.or_exit(Exit::Findings, why);
        }
        Ok(shown)
    }

    /// Shows what is about to be signed: what it changes of the version before, or all of it where there is none. At a terminal
    /// it asks whether to go on.
    async fn confirm(&self, client: &Client, shown: &ShownAgreement) -> anyhow::Result<()> {
        let is_coloured = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        match diff::from_predecessor(client, shown, is_coloured).await? {
            Some(difference) => eprintln!("{difference}"),
            None => eprintln!("{}", show::Shown::new(shown, now()?)),
        }
        let (id, number, digest) = (&self.agreement, shown.version.text.version, shown.version.digest);
        eprintln!("to be signed 将签署: {id} version {number}, SHA-256 {digest}");
        if self.yes || self.digest.is_some() || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(());
        }
        eprint!("sign? 是否签署？ [y/N] ");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if matches!(answer.trim(), "y" | "Y" | "yes" | "是") {
            return Ok(());
        }
        None.or_exit(Exit::Findings, "nothing was signed")
    }
}

/// What became of an agreement.
#[derive(Serialize)]
pub(super) struct Acted {
    agreement: String,
    version: u32,
    state: &'static str,
    #[serde(skip)]
    state_zh: &'static str,
    entry: u64,
}

impl Acted {
    /// Reads it off what the hub entered.
    pub(super) fn of(id: &AgreementId, changed: &Changed) -> anyhow::Result<Self> {
        let Effect::AgreementChanged { agreement_id, version, state: reached } = &changed.effect else {
            anyhow::bail!("entry {} says nothing of an agreement", changed.receipt.index);
        };
        anyhow::ensure!(agreement_id == id, "entry {} is about agreement {agreement_id}", changed.receipt.index);
        let (state, state_zh) = state(*reached);
        Ok(Self { agreement: id.to_string(), version: *version, state, state_zh, entry: changed.receipt.index })
    }
}

impl fmt::Display for Acted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agreement, version, state, state_zh, entry } = self;
        write!(f, "{agreement} version {version}: {state} {state_zh}, entry {entry}")
    }
}

fn print(output: &Output, id: &AgreementId, changed: &Changed) -> anyhow::Result<Exit> {
    output.print(&Acted::of(id, changed)?)?;
    Ok(Exit::Success)
}

impl Run for Accept {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let consent = &self.consent;
        let changed = block_on(async {
            let client = consent.as_system.connect().await?;
            let shown = consent.text(&client).await?;
            consent.confirm(&client, &shown).await?;
            client.accept_agreement(&shown.version).await.or_hub("cannot accept the agreement")
        })?;
        print(output, &consent.agreement, &changed)
    }
}

impl Run for Activate {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let consent = &self.consent;
        let changed = block_on(async {
            let client = consent.as_system.connect().await?;
            let shown = consent.text(&client).await?;
            consent.confirm(&client, &shown).await?;
            client.activate_agreement(&shown.version).await.or_hub("cannot activate the agreement")
        })?;
        print(output, &consent.agreement, &changed)
    }
}

impl Run for Reject {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let consent = &self.consent;
        let changed = block_on(async {
            let client = consent.as_system.connect().await?;
            let shown = consent.text(&client).await?;
            client.reject_agreement(&shown.version, &self.reason).await.or_hub("cannot reject the agreement")
        })?;
        print(output, &consent.agreement, &changed)
    }
}

/// What an answer that was deferred is due by now.
#[derive(Serialize)]
struct Deferred {
    #[serde(flatten)]
    acted: Acted,
    answer_due: Option<String>,
}

impl fmt::Display for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let due = self.answer_due.as_deref().unwrap_or("-");
        write!(f, "{}; the answer is due 答复应于 {due}", self.acted)
    }
}

impl Run for Defer {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let (changed, shown) = block_on(async {
            let client = self.as_system.connect().await?;
            let read = || async { client.agreement(&self.agreement, None).await.or_hub("cannot read the agreement") };
            let changed = client.defer_answer(&read().await?.version, &self.reason).await;
            Ok((changed.or_hub("cannot defer the answer")?, read().await?))
        })?;
        let due = shown.pending.and_then(|pending| pending.due);
        let answer_due = due.map(|due| due.day.to_string());
        output.print(&Deferred { acted: Acted::of(&self.agreement, &changed)?, answer_due })?;
        Ok(Exit::Success)
    }
}

impl Run for Withdraw {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let Ending { as_system, agreement, reason } = self.ending;
        let changed = block_on(async {
            let client = as_system.connect().await?;
            let shown = client.agreement(&agreement, None).await.or_hub("cannot read the agreement")?;
            let changed = client.withdraw_agreement(&shown.version, reason.as_deref()).await;
            changed.or_hub("cannot withdraw the agreement")
        })?;
        print(output, &agreement, &changed)
    }
}

impl Run for Suspend {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let Ending { as_system, agreement, reason } = self.ending;
        let changed = block_on(async {
            let client = as_system.connect().await?;
            let changed = client.suspend_agreement(agreement.clone(), reason.as_deref()).await;
            changed.or_hub("cannot suspend the agreement")
        })?;
        print(output, &agreement, &changed)
    }
}

impl Run for Resume {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let changed = block_on(async {
            let client = self.as_system.connect().await?;
            client.resume_agreement(self.agreement.clone()).await.or_hub("cannot resume the agreement")
        })?;
        print(output, &self.agreement, &changed)
    }
}

impl Run for Terminate {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let Ending { as_system, agreement, reason } = self.ending;
        let changed = block_on(async {
            let client = as_system.connect().await?;
            let changed = client.terminate_agreement(agreement.clone(), reason.as_deref()).await;
            changed.or_hub("cannot end the agreement")
        })?;
        print(output, &agreement, &changed)
    }
}
