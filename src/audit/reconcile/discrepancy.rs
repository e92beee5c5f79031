//! Where the evidence that somebody holds and the log do not agree.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{Serialize, Serializer};

/// In what evidence and log differ. The codes are stable: reports and scripts go by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mismatch {
    /// The entries of the copy do not have the root of its checkpoint.
    RootMismatch,
    /// A proof without its entry, or an entry without its proof.
    ReceiptIncomplete,
    /// A receipt does not read.
    ReceiptMalformed,
    /// A receipt that the log's key does not vouch for: it proves nothing.
    ReceiptUnproven,
    /// A line of a journal does not read.
    JournalMalformed,
    /// A saved presentation does not read.
    PresentationMalformed,
    /// The receipt is of a longer log than the copy.
    LogBehind,
    /// The log's key signed another history than the copy's: the receipt's root is not that of the copy at its size.
    HistoryForked,
    /// The log has the receipt's statement at its index, but with other bytes: another time, outcome or signature.
    EntryAltered,
    /// The log has another entry at the receipt's index.
    EntryOmitted,
    /// A statement that was answered according to the journal is not in the log.
    StatementOmitted,
    /// A statement stands at another index than the journal says.
    IndexDiffers,
    /// A statement was answered and the log has it as refused, or the other way round.
    OutcomeDiffers,
    /// A statement that the hub did not take, according to the journal, is in the log.
    RejectedEntered,
    /// An entry of an actor of which there is neither a receipt nor a journal line.
    EntryExtra,
    /// A presentation was released that no entry names.
    ReleaseUnlogged,
    /// The entry names other fields, or another record body, than the presentation that was released.
    ReleaseDiffers,
}

impl Mismatch {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::RootMismatch,
        Self::ReceiptIncomplete,
        Self::ReceiptMalformed,
        Self::ReceiptUnproven,
        Self::JournalMalformed,
        Self::PresentationMalformed,
        Self::LogBehind,
        Self::HistoryForked,
        Self::EntryAltered,
        Self::EntryOmitted,
        Self::StatementOmitted,
        Self::IndexDiffers,
        Self::OutcomeDiffers,
        Self::RejectedEntered,
        Self::EntryExtra,
        Self::ReleaseUnlogged,
        Self::ReleaseDiffers,
    ];

    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Self::RootMismatch => "ROOT_MISMATCH",
            Self::ReceiptIncomplete => "RECEIPT_INCOMPLETE",
            Self::ReceiptMalformed => "RECEIPT_MALFORMED",
            Self::ReceiptUnproven => "RECEIPT_UNPROVEN",
            Self::JournalMalformed => "JOURNAL_MALFORMED",
            Self::PresentationMalformed => "PRESENTATION_MALFORMED",
            Self::LogBehind => "LOG_BEHIND",
            Self::HistoryForked => "HISTORY_FORKED",
            Self::EntryAltered => "ENTRY_ALTERED",
            Self::EntryOmitted => "ENTRY_OMITTED",
            Self::StatementOmitted => "STATEMENT_OMITTED",
            Self::IndexDiffers => "INDEX_DIFFERS",
            Self::OutcomeDiffers => "OUTCOME_DIFFERS",
            Self::RejectedEntered => "REJECTED_ENTERED",
            Self::EntryExtra => "ENTRY_EXTRA",
            Self::ReleaseUnlogged => "RELEASE_UNLOGGED",
            Self::ReleaseDiffers => "RELEASE_DIFFERS",
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Mismatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// One point in which evidence and log do not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Discrepancy {
    /// The entry that it is about; `None` where none is known.
    pub index: Option<u64>,
    /// In what they differ.
    pub rule: Mismatch,
    /// The piece of evidence; `None` where there is none, and should be.
    pub evidence: Option<PathBuf>,
    /// What is wrong, with what it should be.
    pub message: String,
    /// What the evidence says, decoded into one line, where it reads.
    pub held: Option<String>,
    /// What the log says at this index, decoded into one line, where it reads.
    pub entry: Option<String>,
}

impl Discrepancy {
    /// One without anything decoded.
    pub(super) fn new(
        rule: Mismatch,
        index: Option<u64>,
        evidence: Option<PathBuf>,
        message: impl Into<String>,
    ) -> Self {
        Self { index, rule, evidence, message: message.into(), held: None, entry: None }
    }
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "entry {index}: ")?,
            None => write!(f, "evidence: ")?,
        }
        write!(f, "{}: ", self.rule)?;
        if let Some(evidence) = &self.evidence {
            write!(f, "{}: ", evidence.display())?;
        }
        f.write_str(&self.message)?;
        for (who, said) in [("held", &self.held), ("log ", &self.entry)] {
            if let Some(said) = said {
                write!(f, "\n    {who}  {said}")?;
            }
        }
        Ok(())
    }
}

/// The most findings that are listed; beyond, they are only counted. A folder against the wrong log would otherwise list itself
/// whole: at some 500 bytes each these are 5 MB.
pub(super) const MAX_LISTED: usize = 10_000;

/// The result of a reconciliation.
#[derive(Debug, Clone, Serialize)]
pub struct Reconciliation {
    /// The log, by its key's name.
    pub origin: String,
    /// How many entries the copy has.
    pub size: u64,
    /// The root of the tree over them, in base64.
    pub root: String,
    /// How many receipts were read.
    pub receipts: u64,
    /// How many of them are in the log, byte for byte, at their index.
    pub receipts_in_log: u64,
    /// How many statements the journals hold.
    pub statements: u64,
    /// How many of them are in the log.
    pub statements_in_log: u64,
    /// How many released presentations were read.
    pub presentations: u64,
    /// How many of them the log names, with their fields and body.
    pub presentations_in_log: u64,
    /// Whose entries must all be among the evidence.
    pub actors: Vec<String>,
    /// How many entries of theirs the log has.
    pub entries_of_actors: u64,
    /// What the reader must know.
    pub notes: Vec<String>,
    /// How many findings of each code, also of those that are not listed.
    pub counts: BTreeMap<Mismatch, u64>,
    /// The findings, at most 10,000, in the order of the entries; first what no entry is known for.
    pub findings: Vec<Discrepancy>,
}

impl Reconciliation {
    /// How many findings there are, listed or not.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Counts a finding, and lists it while there is room.
    pub(super) fn find(&mut self, finding: Discrepancy) {
        *self.counts.entry(finding.rule).or_default() += 1;
        if self.findings.len() < MAX_LISTED {
            self.findings.push(finding);
        }
    }
}

impl fmt::Display for Reconciliation {
    /// For people; the last line is such as `17 receipts reconciled, 0 findings`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log 日志             {}", self.origin)?;
        writeln!(f, "checkpoint 检查点    {} entries, root {}", self.size, self.root)?;
        writeln!(f, "receipts 回执        {}, {} of them in the log", self.receipts, self.receipts_in_log)?;
        writeln!(
            f,
            "journal 声明日志     {} statements, {} of them in the log",
            self.statements, self.statements_in_log
        )?;
        let named = self.presentations_in_log;
        writeln!(f, "presentations 凭证   {}, {named} of them named by the log", self.presentations)?;
        for actor in &self.actors {
            writeln!(f, "actor 操作方         {actor}")?;
        }
        if !self.actors.is_empty() {
            writeln!(f, "their entries 条目   {}", self.entries_of_actors)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note 注意            {note}"))?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        let unlisted = self.total() - self.findings.len() as u64;
        if unlisted > 0 {
            writeln!(f, "… and {unlisted} more, not listed")?;
        }
        write!(f, "{} receipts reconciled, {} findings", self.receipts, self.total())
    }
}
