//! HTTP/1.1: two paths, bounded bodies, bounded lives.
//!
//! It speaks plain HTTP. What a request says is proved by the log's signature, and an answer by the witness's own; a front that
//! speaks TLS belongs before it where the road is public.

use std::{convert::Infallible, future::Future, pin::pin, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes},
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use tracing::{debug, error, info, warn};

use super::{Refusal, Witness};
use crate::tlog::{MAX_ADD_CHECKPOINT_LEN, SIZE_CONTENT_TYPE, write_cosignatures, write_size};

/// Where logs ask for cosignatures.
const ADD_CHECKPOINT: &str = "/add-checkpoint";

/// The most connections at once. Only logs and now and then an auditor come; each takes 16 KiB, and 64 KiB while it asks.
const MAX_CONNECTIONS: usize = 256;

/// The most requests at work at once, each on a thread of its own. They take turns at the disk anyway.
const MAX_AT_WORK: usize = 32;

/// How long a peer may take for a request's head, and may say nothing between two requests: a log asks every few seconds.
const HEAD: Duration = Duration::from_secs(30);

/// The most bytes of a request's head: the paths here have at most 77, and tools send a few hundred of headers.
const MAX_HEAD: usize = 16 << 10;

/// How long a peer may take to send a request's 64 KiB.
const BODY: Duration = Duration::from_secs(10);

/// How long a request may wait for its turn and for the disk; logs give up after a few seconds.
const WORK: Duration = Duration::from_secs(10);

/// How long a connection may live. With it everything that a peer can do slowly has an end.
const LIFE: Duration = Duration::from_secs(600);

/// How long the answers at work may take to be sent when the witness stops.
const DRAIN: Duration = Duration::from_secs(15);

/// What follows a failure to accept a connection, such as of too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` resolves or the witness fails, then ends the answers at work.
pub async fn serve(witness: Arc<Witness>, listener: TcpListener, stop: impl Future<Output = ()>) {
    let site = Arc::new(Site { witness: Arc::clone(&witness), work: Arc::new(Semaphore::new(MAX_AT_WORK)) });
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stopping, stopped) = watch::channel(false);
    let mut open = JoinSet::new();
    let mut stop = pin!(stop);
    let mut failed = pin!(witness.failed());
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut stop => break,
            () = &mut failed => {
                error!("nobody knows what is on the disk any more: the witness must end");
                break;
            }
            Some(_) = open.join_next() => {}
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let talk = talk(stream, Arc::clone(&site), stopped.clone());
                    open.spawn(async move { let _place = place; talk.await });
                }
                Err(error) => {
                    warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    info!("stopping: no more connections are taken");
    stopping.send_replace(true);
    // What is not sent by then is cut off with the set.
    let _ = timeout(DRAIN, async { while open.join_next().await.is_some() {} }).await;
}

/// Answers what comes over one connection until its end.
async fn talk(stream: TcpStream, site: Arc<Site>, mut stopped: watch::Receiver<bool>) {
    let answer = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    let talk = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), answer);
    let mut talk = pin!(talk);
    tokio::select! {
        ended = talk.as_mut() => return trace(ended),
        () = tokio::time::sleep(LIFE) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    talk.as_mut().graceful_shutdown();
    match timeout(DRAIN, talk).await {
        Ok(ended) => trace(ended),
        Err(_) => debug!("a connection was cut off: its last answer was taken too slowly"),
    }
}

fn trace(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        debug!(%error, "a connection ended");
    }
}

type Answer = Response<Full<Bytes>>;

/// What is where.
struct Site {
    witness: Arc<Witness>,
    work: Arc<Semaphore>,
}

impl Site {
    async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = request.uri().path();
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if path == ADD_CHECKPOINT {
            return if request.method() == Method::POST { self.add_checkpoint(request).await } else { allow("POST") };
        }
        let monitored = path.strip_prefix('/').and_then(|path| path.strip_suffix("/checkpoint"));
        match monitored {
            _ if path == "/healthz" => {
                if reads {
                    plain(StatusCode::OK, "ok\n")
                } else {
                    allow("GET, HEAD")
                }
            }
            Some(_) if !reads => allow("GET, HEAD"),
            Some(origin_hash) => match self.witness.checkpoint(origin_hash) {
                Some(note) => fresh(plain(StatusCode::OK, note)),
                None => fresh(plain(StatusCode::NOT_FOUND, "no checkpoint of such a log was cosigned here\n")),
            },
            None => plain(StatusCode::NOT_FOUND, "here are /add-checkpoint and /<origin hash>/checkpoint\n"),
        }
    }

    async fn add_checkpoint<B>(&self, request: Request<B>) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = match timeout(BODY, Limited::new(request.into_body(), MAX_ADD_CHECKPOINT_LEN).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                let bound = format!("a request has at most {MAX_ADD_CHECKPOINT_LEN} bytes\n");
                return plain(StatusCode::PAYLOAD_TOO_LARGE, bound);
            }
            Ok(Err(_)) => return plain(StatusCode::BAD_REQUEST, "the request ended too early\n"),
            Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, "the request came too slowly\n"),
        };
        let busy = || plain(StatusCode::SERVICE_UNAVAILABLE, "the witness is busy: ask again\n");
        let Ok(place) = Arc::clone(&self.work).try_acquire_owned() else { return busy() };
        let witness = Arc::clone(&self.witness);
        let work = tokio::task::spawn_blocking(move || {
            let _place = place; // until the work is done, also if nobody waits for it any more
            witness.add_checkpoint(&body)
        });
        match timeout(WORK, work).await {
            Ok(Ok(Ok(cosignature))) => plain(StatusCode::OK, write_cosignatures(&[cosignature])),
            Ok(Ok(Err(refusal))) => refused(&refusal),
            Ok(Err(_)) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the witness failed\n"),
            Err(_) => busy(),
        }
    }
}

fn refused(refusal: &Refusal) -> Answer {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let Refusal::Conflict { held } = refusal else { return plain(status, format!("{refusal}\n")) };
    let mut answer = plain(status, write_size(*held));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(SIZE_CONTENT_TYPE));
    answer
}

fn allow(methods: &'static str) -> Answer {
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// Not to be answered from a cache: the next one may be newer.
fn fresh(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}
