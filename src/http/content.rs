//! Answers: bodies of known length, and how long they may be kept by those on the way.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{
    Response, StatusCode,
    body::{Body, Bytes, Frame, SizeHint},
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS},
};
use tokio::sync::OwnedSemaphorePermit;

/// How long an answer stays right, and with whom it may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Not at all.
    No,
    /// A second: a new checkpoint is published no more often.
    Shortly,
    /// For good: a tile never changes.
    Always,
    /// For good, but only with the one who asked: others may not have it.
    AlwaysAlone,
}

impl Keep {
    const fn header(self) -> &'static str {
        match self {
            Self::No => "no-store",
            Self::Shortly => "public, max-age=1",
            Self::Always => "public, max-age=31536000, immutable",
            Self::AlwaysAlone => "private, max-age=31536000, immutable",
        }
    }
}

/// The body of an answer. A large one keeps its place among those in memory until it is sent.
#[derive(Debug)]
pub(super) struct Content {
    bytes: Option<Bytes>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Content {
    /// Keeps a place until it is sent.
    pub(super) fn holding(mut self, place: OwnedSemaphorePermit) -> Self {
        self._place = Some(place);
        self
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// Plain text.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
/// Bytes.
pub(super) const BYTES: &str = "application/octet-stream";

/// An answer with this body.
pub(super) fn found(kind: &'static str, keep: Keep, bytes: impl Into<Bytes>) -> Response<Content> {
    let mut response = Response::new(Content { bytes: Some(bytes.into()), _place: None });
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep.header()));
    // What it is said to be, it is: browsers are not to guess.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An answer that there is nothing, and why. Nobody keeps it: what is not there now may be in a moment.
pub(super) fn nothing(status: StatusCode, why: &str) -> Response<Content> {
    let mut response = found(TEXT, Keep::No, format!("{why}\n"));
    *response.status_mut() = status;
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}
