//! The replay: what every entry must meet, whatever it is about, in the order of the log.

use crate::{
    audit::{Basis, Decision, Fact, Report, describe},
    domain::{
        decide::{Standing, admit, counts_towards_limit},
        id::KeyId,
        outcome::{Effect, Notice, Outcome, QuotasCarried, Refusal, RefusalReason},
        quota::{DayUse, MinuteUse},
        rules::Rules,
        statement::{DECISION_VERSION, Genesis, Header, Statement},
        time::{Moment, Time},
    },
    tlog::Hash,
    wire::Entry,
};

use super::{
    Error, Fault, Trust, Watch,
    carry::Course,
    examine::{Content, Read},
    findings::Findings,
    notice::Notices,
    opening, publication, query,
    records::Records,
    requests::Requests,
    rule,
    signer::{self, Keys},
    suspects::Compromises,
};

/// What replaying a log remembers: as much as its rules hold, however long it is.
pub(super) struct Replay<'a> {
    origin: String,
    genesis: Option<Hash>,
    keys: &'a Keys,
    times: Option<(Time, Time)>,
    /// The first entry that could not be followed as it was sealed.
    lost: Option<u64>,
    course: Course,
    ledger: Option<Ledger<'a>>,
}

/// The state that entries make, from the genesis on.
pub(super) struct Ledger<'a> {
    pub(super) rules: Rules,
    pub(super) keys: &'a Keys,
    pub(super) quotas: DayUse,
    pub(super) minutes: MinuteUse,
    /// What entries say of records.
    pub(super) records: Records,
    /// Under which request ids statements were made.
    pub(super) requests: Requests,
    /// The keys retired as compromised.
    pub(super) compromises: Compromises,
    /// What the hub's own entries are held against.
    pub(super) notices: Notices,
}

/// What is found at one entry.
#[derive(Default)]
pub(super) struct Found(Vec<(Fault, String)>);

impl Found {
    pub(super) fn add(&mut self, fault: Fault, message: impl Into<String>) {
        self.0.push((fault, message.into()));
    }
}

/// An entry as the tree has it.
pub(super) struct Place {
    pub(super) index: u64,
    pub(super) leaf: Hash,
    /// Whether it is the one that the log sealed.
    pub(super) is_sealed: bool,
}

/// A statement about to be decided again.
pub(super) struct Act<'a> {
    pub(super) index: u64,
    pub(super) is_sealed: bool,
    pub(super) entry: &'a Entry,
    pub(super) statement: &'a Statement,
    pub(super) header: &'a Header,
    /// The key that signed; `None` where no key registered for the actor did, which is a finding.
    pub(super) kid: Option<KeyId>,
    pub(super) now: Moment,
}

impl<'a> Replay<'a> {
    /// A replay from the beginning.
    pub(super) fn new(trust: &Trust, keys: &'a Keys) -> Self {
        Self {
            origin: trust.origin(),
            genesis: trust.genesis,
            keys,
            times: None,
            lost: None,
            course: Course::default(),
            ledger: None,
        }
    }

    /// Checks an entry and follows it.
    ///
    /// One that is not as the log sealed it is followed too, as far as it can be read: what it now says is nobody's word, and
    /// nothing is found in it, but without it all that rests on it would be found wrong as well.
    pub(super) fn follow(
        &mut self,
        place: &Place,
        content: &Content,
        report: &mut Report,
        findings: &mut Findings,
        watch: &mut dyn Watch,
    ) -> Result<(), Error> {
        let mut found = Found::default();
        let followed = self.check(place, content, &mut found)?;
        if !place.is_sealed || matches!(content, Content::Unreadable(_) | Content::Unread(..)) {
            self.lose(place.index);
        }
        if !place.is_sealed {
            return Ok(());
        }
        for (rule, message) in found.0 {
            findings.add(Some(place.index), rule, message);
        }
        report.entries += 1;
        count(report, content);
        if let (Content::Read(read), Some(basis)) = (content, followed) {
            let decision = Decision::of(place.index, &read.entry.outcome, &read.statement, basis);
            report.count(basis);
            watch.decided(&decision).map_err(|error| Error::io("writing down a decision", error))?;
        }
        Ok(())
    }

    /// Passes over an entry that is not there.
    pub(super) fn lose(&mut self, index: u64) {
        self.lost.get_or_insert(index);
    }

    /// Tells what the log said, once all of it was followed, and gives what is left to check.
    pub(super) fn finish(self, report: &mut Report) -> (Course, Option<Ledger<'a>>) {
        let (first, last) = self.times.unzip();
        (report.first_time, report.last_time) = (first.map(|time| time.to_string()), last.map(|time| time.to_string()));
        report.notes.extend(self.lost.map(|index| {
            format!("entry {index} could not be followed as it was sealed: findings after it may be its consequence")
        }));
        (self.course, self.ledger)
    }

    /// Says on what the entry's outcome rests, where it is a decision.
    fn check(&mut self, place: &Place, content: &Content, found: &mut Found) -> Result<Option<Basis>, Error> {
        let entry = match content {
            Content::Unreadable(error) => {
                found.add(Fault::EntryMalformed, error.to_string());
                return Ok(None);
            }
            Content::Unread(entry, _) | Content::Noted(entry) => entry,
            Content::Read(read) => &read.entry,
        };
        self.check_time(place, entry, found);
        let statement = if let Content::Read(read) = content { Some(&read.statement) } else { None };
        self.course.follow(place.index, entry, statement, found);
        match content {
            Content::Unreadable(_) => {}
            Content::Unread(_, error) => found.add(Fault::StatementMalformed, error.to_string()),
            Content::Noted(entry) => {
                if let (Some(ledger), Outcome::Noted(notice)) = (self.ledger(place, found), &entry.outcome) {
                    ledger.notices.follow(&ledger.rules, notice, entry.time, found);
                    if let Notice::QuotasCarried(QuotasCarried { day, uses }) = notice {
                        uses.iter().for_each(|(agreement, asked)| ledger.quotas.take(agreement, *day, *asked));
                    }
                }
            }
            Content::Read(read) => match (&read.statement, read.statement.header()) {
                (Statement::Genesis(genesis), _) if place.index == 0 => self.open(genesis, place, entry, found),
                (_, Some(header)) => {
                    if let Some(ledger) = self.ledger(place, found) {
                        return ledger.follow(place, read, header, found).map(Some);
                    }
                }
                (_, None) => found.add(Fault::GenesisMisplaced, "only the first entry can be one"),
            },
        }
        Ok(None)
    }

    /// The state so far. Without a genesis there is none: a finding about the first entry says so, once.
    fn ledger(&mut self, place: &Place, found: &mut Found) -> Option<&mut Ledger<'a>> {
        if self.ledger.is_none() && place.index == 0 {
            found.add(Fault::GenesisInvalid, "the first entry must be a genesis");
        }
        self.ledger.as_mut()
    }

    fn check_time(&mut self, place: &Place, entry: &Entry, found: &mut Found) {
        let time = entry.time;
        if let Some((_, last)) = self.times.filter(|(_, last)| time < *last) {
            found.add(Fault::ClockBackwards, format!("its time is {time}, an entry before it has {last}"));
        }
        if place.is_sealed {
            self.times = Some(self.times.map_or((time, time), |(first, last)| (first, last.max(time))));
        }
    }

    fn open(&mut self, genesis: &Genesis, place: &Place, entry: &Entry, found: &mut Found) {
        if let Some(trusted) = self.genesis.filter(|trusted| *trusted != place.leaf) {
            found.add(Fault::GenesisForeign, format!("its hash is {}, trusted is {trusted}", place.leaf));
        }
        for (holds, message) in [
            (
                entry.outcome == Outcome::Applied(Effect::LogOpened),
                "its outcome must be that the log was opened".to_owned(),
            ),
            (
                entry.envelope.as_ref().is_some_and(|envelope| envelope.signatures.is_empty()),
                "it must carry no signature: its hash is what is trusted".to_owned(),
            ),
            (
                genesis.origin == self.origin,
                format!("it opens the log {}, the key is of {}", genesis.origin, self.origin),
            ),
            (
                genesis.decision_version == DECISION_VERSION,
                format!("its rules of decision are version {}, known is {DECISION_VERSION}", genesis.decision_version),
            ),
        ] {
            if !holds {
                found.add(Fault::GenesisInvalid, message);
            }
        }
        self.ledger = Some(Ledger {
            rules: Rules::of_genesis(genesis),
            keys: self.keys,
            quotas: DayUse::default(),
            minutes: MinuteUse::default(),
            records: Records::new(),
            requests: Requests::new(),
            compromises: Compromises::default(),
            notices: Notices::default(),
        });
    }
}

impl Ledger<'_> {
    /// Checks a statement and its outcome, follows it, and says on what the outcome rests.
    fn follow(&mut self, place: &Place, read: &Read, header: &Header, found: &mut Found) -> Result<Basis, Error> {
        let Read { entry, statement, payload, signature } = read;
        if header.hub != self.rules.hub {
            found.add(Fault::HubForeign, format!("it is meant for {}, this is {}", header.hub, self.rules.hub));
        }
        // An entry of a statement has its envelope.
        let Some(envelope) = &entry.envelope else { return Ok(Basis::Recomputed) };
        let kid = signer::judge(self.keys, &self.rules, envelope, signature, &header.actor, found);
        let (index, is_sealed) = (place.index, place.is_sealed);
        let act = Act { index, is_sealed, entry, statement, header, kid, now: Moment::new(entry.decided_at()) };
        self.requests.take(&act, payload)?;
        if kid.is_some() && entry.carried.is_none() && counts_towards_limit(&self.rules, &header.actor, &entry.outcome)
        {
            self.notices.count(&header.actor, entry.time);
        }
        if refused_for(&entry.outcome, RefusalReason::RequestIdReused) {
            // Whether it was, and so was to be refused before anything else was looked at, is found once all are known.
            return Ok(Basis::Recomputed);
        }
        let admitted = self.admit(&act);
        match statement {
            Statement::Genesis(_) => Ok(Basis::Recomputed),
            Statement::Trace(..) | Statement::Erasure(..) => Ok(opening::follow(&act, admitted, found)),
            Statement::Rule(_, change) => Ok(rule::follow(self, &act, change, admitted, found)),
            Statement::Query(_, query) => query::follow(self, &act, query, admitted, found),
            Statement::Publication(_, publication) => publication::follow(self, &act, publication, admitted, found),
        }
    }

    /// What every statement meets first. That openings did not match is the hub's word.
    fn admit(&mut self, act: &Act<'_>) -> Result<(), Refusal> {
        // That no registered key signed is found already.
        let Some(kid) = act.kid else { return Ok(()) };
        let openings_match = !refused_for(&act.entry.outcome, RefusalReason::OpeningMismatch);
        let standing = Standing { kid, request_id_reused: false, openings_match };
        // What was carried over was admitted to the log before.
        let issued_after = self.rules.issued_after.take_if(|_| act.entry.carried.is_some());
        let admitted = admit(&self.rules, act.statement, standing, &act.now);
        self.rules.issued_after = issued_after.or(self.rules.issued_after);
        admitted
    }
}

/// Compares a refusal that was due, or none, with the outcome, and says on what the outcome rests. `attested` are reasons for
/// which the hub may refuse, on its word alone, what the rules allow.
pub(super) fn compare(
    due: Result<(), Refusal>,
    outcome: &Outcome,
    attested: &[(RefusalReason, Basis)],
    found: &mut Found,
) -> Basis {
    match (due, outcome) {
        (Ok(()), Outcome::Refused(refusal)) => {
            if let Some((_, basis)) = attested.iter().find(|(reason, _)| *reason == refusal.reason) {
                return *basis;
            }
            found.add(
                Fault::WronglyRefused(refusal.reason),
                format!("it was refused with {refusal}; the rules allow it"),
            );
        }
        (Err(due), Outcome::Refused(refusal)) if due != *refusal => {
            found.add(Fault::RefusalDiffers, format!("it was refused with {refusal}; due was {due}"));
        }
        (Err(due), Outcome::Refused(_)) if due.reason == RefusalReason::OpeningMismatch => {
            return Basis::Attested(Fact::Openings);
        }
        (Err(due), outcome) if !matches!(outcome, Outcome::Refused(_)) => {
            found.add(Fault::WronglyDone(due.reason), format!("it had to be refused with {due}"));
        }
        _ => {}
    }
    Basis::Recomputed
}

pub(super) fn refused_for(outcome: &Outcome, reason: RefusalReason) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.reason == reason)
}

fn count(report: &mut Report, content: &Content) {
    let kind = match content {
        Content::Unreadable(_) | Content::Unread(..) => return,
        Content::Noted(entry) => describe::own_kind(&entry.outcome),
        Content::Read(read) => {
            if let Outcome::Refused(refusal) = &read.entry.outcome {
                *report.refusals.entry(refusal.reason.as_str()).or_default() += 1;
            }
            describe::kind(&read.statement)
        }
    };
    *report.kinds.entry(kind.0).or_default() += 1;
}
