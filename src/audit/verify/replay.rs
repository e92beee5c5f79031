//! The replay: what every entry must meet, whatever it is about.

use std::collections::HashMap;

use crate::{
    domain::{
        decide::{Standing, admit, counts_towards_limit},
        id::{Digest, RequestId, SystemId},
        outcome::{Effect, Outcome, Refusal, RefusalReason},
        rules::Rules,
        statement::{DECISION_VERSION, Genesis, Header, Statement},
        time::{Moment, Time},
    },
    sign::{dsse, sha256},
    tlog::{Hash, leaf_hash},
    wire::Entry,
};

use super::{
    Fault, Finding, Report, Trust,
    notice::Notices,
    publication::Records,
    query::Quotas,
    rule,
    signer::{Keys, Signer},
};
use crate::audit::{Basis, describe};

/// What replaying a log remembers.
pub(super) struct Replay {
    origin: String,
    genesis: Option<Hash>,
    last_time: Option<Time>,
    ledger: Option<Ledger>,
}

/// The state that entries make, from the genesis on.
pub(super) struct Ledger {
    pub(super) rules: Rules,
    pub(super) keys: Keys,
    pub(super) records: Records,
    pub(super) quotas: Quotas,
    /// The first statement under each request id, by the SHA-256 of its payload.
    requests: HashMap<(SystemId, RequestId), Digest>,
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

/// A statement about to be decided again.
pub(super) struct Act<'a> {
    pub(super) index: u64,
    pub(super) entry: &'a Entry,
    pub(super) statement: &'a Statement,
    pub(super) header: &'a Header,
    pub(super) signer: Signer,
    pub(super) now: Moment,
}

impl Replay {
    /// A replay from the beginning.
    pub(super) fn new(trust: &Trust) -> Self {
        Self { origin: trust.log_key.vkey().name().to_string(), genesis: trust.genesis, last_time: None, ledger: None }
    }

    /// Follows an entry that is not the one that the log sealed, as far as it can be read: what it now says is nobody's word,
    /// but without it all that rests on it would be found wrong as well.
    pub(super) fn follow_unsealed(&mut self, index: u64, bytes: &[u8]) {
        let last_time = self.last_time;
        self.follow(index, bytes, &mut Report::new(String::new()));
        self.last_time = last_time;
    }

    /// Checks an entry and follows it.
    pub(super) fn follow(&mut self, index: u64, bytes: &[u8], report: &mut Report) {
        let mut found = Found::default();
        let described = self.check(index, bytes, report, &mut found);
        report.findings.extend(found.0.into_iter().map(|(rule, message)| Finding {
            index: Some(index),
            rule,
            message,
            entry: described.clone(),
        }));
    }

    /// Gives the entry in one line, where it reads and something was found.
    fn check(&mut self, index: u64, bytes: &[u8], report: &mut Report, found: &mut Found) -> Option<String> {
        let entry = match Entry::decode(bytes) {
            Ok(entry) => entry,
            Err(error) => {
                found.add(Fault::EntryMalformed, error.to_string());
                return None;
            }
        };
        if let Some(last) = self.last_time.filter(|last| entry.time < *last) {
            found.add(Fault::ClockBackwards, format!("its time is {}, the entry before has {last}", entry.time));
        }
        self.last_time = self.last_time.max(Some(entry.time));
        report.first_time.get_or_insert_with(|| entry.time.to_string());
        report.last_time = Some(entry.time.to_string());
        let statement = match entry.statement() {
            Ok(statement) => statement,
            Err(error) => {
                found.add(Fault::StatementMalformed, error.to_string());
                return None;
            }
        };
        count(report, &entry, statement.as_ref());
        match (&statement, &mut self.ledger) {
            (Some(Statement::Genesis(genesis)), _) if index == 0 => self.open(genesis, bytes, &entry, found),
            (Some(Statement::Genesis(_)), _) => {
                found.add(Fault::GenesisMisplaced, "only the first entry can be one");
            }
            (_, None) if index == 0 => found.add(Fault::GenesisInvalid, "the first entry must be a genesis"),
            // Without a genesis there are no rules: its own finding says so, once.
            (_, None) => {}
            (Some(statement), Some(ledger)) => {
                if let Some(header) = statement.header() {
                    let basis = ledger.follow(index, &entry, statement, header, found);
                    *report.decisions.entry(basis).or_default() += 1;
                }
            }
            (None, Some(ledger)) => {
                if let Outcome::Noted(notice) = &entry.outcome {
                    ledger.notices.follow(&ledger.rules, notice, entry.time, found);
                }
            }
        }
        (!found.0.is_empty()).then(|| describe::of(index, &entry, statement.as_ref()).summary())
    }

    fn open(&mut self, genesis: &Genesis, bytes: &[u8], entry: &Entry, found: &mut Found) {
        let leaf = leaf_hash(bytes);
        if let Some(trusted) = self.genesis.filter(|trusted| *trusted != leaf) {
            found.add(Fault::GenesisForeign, format!("its hash is {leaf}, trusted is {trusted}"));
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
            keys: Keys::default(),
            records: Records::default(),
            quotas: Quotas::default(),
            requests: HashMap::new(),
            notices: Notices::default(),
        });
    }
}

impl Ledger {
    /// Checks a statement and its outcome, follows it, and says on what the outcome rests.
    fn follow(
        &mut self,
        index: u64,
        entry: &Entry,
        statement: &Statement,
        header: &Header,
        found: &mut Found,
    ) -> Basis {
        if header.hub != self.rules.hub {
            found.add(Fault::HubForeign, format!("it is meant for {}, this is {}", header.hub, self.rules.hub));
        }
        // An entry of a statement has its envelope.
        let Some(envelope) = &entry.envelope else { return Basis::Recomputed };
        let signer = self.keys.check(&self.rules, envelope, &header.actor, found);
        let reused = self.request_reused(envelope, &entry.outcome, header, found);
        if counts_towards_limit(&self.rules, &header.actor, &entry.outcome) {
            self.notices.count(&header.actor, entry.time, self.rules.policy.max_refusals_per_minute);
        }
        let now = Moment::new(entry.time);
        let admitted = match signer.kid {
            Some(kid) => {
                let said_mismatch = refused_for(&entry.outcome, RefusalReason::OpeningMismatch);
                let standing = Standing { kid, request_id_reused: reused, openings_match: !said_mismatch };
                admit(&self.rules, statement, standing, &now)
            }
            // That no registered key signed is found already.
            None => Ok(()),
        };
        let act = Act { index, entry, statement, header, signer, now };
        match statement {
            Statement::Genesis(_) => Basis::Recomputed,
            Statement::Rule(_, change) => rule::follow(self, &act, change, admitted, found),
            Statement::Query(_, query) => super::query::follow(self, &act, query, admitted, found),
            Statement::Publication(_, publication) => {
                super::publication::follow(self, &act, publication, admitted, found)
            }
        }
    }

    /// Whether the actor used the request id before.
    fn request_reused(
        &mut self,
        envelope: &dsse::Envelope,
        outcome: &Outcome,
        header: &Header,
        found: &mut Found,
    ) -> bool {
        let payload = Digest(sha256(&envelope.payload));
        let key = (header.actor.clone(), header.request_id);
        match self.requests.get(&key) {
            Some(first) if *first == payload => {
                found.add(Fault::StatementRepeated, format!("request {} was answered before", header.request_id));
                // One finding says it; that it then had to be refused follows.
                refused_for(outcome, RefusalReason::RequestIdReused)
            }
            Some(_) => true,
            None => {
                if !refused_for(outcome, RefusalReason::RequestIdReused) {
                    self.requests.insert(key, payload);
                }
                false
            }
        }
    }
}

/// Compares a refusal that was due, or none, with the outcome. `attested` are reasons for which the hub may refuse, on its word
/// alone, what the rules allow.
pub(super) fn compare(
    due: Result<(), Refusal>,
    outcome: &Outcome,
    attested: &[RefusalReason],
    found: &mut Found,
) -> Basis {
    match (due, outcome) {
        (Ok(()), Outcome::Refused(refusal)) if attested.contains(&refusal.reason) => return Basis::Attested,
        (Ok(()), Outcome::Refused(refusal)) => {
            found.add(
                Fault::WronglyRefused(refusal.reason),
                format!("it was refused with {refusal}; the rules allow it"),
            );
        }
        (Err(due), Outcome::Refused(refusal)) if due != *refusal => {
            found.add(Fault::RefusalDiffers, format!("it was refused with {refusal}; due was {due}"));
        }
        (Err(due), Outcome::Refused(_)) if due.reason == RefusalReason::OpeningMismatch => return Basis::Attested,
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

fn count(report: &mut Report, entry: &Entry, statement: Option<&Statement>) {
    let (kind, _) = statement.map_or_else(|| describe::own_kind(&entry.outcome), describe::kind);
    *report.kinds.entry(kind.to_owned()).or_default() += 1;
    if let Outcome::Refused(refusal) = &entry.outcome {
        *report.refusals.entry(refusal.reason.as_str().to_owned()).or_default() += 1;
    }
}
