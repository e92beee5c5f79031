//! What a verification found.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::Finding;

/// What a decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Basis {
    /// On the log alone: it was made again and came out the same.
    Recomputed,
    /// On the hub's word in a part that the log cannot show: which records a lookup found, whether openings opened their
    /// commitments, what a record's body held. All else about it was made again.
    Attested,
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
    /// The times of the first and the last entry.
    pub first_time: Option<String>,
    /// The time of the last entry.
    pub last_time: Option<String>,
    /// How many entries of each kind of statement, `permitted` queries apart from those refused.
    pub kinds: BTreeMap<String, u64>,
    /// How many refusals for each reason.
    pub refusals: BTreeMap<String, u64>,
    /// How many decisions were made again, and how many rest in a part on the hub's word.
    pub decisions: BTreeMap<Basis, u64>,
    /// What the reader must know about the trust that this rests on.
    pub notes: Vec<String>,
    /// Everything that is wrong, in the order of the entries; first what is wrong with the log as a whole.
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
            decisions: BTreeMap::new(),
            notes: Vec::new(),
            findings: Vec::new(),
        }
    }
}

impl fmt::Display for Report {
    /// For people; the last line is such as `10234 entries verified, 0 findings`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log 日志           {}", self.origin)?;
        writeln!(f, "checkpoint 检查点  {} entries, root {}", self.size, self.root)?;
        if let (Some(first), Some(last)) = (&self.first_time, &self.last_time) {
            writeln!(f, "time 时间          {first} to {last}")?;
        }
        let list = |counts: &BTreeMap<String, u64>| {
            counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
        };
        writeln!(f, "statements 声明    {}", list(&self.kinds))?;
        if !self.refusals.is_empty() {
            writeln!(f, "refusals 拒绝      {}", list(&self.refusals))?;
        }
        let of = |basis| self.decisions.get(&basis).copied().unwrap_or_default();
        writeln!(
            f,
            "decisions 决定     {} RECOMPUTED, {} ATTESTED (recomputed but for what the log cannot show)",
            of(Basis::Recomputed),
            of(Basis::Attested)
        )?;
        self.notes.iter().try_for_each(|note| writeln!(f, "note 注意          {note}"))?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        write!(f, "{} entries verified, {} findings", self.entries, self.findings.len())
    }
}
