//! The rounds: the newest checkpoint is shown to all witnesses, and published if enough of them cosigned.

use std::{
    collections::HashMap,
    future::Future,
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use rustls::ClientConfig;
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep, sleep_until},
};
use tracing::{error, info, warn};

use super::{
    Error,
    witness::{Refusal, Witness},
};
use crate::{
    files::{self, Readable},
    hub::Hub,
    sign::PolicyVerifier,
    tlog::{Checkpoint, Note, TrustPolicy},
};

/// How often a checkpoint is published at most: what C2SP tlog-tiles has readers expect, and a load that every witness bears.
const PERIOD: Duration = Duration::from_secs(1);

/// The longest pause between rounds in which the quorum was not met.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long a round waits for the witnesses: two answers of one that has to be asked twice.
const ROUND: Duration = Duration::from_secs(12);

/// How long a round still waits for the others once the quorum is met: more cosignatures are better, and none is needed.
const GRACE: Duration = Duration::from_millis(500);

/// How often the same trouble with a witness is told.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Publishes the checkpoints of a hub's log as its witnesses cosign them.
pub struct Publisher {
    hub: Arc<Hub>,
    policy: PolicyVerifier,
    witnesses: Vec<Arc<Witness>>,
    file: PathBuf,
    /// The size of the published checkpoint; 0 where there is none.
    published: u64,
    /// How many rounds in a row have not met the quorum.
    missed: u32,
    /// Whether the witnesses were asked since the start.
    begun: bool,
    /// When the trouble with a witness was told last, by its name.
    told: HashMap<String, Instant>,
}

impl Publisher {
    /// Publishes what was published last, from this file, and nothing newer until [`Publisher::run`]. `tls` is for witnesses
    /// whose URL is https.
    ///
    /// # Errors
    /// When the policy cannot be used, or the log does not continue what was published.
    pub fn open(
        hub: Arc<Hub>,
        policy: TrustPolicy,
        tls: Option<&Arc<ClientConfig>>,
        file: &Path,
    ) -> Result<Self, Error> {
        let vkey = hub.log_verifier().vkey().clone();
        if !policy.logs().is_empty() && !policy.logs().iter().any(|log| log.key == vkey) {
            return Err(Error::ForeignPolicy(vkey.to_string()));
        }
        let witnesses = policy.witnesses().iter().map(|witness| Witness::of(witness, tls));
        let witnesses: Vec<_> = witnesses.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        if witnesses.is_empty() && policy.quorum().is_some() {
            return Err(Error::NobodyToAsk);
        }
        let mut publisher = Self {
            hub,
            policy: PolicyVerifier::new(policy)?,
            witnesses: witnesses.into_iter().map(Arc::new).collect(),
            file: file.to_owned(),
            published: 0,
            missed: 0,
            begun: false,
            told: HashMap::new(),
        };
        let kept = publisher.kept()?;
        if let Some((note, checkpoint)) = &kept {
            publisher.hub.hear(note.to_string().as_bytes())?;
            publisher.witnesses.iter().for_each(|witness| witness.remember(note, checkpoint.size));
            publisher.published = checkpoint.size;
        }
        // A policy that was changed since may ask for more than what was kept has.
        let enough = kept.map(|(note, _)| note).filter(|note| publisher.policy.judge(note).is_met);
        publisher.hub.publish_witnessed(enough);
        Ok(publisher)
    }

    /// What was published last; nothing where there is no file, or one of another log, such as that of the year before.
    fn kept(&self) -> Result<Option<(Note, Checkpoint)>, Error> {
        if !self.file.exists() {
            return Ok(None);
        }
        let text = files::read_text(&self.file)?;
        let wrong = |problem| Error::Kept { path: self.file.clone(), problem };
        let note = Note::parse(text.as_bytes()).map_err(wrong)?;
        let key = self.hub.log_verifier();
        let said: Checkpoint = note.text().parse().map_err(wrong)?;
        if said.origin != *key.vkey().name() {
            return Ok(None);
        }
        let checkpoint = Checkpoint::open(&note, key).map_err(wrong)?;
        Ok(Some((note, checkpoint)))
    }

    /// Asks the witnesses what they hold, before anything is entered that might fork the log. Those that cannot be reached
    /// hold up nothing.
    ///
    /// # Errors
    /// [`crate::hub::Error::Contradicted`] when the log does not continue what a witness holds.
    pub async fn meet(&self) -> Result<(), Error> {
        let origin = self.hub.log_verifier().vkey().name().clone();
        let mut asked = JoinSet::new();
        for witness in &self.witnesses {
            let (witness, hub, origin) = (Arc::clone(witness), Arc::clone(&self.hub), origin.clone());
            asked.spawn(async move { (witness.hear(&hub, &origin).await, witness) });
        }
        while let Some(heard) = asked.join_next().await {
            match heard {
                Ok((Ok(()), _)) => {}
                Ok((Err(Refusal::Hub(error)), _)) => return Err(error.into()),
                Ok((Err(refusal), witness)) => {
                    warn!(witness = witness.name, %refusal, "a witness did not say what it holds of this log");
                }
                Err(error) => error!(%error, "asking a witness failed"),
            }
        }
        Ok(())
    }

    /// Goes on in rounds until `stop` resolves.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let pause = PERIOD.saturating_mul(1 << self.missed.min(6)).min(LONGEST_PAUSE);
            let started = Instant::now();
            tokio::select! {
                () = &mut stop => return,
                rounded = self.round() => if let Err(error) = rounded {
                    error!(%error, "the checkpoint could not be published; what was published stays");
                    self.missed = self.missed.saturating_add(1);
                },
            }
            tokio::select! {
                () = &mut stop => return,
                () = sleep_until(started + pause) => {}
            }
        }
    }

    /// One round, if the log grew; the first in any case, since a log that was rolled back has not grown.
    async fn round(&mut self) -> Result<(), Error> {
        let newest = self.hub.newest_checkpoint()?;
        let checkpoint: Checkpoint = newest.text().parse().map_err(crate::hub::Error::from)?;
        if checkpoint.size <= self.published && self.begun {
            return Ok(());
        }
        self.begun = true;
        let (note, refusals) = self.ask_all(newest, &checkpoint).await;
        self.tell(&note, &refusals);
        if !self.policy.judge(&note).is_met {
            self.missed = self.missed.saturating_add(1);
            let (size, published, rounds, asked) = (checkpoint.size, self.published, self.missed, self.witnesses.len());
            warn!(
                size,
                published,
                rounds,
                asked,
                "not enough witnesses cosigned; what was published stays, and they are asked again"
            );
            return Ok(());
        }
        let (file, text) = (self.file.clone(), note.to_string());
        let kept = spawn_blocking(move || files::replace(&file, text.as_bytes(), Readable::ByAll)).await;
        kept.map_err(|_| crate::hub::Error::Stopping)??;
        self.published = checkpoint.size;
        self.hub.publish_witnessed(Some(note));
        if self.missed > 0 {
            info!(size = checkpoint.size, "enough witnesses have cosigned again");
            self.missed = 0;
        }
        Ok(())
    }

    /// The note with the cosignatures that came in time, and why others did not.
    async fn ask_all(&self, mut note: Note, checkpoint: &Checkpoint) -> (Note, Vec<(String, Refusal)>) {
        let mut asked = JoinSet::new();
        for witness in &self.witnesses {
            let (witness, hub) = (Arc::clone(witness), Arc::clone(&self.hub));
            let (note, checkpoint) = (note.clone(), checkpoint.clone());
            asked.spawn(async move { (witness.cosign(&hub, &note, &checkpoint).await, witness) });
        }
        let mut refusals = Vec::new();
        let mut end = pin!(sleep(ROUND));
        loop {
            let answered = tokio::select! {
                answered = asked.join_next() => answered,
                () = &mut end => None,
            };
            match answered {
                None => {
                    // One that is slow goes on by itself, so that it keeps up with the log; the next round passes it over.
                    asked.detach_all();
                    return (note, refusals);
                }
                Some(Err(error)) => error!(%error, "asking a witness failed"),
                Some(Ok((Err(refusal), witness))) => refusals.push((witness.name.clone(), refusal)),
                Some(Ok((Ok(cosignature), witness))) => {
                    if let Err(error) = note.add(cosignature) {
                        warn!(%error, witness = witness.name, "a cosignature does not fit the note");
                    }
                }
            }
            let soon = Instant::now() + GRACE;
            if soon < end.deadline() && self.policy.judge(&note).is_met {
                end.as_mut().reset(soon);
            }
        }
    }

    /// Says who did not cosign, and why; loudly where it may be the hub's own history that is wrong.
    fn tell(&mut self, note: &Note, refusals: &[(String, Refusal)]) {
        let now = Instant::now();
        for (witness, refusal) in refusals {
            if self.told.get(witness).is_some_and(|told| now.duration_since(*told) < TOLD_AGAIN) {
                continue;
            }
            self.told.insert(witness.clone(), now);
            match refusal {
                Refusal::Contradicted(_) => error!(
                    witness, %refusal,
                    "a witness says that this log was rolled back or has two histories: compare what it holds with the log"
                ),
                refusal => warn!(witness, %refusal, "a witness did not cosign"),
            }
        }
        for witness in self.witnesses.iter().filter(|witness| witness.has_cosigned(note)) {
            if self.told.remove(&witness.name).is_some() {
                info!(witness = witness.name, "a witness cosigns again");
            }
        }
    }
}
