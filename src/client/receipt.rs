//! Receipts: fetching the evidence of what was done before.

use super::{
    Client, Error, Refused,
    connection::MAX_MESSAGE_BYTES,
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
        let receipt = self.fetch(Selector::RequestId(request_id.0.to_vec()), actor.to_string()).await?;
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
        let receipt = self.fetch(Selector::Index(index), String::new()).await?;
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
        let message = proto::GetCheckpointRequest {};
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

    async fn fetch(&self, selector: Selector, actor: String) -> Result<VerifiedReceipt, Error> {
        let message = proto::GetReceiptRequest { selector: Some(selector), actor };
        let answer: proto::GetReceiptResponse = self
            .connection()
            .call(&message, |channel, request| async move {
                AuditServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES).get_receipt(request).await
            })
            .await?;
        self.verified(answer.receipt)
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
    ) -> Result<VerifiedReceipt, Error> {
        let receipt = self.verified(receipt)?;
        require_same_statement(&receipt, &signed.envelope)?;
        self.write_down(signed.request_id, &super::Came::Answered(receipt.index)).await?;
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
