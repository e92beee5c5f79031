//! Erasing openings: what the hub keeps of who was asked about.

use super::{
    Client, Error, Holder,
    connection::{MAX_MESSAGE_BYTES, next_part},
    verify::{self, VerifiedReceipt},
};
use crate::{
    domain::{
        outcome::Outcome,
        statement::{Erasure, Statement},
        time::Time,
    },
    sign::commitment::Opening,
    wire::{
        self,
        proto::{self, erase_openings_response::Part, opening_service_client::OpeningServiceClient},
    },
};

/// How far a search through the openings has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchProgress {
    /// How many entries were looked at.
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

impl From<proto::SearchProgress> for SearchProgress {
    fn from(progress: proto::SearchProgress) -> Self {
        Self { done: progress.done, total: progress.total }
    }
}

/// Openings were erased.
#[derive(Debug, Clone)]
pub struct Erased {
    /// How many, as the hub says.
    pub count: u64,
    /// The evidence of the order.
    pub receipt: VerifiedReceipt,
}

impl Client {
    /// Has the openings erased of queries and traces that were entered before a time. `hear` is told how far it is.
    ///
    /// ```no_run
    /// # // Needs a hub that listens.
    /// use hutong::client::{Client, Profile};
    ///
    /// # async fn erase() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::connect(&Profile::read("profiles/administrator.toml".as_ref())?).await?;
    /// let half_a_year_ago = hutong::domain::time::Time::from_millis(1_790_000_000_000).ok_or("time")?;
    /// let erased = client.erase_before(half_a_year_ago, |at| println!("{} of {}", at.done, at.total)).await?;
    /// println!("{} openings erased, ordered by entry {}", erased.count, erased.receipt.index);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unproven`] when the receipt does not hold, and what can go wrong on the way. After
    /// [`Error::OutcomeUnknown`] it may be carried out in part: order it again.
    pub async fn erase_before(&self, time: Time, hear: impl FnMut(SearchProgress)) -> Result<Erased, Error> {
        self.erase(Erasure::Before(time), Vec::new(), hear).await
    }

    /// Has the openings erased that name a holder, or a record of which it is the holder now. `hear` is told how far it is.
    ///
    /// # Errors
    /// As [`Client::erase_before`].
    pub async fn erase_holder(&self, holder: &Holder, hear: impl FnMut(SearchProgress)) -> Result<Erased, Error> {
        let (commitment, opening) = holder.commit(self.random())?;
        self.erase(Erasure::Holder(commitment), vec![opening], hear).await
    }

    async fn erase(
        &self,
        erasure: Erasure,
        openings: Vec<Opening>,
        mut hear: impl FnMut(SearchProgress),
    ) -> Result<Erased, Error> {
        let now = super::now()?;
        let signed = self.author().sign(self.random(), now, openings, |header| Statement::Erasure(header, erasure))?;
        let message = proto::EraseOpeningsRequest {
            envelope: Some(wire::envelope_to_proto(&signed.envelope)),
            openings: signed.openings.iter().map(wire::opening_to_proto).collect(),
        };
        let before = self.connection().seen().newest();
        let mut stream = self
            .submit(&signed, &message, |channel, request| async move {
                OpeningServiceClient::new(channel)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .erase_openings(request)
                    .await
            })
            .await?;
        let done = loop {
            match next_part(&mut stream).await {
                Ok(Some(proto::EraseOpeningsResponse { part: Some(Part::Progress(progress)) })) => {
                    hear(progress.into())
                }
                Ok(Some(proto::EraseOpeningsResponse { part: Some(Part::Done(done)) })) => break done,
                Ok(_) => {
                    let why = "the hub's answer ended before it said that it is done".to_owned();
                    return Err(Error::Unproven { what: "the erasure", check: "answer", why });
                }
                Err(error) => return Err(self.failed(signed.request_id, error).await?),
            }
        };
        let receipt = self.answered(&signed, done.receipt, before).await?;
        match receipt.outcome() {
            Outcome::ErasureOrdered => Ok(Erased { count: done.erased, receipt }),
            other => Err(Error::Unproven {
                what: "the receipt",
                check: "outcome",
                why: format!("the hub said that it is done, its entry says {}", verify::outcome_in_words(other)),
            }),
        }
    }
}
