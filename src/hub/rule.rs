//! The life of a statement about the rules, and the reading of them.

use std::sync::Arc;

use crate::{
    domain::{
        agreement::{Agreement, AgreementVersion},
        decide::{RuleFacts, admit, decide_rule},
        directory::Capability,
        id::SystemId,
        outcome::Outcome,
        statement::Statement,
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
        let key = snapshot.keys.get(&verified.kid).map(|key| key as &dyn Verifier);
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

    /// The agreement of an id, in a version or the newest, for a peer that may read it, with the texts opened as far as the
    /// hub still keeps them. Blocks.
    ///
    /// # Errors
    /// When there is none that the peer may know of.
    pub fn agreement(
        &self,
        peer: &SystemId,
        id: &str,
        version: Option<u32>,
    ) -> Result<(AgreementVersion, Vec<Opening>), Error> {
        let snapshot = self.known_peer(peer)?;
        let unknown = || Error::NotFound(format!("agreement {id}"));
        let agreement = snapshot.rules.agreements.find(id).ok_or_else(unknown)?;
        let found = match version {
            None => agreement.newest(),
            Some(number) => agreement.version(number),
        };
        let found = found.filter(|found| may_read(&snapshot, peer, found)).ok_or_else(unknown)?.clone();
        let openings = match found.entry_indexes.first() {
            Some(proposal) => self.openings_of(*proposal)?,
            None => Vec::new(),
        };
        Ok((found, openings))
    }

    /// The agreements after an id whose newest versions a peer may read, in the order of their ids, at most `limit`.
    ///
    /// # Errors
    /// When the peer is not registered.
    pub fn agreements(&self, peer: &SystemId, after: &str, limit: usize) -> Result<Vec<Arc<Agreement>>, Error> {
        let snapshot = self.known_peer(peer)?;
        let readable =
            |agreement: &Agreement| agreement.newest().is_some_and(|newest| may_read(&snapshot, peer, newest));
        let after = snapshot.rules.agreements.after(after).map(|(_, agreement)| agreement);
        Ok(after.filter(|agreement| readable(agreement)).take(limit).cloned().collect())
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
