//! Erasing openings: what the hub keeps of who was asked about.

use super::{
    Client, Error,
    connection::{MAX_MESSAGE_BYTES, next_part},
    verify::{self, VerifiedReceipt},
};
use crate::{
    domain::{
        id::Commitment,
        identifier::{CitizenId, Uscc, normalize},
        outcome::Outcome,
        statement::{Erasure, Statement},
        time::Time,
    },
    sign::{
        Random,
        commitment::{Opening, Scheme},
    },
    wire::{
        self,
        proto::{self, erase_openings_response::Part, opening_service_client::OpeningServiceClient},
    },
};

/// A holder 持证主体, by their own identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// An organization, by its unified social credit code.
    Uscc(Uscc),
    /// A person, by their citizen identity number.
    CitizenId(CitizenId),
}

impl Holder {
    /// The holder of an identifier as people write it: `scheme` is `uscc` or `citizen-id`.
    ///
    /// # Errors
    /// [`Error::Input`] for another scheme, or an identifier that is not one.
    pub fn new(scheme: &str, value: &str) -> Result<Self, Error> {
        let normal = normalize(value);
        let wrong = |why: String| Error::Input { what: "the holder".to_owned(), why };
        match scheme {
            "uscc" => Uscc::parse(&normal).map(Self::Uscc).map_err(|error| wrong(error.to_string())),
            "citizen-id" => CitizenId::parse(&normal).map(Self::CitizenId).map_err(|error| wrong(error.to_string())),
            _ => Err(wrong("the scheme is uscc or citizen-id".to_owned())),
        }
    }

    /// The identifier, in its canonical form.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::Uscc(id) => id.as_str(),
            Self::CitizenId(id) => id.as_str(),
        }
    }

    pub(super) fn scheme(&self) -> Scheme {
        match self {
            Self::Uscc(_) => Scheme::Uscc,
            Self::CitizenId(_) => Scheme::CitizenId,
        }
    }

    pub(super) fn commit(&self, random: &dyn Random) -> Result<(Commitment, Opening), Error> {
        let opening = Opening::new(random, self.scheme(), self.value())?;
        Ok((Commitment(opening.commitment()), opening))
    }
}

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
