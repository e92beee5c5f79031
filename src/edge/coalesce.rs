//! Answers that are ready at about the same time leave together.
//!
//! A batch of the log makes many calls of one connection ready at once. Each becomes frames of its own, and HTTP/2 asks to flush after
//! each: a TLS record, a system call and a segment for every answer. What is written is held until it is flushed, and the first
//! flush after a write lets the other tasks that are ready run before it does anything. Nothing waits for time to pass.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes held at most; more are written at once. Four of TLS's largest records.
const MOST_HELD: usize = 64 << 10;

/// A stream whose writes are held until they are flushed.
pub(super) struct Coalesced<S> {
    stream: S,
    held: Vec<u8>,
    /// How much of what is held has been written.
    written: usize,
    /// Whether the others have had their turn since the last flush.
    has_waited: bool,
}

impl<S> Coalesced<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, held: Vec::new(), written: 0, has_waited: false }
    }
}

impl<S: AsyncWrite + Unpin> Coalesced<S> {
    /// Writes what is held.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.held.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.held.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Takes as much as there is room for.
    fn hold(&mut self, bytes: &[u8]) -> usize {
        let room = MOST_HELD.saturating_sub(self.held.len());
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.held.extend_from_slice(taken);
        taken.len()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Coalesced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Coalesced<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.held.len() >= MOST_HELD {
            ready!(self.drain(cx))?;
        }
        Poll::Ready(Ok(bufs.iter().map(|buf| self.hold(buf)).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() && !self.has_waited {
            self.has_waited = true;
            // A task that wakes itself goes behind those that are ready.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.drain(cx))?;
        self.has_waited = false;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn everything_arrives_in_order_however_large_and_however_narrow_the_way() {
        let (near, mut far) = duplex(1_000);
        let sent: Vec<u8> = (0..3 * MOST_HELD).map(|at| (at % 251) as u8).collect();
        let expected = sent.clone();
        let sending = tokio::spawn(async move {
            let mut stream = Coalesced::new(near);
            for part in sent.chunks(7_001) {
                stream.write_all(part).await.unwrap();
            }
            stream.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        sending.await.unwrap();
        assert_eq!(received, expected);
    }

    #[tokio::test]
    async fn a_flush_waits_once_for_others_that_are_ready() {
        let (near, mut far) = duplex(1_000);
        let mut stream = Coalesced::new(near);
        stream.write_all(b"one").await.unwrap();
        let mut turns = 0;
        poll_fn(|cx| {
            turns += 1;
            if turns == 2 {
                // What another task had written meanwhile leaves with it.
                assert!(Pin::new(&mut stream).poll_write(cx, b"two").is_ready());
            }
            Pin::new(&mut stream).poll_flush(cx)
        })
        .await
        .unwrap();
        assert_eq!(turns, 2);
        let mut received = [0; 6];
        far.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"onetwo");
    }
}
