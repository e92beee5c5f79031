//! The hub: the services as plain Rust, behind no transport.
//!
//! ```text
//! verify (signature, actor, openings) → decide → load, unseal, pick disclosures → sequencer → receipt → answer
//! admission.rs                          domain   exchange.rs, publishing.rs       sequencer.rs receipt.rs
//! ```
//!
//! Decisions are made on what is durable, beside each other; the sequencer puts them in order and sends back those whose
//! ground has moved meanwhile.

mod admission;
mod attempt;
mod audit;
mod check;
mod clock;
mod erasure;
mod exchange;
mod genesis;
mod gossip;
mod openings;
mod projection;
mod published;
mod publishing;
mod receipt;
mod record_counts;
mod rollover;
mod rule;
mod seal;
mod sequencer;
mod simulation;
mod snapshot;
mod tiles;
mod trace;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, AtomicU64},
};

pub use check::{Difference, check_projections, rebuild_projections};
pub use clock::{Clock, SystemClock};
pub use erasure::ErasureAnswer;
pub use exchange::QueryAnswer;
pub use genesis::{genesis_entry, open_log};
pub use gossip::{Contradiction, MAX_HEARD};
pub use openings::Progress;
pub use publishing::{PublicationAnswer, RecordBody};
pub use receipt::{ProvenUnder, Receipt};
pub use rollover::{carry_over, close_log, prove_growth};
pub use rule::{ListedAgreement, ReadAgreement, Selection};
pub use seal::{PublishedSeal, SealAnswer};
pub use snapshot::Snapshot;
pub use trace::{Exchange, Traced};

use crate::{
    domain::{
        directory::Capability,
        id::{KeyId, SystemId},
    },
    seal::TrustAnchors,
    sign::{LogSigner, LogVerifier, Random, sealing::BlindIndex},
    store::{self, Bodies, LogReader, Openings, Projections, Store},
    wire,
};

/// Why the hub gave no answer that is in the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The statement does not read.
    #[error("the statement is not well formed: {0}")]
    Malformed(#[from] wire::Malformed),
    /// The statement is of a kind that this call does not take.
    #[error("this call takes {expected}")]
    WrongKind {
        /// What it takes.
        expected: &'static str,
    },
    /// The peer's certificate names a system that is not in the directory.
    #[error("{0} is not registered at this hub: an administrator registers it")]
    UnknownSystem(SystemId),
    /// The statement's actor is not the peer.
    #[error("the statement's actor is {actor}, the connection's certificate is of {peer}")]
    ForeignActor {
        /// Who the statement says acts.
        actor: SystemId,
        /// Whose connection it came over.
        peer: SystemId,
    },
    /// The statement is for another hub.
    #[error("the statement is for hub {stated}, this is {hub}")]
    ForeignHub {
        /// The hub it names.
        stated: String,
        /// This hub.
        hub: String,
    },
    /// The statement has not exactly one signature, or one by a key that is not its actor's.
    #[error("{0}")]
    NotSigned(&'static str),
    /// The signing key is not registered for the actor.
    #[error("key {} is not registered for {actor}: an administrator registers it, or the system itself with a key that is active", wire::kid_to_text(.kid))]
    UnknownKey {
        /// The key named.
        kid: KeyId,
        /// The actor.
        actor: SystemId,
    },
    /// The signature does not verify.
    #[error("the signature does not verify with key {}", wire::kid_to_text(.0))]
    Forged(KeyId),
    /// The entry would be larger than the log's format allows.
    #[error(
        "the entry would have {found} bytes, at most {} fit the log: ask for less at once",
        sequencer::MAX_FIRST_ENTRY_LEN
    )]
    EntryTooLarge {
        /// Its size.
        found: usize,
    },
    /// Too many statements wait.
    #[error("the hub is at its limit of {limit} waiting statements; try again")]
    Overloaded {
        /// The limit.
        limit: usize,
    },
    /// The system was refused, or changed the rules, too often; more of it is not entered.
    #[error(
        "more than {limit} refusals and changes of the rules within a minute; those beyond are not entered in the log"
    )]
    TooManyRefusals {
        /// The limit.
        limit: u32,
    },
    /// What the decision rests on changed again and again.
    #[error("the rules or records changed {attempts} times while the statement was decided; try again")]
    Contended {
        /// How often it was decided.
        attempts: usize,
    },
    /// A read needs a capability that the peer lacks.
    #[error("this needs the capability {}", .0.as_str())]
    NotAllowed(Capability),
    /// There is no such thing, or the peer may not know of it.
    #[error("{0} is not known here")]
    NotFound(String),
    /// An argument of a read is out of its range.
    #[error("{field} {problem}")]
    Argument {
        /// Which.
        field: &'static str,
        /// What is allowed.
        problem: String,
    },
    /// The entry is newer than the published checkpoint.
    #[error("the published checkpoint has {size} entries: enough witnesses have not seen entry {index} yet")]
    NotPublished {
        /// The entry.
        index: u64,
        /// The size of the published checkpoint; 0 where none is.
        size: u64,
    },
    /// Somebody showed a checkpoint of this log's key that the log does not continue.
    #[error("the hub has halted: a checkpoint of its own log was shown that the log does not continue")]
    Contradicted,
    /// The hub is stopping, or has failed.
    #[error("the hub is stopping")]
    Stopping,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Something that the hub itself wrote does not read.
    #[error("{0}")]
    Inconsistent(String),
}

/// What a hub is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Store,
    /// Makes index keys of identifiers.
    pub blind_index: BlindIndex,
    /// The log's key.
    pub log_signer: LogSigner,
    /// The authorities that makers of e-seals and signers must have their certificates of.
    pub seal_trust: TrustAnchors,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// How many searches through all openings run at once: each reads as fast as the disk gives.
const MAX_SCANS: usize = 2;

/// A running hub.
pub struct Hub {
    reader: Arc<dyn LogReader>,
    openings: Arc<dyn Openings>,
    bodies: Arc<dyn Bodies>,
    projections: Arc<dyn Projections>,
    terms: projection::Terms,
    /// What records must be, of each resource that was published lately.
    schemas: crate::schema::Schemas,
    clock: Arc<dyn Clock>,
    verifier: LogVerifier,
    seal_trust: TrustAnchors,
    snapshot: Arc<snapshot::Published>,
    sequencer: sequencer::Handle,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    publication: published::Publication,
    heard: Mutex<gossip::Heard>,
    contradiction: OnceLock<Contradiction>,
    random: Arc<dyn Random>,
    /// The searches through all openings that may run.
    scans: tokio::sync::Semaphore,
    /// Held by whoever erases: there is one account of it.
    erasing: tokio::sync::Mutex<()>,
    /// The entries before this one have no openings that could be too old; as far as known since the start.
    aged: AtomicU64,
    /// Whether the hub stops, for those who look through openings.
    stopping: AtomicBool,
}

impl Hub {
    /// Opens a hub on its stores: catches the projections up with the log, replays the rules, and starts the sequencer.
    /// `progress` hears how many entries have been caught up with, and of how many.
    ///
    /// # Errors
    /// When a store fails, or the log is not this hub's: its checkpoint does not verify, or an entry does not read.
    pub fn open(parts: Parts, mut progress: impl FnMut(u64, u64)) -> Result<Arc<Self>, Error> {
        let Parts { store, blind_index, log_signer, seal_trust, clock, random } = parts;
        let Store { log, reader, openings, bodies, projections } = store;
        let terms = projection::Terms::new(blind_index);
        let verifier = log_signer.verifier();
        genesis::check_tail(log.as_ref(), &verifier)?;
        rollover::refuse_closed(reader.as_ref())?;
        let snapshot =
            projection::catch_up(reader.as_ref(), bodies.as_ref(), projections.as_ref(), &terms, &mut progress)?;
        let snapshot = Arc::new(snapshot::Published::new(snapshot));
        let (sequencer, thread) = sequencer::start(sequencer::Stage {
            log,
            projections: Arc::clone(&projections),
            signer: log_signer,
            clock: Arc::clone(&clock),
            published: Arc::clone(&snapshot),
        })?;
        let thread = Mutex::new(Some(thread));
        Ok(Arc::new(Self {
            reader,
            openings,
            bodies,
            projections,
            terms,
            schemas: crate::schema::Schemas::default(),
            clock,
            verifier,
            seal_trust,
            snapshot,
            sequencer,
            thread,
            publication: published::Publication::from_pointee(published::Publishing::Newest),
            heard: Mutex::new(gossip::Heard::new()),
            contradiction: OnceLock::new(),
            random,
            scans: tokio::sync::Semaphore::new(MAX_SCANS),
            erasing: tokio::sync::Mutex::new(()),
            aged: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        }))
    }

    /// The rules and the size of the log as they are durable now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load()
    }

    /// The log's public key.
    pub fn log_verifier(&self) -> &LogVerifier {
        &self.verifier
    }

    /// The hub's clock.
    pub fn now(&self) -> crate::domain::time::Time {
        self.clock.now()
    }

    /// Resolves when the sequencer has failed and the process must end, with the reason. Never resolves otherwise.
    pub async fn failed(&self) -> String {
        self.sequencer.failed().await
    }

    /// Stops taking statements, seals what was taken, and makes everything durable. Blocks; idempotent.
    ///
    /// # Errors
    /// When the projections cannot be flushed; nothing is lost by it.
    pub fn stop(&self) -> Result<(), Error> {
        self.stop_looking();
        self.sequencer.stop();
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            return Err(Error::Inconsistent("the sequencer ended by a panic".to_owned()));
        }
        Ok(self.projections.flush()?)
    }
}

/// Runs work of minutes on a thread of its own: those for blocking work are for decisions.
async fn scan<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let (done, result) = tokio::sync::oneshot::channel();
    let call = tracing::Span::current();
    std::thread::Builder::new()
        .name("openings".to_owned())
        .spawn(move || drop(done.send(call.in_scope(work))))
        .map_err(|source| store::Error::Io { what: "starting a search through openings".to_owned(), source })?;
    // Only a panic ends the thread without a result.
    result.await.map_err(|_| Error::Stopping)
}
