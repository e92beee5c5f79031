//! `hutong agreement list`.

use clap::Args;
use serde::Serialize;

use super::{awaited, standing};
use crate::{
    cli::{
        Exit, Output, Row, Run, block_on, now,
        system::{AsSystem, OrHub as _},
        when::CIVIL_OFFSET_SECONDS,
    },
    client::ShownAgreement,
    domain::{
        answer::{Due, Pending},
        calendar::Calendar,
        time::{Moment, Time},
    },
    wire::proto::AgreementSelection,
};

/// List the agreements that this system may read, each in its newest version
///
/// What waits for an answer says whose, the last day on which it is in time, and how many working days are left.
#[derive(Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    as_system: AsSystem,
    /// Only those that wait for an answer, what is due first first
    #[arg(long)]
    due: bool,
    /// Only those whose answer is overdue 逾期
    #[arg(long, conflicts_with = "due")]
    overdue: bool,
}

/// An agreement in one line.
#[derive(Serialize)]
struct Listed {
    agreement: String,
    version: u32,
    state: &'static str,
    consumer: String,
    provider: String,
    resource: String,
    valid_from: String,
    valid_until: String,
    digest: String,
    /// Whose answer it waits for: `provider` or `authority`.
    awaits: Option<&'static str>,
    /// Since when.
    waiting_since: Option<String>,
    is_extension: bool,
    /// Whether the answer was deferred 延长答复.
    is_deferred: bool,
    /// By how many working days it may be deferred still.
    deferral_days: u32,
    /// The last day on which the answer is in time.
    answer_due: Option<String>,
    /// The working days after today up to that day.
    working_days_left: Option<u32>,
    overdue: bool,
    /// The years of which the calendar is not known, so that the day may be later.
    unknown_years: Vec<i16>,
    #[serde(skip)]
    awaits_zh: &'static str,
    #[serde(skip)]
    is_mine: bool,
}

impl Listed {
    fn new(shown: &ShownAgreement, calendar: &Calendar, department: &str, now: Time) -> Self {
        let text = &shown.version.text;
        let pending = shown.pending.as_ref();
        let due = pending.and_then(|pending| pending.due.as_ref());
        let awaited = pending.map(|pending| awaited(pending.awaited));
        let left = |due: &Due| calendar.between(now.civil_day(CIVIL_OFFSET_SECONDS), due.day);
        Self {
            agreement: text.agreement_id.to_string(),
            version: text.version,
            state: standing(&shown.version, now).0,
            consumer: text.consumer.as_str().to_owned(),
            provider: text.provider.as_str().to_owned(),
            resource: text.resource_id.to_string(),
            valid_from: text.valid_from.to_string(),
            valid_until: text.valid_until.to_string(),
            digest: shown.version.digest.to_string(),
            awaits: awaited.map(|(code, _)| code),
            waiting_since: pending.map(|pending| pending.since.to_string()),
            is_extension: pending.is_some_and(|pending| pending.is_extension),
            is_deferred: pending.is_some_and(|pending| pending.is_deferred),
            deferral_days: pending.map_or(0, |pending| pending.deferral_days),
            answer_due: due.map(|due| due.day.to_string()),
            working_days_left: due.map(left),
            overdue: pending.is_some_and(|pending| pending.is_overdue(&Moment::new(now))),
            unknown_years: due.iter().flat_map(|due| due.unknown_years.iter().copied()).collect(),
            awaits_zh: awaited.map_or("", |(_, zh)| zh),
            is_mine: awaited == Some(super::awaited(crate::domain::answer::Awaited::Provider))
                && department == text.provider.as_str(),
        }
    }

    /// Who must act by when, in a cell.
    fn answer(&self) -> String {
        let Some(awaits) = self.awaits else { return "-".to_owned() };
        let who =
            if self.is_mine { "this department 本部门".to_owned() } else { format!("{awaits} {}", self.awaits_zh) };
        let extension = if self.is_extension { " (extension 延期)" } else { "" };
        let deferred = if self.is_deferred { " (deferred 已延长)" } else { "" };
        let by = match (&self.answer_due, self.working_days_left) {
            (Some(day), _) if self.overdue => format!(" by {day}, OVERDUE 逾期"),
            (Some(day), Some(left)) => format!(" by {day}, {left} working days left 剩{left}个工作日"),
            _ => String::new(),
        };
        format!("{who}{by}{extension}{deferred}")
    }
}

impl Row for Listed {
    const HEADINGS: &'static [&'static str] =
        &["AGREEMENT", "VERSION", "STATE", "CONSUMER", "PROVIDER", "RESOURCE", "AWAITS 待办"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.agreement.clone(),
            self.version.to_string(),
            self.state.to_owned(),
            self.consumer.clone(),
            self.provider.clone(),
            self.resource.clone(),
            self.answer(),
        ]
    }
}

/// What has no deadline comes after what has one.
fn by_deadline(shown: &ShownAgreement) -> (bool, Option<Time>) {
    let due = shown.pending.as_ref().and_then(|pending: &Pending| pending.due.as_ref()).map(|due| due.until);
    (due.is_none(), due)
}

impl Run for List {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let selection = match (self.due, self.overdue) {
            (true, _) => AgreementSelection::Pending,
            (_, true) => AgreementSelection::Overdue,
            _ => AgreementSelection::Unspecified,
        };
        let (mut agreements, calendar, department) = block_on(async {
            let client = self.as_system.connect().await?;
            let agreements = client.agreements(selection).await.or_hub("cannot list the agreements")?;
            let is_due = |shown: &ShownAgreement| shown.pending.as_ref().is_some_and(|pending| pending.due.is_some());
            let calendar = if agreements.iter().any(is_due) {
                client.calendar().await.or_hub("cannot read the calendar")?
            } else {
                Calendar::default()
            };
            Ok::<_, anyhow::Error>((agreements, calendar, *client.system().department()))
        })?;
        if self.due || self.overdue {
            agreements.sort_by_key(by_deadline);
        }
        let now = now()?;
        let listed = agreements.iter().map(|shown| Listed::new(shown, &calendar, department.as_str(), now));
        output.list(&listed.collect::<Vec<_>>())?;
        Ok(Exit::Success)
    }
}
