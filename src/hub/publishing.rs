//! The life of a publication: bodies are examined one by one, kept, and then made current by an entry.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use crate::{
    domain::{
        catalog::Resource,
        decide::{
            FieldViolation, OriginalFacts, RecordClaims, RecordFacts, Replaced, admit, check_record,
            decide_publication, may_continue, record_terms,
        },
        id::{Digest, FieldCode, Handle, KeyId, SystemId},
        identifier::Uscc,
        outcome::{Outcome, RecordViolation, Refusal, RefusalReason},
        record::{RecordHead, Successor},
        rules::Rules,
        statement::{Publication, PublishedRecord, Statement},
        time::{Moment, Time},
        value::text_of,
    },
    schema::Schema,
    seal::check_seal_fields,
    sign::{
        commitment::{SALT_LENGTH, record_handle},
        dsse,
        sd_jwt::{Expected, SdJwt, check_complete, verify},
    },
    store::{self, BlindKey},
    wire,
};

use super::{
    Error, Hub,
    admission::{Earlier, Verified},
    attempt::Attempt,
    projection::{Ground, RecordTerms, canonical},
    receipt::Receipt,
    snapshot::Snapshot,
};

/// A record's body as its provider sends it.
#[derive(Debug, Clone)]
pub struct RecordBody {
    /// The SD-JWT with all of its disclosures.
    pub sd_jwt: String,
    /// The record salt.
    pub record_salt: Vec<u8>,
}

/// The answer to a publication.
#[derive(Debug)]
pub struct PublicationAnswer {
    /// The evidence; its outcome may be a refusal.
    pub receipt: Receipt,
    /// All violations, each with the position of its record. Empty in the answer to a repeated request.
    pub violations: Vec<(u32, FieldViolation)>,
}

/// The bytes kept of a body: the SD-JWT, by whose JWT it is named, then the record salt.
fn join_body(salt: &[u8; SALT_LENGTH], sd_jwt: &str) -> Vec<u8> {
    [sd_jwt.as_bytes(), salt].concat()
}

/// The record salt and the SD-JWT of a kept body.
pub(super) fn split_body(body: &[u8]) -> Option<(&[u8; SALT_LENGTH], &str)> {
    let (sd_jwt, salt) = body.split_last_chunk()?;
    Some((salt, std::str::from_utf8(sd_jwt).ok()?))
}

/// A body that has been looked at as far as the rules do not matter.
struct Examined {
    claims: RecordClaims,
    fields: Vec<(String, Value)>,
    issuer_key: KeyId,
    salt: [u8; SALT_LENGTH],
    body: Vec<u8>,
}

/// Each with the position of its record.
type Violations = Vec<(u32, FieldViolation)>;

impl Hub {
    /// Takes a publication that came over `peer`'s connection, with one body for each record.
    ///
    /// # Errors
    /// When no entry was made. A refusal is no error: it stands in the receipt.
    pub async fn publish(
        self: &Arc<Self>,
        peer: SystemId,
        envelope: dsse::Envelope,
        bodies: Vec<RecordBody>,
    ) -> Result<PublicationAnswer, Error> {
        let begin = move |hub: &Self| {
            let snapshot = hub.snapshot();
            let statement = wire::read_statement(&envelope.payload_type, &envelope.payload)?;
            let Statement::Publication(_, publication) = &statement else {
                return Err(Error::WrongKind { expected: "a publication" });
            };
            let given =
                Given { corresponds: publication.records.len() == bodies.len(), bodies, examined: Mutex::default() };
            let verified = Verified::new(&snapshot, &peer, envelope, statement, Vec::new())?;
            let prepared = (verified, given);
            let attempt = hub.decide_publication(&prepared)?;
            Ok((prepared, attempt))
        };
        let (receipt, violations) = self.enter(begin, Self::decide_publication).await?;
        Ok(PublicationAnswer { receipt, violations: violations.unwrap_or_default() })
    }

    fn decide_publication(&self, (verified, given): &(Verified, Given)) -> Result<Attempt<Violations>, Error> {
        let Statement::Publication(_, publication) = verified.statement.as_ref() else {
            return Err(Error::WrongKind { expected: "a publication" });
        };
        let snapshot = self.snapshot();
        let now = Moment::new(self.clock.now().max(snapshot.time));
        let reused = match verified.earlier(self.projections.as_ref(), self.reader.as_ref())? {
            Earlier::Same(receipt) => return Ok(Attempt::Answered(*receipt)),
            Earlier::Other => true,
            Earlier::None => false,
        };
        let standing = verified.standing(reused, &[]);
        let permitted = admit(&snapshot.rules, &verified.statement, standing, &now)
            .and_then(|()| decide_publication(&snapshot.rules, &verified.header.actor, publication, &now))
            .and_then(|resource| {
                let mismatch = || Refusal::new(RefusalReason::PublicationInvalid, "one body for each record");
                given.corresponds.then_some(resource).ok_or_else(mismatch)
            });
        let resource = match permitted {
            Ok(resource) => resource,
            Err(refusal) => {
                let draft = verified.draft(Outcome::Refused(refusal), standing, snapshot.size, &now);
                return Ok(Attempt::Decided(Box::new(draft), Vec::new()));
            }
        };
        let department = verified.header.actor.department();
        let examined = given.examined(&snapshot, department, publication);
        let schema = self.schemas.of(&resource, publication.resource_version);
        let schema = &*schema.map_err(|error| Error::Inconsistent(error.to_string()))?;
        let issuing = Issuing { rules: &snapshot.rules, resource: &resource, schema, department, now: &now };
        let checked = self.check_records(&issuing, publication, &examined)?;
        self.bodies.put(&checked.bodies).inspect_err(|error| {
            // As with the log: a sync that failed is never tried again.
            if matches!(error, store::Error::Unknown { .. }) {
                self.sequencer.fail(error.to_string());
            }
        })?;
        let mut draft = verified.draft(Outcome::Published(checked.results), standing, snapshot.size, &now);
        draft.basis.grounds.extend(checked.grounds);
        draft.terms = checked.terms;
        Ok(Attempt::Decided(Box::new(draft), checked.violations))
    }

    fn check_records<'a>(
        &self,
        issuing: &Issuing<'_>,
        publication: &Publication,
        examined: &'a [Examination],
    ) -> Result<Checked<'a>, Error> {
        let mut checked = Checked::default();
        // What this very batch makes of records so far; the index knows only earlier ones.
        let mut batch = Batch::default();
        for (position, (record, examined)) in (0..).zip(publication.records.iter().zip(examined)) {
            checked.grounds.push(Ground::record(&record.handle));
            let current = self.head_after(&batch, &record.handle)?;
            let found = match examined {
                Err(violations) => Err(violations.clone()),
                Ok(examined) => {
                    let terms = self.terms.of_record(issuing.resource, &examined.fields, examined.issuer_key);
                    let owner = match &terms {
                        Some(terms) => {
                            checked.grounds.push(Ground::key(&terms.record_key));
                            checked.grounds.extend(terms.holder_keys.iter().map(Ground::key));
                            self.owner_after(&batch, &terms.record_key)?
                        }
                        None => None,
                    };
                    let replaced = self.replaced(issuing, &batch, examined, &mut checked.grounds)?;
                    let original = self.original(issuing, examined, &mut checked.grounds)?;
                    let known = Known { current: current.as_ref(), owner, replaced, original };
                    let mut violations = issuing.check((publication.resource_version, record), examined, known);
                    violations.extend(check_seal_fields(
                        issuing.resource,
                        &examined.fields,
                        &self.seal_trust,
                        issuing.now,
                    ));
                    match terms {
                        Some(terms) if violations.is_empty() => {
                            batch.owners.insert(terms.record_key, record.handle);
                            record.replaces.into_iter().for_each(|replaced| batch.replace(replaced, record.handle));
                            Ok((terms, record.jwt_sha256, examined.body.as_slice()))
                        }
                        _ => Err(violations),
                    }
                }
            };
            checked.take(position, found);
        }
        Ok(checked)
    }

    /// A record as it is after the batch so far: one that the batch makes current stands in it once, so that only what replaced it
    /// may be new.
    fn head_after(&self, batch: &Batch, handle: &Handle) -> Result<Option<RecordHead>, Error> {
        let head = self.projections.record(handle)?.map(|row| row.head);
        Ok(head.map(|head| RecordHead { successor: head.successor.or(batch.successors.get(handle).copied()), ..head }))
    }

    /// Which record has an identifier after the batch so far.
    fn owner_after(&self, batch: &Batch, key: &BlindKey) -> Result<Option<Handle>, Error> {
        match batch.owners.get(key) {
            Some(owner) => Ok(Some(*owner)),
            None => Ok(self.projections.by_record_key(key)?),
        }
    }

    /// The record that a body says is to be replaced, where there is one.
    fn replaced(
        &self,
        issuing: &Issuing<'_>,
        batch: &Batch,
        examined: &Examined,
        grounds: &mut Vec<Ground>,
    ) -> Result<Option<Replaced>, Error> {
        let resource = issuing.resource;
        let code = resource.replaces_field.as_ref().map(FieldCode::as_str);
        let named = code.and_then(|code| canonical(resource, code, text_of(&examined.fields, code)?));
        let Some(named) = named else { return Ok(None) };
        let key = self.terms.record_key(&resource.resource_id, &named);
        grounds.push(Ground::key(&key));
        let Some(handle) = self.owner_after(batch, &key)? else { return Ok(None) };
        grounds.push(Ground::record(&handle));
        let head = self.head_after(batch, &handle)?;
        let may_continue =
            |head: &RecordHead| may_continue(issuing.rules, resource, issuing.department, head, issuing.now);
        // What has an identifier and no row yet is made current by this batch: it is the publisher's own.
        Ok(Some(Replaced {
            handle,
            successor: head
                .as_ref()
                .map_or_else(|| batch.successors.get(&handle).copied(), |head| head.successor)
                .map(|successor| successor.handle),
            may_continue: head.as_ref().is_none_or(may_continue),
        }))
    }

    /// The record that a body says it is a copy of, where there is one.
    fn original(
        &self,
        issuing: &Issuing<'_>,
        examined: &Examined,
        grounds: &mut Vec<Ground>,
    ) -> Result<Option<OriginalFacts>, Error> {
        let Some(copy_of) = &issuing.resource.copy_of else { return Ok(None) };
        let Some((_, resource)) = issuing.rules.catalog.newest(copy_of.resource_id.as_str()) else { return Ok(None) };
        let named = text_of(&examined.fields, copy_of.original_field.as_str());
        let named = named.and_then(|id| canonical(resource, resource.record_id_field.as_str(), id));
        let Some(named) = named else { return Ok(None) };
        let key = self.terms.record_key(&resource.resource_id, &named);
        grounds.push(Ground::key(&key));
        let Some(handle) = self.projections.by_record_key(&key)? else { return Ok(None) };
        grounds.push(Ground::record(&handle));
        let facts = |head: RecordHead| OriginalFacts {
            handle,
            validity: head.validity,
            may_continue: may_continue(issuing.rules, resource, issuing.department, &head, issuing.now),
        };
        Ok(self.projections.record(&handle)?.map(|row| facts(row.head)))
    }

    /// What the hub has of some records of a resource of which the peer's department is the provider, or has or had the right to
    /// issue. Blocks.
    ///
    /// # Errors
    /// When it is neither, or asks for too many.
    pub fn record_states(
        &self,
        peer: &SystemId,
        resource_id: &str,
        handles: &[Handle],
    ) -> Result<Vec<(Handle, Option<RecordHead>)>, Error> {
        let snapshot = self.known_peer(peer)?;
        let resource = snapshot.rules.catalog.newest(resource_id).map(|(_, resource)| resource);
        let publishes = |resource: &Resource| {
            let rights = || snapshot.rules.issuing_rights.of(&resource.resource_id, peer.department());
            resource.provider == *peer.department() || !rights().is_empty()
        };
        if !resource.is_some_and(|resource| publishes(resource)) {
            return Err(Error::NotFound(format!("resource {resource_id} of {}", peer.department())));
        }
        if handles.len() > MAX_STATES {
            return Err(Error::Argument { field: "handles", problem: format!("must be at most {MAX_STATES}") });
        }
        handles.iter().map(|handle| Ok((*handle, self.projections.record(handle)?.map(|row| row.head)))).collect()
    }
}

/// The most records whose states are told at once: an answer of about 100 KiB.
const MAX_STATES: usize = 1_000;

/// What the hub knows of a record beside its body.
struct Known<'a> {
    current: Option<&'a RecordHead>,
    /// Which record has its identifier.
    owner: Option<Handle>,
    replaced: Option<Replaced>,
    original: Option<OriginalFacts>,
}

/// What a batch makes of records, as far as it has been checked.
#[derive(Default)]
struct Batch {
    /// Who takes an identifier.
    owners: HashMap<BlindKey, Handle>,
    /// What is replaced.
    successors: HashMap<Handle, Successor>,
}

impl Batch {
    fn replace(&mut self, replaced: Handle, by: Handle) {
        // The entry is not made yet; nobody asks for its index here.
        self.successors.entry(replaced).or_insert(Successor { handle: by, publication_index: 0 });
    }
}

/// A batch of records, checked.
#[derive(Default)]
struct Checked<'a> {
    results: Vec<BTreeSet<RecordViolation>>,
    violations: Vec<(u32, FieldViolation)>,
    terms: Vec<RecordTerms>,
    bodies: Vec<(Digest, &'a [u8])>,
    grounds: Vec<Ground>,
}

impl<'a> Checked<'a> {
    fn take(&mut self, position: u32, found: Result<(RecordTerms, Digest, &'a [u8]), Vec<FieldViolation>>) {
        match found {
            Ok((terms, jwt_sha256, body)) => {
                self.terms.push(terms);
                self.bodies.push((jwt_sha256, body));
                self.results.push(BTreeSet::new());
            }
            Err(violations) => {
                self.results.push(violations.iter().map(|violation| violation.violation).collect());
                self.violations.extend(violations.into_iter().map(|violation| (position, violation)));
            }
        }
    }
}

/// A body that was examined, or what is wrong with it.
type Examination = Result<Examined, Vec<FieldViolation>>;

/// The bodies that came with a publication.
struct Given {
    /// Whether there is one for each record.
    corresponds: bool,
    bodies: Vec<RecordBody>,
    /// The bodies examined, and the version of the rules whose keys they were examined with: signatures are costly, and
    /// verified again only when a key may have come or gone.
    examined: Mutex<Option<(u64, Arc<[Examination]>)>>,
}

impl Given {
    /// The bodies, examined as far as only the keys of the rules matter.
    fn examined(&self, snapshot: &Snapshot, department: &Uscc, publication: &Publication) -> Arc<[Examination]> {
        let mut known = self.examined.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, examined)) = known.as_ref().filter(|(version, _)| *version == snapshot.rules.version) {
            return Arc::clone(examined);
        }
        let pairs = publication.records.iter().zip(&self.bodies);
        let examine = |(record, body)| examine_body(snapshot, department, &publication.issuer_key, record, body);
        let examined: Arc<[_]> = pairs.map(examine).collect();
        *known = Some((snapshot.rules.version, Arc::clone(&examined)));
        examined
    }
}

fn examine_body(
    snapshot: &Snapshot,
    department: &Uscc,
    issuer_key: &KeyId,
    record: &PublishedRecord,
    body: &RecordBody,
) -> Examination {
    let one = |violation, description: String| vec![FieldViolation::of_record(violation, description)];
    let malformed = |error: crate::sign::Error| one(RecordViolation::Malformed, error.to_string());
    let salt: [u8; SALT_LENGTH] = body.record_salt.as_slice().try_into().map_err(|_| {
        one(RecordViolation::Handle, format!("record_salt must be {SALT_LENGTH} bytes, is {}", body.record_salt.len()))
    })?;
    let sd_jwt = SdJwt::parse(&body.sd_jwt).map_err(malformed)?;
    if sd_jwt.jwt_hash() != record.jwt_sha256.0 {
        return Err(one(RecordViolation::Hash, "jwt_sha256 is not the SHA-256 of the JWT".to_owned()));
    }
    let kid = sd_jwt.kid().map_err(malformed)?;
    let key = wire::kid_from_text(&kid).filter(|kid| {
        let key = snapshot.rules.directory.keys.get(kid);
        key.is_some_and(|key| key.is_active() && key.system.department() == department)
    });
    let unsigned = || one(RecordViolation::Signature, format!("key {kid} is not an active key of {department}"));
    if wire::kid_from_text(&kid).as_ref() != Some(issuer_key) {
        let stated = wire::kid_to_text(issuer_key);
        let problem = format!("key {kid} signed it, the publication says that {stated} did");
        return Err(one(RecordViolation::Signature, problem));
    }
    let issuer_key = key.ok_or_else(unsigned)?;
    let verifying = snapshot.keys.get(&issuer_key).ok_or_else(unsigned)?;
    let incomplete = check_complete(&sd_jwt).map_err(malformed)?;
    if !incomplete.is_empty() {
        let describe = |violation: &crate::sign::sd_jwt::Violation| FieldViolation {
            violation: RecordViolation::Disclosure,
            field: Some(violation.at.clone()),
            description: violation.fault.code().to_owned(),
        };
        return Err(incomplete.iter().map(describe).collect());
    }
    let record = verify(&body.sd_jwt, verifying.as_ref(), &Expected::default()).map_err(|error| match error {
        crate::sign::Error::Signature { .. } => {
            one(RecordViolation::Signature, format!("the signature does not verify with key {kid}"))
        }
        error => malformed(error),
    })?;
    let ver = u32::try_from(record.claims.ver)
        .map_err(|_| one(RecordViolation::Claim, "ver is greater than 4294967295".to_owned()))?;
    let iat = record.claims.iat.checked_mul(1_000).and_then(Time::from_millis);
    let iat = iat.ok_or_else(|| one(RecordViolation::Claim, "iat is after the year 9999".to_owned()))?;
    Ok(Examined {
        claims: RecordClaims {
            iss: record.claims.iss,
            vct: record.claims.vct,
            jti: Handle(record.claims.jti),
            ver,
            iat,
        },
        fields: record.fields.into_iter().collect(),
        issuer_key,
        salt,
        body: join_body(&salt, &body.sd_jwt),
    })
}

/// Who publishes what, under which rules, and when.
struct Issuing<'a> {
    rules: &'a Rules,
    resource: &'a Resource,
    schema: &'a Schema,
    department: &'a Uscc,
    now: &'a Moment,
}

impl Issuing<'_> {
    /// All that the rules find wrong with a record.
    fn check(
        &self,
        (resource_version, record): (u32, &PublishedRecord),
        examined: &Examined,
        Known { current, owner: identifier_owner, replaced, original }: Known<'_>,
    ) -> Vec<FieldViolation> {
        let Self { rules, resource, schema, department, now } = *self;
        let identifier = record_terms(resource, &examined.fields)
            .and_then(|(record_id, _)| canonical(resource, resource.record_id_field.as_str(), record_id));
        let expected_handle = identifier
            .and_then(|identifier| record_handle(&examined.salt, resource.resource_id.as_str(), &identifier).ok())
            .map(Handle);
        let may_continue = current.is_none_or(|current| may_continue(rules, resource, department, current, now));
        let unfit = schema.check(&examined.fields);
        let facts = RecordFacts {
            issuer: department,
            current,
            may_continue,
            identifier_owner,
            expected_handle,
            replaced,
            original,
            unfit,
        };
        check_record(resource, resource_version, record, &examined.claims, &examined.fields, &facts)
    }
}
