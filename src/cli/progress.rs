//! What is being waited for, on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often the terminal shows that something still goes on.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// Says on stderr, where it is a terminal, what is being waited for, until it is dropped.
pub(super) fn waiting(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner()).with_message(what);
    bar.enable_steady_tick(SHOWN_EVERY);
    bar
}
