//! `hutong trace`.

use clap::Args;
use serde::Serialize;

use super::{
    Exit, OrExit as _, Output, Row, Run, block_on,
    search::Search,
    system::{AsSystem, OrHub as _},
};
use crate::{
    client::{Holder, TraceRequest, TracedExchange},
    domain::{
        id::Code,
        outcome::Outcome,
        statement::Statement,
        time::{Date, Time},
    },
    sign::commitment::Scheme,
};

/// The offset from UTC of the days that are named, in seconds: +08:00.
const DAY_OFFSET_SECONDS: i32 = 8 * 3_600;

/// Find out who asked about a holder, as far as the hub keeps openings
///
/// Needs the trace capability, and is itself entered in the log. Each exchange printed is proven: its entry is in the log, and its
/// statement commits to what is said of it. Found are queries that named the holder, or a record of which it is the holder
/// now, refused ones too, and earlier traces. Not found is what was erased, and who asked for a record that the hub never had.
#[derive(Args)]
pub(super) struct Trace {
    #[command(flatten)]
    as_system: AsSystem,
    /// The holder: `uscc`, `citizen-id` or a holder code type 持证主体代码类型 such as 414, and the identifier
    #[arg(long, num_args = 2, value_names = ["TYPE", "VALUE"], required = true)]
    holder: Vec<String>,
    /// The case number 办件编号, such as that of the holder's request; the log holds only a commitment to it
    #[arg(long, value_name = "TEXT")]
    case: String,
    /// The purpose code 用途
    #[arg(long, value_name = "CODE", default_value = "holder-request")]
    purpose: Code,
    /// The legal basis 使用依据; the log holds only a commitment to it
    #[arg(long, value_name = "TEXT")]
    basis: Option<String>,
    /// Only what was entered on this day or later (+08:00)
    #[arg(long, value_name = "YYYY-MM-DD")]
    since: Option<Date>,
    /// Only what was entered before this day (+08:00)
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<Date>,
}

/// An exchange as it is printed.
#[derive(Serialize)]
struct Found {
    entry: u64,
    time: String,
    department: String,
    system: String,
    kind: &'static str,
    resource: Option<String>,
    purpose: String,
    case: Option<String>,
    fields: Vec<String>,
    named_by: &'static str,
    outcome: String,
}

impl Row for Found {
    const HEADINGS: &'static [&'static str] = &[
        "ENTRY",
        "TIME 时间",
        "DEPARTMENT 部门",
        "RESOURCE 信息资源",
        "FIELDS 信息项",
        "PURPOSE 用途",
        "CASE 办件",
        "BY",
        "OUTCOME 结果",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.entry.to_string(),
            self.time.clone(),
            self.department.clone(),
            self.resource.clone().unwrap_or_else(|| self.kind.to_owned()),
            self.fields.join(" "),
            self.purpose.clone(),
            self.case.clone().unwrap_or_default(),
            self.named_by.to_owned(),
            self.outcome.clone(),
        ]
    }
}

impl Found {
    fn new(exchange: &TracedExchange) -> Self {
        let (kind, resource, purpose, fields) = match &exchange.receipt.statement {
            Some(Statement::Query(_, query)) => {
                let fields = query.fields.iter().map(ToString::to_string).collect();
                ("query", Some(query.resource_id.to_string()), query.purpose.to_string(), fields)
            }
            Some(Statement::Trace(_, trace)) => ("trace", None, trace.purpose.to_string(), Vec::new()),
            // No other statement is an exchange about a holder: the library lets none pass.
            _ => ("", None, String::new(), Vec::new()),
        };
        let by_holder = |scheme: Scheme| matches!(scheme, Scheme::Uscc | Scheme::CitizenId);
        let named_by = if exchange.names.iter().any(|name| by_holder(name.scheme())) { "holder" } else { "record" };
        Self {
            entry: exchange.receipt.index,
            time: exchange.receipt.time().to_string(),
            department: exchange.actor.department().as_str().to_owned(),
            system: exchange.actor.to_string(),
            kind,
            resource,
            purpose,
            case: exchange.case.clone(),
            fields,
            named_by,
            outcome: match exchange.receipt.outcome() {
                Outcome::Refused(refusal) => format!("refused: {}", refusal.reason),
                Outcome::QueryPermitted(permitted) => format!("{} records", permitted.records.len()),
                Outcome::HolderTraced(traced) => format!("{} exchanges", traced.exchanges),
                other => crate::client::verify::outcome_in_words(other),
            },
        }
    }
}

impl Trace {
    fn request(&self) -> anyhow::Result<TraceRequest> {
        let [code_type, value] = self.holder.as_slice() else { anyhow::bail!("--holder takes a type and a value") };
        let start = |day: Date| Time::start_of(day, DAY_OFFSET_SECONDS);
        Ok(TraceRequest {
            holder: Holder::new(code_type, value).or_exit(Exit::BadInput, "no such holder")?,
            purpose: self.purpose.clone(),
            case: self.case.clone(),
            legal_basis: self.basis.clone(),
            since: self.since.map(start),
            until: self.until.map(start),
        })
    }
}

impl Run for Trace {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let request = self.request()?;
        let answer = block_on(async {
            let client = self.as_system.connect().await?;
            let search = Search::begin();
            let answer = client.trace(&request, |progress| search.told(progress)).await;
            drop(search);
            answer.or_hub("nothing was found out")
        })?;
        let found: Vec<Found> = answer.exchanges.iter().map(Found::new).collect();
        output.list(&found)?;
        if !output.is_json() {
            eprintln!("{} exchanges, each proven; this trace is entry {}", found.len(), answer.receipt.index);
        }
        Ok(Exit::Success)
    }
}
