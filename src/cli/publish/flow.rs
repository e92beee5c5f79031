//! From rows to published records, a few batches at a time.

use std::{collections::VecDeque, sync::Arc};

use anyhow::Context as _;
use tokio::task::JoinHandle;

use crate::{
    domain::{
        catalog::Resource, decide::FieldViolation, id::Handle, identifier::Uscc, record::RecordStatus, time::Time,
    },
    publishing::{
        Batches, Duplicates, HeldState, IssuedRecord, MAX_BATCH_RECORDS, NextVersion, Numbering, Oddity,
        PreparedRecord, Publisher, Rejection, next_version,
    },
    schema::Schema,
    sign::{Secret, Signer, SystemRandomness},
    tabular::{self, Row},
};

/// How many chunks of rows are on their way at once: while the hub makes one durable, the next is signed and a third is
/// travelling; more would only queue at the hub.
const IN_FLIGHT: usize = 4;

/// What is asked of a hub.
pub(super) trait Hub: Clone + Send + Sync + 'static {
    /// What it has of some records, in their order.
    fn states(&self, handles: Vec<Handle>) -> impl Future<Output = anyhow::Result<Vec<HeldState>>> + Send;

    /// Publishes records; answers what is wrong with those not accepted, each by its position.
    fn publish(
        &self,
        records: Vec<IssuedRecord>,
    ) -> impl Future<Output = anyhow::Result<Vec<(usize, FieldViolation)>>> + Send;
}

/// What is published, and by whom.
pub(super) struct Job<S> {
    pub(super) resource: Resource,
    pub(super) resource_version: u32,
    pub(super) issuer: Uscc,
    /// How identifiers are made where rows have none.
    pub(super) numbering: Option<Numbering>,
    pub(super) schema: Schema,
    pub(super) secret: Secret,
    pub(super) signer: S,
    /// The time that all of its records are issued at.
    pub(super) issued_at: Time,
    /// The status of all records; without it each keeps its own.
    pub(super) status: Option<RecordStatus>,
    /// Whether nothing is signed or published, only told.
    pub(super) dry_run: bool,
}

/// What became of a chunk of rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) rows: u64,
    pub(super) published: u64,
    pub(super) unchanged: u64,
    pub(super) rejections: Vec<Rejection>,
    /// What is odd about rows in order.
    pub(super) oddities: Vec<Oddity>,
}

impl Done {
    /// How many rows were rejected.
    pub(super) fn rejected(&self) -> u64 {
        self.rows - self.published - self.unchanged
    }
}

impl<S: Signer + 'static> Job<S> {
    /// Publishes all rows; `done` is told of each chunk in the order of the rows. When something fails, nothing more is
    /// begun, but what is on its way is waited for and told.
    ///
    /// # Errors
    /// What the hub, the table or `done` gave first.
    pub(super) async fn run<H: Hub>(
        self: Arc<Self>,
        hub: H,
        mut rows: impl Iterator<Item = Result<Row, tabular::Error>>,
        mut done: impl FnMut(Done) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut duplicates = Duplicates::default();
        let mut in_flight: VecDeque<JoinHandle<anyhow::Result<Done>>> = VecDeque::new();
        let mut result = Ok(());
        loop {
            if result.is_ok() && in_flight.len() < IN_FLIGHT {
                match self.next_chunk(&mut rows, &mut duplicates) {
                    Ok(Some((records, rejected))) => {
                        let (job, hub) = (Arc::clone(&self), hub.clone());
                        in_flight.push_back(tokio::spawn(async move { job.publish(&hub, records, rejected).await }));
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) => result = Err(error),
                }
            }
            let Some(next) = in_flight.pop_front() else { return result };
            let chunk = next.await.context("a batch ended without a result").and_then(|chunk| chunk);
            result = result.and(chunk.and_then(&mut done));
        }
    }

    /// Reads and prepares the next rows; `None` at the end of the table.
    fn next_chunk(
        &self,
        rows: &mut impl Iterator<Item = Result<Row, tabular::Error>>,
        duplicates: &mut Duplicates,
    ) -> anyhow::Result<Option<(Vec<PreparedRecord>, Done)>> {
        let publisher = self.publisher();
        let (mut records, mut done) = (Vec::new(), Done::default());
        for row in rows.take(MAX_BATCH_RECORDS) {
            done.rows += 1;
            let prepared = publisher.prepare(&row?).and_then(|record| {
                let noted = duplicates.note(record.handle, record.line, self.resource.record_id_field.as_str());
                noted.map(|()| record).map_err(|rejection| vec![rejection])
            });
            match prepared {
                Ok(mut record) => {
                    done.oddities.append(&mut record.oddities);
                    records.push(record);
                }
                Err(rejections) => done.rejections.extend(rejections),
            }
        }
        Ok((done.rows > 0).then_some((records, done)))
    }

    fn publisher(&self) -> Publisher<'_> {
        Publisher {
            resource: &self.resource,
            resource_version: self.resource_version,
            issuer: self.issuer,
            schema: &self.schema,
            numbering: self.numbering.as_ref(),
            secret: &self.secret,
            issued_at: self.issued_at,
        }
    }

    async fn publish<H: Hub>(
        self: Arc<Self>,
        hub: &H,
        records: Vec<PreparedRecord>,
        mut done: Done,
    ) -> anyhow::Result<Done> {
        let handles: Vec<Handle> = records.iter().map(|record| record.handle).collect();
        if handles.is_empty() {
            return Ok(done);
        }
        let states = hub.states(handles).await?;
        anyhow::ensure!(
            states.len() == records.len(),
            "the hub told of {} records, not {}",
            states.len(),
            records.len()
        );
        let versions = records.into_iter().zip(&states).filter_map(|(record, held)| {
            let next = next_version(held, &record.source_digest, self.resource_version, self.status)?;
            Some((record, next))
        });
        let changed: Vec<(PreparedRecord, NextVersion)> = versions.collect();
        done.unchanged = (states.len() - changed.len()) as u64;
        if self.dry_run {
            done.published = changed.len() as u64;
            return Ok(done);
        }
        let job = Arc::clone(&self);
        let batches =
            tokio::task::spawn_blocking(move || job.sign(&changed)).await.context("signing was cut off")??;
        for batch in batches {
            let lines: Vec<u64> = batch.iter().map(|record| record.line).collect();
            let faults = hub.publish(batch).await?;
            let mut faulty: Vec<usize> = faults.iter().map(|(position, _)| *position).collect();
            faulty.dedup();
            done.published += (lines.len() - faulty.len()) as u64;
            done.rejections.extend(
                faults
                    .iter()
                    .filter_map(|(position, fault)| lines.get(*position).map(|line| Rejection::of_rule(*line, fault))),
            );
        }
        done.rejections.sort_by_key(|rejection| rejection.line);
        Ok(done)
    }

    fn sign(&self, records: &[(PreparedRecord, NextVersion)]) -> anyhow::Result<Vec<Vec<IssuedRecord>>> {
        let random = SystemRandomness::new();
        let publisher = self.publisher();
        let (mut batches, mut full) = (Batches::default(), Vec::new());
        for (record, next) in records {
            full.extend(batches.push(publisher.issue(record, *next, &self.signer, &random)?));
        }
        full.extend(batches.take());
        Ok(full)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::{
        collections::HashMap,
        io::Cursor,
        sync::{Mutex, atomic::AtomicU64, atomic::Ordering},
    };

    use super::*;
    use crate::{
        catalog,
        domain::outcome::RecordViolation,
        examples,
        publishing::{columns, ignored_names},
        sign::SigningKey,
        tabular::{Format, Options},
    };

    /// A hub that keeps what it is sent, rejects some records, and can be down.
    #[derive(Clone, Default)]
    struct Fake(Arc<Kept>);

    #[derive(Default)]
    struct Kept {
        records: Mutex<HashMap<Handle, HeldState>>,
        rejected_version: u32,
        /// How many publications it takes before it goes down; 0: all.
        takes: u64,
        taken: AtomicU64,
    }

    impl Hub for Fake {
        async fn states(&self, handles: Vec<Handle>) -> anyhow::Result<Vec<HeldState>> {
            let records = self.0.records.lock().unwrap();
            Ok(handles.iter().map(|handle| records.get(handle).copied().unwrap_or(HeldState::NONE)).collect())
        }

        async fn publish(&self, batch: Vec<IssuedRecord>) -> anyhow::Result<Vec<(usize, FieldViolation)>> {
            let taken = self.0.taken.fetch_add(1, Ordering::SeqCst);
            anyhow::ensure!(self.0.takes == 0 || taken < self.0.takes, "the hub is down");
            tokio::task::yield_now().await;
            let mut faults = Vec::new();
            for (position, record) in batch.iter().enumerate() {
                let published = &record.published;
                let mut records = self.0.records.lock().unwrap();
                let version = records.get(&published.handle).map_or(0, |held| held.version);
                assert_eq!(published.version, version + 1);
                if published.version == self.0.rejected_version {
                    faults.push((position, FieldViolation::of_record(RecordViolation::IdentifierTaken, "taken")));
                    faults.push((position, FieldViolation::of_record(RecordViolation::Status, "twice at fault")));
                    continue;
                }
                let source_digest = published.source_digest;
                let (version, status) = (published.version, published.status);
                let held = HeldState { version, resource_version: 1, source_digest, status };
                records.insert(published.handle, held);
            }
            Ok(faults)
        }
    }

    fn table(rows: u64, with_errors: u64) -> Vec<u8> {
        let options = examples::Options {
            rows,
            seed: 7,
            encoding: examples::Encoding::Utf8Bom,
            excel_mangled: true,
            with_errors,
        };
        let mut table = Vec::new();
        examples::write_business_licences(&mut table, &options).unwrap();
        table
    }

    async fn publish(hub: &Fake, table: &[u8], dry_run: bool) -> (Done, anyhow::Result<()>) {
        publish_as(hub, table, dry_run, None).await
    }

    async fn publish_as(
        hub: &Fake,
        table: &[u8],
        dry_run: bool,
        status: Option<RecordStatus>,
    ) -> (Done, anyhow::Result<()>) {
        let file = include_bytes!("../../../deploy/examples/catalog.toml");
        let resource = catalog::parse(file).unwrap().resources.swap_remove(0);
        let options = Options { ignored: ignored_names(&resource), ..Options::default() };
        let rows = tabular::read(Cursor::new(table), Format::Delimited, columns(&resource), &options).unwrap();
        let job = Job {
            issuer: resource.provider,
            schema: Schema::compile(&resource, 1).unwrap(),
            numbering: None,
            resource,
            resource_version: 1,
            secret: Secret::from_bytes(&[7; 32]),
            signer: SigningKey::generate(&SystemRandomness::new()).unwrap(),
            issued_at: crate::cli::now().unwrap(),
            status,
            dry_run,
        };
        let mut total = Done::default();
        let result = Arc::new(job)
            .run(hub.clone(), rows, |done| {
                total.rows += done.rows;
                total.published += done.published;
                total.unchanged += done.unchanged;
                total.rejections.extend(done.rejections);
                Ok(())
            })
            .await;
        (total, result)
    }

    fn counts(done: &Done) -> (u64, u64, u64) {
        (done.published, done.unchanged, done.rejected())
    }

    #[tokio::test]
    async fn what_is_in_order_lands_and_the_rest_is_told_in_the_order_of_lines() {
        let hub = Fake::default();
        let (done, result) = publish(&hub, &table(600, 8), false).await;
        result.unwrap();
        assert_eq!(counts(&done), (592, 0, 8));
        let lines: Vec<u64> = done.rejections.iter().map(|rejection| rejection.line).collect();
        assert!(lines.is_sorted() && lines.len() >= 8, "{lines:?}");

        let (again, result) = publish(&hub, &table(600, 8), false).await;
        result.unwrap();
        assert_eq!(counts(&again), (0, 592, 8));

        let (mended, result) = publish(&hub, &table(600, 0), false).await;
        result.unwrap();
        assert_eq!(mended.published + mended.unchanged, 600);
        assert!((8..600).contains(&mended.published) || mended.published == 8, "{mended:?}");
    }

    #[tokio::test]
    async fn a_dry_run_publishes_nothing() {
        let hub = Fake::default();
        let (done, result) = publish(&hub, &table(300, 4), true).await;
        result.unwrap();
        assert_eq!(counts(&done), (296, 0, 4));
        assert!(hub.0.records.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_table_revokes_its_records_and_only_the_word_brings_them_back() {
        let hub = Fake::default();
        let table = table(3, 0);
        for (status, published, found) in [
            (None, 3, RecordStatus::Active),
            (Some(RecordStatus::Revoked), 3, RecordStatus::Revoked),
            (Some(RecordStatus::Revoked), 0, RecordStatus::Revoked),
            (None, 0, RecordStatus::Revoked),
            (Some(RecordStatus::Active), 3, RecordStatus::Active),
        ] {
            let (done, result) = publish_as(&hub, &table, false, status).await;
            result.unwrap();
            assert_eq!(counts(&done), (published, 3 - published, 0), "{status:?}");
            let records = hub.0.records.lock().unwrap();
            assert!(records.values().all(|held| held.status == found), "{status:?}");
        }
    }

    #[tokio::test]
    async fn what_the_hub_rejects_is_told_with_its_line_and_counted_once() {
        let hub = Fake(Arc::new(Kept { rejected_version: 1, ..Kept::default() }));
        let (done, result) = publish(&hub, &table(3, 0), false).await;
        result.unwrap();
        assert_eq!(counts(&done), (0, 0, 3));
        let found: Vec<_> = done.rejections.iter().map(|found| (found.line, found.code.as_str())).collect();
        assert_eq!(found[..3], [(2, "IDENTIFIER_TAKEN"), (2, "STATUS"), (3, "IDENTIFIER_TAKEN")]);
    }

    #[tokio::test]
    async fn a_hub_that_goes_down_stops_it_and_a_second_run_does_the_rest() {
        let hub = Fake(Arc::new(Kept { takes: 2, ..Kept::default() }));
        let table = table(2_000, 0);
        let (done, result) = publish(&hub, &table, false).await;
        assert_eq!(result.unwrap_err().to_string(), "the hub is down");
        assert_eq!(counts(&done), (512, 0, 0));

        let up = Fake(Arc::new(Kept { records: Mutex::new(hub.0.records.lock().unwrap().clone()), ..Kept::default() }));
        let (done, result) = publish(&up, &table, false).await;
        result.unwrap();
        assert_eq!(counts(&done), (1_488, 512, 0));
    }

    #[tokio::test]
    async fn a_record_that_stands_twice_is_published_once() {
        let mut doubled = table(2, 0);
        let first = String::from_utf8(doubled.clone()).unwrap().lines().nth(1).unwrap().to_owned();
        doubled.extend(format!("{first}\n").into_bytes());
        let (done, result) = publish(&Fake::default(), &doubled, false).await;
        result.unwrap();
        assert_eq!(counts(&done), (2, 0, 1));
        assert_eq!((done.rejections[0].line, done.rejections[0].code.as_str()), (4, "record-twice"));
    }
}
