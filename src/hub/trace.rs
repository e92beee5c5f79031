//! The life of a trace: who asked about a holder.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    domain::{
        decide::{Standing, admit},
        id::SystemId,
        outcome::{HolderTraced, Outcome},
        statement::{Statement, Trace},
        time::Moment,
    },
    sign::{
        commitment::{Opening, Scheme},
        dsse,
    },
    wire,
};

use super::{
    Error, Hub,
    admission::{Earlier, Expected, Verified},
    attempt::Attempt,
    openings::{Listener, Progress, is_holders},
    receipt::Receipt,
    scan,
};

/// The most exchanges of one trace: some 20 MB while it is answered. Whoever was asked about more often is traced by periods.
const MAX_EXCHANGES: usize = 100_000;

/// How long the search of one trace may take: the statement must still be within the clock's skew, 300 seconds unless genesis
/// says otherwise, when its entry is made.
const MAX_SEARCH: Duration = Duration::from_secs(240);

/// The answer to a trace.
#[derive(Debug)]
pub struct Traced {
    /// The evidence; its outcome may be a refusal.
    pub receipt: Receipt,
    /// The exchanges about the holder, in the order of the log. None in the answer to a repeated request.
    pub exchanges: Arc<[Exchange]>,
}

/// An exchange about a holder.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Its entry.
    pub index: u64,
    /// What opens those of its commitments that name the holder or a record of theirs.
    pub openings: Vec<Opening>,
    /// What opens its commitment to the case, if it is kept.
    pub case: Option<Opening>,
}

/// What was found, and in how long a log.
#[derive(Clone)]
struct Found {
    log_size: u64,
    exchanges: Arc<[Exchange]>,
}

/// A trace, and what its search found where one was made.
struct Asked {
    verified: Verified,
    found: Option<Found>,
}

impl Hub {
    /// Answers a trace that came over `peer`'s connection. `hear` is told how far the search is, and says whether anybody still
    /// waits for it. Nothing is found out for anybody before the entry that says so is durable.
    ///
    /// # Errors
    /// When no entry was made. A refusal is no error: it stands in the receipt.
    pub async fn trace(
        self: &Arc<Self>,
        peer: SystemId,
        envelope: dsse::Envelope,
        openings: Vec<Opening>,
        mut hear: impl FnMut(Progress) -> bool + Send + 'static,
    ) -> Result<Traced, Error> {
        let permit = self.scans.try_acquire().map_err(|_| Error::Overloaded { limit: super::MAX_SCANS })?;
        let hub = Arc::clone(self);
        let asked = scan(move || {
            let statement = wire::read_statement(&envelope.payload_type, &envelope.payload)?;
            if !matches!(statement, Statement::Trace(..)) {
                return Err(Error::WrongKind { expected: "a trace of a holder" });
            }
            let verified = Verified::new(&hub.snapshot(), &peer, envelope, statement, openings)?;
            let mut asked = Asked { verified, found: None };
            // Whoever may not ask, or was answered before, makes nobody search.
            if let Attempt::Decided(draft, _) = hub.decide_trace(&asked)?
                && matches!(draft.outcome, Outcome::HolderTraced(_))
            {
                asked.found = Some(hub.search(&asked.verified, &mut hear)?);
            }
            Ok(asked)
        })
        .await??;
        drop(permit);
        let begin = move |hub: &Self| {
            let attempt = hub.decide_trace(&asked)?;
            Ok((asked, attempt))
        };
        let (receipt, found) = self.enter(begin, Self::decide_trace).await?;
        let found = found.flatten().filter(|_| matches!(receipt.outcome, Outcome::HolderTraced(_)));
        Ok(Traced { exchanges: found.map(|found| found.exchanges).unwrap_or_default(), receipt })
    }

    /// Decides a trace, with what was found where it was searched.
    fn decide_trace(&self, asked: &Asked) -> Result<Attempt<Option<Found>>, Error> {
        let Asked { verified, found } = asked;
        let Statement::Trace(_, trace) = verified.statement.as_ref() else {
            return Err(Error::WrongKind { expected: "a trace of a holder" });
        };
        let snapshot = self.snapshot();
        let now = Moment::new(self.clock.now().max(snapshot.time));
        let reused = match verified.earlier(self.projections.as_ref(), self.reader.as_ref())? {
            Earlier::Same(receipt) => return Ok(Attempt::Answered(*receipt)),
            Earlier::Other => true,
            Earlier::None => false,
        };
        let standing = standing(verified, trace, reused);
        let (log_size, exchanges) =
            found.as_ref().map_or((0, 0), |found| (found.log_size, found.exchanges.len() as u64));
        let outcome = match admit(&snapshot.rules, &verified.statement, standing, &now) {
            Ok(()) => Outcome::HolderTraced(HolderTraced { log_size, exchanges }),
            Err(refusal) => Outcome::Refused(refusal),
        };
        let draft = verified.draft(outcome, standing, snapshot.size, &now);
        Ok(Attempt::Decided(Box::new(draft), found.clone()))
    }

    /// Searches the openings. Blocks, for long.
    fn search(&self, verified: &Verified, hear: Listener<'_>) -> Result<Found, Error> {
        let (Statement::Trace(_, trace), Some(holder)) = (verified.statement.as_ref(), verified.openings.first())
        else {
            return Err(Error::WrongKind { expected: "a trace of a holder" });
        };
        let snapshot = self.snapshot();
        let names = self.names_of(&snapshot, holder)?;
        let size = snapshot.size;
        let start = trace.since.map_or(Ok(0), |since| self.first_since(since, size))?;
        let end = trace.until.map_or(Ok(size), |until| self.first_since(until, size))?;
        let narrower = |problem: &str| Error::Argument { field: "since", problem: problem.to_owned() };
        let began = Instant::now();
        let mut exchanges = Vec::new();
        self.look_through(start..end, hear, |of_entry| {
            if began.elapsed() > MAX_SEARCH {
                return Err(narrower("and until must name a shorter period: the search takes too long"));
            }
            if let Some(about) = self.about(&names, of_entry)? {
                if exchanges.len() == MAX_EXCHANGES {
                    return Err(narrower("and until must name a shorter period: too many exchanges"));
                }
                let opened = of_entry.iter().filter(|(slot, _)| about.slots.contains(slot));
                let case = of_entry.iter().find(|(_, opening)| opening.scheme() == Scheme::Case);
                exchanges.extend(about.slots.first().map(|slot| Exchange {
                    index: slot.index,
                    openings: opened.map(|(_, opening)| opening.clone()).collect(),
                    case: case.map(|(_, opening)| opening.clone()),
                }));
            }
            Ok(())
        })?;
        Ok(Found { log_size: size, exchanges: exchanges.into() })
    }

    /// The receipt of an exchange that a trace found, under the newest checkpoint. Blocks.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn receipt_of_exchange(&self, exchange: &Exchange) -> Result<Receipt, Error> {
        Receipt::of_index(self.reader.as_ref(), exchange.index)
    }
}

/// The holder's opening, the case's, and that of the legal basis where one is stated.
fn standing(verified: &Verified, trace: &Trace, reused: bool) -> Standing {
    let mut expected = vec![
        Expected { commitment: trace.holder, schemes: None },
        Expected { commitment: trace.case_commitment, schemes: Some(vec![Scheme::Case]) },
    ];
    expected.extend(trace.legal_basis.map(|commitment| Expected { commitment, schemes: Some(vec![Scheme::Text]) }));
    let mut standing = verified.standing(reused, &expected);
    standing.openings_match &= verified.openings.first().is_some_and(is_holders);
    standing
}
