//! The connection: mutual TLS, a deadline for every attempt, and the same bytes again where that may help.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tonic::{
    Code, Request, Response, Status, Streaming,
    metadata::MetadataValue,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt as _;

use super::{Error, Profile, advice, error, seen::Seen};
use crate::sign::LogVerifier;

/// The largest message sent or taken, in bytes: the hub's own limit, of which a batch of 256 records of 32 KiB makes full
/// use.
pub const MAX_MESSAGE_BYTES: usize = 8 << 20;
/// How often a request is sent at most: with the pauses below this bridges a restart of the hub of some 15 seconds.
pub const MAX_ATTEMPTS: u32 = 7;
/// The pause after the first attempt; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause that a hub may ask for; what it wants to wait longer for is for the caller to know.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// How long a connection may take to be set up: TCP and TLS 1.3 are two round trips.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an idle connection is probed, so that a peer that vanished is noticed: below the minutes after which firewalls
/// forget a connection.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The metadata by which the hub is shown the newest checkpoint seen: a hub that is behind it halts.
const SEEN: &str = "hutong-checkpoint-bin";

/// How long the next part of a stream may take: a hub tells every second how far it is, once it has the turn and knows what to
/// look for, and gives up a search after four minutes.
const PART_DEADLINE: Duration = Duration::from_secs(300);

/// A connection to the hub. Clones share it.
#[derive(Clone)]
pub(super) struct Connection {
    channel: Channel,
    deadline: Duration,
    first_pause: Duration,
    seen: Arc<Seen>,
}

impl Connection {
    /// Connects with the system's certificate.
    pub(super) async fn channel_to(profile: &Profile) -> Result<Channel, Error> {
        let refused = |source: tonic::transport::Error| Error::Connect {
            hub: profile.hub.clone(),
            why: advised(&source, causes(&source)),
        };
        let mut tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&profile.ca))
            .identity(Identity::from_pem(&profile.certificate, profile.private_key.as_bytes()));
        if let Some(name) = &profile.server_name {
            tls = tls.domain_name(name);
        }
        let endpoint = Endpoint::from_shared(profile.hub.clone())
            .and_then(|endpoint| endpoint.tls_config(tls))
            .map_err(refused)?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .tcp_nodelay(true);
        endpoint.connect().await.map_err(refused)
    }

    /// A connection over a channel, to the hub whose log has this key.
    pub(super) fn open(channel: Channel, profile: &Profile, log_key: &LogVerifier) -> Result<Self, Error> {
        let seen = Arc::new(Seen::open(&profile.journal, log_key)?);
        Ok(Self { channel, deadline: profile.deadline, first_pause: FIRST_PAUSE, seen })
    }

    /// A channel without pauses between attempts, for tests against a server in the same process.
    #[cfg(test)]
    pub(super) fn over(channel: Channel, seen: Seen) -> Self {
        let seen = Arc::new(seen);
        Self { channel, deadline: Duration::from_secs(5), first_pause: Duration::from_millis(1), seen }
    }

    /// What was seen of the hub's log.
    pub(super) fn seen(&self) -> &Arc<Seen> {
        &self.seen
    }

    /// The channel, for streams that outlive one answer.
    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Sends a message, and the same again while that may help and [`MAX_ATTEMPTS`] are not used up: a statement is known
    /// by its request id, and everything else only reads.
    pub(super) async fn call<M, A, F>(&self, message: &M, send: impl Fn(Channel, Request<M>) -> F) -> Result<A, Error>
    where
        M: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let status = match self.attempt(message.clone(), &send).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            match next(&status, self.first_pause * 2_u32.pow(attempts - 1)) {
                Next::Final => return Err(Error::of_status(&status)),
                Next::Again(pause) if attempts < MAX_ATTEMPTS => tokio::time::sleep(pause).await,
                Next::Again(_) | Next::GiveUp => return Err(Error::Unavailable { attempts, last: describe(&status) }),
            }
        }
    }

    async fn attempt<M, A, F>(&self, message: M, send: &impl Fn(Channel, Request<M>) -> F) -> Result<A, Status>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut request = Request::new(message);
        // Travels as grpc-timeout, so that the hub stops work that nobody waits for any more.
        request.set_timeout(self.deadline);
        if let Some(note) = self.seen.to_show(Instant::now()) {
            request.metadata_mut().insert_bin(SEEN, MetadataValue::from_bytes(note.as_bytes()));
        }
        let answer = match tokio::time::timeout(self.deadline, send(self.channel(), request)).await {
            Ok(answer) => answer.map(Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded("no answer in time")),
        };
        answer.inspect_err(|_| self.seen.show_again())
    }
}

/// What to do about a status.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// It is the answer.
    Final,
    /// Send the same bytes again after a pause.
    Again(Duration),
    /// The hub failed on the way: what it did is not known, and it would fail again.
    GiveUp,
}

fn next(status: &Status, pause: Duration) -> Next {
    if error::refusal(status).is_some() {
        return Next::Final;
    }
    let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
    // A status that the connection made, not the hub, has a source: the connection broke.
    let broken = std::error::Error::source(status).is_some();
    if advice::is_turned_away(status) {
        return Next::GiveUp;
    }
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::Cancelled => {
            Next::Again(asked.unwrap_or(pause).min(MAX_PAUSE))
        }
        Code::Unknown | Code::Internal if broken => Next::Again(pause),
        Code::Unknown | Code::Internal | Code::DataLoss => Next::GiveUp,
        Code::ResourceExhausted => match asked {
            Some(asked) if asked <= MAX_PAUSE => Next::Again(asked.max(pause)),
            _ => Next::Final,
        },
        _ => Next::Final,
    }
}

/// What a stream ended with in place of its last part. A stream is not asked for again by itself: it may have told half.
pub(super) fn broken_off(status: &Status) -> Error {
    match next(status, FIRST_PAUSE) {
        Next::Final => Error::of_status(status),
        Next::Again(_) | Next::GiveUp => Error::Unavailable { attempts: 1, last: describe(status) },
    }
}

/// The next part of a stream; `None` at its end.
pub(super) async fn next_part<T>(stream: &mut Streaming<T>) -> Result<Option<T>, Error> {
    match tokio::time::timeout(PART_DEADLINE, stream.message()).await {
        Ok(part) => part.map_err(|status| broken_off(&status)),
        Err(_) => Err(broken_off(&Status::deadline_exceeded("no part of the answer in time"))),
    }
}

fn describe(status: &Status) -> String {
    let said = format!("{:?}: {}", status.code(), status.message());
    match std::error::Error::source(status) {
        // The connection's own words are deeper.
        Some(source) => advised(source, format!("{said}: {}", causes(source))),
        None => said,
    }
}

/// What is said of an error, and what helps.
fn advised(error: &(dyn std::error::Error + 'static), said: String) -> String {
    match advice::advice(error) {
        Some(advice) => format!("{said}. {advice}"),
        None => said,
    }
}

/// An error and all its causes, which transports nest deeply.
fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut said: Vec<String> = Vec::new();
    for cause in chain.map(ToString::to_string) {
        if said.last() != Some(&cause) {
            said.push(cause);
        }
    }
    said.join(": ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    #[test]
    fn what_may_help_is_tried_again_and_nothing_else() {
        for (code, again) in [
            (Code::Unavailable, true),
            (Code::DeadlineExceeded, true),
            (Code::Aborted, true),
            (Code::Cancelled, true),
            (Code::Unknown, false),
            (Code::Internal, false),
            (Code::ResourceExhausted, false),
            (Code::InvalidArgument, false),
            (Code::PermissionDenied, false),
            (Code::FailedPrecondition, false),
            (Code::AlreadyExists, false),
            (Code::Unauthenticated, false),
        ] {
            assert_eq!(next(&Status::new(code, ""), PAUSE) == Next::Again(PAUSE), again, "{code:?}");
        }
    }

    #[test]
    fn a_hub_that_names_a_pause_gets_it() {
        let status = |seconds| {
            let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(seconds)));
            Status::with_error_details(Code::ResourceExhausted, "", details)
        };
        assert_eq!(next(&status(5), PAUSE), Next::Again(Duration::from_secs(5)));
        assert_eq!(next(&status(3_600), PAUSE), Next::Final);
    }

    #[test]
    fn a_fault_of_the_hub_is_no_rejection() {
        assert_eq!(next(&Status::internal("the hub failed"), PAUSE), Next::GiveUp);
    }

    #[test]
    fn a_refusal_is_never_sent_again() {
        let metadata: HashMap<String, String> =
            [("entry_index".into(), "1".into()), ("leaf_hash".into(), "ab".repeat(32))].into();
        let mut details = ErrorDetails::with_error_info("QUOTA_EXHAUSTED", "hutong", metadata);
        details.set_retry_info(Some(PAUSE));
        assert_eq!(next(&Status::with_error_details(Code::ResourceExhausted, "", details), PAUSE), Next::Final);
    }
}
