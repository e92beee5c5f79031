//! Request ids: each is an actor's for one statement, for the log's life.

use crate::{
    domain::{
        id::Digest,
        outcome::{Outcome, Refusal, RefusalReason},
        statement::Header,
    },
    sign::sha256,
};

use super::{Error, Fault, findings::Findings, replay::Act, sorter::Sorter};

/// What each statement says of its request id, to be compared once all of them are known.
pub(super) struct Requests(Sorter);

/// How a statement was answered, as far as its request id matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// With anything but a refusal.
    Done,
    /// Rightly refused, if its request id was used before.
    RefusedAsReused,
    /// Refused because its request id was used before, but with other terms than are due.
    RefusedAsReusedOtherwise,
    /// Refused for another reason.
    Refused,
    /// The entry is not the one that the log sealed: nothing is found in it.
    Unsealed,
}

impl Answer {
    const ALL: [Self; 5] =
        [Self::Done, Self::RefusedAsReused, Self::RefusedAsReusedOtherwise, Self::Refused, Self::Unsealed];

    fn of(act: &Act<'_>) -> Self {
        match &act.entry.outcome {
            _ if !act.is_sealed => Self::Unsealed,
            Outcome::Refused(refusal) if refusal.reason != RefusalReason::RequestIdReused => Self::Refused,
            Outcome::Refused(refusal) if *refusal == due(act.header) => Self::RefusedAsReused,
            Outcome::Refused(_) => Self::RefusedAsReusedOtherwise,
            _ => Self::Done,
        }
    }

    fn says_reused(self) -> bool {
        matches!(self, Self::RefusedAsReused | Self::RefusedAsReusedOtherwise)
    }
}

fn due(header: &Header) -> Refusal {
    Refusal::new(RefusalReason::RequestIdReused, header.request_id.to_string())
}

/// The first statement that an actor made under a request id.
struct First {
    name: [u8; 32],
    index: u64,
    payload: Digest,
}

impl Requests {
    pub(super) fn new() -> Self {
        Self(Sorter::new())
    }

    /// Takes the request of a statement.
    pub(super) fn take(&mut self, act: &Act<'_>, payload: &Digest) -> Result<(), Error> {
        let answer = Answer::of(act) as u8;
        self.0.push(&[&name(act.header)[..], &act.index.to_be_bytes(), &payload.0, &[answer]].concat())
    }

    /// Compares the statements that each actor made under each of its request ids.
    pub(super) fn check(self, findings: &mut Findings) -> Result<(), Error> {
        let mut first: Option<First> = None;
        self.0.drain(|item| {
            let Some((statement, answer)) = read(item) else { return Ok(()) };
            match first.as_ref().filter(|first| first.name == statement.name) {
                Some(first) => check_later(first, &statement, answer, findings),
                None if answer.says_reused() => {
                    let message =
                        "it was refused with REQUEST_ID_REUSED; its actor made no earlier statement with its id";
                    let rule = Fault::WronglyRefused(RefusalReason::RequestIdReused);
                    findings.add(Some(statement.index), rule, message.to_owned());
                }
                None => first = Some(statement),
            }
            Ok(())
        })
    }
}

/// Checks a statement under a request id that was used before.
fn check_later(first: &First, statement: &First, answer: Answer, findings: &mut Findings) {
    let (rule, message) = match answer {
        Answer::Unsealed => return,
        _ if statement.payload == first.payload => {
            (Fault::StatementRepeated, format!("the same statement is entry {}", first.index))
        }
        Answer::RefusedAsReused => return,
        Answer::RefusedAsReusedOtherwise => {
            let message = "it was refused with REQUEST_ID_REUSED, as was due, but with other terms than its request id";
            (Fault::RefusalDiffers, message.to_owned())
        }
        Answer::Refused => (
            Fault::RefusalDiffers,
            format!("its request id was used by entry {}: due was REQUEST_ID_REUSED", first.index),
        ),
        Answer::Done => {
            let message = format!("its request id was used for something else by entry {}", first.index);
            (Fault::WronglyDone(RefusalReason::RequestIdReused), message)
        }
    };
    findings.add(Some(statement.index), rule, message);
}

/// Names an actor's request id by 32 bytes, in which no two meet: a SPIFFE ID holds no zero byte.
fn name(header: &Header) -> [u8; 32] {
    sha256(&[header.actor.as_str().as_bytes(), &[0], &header.request_id.0].concat())
}

fn read(item: &[u8]) -> Option<(First, Answer)> {
    let (name, rest) = item.split_first_chunk()?;
    let (index, rest) = rest.split_first_chunk()?;
    let (payload, rest) = rest.split_first_chunk()?;
    let answer = Answer::ALL.into_iter().find(|answer| rest == [*answer as u8])?;
    Some((First { name: *name, index: u64::from_be_bytes(*index), payload: Digest(*payload) }, answer))
}
