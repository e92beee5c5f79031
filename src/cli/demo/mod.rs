//! `hutong demo`: the main job told from its beginning to its end, with a real hub, real clients and real evidence.
//!
//! | file | what |
//! |---|---|
//! | `stage` | the folder, the hub's process, a certificate, keys and a profile for each system |
//! | `acts` | the story: catalog, publication, agreements, queries, audit |
//! | `refusals` | what is refused, with a receipt, and what is turned away without an entry |
//! | `narration` | how it is told, to people or to machines |

mod acts;
mod narration;
mod refusals;
mod stage;

use std::path::PathBuf;

use clap::Args;

use super::{Exit, Output, Run, block_on};
use narration::Narration;
use stage::Stage;

/// Tell the main job: publish once, use many times, with evidence
///
/// Sets up a hub with six departments in a folder of its own, on loopback with mutual TLS, and plays the whole story
/// through it: catalog, publication, agreements, queries, refusals, audit. Ends with 0 only if every step came out as told.
#[derive(Args)]
pub(super) struct Demo {
    /// Keep everything in this folder, absent or empty, to look at afterwards
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// How many business licences are published
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..=1_000_000))]
    licences: u64,
}

impl Run for Demo {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let mut narration = Narration::new(output.is_json());
        block_on(async {
            narration.act("The stage", "a hub, six departments, mutual TLS")?;
            let mut stage = Stage::set(self.keep.as_deref(), self.licences, &mut narration).await?;
            let told = tell(&mut stage, &mut narration).await;
            // The hub ends in any case; how it ends matters only if all went well before.
            let ended = stage.strike().await;
            told?;
            ended?;
            narration.end(self.keep.as_deref())
        })?;
        Ok(Exit::Success)
    }
}

async fn tell(stage: &mut Stage, narration: &mut Narration) -> anyhow::Result<()> {
    acts::catalog(stage, narration).await?;
    acts::publication(stage, narration).await?;
    acts::agreements(stage, narration).await?;
    acts::use_many_times(stage, narration).await?;
    refusals::with_receipts(stage, narration).await?;
    refusals::without_entries(stage, narration).await?;
    acts::audit(stage, narration).await
}
