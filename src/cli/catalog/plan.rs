//! `hutong catalog plan`.

use std::path::PathBuf;

use clap::Args;

use super::{lint::Language, plan_file::PlanFile, planning, shown_plan::Painted};
use crate::cli::{Exit, Output, Run, block_on, system::AsSystem};

/// Show what catalog files would change, what breaks, and whom it touches: agreements and records
///
/// Nothing is changed. The hub does not read what stands in records: it is told how many follow which version, and which changes
/// narrow what a value may be. With `--out` the plan is kept, to be looked at by others and applied as it is. Exit code 0: nothing
/// breaks; 1: something does, or the files cannot be applied as they are.
#[derive(Args)]
pub(in crate::cli) struct MakePlan {
    /// The catalog files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Keep the plan here, for `hutong catalog apply`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    as_system: AsSystem,
    /// The language of what is told [default: that of the locale]
    #[arg(long, value_enum)]
    lang: Option<Language>,
}

impl Run for MakePlan {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let Some(content) = planning::read(&self.files, self.lang, output)? else { return Ok(Exit::Findings) };
        let (hub, planned) = block_on(async {
            let client = self.as_system.connect().await?;
            let in_force = planning::in_force(&client, &content).await?;
            let planned = planning::make(&client, in_force, content, self.lang, output).await?;
            Ok((client.hub_domain().to_string(), planned))
        })?;
        let Some(planned) = planned else { return Ok(Exit::Findings) };
        if let Some(path) = &self.out {
            PlanFile::new(hub, &planned).write(path)?;
        }
        let lang = Language::or_of_locale(self.lang);
        output.print(&Painted::new(&planned.shown, lang, output.is_coloured()))?;
        Ok(if planned.plan.is_breaking() { Exit::Findings } else { Exit::Success })
    }
}
