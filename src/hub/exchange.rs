//! The life of a query, from a verified statement to an answer.

use std::{fmt, net::IpAddr, sync::Arc};

use serde_json::Value;

use crate::{
    domain::{
        agreement::LookupKind,
        catalog::Resource,
        decide::{Access, Found, Released, admit, decide_access, decide_release, learns_successor},
        id::{Digest, SystemId},
        network::Peer,
        outcome::{Outcome, QueryPermitted, RecordRelease, RecordWithheld, Refusal},
        record::{AnnotatedCopy, RecordHead},
        rules::Rules,
        statement::{Query, Statement},
        time::Moment,
    },
    sign::{
        commitment::{Opening, Scheme},
        dsse,
        sd_jwt::{SdJwt, sd_hash},
    },
    wire,
};

use super::{
    Error, Hub,
    admission::{Earlier, Expected, Verified},
    attempt::Attempt,
    projection::{Ground, schemes_of},
    publishing::split_body,
    receipt::Receipt,
    snapshot::Snapshot,
};

/// The answer to a query.
#[derive(Debug)]
pub struct QueryAnswer {
    /// The evidence; its outcome may be a refusal.
    pub receipt: Receipt,
    /// The presentation of each record of the outcome, in order; empty where nothing was released. None at all in the answer
    /// to a repeated request.
    pub presentations: Vec<String>,
    /// How many civil days after that of the entry the agreement lets what was released be kept.
    pub retention_days: Option<u32>,
}

/// A query whose signature has been verified, and from where it came.
struct Asked {
    verified: Verified,
    address: IpAddr,
}

impl Hub {
    /// Answers a query that came over `peer`'s connection, from this address.
    ///
    /// # Errors
    /// When no entry was made. A refusal is no error: it stands in the receipt.
    pub async fn query(
        self: &Arc<Self>,
        peer: SystemId,
        address: IpAddr,
        envelope: dsse::Envelope,
        openings: Vec<Opening>,
    ) -> Result<QueryAnswer, Error> {
        let begin = move |hub: &Self| {
            let snapshot = hub.snapshot();
            let statement = wire::read_statement(&envelope.payload_type, &envelope.payload)?;
            if !matches!(statement, Statement::Query(..)) {
                return Err(Error::WrongKind { expected: "a query" });
            }
            let verified = Verified::new(&snapshot, &peer, envelope, statement, openings)?;
            let asked = Asked { verified, address };
            let attempt = hub.decide_query(&asked)?;
            Ok((asked, attempt))
        };
        let (receipt, presentations) = self.enter(begin, Self::decide_query).await?;
        let retention_days = self.retention_days(&receipt.outcome);
        Ok(QueryAnswer { receipt, presentations: presentations.unwrap_or_default(), retention_days })
    }

    /// The retention duty of the agreement under which a query was permitted. Versions stay in the rules for ever.
    fn retention_days(&self, outcome: &Outcome) -> Option<u32> {
        let Outcome::QueryPermitted(permitted) = outcome else { return None };
        let snapshot = self.snapshot();
        let agreement = snapshot.rules.agreements.find(permitted.agreement_id.as_str())?;
        agreement.version(permitted.agreement_version)?.text.retention_days
    }

    /// Decides a query on what is durable now.
    fn decide_query(&self, asked: &Asked) -> Result<Attempt<Vec<String>>, Error> {
        let verified = &asked.verified;
        let Statement::Query(_, query) = verified.statement.as_ref() else {
            return Err(Error::WrongKind { expected: "a query" });
        };
        let snapshot = self.snapshot();
        let now = Moment::new(self.clock.now().max(snapshot.time));
        let reused = match verified.earlier(self.projections.as_ref(), self.reader.as_ref())? {
            Earlier::Same(receipt) => return Ok(Attempt::Answered(*receipt)),
            Earlier::Other => true,
            Earlier::None => false,
        };
        let resource = snapshot.rules.catalog.newest(query.resource_id.as_str()).map(|(_, resource)| resource);
        let standing = verified.standing(reused, &expected_openings(resource.map(Arc::as_ref), query));
        let permitted = admit(&snapshot.rules, &verified.statement, standing, &now)
            .map_err(Stop::Refused)
            .and_then(|()| self.permit(&snapshot, asked, query, &now));
        let (outcome, grounds, access, presentations) = match permitted {
            Ok(Permitted { outcome, grounds, access, presentations }) => (outcome, grounds, access, presentations),
            Err(Stop::Refused(refusal)) => (Outcome::Refused(refusal), Vec::new(), None, Vec::new()),
            Err(Stop::RefusedOn(refusal, grounds)) => (Outcome::Refused(refusal), grounds, None, Vec::new()),
            Err(Stop::Failed(error)) => return Err(error),
        };
        let mut draft = verified.draft(outcome, standing, snapshot.size, &now);
        draft.basis.grounds.extend(grounds);
        draft.basis.access = access;
        Ok(Attempt::Decided(Box::new(draft), presentations))
    }

    fn permit(&self, snapshot: &Snapshot, asked: &Asked, query: &Query, now: &Moment) -> Result<Permitted, Stop> {
        let (rules, verified) = (&snapshot.rules, &asked.verified);
        let peer = Peer::new(Some(asked.address));
        let usage = |agreement: &_, day| self.projections.usage(agreement, day);
        let access = decide_access(rules, &verified.header.actor, query, &peer, usage, now)
            .map_err(|error| Stop::Failed(error.into()))?
            .map_err(Stop::Refused)?;
        // One opening more than lookups: the first is the case's.
        let (found, grounds) = self.look_up(rules, query, verified.openings.get(1..).unwrap_or_default())?;
        let mut bodies = Bodies { hub: self, found: &found, read: vec![None; found.len()] };
        let release = match decide_release(rules, &access, query, &found, |position| bodies.values(position), now)? {
            Ok(release) => release,
            Err(refusal) => return Err(Stop::RefusedOn(refusal, grounds)),
        };
        let mut records = Vec::with_capacity(found.len());
        let mut presentations = Vec::with_capacity(found.len());
        let mut withheld = Vec::new();
        for (position, (found, released)) in found.iter().zip(release.records).enumerate() {
            let Some(released) = released else {
                withheld.push(withhold(found));
                continue;
            };
            let (record, presentation) = present(&mut bodies, position, found, released)?;
            records.push(record);
            presentations.push(presentation);
        }
        let outcome = Outcome::QueryPermitted(permitted(&access, records, release.is_conditional.then_some(withheld)));
        Ok(Permitted { outcome, grounds, access: Some(access), presentations })
    }

    /// The records that the lookups find, each followed by what replaced it where the query learns that, and the ground on which
    /// that rests.
    fn look_up(&self, rules: &Rules, query: &Query, openings: &[Opening]) -> Result<(Vec<Found>, Vec<Ground>), Error> {
        let mut found = Vec::new();
        let mut grounds = Vec::new();
        for (lookup, opening) in (0..).zip(openings) {
            let (key, handles) = match query.lookup {
                LookupKind::Record => {
                    let key = self.terms.record_key(&query.resource_id, opening.value());
                    (key, self.projections.by_record_key(&key)?.into_iter().collect())
                }
                LookupKind::Holder => {
                    let key = self.terms.holder_key(&query.resource_id, opening.value());
                    // One more than may be released tells that there are too many.
                    (key, self.projections.by_holder_key(&key, MAX_FOUND)?)
                }
            };
            grounds.push(Ground::key(&key));
            for handle in handles {
                let (mut next, mut replaces) = (Some(handle), None);
                // No order of successors is a circle, and more than may be released are not looked at.
                while let Some(handle) = next.filter(|_| found.len() < MAX_FOUND) {
                    grounds.push(Ground::record(&handle));
                    let row = self.projections.record(&handle)?.ok_or_else(|| {
                        Error::Inconsistent(format!("the index finds record {handle}, and has no row of it"))
                    })?;
                    let version = row.head.resource_version;
                    let resource = rules.catalog.version(query.resource_id.as_str(), version).map(AsRef::as_ref);
                    next = row.head.replaced_by().filter(|_| learns_successor(query, resource));
                    let original = match &row.head.copy {
                        Some(copy) => Some(self.original_of(copy, &mut grounds)?),
                        None => None,
                    };
                    found.push(Found { lookup, head: row.head, replaces, original });
                    replaces = Some(handle);
                }
            }
        }
        Ok((found, grounds))
    }

    /// The original of a copy, on which the copy's status rests.
    fn original_of(&self, copy: &AnnotatedCopy, grounds: &mut Vec<Ground>) -> Result<RecordHead, Error> {
        grounds.push(Ground::record(&copy.original));
        let row = self.projections.record(&copy.original)?;
        row.map(|row| row.head).ok_or_else(|| {
            Error::Inconsistent(format!("there is no row of record {}, which has copies", copy.original))
        })
    }
}

/// The bodies of the records found, each read and unsealed at most once.
struct Bodies<'a> {
    hub: &'a Hub,
    found: &'a [Found],
    read: Vec<Option<Vec<u8>>>,
}

impl Bodies<'_> {
    /// Does something with the record at a position, as its provider sent it.
    fn with<T>(
        &mut self,
        position: usize,
        what: impl FnOnce(&SdJwt<'_>) -> Result<T, crate::sign::Error>,
    ) -> Result<T, Error> {
        let (Some(Found { head, .. }), Some(read)) = (self.found.get(position), self.read.get_mut(position)) else {
            return Err(Error::Inconsistent(format!("there is no record {position} among those found")));
        };
        let damaged = |problem: &dyn fmt::Display| {
            Error::Inconsistent(format!("the body of record {} version {} {problem}", head.handle, head.version))
        };
        let body = match read {
            Some(body) => body,
            None => read.insert(self.hub.bodies.get(&head.jwt_sha256)?.ok_or_else(|| damaged(&"is missing"))?),
        };
        let (_, text) = split_body(body).ok_or_else(|| damaged(&"is not a body"))?;
        SdJwt::parse(text).and_then(|sd_jwt| what(&sd_jwt)).map_err(|error| damaged(&error))
    }

    fn values(&mut self, position: usize) -> Result<Vec<(String, Value)>, Error> {
        self.with(position, |sd_jwt| sd_jwt.values())
    }
}

/// Picks the disclosures released of a record.
fn present(
    bodies: &mut Bodies<'_>,
    position: usize,
    found: &Found,
    released: Released,
) -> Result<(RecordRelease, String), Error> {
    let Found { lookup, head, replaces, .. } = found;
    let mut record = RecordRelease {
        lookup: *lookup,
        handle: head.handle,
        version: head.version,
        status: released.status,
        publication_index: head.publication_index,
        jwt_sha256: head.jwt_sha256,
        fields: released.fields,
        sd_hash: None,
        replaces: *replaces,
        original: released.original,
    };
    if record.fields.is_empty() {
        return Ok((record, String::new()));
    }
    let fields: Vec<&str> = record.fields.iter().map(|code| code.as_str()).collect();
    let presentation = bodies.with(position, |sd_jwt| sd_jwt.select(&fields))?;
    record.sd_hash = Some(Digest(sd_hash(&presentation)));
    Ok((record, presentation))
}

fn withhold(found: &Found) -> RecordWithheld {
    let Found { lookup, head, .. } = found;
    RecordWithheld {
        lookup: *lookup,
        handle: head.handle,
        version: head.version,
        publication_index: head.publication_index,
        jwt_sha256: head.jwt_sha256,
    }
}

fn permitted(access: &Access, records: Vec<RecordRelease>, withheld: Option<Vec<RecordWithheld>>) -> QueryPermitted {
    QueryPermitted {
        agreement_id: access.agreement_id.clone(),
        agreement_version: access.agreement_version,
        records,
        withheld,
        peer_address: access.peer_address,
    }
}

/// How many records of one holder are looked at: one more than any policy lets a query release.
const MAX_FOUND: usize = crate::domain::statement::Policy::GREATEST.max_released_records as usize + 1;

struct Permitted {
    outcome: Outcome,
    grounds: Vec<Ground>,
    access: Option<Access>,
    presentations: Vec<String>,
}

/// Why a query is not permitted.
enum Stop {
    /// By the rules alone.
    Refused(Refusal),
    /// By what was found.
    RefusedOn(Refusal, Vec<Ground>),
    /// The hub could not decide.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The case's opening, then one for each lookup, of a scheme that the resource's field has.
fn expected_openings(resource: Option<&Resource>, query: &Query) -> Vec<Expected> {
    let field = resource.map(|resource| {
        let code = match query.lookup {
            LookupKind::Record => &resource.record_id_field,
            LookupKind::Holder => &resource.holder_field,
        };
        (resource, code.as_str())
    });
    let schemes = field.map(|(resource, code)| schemes_of(resource, code));
    let case = Expected { commitment: query.case_commitment, schemes: Some(vec![Scheme::Case]) };
    let lookups =
        query.commitments.iter().map(|commitment| Expected { commitment: *commitment, schemes: schemes.clone() });
    std::iter::once(case).chain(lookups).collect()
}
