//! What a verification found.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer};

use super::{Fault, Finding, Level, describe};
use crate::domain::{outcome::Outcome, statement::Statement};

/// What a decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// On the log alone: it was made again and came out the same, or a finding says otherwise.
    Recomputed,
    /// On the hub's word in a part that the log cannot show. All else about it was made again.
    Attested(Fact),
}

/// What a hub decides on and the log cannot show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Fact {
    /// Which records a lookup found, and with it that the openings opened their commitments; also from where the query came, where
    /// the agreement is bound to networks.
    LookupResult,
    /// The same, and which of the records met the agreement's row condition.
    RowCondition,
    /// From where a query came that was refused.
    PeerAddress,
    /// Whether the openings opened their commitments.
    Openings,
    /// What the bodies of a publication's records held.
    RecordBodies,
    /// Which exchanges were about a holder.
    TraceResult,
}

impl Basis {
    /// RECOMPUTED or ATTESTED.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recomputed => "RECOMPUTED",
            Self::Attested(_) => "ATTESTED",
        }
    }

    /// What is the hub's word.
    pub fn fact(self) -> Option<Fact> {
        match self {
            Self::Recomputed => None,
            Self::Attested(fact) => Some(fact),
        }
    }
}

impl Serialize for Basis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A decision that was made again.
#[derive(Debug, Clone, Serialize)]
pub struct Decision<'a> {
    /// The entry.
    pub index: u64,
    /// The kind of statement.
    pub kind: &'static str,
    /// Who acted.
    pub actor: &'a str,
    /// `permitted`, `published`, `applied`, `traced`, `ordered`, or the reason of a refusal.
    pub outcome: &'static str,
    /// What it rests on.
    pub basis: Basis,
    /// What of it is the hub's word.
    pub fact: Option<Fact>,
}

impl<'a> Decision<'a> {
    pub(super) fn of(index: u64, outcome: &Outcome, statement: &'a Statement, basis: Basis) -> Self {
        let outcome = match outcome {
            Outcome::Refused(refusal) => refusal.reason.as_str(),
            Outcome::QueryPermitted(_) => "permitted",
            Outcome::Published(_) => "published",
            Outcome::Applied(_) => "applied",
            Outcome::HolderTraced(_) => "traced",
            Outcome::ErasureOrdered => "ordered",
            Outcome::Noted(_) => "noted",
        };
        let actor = statement.header().map_or("", |header| header.actor.as_str());
        Self { index, kind: describe::kind(statement).0, actor, outcome, basis, fact: basis.fact() }
    }
}

/// How many decisions rest on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Decisions {
    /// On the log alone.
    pub recomputed: u64,
    /// In a part on the hub's word.
    pub attested: u64,
}

/// The result of a verification.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The log, by its key's name.
    pub origin: String,
    /// How many entries the checkpoint says that the log has.
    pub size: u64,
    /// The root of the tree over them, in base64.
    pub root: String,
    /// How many entries were verified.
    pub entries: u64,
    /// The time of the first entry.
    pub first_time: Option<String>,
    /// The latest time of an entry.
    pub last_time: Option<String>,
    /// How many entries of each kind of statement.
    pub kinds: BTreeMap<&'static str, u64>,
    /// How many refusals for each reason.
    pub refusals: BTreeMap<&'static str, u64>,
    /// How many decisions were made again, and how many rest in a part on the hub's word.
    pub decisions: Decisions,
    /// How many decisions rest on each fact that the log cannot show.
    pub attested: BTreeMap<Fact, u64>,
    /// What the reader must know about the trust that this rests on.
    pub notes: Vec<String>,
    /// How many findings there are of each rule, also of those that are not listed.
    pub rules: BTreeMap<Fault, u64>,
    /// What is wrong, in the order of the entries; first what is wrong with the log as a whole.
    pub findings: Vec<Finding>,
}

impl Report {
    /// An empty report.
    pub(super) fn new(origin: String) -> Self {
        Self {
            origin,
            size: 0,
            root: String::new(),
            entries: 0,
            first_time: None,
            last_time: None,
            kinds: BTreeMap::new(),
            refusals: BTreeMap::new(),
            decisions: Decisions::default(),
            attested: BTreeMap::new(),
            notes: Vec::new(),
            rules: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    /// Counts a decision.
    pub(super) fn count(&mut self, basis: Basis) {
        match basis {
            Basis::Recomputed => self.decisions.recomputed += 1,
            Basis::Attested(fact) => {
                self.decisions.attested += 1;
                *self.attested.entry(fact).or_default() += 1;
            }
        }
    }

    /// How many findings of a level there are, also of those that are not listed.
    pub fn total(&self, level: Level) -> u64 {
        self.rules.iter().filter(|(rule, _)| rule.level() == level).map(|(_, count)| count).sum()
    }

    /// How many findings are counted but not listed.
    pub fn unlisted(&self) -> u64 {
        self.rules.values().sum::<u64>().saturating_sub(self.findings.len() as u64)
    }
}

fn list<K: fmt::Display>(counts: impl IntoIterator<Item = (K, u64)>) -> String {
    counts.into_iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Report {
    /// For people; the last line is such as `10234 entries verified, 0 findings`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log 日志           {}", self.origin)?;
        writeln!(f, "checkpoint 检查点  {} entries, root {}", self.size, self.root)?;
        if let (Some(first), Some(last)) = (&self.first_time, &self.last_time) {
            writeln!(f, "time 时间          {first} to {last}")?;
        }
        writeln!(f, "statements 声明    {}", list(self.kinds.iter().map(|(kind, count)| (kind, *count))))?;
        if !self.refusals.is_empty() {
            writeln!(f, "refusals 拒绝      {}", list(self.refusals.iter().map(|(reason, count)| (reason, *count))))?;
        }
        write!(f, "decisions 决定     {} RECOMPUTED, {} ATTESTED", self.decisions.recomputed, self.decisions.attested)?;
        let of = |fact| self.attested.get(&fact).copied().unwrap_or_default();
        writeln!(
            f,
            " (recomputed but for {} lookup results, {} openings, {} record bodies)",
            of(Fact::LookupResult),
            of(Fact::Openings),
            of(Fact::RecordBodies)
        )?;
        self.notes.iter().try_for_each(|note| writeln!(f, "note 注意          {note}"))?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        if !self.rules.is_empty() {
            writeln!(f, "rules 规则         {}", list(self.rules.iter().map(|(rule, count)| (rule, *count))))?;
        }
        match self.unlisted() {
            0 => {}
            more => writeln!(f, "… and {more} more, which are counted but not listed")?,
        }
        write!(f, "{} entries verified, {} findings", self.entries, self.total(Level::Error))?;
        match self.total(Level::Warning) {
            0 => Ok(()),
            suspect => write!(f, ", {suspect} suspect"),
        }
    }
}
