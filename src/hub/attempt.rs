//! What every statement goes through once its service knows how to decide it: decided on a thread that may wait, handed to the
//! sequencer from there, and decided again for as long as its ground moves.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{
    Error, Hub,
    receipt::Receipt,
    sequencer::{Draft, Others, Sealed, Verdict},
};

/// How often a statement is decided before the hub gives up. Each time something that it rests on changed within the
/// milliseconds between decision and sequencing; eight times in a row is a storm.
const MAX_ATTEMPTS: usize = 8;

/// What one attempt at a decision led to.
pub(super) enum Attempt<A> {
    /// The request was answered before: this is its receipt.
    Answered(Receipt),
    /// A draft, and what goes to the caller beside the receipt once it is in the log.
    Decided(Box<Draft>, A),
}

/// What became of an attempt.
enum Settled<S, A> {
    /// The request was answered before.
    Answered(Receipt),
    /// The draft is in the log.
    Sealed(Sealed, A),
    /// Decide again.
    Stale(S),
}

impl Hub {
    /// Brings a statement into the log: `begin` reads and verifies it and decides it for the first time, `again` decides it on a
    /// newer state. The wait ends with the batch that seals it, or with the hub.
    ///
    /// # Errors
    /// What these say; [`Error::Contended`], and what the sequencer says.
    pub(super) async fn enter<S, A>(
        self: &Arc<Self>,
        begin: impl FnOnce(&Self) -> Result<(S, Attempt<A>), Error> + Send + 'static,
        again: fn(&Self, &S) -> Result<Attempt<A>, Error>,
    ) -> Result<(Receipt, Option<A>), Error>
    where
        S: Send + 'static,
        A: Send + 'static,
    {
        let mut settled = self.attempt(begin).await?;
        for _ in 1..MAX_ATTEMPTS {
            match settled {
                Settled::Stale(subject) => {
                    let decide = move |hub: &Self| again(hub, &subject).map(|attempt| (subject, attempt));
                    settled = self.attempt(decide).await?;
                }
                Settled::Answered(_) | Settled::Sealed(..) => break,
            }
        }
        match settled {
            Settled::Answered(receipt) => Ok((receipt, None)),
            Settled::Sealed(sealed, beside) => Ok((Receipt::of_sealed(sealed)?, Some(beside))),
            Settled::Stale(_) => Err(Error::Contended { attempts: MAX_ATTEMPTS }),
        }
    }

    /// One attempt. Nobody but the caller is woken: the thread that decided goes on with the next statement, the sequencer answers.
    async fn attempt<S, A>(
        self: &Arc<Self>,
        decide: impl FnOnce(&Self) -> Result<(S, Attempt<A>), Error> + Send + 'static,
    ) -> Result<Settled<S, A>, Error>
    where
        S: Send + 'static,
        A: Send + 'static,
    {
        let (settling, settled) = oneshot::channel();
        let (hub, call) = (Arc::clone(self), tracing::Span::current());
        let deciding = self.sequencer.deciding();
        tokio::task::spawn_blocking(move || {
            let _deciding = deciding;
            // A caller that has gone away fetches its receipt later.
            let settle = |settled, others| drop(settling.send((settled, others)));
            match call.in_scope(|| decide(&hub)) {
                Err(error) => settle(Err(error), Others::default()),
                Ok((_, Attempt::Answered(receipt))) => settle(Ok(Settled::Answered(receipt)), Others::default()),
                Ok((subject, Attempt::Decided(draft, beside))) => {
                    hub.sequencer.submit(draft, move |verdict, others| {
                        let settled = match verdict {
                            Verdict::Sealed(sealed) => Ok(Settled::Sealed(sealed, beside)),
                            Verdict::Stale => Ok(Settled::Stale(subject)),
                            Verdict::Failed(error) => Err(error),
                        };
                        settle(settled, others);
                    })
                }
            }
        });
        // Neither the decision nor the sequencer goes away without an answer unless it panics or the hub ends.
        let (settled, others) = settled.await.map_err(|_| Error::Stopping)?;
        drop(others);
        settled
    }
}
