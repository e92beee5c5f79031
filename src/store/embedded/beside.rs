//! A thread that does one thing while its owner does another: a batch has two files to sync.

use std::{
    io,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

type Work = Box<dyn FnOnce() -> io::Result<()> + Send>;

/// The thread. It lasts as long as this, since one for every batch would cost more than it saves.
pub(super) struct Beside {
    work: Sender<Work>,
    done: Receiver<io::Result<()>>,
}

impl Beside {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let (work, received) = channel::<Work>();
        let (answer, done) = channel();
        thread::Builder::new().name("openings".to_owned()).spawn(move || {
            // Ends with the owner, who is the only one to send and to wait.
            received.into_iter().try_for_each(|work| answer.send(work()))
        })?;
        Ok(Self { work, done })
    }

    /// Does both at once and waits for both.
    pub(super) fn both(
        &self,
        one: impl FnOnce() -> io::Result<()>,
        other: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let gone = || io::Error::other("the thread that writes the openings has ended");
        let begun = self.work.send(Box::new(other)).map_err(|_| gone());
        let one = one();
        begun?;
        one.and(self.done.recv().unwrap_or_else(|_| Err(gone())))
    }
}
