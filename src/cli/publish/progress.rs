//! How far it is: a bar on a terminal, a line now and then elsewhere.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::Totals;

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A file that tells how much of it was read.
pub(super) struct Counted {
    file: File,
    position: Arc<AtomicU64>,
}

impl Counted {
    /// A file, and its position in bytes as it is read.
    pub(super) fn new(file: File) -> (Self, Arc<AtomicU64>) {
        let position = Arc::new(AtomicU64::new(0));
        (Self { file, position: Arc::clone(&position) }, position)
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.file.seek(to)?;
        self.position.store(position, Ordering::Relaxed);
        Ok(position)
    }
}

/// Says on stderr how far it is.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    said: Instant,
}

impl Progress {
    /// Begins, with a file of so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {percent:>3}%  {msg}  ETA {eta}");
            ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, started: Instant::now(), said: Instant::now() }
    }

    /// So much of the file was read, and this became of it.
    pub(super) fn told(&mut self, bytes: u64, totals: &Totals) {
        let line = || format!("{totals}, {:.0} rows/s", totals.rows as f64 / self.started.elapsed().as_secs_f64());
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.set_message(line());
        } else if self.said.elapsed() >= LINE_EVERY {
            eprintln!("{}", line());
            self.said = Instant::now();
        }
    }

    /// Ends: the bar makes room for the summary.
    pub(super) fn end(self) -> Duration {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        self.started.elapsed()
    }
}
