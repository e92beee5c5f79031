//! `hutong publish`.

mod flow;
mod progress;
mod report;

use std::{
    fmt,
    fs::File,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{Exit, OrExit as _, Output, Run, block_on, now, system::connect};
use crate::{
    client::{Client, Profile, SignedRecord},
    domain::{
        catalog::Resource,
        decide::FieldViolation,
        id::{FieldCode, Handle, ResourceId},
        record::RecordStatus,
        time::Moment,
    },
    publishing::{HeldState, IssuedRecord, Numbering, Oddity, columns, ignored_names},
    schema::Schema,
    sign::SigningKey,
    tabular::{self, Encoding, Format},
};

use flow::{Done, Hub, Job};
use progress::{Counted, Progress};
use report::ReportFile;

/// Publish the rows of a table (CSV or JSON Lines) as signed records of a resource
///
/// Columns are known by the codes and names of the resource's fields; masked fields are derived. What the hub has already
/// is skipped, so that a run that was cut short, or a table with some changes, is simply published again. Rows that are
/// not in order go to a report with line, field and reason, and the rest lands. What is odd about an identifier and in use all the
/// same is told as a warning.
///
/// Exit code 0: every row is at the hub; 1: some were rejected.
#[derive(Args)]
pub(super) struct Publish {
    /// The profile of the publishing system
    #[arg(long, value_name = "FILE", env = "HUTONG_PROFILE")]
    profile: PathBuf,
    /// The resource, such as samr.business-licence
    #[arg(long, value_name = "ID")]
    resource: ResourceId,
    /// The table
    file: PathBuf,
    /// How the table is laid out [default: jsonl for .jsonl and .ndjson, else csv]
    #[arg(long, value_enum)]
    format: Option<TableFormat>,
    /// The character encoding: utf-8, gb18030 (also gbk, gb2312) or utf-16le [default: found out from the file]
    #[arg(long, value_parser = Encoding::parse)]
    encoding: Option<Encoding>,
    /// The delimiter of a CSV [default: found out from the header]
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<char>,
    /// A column to pass over, such as 序号; may be given again
    #[arg(long, value_name = "NAME")]
    ignore: Vec<String>,
    /// Make the licence identifier 证照标识 (GB/T 36904) of rows that have none, of this licence type 证照类型代码; the column may be
    /// missing
    #[arg(long, value_name = "TYPE", requires = "serial_field")]
    licence_type: Option<String>,
    /// The field whose value is its serial number: one that the department keeps, such as ZZBH. The same value makes the same
    /// identifier each time
    #[arg(long, value_name = "CODE", requires = "licence_type")]
    serial_field: Option<FieldCode>,
    /// The report of rejected rows, written anew [default: beside the table, ending in .rejected.csv]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The status that the records of all rows get: to revoke or suspend some, publish a table of these alone [default:
    /// each keeps the status that it has, a new one is ACTIVE]
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// Check all rows and ask the hub what it has, but publish nothing
    #[arg(long)]
    dry_run: bool,
}

/// A status that can be published: whether a record is EXPIRED its own dates say.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    /// In force 现势
    Active,
    /// Suspended 暂停
    Suspended,
    /// Revoked 注销
    Revoked,
    /// Replaced by another record 被替换
    Superseded,
}

impl From<Status> for RecordStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Suspended => Self::Suspended,
            Status::Revoked => Self::Revoked,
            Status::Superseded => Self::Superseded,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TableFormat {
    /// Delimited text with a header row
    Csv,
    /// One JSON object on a line
    Jsonl,
}

/// The most oddities that are listed one by one, in the order of the table: more are one oddity of their source.
const MAX_LISTED: usize = 100;

/// What became of the rows so far.
#[derive(Debug, Clone, Default, Serialize)]
struct Totals {
    rows: u64,
    published: u64,
    unchanged: u64,
    rejected: u64,
    /// How many oddities were found, those that are not listed included.
    warnings: u64,
    /// The first of them.
    listed_warnings: Vec<Oddity>,
    #[serde(skip)]
    dry_run: bool,
}

impl Totals {
    fn add(&mut self, done: &mut Done) {
        self.rows += done.rows;
        self.published += done.published;
        self.unchanged += done.unchanged;
        self.rejected += done.rejected();
        self.warnings += done.oddities.len() as u64;
        self.listed_warnings.append(&mut done.oddities);
        self.listed_warnings.truncate(MAX_LISTED);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, published, unchanged, rejected, dry_run, .. } = self;
        let published_is = if *dry_run { "to publish" } else { "published" };
        write!(f, "{rows} rows: {published} {published_is}, {unchanged} unchanged, {rejected} rejected")
    }
}

/// The end of a run.
#[derive(Serialize)]
struct Summary {
    resource: String,
    resource_version: u32,
    #[serde(flatten)]
    totals: Totals,
    dry_run: bool,
    seconds: f64,
    report: Option<PathBuf>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, resource_version, totals, seconds, .. } = self;
        write!(f, "{resource} version {resource_version}, {totals}, in {seconds:.1} s")?;
        for Oddity { line, field, reason, .. } in &totals.listed_warnings {
            write!(f, "\nwarning: line {line}, {field}: {reason}")?;
        }
        let more = totals.warnings.saturating_sub(totals.listed_warnings.len() as u64);
        if more > 0 {
            write!(f, "\nwarning: and {more} more like these")?;
        }
        if let Some(report) = &self.report {
            write!(f, "\nwhat is wrong with the rejected rows: {}", report.display())?;
        }
        Ok(())
    }
}

impl Run for Publish {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let profile = Profile::read(&self.profile).or_exit(Exit::Config, "cannot publish")?;
        // Before anything is asked of the hub: a table that is not there is the likelier mistake.
        let file = File::open(&self.file).or_exit(Exit::BadInput, format!("cannot open {}", self.file.display()))?;
        let summary = block_on(async {
            let client = connect(&profile).await?;
            self.publish(client, file).await
        })?;
        output.print(&summary)?;
        Ok(if summary.totals.rejected > 0 { Exit::Findings } else { Exit::Success })
    }
}

impl Publish {
    async fn publish(self, client: Client, file: File) -> anyhow::Result<Summary> {
        let entry = client.resource(&self.resource).await.context("cannot read the resource's catalog entry")?;
        let (version, resource) = (entry.version, entry.resource);
        let own = *client.system().department();
        // Before a table is read that the hub would refuse; it decides in the end.
        if resource.provider != own && !self.may_issue(&client).await? {
            let why = format!(
                "{} is published by {}, and this system is of {own}, which has no right to issue it now: an administrator grants \
                 one with `hutong issuing-right grant`",
                self.resource, resource.provider
            );
            return None.or_exit(Exit::Refused, why);
        }
        let mut progress = Progress::new(file.metadata()?.len());
        let (table, position) = Counted::new(file);
        let options = tabular::Options {
            encoding: self.encoding,
            delimiter: self.delimiter,
            ignored: ignored_names(&resource).into_iter().chain(self.ignore.iter().cloned()).collect(),
        };
        let numbering = self.licence_type.as_ref().zip(self.serial_field.as_ref());
        let numbering = numbering.map(|(kind, serial)| Numbering::new(&resource, own, kind, serial));
        let numbering = numbering.transpose().or_exit(Exit::Usage, "cannot make licence identifiers")?;
        let columns = numbering.as_ref().map_or_else(|| columns(&resource), |numbering| numbering.columns(&resource));
        let rows = tabular::read(table, self.format(), columns, &options)
            .or_exit(Exit::BadInput, format!("cannot read {}", self.file.display()))?;
        let report_path = self.report.unwrap_or_else(|| self.file.with_extension("rejected.csv"));
        let at = report_path.display().to_string();
        let mut report =
            ReportFile::create(report_path).or_exit(Exit::CannotCreate, format!("cannot write the report {at}"))?;
        let job = Job {
            resource: Resource::clone(&resource),
            resource_version: version,
            issuer: own,
            numbering,
            schema: Schema::compile(&resource, version)?,
            secret: client.secret()?.clone(),
            signer: SigningKey::from_jwk(&client.signing_key().to_private_jwk())?,
            issued_at: now()?,
            status: self.status.map(Into::into),
            dry_run: self.dry_run,
        };
        let hub = Connected { client, resource: self.resource.clone(), version };
        let mut totals = Totals { dry_run: self.dry_run, ..Totals::default() };
        let result = Arc::new(job)
            .run(hub, rows, |mut done| {
                totals.add(&mut done);
                report.write(&resource, &done.rejections).context("cannot write the report")?;
                progress.told(position.load(Ordering::Relaxed), &totals);
                Ok(())
            })
            .await;
        let seconds = progress.end().as_secs_f64();
        let report = report.end().with_context(|| format!("cannot end the report {at}"))?;
        result.with_context(|| format!("stopped after {totals}; the same command goes on from there"))?;
        Ok(Summary {
            resource: self.resource.to_string(),
            resource_version: version,
            totals,
            dry_run: self.dry_run,
            seconds,
            report,
        })
    }

    async fn may_issue(&self, client: &Client) -> anyhow::Result<bool> {
        let rights = client.issuing_rights_of(&self.resource, client.system().department()).await;
        let rights = rights.context("cannot read the rights to issue the resource")?;
        let now = Moment::new(now()?);
        Ok(rights.last().is_some_and(|right| right.ended_index.is_none() && right.is_valid(&now)))
    }

    fn format(&self) -> Format {
        let by_name = || {
            let ending = self.file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if matches!(ending, "jsonl" | "ndjson") { Format::JsonLines } else { Format::Delimited }
        };
        self.format.map_or_else(by_name, |format| match format {
            TableFormat::Csv => Format::Delimited,
            TableFormat::Jsonl => Format::JsonLines,
        })
    }
}

/// The hub, through the client library.
#[derive(Clone)]
struct Connected {
    client: Client,
    resource: ResourceId,
    version: u32,
}

impl Hub for Connected {
    async fn states(&self, handles: Vec<Handle>) -> anyhow::Result<Vec<HeldState>> {
        let states = self.client.record_states(&self.resource, &handles).await?;
        let held = states.into_iter().map(|state| {
            state.map_or(HeldState::NONE, |state| HeldState {
                version: state.version,
                resource_version: state.resource_version,
                source_digest: state.source_digest,
                status: state.status,
            })
        });
        Ok(held.collect())
    }

    async fn publish(&self, records: Vec<IssuedRecord>) -> anyhow::Result<Vec<(usize, FieldViolation)>> {
        let signed = |record: IssuedRecord| SignedRecord {
            published: record.published,
            sd_jwt: record.sd_jwt,
            record_salt: record.record_salt,
        };
        let records: Vec<SignedRecord> = records.into_iter().map(signed).collect();
        let answer = self.client.publish(&self.resource, self.version, &records).await?;
        let faults = answer.results.into_iter().enumerate().flat_map(|(position, result)| {
            // A request that was answered before brings the codes alone.
            let untold = result.violations.iter().filter(|code| result.details.iter().all(|d| d.violation != **code));
            let untold = untold.map(|code| FieldViolation::of_record(*code, "the hub's words were lost on the way"));
            let told = result.details.iter().map(|detail| FieldViolation {
                violation: detail.violation,
                field: Some(detail.field.clone()).filter(|field| !field.is_empty()),
                description: detail.description.clone(),
            });
            told.chain(untold).map(|fault| (position, fault)).collect::<Vec<_>>()
        });
        Ok(faults.collect())
    }
}
