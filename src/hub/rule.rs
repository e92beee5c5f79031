//! The life of a statement about the rules, and the reading of them.

use std::sync::Arc;

use crate::{
    domain::{
        agreement::{Agreement, AgreementVersion},
        answer::{Pending, pending},
        decide::{RuleFacts, admit, decide_rule},
        directory::Capability,
        id::{AgreementId, SystemId},
        outcome::{Outcome, Refusal, RefusalReason},
        statement::{RuleChange, Statement},
        time::Moment,
    },
    sign::{
        Verifier,
        commitment::{Opening, Scheme},
        dsse,
    },
    wire,
};

use super::{
    Error, Hub,
    admission::{Earlier, Expected, Verified},
    attempt::Attempt,
    receipt::Receipt,
    snapshot::Snapshot,
};

/// A version of an agreement as it is read.
pub struct ReadAgreement {
    /// The version.
    pub version: AgreementVersion,
    /// The texts that its commitments open to, as far as they are kept.
    pub openings: Vec<Opening>,
    /// What it waits for.
    pub pending: Option<Pending>,
}

/// An agreement of a list, and what its newest version waits for.
pub type ListedAgreement = (Arc<Agreement>, Option<Pending>);

/// Which agreements are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// All.
    All,
    /// Those that wait for an answer.
    Pending,
    /// Those whose answer is overdue.
    Overdue,
}

impl Hub {
    /// Takes a statement about the rules that came over `peer`'s connection.
    ///
    /// # Errors
    /// When no entry was made. A refusal is no error: it stands in the receipt.
    pub async fn change_rules(
        self: &Arc<Self>,
        peer: SystemId,
        envelope: dsse::Envelope,
        openings: Vec<Opening>,
    ) -> Result<Receipt, Error> {
        let begin = move |hub: &Self| {
            let statement = wire::read_statement(&envelope.payload_type, &envelope.payload)?;
            if !matches!(statement, Statement::Rule(..)) {
                return Err(Error::WrongKind { expected: "a directory, catalog or agreement statement" });
            }
            let verified = Verified::new(&hub.snapshot(), &peer, envelope, statement, openings)?;
            let attempt = hub.decide_rules(&verified)?;
            Ok((verified, attempt))
        };
        let (receipt, _) = self.enter(begin, Self::decide_rules).await?;
        Ok(receipt)
    }

    fn decide_rules(&self, verified: &Verified) -> Result<Attempt<()>, Error> {
        let Statement::Rule(header, change) = verified.statement.as_ref() else {
            return Err(Error::WrongKind { expected: "a directory, catalog or agreement statement" });
        };
        let snapshot = self.snapshot();
        let now = Moment::new(self.clock.now().max(snapshot.time));
        let reused = match verified.earlier(self.projections.as_ref(), self.reader.as_ref())? {
            Earlier::Same(receipt) => return Ok(Attempt::Answered(*receipt)),
            Earlier::Other => true,
            Earlier::None => false,
        };
        let commitments = change.text_commitments().into_iter();
        let expected: Vec<_> =
            commitments.map(|commitment| Expected { commitment, schemes: Some(vec![Scheme::Text]) }).collect();
        let key = snapshot.keys.get(&verified.kid).map(|key| key.as_ref() as &dyn Verifier);
        let facts = RuleFacts {
            text_signature_valid: wire::text_signature_valid(&snapshot.rules, change, key),
            possession_proven: wire::possession_proven(&snapshot.rules.hub, change),
        };
        let standing = verified.standing(reused, &expected);
        let decided = admit(&snapshot.rules, &verified.statement, standing, &now)
            .and_then(|()| decide_rule(&snapshot.rules, header, change, facts, &now));
        let outcome = decided.map_or_else(Outcome::Refused, Outcome::Applied);
        Ok(Attempt::Decided(Box::new(verified.draft(outcome, standing, snapshot.size, &now)), ()))
    }

    /// The denial basis 不予共享依据 of the resource that a statement is about, where it was refused since a field of it is not
    /// shared.
    pub fn denial_basis(&self, receipt: &Receipt) -> Option<String> {
        let Outcome::Refused(Refusal { reason: RefusalReason::FieldNotShared, .. }) = &receipt.outcome else {
            return None;
        };
        let statement = wire::Entry::decode(&receipt.entry).ok()?.statement().ok()??;
        let resource = match &statement {
            Statement::Query(_, query) => &query.resource_id,
            Statement::Rule(_, RuleChange::AgreementProposal { text, .. }) => &text.resource_id,
            Statement::Rule(_, RuleChange::AgreementAcceptance(consent) | RuleChange::AgreementActivation(consent)) => {
                let snapshot = self.snapshot();
                let agreement = snapshot.rules.agreements.find(consent.agreement_id.as_str())?;
                return snapshot.denial_basis(agreement.newest()?.text.resource_id.as_str());
            }
            _ => return None,
        };
        self.snapshot().denial_basis(resource.as_str())
    }

    /// The agreement of an id, in a version or the newest, for a peer that may read it, with the texts opened as far as the
    /// hub still keeps them. Blocks.
    ///
    /// # Errors
    /// When there is none that the peer may know of.
    pub fn agreement(&self, peer: &SystemId, id: &str, version: Option<u32>) -> Result<ReadAgreement, Error> {
        let snapshot = self.known_peer(peer)?;
        let unknown = || Error::NotFound(format!("agreement {id}"));
        let agreement = snapshot.rules.agreements.find(id).ok_or_else(unknown)?;
        let found = match version {
            None => agreement.newest(),
            Some(number) => agreement.version(number),
        };
        let version = found.filter(|found| may_read(&snapshot, peer, found)).ok_or_else(unknown)?.clone();
        let pending = pending(&snapshot.rules, agreement, &version);
        let mut openings = match version.entry_indexes.first() {
            Some(proposal) => self.openings_of(*proposal)?,
            None => Vec::new(),
        };
        openings.extend(self.opening_of_reason(&version)?);
        Ok(ReadAgreement { version, openings, pending })
    }

    /// What opens the reason for a version's state: it came with the last act that gave one.
    fn opening_of_reason(&self, version: &AgreementVersion) -> Result<Option<Opening>, Error> {
        let Some(reason) = version.reason else { return Ok(None) };
        for index in version.entry_indexes.iter().rev() {
            let opens = |opening: &Opening| opening.commitment() == reason.0;
            if let Some(opening) = self.openings_of(*index)?.into_iter().find(opens) {
                return Ok(Some(opening));
            }
        }
        Ok(None)
    }

    /// The agreements after an id whose newest versions a peer may read, in the order of their ids, at most `limit`; with what
    /// they wait for.
    ///
    /// # Errors
    /// When the peer is not registered.
    pub fn agreements(
        &self,
        peer: &SystemId,
        after: &str,
        selection: Selection,
        limit: usize,
    ) -> Result<Vec<ListedAgreement>, Error> {
        let snapshot = self.known_peer(peer)?;
        let now = Moment::new(self.clock.now());
        let read = |agreement: &Arc<Agreement>| {
            let newest = agreement.newest().filter(|newest| may_read(&snapshot, peer, newest))?;
            let pending = pending(&snapshot.rules, agreement, newest);
            let is_selected = match selection {
                Selection::All => true,
                Selection::Pending => pending.is_some(),
                Selection::Overdue => pending.as_ref().is_some_and(|pending| pending.is_overdue(&now)),
            };
            is_selected.then(|| (Arc::clone(agreement), pending))
        };
        let agreements = &snapshot.rules.agreements;
        Ok(match selection {
            Selection::All => agreements.after(after).filter_map(|(_, found)| read(found)).take(limit).collect(),
            Selection::Pending | Selection::Overdue => {
                agreements.waiting_after(after).filter_map(|(_, found)| read(found)).take(limit).collect()
            }
        })
    }

    /// The agreements that wait for an answer, and how many of them are overdue.
    pub fn pending_answers(&self) -> (Vec<(AgreementId, Pending)>, usize) {
        let snapshot = self.snapshot();
        let now = Moment::new(self.clock.now());
        let waiting = snapshot.rules.agreements.waiting_after("").filter_map(|(id, agreement)| {
            Some((id.clone(), pending(&snapshot.rules, agreement, agreement.newest()?)?))
        });
        let waiting: Vec<_> = waiting.collect();
        let overdue = waiting.iter().filter(|(_, pending)| pending.is_overdue(&now)).count();
        (waiting, overdue)
    }

    fn openings_of(&self, index: u64) -> Result<Vec<Opening>, Error> {
        Ok(self.reader.openings(index)?.iter().filter_map(|bytes| wire::decode_opening(bytes)).collect())
    }

    /// The rules, for a registered peer.
    ///
    /// # Errors
    /// When the peer is not registered.
    pub fn rules_for(&self, peer: &SystemId) -> Result<Arc<Snapshot>, Error> {
        self.known_peer(peer)
    }
}

fn may_read(snapshot: &Snapshot, peer: &SystemId, version: &AgreementVersion) -> bool {
    let department = *peer.department();
    let directory = &snapshot.rules.directory;
    department == version.text.consumer
        || department == version.text.provider
        || directory.holds(peer, Capability::Administer)
        || directory.holds(peer, Capability::Audit)
}
