//! Load, and the ledger of what was acknowledged: it lives in the tests' process, the hub in another.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hutong::client::{Client, Error, Lookup, PublicationAnswer, QueryAnswer, verify::VerifiedReceipt};
use tokio::task::JoinSet;

use super::{Licence, Registry, World, question};

/// Queries under way at once.
const QUERIES: usize = 28;
/// Publications under way at once.
const PUBLICATIONS: usize = 16;
/// Records in one publication.
const BATCH: usize = 2;
/// The most lookups of one query.
const LOOKUPS: usize = 64;
/// How long a load may take to be acknowledged as often as asked for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the hub has acknowledged.
#[derive(Default)]
pub(crate) struct Ledger {
    held: Mutex<Held>,
    under_way: AtomicUsize,
    /// Acts whose outcome no attempt could find out.
    unknown: AtomicUsize,
    /// Queries that were entered, and whose answer was lost on its way.
    answers_lost: AtomicUsize,
}

#[derive(Default)]
struct Held {
    receipts: Vec<VerifiedReceipt>,
    records: Vec<Licence>,
    /// How many of both were checked after an earlier restart.
    checked: (usize, usize),
}

/// What a check held together with the log.
pub(crate) struct Checked {
    receipts: usize,
    records: usize,
    log_size: u64,
}

impl std::fmt::Display for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { receipts, records, log_size } = self;
        write!(f, "{receipts} receipts and {records} records held against a log of {log_size} entries")
    }
}

impl Ledger {
    fn write(&self, receipt: VerifiedReceipt, published: &[Licence]) {
        let mut held = self.held.lock().unwrap();
        held.receipts.push(receipt);
        held.records.extend_from_slice(published);
    }

    /// How many acts were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.held.lock().unwrap().receipts.len()
    }

    /// How many acts are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// How many acts nobody knows the outcome of.
    pub(crate) fn unknown(&self) -> usize {
        self.unknown.load(Ordering::SeqCst)
    }

    /// How many queries were entered without an answer.
    pub(crate) fn answers_lost(&self) -> usize {
        self.answers_lost.load(Ordering::SeqCst)
    }

    fn any_record(&self, seed: usize) -> Licence {
        let held = self.held.lock().unwrap();
        held.records[seed % held.records.len()].clone()
    }

    /// Publishes the first records, so that queries find something.
    pub(crate) async fn open(self: &Arc<Self>, registry: &Registry, licences: &[Licence]) {
        self.accept(registry.publish(licences).await.unwrap(), licences);
    }

    /// Writes down a publication all of whose records were accepted.
    #[track_caller]
    pub(crate) fn accept(&self, answer: PublicationAnswer, licences: &[Licence]) {
        assert!(answer.results.iter().all(|result| result.is_accepted()), "{:?}", answer.results);
        self.write(answer.receipt, licences);
    }

    /// Requires of the hub as it is now: every receipt ever held is of the entry that its log has, the log is a
    /// continuation of every one that it ever signed, and every record acknowledged since the last check reads back with
    /// its contents; `all`: every record ever.
    pub(crate) async fn check(&self, world: &World, all: bool) -> Checked {
        let (receipts, records, (old_receipts, old_records)) = {
            let held = self.held.lock().unwrap();
            (held.receipts.clone(), held.records.clone(), held.checked)
        };
        let mut log = world.log().await;
        log.require_entries(&receipts);
        // Earlier ones were found consistent with a log that the last of them is of.
        let new = old_receipts.saturating_sub(1)..;
        log.require_consistent(if all { &receipts[..] } else { &receipts[new] }).await;
        let auditor = world.client("auditor").await;
        for receipt in receipts[old_receipts..].iter().step_by(10) {
            let again = auditor.receipt_at(receipt.index).await.unwrap();
            assert_eq!(again.entry_bytes, receipt.entry_bytes);
        }
        let permits = world.client("permits").await;
        for records in records[if all { 0 } else { old_records }..].chunks(LOOKUPS) {
            let ids = records.iter().map(|licence| licence.id.clone()).collect();
            let answer = permits.query(&question(Lookup::Record(ids))).await.unwrap();
            assert_eq!(answer.records.len(), records.len(), "a record that was acknowledged is not there");
            records.iter().zip(&answer.records).for_each(|(licence, record)| require_contents(licence, record));
        }
        self.held.lock().unwrap().checked = (receipts.len(), records.len());
        Checked { receipts: receipts.len(), records: records.len(), log_size: log.size() }
    }
}

#[track_caller]
fn require_contents(licence: &Licence, record: &hutong::client::Record) {
    assert_eq!(record.fields["CZZT"], *licence.name);
    assert_eq!(record.fields["KZ_JYFW"], *licence.scope);
}

/// Queries and publications, as many at once as there are tasks.
pub(crate) struct Load {
    tasks: JoinSet<Vec<Licence>>,
    stopping: Arc<AtomicBool>,
}

impl Load {
    /// Begins. What is published is taken from `licences`.
    pub(crate) fn begin(
        ledger: &Arc<Ledger>,
        permits: &Client,
        registry: &Registry,
        licences: &mut Vec<Licence>,
    ) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for task in 0..QUERIES {
            let worker = Worker { ledger: Arc::clone(ledger), stopping: Arc::clone(&stopping) };
            tasks.spawn(worker.query(permits.clone(), task));
        }
        let share = licences.len() / PUBLICATIONS;
        for _ in 0..PUBLICATIONS {
            let worker = Worker { ledger: Arc::clone(ledger), stopping: Arc::clone(&stopping) };
            let own = licences.split_off(licences.len() - share);
            tasks.spawn(worker.publish(registry.clone(), own));
        }
        Self { tasks, stopping }
    }

    /// Waits until so many more acts were acknowledged than `before`.
    pub(crate) async fn until(&self, ledger: &Ledger, acknowledged: usize) {
        let begun = Instant::now();
        while ledger.acknowledged() < acknowledged {
            assert!(begun.elapsed() < PATIENCE, "{} acknowledged, {acknowledged} wanted", ledger.acknowledged());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Lets no act begin any more.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Waits for the acts under way, and gives back what was not published.
    pub(crate) async fn end(mut self) -> Vec<Licence> {
        self.stop();
        let mut left = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            left.extend(ended.unwrap());
        }
        left
    }
}

struct Worker {
    ledger: Arc<Ledger>,
    stopping: Arc<AtomicBool>,
}

impl Worker {
    fn goes_on(&self) -> bool {
        !self.stopping.load(Ordering::SeqCst)
    }

    /// Counts an act as under way while it is.
    async fn count<T>(&self, act: impl Future<Output = T>) -> T {
        self.ledger.under_way.fetch_add(1, Ordering::SeqCst);
        let came = act.await;
        self.ledger.under_way.fetch_sub(1, Ordering::SeqCst);
        came
    }

    async fn query(self, permits: Client, task: usize) -> Vec<Licence> {
        for turn in 0_usize.. {
            if !self.goes_on() {
                break;
            }
            let licence = self.ledger.any_record(turn * 31 + task * 7);
            let by = if turn % 2 == 0 {
                Lookup::Record(vec![licence.id.clone()])
            } else {
                Lookup::Holder(vec![licence.holder.clone()])
            };
            match self.count(permits.query(&question(by))).await {
                Ok(QueryAnswer { records, receipt, .. }) => {
                    require_contents(&licence, &records[0]);
                    self.ledger.write(receipt, &[]);
                }
                // The first answer was lost with the hub; that there was one is evidence all the same.
                Err(Error::AnsweredBefore { request_id, .. }) => {
                    self.ledger.answers_lost.fetch_add(1, Ordering::SeqCst);
                    self.ledger.write(permits.receipt(request_id).await.unwrap(), &[]);
                }
                Err(error) => self.unknown(error),
            }
        }
        Vec::new()
    }

    async fn publish(self, registry: Registry, mut licences: Vec<Licence>) -> Vec<Licence> {
        while self.goes_on() && licences.len() >= BATCH {
            let batch = licences.split_off(licences.len() - BATCH);
            match self.count(registry.publish(&batch)).await {
                Ok(answer) => self.ledger.accept(answer, &batch),
                Err(error) => self.unknown(error),
            }
        }
        licences
    }

    /// What may come of an act whose hub dies: that nobody knows. Anything else is a fault.
    #[track_caller]
    fn unknown(&self, error: Error) {
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
        self.ledger.unknown.fetch_add(1, Ordering::SeqCst);
    }
}
