//! Asking one witness for its cosignature (C2SP tlog-witness).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::{Method, StatusCode};
use rustls::ClientConfig;
use tokio::{sync::Mutex, task::spawn_blocking, time::timeout};

use super::{
    Error,
    request::{Address, Failure},
};
use crate::{
    hub::{self, Hub},
    sign::CosignatureVerifier,
    tlog::{
        AddCheckpoint, Checkpoint, KeyName, Note, NoteSignature, NoteVerifier as _, PolicyWitness, origin_hash,
        parse_cosignatures, parse_size,
    },
};

/// How long one answer of a witness may take: a signature and a sync, over a slow line.
const ANSWER: Duration = Duration::from_secs(5);

/// A witness that is asked.
pub(super) struct Witness {
    pub(super) name: String,
    key: CosignatureVerifier,
    address: Address,
    /// The size of the checkpoint that it cosigned last, as far as is known.
    cosigned: AtomicU64,
    /// Held while it is asked: one question at a time.
    turn: Mutex<()>,
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It could not be asked, or did not answer.
    #[error("{0}")]
    Unreachable(Failure),
    /// It has not answered an earlier question yet.
    #[error("it is still busy with an earlier checkpoint")]
    Busy,
    /// It took too long.
    #[error("no answer within {ANSWER:?}")]
    Late,
    /// It does not know the log, or its key: somebody has to tell it.
    #[error("it answered {0}: it does not know this log or its key")]
    UnknownLog(StatusCode),
    /// It holds a checkpoint that this one does not continue.
    #[error("it answered {0}: it holds a checkpoint that this log does not continue")]
    Contradicted(StatusCode),
    /// Its answer makes no sense.
    #[error("it answered {status}: {problem}")]
    Nonsense {
        /// The answer's status.
        status: StatusCode,
        /// What is wrong.
        problem: String,
    },
    /// The proof could not be made.
    #[error(transparent)]
    Hub(#[from] hub::Error),
}

impl Witness {
    /// The witness of a policy, if it has a URL.
    pub(super) fn of(witness: &PolicyWitness, tls: Option<&Arc<ClientConfig>>) -> Result<Option<Self>, Error> {
        let Some(url) = &witness.url else { return Ok(None) };
        let name = witness.name.to_string();
        let address = Address::parse(url, tls).map_err(|problem| Error::Url {
            witness: name.clone(),
            url: url.clone(),
            problem,
        })?;
        let key = CosignatureVerifier::new(witness.key.clone())?;
        Ok(Some(Self { name, key, address, cosigned: AtomicU64::new(0), turn: Mutex::new(()) }))
    }

    /// Remembers that it cosigned a checkpoint of this size, if the note says so.
    pub(super) fn remember(&self, note: &Note, size: u64) {
        if self.has_cosigned(note) {
            self.cosigned.store(size, Ordering::Relaxed);
        }
    }

    /// Whether a note has its cosignature.
    pub(super) fn has_cosigned(&self, note: &Note) -> bool {
        matches!(self.key.time_of(note), Ok(Some(_)))
    }

    /// Asks for the cosignature on a checkpoint; once more where the witness says from where it has to be asked. A witness
    /// that holds a checkpoint which the log does not continue is asked to show it, and the hub hears it.
    pub(super) async fn cosign(
        &self,
        hub: &Arc<Hub>,
        note: &Note,
        checkpoint: &Checkpoint,
    ) -> Result<NoteSignature, Refusal> {
        let Ok(_turn) = self.turn.try_lock() else { return Err(Refusal::Busy) };
        let cosigned = match self.add_checkpoint(hub, note, checkpoint).await {
            Err(refusal @ Refusal::Contradicted(_)) => {
                // Whether it halted the hub, the hub itself tells.
                let _ = self.hear(hub, &checkpoint.origin).await;
                return Err(refusal);
            }
            cosigned => cosigned?,
        };
        self.cosigned.store(checkpoint.size, Ordering::Relaxed);
        Ok(cosigned)
    }

    async fn add_checkpoint(
        &self,
        hub: &Arc<Hub>,
        note: &Note,
        checkpoint: &Checkpoint,
    ) -> Result<NoteSignature, Refusal> {
        let known = self.cosigned.load(Ordering::Relaxed).min(checkpoint.size);
        match self.ask(hub, note, checkpoint, known).await? {
            Answer::Cosigned(signature) => Ok(signature),
            Answer::AskFrom(size) if size > checkpoint.size || size == known => {
                Err(Refusal::Contradicted(StatusCode::CONFLICT))
            }
            Answer::AskFrom(size) => match self.ask(hub, note, checkpoint, size).await? {
                Answer::Cosigned(signature) => Ok(signature),
                // Somebody else asks it for this log at the same time; the next round will tell.
                Answer::AskFrom(_) => Err(Refusal::Contradicted(StatusCode::CONFLICT)),
            },
        }
    }

    async fn ask(
        &self,
        hub: &Arc<Hub>,
        note: &Note,
        checkpoint: &Checkpoint,
        old_size: u64,
    ) -> Result<Answer, Refusal> {
        let (proving, size) = (Arc::clone(hub), checkpoint.size);
        let proof =
            spawn_blocking(move || proving.growth(old_size, size)).await.map_err(|_| hub::Error::Stopping)??;
        let request = AddCheckpoint { old_size, proof, checkpoint: note.clone() };
        let (status, body) = self.request(Method::POST, "/add-checkpoint", request.to_string()).await?;
        let nonsense = |problem: String| Refusal::Nonsense { status, problem };
        match status {
            StatusCode::OK => {
                let signatures = parse_cosignatures(&body).map_err(|error| nonsense(error.to_string()))?;
                let is_own = |signature: &NoteSignature| {
                    *signature.name() == *self.key.name() && signature.key_id() == self.key.key_id()
                };
                let own = signatures.into_iter().find(is_own);
                let own = own.filter(|own| self.key.verify(note.text().as_bytes(), own.signature()));
                own.map(Answer::Cosigned).ok_or_else(|| nonsense("there is no valid cosignature of its key".to_owned()))
            }
            StatusCode::CONFLICT => parse_size(&body).map(Answer::AskFrom).map_err(|error| nonsense(error.to_string())),
            StatusCode::UNPROCESSABLE_ENTITY => Err(Refusal::Contradicted(status)),
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Err(Refusal::UnknownLog(status)),
            _ => Err(nonsense("no such answer is expected".to_owned())),
        }
    }

    /// Has the hub hear what the witness holds of the log of this origin. If the log's key signed it, it is proof, and a hub
    /// that does not continue it halts.
    pub(super) async fn hear(&self, hub: &Arc<Hub>, origin: &KeyName) -> Result<(), Refusal> {
        let path = format!("/{}/checkpoint", origin_hash(origin));
        let (status, note) = self.request(Method::GET, &path, String::new()).await?;
        match status {
            StatusCode::OK => {
                let hub = Arc::clone(hub);
                Ok(spawn_blocking(move || hub.hear(&note)).await.map_err(|_| hub::Error::Stopping)??)
            }
            // It has cosigned nothing of the log yet.
            StatusCode::NOT_FOUND => Ok(()),
            _ => Err(Refusal::Nonsense { status, problem: "allowed are 200 and 404".to_owned() }),
        }
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, hyper::body::Bytes), Refusal> {
        match timeout(ANSWER, self.address.ask(method, path, body)).await {
            Ok(answer) => answer.map_err(Refusal::Unreachable),
            Err(_) => Err(Refusal::Late),
        }
    }
}

/// What a witness says to a request.
enum Answer {
    Cosigned(NoteSignature),
    /// It wants a proof from the checkpoint of this size.
    AskFrom(u64),
}
