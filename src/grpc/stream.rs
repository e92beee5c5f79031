//! Answers in parts: made while they are read, and never taken for whole when they were cut.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};
use tokio_stream::Stream;
use tonic::Status;

use super::{call::Place, status};

/// Messages of a stream made ahead of its reader.
const AHEAD: usize = 2;

/// How long a reader may take for one message of a stream: 256 KiB in a minute is slower than any line in use.
const SLOWEST_READER: Duration = Duration::from_secs(60);

/// Where the parts of an answer go. Holds the call's place among those at work.
pub(super) struct Sender<T> {
    parts: mpsc::Sender<Result<T, Status>>,
    complete: Arc<AtomicBool>,
    _place: Option<Place>,
}

impl<T> Sender<T> {
    /// Both ends of an answer.
    pub(super) fn new(place: Option<Place>) -> (Self, Parts<T>) {
        let (sender, parts) = mpsc::channel(AHEAD);
        let complete = Arc::new(AtomicBool::new(false));
        let stream = Parts { parts, complete: Arc::clone(&complete), ended: false };
        (Self { parts: sender, complete, _place: place }, stream)
    }

    /// Sends a part; `false` where nobody reads on, or too slowly.
    pub(super) async fn send(&self, part: Result<T, Status>) -> bool {
        matches!(timeout(SLOWEST_READER, self.parts.send(part)).await, Ok(Ok(())))
    }

    /// For parts that tell of progress, from whatever thread makes it.
    pub(super) fn ear(&self) -> Ear<T> {
        Ear(self.parts.downgrade())
    }

    /// All parts were sent.
    pub(super) fn complete(self) {
        self.complete.store(true, Ordering::Release);
    }
}

/// Takes what tells of progress.
pub(super) struct Ear<T>(mpsc::WeakSender<Result<T, Status>>);

impl<T> Ear<T> {
    /// Passes a part on if there is room for it: the next one tells more. `false` where nobody reads on.
    pub(super) fn hear(&self, part: T) -> bool {
        let Some(parts) = self.0.upgrade() else { return false };
        !matches!(parts.try_send(Ok(part)), Err(mpsc::error::TrySendError::Closed(_)))
    }
}

/// What a reader gets. A stream that was cut never ends as if it were whole.
pub(super) struct Parts<T> {
    parts: mpsc::Receiver<Result<T, Status>>,
    complete: Arc<AtomicBool>,
    ended: bool,
}

impl<T> Stream for Parts<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = std::task::ready!(self.parts.poll_recv(cx));
        self.ended = !matches!(next, Some(Ok(_)));
        if next.is_none() && !self.complete.load(Ordering::Acquire) {
            return Poll::Ready(Some(Err(status::too_late(SLOWEST_READER))));
        }
        Poll::Ready(next)
    }
}
