//! Querying: asking for fields of records, and verifying everything about the answer before anyone sees it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    CatalogEntry, Client, Error, Random,
    connection::MAX_MESSAGE_BYTES,
    verify::{self, Issued, VerifiedReceipt},
};
use crate::{
    domain::{
        agreement::LookupKind,
        catalog::{FieldType, Resource},
        id::{AgreementId, Code, Commitment, FieldCode, Handle, KeyId, Pseudonym, ResourceId},
        identifier::{CitizenId, LicenceId, Uscc, normalize},
        outcome::{Outcome, RecordRelease},
        record::RecordStatus,
        statement::{Query, Statement},
        time::Time,
    },
    sign::{
        Secret, VerifyingKey,
        commitment::{Month, Opening, Scheme, operator_pseudonym},
        sd_jwt::SdJwt,
    },
    wire::{
        self,
        proto::{self, exchange_service_client::ExchangeServiceClient},
    },
};

/// The offset of the consumer's months from UTC, in seconds: operators' pseudonyms change at midnight of +08:00.
const MONTH_OFFSET_SECONDS: i32 = 8 * 3_600;
/// How far a record's `iat` may be ahead of this machine's clock, in seconds: the hub's own clock skew.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// How the records asked for are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// By their own identifiers, such as a licence's 证照标识.
    Record(Vec<String>),
    /// By their holders' 持证主体: credit codes or citizen ids.
    Holder(Vec<String>),
}

impl Lookup {
    /// The kind, as agreements allow it.
    #[must_use]
    pub fn kind(&self) -> LookupKind {
        match self {
            Self::Record(_) => LookupKind::Record,
            Self::Holder(_) => LookupKind::Holder,
        }
    }

    fn identifiers(&self) -> &[String] {
        match self {
            Self::Record(identifiers) | Self::Holder(identifiers) => identifiers,
        }
    }
}

/// A question for fields of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryRequest {
    /// The resource.
    pub resource: ResourceId,
    /// The purpose code 用途.
    pub purpose: Code,
    /// The matter code 事项编码.
    pub matter: Code,
    /// The case number 办件编号; committed to, never in the log.
    pub case: String,
    /// Who asks, by the department's own name for them; only a pseudonym of the month leaves the system.
    pub operator: String,
    /// The agreement to use; `None`: the one with the lowest id that permits.
    pub agreement: Option<AgreementId>,
    /// The fields asked for; all or nothing.
    pub fields: BTreeSet<FieldCode>,
    /// Which records.
    pub by: Lookup,
}

/// An answer of which everything was verified.
#[derive(Debug, Clone)]
pub struct QueryAnswer {
    /// The agreement under which, and its version.
    pub agreement: (AgreementId, u32),
    /// The records found, in the order of the lookups; a lookup that found nothing has none.
    pub records: Vec<Record>,
    /// The evidence.
    pub receipt: VerifiedReceipt,
}

/// A record, or what was released of it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Which lookup found it, from 0.
    pub lookup: u32,
    /// Its name in the log.
    pub handle: Handle,
    /// Its version.
    pub version: u32,
    /// Its status when the hub answered. Nothing is released unless it is ACTIVE.
    pub status: RecordStatus,
    /// The entry that made the version current.
    pub publication_index: u64,
    /// The fields that its provider signed, by code.
    pub fields: Map<String, Value>,
    /// The SD-JWT, to be kept as `*.sd-jwt`; `None` unless ACTIVE.
    pub presentation: Option<String>,
    /// The provider's key that signed it.
    pub issuer_key: Option<VerifyingKey>,
}

impl Client {
    /// Asks for fields of records, and returns only what is proven: the receipt under the pinned key of the log, the
    /// statement in it the very one sent, every record under its provider's key and exactly as the receipt has it.
    ///
    /// ```no_run
    /// # // Needs a hub that listens.
    /// use hutong::client::{Client, Error, Lookup, Profile, QueryRequest};
    ///
    /// # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
    /// let profile = Profile::read("profiles/housing.toml".as_ref())?;
    /// let client = Client::connect(&profile).await?;
    /// let request = QueryRequest {
    ///     resource: "samr.business-licence".parse()?,
    ///     purpose: "housing-registration".parse()?,
    ///     matter: "000117001000".parse()?,
    ///     case: "办件-2026-000123".to_owned(),
    ///     operator: "zhang.san".to_owned(),
    ///     agreement: None,
    ///     fields: ["CZZT".parse()?, "KZ_JYFW".parse()?].into(),
    ///     by: Lookup::Holder(vec!["91440300MA5EXAMP1X".to_owned()]),
    /// };
    /// match client.query(&request).await {
    ///     Ok(answer) => println!("{} records, entry {}", answer.records.len(), answer.receipt.index),
    ///     Err(Error::Refused(refused)) => println!("{refused}"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] with the rule and the entry; [`Error::AnsweredBefore`] when an earlier attempt was answered and
    /// its answer was lost on the way; [`Error::Unproven`] when anything does not hold; [`Error::Input`] before anything
    /// is sent; and what can go wrong on the way.
    pub async fn query(&self, request: &QueryRequest) -> Result<QueryAnswer, Error> {
        let resource = self.resource(&request.resource).await?;
        let now = super::now()?;
        let (query, openings) = compose(request, &resource.resource, self.secret()?, self.random(), now)?;
        let asked = query.fields.clone();
        let signed = self.author().sign(self.random(), now, openings, |header| Statement::Query(header, query))?;
        let message = proto::SubmitQueryRequest {
            envelope: Some(wire::envelope_to_proto(&signed.envelope)),
            openings: signed.openings.iter().map(wire::opening_to_proto).collect(),
        };
        let answer: proto::SubmitQueryResponse = self
            .submit(&signed, &message, |channel, request| async move {
                ExchangeServiceClient::new(channel)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .max_encoding_message_size(MAX_MESSAGE_BYTES)
                    .submit_query(request)
                    .await
            })
            .await
            .inspect_err(|error| self.forget_resource_if_stale(&request.resource, error))?;
        let receipt = self.answered(&signed, answer.receipt).await?;
        let keys = self.issuer_keys(&resource.resource, &answer.records).await?;
        let withheld = answer.repeated_request && receipt.releases().iter().any(|release| release.sd_hash.is_some());
        if withheld {
            return Err(Error::AnsweredBefore { request_id: signed.request_id, index: receipt.index });
        }
        let lookups = request.by.identifiers().len();
        check_answer(&resource, (&asked, lookups), receipt, answer.records, &keys, now)
    }

    /// The keys that the records' headers name, each of a system of the resource's provider.
    async fn issuer_keys(
        &self,
        resource: &Resource,
        records: &[proto::ReleasedRecord],
    ) -> Result<Vec<VerifyingKey>, Error> {
        let mut keys: Vec<VerifyingKey> = Vec::new();
        for record in records.iter().filter(|record| !record.presentation.is_empty()) {
            let sd_jwt = SdJwt::parse(&record.presentation).map_err(unproven)?;
            let kid = sd_jwt.kid().map_err(unproven)?;
            if keys.iter().any(|key| crate::sign::Verifier::kid(key) == kid) {
                continue;
            }
            let kid = wire::kid_from_text(&kid).ok_or_else(|| unproven("its kid is no thumbprint"))?;
            keys.push(
                self.issuer_key(&resource.provider, kid, sd_jwt.claims_unverified().map_err(unproven)?.iat).await?,
            );
        }
        Ok(keys)
    }

    /// A provider's key, from the directory.
    async fn issuer_key(&self, provider: &Uscc, kid: KeyId, iat: i64) -> Result<VerifyingKey, Error> {
        let key = self.key(provider, kid).await?;
        if key.compromised_since.is_some_and(|since| iat >= since.as_seconds()) {
            return Err(unproven(format_args!(
                "its key {} was compromised when it was issued",
                wire::kid_to_text(&kid)
            )));
        }
        VerifyingKey::from_bytes(&key.public_key).map_err(Error::Sign)
    }
}

fn unproven(why: impl std::fmt::Display) -> Error {
    Error::Unproven { what: "the credential", check: "issuer key", why: why.to_string() }
}

/// The statement of a request, and what opens its commitments: the case first, then each lookup.
fn compose(
    request: &QueryRequest,
    resource: &Resource,
    secret: &Secret,
    random: &dyn Random,
    now: Time,
) -> Result<(Query, Vec<Opening>), Error> {
    let field = match &request.by {
        Lookup::Record(_) => &resource.record_id_field,
        Lookup::Holder(_) => &resource.holder_field,
    };
    let field_type = resource.field(field.as_str()).map(|field| &field.field_type);
    let case = opening(random, Scheme::Case, "the case number", request.case.trim())?;
    let identifiers = request.by.identifiers().iter().enumerate();
    let lookups: Vec<Opening> = identifiers
        .map(|(position, identifier)| {
            lookup_opening(random, field_type, &format!("lookup {} ({field})", position + 1), identifier)
        })
        .collect::<Result<_, _>>()?;
    let query = Query {
        resource_id: request.resource.clone(),
        purpose: request.purpose.clone(),
        matter: request.matter.clone(),
        case_commitment: Commitment(case.commitment()),
        operator_pseudonym: Pseudonym(operator_pseudonym(secret, month(now)?, &request.operator)?),
        agreement_id: request.agreement.clone(),
        fields: request.fields.clone(),
        lookup: request.by.kind(),
        commitments: lookups.iter().map(|opening| Commitment(opening.commitment())).collect(),
    };
    Ok((query, std::iter::once(case).chain(lookups).collect()))
}

fn month(now: Time) -> Result<Month, Error> {
    let day = now.civil_day(MONTH_OFFSET_SECONDS);
    let year = u16::try_from(day.year()).map_err(|_| Error::Clock)?;
    let month = u8::try_from(day.month()).map_err(|_| Error::Clock)?;
    Ok(Month::new(year, month)?)
}

fn opening(random: &dyn Random, scheme: Scheme, what: &str, value: &str) -> Result<Opening, Error> {
    Opening::new(random, scheme, value).map_err(|error| input(what, error))
}

/// Commits to an identifier in its one form, having checked it: a mistyped one would find nothing and count all the same.
fn lookup_opening(
    random: &dyn Random,
    field_type: Option<&FieldType>,
    what: &str,
    written: &str,
) -> Result<Opening, Error> {
    let normal = normalize(written);
    let (scheme, value) = match field_type {
        Some(FieldType::Uscc) => (Scheme::Uscc, Uscc::parse(&normal).map(|id| id.as_str().to_owned())),
        Some(FieldType::CitizenId) => (Scheme::CitizenId, CitizenId::parse(&normal).map(|id| id.as_str().to_owned())),
        Some(FieldType::LicenceId) => (Scheme::LicenceId, LicenceId::parse(&normal).map(|id| id.as_str().to_owned())),
        Some(FieldType::Text { .. }) => (Scheme::Text, Ok(written.trim().to_owned())),
        _ => return Err(input(what, "the catalog has no such identifier that can be looked up by")),
    };
    opening(random, scheme, what, &value.map_err(|error| input(what, error))?)
}

fn input(what: &str, why: impl std::fmt::Display) -> Error {
    Error::Input { what: what.to_owned(), why: why.to_string() }
}

/// Verifies an answer's records against its receipt, one by one and as a whole.
fn check_answer(
    resource: &CatalogEntry,
    (asked, lookups): (&BTreeSet<FieldCode>, usize),
    receipt: VerifiedReceipt,
    sent: Vec<proto::ReleasedRecord>,
    keys: &[VerifyingKey],
    now: Time,
) -> Result<QueryAnswer, Error> {
    let wrong = |why: String| Error::Unproven { what: "the answer", check: "records are those of the entry", why };
    let Outcome::QueryPermitted(permitted) = receipt.outcome().clone() else {
        return Err(wrong(verify::outcome_in_words(receipt.outcome())));
    };
    let mut sent = sent.into_iter();
    let mut records = Vec::with_capacity(permitted.records.len());
    for release in &permitted.records {
        let message = match sent.next() {
            Some(message) => message,
            // A repeated answer without data, of which nothing was released: the entry says it all.
            None if release.sd_hash.is_none() => wire::released_record_to_proto(release, String::new()),
            None => return Err(wrong("a record that the entry releases is missing".to_owned())),
        };
        if message != wire::released_record_to_proto(release, message.presentation.clone()) {
            return Err(wrong(format!("record {} is not as the entry has it", release.handle)));
        }
        if release.lookup as usize >= lookups {
            return Err(wrong(format!(
                "record {} is said to be of lookup {} of {lookups}",
                release.handle, release.lookup
            )));
        }
        records.push(check_record(resource, asked, &receipt, release, message.presentation, keys, now)?);
    }
    match sent.next() {
        Some(_) => Err(wrong("a record came that the entry does not have".to_owned())),
        None => Ok(QueryAnswer { agreement: (permitted.agreement_id, permitted.agreement_version), records, receipt }),
    }
}

fn check_record(
    entry: &CatalogEntry,
    asked: &BTreeSet<FieldCode>,
    receipt: &VerifiedReceipt,
    release: &RecordRelease,
    presentation: String,
    keys: &[VerifyingKey],
    now: Time,
) -> Result<Record, Error> {
    let mut record = Record {
        lookup: release.lookup,
        handle: release.handle,
        version: release.version,
        status: release.status,
        publication_index: release.publication_index,
        fields: Map::new(),
        presentation: None,
        issuer_key: None,
    };
    // A record of an older catalog version may have none of the fields asked for.
    if presentation.is_empty() && release.sd_hash.is_none() && release.fields.is_empty() {
        return Ok(record);
    }
    if release.status != RecordStatus::Active {
        return Err(unproven("fields were released of a record that is not ACTIVE"));
    }
    let kid = SdJwt::parse(&presentation).and_then(|sd_jwt| sd_jwt.kid()).map_err(unproven)?;
    let key = keys.iter().find(|key| crate::sign::Verifier::kid(*key) == kid);
    let key = key.ok_or_else(|| unproven(format_args!("no key {kid} of the provider is known")))?;
    let resource = &entry.resource;
    let issued = Issued {
        provider: Some(resource.provider.as_str()),
        resource: Some(resource.resource_id.as_str()),
        until: Some(now.plus_seconds(CLOCK_SKEW_SECONDS)),
    };
    let verified = verify::credential(&presentation, key, &issued).into_result("the credential")?;
    let proven = verify::release(receipt, &presentation, &verified).into_result("the release")?;
    // A record of an older version of the catalog entry lacks the fields that came later; any other has all.
    let is_older = verified.claims.vct != resource.vct(entry.version);
    let all = asked.iter().map(FieldCode::as_str).eq(sorted(&verified.fields));
    let some = || verified.fields.keys().all(|code| asked.contains(code.as_str()));
    if proven != release || !(all || is_older && some()) {
        let why = "the fields are not those asked for".to_owned();
        return Err(Error::Unproven { what: "the answer", check: "fields asked for", why });
    }
    record.fields = verified.fields;
    record.issuer_key = Some(key.clone());
    record.presentation = Some(presentation);
    Ok(record)
}

fn sorted(fields: &Map<String, Value>) -> impl Iterator<Item = &str> {
    fields.keys().map(String::as_str).collect::<BTreeSet<_>>().into_iter()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "query_tests.rs"]
mod tests;
