//! `hutong agreement show`.

use std::fmt;

use clap::Args;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::{awaited, lookup, standing};
use crate::{
    cli::{
        Exit, Output, Run, block_on, now,
        system::{AsSystem, OrHub as _},
        when::CIVIL_OFFSET_SECONDS,
    },
    client::ShownAgreement,
    domain::{
        agreement::{AgreementState, AgreementVersion},
        id::AgreementId,
        time::Time,
    },
};

/// Show an agreement: the text that is signed, its digest, where it stands and which entries brought it there
///
/// The digest was computed here from the text shown, and the free texts were checked against its commitments.
#[derive(Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    as_system: AsSystem,
    /// The agreement
    #[arg(value_name = "ID")]
    agreement: AgreementId,
    /// The version [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    agreement_version: Option<u32>,
}

/// An agreement in full.
#[derive(Serialize)]
pub(super) struct Shown {
    agreement: String,
    version: u32,
    state: &'static str,
    #[serde(skip)]
    state_zh: &'static str,
    suspended_by: Option<String>,
    reason: Option<String>,
    awaits: Option<&'static str>,
    #[serde(skip)]
    awaits_zh: &'static str,
    is_extension: bool,
    is_deferred: bool,
    answer_due: Option<String>,
    hub: String,
    consumer: String,
    provider: String,
    resource: String,
    fields: Vec<String>,
    purposes: Vec<String>,
    matters: Vec<String>,
    lookups: Vec<&'static str>,
    #[serde(skip)]
    lookups_zh: Vec<&'static str>,
    valid_from: String,
    valid_until: String,
    daily_limit: u64,
    minute_limit: Option<u64>,
    batch_limit: u32,
    networks: Vec<String>,
    condition: Option<String>,
    condition_zh: Option<String>,
    retention_days: Option<u32>,
    legal_basis: Option<String>,
    scenario: Option<String>,
    scope: Option<String>,
    digest: String,
    previous_digest: Option<String>,
    accepted: bool,
    #[serde(skip)]
    signed_by: Vec<&'static str>,
    entries: Vec<u64>,
}

impl Shown {
    pub(super) fn new(shown: &ShownAgreement, now: Time) -> Self {
        let (version, text) = (&shown.version, &shown.version.text);
        let (state, state_zh) = standing(version, now);
        let pending = shown.pending.as_ref();
        let (lookups, lookups_zh) = text.lookups.iter().copied().map(lookup).unzip();
        Self {
            agreement: text.agreement_id.to_string(),
            version: text.version,
            state,
            state_zh,
            suspended_by: version.suspended_by.map(|uscc| uscc.as_str().to_owned()),
            reason: shown.reason().map(str::to_owned),
            awaits: pending.map(|pending| awaited(pending.awaited).0),
            awaits_zh: pending.map_or("", |pending| awaited(pending.awaited).1),
            is_extension: pending.is_some_and(|pending| pending.is_extension),
            is_deferred: pending.is_some_and(|pending| pending.is_deferred),
            answer_due: pending.and_then(|pending| pending.due.as_ref()).map(|due| due.day.to_string()),
            hub: text.hub.to_string(),
            consumer: text.consumer.as_str().to_owned(),
            provider: text.provider.as_str().to_owned(),
            resource: text.resource_id.to_string(),
            fields: text.fields.iter().map(ToString::to_string).collect(),
            purposes: text.purposes.iter().map(ToString::to_string).collect(),
            matters: text.matters.iter().map(ToString::to_string).collect(),
            lookups,
            lookups_zh,
            valid_from: local(text.valid_from),
            valid_until: local(text.valid_until),
            daily_limit: text.daily_limit,
            minute_limit: text.minute_limit,
            batch_limit: text.batch_limit,
            networks: text.networks.iter().map(ToString::to_string).collect(),
            condition: text.condition.as_ref().map(ToString::to_string),
            condition_zh: text.condition.as_ref().map(|condition| condition.in_chinese().to_string()),
            retention_days: text.retention_days,
            legal_basis: shown.legal_basis().map(str::to_owned),
            scenario: shown.scenario().map(str::to_owned),
            scope: shown.scope().map(str::to_owned),
            digest: version.digest.to_string(),
            previous_digest: text.previous_digest.map(|digest| digest.to_string()),
            accepted: version.accepted,
            signed_by: signed_by(version),
            entries: version.entry_indexes.clone(),
        }
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let paired = |codes: &[&str], names: &[&str]| {
            let pairs = codes.iter().zip(names).map(|(code, name)| format!("{code} {name}"));
            pairs.collect::<Vec<_>>().join(", ")
        };
        let networks = if self.networks.is_empty() { "any 不限".to_owned() } else { self.networks.join(", ") };
        let minute_limit = self.minute_limit.map_or("-".to_owned(), |limit| format!("{limit} records 条"));
        let retention = self.retention_days.map_or("-".to_owned(), |days| format!("{days} days 天"));
        let matters = if self.matters.is_empty() { "any 不限".to_owned() } else { self.matters.join(", ") };
        let state = match &self.suspended_by {
            Some(uscc) => format!("{} {}, by {uscc}", self.state, self.state_zh),
            None => format!("{} {}", self.state, self.state_zh),
        };
        let entries: Vec<_> = self.entries.iter().map(ToString::to_string).collect();
        let mut lines = vec![
            ("agreement 共享协议", format!("{}, version {}", self.agreement, self.version)),
            ("state 状态", state),
        ];
        lines.extend(self.reason.iter().map(|reason| ("reason 原因", reason.clone())));
        if let Some(awaits) = self.awaits {
            let due = self.answer_due.as_ref().map_or(String::new(), |day| format!(", due 应于 {day}"));
            let extension = if self.is_extension { ", an extension 延期" } else { "" };
            let deferred = if self.is_deferred { ", deferred 已延长" } else { "" };
            lines.push(("awaits 待办", format!("{awaits} {}{due}{extension}{deferred}", self.awaits_zh)));
        }
        lines.extend([
            ("hub 共享平台", self.hub.clone()),
            ("consumer 需求方", self.consumer.clone()),
            ("provider 提供方", self.provider.clone()),
            ("resource 信息资源", self.resource.clone()),
            ("fields 信息项", self.fields.join(", ")),
            ("purposes 用途", self.purposes.join(", ")),
            ("matters 事项", matters),
            ("lookups 查询方式", paired(&self.lookups, &self.lookups_zh)),
            ("valid from 有效期自", self.valid_from.clone()),
            ("valid until 有效期至", format!("{} (not included 不含)", self.valid_until)),
            ("daily limit 每日限额", format!("{} records 条", self.daily_limit)),
            ("minute limit 每分钟限额", minute_limit),
            ("batch limit 单次限额", format!("{} lookups 条", self.batch_limit)),
            ("networks 允许网段", networks),
            ("row condition", or_none(&self.condition)),
            ("记录条件", or_none(&self.condition_zh)),
            ("retention 保存期限", retention),
            ("legal basis 使用依据", or_none(&self.legal_basis)),
            ("scenario 使用场景", or_none(&self.scenario)),
            ("scope of use 使用范围", or_none(&self.scope)),
            ("previous SHA-256 上一版", or_none(&self.previous_digest)),
            ("SHA-256 of the text 协议摘要", self.digest.clone()),
            ("signed by 签署", self.signed_by.join(", ")),
            ("entries 存证", entries.join(", ")),
        ]);
        lines
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        let width = lines.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
        for (position, (name, text)) in lines.iter().enumerate() {
            let padding = " ".repeat(width.saturating_sub(name.width()));
            let end = if position + 1 < lines.len() { "\n" } else { "" };
            write!(f, "{name}{padding}  {text}{end}")?;
        }
        Ok(())
    }
}

/// Whose signature the text bears at least: whether one that ended was ever activated its entries say.
fn signed_by(version: &AgreementVersion) -> Vec<&'static str> {
    let activated = matches!(version.state, AgreementState::Active | AgreementState::Suspended);
    [(true, "consumer 需求方"), (version.accepted, "provider 提供方"), (activated, "administrator 共享主管部门")]
        .into_iter()
        .filter_map(|(signed, party)| signed.then_some(party))
        .collect()
}

/// A time by the clock of +08:00.
fn local(time: Time) -> String {
    let shifted = time.plus_seconds(CIVIL_OFFSET_SECONDS.into()).to_string();
    format!("{}+08:00", shifted.trim_end_matches('Z'))
}

impl Run for Show {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let shown = block_on(async {
            let client = self.as_system.connect().await?;
            client.agreement(&self.agreement, self.agreement_version).await.or_hub("cannot read the agreement")
        })?;
        output.print(&Shown::new(&shown, now()?))?;
        Ok(Exit::Success)
    }
}
