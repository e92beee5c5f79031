//! Querying: asking for fields of records, and verifying everything about the answer before anyone sees it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    Client, Error, Random,
    answer::{Asked, Issuer, claimed},
    connection::MAX_MESSAGE_BYTES,
    holder,
    verify::VerifiedReceipt,
};
use crate::{
    domain::{
        agreement::LookupKind,
        catalog::{FieldType, Resource},
        id::{AgreementId, Code, Commitment, FieldCode, Handle, Pseudonym, ResourceId},
        identifier::{CitizenId, LicenceId, Uscc, normalize},
        outcome::{Original, RecordWithheld},
        record::RecordStatus,
        statement::{Query, Statement},
        time::Time,
    },
    sign::{
        Secret, VerifyingKey,
        commitment::{Month, Opening, Scheme, operator_pseudonym},
    },
    wire::{
        self,
        proto::{self, exchange_service_client::ExchangeServiceClient},
    },
};

/// The offset of the consumer's months from UTC, in seconds: operators' pseudonyms change at midnight of +08:00.
const MONTH_OFFSET_SECONDS: i32 = 8 * 3_600;

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
    /// The records found that miss the agreement's row condition, as the hub attests: nothing of them was released.
    pub withheld: Vec<RecordWithheld>,
    /// The retention duty 保存期限: how many civil days after that of the entry what was released may be kept. The hub says so; that it
    /// follows from the agreement's version, the text shows that both parties signed.
    pub retention_days: Option<u32>,
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
    /// The record before it, found SUPERSEDED, that it replaces; `None`: the lookup found it itself. Of what replaces a record only
    /// the identifier is released.
    pub replaces: Option<Handle>,
    /// Of an annotated copy 加注件, the record that it was made of: the copy's status is never better than that one's. An ACTIVE copy
    /// without fields was made for another purpose.
    pub original: Option<Original>,
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
        let before = self.connection().seen().newest();
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
        let receipt = self.answered(&signed, answer.receipt, before).await?;
        let issuers = self.issuers(&resource.resource, &answer.records).await?;
        let withheld = answer.repeated_request && receipt.releases().iter().any(|release| release.sd_hash.is_some());
        if withheld {
            return Err(Error::AnsweredBefore { request_id: signed.request_id, index: receipt.index });
        }
        let asked = Asked {
            entry: &resource,
            fields: &asked,
            lookup: request.by.kind(),
            // The first opening is the case's.
            lookups: signed.openings.get(1..).unwrap_or_default(),
            issuers: &issuers,
            pins: &self.0.pins,
            now,
        };
        asked.check(receipt, answer.records, answer.retention_days)
    }

    /// Who the records say has issued them: their keys, as the directory has them, and what gave them the right to.
    async fn issuers(&self, resource: &Resource, records: &[proto::ReleasedRecord]) -> Result<Vec<Issuer>, Error> {
        let mut issuers: Vec<Issuer> = Vec::new();
        for record in records.iter().filter(|record| !record.presentation.is_empty()) {
            let (department, kid) = claimed(&record.presentation)?;
            let index = record.publication_index;
            if issuers.iter().any(|issuer| issuer.key.kid == kid && issuer.publication_index == index) {
                continue;
            }
            let key = self.key(&department, kid).await?;
            let right = match department == resource.provider {
                true => None,
                false => self.issuing_right_at(&resource.resource_id, &department, index).await?,
            };
            issuers.push(Issuer { key, publication_index: index, right });
        }
        Ok(issuers)
    }
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
        Some(FieldType::HolderCode) => (holder::scheme_of(&normal), Ok(normal)),
        _ => return Err(input(what, "the catalog has no such identifier that can be looked up by")),
    };
    opening(random, scheme, what, &value.map_err(|error| input(what, error))?)
}

fn input(what: &str, why: impl std::fmt::Display) -> Error {
    Error::Input { what: what.to_owned(), why: why.to_string() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "query_tests.rs"]
mod tests;
