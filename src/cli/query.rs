//! `hutong query`.

use std::{fmt, path::PathBuf};

use clap::{ArgGroup, Args};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Exit, OrExit as _, Output, Run, block_on,
    refusal::Explained,
    saved::Evidence,
    system::{AsSystem, OrHub as _},
    when::CIVIL_OFFSET_SECONDS,
};
use crate::{
    client::{Client, Error, Lookup, QueryAnswer, QueryRequest, Record, Refused},
    domain::{
        agreement::AgreementText,
        id::{AgreementId, Code, FieldCode, ResourceId},
        outcome::{RecordWithheld, RefusalReason},
        record::RecordStatus,
        time::{Date, Time, date_of_days, days_of_date},
    },
};

/// Ask for fields of records under an agreement, and verify everything about the answer
///
/// Prints only what is proven: the receipt under the log's key, the statement in it the one sent, and every record under its
/// provider's key. A refusal ends with code 77 and names its entry in the log; that no record was found is an answer.
#[derive(Args)]
#[command(group = ArgGroup::new("by").required(true))]
pub(super) struct Query {
    #[command(flatten)]
    as_system: AsSystem,
    /// The resource, such as samr.business-licence
    #[arg(long, value_name = "ID")]
    resource: ResourceId,
    /// The purpose code 用途, one that the agreement allows
    #[arg(long, value_name = "CODE")]
    purpose: Code,
    /// The matter code 事项编码
    #[arg(long, value_name = "CODE")]
    matter: Code,
    /// The case number 办件编号; the log holds only a commitment to it
    #[arg(long, value_name = "TEXT")]
    case: String,
    /// Who asks, by the department's own name for them; only a pseudonym leaves this system
    #[arg(long, value_name = "ID")]
    operator: String,
    /// The code of a field asked for, such as CZZT; repeat for more. All or nothing
    #[arg(long = "field", value_name = "CODE", required = true)]
    fields: Vec<FieldCode>,
    /// The identifiers of the records themselves
    #[arg(long, value_name = "ID", num_args = 1.., group = "by")]
    by_record: Vec<String>,
    /// The identifiers of the records' holders: credit codes or citizen ids
    #[arg(long, value_name = "ID", num_args = 1.., group = "by")]
    by_holder: Vec<String>,
    /// The agreement to use [default: the one with the lowest id that permits]
    #[arg(long, value_name = "ID")]
    agreement: Option<AgreementId>,
    /// Save the evidence in this folder: receipts/, credentials/, keys/ and log.vkey
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

/// An answer as it is printed.
#[derive(Serialize)]
struct Answer {
    entry: u64,
    time: String,
    agreement: String,
    agreement_version: u32,
    records: Vec<Found>,
    withheld: Vec<Withheld>,
    /// The last day on which what was released may be kept.
    keep_until: Option<String>,
    saved: Vec<PathBuf>,
}

/// A record that misses the agreement's row condition, as it is printed.
#[derive(Serialize)]
struct Withheld {
    lookup: u32,
    handle: String,
    version: u32,
}

/// A record as it is printed.
#[derive(Serialize)]
struct Found {
    lookup: u32,
    handle: String,
    version: u32,
    status: &'static str,
    publication_index: u64,
    fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    /// Of an annotated copy, the record that it was made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_of: Option<CopyOf>,
}

/// The original of a copy, as it is printed.
#[derive(Serialize)]
struct CopyOf {
    handle: String,
    status: &'static str,
}

impl Answer {
    fn new(answer: QueryAnswer, saved: Vec<PathBuf>) -> Self {
        Self {
            entry: answer.receipt.index,
            time: answer.receipt.time().to_string(),
            agreement: answer.agreement.0.to_string(),
            agreement_version: answer.agreement.1,
            keep_until: answer.retention_days.map(|days| last_day(answer.receipt.time(), days).to_string()),
            records: answer.records.into_iter().map(Found::new).collect(),
            withheld: answer.withheld.iter().map(Withheld::new).collect(),
            saved,
        }
    }
}

/// The last civil day on which what was released at a time may be kept for so many days.
fn last_day(released: Time, days: u32) -> Date {
    date_of_days(days_of_date(released.civil_day(CIVIL_OFFSET_SECONDS)) + i64::from(days))
}

impl Withheld {
    fn new(withheld: &RecordWithheld) -> Self {
        Self { lookup: withheld.lookup, handle: withheld.handle.to_string(), version: withheld.version }
    }
}

impl Found {
    fn new(record: Record) -> Self {
        Self {
            lookup: record.lookup,
            handle: record.handle.to_string(),
            version: record.version,
            status: status(record.status),
            publication_index: record.publication_index,
            fields: record.fields,
            replaces: record.replaces.map(|handle| handle.to_string()),
            copy_of: record
                .original
                .map(|original| CopyOf { handle: original.handle.to_string(), status: status(original.status) }),
        }
    }
}

fn status(status: RecordStatus) -> &'static str {
    match status {
        RecordStatus::Active => "ACTIVE",
        RecordStatus::Suspended => "SUSPENDED",
        RecordStatus::Revoked => "REVOKED",
        RecordStatus::Expired => "EXPIRED",
        RecordStatus::Superseded => "SUPERSEDED",
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "permitted under {} version {}: entry {}, {}",
            self.agreement, self.agreement_version, self.entry, self.time
        )?;
        if self.records.is_empty() && self.withheld.is_empty() {
            write!(f, "\nno record found")?;
        }
        for record in &self.records {
            let successor = if record.replaces.is_some() { ", replaced by" } else { "" };
            write!(f, "\n\nlookup {}{successor}: version {}, {}", record.lookup + 1, record.version, record.status)?;
            if let Some(original) = &record.copy_of {
                write!(f, "\n    annotated copy 加注件 of {}, {}", original.handle, original.status)?;
                if record.status == status(RecordStatus::Active) && record.fields.is_empty() {
                    write!(f, "; made for another purpose")?;
                }
            }
            for (code, value) in &record.fields {
                // A string's own text; everything else as JSON has it.
                match value.as_str() {
                    Some(text) => write!(f, "\n  {code}: {text}")?,
                    None => write!(f, "\n  {code}: {value}")?,
                }
            }
        }
        for withheld in &self.withheld {
            let Withheld { lookup, version, .. } = withheld;
            write!(
                f,
                "\n\nlookup {}: version {version}, withheld: it misses the agreement's row condition 不符合记录条件",
                lookup + 1
            )?;
        }
        if let Some(day) = &self.keep_until {
            write!(f, "\nkeep no longer than {day} 保存期限")?;
        }
        self.saved.iter().try_for_each(|path| write!(f, "\nsaved {}", path.display()))
    }
}

impl Run for Query {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let answer = block_on(async {
            let client = self.as_system.connect().await?;
            let answer = match client.query(&self.request()).await {
                Err(Error::Refused(refused)) => return Err(self.refused(&client, &refused).await),
                answer => answer.or_hub("the query was not answered")?,
            };
            let mut saved = Vec::new();
            if let Some(folder) = &self.save {
                let mut evidence = Evidence::in_folder(folder, client.log_key())?;
                evidence.answer(&answer)?;
                saved = evidence.saved();
            }
            Ok(Answer::new(answer, saved))
        })?;
        output.print(&answer)?;
        Ok(Exit::Success)
    }
}

impl Query {
    fn request(&self) -> QueryRequest {
        QueryRequest {
            resource: self.resource.clone(),
            purpose: self.purpose.clone(),
            matter: self.matter.clone(),
            case: self.case.clone(),
            operator: self.operator.clone(),
            agreement: self.agreement.clone(),
            fields: self.fields.iter().cloned().collect(),
            by: if self.by_record.is_empty() {
                Lookup::Holder(self.by_holder.clone())
            } else {
                Lookup::Record(self.by_record.clone())
            },
        }
    }

    /// A refusal, with what its agreement would allow; with `--save`, its receipt is saved.
    async fn refused(&self, client: &Client, refused: &Refused) -> anyhow::Error {
        let mut explained = Explained::new(refused);
        if let Some((id, version)) = &refused.agreement {
            // Only an addition: a refusal stands without it.
            if let Ok(shown) = client.agreement(id, Some(*version)).await {
                explained.allowed = allowed(refused.reason, &shown.version.text);
            }
        }
        let error: anyhow::Result<()> = Err(anyhow::Error::msg(explained));
        let saved = match &self.save {
            Some(folder) => save_refusal(client, refused, folder).await,
            None => Ok(()),
        };
        match saved {
            Ok(()) => error.or_exit(Exit::Refused, "the query was refused"),
            Err(failed) => error.or_exit(Exit::Refused, format!("the query was refused; its receipt: {failed:#}")),
        }
        .err()
        .unwrap_or_else(|| anyhow::anyhow!("the query was refused"))
    }
}

async fn save_refusal(client: &Client, refused: &Refused, folder: &std::path::Path) -> anyhow::Result<()> {
    let receipt = client.refusal_receipt(refused).await.or_hub("cannot fetch it")?;
    Evidence::in_folder(folder, client.log_key())?.receipt(&receipt)
}

/// What an agreement allows of the kind that it refused.
fn allowed(reason: RefusalReason, text: &AgreementText) -> Option<String> {
    fn list(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
        items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
    }
    Some(match reason {
        RefusalReason::FieldNotAgreed => list(&text.fields),
        RefusalReason::PurposeNotAgreed => list(&text.purposes),
        RefusalReason::MatterNotAgreed => list(&text.matters),
        RefusalReason::LookupNotAgreed => list(text.lookups.iter().map(|lookup| format!("by {}", lookup.as_str()))),
        RefusalReason::BatchLimitExceeded => format!("{} lookups in one query", text.batch_limit),
        RefusalReason::MinuteLimitExceeded => format!("{} records a minute", text.minute_limit?),
        RefusalReason::NetworkNotAllowed => list(&text.networks),
        RefusalReason::QuotaExhausted => format!("{} records a day", text.daily_limit),
        RefusalReason::AgreementNotYetValid | RefusalReason::AgreementExpired => {
            format!("from {} until {}", text.valid_from, text.valid_until)
        }
        _ => return None,
    })
}
