//! Entries as people read them.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, map::Entry as Slot};
use unicode_width::UnicodeWidthStr as _;

use crate::{
    domain::{
        agreement::AgreementText,
        answer::AnswerTerm,
        outcome::{Effect, Erased, Notice, Outcome, QueryPermitted, RecordViolation, RecordWithheld, Suppressed},
        statement::{
            AgreementConsent, Erasure, Genesis, Publication, PublishedRecord, Query, RuleChange, Statement, Trace,
        },
    },
    wire::{self, Entry},
};

/// An entry, decoded. It says nothing of whether the entry is right.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// Its index.
    pub index: u64,
    /// When it was sequenced.
    pub time: String,
    /// The kind of statement, or of what the hub tells of itself.
    pub kind: &'static str,
    /// The kind in Chinese.
    pub kind_zh: &'static str,
    /// Who acted; genesis is the hub's own.
    pub actor: Option<String>,
    /// The request id, in hexadecimal.
    pub request_id: Option<String>,
    /// When the actor signed.
    pub issued_at: Option<String>,
    /// The key that the signature names.
    pub key: Option<String>,
    /// The reason's code, where the statement was refused.
    pub reason: Option<&'static str>,
    /// What the statement says, each term with its name.
    #[serde(serialize_with = "by_name")]
    pub statement: Vec<(&'static str, String)>,
    /// What the hub did.
    #[serde(serialize_with = "by_name")]
    pub outcome: Vec<(&'static str, String)>,
}

/// Terms for machines: an object with the English names, a list where a name stands more than once.
fn by_name<S: Serializer>(terms: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = Map::new();
    for (name, value) in terms {
        let english: String = name.chars().take_while(char::is_ascii).collect();
        let value = Value::from(value.as_str());
        match object.entry(english.trim().replace(' ', "_")) {
            Slot::Vacant(vacant) => drop(vacant.insert(value)),
            Slot::Occupied(mut held) => match held.get_mut() {
                Value::Array(values) => values.push(value),
                first => *first = Value::Array(vec![first.take(), value]),
            },
        }
    }
    object.serialize(serializer)
}

/// Decodes an entry for people.
///
/// # Errors
/// When the entry or its statement does not read.
pub fn describe(index: u64, entry: &[u8]) -> Result<Description, wire::Malformed> {
    let entry = Entry::decode(entry)?;
    let statement = entry.statement()?;
    Ok(of(index, &entry, statement.as_ref()))
}

/// The description of an entry that has been decoded.
pub(super) fn of(index: u64, entry: &Entry, statement: Option<&Statement>) -> Description {
    let (kind, kind_zh) = statement.map_or_else(|| own_kind(&entry.outcome), kind);
    let header = statement.and_then(Statement::header);
    let signature = entry.envelope.as_ref().and_then(|envelope| envelope.signatures.first());
    Description {
        index,
        time: entry.time.to_string(),
        kind,
        kind_zh,
        actor: header.map(|header| header.actor.to_string()),
        request_id: header.map(|header| header.request_id.to_string()),
        issued_at: header.map(|header| header.issued_at.to_string()),
        key: signature.map(|signature| signature.keyid.clone()),
        reason: match &entry.outcome {
            Outcome::Refused(refusal) => Some(refusal.reason.as_str()),
            _ => None,
        },
        statement: statement.map(terms).unwrap_or_default(),
        outcome: outcome(&entry.outcome),
    }
}

impl Description {
    /// All in one line: who, what, and what came of it.
    pub fn summary(&self) -> String {
        let join = |terms: &[(&str, String)]| {
            terms.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
        };
        let actor = self.actor.as_deref().unwrap_or("the hub");
        let said =
            if self.statement.is_empty() { String::new() } else { format!("{} ", shorten(join(&self.statement))) };
        let outcome = shorten(join(&self.outcome));
        format!("{} {} {} by {actor}: {said}→ {outcome}", self.time, self.kind, self.kind_zh)
    }
}

/// The places that names take on a terminal: the longest, `rules of decision`, and some air.
const NAME_WIDTH: usize = 18;

/// How much of a statement or an outcome a summary shows, in characters: a line or two on a terminal.
const MAX_SUMMARY: usize = 200;

fn shorten(text: String) -> String {
    match text.char_indices().nth(MAX_SUMMARY) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}  {} {}", self.index, self.time, self.kind, self.kind_zh)?;
        let mut line = |name: &str, value: &str| {
            // A Chinese character takes two places on a terminal.
            let padding = NAME_WIDTH.saturating_sub(name.width());
            write!(f, "\n    {name}{:padding$} {value}", "")
        };
        for (name, value) in [
            ("actor 操作方", &self.actor),
            ("request 请求号", &self.request_id),
            ("issued 签发", &self.issued_at),
            ("key 密钥", &self.key),
        ] {
            if let Some(value) = value {
                line(name, value)?;
            }
        }
        self.statement.iter().try_for_each(|(name, value)| line(name, value))?;
        self.outcome.iter().try_for_each(|(name, value)| line(&format!("→ {name}"), value))
    }
}

/// The kind of a statement, in English as its payload type has it, and in Chinese.
pub(super) fn kind(statement: &Statement) -> (&'static str, &'static str) {
    match statement {
        Statement::Genesis(_) => ("genesis", "创世"),
        Statement::Publication(..) => ("publication", "发布"),
        Statement::Query(..) => ("query", "查询"),
        Statement::Trace(..) => ("holder-trace", "查询追溯"),
        Statement::Erasure(..) => ("opening-erasure", "删除开启值令"),
        Statement::Rule(_, change) => match change {
            RuleChange::RegisterDepartment { .. } => ("register-department", "登记部门"),
            RuleChange::RegisterSystem { .. } => ("register-system", "登记系统"),
            RuleChange::RegisterKey { .. } => ("register-key", "登记密钥"),
            RuleChange::RetireKey { .. } => ("retire-key", "停用密钥"),
            RuleChange::GrantIssuingRight(_) => ("grant-issuing-right", "授予颁发权限"),
            RuleChange::WithdrawIssuingRight { .. } => ("withdraw-issuing-right", "撤回颁发权限"),
            RuleChange::CatalogPart { .. } => ("catalog-part", "目录分册"),
            RuleChange::CatalogRelease { .. } => ("catalog-release", "目录发布"),
            RuleChange::CalendarYear(_) => ("calendar-year", "工作日历"),
            RuleChange::AnswerTerms(_) => ("answer-terms", "答复时限"),
            RuleChange::AgreementProposal { .. } => ("agreement-proposal", "协议申请"),
            RuleChange::AgreementAcceptance(_) => ("agreement-acceptance", "协议同意"),
            RuleChange::AgreementActivation(_) => ("agreement-activation", "协议生效"),
            RuleChange::AgreementRejection { .. } => ("agreement-rejection", "协议驳回"),
            RuleChange::AnswerDeferral { .. } => ("answer-deferral", "延长答复"),
            RuleChange::AgreementWithdrawal { .. } => ("agreement-withdrawal", "协议撤回"),
            RuleChange::AgreementSuspension { .. } => ("agreement-suspension", "协议暂停"),
            RuleChange::AgreementResumption { .. } => ("agreement-resumption", "协议恢复"),
            RuleChange::AgreementTermination { .. } => ("agreement-termination", "协议终止"),
        },
    }
}

/// The kind of what the hub tells of itself.
pub(super) fn own_kind(outcome: &Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Noted(Notice::Suppressed(_)) => ("suppressed", "限流未登记"),
        Outcome::Noted(Notice::Erased(_)) => ("erased", "删除开启值"),
        Outcome::Noted(Notice::Closed { .. }) => ("closed", "封存日志"),
        Outcome::Noted(Notice::QuotasCarried(_)) => ("quotas-carried", "结转限额"),
        // No entry without a statement reads with another outcome.
        _ => ("none", "无声明"),
    }
}

type Terms = Vec<(&'static str, String)>;

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

fn terms(statement: &Statement) -> Terms {
    match statement {
        Statement::Genesis(genesis) => genesis_terms(genesis),
        Statement::Publication(_, publication) => publication_terms(publication),
        Statement::Query(_, query) => query_terms(query),
        Statement::Trace(_, trace) => trace_terms(trace),
        Statement::Erasure(_, erasure) => erasure_terms(*erasure),
        Statement::Rule(_, change) => rule_terms(change),
    }
}

fn genesis_terms(genesis: &Genesis) -> Terms {
    let systems = genesis.administrators.iter().flat_map(|department| &department.systems);
    let mut terms = vec![
        ("hub", genesis.hub.to_string()),
        ("origin", genesis.origin.clone()),
        ("trust domain", genesis.trust_domain.to_string()),
        ("administrators", list(systems.map(|system| &system.system))),
        ("rules of decision", genesis.decision_version.to_string()),
    ];
    if let Some(previous) = &genesis.previous {
        terms.push((
            "continues 续自",
            format!("{} of {} entries, root {}", previous.vkey, previous.size, previous.root),
        ));
    }
    terms
}

fn publication_terms(publication: &Publication) -> Terms {
    let mut terms = vec![
        ("resource 资源", publication.resource_id.to_string()),
        ("catalog version", publication.resource_version.to_string()),
        ("count", publication.records.len().to_string()),
    ];
    terms.extend(publication.records.iter().map(|record| ("record 记录", record_text(record))));
    terms
}

fn record_text(record: &PublishedRecord) -> String {
    let status = format!("{:?}", record.status).to_uppercase();
    let mut text = format!("{} v{} {status}, JWT {}", record.handle, record.version, record.jwt_sha256);
    for (word, day) in [("from", record.validity.from), ("until", record.validity.until)] {
        if let Some(day) = day {
            text.push_str(&format!(", valid {word} {day}"));
        }
    }
    text
}

fn query_terms(query: &Query) -> Terms {
    let mut terms = vec![
        ("resource 资源", query.resource_id.to_string()),
        ("fields 信息项", list(&query.fields)),
        ("purpose 用途", query.purpose.to_string()),
        ("matter 事项", query.matter.to_string()),
        ("lookup", format!("{} × {}", query.lookup.as_str(), query.commitments.len())),
        ("operator 操作员", query.operator_pseudonym.to_string()),
    ];
    terms.extend(query.agreement_id.iter().map(|id| ("agreement 协议", id.to_string())));
    // Whoever is asked for a case or an identifier with its salt compares them with these.
    terms.push(("case 办件", query.case_commitment.to_string()));
    terms.extend(query.commitments.iter().map(|commitment| ("commitment 承诺", commitment.to_string())));
    terms
}

fn trace_terms(trace: &Trace) -> Terms {
    let mut terms = vec![("purpose 用途", trace.purpose.to_string())];
    terms.extend(trace.since.map(|since| ("since", since.to_string())));
    terms.extend(trace.until.map(|until| ("until", until.to_string())));
    terms
}

fn erasure_terms(erasure: Erasure) -> Terms {
    match erasure {
        Erasure::Before(time) => vec![("entered before", time.to_string())],
        // Whom the commitment names, nobody keeps.
        Erasure::Holder(commitment) => vec![("holder 持证主体", commitment.to_string())],
    }
}

fn rule_terms(change: &RuleChange) -> Terms {
    match change {
        RuleChange::RegisterDepartment { uscc, name } => {
            vec![("department 部门", uscc.as_str().to_owned()), ("name", name.clone())]
        }
        RuleChange::RegisterSystem { system, capabilities } => {
            let capabilities = capabilities.iter().map(|capability| capability.as_str());
            vec![("system 系统", system.to_string()), ("capabilities 权限", list(capabilities))]
        }
        RuleChange::RegisterKey { system, kid, .. } => {
            vec![("system 系统", system.to_string()), ("new key", wire::kid_to_text(kid))]
        }
        RuleChange::RetireKey { kid, compromised_since } => {
            let mut terms = vec![("retired key", wire::kid_to_text(kid))];
            terms.extend(compromised_since.map(|since| ("compromised since", since.to_string())));
            terms
        }
        RuleChange::GrantIssuingRight(grant) => {
            let mut terms = vec![
                ("resource 资源", grant.resource_id.to_string()),
                ("department 部门", grant.department.as_str().to_owned()),
                ("valid 有效期", format!("{} to {}", grant.valid_from, grant.valid_until)),
            ];
            if !grant.succeeds.is_empty() {
                terms.push(("succeeds 承继", list(grant.succeeds.iter().map(|uscc| uscc.as_str()))));
            }
            terms
        }
        RuleChange::WithdrawIssuingRight { resource_id, department } => {
            vec![("resource 资源", resource_id.to_string()), ("department 部门", department.as_str().to_owned())]
        }
        RuleChange::CatalogPart { part, content } => {
            let ids = content.resources.iter().map(|resource| &resource.resource_id);
            let tables = content.code_tables.iter().map(|table| format!("{} v{}", table.table_id(), table.version()));
            let named = [("resources 资源", list(ids)), ("code tables 码表", list(tables))];
            let named = named.into_iter().filter(|(_, names)| !names.is_empty());
            std::iter::once(("part", part.to_string())).chain(named).collect()
        }
        RuleChange::CatalogRelease { base_version, parts, allow_breaking } => {
            let mut terms = vec![("base version", base_version.to_string()), ("parts", list(parts))];
            terms.extend(allow_breaking.then(|| ("may break 允许不兼容", "yes".to_owned())));
            terms
        }
        RuleChange::CalendarYear(year) => vec![
            ("year 年份", year.year.to_string()),
            ("source 依据", year.source.clone()),
            ("holidays 节假日", list(&year.holidays)),
            ("worked 调休上班", list(&year.working_days)),
        ],
        RuleChange::AnswerTerms(terms) => terms
            .iter()
            .map(|((step, class), AnswerTerm { working_days, deferral_days })| {
                let class = format!("{class:?}").to_uppercase();
                let deferred =
                    if deferral_days > 0 { format!(", deferrable by {deferral_days}") } else { String::new() };
                ("deadline 时限", format!("{} {class} {working_days} working days{deferred}", step.as_str()))
            })
            .collect(),
        RuleChange::AgreementProposal { text, digest, .. } => vec![
            ("agreement 协议", text.agreement_id.to_string()),
            ("version", text.version.to_string()),
            ("text", digest.to_string()),
            ("consumer 需求方", text.consumer.as_str().to_owned()),
            ("provider 提供方", text.provider.as_str().to_owned()),
            ("resource 资源", text.resource_id.to_string()),
            ("fields 信息项", list(&text.fields)),
            ("purposes 用途", list(&text.purposes)),
            ("matters 事项", list(&text.matters)),
            ("lookups", list(text.lookups.iter().map(|lookup| lookup.as_str()))),
            ("valid 有效期", format!("{} to {}", text.valid_from, text.valid_until)),
            ("limits 限额", limits_text(text)),
        ]
        .into_iter()
        .chain(optional_terms(text))
        .collect(),
        RuleChange::AgreementAcceptance(consent) | RuleChange::AgreementActivation(consent) => consent_terms(consent),
        RuleChange::AgreementRejection { agreement_id, version, digest, reason }
        | RuleChange::AnswerDeferral { agreement_id, version, digest, reason } => vec![
            ("agreement 协议", agreement_id.to_string()),
            ("version", version.to_string()),
            ("text", digest.to_string()),
            ("reason 原因", reason.to_string()),
        ],
        RuleChange::AgreementWithdrawal { agreement_id, version, reason } => {
            let mut terms = vec![("agreement 协议", agreement_id.to_string()), ("version", version.to_string())];
            terms.extend(reason.map(|reason| ("reason 原因", reason.to_string())));
            terms
        }
        RuleChange::AgreementSuspension { agreement_id, reason }
        | RuleChange::AgreementTermination { agreement_id, reason } => {
            let mut terms = vec![("agreement 协议", agreement_id.to_string())];
            terms.extend(reason.map(|reason| ("reason 原因", reason.to_string())));
            terms
        }
        RuleChange::AgreementResumption { agreement_id } => vec![("agreement 协议", agreement_id.to_string())],
    }
}

fn limits_text(text: &AgreementText) -> String {
    let minute = text.minute_limit.map(|limit| format!(", {limit} a minute")).unwrap_or_default();
    format!("{} a day{minute}, {} a query", text.daily_limit, text.batch_limit)
}

/// The terms that not every agreement has.
fn optional_terms(text: &AgreementText) -> Terms {
    let mut terms = Terms::new();
    if !text.networks.is_empty() {
        terms.push(("networks 允许网段", list(&text.networks)));
    }
    if let Some(condition) = &text.condition {
        terms.push(("condition", condition.to_string()));
        terms.push(("condition zh 记录条件", condition.in_chinese().to_string()));
    }
    terms.extend(text.retention_days.map(|days| ("retention 保存期限", format!("{days} days"))));
    terms
}

fn consent_terms(consent: &AgreementConsent) -> Terms {
    vec![
        ("agreement 协议", consent.agreement_id.to_string()),
        ("version", consent.version.to_string()),
        ("text", consent.digest.to_string()),
    ]
}

fn outcome(outcome: &Outcome) -> Terms {
    match outcome {
        Outcome::Refused(refusal) => {
            let mut terms = vec![("refused 拒绝", refusal.to_string())];
            terms.extend(refusal.peer_address.map(|address| ("peer 来源地址", address.to_string())));
            terms
        }
        Outcome::QueryPermitted(permitted) => permitted_terms(permitted),
        Outcome::Published(results) => {
            let accepted = results.iter().filter(|violations| violations.is_empty()).count();
            let mut terms = vec![("accepted 采纳", accepted.to_string())];
            terms.extend((0..).zip(results).filter(|(_, violations)| !violations.is_empty()).map(
                |(position, violations): (usize, _)| {
                    let codes = violations.iter().map(|violation: &RecordViolation| violation.as_str());
                    ("rejected 退回", format!("record {position}: {}", list(codes)))
                },
            ));
            terms
        }
        Outcome::Applied(effect) => vec![("applied 生效", effect_text(effect))],
        Outcome::HolderTraced(traced) => vec![
            ("found", format!("{} exchanges", traced.exchanges)),
            ("looked at", format!("the log's first {} entries", traced.log_size)),
        ],
        Outcome::ErasureOrdered => vec![("ordered 受理", "erasure of openings".to_owned())],
        Outcome::Noted(Notice::Suppressed(Suppressed { system, count, since, until })) => vec![
            ("suppressed 未登记", format!("{count} requests of {system}")),
            ("period 时段", format!("{since} to {until}")),
        ],
        Outcome::Noted(Notice::Erased(Erased { count, digest, since, until })) => vec![
            ("erased 删除", format!("{count} openings, digest {digest}")),
            ("period 时段", format!("{since} to {until}")),
        ],
        Outcome::Noted(Notice::Closed { next_vkey }) => vec![("continued by 续于", next_vkey.clone())],
        Outcome::Noted(Notice::QuotasCarried(carried)) => {
            let uses = carried.uses.iter().map(|(id, asked)| ("asked 已用", format!("{asked} under {id}")));
            std::iter::once(("day 日期", carried.day.to_string())).chain(uses).collect()
        }
    }
}

fn permitted_terms(permitted: &QueryPermitted) -> Terms {
    let mut terms = vec![
        ("permitted 准予", format!("{} version {}", permitted.agreement_id, permitted.agreement_version)),
        ("found", permitted.records.len().to_string()),
    ];
    terms.extend(permitted.records.iter().map(|release| {
        let status = format!("{:?}", release.status).to_uppercase();
        let text = format!(
            "{} v{} {status}, published by entry {}, fields {}{}",
            release.handle,
            release.version,
            release.publication_index,
            if release.fields.is_empty() { "none".to_owned() } else { list(&release.fields) },
            release.sd_hash.map(|hash| format!(", presentation {hash}")).unwrap_or_default()
        );
        ("released 提供", text)
    }));
    terms.extend(permitted.withheld.iter().flatten().map(|withheld| {
        let RecordWithheld { handle, version, publication_index, .. } = withheld;
        ("withheld 不符条件", format!("{handle} v{version}, published by entry {publication_index}"))
    }));
    terms.extend(permitted.peer_address.map(|address| ("peer 来源地址", address.to_string())));
    terms
}

fn effect_text(effect: &Effect) -> String {
    match effect {
        Effect::LogOpened => "log opened".to_owned(),
        Effect::DepartmentRegistered => "department registered".to_owned(),
        Effect::SystemRegistered => "system registered".to_owned(),
        Effect::KeyRegistered(kid) => format!("key {} registered", wire::kid_to_text(kid)),
        Effect::KeyRetired(kid) => format!("key {} retired", wire::kid_to_text(kid)),
        Effect::IssuingRightGranted => "issuing right granted".to_owned(),
        Effect::IssuingRightWithdrawn => "issuing right withdrawn".to_owned(),
        Effect::CatalogPartEntered(part) => format!("catalog part {part} entered"),
        Effect::CatalogReleased { version, resources } => {
            let resources = resources.iter().map(|(id, version)| format!("{id} v{version}"));
            format!("catalog version {version}: {}", list(resources))
        }
        Effect::CalendarYearEntered(year) => format!("calendar of {year} entered"),
        Effect::AnswerTermsSet => "deadlines for answers set".to_owned(),
        Effect::AgreementChanged { agreement_id, version, state } => {
            format!("{agreement_id} version {version} is {}", format!("{state:?}").to_uppercase())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_find_terms_by_their_english_names() {
        #[derive(Serialize)]
        struct Terms(#[serde(serialize_with = "by_name")] Vec<(&'static str, String)>);
        let terms = [("resource 资源", "a"), ("record 记录", "1"), ("record 记录", "2"), ("catalog version", "3")];
        let terms = Terms(terms.map(|(name, value)| (name, value.to_owned())).to_vec());
        let expected = serde_json::json!({"resource": "a", "record": ["1", "2"], "catalog_version": "3"});
        assert_eq!(serde_json::to_value(terms).ok(), Some(expected));
    }
}
