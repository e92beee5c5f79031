//! `hutong seal`: e-seals, signatures made with them, and documents that bear them.

mod report;
mod show;
mod verify;

use std::{io::Read as _, path::Path};

use clap::{Args, Subcommand};

use super::{Exit, OrExit as _, Output, Run};
use crate::seal::MAX_DOCUMENT_BYTES;

/// Verify e-seals 电子印章, signatures made with them, and OFD documents that bear them
#[derive(Args)]
pub(super) struct Seal {
    #[command(subcommand)]
    command: SealCommand,
}

#[derive(Subcommand)]
enum SealCommand {
    Verify(verify::Verify),
    Show(show::Show),
}

impl Run for Seal {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        match self.command {
            SealCommand::Verify(args) => args.run(output),
            SealCommand::Show(args) => args.run(output),
        }
    }
}

/// A file, which is never larger than a document may be.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).or_exit(Exit::BadInput, cannot())?;
    // One byte more, so that a longer file is seen to be none.
    file.take(MAX_DOCUMENT_BYTES as u64 + 1).read_to_end(&mut bytes).or_exit(Exit::BadInput, cannot())?;
    Ok(bytes)
}
