//! Around every call: how many at once, how long, what if it panics, and one line of trace.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tonic::{
    Code, Status,
    body::Body,
    codegen::http::{HeaderMap, Request, Response},
};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span, debug, field, info, warn};

use super::{
    gossip,
    shares::{Part, Shares},
    status,
};
use crate::{config::Limits, edge::Peer, hub::Hub};

type Future = Pin<Box<dyn std::future::Future<Output = Result<Response<Body>, tonic::codegen::StdError>> + Send>>;

/// A call's place among those at work, and among its department's. An answer that streams keeps it until its end.
#[derive(Clone)]
pub(super) struct Place(#[expect(dead_code, reason = "held, never read")] Arc<(OwnedSemaphorePermit, Option<Part>)>);

/// The calls that found no place, told of once in a while: a line for each would cost more than the call.
#[derive(Default)]
struct Shed {
    calls: AtomicU64,
    told: Mutex<Option<Instant>>,
}

/// How long calls that find no place are counted before a line tells of them.
const TELL_EVERY: Duration = Duration::from_secs(10);

impl Shed {
    /// Counts one, and tells of those so far when it is time. Whoever finds another telling leaves it to them.
    fn tell(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let Ok(mut told) = self.told.try_lock() else { return };
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            *told = Some(Instant::now());
            let calls = self.calls.swap(0, Ordering::Relaxed);
            warn!(calls, "calls were refused: too many are at work, in all or of their department");
        }
    }
}

/// Puts [`Call`] around the services.
#[derive(Clone)]
pub(super) struct CallLayer {
    hub: Arc<Hub>,
    limits: Limits,
    places: Arc<Semaphore>,
    shares: Arc<Shares>,
    shed: Arc<Shed>,
}

impl CallLayer {
    pub(super) fn new(hub: Arc<Hub>, limits: Limits) -> Self {
        let places = Arc::new(Semaphore::new(limits.calls));
        Self { hub, limits, places, shares: Arc::default(), shed: Arc::default() }
    }

    /// A place for a call, or why there is none.
    fn place(&self, request: &Request<Body>) -> Result<Place, Status> {
        let full = |_| status::overloaded(self.limits.calls);
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        let peer = request.extensions().get::<Arc<Peer>>().and_then(|peer| peer.system.as_ref().ok());
        let part = peer.map(|system| {
            let limit = self.limits.calls_per_department;
            self.shares.take(system.department(), limit).ok_or_else(|| status::over_share(limit))
        });
        Ok(Place(Arc::new((place, part.transpose()?))))
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = Call<S>;

    fn layer(&self, inner: S) -> Call<S> {
        Call { layer: self.clone(), inner }
    }
}

/// The services with limits, deadlines and traces around them.
#[derive(Clone)]
pub(super) struct Call<S> {
    layer: CallLayer,
    inner: S,
}

impl<S> Service<Request<Body>> for Call<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<tonic::codegen::StdError>,
{
    type Response = Response<Body>;
    type Error = tonic::codegen::StdError;
    type Future = Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Future {
        let place = match self.layer.place(&request) {
            Ok(place) => place,
            // A flood must cost as little as can be: no span, no line of its own, nothing that waits.
            Err(full) => {
                self.layer.shed.tell();
                return Box::pin(std::future::ready(Ok(full.into_http())));
            }
        };
        let span = span_of(&request);
        let deadline = self.layer.limits.deadline(asked_timeout(request.headers()));
        let hub = Arc::clone(&self.layer.hub);
        // The one that was asked whether it is ready does the work; its clone is asked the next time.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let work = async move {
            let started = Instant::now();
            // Kept until there is a response, whatever the handler does with its request; a stream keeps its own.
            request.extensions_mut().insert(place.clone());
            let answer = catch_panic(async move {
                match gossip::hear(&hub, request.headers_mut()).await {
                    Ok(()) => inner.call(request).await.map_err(Into::into),
                    Err(halted) => Ok(halted.into_http()),
                }
            });
            let answered = timeout(deadline, answer).await;
            drop(place);
            let response = match answered {
                Ok(Ok(answer)) => answer?,
                Ok(Err(Panicked)) => status::internal(&"a handler panicked").into_http(),
                Err(_) => status::too_late(deadline).into_http(),
            };
            trace(&response, started.elapsed());
            Ok(response)
        };
        Box::pin(work.instrument(span))
    }
}

fn span_of(request: &Request<Body>) -> Span {
    let peer = request.extensions().get::<Arc<Peer>>();
    let caller: &dyn std::fmt::Display = match peer.map(|peer| (&peer.system, &peer.address)) {
        Some((Ok(system), _)) => system,
        Some((Err(_), address)) => address,
        None => &"",
    };
    tracing::info_span!(
        "call",
        method = request.uri().path(),
        system = %caller,
        request_id = field::Empty,
        reason = field::Empty,
    )
}

/// One line: calls that went well are no news.
fn trace(response: &Response<Body>, took: Duration) {
    // An answer with a status in its headers has no body: it is an error.
    let code = response.headers().get(Status::GRPC_STATUS).map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    match code {
        Code::Ok => debug!(?code, micros, "answered"),
        code => info!(?code, micros, "answered"),
    }
}

/// The time that the caller gives, by the header `grpc-timeout`: up to 8 digits and a unit. One that does not read is
/// as none.
fn asked_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Does the work; a panic of it becomes a value. Nothing of the work is used afterwards, so no broken state is seen.
async fn catch_panic<T>(work: impl std::future::Future<Output = T>) -> Result<T, Panicked> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(progress) => progress.map(Ok),
        // What it said may quote data: the panic hook has said where it was.
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

/// The work panicked.
struct Panicked;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        let table = [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("99999999m", Some(Duration::from_millis(99_999_999))),
            ("5u", Some(Duration::from_micros(5))),
            ("6n", Some(Duration::from_nanos(6))),
            ("", None),
            ("S", None),
            ("+1S", None),
            ("123456789S", None),
            ("1x", None),
            ("1 S", None),
        ];
        for (text, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            assert_eq!(asked_timeout(&headers), expected, "{text}");
        }
        assert_eq!(asked_timeout(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn a_panic_becomes_a_value() {
        assert!(catch_panic(async { panic!("with data") }).await.map(|(): ()| ()).is_err());
        assert_eq!(catch_panic(async { 7 }).await.ok(), Some(7));
    }
}
