//! Tracing: who asked about a holder. Nothing of the answer is believed that the log does not bear out.

use super::{
    Client, Error, Holder, SearchProgress,
    connection::{MAX_MESSAGE_BYTES, next_part},
    statement::commit_text,
    trail::Trail,
    verify::{self, VerifiedReceipt},
};
use crate::{
    domain::{
        id::{Code, Commitment, SystemId},
        outcome::Outcome,
        statement::{Statement, Trace},
        time::Time,
    },
    sign::commitment::{Opening, Scheme},
    wire::{
        self,
        proto::{self, audit_service_client::AuditServiceClient, trace_holder_response::Part},
    },
};

/// A question of who asked about a holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRequest {
    /// The holder.
    pub holder: Holder,
    /// The purpose code 用途.
    pub purpose: Code,
    /// The case number 办件编号, such as that of the holder's request; committed to, never in the log.
    pub case: String,
    /// The legal basis 使用依据; committed to, never in the log.
    pub legal_basis: Option<String>,
    /// Only entries of this time or later.
    pub since: Option<Time>,
    /// Only entries before this time.
    pub until: Option<Time>,
}

/// The answer to a trace.
#[derive(Debug, Clone)]
pub struct TraceAnswer {
    /// The exchanges about the holder, in the order of the log. That there are no others rests on the hub's word.
    pub exchanges: Vec<TracedExchange>,
    /// The evidence of the trace itself.
    pub receipt: VerifiedReceipt,
}

/// An exchange about a holder: the entry is in the log, and its statement commits to what the openings say.
#[derive(Debug, Clone)]
pub struct TracedExchange {
    /// The evidence.
    pub receipt: VerifiedReceipt,
    /// Who asked.
    pub actor: SystemId,
    /// What the statement names the holder by: the holder's own identifier, or those of records. That the records are the
    /// holder's rests on the hub's word.
    pub names: Vec<Opening>,
    /// The case number 办件编号 that the statement commits to, as far as it is kept.
    pub case: Option<String>,
}

impl Client {
    /// Finds out who asked about a holder, as far as the hub keeps openings. Needs the trace capability, and is itself entered in
    /// the log. `hear` is told how far the search is.
    ///
    /// ```no_run
    /// # // Needs a hub that listens.
    /// use hutong::client::{Client, Holder, Profile, TraceRequest};
    ///
    /// # async fn trace() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::connect(&Profile::read("profiles/supervision.toml".as_ref())?).await?;
    /// let request = TraceRequest {
    ///     holder: Holder::new("citizen-id", "11010519491231002X")?,
    ///     purpose: "citizen-request".parse()?,
    ///     case: "信访-2026-000123".to_owned(),
    ///     legal_basis: Some("个人信息保护法第四十五条".to_owned()),
    ///     since: None,
    ///     until: None,
    /// };
    /// let answer = client.trace(&request, |at| eprintln!("{} of {}", at.done, at.total)).await?;
    /// for exchange in &answer.exchanges {
    ///     println!("{} {} entry {}", exchange.receipt.time(), exchange.actor, exchange.receipt.index);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::AnsweredBefore`] when an earlier attempt was answered and its answer was lost on the way;
    /// [`Error::Unproven`] when anything does not hold; [`Error::Input`] before anything is sent; and what can go wrong on the way.
    pub async fn trace(
        &self,
        request: &TraceRequest,
        mut hear: impl FnMut(SearchProgress),
    ) -> Result<TraceAnswer, Error> {
        let (trace, openings) = self.compose_trace(request)?;
        let now = super::now()?;
        let signed = self.author().sign(self.random(), now, openings, |header| Statement::Trace(header, trace))?;
        let message = proto::TraceHolderRequest {
            envelope: Some(wire::envelope_to_proto(&signed.envelope)),
            openings: signed.openings.iter().map(wire::opening_to_proto).collect(),
        };
        let before = self.connection().seen().newest();
        let known = before.as_ref().map_or(0, |checkpoint| checkpoint.size);
        let mut stream = self
            .submit(&signed, &message, |channel, request| async move {
                AuditServiceClient::new(channel)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .trace_holder(request)
                    .await
            })
            .await?;
        let entered = loop {
            match next_part(&mut stream).await {
                Ok(Some(proto::TraceHolderResponse { part: Some(Part::Progress(progress)) })) => hear(progress.into()),
                Ok(Some(proto::TraceHolderResponse { part: Some(Part::Entered(entered)) })) => break entered,
                Ok(_) => return Err(unproven("answer", "its first part is not the trace's own receipt")),
                Err(error) => return Err(self.failed(signed.request_id, error).await?),
            }
        };
        let receipt = self.answered(&signed, entered.receipt, before).await?;
        if entered.repeated_request {
            return Err(Error::AnsweredBefore { request_id: signed.request_id, index: receipt.index });
        }
        let Outcome::HolderTraced(traced) = *receipt.outcome() else {
            return Err(unproven("outcome", &verify::outcome_in_words(receipt.outcome())));
        };
        let mut trail = Trail::begin(request, traced, known)?;
        while let Some(message) = next_part(&mut stream).await? {
            let Some(Part::Exchange(exchange)) = message.part else {
                return Err(unproven("answer", "a part of it is no exchange"));
            };
            trail.take(exchange, self.log_key())?;
        }
        let exchanges = trail.finish()?;
        Ok(TraceAnswer { exchanges, receipt })
    }

    fn compose_trace(&self, request: &TraceRequest) -> Result<(Trace, Vec<Opening>), Error> {
        let (holder, holder_opening) = request.holder.commit(self.random())?;
        let case = Opening::new(self.random(), Scheme::Case, request.case.trim())
            .map_err(|error| Error::Input { what: "the case".to_owned(), why: error.to_string() })?;
        let case_commitment = Commitment(case.commitment());
        let (legal_basis, basis_opening) = commit_text(self.random(), request.legal_basis.as_deref())?.unzip();
        let TraceRequest { purpose, since, until, .. } = request.clone();
        let trace = Trace { purpose, holder, case_commitment, legal_basis, since, until };
        Ok((trace, [holder_opening, case].into_iter().chain(basis_opening).collect()))
    }
}

pub(super) fn unproven(check: &'static str, why: &str) -> Error {
    Error::Unproven { what: "the trace", check, why: why.to_owned() }
}
