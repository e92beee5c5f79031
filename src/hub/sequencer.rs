//! The sequencer: one thread that owns the order of the log.
//!
//! It takes whatever queued while the last batch was made durable, and adds no delay of its own. For each draft it checks
//! that the ground of its decision has not moved; what has is sent back to be decided again on the newer state. The rest is
//! given one time, hashed into the tree, signed with one checkpoint and appended with one sync. Then, and only then, the
//! projections and the snapshot move on, and the receipts leave.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    domain::{
        decide::{Access, LIMIT_WINDOW_SECONDS, Usage, counts_towards_limit},
        id::{AgreementId, Digest, SystemId},
        outcome::{Notice, Outcome, Suppressed},
        rules::Rules,
        statement::Statement,
        time::{Date, Time},
    },
    sign::LogSigner,
    store::{self, Batch, Change, ExchangeLog, MAX_BATCH_ENTRIES, Projections},
    tlog::{BatchTree, MAX_ENTRY_LEN, Note, leaf_hash},
    wire,
};

use super::{
    Clock, Error,
    genesis::sign_checkpoint,
    projection::{Ground, Recent, RecordTerms, changes_of, grounds_of},
    snapshot::{Published, Snapshot},
};

/// How many drafts may wait: several batches' worth, so that the sequencer is never idle under load, yet a full queue drains
/// within a fraction of a second.
pub(super) const MAX_WAITING: usize = 8_192;
/// How many bytes one batch holds at most: it is held in memory and written in one piece.
const MAX_BATCH_BYTES: usize = 8 << 20;
/// While so many statements are being decided, the sequencer waits for some of them, once a batch: an append costs the same however
/// much it holds. With fewer it would only delay those who are there.
const MANY_DECIDING: usize = 4;
/// It waits as long as so many appends take: then they are a fifth of its time.
const LINGER_APPENDS: u32 = 4;
/// How long it waits at most, where appends take longer.
const MAX_LINGER: Duration = Duration::from_millis(4);
/// How often the projections are made durable. What is not is caught up from the log at the next start.
const FLUSH_EVERY: Duration = Duration::from_secs(30);
/// How long a notice that is due waits at least for the drafts beside which it can be entered, or for a storage that was full.
const NOTICE_PAUSE: Duration = Duration::from_secs(1);
/// How many notices one batch takes: half of it, more systems than are ever suppressed in the same minute.
const MAX_NOTICES: usize = MAX_BATCH_ENTRIES / 2;

/// A decided statement, on its way into the log.
pub(super) struct Draft {
    /// The entry but for its time: it is encoded beside others, so that the one thread need not.
    pub(super) entry: wire::UntimedEntry,
    pub(super) payload_sha256: Digest,
    pub(super) statement: Arc<Statement>,
    pub(super) outcome: Outcome,
    pub(super) basis: Basis,
    /// The terms of the records that become current, in their order.
    pub(super) terms: Vec<RecordTerms>,
    /// Serialized openings to keep with the entry.
    pub(super) openings: Vec<Vec<u8>>,
}

/// What a decision rests on.
pub(super) struct Basis {
    /// The size of the log when the ground was looked at.
    pub(super) as_of: u64,
    /// The moment of the decision.
    pub(super) decided_at: Time,
    /// Every comparison with the present comes out the same from then until before this.
    pub(super) stands_until: Time,
    /// The ground beside the rules.
    pub(super) grounds: Vec<Ground>,
    /// What a permitted query takes from its agreement's day.
    pub(super) access: Option<Access>,
}

/// A draft that is durable in the log.
pub(super) struct Sealed {
    pub(super) index: u64,
    pub(super) entry: Vec<u8>,
    pub(super) outcome: Outcome,
    pub(super) tree: Arc<BatchTree>,
    pub(super) checkpoint: Arc<Note>,
}

/// What became of a draft.
pub(super) enum Verdict {
    /// It is in the log.
    Sealed(Sealed),
    /// Its ground has moved; the newer state is published, decide again.
    Stale,
    /// It will not be.
    Failed(Error),
}

/// Hears what became of a draft, and has to drop what comes with it in the task that waits for it. It is called on the sequencer's
/// thread at times, and only passes on what it hears.
type Reply = Box<dyn FnOnce(Verdict, Others) + Send>;

/// The verdicts of a batch that are still to be told. Whoever drops it tells them, so they are told whatever happens.
///
/// The sequencer wakes one caller, who wakes the others: on a thread that drives connections this is many times cheaper than from
/// outside, and their answers leave together.
#[derive(Default)]
pub(super) struct Others(Vec<(Reply, Verdict)>);

impl Drop for Others {
    fn drop(&mut self) {
        for (reply, verdict) in self.0.drain(..) {
            reply(verdict, Self::default());
        }
    }
}

/// Tells one caller, who tells the others.
fn tell(mut verdicts: Vec<(Reply, Verdict)>) {
    if let Some((reply, verdict)) = verdicts.pop() {
        reply(verdict, Others(verdicts));
    }
}

struct Waiting {
    what: What,
    reply: Reply,
}

/// What is to be entered.
enum What {
    Decided(Box<Draft>),
    /// Something that the hub tells of itself, and serialized openings to keep with it.
    Noted(Notice, Vec<Vec<u8>>),
}

/// The way to the sequencer.
pub(super) struct Handle {
    queue: std::sync::Mutex<Option<mpsc::Sender<Waiting>>>,
    failure: Arc<watch::Sender<Option<String>>>,
    deciding: Arc<AtomicUsize>,
}

/// A statement that is being decided and may become a draft.
pub(super) struct Deciding(Arc<AtomicUsize>);

impl Drop for Deciding {
    fn drop(&mut self) {
        // Only a hint is taken from the number, hence Relaxed.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handle {
    /// Says that a statement is being decided, until what is returned is dropped.
    pub(super) fn deciding(&self) -> Deciding {
        self.deciding.fetch_add(1, Ordering::Relaxed);
        Deciding(Arc::clone(&self.deciding))
    }

    /// Hands a draft over. `reply` hears what becomes of it, once; it is dropped unheard when the hub ends first.
    pub(super) fn submit(&self, draft: Box<Draft>, reply: impl FnOnce(Verdict, Others) + Send + 'static) {
        self.hand_over(What::Decided(draft), Box::new(reply));
    }

    /// Enters something that the hub tells of itself, with serialized openings to keep. The wait ends with the batch, or with the
    /// hub.
    pub(super) async fn note(&self, notice: Notice, openings: Vec<Vec<u8>>) -> Result<(), Error> {
        let (settling, settled) = oneshot::channel();
        let reply = move |verdict, others| drop(settling.send((verdict, others)));
        self.hand_over(What::Noted(notice, openings), Box::new(reply));
        let (verdict, others) = settled.await.map_err(|_| Error::Stopping)?;
        drop(others);
        match verdict {
            Verdict::Sealed(_) => Ok(()),
            Verdict::Stale => Err(Error::Contended { attempts: 1 }),
            Verdict::Failed(error) => Err(error),
        }
    }

    fn hand_over(&self, what: What, reply: Reply) {
        // The thread ends when no one holds the queue any more: it is held for the moment only.
        let queue = self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let Some(queue) = queue else { return reply(Verdict::Failed(Error::Stopping), Others::default()) };
        if let Err(refused) = queue.try_send(Waiting { what, reply }) {
            let (Waiting { reply, .. }, error) = match refused {
                mpsc::error::TrySendError::Full(waiting) => (waiting, Error::Overloaded { limit: MAX_WAITING }),
                mpsc::error::TrySendError::Closed(waiting) => (waiting, Error::Stopping),
            };
            reply(Verdict::Failed(error), Others::default());
        }
    }

    /// Resolves when the sequencer has failed.
    pub(super) async fn failed(&self) -> String {
        let mut failure = self.failure.subscribe();
        // The sender lives as long as this handle, so the wait ends with a reason or not at all.
        failure.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone()).unwrap_or_default()
    }

    /// Declares that what is durable is no longer certain: the process must end.
    pub(super) fn fail(&self, reason: String) {
        tracing::error!(%reason, "the hub stops: what is durable is no longer certain");
        self.stop();
        self.failure.send_replace(Some(reason));
    }

    /// Takes no more drafts; the thread ends when those taken are sealed.
    pub(super) fn stop(&self) {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    }
}

/// What the sequencer works with.
pub(super) struct Stage {
    pub(super) log: Box<dyn ExchangeLog>,
    pub(super) projections: Arc<dyn Projections>,
    pub(super) signer: LogSigner,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) published: Arc<Published>,
}

/// Starts the thread.
pub(super) fn start(stage: Stage) -> Result<(Handle, thread::JoinHandle<()>), Error> {
    let (queue, waiting) = mpsc::channel(MAX_WAITING);
    let failure = Arc::new(watch::Sender::new(None));
    let failed = Arc::clone(&failure);
    let deciding = Arc::new(AtomicUsize::new(0));
    let snapshot = stage.published.load();
    let starting = |source| store::Error::Io { what: "starting the sequencer".to_owned(), source };
    let sequencer = Sequencer {
        stage,
        recent: Recent::from(snapshot.size),
        usage: HashMap::new(),
        refusals: HashMap::new(),
        suppressed: BTreeMap::new(),
        timer: tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(starting)?,
        flushed: Instant::now(),
        deciding: Arc::clone(&deciding),
        appending: Duration::ZERO,
    };
    let thread = thread::Builder::new()
        .name("sequencer".to_owned())
        .spawn(move || {
            // Whatever ends the thread but a good stop is a failure, a panic too.
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sequencer.run(waiting)));
            if let Err(reason) = ended.unwrap_or_else(|_| Err("the sequencer panicked".to_owned())) {
                tracing::error!(%reason, "the sequencer stops: what is durable is no longer certain");
                failed.send_replace(Some(reason));
            }
        })
        .map_err(starting)?;
    Ok((Handle { queue: std::sync::Mutex::new(Some(queue)), failure, deciding }, thread))
}

/// The system towards whose limit a draft counts, if it does.
fn counted<'a>(rules: &Rules, draft: &'a Draft) -> Option<&'a SystemId> {
    let header = draft.statement.header()?;
    counts_towards_limit(rules, &header.actor, &draft.outcome).then_some(&header.actor)
}

struct Sequencer {
    stage: Stage,
    recent: Recent,
    /// How many records were asked for, by agreement and day; those of past days are dropped.
    usage: HashMap<(AgreementId, Date), Usage>,
    /// How many counted entries each system made in a minute, the newest in which it made any.
    refusals: HashMap<SystemId, (Time, u32)>,
    /// How many requests were turned away since their system had reached its limit, by minute, until a notice says so.
    suppressed: BTreeMap<(Time, SystemId), u64>,
    /// Ends the wait for drafts when a notice is due.
    timer: tokio::runtime::Runtime,
    flushed: Instant,
    deciding: Arc<AtomicUsize>,
    /// How long the last append took.
    appending: Duration,
}

/// A batch while it is put together; nothing of it is in the sequencer's own state yet.
struct Gathering {
    time: Time,
    first: u64,
    bytes: usize,
    entries: Vec<Vec<u8>>,
    openings: Vec<Vec<Vec<u8>>>,
    changes: Vec<Change>,
    moved: HashMap<Ground, u64>,
    /// How many records were asked for, by agreement, day and the beginning of the minute.
    asked: BTreeMap<(AgreementId, Date, Time), u64>,
    /// The counted entries: in which minute, whose.
    refused: Vec<(Time, SystemId)>,
    /// The requests turned away beside them.
    suppressed: BTreeMap<(Time, SystemId), u64>,
    /// The suppressions of which a notice is among the entries.
    noted: Vec<(Time, SystemId)>,
    rules: Option<Rules>,
    /// Who waits for each entry; nobody for what the sequencer tells itself.
    sealed: Vec<Option<(Outcome, Reply)>>,
    /// What can be told whatever becomes of the batch.
    told: Vec<(Reply, Verdict)>,
}

/// The longest entry of a statement: with room left to carry it over into the log that continues this one.
pub(super) const MAX_FIRST_ENTRY_LEN: usize = MAX_ENTRY_LEN - wire::CARRIED_LEN;

/// Takes a draft into the batch.
fn gather(snapshot: &Snapshot, batch: &mut Gathering, draft: Draft, reply: Reply) {
    let index = batch.first + batch.entries.len() as u64;
    let counted = counted(&snapshot.rules, &draft).map(|system| (batch.time.start_of_minute(), system.clone()));
    let Draft { entry, payload_sha256, statement, outcome, basis, terms, openings } = draft;
    let bytes = entry.at(batch.time);
    if bytes.len() > MAX_FIRST_ENTRY_LEN {
        return batch.told.push((reply, Verdict::Failed(Error::EntryTooLarge { found: bytes.len() })));
    }
    if let Outcome::Applied(effect) = &outcome {
        let mut rules = Rules::clone(&snapshot.rules);
        if let Err(error) = rules.apply(index, batch.time, &statement, effect) {
            // A decision that cannot be applied is a fault of ours in this one statement: nothing of it is entered.
            return batch.told.push((reply, Verdict::Failed(Error::Inconsistent(error.to_string()))));
        }
        batch.rules = Some(rules);
    }
    batch.refused.extend(counted);
    if let Some(access) = basis.access {
        let key = (access.agreement_id, access.day, batch.time.start_of_minute());
        *batch.asked.entry(key).or_default() += access.asked;
    }
    let changes = changes_of(&snapshot.rules, index, batch.time, &statement, payload_sha256, &outcome, &terms);
    for ground in changes.iter().flat_map(grounds_of) {
        batch.moved.insert(ground, index);
    }
    batch.changes.extend(changes);
    batch.bytes += bytes.len() + openings.iter().map(Vec::len).sum::<usize>();
    batch.entries.push(bytes);
    batch.openings.push(openings);
    batch.sealed.push(Some((outcome, reply)));
}

/// Takes a notice into the batch.
fn gather_notice(batch: &mut Gathering, notice: Notice, openings: Vec<Vec<u8>>, reply: Option<Reply>) {
    let outcome = Outcome::Noted(notice);
    let entry = wire::UntimedEntry::new(None, &outcome).at(batch.time);
    batch.bytes += entry.len();
    batch.entries.push(entry);
    batch.openings.push(openings);
    batch.sealed.push(reply.map(|reply| (outcome, reply)));
}

/// Of which suppressions a notice is due.
#[derive(Clone, Copy)]
enum Due {
    /// Those whose minute is over.
    Past,
    /// All: the hub stops.
    All,
}

/// What the sequencer has to do next.
enum Next {
    Draft(Box<Waiting>),
    NoticeDue,
    End,
}

enum Check {
    Stands,
    Stale,
    /// Its system has reached its limit of this minute.
    Suppressed {
        limit: u32,
        suppression: (Time, SystemId),
    },
    Failed(Error),
}

impl Sequencer {
    /// Seals batches until nobody can send drafts any more. When it fails, the drafts that wait are dropped with the queue, and
    /// their callers learn that the hub is stopping.
    fn run(mut self, mut waiting: mpsc::Receiver<Waiting>) -> Result<(), String> {
        loop {
            match self.next(&mut waiting) {
                Next::Draft(first) => self.seal(Some(*first), &mut waiting, Due::Past)?,
                Next::NoticeDue => self.seal(None, &mut waiting, Due::Past)?,
                Next::End => break,
            }
        }
        if !self.suppressed.is_empty() {
            self.seal(None, &mut waiting, Due::All)?;
        }
        Ok(())
    }

    /// Waits for a draft; where something was suppressed, no longer than until a notice is due.
    fn next(&self, waiting: &mut mpsc::Receiver<Waiting>) -> Next {
        let Some(((since, _), _)) = self.suppressed.first_key_value() else {
            return waiting.blocking_recv().map_or(Next::End, |draft| Next::Draft(Box::new(draft)));
        };
        if let Ok(draft) = waiting.try_recv() {
            return Next::Draft(Box::new(draft));
        }
        let due = since.plus_seconds(LIMIT_WINDOW_SECONDS).as_millis() - self.stage.clock.now().as_millis();
        let most = Duration::from_secs(LIMIT_WINDOW_SECONDS.unsigned_abs());
        let wait = Duration::from_millis(u64::try_from(due).unwrap_or_default()).clamp(NOTICE_PAUSE, most);
        // The deadline is set where there is a timer: inside.
        match self.timer.block_on(async { tokio::time::timeout(wait, waiting.recv()).await }) {
            Ok(Some(draft)) => Next::Draft(Box::new(draft)),
            Ok(None) => Next::End,
            Err(_) => Next::NoticeDue,
        }
    }

    /// Seals one batch. An error means that the process must end.
    fn seal(
        &mut self,
        first: Option<Waiting>,
        waiting: &mut mpsc::Receiver<Waiting>,
        notices: Due,
    ) -> Result<(), String> {
        let snapshot = self.stage.published.load();
        let mut batch = self.begin(&snapshot);
        self.gather_notices(&mut batch, notices);
        let mut next = first;
        let mut lingered = false;
        while let Some(Waiting { what, reply }) = next.take() {
            match what {
                What::Decided(draft) => self.take(&snapshot, &mut batch, *draft, reply),
                What::Noted(notice, openings) => gather_notice(&mut batch, notice, openings, Some(reply)),
            }
            if batch.entries.len() < MAX_BATCH_ENTRIES && batch.bytes < MAX_BATCH_BYTES {
                next = waiting.try_recv().ok();
                if next.is_none() && !lingered && self.deciding.load(Ordering::Relaxed) >= MANY_DECIDING {
                    lingered = true;
                    thread::sleep((self.appending * LINGER_APPENDS).min(MAX_LINGER));
                    next = waiting.try_recv().ok();
                }
            }
        }
        self.commit(&snapshot, batch)
    }

    /// Takes a draft into the batch if it still stands.
    fn take(&mut self, snapshot: &Snapshot, batch: &mut Gathering, draft: Draft, reply: Reply) {
        // A draft may have been decided since the batch began: its entry's time must not be before its decision, or
        // whoever decides it again at that time would come to another.
        let before = batch.time.start_of_minute();
        batch.time = batch.time.max(draft.basis.decided_at);
        if batch.time.start_of_minute() > before {
            self.gather_notices(batch, Due::Past);
        }
        match self.check(snapshot, batch, &draft) {
            Check::Stands => gather(snapshot, batch, draft, reply),
            Check::Stale => batch.told.push((reply, Verdict::Stale)),
            Check::Suppressed { limit, suppression } => {
                *batch.suppressed.entry(suppression).or_default() += 1;
                batch.told.push((reply, Verdict::Failed(Error::TooManyRefusals { limit })));
            }
            Check::Failed(error) => batch.told.push((reply, Verdict::Failed(error))),
        }
    }

    fn begin(&mut self, snapshot: &Snapshot) -> Gathering {
        // The log's time never runs backwards, whatever the clock does.
        let time = self.stage.clock.now().max(snapshot.time);
        let today = time.civil_day(snapshot.rules.policy.civil_day_offset_seconds);
        self.usage.retain(|(_, day), _| *day >= today);
        Gathering {
            time,
            first: snapshot.size,
            bytes: 0,
            entries: Vec::new(),
            openings: Vec::new(),
            changes: Vec::new(),
            moved: HashMap::new(),
            asked: BTreeMap::new(),
            refused: Vec::new(),
            suppressed: BTreeMap::new(),
            noted: Vec::new(),
            rules: None,
            sealed: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Takes into the batch what the hub has to say of suppressed requests, before anything later.
    fn gather_notices(&self, batch: &mut Gathering, due: Due) {
        if self.suppressed.is_empty() && batch.suppressed.is_empty() {
            return;
        }
        let mut counts = self.suppressed.clone();
        for (suppression, count) in &batch.suppressed {
            *counts.entry(suppression.clone()).or_default() += count;
        }
        counts.retain(|suppression, _| !batch.noted.contains(suppression));
        for ((since, system), count) in counts.into_iter().take(MAX_NOTICES) {
            let over = since.plus_seconds(LIMIT_WINDOW_SECONDS);
            if matches!(due, Due::Past) && over > batch.time {
                break;
            }
            batch.noted.push((since, system.clone()));
            let until = over.min(batch.time);
            gather_notice(batch, Notice::Suppressed(Suppressed { system, count, since, until }), Vec::new(), None);
        }
    }

    /// Whether the ground of a decision still holds, here in the order.
    fn check(&mut self, snapshot: &Snapshot, batch: &Gathering, draft: &Draft) -> Check {
        let basis = &draft.basis;
        // The rules' version is the index of the entry that changed them: looked at after it, they are the same.
        if batch.rules.is_some() || basis.as_of <= snapshot.rules.version || batch.time >= basis.stands_until {
            return Check::Stale;
        }
        let moved = |ground| batch.moved.contains_key(ground) || self.recent.moved_since(ground, basis.as_of);
        if basis.grounds.iter().any(moved) {
            return Check::Stale;
        }
        if let Some(access) = &basis.access {
            let mut usage = match self.usage(&(access.agreement_id.clone(), access.day)) {
                Ok(usage) => usage,
                Err(error) => return Check::Failed(error.into()),
            };
            let (id, day) = (&access.agreement_id, access.day);
            for ((_, _, minute), asked) in
                batch.asked.range((id.clone(), day, Time::MIN)..=(id.clone(), day, Time::MAX))
            {
                usage.take(*minute, *asked);
            }
            if !access.fits(&usage) {
                return Check::Stale;
            }
        }
        if let Some(system) = counted(&snapshot.rules, draft) {
            let limit = snapshot.rules.policy.max_refusals_per_minute;
            let minute = batch.time.start_of_minute();
            let gathered = batch.refused.iter().filter(|(since, who)| *since == minute && who == system).count();
            let entered = self.refusals.get(system).filter(|(since, _)| *since == minute);
            if entered.map_or(0, |(_, count)| *count as usize) + gathered >= limit as usize {
                return Check::Suppressed { limit, suppression: (minute, system.clone()) };
            }
        }
        Check::Stands
    }

    fn usage(&mut self, key: &(AgreementId, Date)) -> Result<Usage, store::Error> {
        if let Some(usage) = self.usage.get(key) {
            return Ok(*usage);
        }
        let usage = self.stage.projections.usage(&key.0, key.1)?;
        self.usage.insert(key.clone(), usage);
        Ok(usage)
    }

    /// Makes a batch durable and lets its receipts go. An error means that the process must end.
    fn commit(&mut self, snapshot: &Snapshot, gathering: Gathering) -> Result<(), String> {
        let Gathering {
            time,
            first,
            entries,
            openings,
            changes,
            moved,
            asked,
            refused,
            suppressed,
            noted,
            rules,
            sealed,
            mut told,
            ..
        } = gathering;
        if !entries.is_empty() {
            let tail = self.stage.log.tail().ok_or("the log has no tail")?;
            let leaves: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
            let tree = BatchTree::new(&tail.frontier, leaves.clone()).map_err(|error| error.to_string())?;
            let checkpoint =
                sign_checkpoint(&self.stage.signer, &tree.frontier()).map_err(|error| error.to_string())?;
            let batch =
                Batch { entries, leaves, openings, frontier: tree.frontier(), checkpoint: checkpoint.to_string() };
            let begun = Instant::now();
            let appended = self.stage.log.append(first, &batch);
            self.appending = begun.elapsed();
            match appended {
                Ok(()) => {}
                Err(store::Error::Full { what, source }) => {
                    // Nothing was written, nothing of the batch is in our state: refuse it and go on.
                    told.extend(sealed.into_iter().flatten().map(|(_, reply)| {
                        let source = std::io::Error::new(source.kind(), source.to_string());
                        (reply, Verdict::Failed(store::Error::Full { what, source }.into()))
                    }));
                    tell(told);
                    return Ok(());
                }
                Err(error) => return Err(error.to_string()),
            }
            let size = tree.size();
            self.stage.projections.apply(size, &changes).map_err(|error| error.to_string())?;
            self.advance(moved, asked, refused)?;
            self.suppressed.retain(|suppression, _| !noted.contains(suppression));
            self.stage.published.store(match rules {
                Some(rules) => snapshot.changed(Arc::new(rules), size, time),
                None => snapshot.grown(size, time),
            });
            let (tree, checkpoint) = (Arc::new(tree), Arc::new(checkpoint));
            let sealed = (first..).zip(batch.entries).zip(sealed);
            told.extend(sealed.filter_map(|((index, entry), waiting)| {
                let (outcome, reply) = waiting?;
                let (tree, checkpoint) = (Arc::clone(&tree), Arc::clone(&checkpoint));
                Some((reply, Verdict::Sealed(Sealed { index, entry, outcome, tree, checkpoint })))
            }));
        }
        // Not those of a batch that found no room: the entries with which their system reached its limit are not there.
        for (suppression, count) in suppressed.into_iter().filter(|(suppression, _)| !noted.contains(suppression)) {
            *self.suppressed.entry(suppression).or_default() += count;
        }
        tell(told);
        self.flush_now_and_then();
        Ok(())
    }

    /// Takes a durable batch into the sequencer's own state.
    fn advance(
        &mut self,
        moved: HashMap<Ground, u64>,
        asked: BTreeMap<(AgreementId, Date, Time), u64>,
        refused: Vec<(Time, SystemId)>,
    ) -> Result<(), String> {
        let mut moved: Vec<_> = moved.into_iter().collect();
        moved.sort_by_key(|(_, index)| *index);
        moved.into_iter().for_each(|(ground, index)| self.recent.record(index, ground));
        for ((id, day, minute), asked) in asked {
            // It was read when the draft was checked, so it is there.
            self.usage.get_mut(&(id, day)).ok_or("what was asked for was not counted")?.take(minute, asked);
        }
        for (minute, system) in refused {
            let entered = self.refusals.entry(system).or_insert((minute, 0));
            *entered = if entered.0 == minute { (minute, entered.1 + 1) } else { (minute, 1) };
        }
        Ok(())
    }

    fn flush_now_and_then(&mut self) {
        if self.flushed.elapsed() >= FLUSH_EVERY {
            if let Err(error) = self.stage.projections.flush() {
                tracing::warn!(%error, "the index could not be made durable; it will be caught up at the next start");
            }
            self.flushed = Instant::now();
        }
    }
}
