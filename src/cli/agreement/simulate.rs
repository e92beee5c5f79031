//! `hutong agreement simulate`.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::{
    cli::{
        Exit, Output, Run, block_on,
        system::{AsSystem, OrHub as _},
        when::When,
    },
    client::Client,
    domain::{
        catalog::Resource,
        decide::Term,
        id::{AgreementId, Code, FieldCode, ResourceId},
        identifier::Uscc,
        outcome::RefusalReason,
    },
    wire::{self, proto},
};

/// Tell whether a query would be answered, and if not, which term of which agreement says no
///
/// The hub decides as on a real query; nothing is entered in the log and nothing counted. Records are not looked at: their status, and
/// whether they meet a row condition, are seen when they are asked for. Exit code 0: it would be answered; 1: it would not.
#[derive(Args)]
pub(in crate::cli) struct Simulate {
    #[command(flatten)]
    as_system: AsSystem,
    /// The resource
    #[arg(long, value_name = "ID")]
    resource: ResourceId,
    /// The purpose code 用途
    #[arg(long, value_name = "CODE")]
    purpose: Code,
    /// The matter code 事项编码
    #[arg(long, value_name = "CODE")]
    matter: Code,
    /// The code of a field asked for; repeat for more
    #[arg(long = "field", value_name = "CODE", required = true)]
    fields: Vec<FieldCode>,
    /// How the records would be named
    #[arg(long, value_enum, default_value_t = By::Record)]
    by: By,
    /// How many records or holders would be named
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    count: u32,
    /// The agreement to use [default: the one with the lowest id that permits]
    #[arg(long, value_name = "ID")]
    agreement: Option<AgreementId>,
    /// The consumer, for others who may know [default: this system's department]
    #[arg(long, value_name = "USCC")]
    consumer: Option<Uscc>,
    /// From which address [default: this machine's, as the hub sees it]
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// When: a day, of which the beginning is meant, or a time with an offset [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// By the records' identifiers 按证照标识
    Record,
    /// By the holders' identifiers 按持证主体
    Holder,
}

/// What would become of it.
#[derive(Serialize)]
struct Simulated {
    permitted: bool,
    agreement: Option<String>,
    agreement_version: Option<u32>,
    depends_on_record: bool,
    reason: Option<&'static str>,
    en: String,
    zh: String,
    agreements: Vec<Verdict>,
}

#[derive(Serialize)]
struct Verdict {
    agreement: String,
    version: u32,
    terms: Vec<TermTold>,
}

#[derive(Serialize)]
struct TermTold {
    term: &'static str,
    met: bool,
    reason: Option<&'static str>,
    detail: String,
    en: String,
    zh: String,
}

/// A term by its code, in English and in Chinese, as what it asks for.
fn words(term: Term) -> (&'static str, &'static str, &'static str) {
    match term {
        Term::NotTerminated => ("not_terminated", "has not ended for good", "未终止"),
        Term::Activated => ("activated", "was put into force", "已生效"),
        Term::NotExpired => ("not_expired", "has not expired", "未到期"),
        Term::Begun => ("begun", "has begun", "已到起始日"),
        Term::NotSuspended => ("not_suspended", "is not suspended", "未暂停"),
        Term::Accepted => ("accepted", "has the provider's acceptance where it needs one", "需要时已经提供方同意"),
        Term::Condition => ("condition", "has a row condition that fits the catalog", "记录条件与目录相符"),
        Term::Lookup => ("lookup", "allows the lookup", "含查询方式"),
        Term::Purpose => ("purpose", "allows the purpose", "含用途"),
        Term::Matter => ("matter", "allows the matter", "含事项"),
        Term::Fields => ("fields", "gives the fields", "含信息项"),
        Term::BatchLimit => ("batch_limit", "allows so many in one query", "不超过单次限额"),
        Term::Networks => ("networks", "allows the network", "在允许的网段内"),
        Term::MinuteLimit => ("minute_limit", "allows so many in this minute", "不超过每分钟限额"),
        Term::DailyLimit => ("daily_limit", "allows so many on this day", "不超过每日限额"),
    }
}

/// Why not, of a version of an agreement.
fn no(reason: RefusalReason, detail: &str, resource: Option<&Resource>) -> (String, String) {
    let field = || {
        let name = resource.and_then(|resource| resource.field(detail)).map_or("", |field| field.name.as_str());
        format!("{detail} {name}").trim_end().to_owned()
    };
    match reason {
        RefusalReason::AgreementTerminated => ("has ended for good".to_owned(), "已终止".to_owned()),
        RefusalReason::AgreementNotActivated => ("is not in force".to_owned(), "尚未生效".to_owned()),
        RefusalReason::AgreementExpired => (format!("has expired: {detail}"), format!("已到期（{detail}）")),
        RefusalReason::AgreementNotYetValid => (format!("has not begun: {detail}"), format!("未到起始日（{detail}）")),
        RefusalReason::AgreementSuspended => ("is suspended".to_owned(), "已暂停".to_owned()),
        RefusalReason::AcceptanceMissing => {
            (format!("lacks the provider's acceptance of {}", field()), format!("信息项 {} 未经提供方同意", field()))
        }
        RefusalReason::LookupNotAgreed => {
            (format!("does not allow lookups by {detail}"), format!("不含查询方式 {detail}"))
        }
        RefusalReason::PurposeNotAgreed => {
            (format!("does not allow the purpose {detail}"), format!("不含用途 {detail}"))
        }
        RefusalReason::MatterNotAgreed => (format!("does not allow the matter {detail}"), format!("不含事项 {detail}")),
        RefusalReason::FieldNotAgreed => {
            (format!("does not give the field {}", field()), format!("不含信息项 {}", field()))
        }
        RefusalReason::BatchLimitExceeded => {
            (format!("does not allow so many in one query: {detail}"), format!("超过单次限额（{detail}）"))
        }
        RefusalReason::NetworkNotAllowed => ("does not allow this network".to_owned(), "不含该网段".to_owned()),
        RefusalReason::MinuteLimitExceeded => {
            (format!("does not allow so many a minute: {detail}"), format!("超过每分钟限额（{detail}）"))
        }
        RefusalReason::QuotaExhausted => {
            (format!("does not allow so many a day: {detail}"), format!("超过每日限额（{detail}）"))
        }
        other => (format!("says no: {other} {detail}"), format!("不允许（{other} {detail}）")),
    }
}

impl TermTold {
    fn new(verdict: &proto::TermVerdict, resource: Option<&Resource>) -> Option<Self> {
        let term = wire::term_of_verdict(verdict)?;
        let reason = RefusalReason::from_number(verdict.reason);
        let (code, met_en, met_zh) = words(term);
        let (en, zh) = reason
            .map_or_else(|| (met_en.to_owned(), met_zh.to_owned()), |reason| no(reason, &verdict.detail, resource));
        let (met, detail) = (reason.is_none(), verdict.detail.clone());
        Some(Self { term: code, met, reason: reason.map(RefusalReason::as_str), detail, en, zh })
    }
}

impl Simulated {
    fn new(answer: &proto::SimulateQueryResponse, resource: Option<&Resource>) -> Self {
        let refused = answer.refused.as_ref();
        let reason = refused.and_then(|refused| RefusalReason::from_number(refused.reason));
        let (en, zh) = match (refused, reason) {
            (Some(refused), Some(reason)) if !refused.agreement_id.is_empty() => {
                let (en, zh) = no(reason, &refused.term, resource);
                let (id, version) = (&refused.agreement_id, refused.agreement_version);
                (format!("agreement {id} version {version} {en}"), format!("协议 {id} 第 {version} 版{zh}"))
            }
            (Some(refused), Some(reason)) => of_hub(reason, &refused.term, resource),
            _ => {
                let (id, version) = (&answer.agreement_id, answer.agreement_version);
                let (en, zh) = if answer.depends_on_record {
                    ("; each record only if it meets the row condition", "；每条记录须符合记录条件")
                } else {
                    ("", "")
                };
                (format!("under agreement {id} version {version}{en}"), format!("依据协议 {id} 第 {version} 版{zh}"))
            }
        };
        let verdict = |verdict: &proto::AgreementVerdict| Verdict {
            agreement: verdict.agreement_id.clone(),
            version: verdict.version,
            terms: verdict.terms.iter().filter_map(|term| TermTold::new(term, resource)).collect(),
        };
        let is_permitted = answer.is_permitted;
        Self {
            permitted: is_permitted,
            agreement: is_permitted.then(|| answer.agreement_id.clone()),
            agreement_version: is_permitted.then_some(answer.agreement_version),
            depends_on_record: answer.depends_on_record,
            reason: reason.map(RefusalReason::as_str),
            en,
            zh,
            agreements: answer.verdicts.iter().map(verdict).collect(),
        }
    }
}

/// Why the hub would refuse whatever was agreed, or since nothing was.
fn of_hub(reason: RefusalReason, detail: &str, resource: Option<&Resource>) -> (String, String) {
    let name = resource.and_then(|resource| resource.field(detail)).map_or("", |field| field.name.as_str());
    match reason {
        RefusalReason::ResourceUnknown => (format!("the catalog has no {detail}"), format!("目录中没有 {detail}")),
        RefusalReason::FieldUnknown => {
            (format!("the resource has no field {detail}"), format!("信息资源没有信息项 {detail}"))
        }
        RefusalReason::FieldNotShared => {
            (format!("the field {detail} {name} is not shared"), format!("信息项 {detail} {name} 不予共享"))
        }
        RefusalReason::NoAgreement => {
            (format!("there is no agreement on {detail}"), format!("没有关于 {detail} 的共享协议"))
        }
        other => (format!("the hub refuses: {other} {detail}"), format!("共享平台拒绝：{other} {detail}")),
    }
}

impl fmt::Display for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (en, zh) =
            if self.permitted { ("would be answered", "可以查询") } else { ("would be refused", "将被拒绝") };
        write!(f, "{en}: {}\n{zh}：{}", self.en, self.zh)?;
        for verdict in &self.agreements {
            write!(f, "\n{} version {}", verdict.agreement, verdict.version)?;
            for term in &verdict.terms {
                let mark = if term.met { "yes 是" } else { "NO 否 " };
                write!(f, "\n  {mark}  {} {}", term.zh, term.en)?;
            }
        }
        Ok(())
    }
}

impl Simulate {
    fn request(&self) -> proto::SimulateQueryRequest {
        let fields: BTreeSet<_> = self.fields.iter().collect();
        proto::SimulateQueryRequest {
            consumer: self.consumer.map(|uscc| uscc.as_str().to_owned()).unwrap_or_default(),
            resource_id: self.resource.to_string(),
            purpose: self.purpose.to_string(),
            matter: self.matter.to_string(),
            fields: fields.iter().map(ToString::to_string).collect(),
            lookup: match self.by {
                By::Record => proto::LookupKind::Record,
                By::Holder => proto::LookupKind::Holder,
            } as i32,
            lookup_count: self.count,
            agreement_id: self.agreement.as_ref().map(ToString::to_string).unwrap_or_default(),
            peer_address: self.address.map(|address| address.to_string()).unwrap_or_default(),
            time: self.at.map(|at| wire::timestamp(at.begin())),
        }
    }

    async fn ask(&self, client: &Client) -> anyhow::Result<Simulated> {
        let answer = client.simulate(self.request()).await.or_hub("cannot simulate the query")?;
        // Its names of fields are for people; without it the codes must do.
        let resource = client.resource(&self.resource).await.ok();
        Ok(Simulated::new(&answer, resource.as_ref().map(|entry| entry.resource.as_ref())))
    }
}

impl Run for Simulate {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let simulated = block_on(async {
            let client = self.as_system.connect().await?;
            self.ask(&client).await
        })?;
        output.print(&simulated)?;
        Ok(if simulated.permitted { Exit::Success } else { Exit::Findings })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn what_says_no_is_told_in_plain_words_of_both_languages() {
        let catalog = crate::catalog::parse(include_bytes!("../../../deploy/examples/catalog.toml")).unwrap();
        let resource = &catalog.resources[0];
        let no = |term: proto::AgreementTerm, reason: RefusalReason, detail: &str| proto::TermVerdict {
            term: term as i32,
            reason: reason.number(),
            detail: detail.to_owned(),
        };
        let fields = no(proto::AgreementTerm::Fields, RefusalReason::FieldNotAgreed, "CZZTDM");
        let verdict = proto::AgreementVerdict {
            agreement_id: "housing".to_owned(),
            version: 2,
            terms: vec![proto::TermVerdict { reason: 0, detail: String::new(), ..fields.clone() }, fields],
        };
        let refused = proto::Refused {
            reason: RefusalReason::FieldNotAgreed.number(),
            term: "CZZTDM".to_owned(),
            agreement_id: "housing".to_owned(),
            agreement_version: 2,
            ..proto::Refused::default()
        };
        let answer = proto::SimulateQueryResponse {
            refused: Some(refused),
            verdicts: vec![verdict],
            ..proto::SimulateQueryResponse::default()
        };
        let told = Simulated::new(&answer, Some(resource)).to_string();
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(
            lines[0],
            "would be refused: agreement housing version 2 does not give the field CZZTDM 统一社会信用代码"
        );
        assert_eq!(lines[1], "将被拒绝：协议 housing 第 2 版不含信息项 CZZTDM 统一社会信用代码");
        assert_eq!(lines[3], "  yes 是  含信息项 gives the fields");
        assert_eq!(
            lines[4],
            "  NO 否   不含信息项 CZZTDM 统一社会信用代码 does not give the field CZZTDM 统一社会信用代码"
        );
    }
}
