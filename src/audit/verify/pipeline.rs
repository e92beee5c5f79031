//! Bundles looked at by many threads, and handed on in the order of the log.

use std::{
    collections::VecDeque,
    io,
    num::NonZeroUsize,
    ops::ControlFlow,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, channel, sync_channel},
    },
    thread,
};

use super::{
    Error, Folder,
    examine::{Bundle, examine},
    signer::Keys,
};

/// How many bundles for each thread are under way at once: one at work and one done or waiting, so that none is ever idle.
/// Memory is bounded by them.
const BUNDLES_PER_THREAD: usize = 2;

type Examined = Result<Option<Bundle>, Error>;
type Job = (u64, SyncSender<Examined>);

/// Looks at every bundle of a log of `size` entries with so many threads, and gives them to `take` in their order, in the
/// calling thread, until it has enough.
///
/// # Errors
/// When a file cannot be read, and what `take` says.
pub(super) fn examine_all(
    folder: &Folder,
    size: u64,
    keys: &Keys,
    threads: NonZeroUsize,
    take: &mut dyn FnMut(&Bundle) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let look = |number| examine(folder, keys, number, size);
    // Where the log begins, most keys are registered: with them known, the others need not be verified late.
    let mut next = 0;
    while next == 0 || threads.get() == 1 {
        match look(next)? {
            Some(bundle) if take(&bundle)?.is_continue() => next += 1,
            _ => return Ok(()),
        }
    }
    thread::scope(|scope| {
        // Dropped with this scope: then the threads end.
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads.get() {
            let queue = Arc::clone(&queue);
            scope.spawn(move || work(&queue, look));
        }
        let mut under_way: VecDeque<Receiver<Examined>> = VecDeque::new();
        loop {
            while under_way.len() < threads.get() * BUNDLES_PER_THREAD {
                let (answer, answered) = sync_channel(1);
                jobs.send((next, answer)).map_err(|_| gone())?;
                under_way.push_back(answered);
                next += 1;
            }
            let examined = under_way.pop_front().and_then(|answered| answered.recv().ok()).ok_or_else(gone)?;
            match examined? {
                Some(bundle) if take(&bundle)?.is_continue() => {}
                _ => return Ok(()),
            }
        }
    })
}

fn work(queue: &Mutex<Receiver<Job>>, look: impl Fn(u64) -> Examined) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, answer)) = job else { return };
        // Nobody waits any more where enough was seen.
        let _ = answer.send(look(number));
    }
}

/// A thread ends early only if it panicked, and then its scope panics too.
pub(super) fn gone() -> Error {
    Error::io("verifying side by side", io::Error::other("a thread ended early"))
}
