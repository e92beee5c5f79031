//! `hutong audit mirror`

use std::path::PathBuf;

use clap::Args;

use super::{advance, connect, entries_bar, or_exit, read_log_key};
use crate::{
    audit::{CHECKPOINT_FILE, Error, Folder, GrpcSource, mirror},
    cli::{Exit, OrExit as _, Output, Run, block_on},
    client::Profile,
    files,
};

/// Copy the exchange log from the hub into a folder, or bring such a copy up to date
///
/// Everything is proved before it is written: the checkpoint under the log's key, each entry under the checkpoint, and that
/// the log only grew since the copy was last brought up to date. A log that was rolled back or rewritten is refused with
/// code 1, and its signed checkpoint kept in DIR/conflict as proof. An interrupted copy goes on where it stopped. Needs the
/// audit capability. The copy has the layout of C2SP tlog-tiles, which other people's tools read.
#[derive(Args)]
pub(super) struct Mirror {
    /// The folder of the copy; made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The profile of a system with the audit capability
    #[arg(long, value_name = "FILE", env = "HUTONG_PROFILE")]
    profile: PathBuf,

    /// The log's public key as you have it from elsewhere [default: the profile's log_vkey]
    #[arg(long, value_name = "FILE")]
    vkey: Option<PathBuf>,
}

impl Run for Mirror {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let profile = Profile::read(&self.profile).or_exit(Exit::Config, "cannot copy the log")?;
        let log_key = match &self.vkey {
            Some(path) => read_log_key(path)?,
            None => profile.log_key().clone(),
        };
        let folder = Folder::new(self.folder);
        let mirrored = block_on(async {
            let mut source = GrpcSource::new(connect(&profile).await?.channel());
            let bar = entries_bar("copying");
            let result = mirror(&mut source, &folder, &log_key, &mut advance(&bar)).await;
            bar.finish_and_clear();
            if let Err(Error::RolledBack { .. } | Error::TwoHistories { .. }) = result {
                // What contradicts the copy is kept as proof by now: a hub that knows what it is behind goes no further.
                if let Ok(held) = files::read_text(&folder.path().join(CHECKPOINT_FILE)) {
                    source.show(&held).await;
                }
            }
            or_exit(result, "cannot copy the log")
        })?;
        output.print(&mirrored)?;
        Ok(Exit::Success)
    }
}
