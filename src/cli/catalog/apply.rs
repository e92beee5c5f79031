//! `hutong catalog apply`.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::{
    lint::Language,
    plan_file::{MAX_PLAN_BYTES, PlanFile},
    planning,
    shown_plan::{Painted, ShownPlan},
};
use crate::{
    catalog::Content,
    cli::{
        Exit, OrExit as _, Output, Run, block_on, progress,
        system::{AsSystem, OrHub as _},
    },
    client::{Client, Error},
    domain::{
        catalog::CatalogPart,
        outcome::{Effect, RefusalReason},
    },
    files,
};

/// Bring catalog files, or a plan made of them, into force, as an administrator: all of it or nothing
///
/// Files are planned first, and the plan is shown. Resources that differ from those in force get a new version, what the
/// files do not name stays. A plan is refused, with exit code 75, when the catalog changed since it was made. Changes that break with
/// what is in force, such as taking a field away, are made with `--allow-breaking` alone; without it, exit code 1.
#[derive(Args)]
pub(in crate::cli) struct Apply {
    /// The catalog files, or one plan of `hutong catalog plan --out`
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    as_system: AsSystem,
    /// Also change what records or agreements in force rest on
    #[arg(long)]
    allow_breaking: bool,
    /// The language of what is told [default: that of the locale]
    #[arg(long, value_enum)]
    lang: Option<Language>,
}

/// What was changed.
#[derive(Debug, Serialize)]
struct Applied {
    plan: ShownPlan,
    /// The catalog's version after it.
    catalog_version: u64,
    /// The entry that brought it into force; `None`: nothing was changed.
    entry: Option<u64>,
    #[serde(skip)]
    lang: Language,
    #[serde(skip)]
    colour: bool,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Painted::new(&self.plan, self.lang, self.colour))?;
        match (self.entry, self.lang) {
            (None, _) => Ok(()),
            (Some(entry), Language::En) => {
                write!(f, "\nthe catalog is at version {}, entry {entry}", self.catalog_version)
            }
            (Some(entry), Language::Zh) => write!(f, "\n目录版本现为 {}，日志条目 {entry}", self.catalog_version),
        }
    }
}

impl Run for Apply {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let kept = self.plan()?;
        let content = match &kept {
            Some(kept) => Some(kept.content()?),
            None => planning::read(&self.files, self.lang, output)?,
        };
        let Some(content) = content else { return Ok(Exit::Findings) };
        block_on(self.apply(kept.as_ref(), content, output))
    }
}

impl Apply {
    /// The plan that was given, if it was one.
    fn plan(&self) -> anyhow::Result<Option<PlanFile>> {
        let [file] = self.files.as_slice() else { return Ok(None) };
        let cannot = || format!("cannot read {}", file.display());
        let bytes = files::read_up_to(file, MAX_PLAN_BYTES).or_exit(Exit::BadInput, cannot())?;
        let name = file.display().to_string();
        PlanFile::is_meant(&bytes).then(|| PlanFile::parse(&name, &bytes)).transpose()
    }

    async fn apply(&self, kept: Option<&PlanFile>, content: Content, output: &Output) -> anyhow::Result<Exit> {
        let client = self.as_system.connect().await?;
        let in_force = planning::in_force(&client, &content).await?;
        if let Some(kept) = kept {
            kept.require_current(client.hub_domain().as_str(), &in_force)?;
        }
        let Some(planned) = planning::make(&client, in_force, content, self.lang, output).await? else {
            return Ok(Exit::Findings);
        };
        if let Some(kept) = kept {
            kept.require_same(&planned.shown)?;
        }
        let (plan, version) = (planned.plan, planned.in_force.version);
        let mut applied = Applied {
            plan: planned.shown,
            catalog_version: version,
            entry: None,
            lang: Language::or_of_locale(self.lang),
            colour: output.is_coloured(),
        };
        let is_withheld = plan.is_breaking() && !self.allow_breaking;
        if !plan.is_empty() && !is_withheld {
            let (version, entry) = enter(&client, plan.content, version, self.allow_breaking).await?;
            (applied.catalog_version, applied.entry) = (version, Some(entry));
        }
        output.print(&applied)?;
        if is_withheld {
            eprintln!(
                "nothing was changed 未作变更: something breaks with what is in force; --allow-breaking makes such changes"
            );
            return Ok(Exit::Findings);
        }
        Ok(Exit::Success)
    }
}

/// Enters all of it; gives the catalog's version and the entry.
async fn enter(
    client: &Client,
    content: CatalogPart,
    base_version: u64,
    allow_breaking: bool,
) -> anyhow::Result<(u64, u64)> {
    let waiting = progress::waiting("entering the catalog");
    let tell = |entered: usize, count: usize| waiting.set_message(format!("entered {entered} of {count} parts"));
    let released = client.apply_catalog(content, base_version, allow_breaking, &tell).await;
    let is_outdated =
        matches!(&released, Err(Error::Refused(refused)) if refused.reason == RefusalReason::CatalogConflict);
    let released = released.or_hub("cannot apply the catalog");
    let released = if is_outdated {
        released
            .or_exit(Exit::Outdated, "somebody else has changed the catalog meanwhile: plan again 目录已变更，请重试")?
    } else {
        released?
    };
    let Effect::CatalogReleased { version, .. } = released.effect else {
        anyhow::bail!("the hub answered with {:?}", released.effect)
    };
    Ok((version, released.receipt.index))
}
