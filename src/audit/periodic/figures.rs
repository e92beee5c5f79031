//! What a report says, as it is given to machines; the page, the tables and the text are made of it.

use std::collections::BTreeMap;

use serde::Serialize;

/// The weekly or monthly report 周报告、月报告 on the use of a hub.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeriodicReport {
    /// The hub's domain.
    pub hub: String,
    /// The log, by its key's name.
    pub origin: String,
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// The offset from UTC of the hub's civil day, such as `+08:00`.
    pub offset: String,
    /// How many entries the copy of the log has.
    pub size: u64,
    /// The root of the tree over them, in base64.
    pub root: String,
    /// The time of the last entry in the copy.
    pub last_time: Option<String>,
    /// Whether the copy was verified for this report, and with how many findings.
    pub verification: Option<Verification>,
    /// What the reader must know.
    pub notes: Vec<Bilingual>,
    /// All together.
    pub totals: Totals,
    /// The same for as many days just before.
    pub before: Totals,
    /// Each day.
    pub days: Vec<Day>,
    /// Queries by weekday, Monday first, and hour.
    pub hours: [[u64; 24]; 7],
    /// By provider, consumer, resource and purpose, the most used first.
    pub exchanges: Vec<Exchange>,
    /// By consumer, kind of statement and reason, the most frequent first.
    pub refusals: Vec<RefusalCount>,
    /// Requests that were not entered, by system.
    pub suppressed: Vec<SystemCount>,
    /// The agreements at the end of the period, by id.
    pub agreements: Vec<AgreementUse>,
    /// How proposals of agreements were answered, by department and step.
    pub answers: Vec<AnswerCount>,
    /// The answers that are overdue at the end of the period, the longest first.
    pub overdue: Vec<OverdueAnswer>,
    /// The resources at the end of the period, by id.
    pub freshness: Vec<Freshness>,
    /// Changes of the directory, the catalog and the agreements, in order.
    pub changes: Vec<Change>,
    /// Who looked up who had asked about a holder, by department and purpose, the most frequent first.
    pub traces: Vec<TraceFigure>,
    /// Orders to erase openings, and what the hub told of erasures, in order.
    pub erasures: Vec<ErasureFigure>,
    /// What is unusual, the most unusual of each kind first.
    pub patterns: Vec<Pattern>,
    /// How many entries of each kind.
    pub kinds: BTreeMap<String, u64>,
}

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bilingual {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Bilingual {
    pub(super) fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// What `hutong audit verify` found in the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// How many entries were verified.
    pub entries: u64,
    /// How many findings there are.
    pub findings: u64,
    /// How many signatures are suspect, since their key was later retired as compromised.
    pub suspects: u64,
}

/// Counts that can be added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Queries entered, permitted or refused.
    pub queries: u64,
    /// Queries permitted.
    pub permitted: u64,
    /// Queries refused.
    pub refused: u64,
    /// Records asked for: lookups of queries, whatever came of them.
    pub asked: u64,
    /// Records found by permitted queries.
    pub found: u64,
    /// Records of which fields were released.
    pub released: u64,
    /// Fields released, over all records.
    pub fields: u64,
    /// Publications taken.
    pub publications: u64,
    /// Records that they made current.
    pub published: u64,
    /// Records of them that were not accepted.
    pub rejected: u64,
    /// Statements refused, of any kind.
    pub refusals: u64,
    /// Changes of the rules.
    pub changes: u64,
    /// Requests that were not entered, since their system had reached its limit.
    pub suppressed: u64,
    /// Openings erased.
    pub erased: u64,
}

/// One day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The day.
    pub date: String,
    /// Its counts.
    #[serde(flatten)]
    pub totals: Totals,
}

/// A department.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Party {
    /// Its credit code; empty where it is not known.
    pub code: String,
    /// Its name at the end of the period.
    pub name: String,
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Named {
    /// Its id; empty where there are too many to be told apart.
    pub id: String,
    /// Its name at the end of the period.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
}

/// The use of a provider's resource by a consumer for a purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// 提供方.
    pub provider: Party,
    /// 需求方.
    pub consumer: Party,
    /// 信息资源.
    pub resource: Named,
    /// 用途.
    pub purpose: String,
    /// Queries permitted.
    pub permitted: u64,
    /// Queries refused.
    pub refused: u64,
    /// Records asked for.
    pub asked: u64,
    /// Records found.
    pub found: u64,
    /// Records of which fields were released.
    pub released: u64,
    /// Fields released.
    pub fields: u64,
}

/// How often a consumer's statements were refused for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusalCount {
    /// The department that was refused.
    pub department: Party,
    /// The kind of statement.
    pub kind: String,
    /// The reason's code.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// A count of a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SystemCount {
    /// The system.
    pub system: String,
    /// How many.
    pub count: u64,
}

/// An agreement, and its use in the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgreementUse {
    /// Its id.
    pub id: String,
    /// The version that governs at the end of the period.
    pub version: u32,
    /// Where it stands: PROPOSED, ACCEPTED, ACTIVE, SUSPENDED, REJECTED, WITHDRAWN, TERMINATED, or EXPIRED.
    pub state: &'static str,
    /// 需求方.
    pub consumer: Party,
    /// 提供方.
    pub provider: Party,
    /// 信息资源.
    pub resource: Named,
    /// In force from this day on.
    pub valid_from: String,
    /// The last day on which it is in force.
    pub valid_until: String,
    /// Queries permitted under it.
    pub permitted: u64,
    /// Records asked for under it.
    pub asked: u64,
    /// The most records asked for on one day.
    pub peak: u64,
    /// The most that may be asked for on one day.
    pub daily_limit: u64,
    /// Whether a version of it was activated in the period.
    pub is_new: bool,
    /// Days until it expires, where those are few.
    pub expires_in_days: Option<i64>,
    /// Whether it was in force for the whole period and nobody used it.
    pub is_unused: bool,
    /// Fields agreed on that no permitted query of the period asked for; none listed where it was not used at all.
    pub unused_fields: Vec<String>,
}

/// How a department answered proposals of agreements in the period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnswerCount {
    /// Who had to answer.
    pub department: Party,
    /// ACCEPTANCE, as a provider, or ACTIVATION, as the authority.
    pub step: &'static str,
    /// Answers given: accepted, activated or rejected.
    pub answered: u64,
    /// Of them, those that had a deadline.
    pub with_deadline: u64,
    /// Of these, those given in time: of deferred ones, by the later day.
    pub in_time: u64,
    /// Of the answers, those that had been deferred 延长答复.
    pub deferred: u64,
    /// How many working days an answer took on average.
    pub mean_working_days: f64,
}

/// An answer that is overdue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OverdueAnswer {
    /// The agreement.
    pub agreement: String,
    /// Its version.
    pub version: u32,
    /// ACCEPTANCE or ACTIVATION.
    pub step: &'static str,
    /// Who must answer; without code and name: the authority.
    pub department: Party,
    /// Who waits.
    pub consumer: Party,
    /// Since when.
    pub since: String,
    /// The last day on which it would have been in time.
    pub due: String,
    /// The working days since.
    pub working_days_late: u32,
}

/// How a resource keeps to its update cycle 更新周期.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Freshness {
    /// The resource.
    pub resource: Named,
    /// 提供方.
    pub provider: Party,
    /// The cycle's code.
    pub cycle: &'static str,
    /// The longest that may pass between publications, in days; `None` for a cycle that says nothing.
    pub cycle_days: Option<i64>,
    /// When a record of it was last published.
    pub last_published: Option<String>,
    /// Whole days from then to the end of the period.
    pub age_days: Option<i64>,
    /// FRESH, LATE, NEVER, or UNSCHEDULED.
    pub state: &'static str,
    /// Records published in the period.
    pub published: u64,
    /// Of them, those published as suspended, revoked or superseded.
    pub withdrawn: u64,
    /// Records not accepted in the period.
    pub rejected: u64,
    /// For each day of the period how many records were published.
    pub days: Vec<u64>,
}

/// A change of the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The entry.
    pub index: u64,
    /// When.
    pub time: String,
    /// The kind of statement.
    pub kind: &'static str,
    /// The kind in Chinese.
    pub kind_zh: &'static str,
    /// Who made it.
    pub department: Party,
    /// The system.
    pub system: String,
    /// What it was about.
    pub subject: String,
    /// What it effected.
    pub effect: String,
}

/// Traces of holders: how often a department looked up, for a purpose, who had asked about somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceFigure {
    /// The department; empty where there are too many to be told apart.
    pub department: Party,
    /// 用途.
    pub purpose: String,
    /// Traces answered.
    pub done: u64,
    /// Traces refused.
    pub refused: u64,
    /// Exchanges that those answered found, as the hub says.
    pub exchanges: u64,
    /// Those answered that named a legal basis 使用依据.
    pub with_legal_basis: u64,
}

/// An order to erase openings, or the hub's account of those that were erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasureFigure {
    /// The entry.
    pub index: u64,
    /// When.
    pub time: String,
    /// ORDERED, REFUSED, or ERASED.
    pub what: &'static str,
    /// Who ordered it; empty where the hub tells of it.
    pub department: Party,
    /// Which openings, or the time in which they were erased.
    pub selection: String,
    /// How many were erased, where that is told.
    pub count: Option<u64>,
}

/// Something unusual: no proof of anything, but worth a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pattern {
    /// ABOVE_USUAL, MANY_RECORDS, OFF_HOURS, or MANY_REFUSALS.
    pub kind: &'static str,
    /// The department.
    pub department: Party,
    /// The system, and the operator's pseudonym where it is about one.
    pub system: String,
    /// The operator's pseudonym, in hexadecimal.
    pub operator: Option<String>,
    /// What was measured.
    pub value: f64,
    /// What is usual.
    pub usual: f64,
    /// Above which it is told.
    pub threshold: f64,
    /// The rule, with these numbers.
    pub rule: Bilingual,
}
