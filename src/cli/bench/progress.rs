//! How far a measurement is: a bar on a terminal, a line now and then elsewhere.

use std::{
    io::{self, IsTerminal as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line about the same is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Says on stderr how far it is.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    said: Mutex<Option<(String, Instant)>>,
}

impl Progress {
    /// Begins.
    pub(super) fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg} {bar:30} {human_pos}/{human_len} {elapsed}");
            let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, said: Mutex::new(None) }
    }

    /// So much of this is done.
    pub(super) fn tell(&self, what: &str, done: u64, of: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
            bar.set_length(of);
            bar.set_position(done);
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let news = said.as_ref().is_none_or(|(before, at)| before != what || at.elapsed() >= LINE_EVERY);
        if news {
            match of {
                0 => eprintln!("{what}"),
                of => eprintln!("{what}: {done} of {of}"),
            }
            *said = Some((what.to_owned(), Instant::now()));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
