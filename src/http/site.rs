//! What is answered to whom.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{Method, Response, StatusCode};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};
use tracing::{debug, error, info, warn};

use super::{
    content::{BYTES, Content, Keep, TEXT, found, nothing},
    metrics::{self, Answers, METRICS},
};
use crate::{
    config::Public,
    edge::{Credentials, Peer},
    hub::{self, Hub},
    tlog::{TileKind, TilePath},
};

/// Bundles of entries in memory at once. One has at most 16 MiB, if each of its 256 entries is of the longest; usual ones
/// have 150 KiB.
const BUNDLES: usize = 16;

/// How long an answer may take to be found. A tile is one read of a file; a machine that takes longer has other troubles.
const DEADLINE: Duration = Duration::from_secs(30);

/// The hub's log as a site.
pub(super) struct Site {
    hub: Arc<Hub>,
    public: Public,
    tls: Arc<Credentials>,
    bundles: Arc<Semaphore>,
    answers: Answers,
}

/// Who may read something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readers {
    Anybody,
    Registered,
    Auditors,
    Operators,
}

impl Site {
    pub(super) fn new(hub: Arc<Hub>, public: Public, tls: Arc<Credentials>) -> Self {
        Self { hub, public, tls, bundles: Arc::new(Semaphore::new(BUNDLES)), answers: Answers::default() }
    }

    /// Answers a request, and traces one line.
    pub(super) async fn answer(&self, peer: &Peer, method: &Method, path: &str) -> Response<Content> {
        let started = Instant::now();
        let response = match timeout(DEADLINE, self.find(peer, method, path)).await {
            Ok(response) => response,
            Err(_) => nothing(StatusCode::SERVICE_UNAVAILABLE, "not found in time"),
        };
        self.answers.count(response.status());
        let (status, micros) = (response.status().as_u16(), u64::try_from(started.elapsed().as_micros()));
        let micros = micros.unwrap_or(u64::MAX);
        match status {
            403 => info!(address = %peer.address, path, status, micros, "answered over HTTP"),
            500.. => warn!(address = %peer.address, path, status, micros, "answered over HTTP"),
            _ => debug!(address = %peer.address, path, status, micros, "answered over HTTP"),
        }
        response
    }

    async fn find(&self, peer: &Peer, method: &Method, path: &str) -> Response<Content> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return nothing(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered");
        }
        match path {
            "/checkpoint" => self.checkpoint(peer),
            "/healthz" => found(TEXT, Keep::No, "ok\n"),
            "/metrics" => self.metrics(peer),
            _ if path.starts_with("/tile/") => self.tile(peer, path).await,
            _ => nothing(
                StatusCode::NOT_FOUND,
                "there are /checkpoint, /tile/<level>/<number>, /tile/entries/<number>, /healthz and /metrics here",
            ),
        }
    }

    fn checkpoint(&self, peer: &Peer) -> Response<Content> {
        let readers = if self.public >= Public::Checkpoint { Readers::Anybody } else { Readers::Registered };
        if let Err(why) = self.check(peer, readers) {
            return nothing(StatusCode::FORBIDDEN, &why);
        }
        match self.hub.published_checkpoint() {
            Ok(Some(checkpoint)) => found(TEXT, keep(readers, Keep::Shortly), checkpoint.to_string()),
            Ok(None) => nothing(StatusCode::NOT_FOUND, "no checkpoint has been published yet"),
            Err(error) => {
                error!(%error, "the checkpoint cannot be read");
                nothing(StatusCode::INTERNAL_SERVER_ERROR, "the checkpoint cannot be read")
            }
        }
    }

    fn metrics(&self, peer: &Peer) -> Response<Content> {
        if let Err(why) = self.check(peer, Readers::Operators) {
            return nothing(StatusCode::FORBIDDEN, &why);
        }
        match metrics::page(&self.hub, self.tls.standing(), &self.answers) {
            Ok(page) => found(METRICS, Keep::No, page),
            Err(error) => {
                error!(%error, "the metrics cannot be told");
                nothing(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be told")
            }
        }
    }

    async fn tile(&self, peer: &Peer, path: &str) -> Response<Content> {
        let Some(Ok(tile)) = path.strip_prefix('/').map(str::parse::<TilePath>) else {
            return nothing(
                StatusCode::BAD_REQUEST,
                "no tile has such a name: see https://c2sp.org/tlog-tiles, /tile/0/x001/067 for instance",
            );
        };
        let readers = match tile.kind() {
            TileKind::Hashes(_) if self.public >= Public::Tiles => Readers::Anybody,
            TileKind::Hashes(_) | TileKind::Entries => Readers::Auditors,
        };
        if let Err(why) = self.check(peer, readers) {
            return nothing(StatusCode::FORBIDDEN, &why);
        }
        let place = match tile.kind() {
            // The semaphore is never closed; were it, there would be no bound to keep.
            TileKind::Entries => Arc::clone(&self.bundles).acquire_owned().await.ok(),
            TileKind::Hashes(_) => None,
        };
        let hub = Arc::clone(&self.hub);
        let bytes = match spawn_blocking(move || hub.tile(&tile)).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => return nothing(StatusCode::NOT_FOUND, "the log has no such tile, or none so wide yet"),
            Ok(Err(error)) => {
                error!(%error, %tile, "a tile cannot be read");
                return nothing(StatusCode::INTERNAL_SERVER_ERROR, "the tile cannot be read");
            }
            Err(_) => return nothing(StatusCode::INTERNAL_SERVER_ERROR, "the tile cannot be read"),
        };
        let response = found(BYTES, keep(readers, Keep::Always), bytes);
        match place {
            Some(place) => response.map(|content| content.holding(place)),
            None => response,
        }
    }

    /// Whether the peer is among these readers; if not, why.
    fn check(&self, peer: &Peer, readers: Readers) -> Result<(), String> {
        let system = match (readers, &peer.system) {
            (Readers::Anybody, _) => return Ok(()),
            (_, Ok(system)) => system,
            (_, Err(error)) => return Err(error.to_string()),
        };
        let allowed = match readers {
            Readers::Auditors => self.hub.audited(system).map(drop),
            Readers::Operators => self.hub.operated(system),
            _ => self.hub.registered(system),
        };
        allowed.map_err(|error: hub::Error| error.to_string())
    }
}

/// What not everybody may read nobody on the way may keep for others.
const fn keep(readers: Readers, keep: Keep) -> Keep {
    match (readers, keep) {
        (Readers::Anybody, _) => keep,
        (_, Keep::Always) => Keep::AlwaysAlone,
        (_, _) => Keep::No,
    }
}
