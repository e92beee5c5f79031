//! The client library: a department's system signs what it wants, and verifies what it gets.
//!
//! A [`Profile`] says who one is and which hub one trusts; [`Client::connect`] connects. Every act is a statement, signed,
//! written to the journal and only then sent; where no answer comes the same bytes are sent again, which the hub knows by
//! their request id. Nothing is returned that is not proven: each receipt under the pinned key of the log, each record under
//! its provider's key.
//!
//! [`verify`] does the same offline, from files.
//!
//! | file | what |
//! |---|---|
//! | `profile` | who one is, and which hub one trusts |
//! | `connection`, `advice` | mutual TLS, deadlines, sending the same again; what to do where no connection comes about |
//! | [`statement`] | headers, signatures, commitments |
//! | `journal` | what was signed, before it is sent |
//! | `query`, `publish`, `rule`, `agreement`, `catalog`, `issuing`, `trace`, `opening` | the acts |
//! | `seal` | e-seals, verified by the hub |
//! | `trail`, `receipt`, [`verify`] | the evidence |
//! | `succession` | from the key of an earlier log to that of the present one |
//! | `seen` | the newest checkpoint seen, which the hub must continue |
//! | `error` | what can go wrong, by what one can do about it |

mod advice;
mod agreement;
mod answer;
mod catalog;
mod connection;
mod error;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod fixture;
mod holder;
mod issuing;
mod journal;
mod known;
mod opening;
mod pins;
mod profile;
mod publish;
mod query;
mod receipt;
mod rule;
mod seal;
mod seen;
mod succession;
mod trace;
mod trail;

pub mod statement;
pub mod verify;

pub use agreement::{FreeTexts, ShownAgreement};
pub use catalog::{CatalogEntry, MAX_PART_BYTES, RecordCount};
pub use connection::{MAX_ATTEMPTS, MAX_MESSAGE_BYTES};
pub use error::{ERROR_DOMAIN, Error, Refused, Rejected};
pub use holder::Holder;
pub use journal::{Came, Journal};
pub use opening::{Erased, SearchProgress};
pub use pins::Pins;
pub use profile::{DEFAULT_DEADLINE_SECONDS, MAX_DEADLINE_SECONDS, Profile};
pub use publish::{MAX_BATCH, MAX_STATES, PublicationAnswer, RecordResult, RecordState, SignedRecord, ViolationDetail};
pub use query::{Lookup, QueryAnswer, QueryRequest, Record};
pub use rule::{Changed, HubDescription};
pub use seal::{DocumentVerdict, SealCheckVerdict, SealVerdict};
pub use trace::{TraceAnswer, TraceRequest, TracedExchange};

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tonic::{Request, Response, Status, transport::Channel};

use self::{
    connection::Connection,
    known::Known,
    statement::{Author, Signed},
};
use crate::{
    domain::{
        directory::Key,
        id::{DomainName, KeyId, RequestId, ResourceId, SystemId},
        identifier::Uscc,
        issuing::IssuingRight,
        outcome::RefusalReason,
        time::Time,
    },
    sign::{LogVerifier, Random, Secret, SigningKey, SystemRandomness},
};

/// A system's connection to its hub. Clones share it, for as many calls at once as one likes.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    connection: Connection,
    journal: Journal,
    system: SystemId,
    hub: DomainName,
    key: SigningKey,
    secret: Option<Secret>,
    log_key: LogVerifier,
    /// Whether it is another than the profile's.
    has_new_log: bool,
    random: SystemRandomness,
    resources: Mutex<HashMap<ResourceId, CatalogEntry>>,
    keys: Mutex<Known<KeyId, Key>>,
    rights: Mutex<Known<(ResourceId, Uscc), Vec<IssuingRight>>>,
    pins: Pins,
}

impl Client {
    /// Connects to the hub of a profile over mutual TLS, and opens the journal. Where the hub has rolled over to another log since the
    /// profile was written, the new log's key is learnt from the old log's last entry, under the key that the profile trusts.
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Journal`]; [`Error::Unproven`] where the hub names a key that the old log does not.
    pub async fn connect(profile: &Profile) -> Result<Self, Error> {
        let journal = Journal::open(&profile.journal)?;
        let channel = Connection::channel_to(profile).await?;
        let log_key = succession::learn(channel.clone(), profile).await?;
        Self::over(Connection::open(channel, profile, &log_key)?, journal, profile, log_key)
    }

    fn over(connection: Connection, journal: Journal, profile: &Profile, log_key: LogVerifier) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            connection,
            journal,
            system: profile.system.clone(),
            hub: profile.hub_domain.clone(),
            key: SigningKey::from_jwk(&profile.signing_key.to_private_jwk())?,
            secret: profile.secret.clone(),
            has_new_log: log_key.vkey() != profile.log_key.vkey(),
            log_key,
            random: SystemRandomness::new(),
            resources: Mutex::default(),
            keys: Mutex::default(),
            rights: Mutex::default(),
            pins: profile.pins.clone(),
        })))
    }

    /// The system that this client speaks for.
    #[must_use]
    pub fn system(&self) -> &SystemId {
        &self.0.system
    }

    /// The hub's domain.
    #[must_use]
    pub fn hub_domain(&self) -> &DomainName {
        &self.0.hub
    }

    /// The public key of the hub's log.
    #[must_use]
    pub fn log_key(&self) -> &LogVerifier {
        &self.0.log_key
    }

    /// Whether the key of the hub's log was learnt from the log before, whose key the profile has: time to write down the new one.
    #[must_use]
    pub fn has_new_log(&self) -> bool {
        self.0.has_new_log
    }

    /// The key that signs.
    #[must_use]
    pub fn signing_key(&self) -> &SigningKey {
        &self.0.key
    }

    /// The secret of record salts and operators' pseudonyms.
    ///
    /// # Errors
    /// [`Error::NoSecret`] when the profile names none.
    pub fn secret(&self) -> Result<&Secret, Error> {
        self.0.secret.as_ref().ok_or(Error::NoSecret)
    }

    /// The channel to the hub, mutual TLS included, for services of the API that this library does not wrap.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.0.connection.channel()
    }

    fn connection(&self) -> &Connection {
        &self.0.connection
    }

    fn random(&self) -> &dyn Random {
        &self.0.random
    }

    fn author(&self) -> Author<'_> {
        Author { system: &self.0.system, hub: &self.0.hub, key: &self.0.key }
    }

    /// Writes a statement down, sends it, and writes down a failure; what was answered is written down when it is verified.
    async fn submit<M, A, F>(
        &self,
        signed: &Signed,
        message: &M,
        send: impl Fn(Channel, Request<M>) -> F,
    ) -> Result<A, Error>
    where
        M: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        self.0.journal.begin(signed).await?;
        match self.0.connection.call(message, send).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.failed(signed.request_id, error).await?),
        }
    }

    /// Writes down how a statement failed, and says it with the request's id.
    async fn failed(&self, request_id: RequestId, error: Error) -> Result<Error, Error> {
        let (came, error) = match error {
            Error::Refused(mut refused) => {
                refused.request_id = Some(request_id);
                (Came::Refused(refused.index), Error::Refused(refused))
            }
            Error::Rejected(_) => (Came::Rejected, error),
            other => (Came::Unknown, Error::OutcomeUnknown { request_id, source: Box::new(other) }),
        };
        self.write_down(request_id, &came).await?;
        Ok(error)
    }

    async fn write_down(&self, request_id: RequestId, came: &Came) -> Result<(), Error> {
        self.0.journal.end(request_id, now()?, came).await
    }

    // === What was learnt from the hub and changes seldom

    fn known_resource(&self, id: &ResourceId) -> Option<CatalogEntry> {
        locked(&self.0.resources).get(id).cloned()
    }

    fn remember_resource(&self, entry: &CatalogEntry) {
        locked(&self.0.resources).insert(entry.resource.resource_id.clone(), entry.clone());
    }

    /// Forgets the catalog, so that it is asked for again.
    pub fn forget_resources(&self) {
        locked(&self.0.resources).clear();
    }

    /// Openings of another scheme, unknown fields and stale versions all say that the catalog has moved on.
    fn forget_resource_if_stale(&self, id: &ResourceId, error: &Error) {
        use RefusalReason::{FieldUnknown, OpeningMismatch, ResourceUnknown, ResourceVersionStale};
        let reason = error.refused().map(|refused| refused.reason);
        if matches!(reason, Some(FieldUnknown | OpeningMismatch | ResourceUnknown | ResourceVersionStale)) {
            locked(&self.0.resources).remove(id);
        }
    }

    fn known_key(&self, kid: &KeyId) -> Option<Key> {
        locked(&self.0.keys).get(kid, Instant::now()).cloned()
    }

    fn remember_keys<'k>(&self, keys: impl Iterator<Item = &'k Key>) {
        let (mut known, now) = (locked(&self.0.keys), Instant::now());
        keys.for_each(|key| known.learn(key.kid, key.clone(), now));
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("system", &self.0.system).field("hub", &self.0.hub).finish_non_exhaustive()
    }
}

/// A map of what is remembered: whole whatever happened to whoever held it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Now, by this machine's clock.
fn now() -> Result<Time, Error> {
    Time::from_millis(jiff::Timestamp::now().as_millisecond()).ok_or(Error::Clock)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "retry_tests.rs"]
mod tests;
