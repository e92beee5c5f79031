//! Reading the log.

use crate::{
    domain::{
        directory::Capability,
        id::{RequestId, SystemId},
        identifier::Uscc,
        outcome::{Effect, Outcome},
        statement::{ClosingReceipt, Statement},
    },
    tlog::{Hash, prove_inclusion},
};

use super::{
    Error, Hub,
    projection::{decode, single, statement_of},
    published::checkpoint_of,
    receipt::{ProvenUnder, Receipt, Stored},
};

impl Hub {
    /// The published checkpoint, or the newest, for any registered peer.
    ///
    /// # Errors
    /// When the peer is not registered, or none has been published yet.
    pub fn checkpoint(&self, peer: &SystemId, under: ProvenUnder) -> Result<String, Error> {
        self.known_peer(peer)?;
        match under {
            ProvenUnder::Newest => Ok(self.newest_checkpoint()?.to_string()),
            ProvenUnder::Published => {
                let none = || Error::NotFound("a checkpoint that enough witnesses have cosigned".to_owned());
                Ok(self.published_checkpoint()?.ok_or_else(none)?.to_string())
            }
        }
    }

    /// The receipts by which this log follows those before it, for any registered peer; none of a hub's first log. Blocks.
    ///
    /// # Errors
    /// When the peer is not registered, or the log cannot be read.
    pub fn log_succession(&self, peer: &SystemId) -> Result<Vec<ClosingReceipt>, Error> {
        self.known_peer(peer)?;
        let genesis = statement_of(0, &single(self.reader.as_ref(), 0)?)?;
        let Some(Statement::Genesis(genesis)) = genesis else { return Ok(Vec::new()) };
        Ok(genesis.previous.map(|previous| previous.closings).unwrap_or_default())
    }

    /// The receipt of an entry under the published checkpoint.
    fn published_receipt(&self, index: u64) -> Result<Receipt, Error> {
        let not_yet = |size| Error::NotPublished { index, size };
        let checkpoint = self.published_checkpoint()?.ok_or_else(|| not_yet(0))?;
        match checkpoint_of(&checkpoint)?.size {
            size if index >= size => Err(not_yet(size)),
            _ => Receipt::under(self.reader.as_ref(), index, &checkpoint),
        }
    }

    /// Entries from `start` on, before `end`, as many as fit `max_bytes`; for auditors. Blocks.
    ///
    /// # Errors
    /// When the peer may not, or the range is not there.
    pub fn entries(&self, peer: &SystemId, start: u64, end: u64, max_bytes: usize) -> Result<Vec<Vec<u8>>, Error> {
        let size = self.audited(peer)?;
        if start > end || end > size {
            return Err(Error::Argument { field: "end", problem: format!("must be from start to {size}") });
        }
        Ok(self.reader.entries(start, end, max_bytes)?)
    }

    /// The proof that the log of one size is a prefix of the log of another, for any registered peer: hashes tell nothing
    /// of entries, and let everybody who holds a receipt see that the log only grew. Blocks.
    ///
    /// # Errors
    /// When the peer is not registered, or the sizes are not in order.
    pub fn consistency_proof(&self, peer: &SystemId, first: u64, second: u64) -> Result<Vec<Hash>, Error> {
        let size = self.known_peer(peer)?.size;
        if first == 0 || first > second || second > size {
            let problem = format!("must be 1 <= first_size <= second_size <= {size}");
            return Err(Error::Argument { field: "first_size", problem });
        }
        self.growth(first, second)
    }

    /// The proof that an entry is in the log of a size, for any registered peer. A size of 0 is that of the newest
    /// checkpoint; the size comes with the proof. Blocks.
    ///
    /// # Errors
    /// When the peer is not registered, or index and size are not in order.
    pub fn inclusion_proof(&self, peer: &SystemId, index: u64, size: u64) -> Result<(u64, Vec<Hash>), Error> {
        let newest = self.known_peer(peer)?.size;
        let size = if size == 0 { newest } else { size };
        if size > newest || index >= size {
            let problem = format!("must be below size, and size at most {newest}");
            return Err(Error::Argument { field: "index", problem });
        }
        Ok((size, prove_inclusion(&Stored(self.reader.as_ref()), index, size)?))
    }

    /// How many entries the log has, for a peer that may read it.
    ///
    /// # Errors
    /// When the peer may not.
    pub fn audited(&self, peer: &SystemId) -> Result<u64, Error> {
        let snapshot = self.known_peer(peer)?;
        if snapshot.rules.directory.holds(peer, Capability::Audit) {
            Ok(snapshot.size)
        } else {
            Err(Error::NotAllowed(Capability::Audit))
        }
    }

    /// The receipt of an entry; for auditors, and for the department whose system made its statement. Blocks.
    ///
    /// # Errors
    /// When the peer may not, there is no such entry, or it is not published yet.
    pub fn receipt_at(&self, peer: &SystemId, index: u64, under: ProvenUnder) -> Result<Receipt, Error> {
        let snapshot = self.known_peer(peer)?;
        let audits = snapshot.rules.directory.holds(peer, Capability::Audit);
        let denied = Error::NotAllowed(Capability::Audit);
        if !audits && index >= snapshot.size {
            // Whether an entry exists is for those to know who may read it.
            return Err(denied);
        }
        let receipt = Receipt::of_index(self.reader.as_ref(), index)?;
        let own = || {
            let statement = statement_of(index, &decode(index, &receipt.entry)?)?;
            let header = statement.as_ref().and_then(Statement::header);
            Ok::<_, Error>(header.is_some_and(|header| header.actor.department() == peer.department()))
        };
        if !audits && !own()? {
            return Err(denied);
        }
        match under {
            ProvenUnder::Newest => Ok(receipt),
            ProvenUnder::Published => self.published_receipt(index),
        }
    }

    /// The receipt of an actor's request, for the actor's department, the counterparty and auditors. Blocks.
    ///
    /// # Errors
    /// When there is none that the peer may know of, or it is not published yet.
    pub fn receipt_of(
        &self,
        peer: &SystemId,
        actor: &SystemId,
        request_id: &RequestId,
        under: ProvenUnder,
    ) -> Result<Receipt, Error> {
        let snapshot = self.known_peer(peer)?;
        let unknown = || Error::NotFound(format!("request {request_id} of {actor}"));
        let row = self.projections.request(actor, request_id)?.ok_or_else(unknown)?;
        let receipt = Receipt::of_index(self.reader.as_ref(), row.index)?;
        let party = peer.department() == actor.department()
            || snapshot.rules.directory.holds(peer, Capability::Audit)
            || self.provider_of(&receipt)?.is_some_and(|provider| provider == *peer.department());
        if !party {
            return Err(unknown());
        }
        match under {
            ProvenUnder::Newest => Ok(receipt),
            ProvenUnder::Published => self.published_receipt(row.index),
        }
    }

    /// The department whose agreement an entry was under.
    fn provider_of(&self, receipt: &Receipt) -> Result<Option<Uscc>, Error> {
        let Some(statement) = statement_of(receipt.index, &decode(receipt.index, &receipt.entry)?)? else {
            return Ok(None);
        };
        let rules = &self.snapshot().rules;
        let agreement_id = match (&statement, &receipt.outcome) {
            (_, Outcome::QueryPermitted(permitted)) => Some(&permitted.agreement_id),
            (_, Outcome::Applied(Effect::AgreementChanged { agreement_id, .. })) => Some(agreement_id),
            (Statement::Query(_, query), Outcome::Refused(_)) => {
                let resource = rules.catalog.newest(query.resource_id.as_str());
                return Ok(resource.map(|(_, resource)| resource.provider));
            }
            _ => None,
        };
        let agreement = agreement_id.and_then(|id| rules.agreements.find(id.as_str()));
        Ok(agreement.and_then(|agreement| agreement.newest()).map(|version| version.text.provider))
    }
}
