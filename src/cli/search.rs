//! Searches through the openings: how far they are, on stderr.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};

use crate::client::SearchProgress;

/// Shows how far a search is: a bar on a terminal, nothing elsewhere.
pub(super) struct Search(Option<ProgressBar>);

impl Search {
    /// Begins.
    pub(super) fn begin() -> Self {
        Self(io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} entries  ETA {eta}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        }))
    }

    /// So far it is.
    pub(super) fn told(&self, progress: SearchProgress) {
        if let Some(bar) = &self.0 {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}
