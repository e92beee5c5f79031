//! Receipts: fetching the evidence of what was done before.

use std::{sync::Arc, time::Instant};

use super::{
    Client, Error, Refused,
    connection::MAX_MESSAGE_BYTES,
    seen::contradicts,
    statement::Signed,
    verify::{self, VerifiedReceipt},
};
use crate::{
    domain::{
        id::{RequestId, SystemId},
        outcome::{Outcome, RefusalReason},
        statement::Statement,
    },
    sign::dsse::Envelope,
    tlog::{Checkpoint, HASH_LEN, Hash, verify_consistency},
    wire::proto::{self, audit_service_client::AuditServiceClient, get_receipt_request::Selector},
};

impl Client {
    /// The receipt of an exchange of this system, verified under the pinned key of the log.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the hub knows no such request; [`Error::Unproven`]; [`Error::Unavailable`].
    pub async fn receipt(&self, request_id: RequestId) -> Result<VerifiedReceipt, Error> {
        let own = self.system().clone();
        self.receipt_by(&own, request_id).await
    }

    /// The receipt of an exchange of another system with this department.
    ///
    /// # Errors
    /// As [`Client::receipt`].
    pub async fn receipt_by(&self, actor: &SystemId, request_id: RequestId) -> Result<VerifiedReceipt, Error> {
        self.receipt_of(actor, request_id, false).await
    }

    /// The same under the published checkpoint, with the cosignatures of the hub's witnesses. They see an entry some seconds
    /// after it was made.
    ///
    /// # Errors
    /// As [`Client::receipt`]; [`Error::Unavailable`] while enough witnesses have not seen the entry.
    pub async fn witnessed_receipt(&self, actor: &SystemId, request_id: RequestId) -> Result<VerifiedReceipt, Error> {
        self.receipt_of(actor, request_id, true).await
    }

    async fn receipt_of(
        &self,
        actor: &SystemId,
        request_id: RequestId,
        witnessed: bool,
    ) -> Result<VerifiedReceipt, Error> {
        let selector = Selector::RequestId(request_id.0.to_vec());
        let receipt = self.fetch(selector, actor.to_string(), witnessed).await?;
        let header = receipt.statement.as_ref().and_then(Statement::header);
        if header.is_some_and(|header| header.request_id == request_id && header.actor == *actor) {
            return Ok(receipt);
        }
        let why = format!("entry {} is not of request {request_id} of {actor}", receipt.index);
        Err(Error::Unproven { what: "the receipt", check: "request", why })
    }

    /// The receipt of the entry of an index: one of this department's own statements, or any for auditors.
    ///
    /// # Errors
    /// As [`Client::receipt`].
    pub async fn receipt_at(&self, index: u64) -> Result<VerifiedReceipt, Error> {
        let receipt = self.fetch(Selector::Index(index), String::new(), false).await?;
        if receipt.index == index {
            return Ok(receipt);
        }
        let why = format!("entry {} came, entry {index} was asked for", receipt.index);
        Err(Error::Unproven { what: "the receipt", check: "index", why })
    }

    /// The receipt of a refusal: proves that the hub refused, and why.
    ///
    /// # Errors
    /// As [`Client::receipt`]; [`Error::Unproven`] also when the entry says anything else than the refusal did.
    pub async fn refusal_receipt(&self, refused: &Refused) -> Result<VerifiedReceipt, Error> {
        let receipt = match refused.request_id {
            // The id is that of the request which used it first; this refusal has another entry.
            Some(request_id) if refused.reason != RefusalReason::RequestIdReused => self.receipt(request_id).await?,
            _ => self.receipt_at(refused.index).await?,
        };
        require_refusal(&receipt, refused)?;
        Ok(receipt)
    }

    /// The newest checkpoint, a signed note of which the log's key was verified.
    ///
    /// # Errors
    /// [`Error::Unproven`] when it does not verify; [`Error::Unavailable`].
    pub async fn checkpoint(&self) -> Result<(crate::tlog::Checkpoint, String), Error> {
        let message = proto::GetCheckpointRequest::default();
        let answer: proto::GetCheckpointResponse =
            self.connection()
                .call(&message, |channel, request| async move {
                    AuditServiceClient::new(channel).get_checkpoint(request).await
                })
                .await?;
        let opened = crate::tlog::Note::parse(answer.checkpoint.as_bytes())
            .and_then(|note| crate::tlog::Checkpoint::open(&note, self.log_key()));
        match opened {
            Ok(checkpoint) => Ok((checkpoint, answer.checkpoint)),
            Err(error) => {
                Err(Error::Unproven { what: "the checkpoint", check: "checkpoint signature", why: error.to_string() })
            }
        }
    }

    async fn fetch(&self, selector: Selector, actor: String, witnessed: bool) -> Result<VerifiedReceipt, Error> {
        let message = proto::GetReceiptRequest { selector: Some(selector), actor, witnessed };
        // The published checkpoint is older than the newest by its nature.
        let before = self.connection().seen().newest().filter(|_| !witnessed);
        let answer: proto::GetReceiptResponse = self
            .connection()
            .call(&message, |channel, request| async move {
                AuditServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES).get_receipt(request).await
            })
            .await?;
        let receipt = self.verified(answer.receipt)?;
        self.require_growth(&receipt, before).await?;
        Ok(receipt)
    }

    /// Requires that the log which a receipt is of continues what was seen of it before the hub was asked.
    async fn require_growth(&self, receipt: &VerifiedReceipt, before: Option<Checkpoint>) -> Result<(), Error> {
        let (seen, found) = (self.connection().seen(), &receipt.checkpoint);
        let ground = seen.compare(found, before.as_ref(), Instant::now())?;
        let proven = match &ground {
            Some(ground) => match self.consistency_proof(ground.size, found.size).await {
                Ok(hashes) => {
                    verify_consistency(ground.size, &ground.root, found.size, &found.root, &hashes)
                        .map_err(|error| contradicts(ground, found, &error.to_string()))?;
                    true
                }
                // What was answered is proven by itself; that the log only grew the hub shall prove next time.
                Err(Error::Unavailable { .. }) => false,
                Err(error) => return Err(contradicts(ground, found, &format!("the hub does not prove it ({error})"))),
            },
            None => false,
        };
        if seen.learn(receipt, proven, Instant::now()) {
            let seen = Arc::clone(seen);
            let kept = tokio::task::spawn_blocking(move || seen.keep(Instant::now())).await;
            // A panic is told by its hook; the checkpoint is kept with the next.
            kept.unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    /// The hub's proof that the log of one size, at least 1, is a prefix of the log of another. It proves nothing until it is
    /// verified.
    ///
    /// # Errors
    /// [`Error::Rejected`], [`Error::Unavailable`], [`Error::Unproven`] when it is none.
    pub async fn consistency_proof(&self, first_size: u64, second_size: u64) -> Result<Vec<Hash>, Error> {
        let message = proto::GetConsistencyProofRequest { first_size, second_size };
        let answer: proto::GetConsistencyProofResponse = self
            .connection()
            .call(&message, |channel, request| async move {
                AuditServiceClient::new(channel).get_consistency_proof(request).await
            })
            .await?;
        let hash = |bytes: Vec<u8>| <[u8; HASH_LEN]>::try_from(bytes).ok().map(Hash::from);
        answer.hashes.into_iter().map(hash).collect::<Option<_>>().ok_or_else(|| Error::Unproven {
            what: "the log",
            check: "consistency proof",
            why: "a hash has not 32 bytes".to_owned(),
        })
    }

    /// Verifies a receipt under the pinned key of the log.
    fn verified(&self, receipt: Option<proto::Receipt>) -> Result<VerifiedReceipt, Error> {
        let receipt = receipt.unwrap_or_default();
        verify::receipt(&receipt.entry, receipt.proof.as_bytes(), self.log_key()).into_result("the receipt")
    }

    /// Verifies the receipt of an answer and that its statement is, byte for byte, the one sent; writes it down.
    pub(super) async fn answered(
        &self,
        signed: &Signed,
        receipt: Option<proto::Receipt>,
        before: Option<Checkpoint>,
    ) -> Result<VerifiedReceipt, Error> {
        let receipt = self.verified(receipt)?;
        require_same_statement(&receipt, &signed.envelope)?;
        self.write_down(signed.request_id, &super::Came::Answered(receipt.index)).await?;
        self.require_growth(&receipt, before).await?;
        Ok(receipt)
    }
}

fn require_same_statement(receipt: &VerifiedReceipt, sent: &Envelope) -> Result<(), Error> {
    if receipt.entry.envelope.as_ref() == Some(sent) {
        return Ok(());
    }
    let why = format!("entry {} holds another statement than the one sent", receipt.index);
    Err(Error::Unproven { what: "the receipt", check: "statement sent", why })
}

/// Whether a term is the one in the entry; an error cuts a long one and says so with an ellipsis.
fn same_term(entered: &str, said: &str) -> bool {
    entered == said || said.strip_suffix('…').is_some_and(|beginning| entered.starts_with(beginning))
}

fn require_refusal(receipt: &VerifiedReceipt, refused: &Refused) -> Result<(), Error> {
    let why = match receipt.outcome() {
        Outcome::Refused(refusal)
            if refusal.reason == refused.reason
                && same_term(&refusal.term, &refused.term)
                && refusal.agreement == refused.agreement
                && (receipt.index, receipt.leaf_hash) == (refused.index, refused.leaf_hash) =>
        {
            return Ok(());
        }
        other => format!("the hub said: {refused}; entry {} says: {}", receipt.index, verify::outcome_in_words(other)),
    };
    Err(Error::Unproven { what: "the refusal", check: "entry says the same", why })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{
        client::fixture::{self, Log},
        domain::outcome::RefusalReason,
    };

    fn sealed() -> VerifiedReceipt {
        let log = Log::new();
        let (entry, proof) = log.seal(&fixture::refused_entry());
        verify::receipt(&entry, proof.as_bytes(), &log.verifier()).into_result("receipt").unwrap()
    }

    #[test]
    fn a_receipt_of_another_statement_is_no_receipt() {
        let receipt = sealed();
        let mut sent = receipt.entry.envelope.clone().unwrap();
        assert!(require_same_statement(&receipt, &sent).is_ok());
        sent.signatures[0].sig[0] ^= 1;
        assert!(require_same_statement(&receipt, &sent).is_err());
    }

    #[test]
    fn a_refusal_is_proven_by_an_entry_that_says_the_same() {
        let receipt = sealed();
        let refused = fixture::refused(&receipt);
        require_refusal(&receipt, &refused).unwrap();
        for changed in [
            Refused { reason: RefusalReason::QuotaExhausted, ..refused.clone() },
            Refused { term: "other".to_owned(), ..refused.clone() },
            Refused { index: 0, ..refused.clone() },
            Refused { leaf_hash: [0; 32].into(), ..refused.clone() },
        ] {
            assert!(require_refusal(&receipt, &changed).is_err(), "{changed}");
        }
    }
}
