//! The life of a query, from a verified statement to an answer.

use std::sync::Arc;

use crate::{
    domain::{
        agreement::LookupKind,
        catalog::Resource,
        decide::{Found, Released, admit, decide_access, decide_release},
        id::{Digest, SystemId},
        outcome::{Outcome, QueryPermitted, RecordRelease, Refusal},
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
}

impl Hub {
    /// Answers a query that came over `peer`'s connection.
    ///
    /// # Errors
    /// When no entry was made. A refusal is no error: it stands in the receipt.
    pub async fn query(
        self: &Arc<Self>,
        peer: SystemId,
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
            let attempt = hub.decide_query(&verified)?;
            Ok((verified, attempt))
        };
        let (receipt, presentations) = self.enter(begin, Self::decide_query).await?;
        Ok(QueryAnswer { receipt, presentations: presentations.unwrap_or_default() })
    }

    /// Decides a query on what is durable now.
    fn decide_query(&self, verified: &Verified) -> Result<Attempt<Vec<String>>, Error> {
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
            .and_then(|()| self.permit(&snapshot, verified, query, &now));
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

    fn permit(&self, snapshot: &Snapshot, verified: &Verified, query: &Query, now: &Moment) -> Result<Permitted, Stop> {
        let rules = &snapshot.rules;
        let quota = |agreement: &_, day| self.projections.quota(agreement, day);
        let access = decide_access(rules, &verified.header.actor, query, quota, now)
            .map_err(|error| Stop::Failed(error.into()))?
            .map_err(Stop::Refused)?;
        // One opening more than lookups: the first is the case's.
        let (found, grounds) = self.look_up(query, verified.openings.get(1..).unwrap_or_default())?;
        let released = match decide_release(rules, query, &found, now) {
            Ok(released) => released,
            Err(refusal) => return Err(Stop::RefusedOn(refusal, grounds)),
        };
        let mut records = Vec::with_capacity(found.len());
        let mut presentations = Vec::with_capacity(found.len());
        for (found, released) in found.iter().zip(released) {
            let (record, presentation) = self.present(found, released)?;
            records.push(record);
            presentations.push(presentation);
        }
        let outcome = Outcome::QueryPermitted(QueryPermitted {
            agreement_id: access.agreement_id.clone(),
            agreement_version: access.agreement_version,
            records,
        });
        Ok(Permitted { outcome, grounds, access: Some(access), presentations })
    }

    /// The records that the lookups find, and the ground on which that rests.
    fn look_up(&self, query: &Query, openings: &[Opening]) -> Result<(Vec<Found>, Vec<Ground>), Error> {
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
                grounds.push(Ground::record(&handle));
                let row = self.projections.record(&handle)?.ok_or_else(|| {
                    Error::Inconsistent(format!("the index finds record {handle}, and has no row of it"))
                })?;
                found.push(Found { lookup, head: row.head });
            }
        }
        Ok((found, grounds))
    }

    /// Loads a record and picks the disclosures released.
    fn present(&self, found: &Found, released: Released) -> Result<(RecordRelease, String), Error> {
        let Found { lookup, head } = found;
        let mut record = RecordRelease {
            lookup: *lookup,
            handle: head.handle,
            version: head.version,
            status: released.status,
            publication_index: head.publication_index,
            jwt_sha256: head.jwt_sha256,
            fields: released.fields,
            sd_hash: None,
        };
        if record.fields.is_empty() {
            return Ok((record, String::new()));
        }
        let damaged = |problem: &str| {
            Error::Inconsistent(format!("the body of record {} version {}: {problem}", head.handle, head.version))
        };
        let body = self.bodies.get(&head.jwt_sha256)?.ok_or_else(|| damaged("is missing"))?;
        let (_, text) = split_body(&body).ok_or_else(|| damaged("is not a body"))?;
        let sd_jwt = SdJwt::parse(text).map_err(|_| damaged("is not an SD-JWT"))?;
        let fields: Vec<&str> = record.fields.iter().map(|code| code.as_str()).collect();
        let presentation = sd_jwt.select(&fields).map_err(|_| damaged("lacks a field"))?;
        record.sd_hash = Some(Digest(sd_hash(&presentation)));
        Ok((record, presentation))
    }
}

/// How many records of one holder are looked at: one more than any policy lets a query release.
const MAX_FOUND: usize = crate::domain::statement::Policy::GREATEST.max_released_records as usize + 1;

struct Permitted {
    outcome: Outcome,
    grounds: Vec<Ground>,
    access: Option<crate::domain::decide::Access>,
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
