//! Entries: what the exchange log holds, byte for byte.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use prost::Message;

use super::{
    agreement::{state_from_number, state_to_number},
    calendar::read_year,
    envelope_from_proto, envelope_to_proto, kid_from_text, kid_to_text,
    proto::{self, applied::Effect as ProtoEffect, outcome::Result as ProtoResult},
    reading::{At, Malformed, Reading, decode_canonical, timestamp},
    record::{status_from_number, status_to_number},
    statement::{MAX_VKEY_LEN, read_statement},
};
use crate::{
    domain::{
        id::AgreementId,
        outcome::{
            Effect, Erased, HolderTraced, MAX_QUOTAS_CARRIED, Notice, Original, Outcome, QueryPermitted, QuotasCarried,
            RecordRelease, RecordViolation, RecordWithheld, Refusal, RefusalReason, Suppressed,
        },
        statement::Statement,
        time::Time,
    },
    sign::dsse,
};

/// The version of the entry's format.
pub const FORMAT_VERSION: u32 = 1;

/// One entry of the exchange log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was sequenced.
    pub time: Time,
    /// The statement, as received; `None` where the hub tells something of itself.
    pub envelope: Option<dsse::Envelope>,
    /// What the hub did.
    pub outcome: Outcome,
    /// Where it stood in the log before, if it was carried over from there.
    pub carried: Option<Carried>,
}

/// Where an entry that was carried over stood in the log before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// Its index there.
    pub index: u64,
    /// When it was sequenced first.
    pub time: Time,
}

/// The most bytes that being carried over adds to an entry: tags and lengths, an index, a time. Hubs leave them free.
pub const CARRIED_LEN: usize = 2 + (1 + 10) + (2 + 2 * (1 + 10));

impl Entry {
    /// The bytes that are hashed and stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = UntimedEntry::new(self.envelope.as_ref(), &self.outcome).at(self.time);
        if let Some(Carried { index, time }) = self.carried {
            // The highest field number: it comes last.
            let carried = proto::Carried { index, time: Some(timestamp(time)) };
            proto::Entry { carried: Some(carried), ..proto::Entry::default() }.encode_raw(&mut bytes);
        }
        bytes
    }

    /// When it was sequenced first: what its outcome was decided at.
    pub fn decided_at(&self) -> Time {
        self.carried.map_or(self.time, |carried| carried.time)
    }

    /// Reads the entry's statement; `None` where it has none. Says nothing about its signature.
    ///
    /// # Errors
    /// Everything that is not well formed, by field.
    pub fn statement(&self) -> Result<Option<Statement>, Malformed> {
        let read = |envelope: &dsse::Envelope| read_statement(&envelope.payload_type, &envelope.payload);
        self.envelope.as_ref().map(read).transpose()
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// Everything that is not well formed, by field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let message: proto::Entry = decode_canonical(bytes, "entry")?;
        if message.format_version != FORMAT_VERSION {
            return Err(Malformed::one("entry.format_version", format!("is {}, known is 1", message.format_version)));
        }
        let mut reading = Reading::default();
        let time = reading.time("entry.time", message.time.as_ref());
        let outcome = match message.outcome.as_ref().map(outcome_from_proto) {
            Some(Ok(outcome)) => Some(outcome),
            Some(Err(error)) => return Err(error),
            None => reading.fail("entry.outcome", "is required"),
        };
        let is_notice = matches!(outcome, Some(Outcome::Noted(_)));
        let problem = if is_notice { "must be absent: the hub speaks of itself" } else { "is required" };
        reading.require(message.statement.is_some() != is_notice, "entry.statement", problem);
        let may_be_carried = matches!(outcome, Some(Outcome::Applied(_) | Outcome::Published(_)));
        let carried = match &message.carried {
            Some(_) if !may_be_carried => {
                reading.fail("entry.carried", "must be absent: only what holds is carried over")
            }
            Some(carried) => read_carried(&mut reading, carried).map(Some),
            None => Some(None),
        };
        let envelope = message.statement.map(|statement| envelope_from_proto(Some(statement)));
        let read = time.zip(outcome).zip(carried);
        reading.finish(read.map(|((time, outcome), carried)| Self { time, envelope, outcome, carried }))
    }
}

/// An entry but for its time, already encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntimedEntry(Vec<u8>);

impl UntimedEntry {
    /// The entry that says this; without an envelope where the hub tells something of itself.
    #[must_use]
    pub fn new(envelope: Option<&dsse::Envelope>, outcome: &Outcome) -> Self {
        let rest = proto::Entry {
            statement: envelope.map(envelope_to_proto),
            outcome: Some(proto::Outcome { result: Some(outcome_to_proto(outcome)) }),
            ..proto::Entry::default()
        };
        Self(rest.encode_to_vec())
    }

    /// The bytes that are hashed and stored, of an entry sequenced at this time. The format's version and the time have the lowest
    /// field numbers, so they come first and the rest follows as it is.
    #[must_use]
    pub fn at(&self, time: Time) -> Vec<u8> {
        let head =
            proto::Entry { format_version: FORMAT_VERSION, time: Some(timestamp(time)), ..proto::Entry::default() };
        let mut bytes = Vec::with_capacity(head.encoded_len() + self.0.len());
        // It grows by itself: nothing can lack room.
        head.encode_raw(&mut bytes);
        bytes.extend_from_slice(&self.0);
        bytes
    }
}

fn read_carried(reading: &mut Reading, carried: &proto::Carried) -> Option<Carried> {
    reading.require(carried.index > 0, "entry.carried.index", "must be at least 1");
    let time = reading.time("entry.carried.time", carried.time.as_ref())?;
    Some(Carried { index: carried.index, time })
}

fn outcome_to_proto(outcome: &Outcome) -> ProtoResult {
    match outcome {
        Outcome::Refused(refusal) => ProtoResult::Refused(refusal_to_proto(refusal)),
        Outcome::QueryPermitted(permitted) => ProtoResult::QueryPermitted(proto::QueryPermitted {
            agreement_id: permitted.agreement_id.to_string(),
            agreement_version: permitted.agreement_version,
            records: permitted.records.iter().map(release_to_proto).collect(),
            attested_facts: attested_facts(permitted),
            withheld: permitted.withheld.iter().flatten().map(withheld_to_proto).collect(),
            peer_address: address_to_bytes(permitted.peer_address),
        }),
        Outcome::Published(results) => ProtoResult::Published(proto::Published {
            results: results
                .iter()
                .map(|violations| proto::PublicationResult {
                    violations: violations.iter().map(|violation| violation.number()).collect(),
                })
                .collect(),
        }),
        Outcome::Applied(effect) => ProtoResult::Applied(proto::Applied { effect: Some(effect_to_proto(effect)) }),
        Outcome::HolderTraced(traced) => {
            ProtoResult::HolderTraced(proto::HolderTraced { log_size: traced.log_size, exchanges: traced.exchanges })
        }
        Outcome::ErasureOrdered => ProtoResult::ErasureOrdered(proto::ErasureOrdered {}),
        Outcome::Noted(Notice::Suppressed(suppressed)) => ProtoResult::Suppressed(proto::Suppressed {
            system: suppressed.system.to_string(),
            count: suppressed.count,
            since: Some(timestamp(suppressed.since)),
            until: Some(timestamp(suppressed.until)),
        }),
        Outcome::Noted(Notice::Erased(erased)) => ProtoResult::Erased(proto::Erased {
            count: erased.count,
            digest: erased.digest.0.to_vec(),
            since: Some(timestamp(erased.since)),
            until: Some(timestamp(erased.until)),
        }),
        Outcome::Noted(Notice::Closed { next_vkey }) => {
            ProtoResult::Closed(proto::Closed { next_vkey: next_vkey.clone() })
        }
        Outcome::Noted(Notice::QuotasCarried(carried)) => ProtoResult::QuotasCarried(proto::QuotasCarried {
            day: carried.day.to_string(),
            uses: carried
                .uses
                .iter()
                .map(|(id, asked)| proto::QuotaUse { agreement_id: id.to_string(), asked: *asked })
                .collect(),
        }),
    }
}

/// Which records an identifier names, the log cannot show, for it does not hold identifiers; nor what the values of a record
/// are, or from where a query came.
fn attested_facts(permitted: &QueryPermitted) -> Vec<i32> {
    [
        (true, proto::AttestedFact::LookupResult),
        (permitted.withheld.is_some(), proto::AttestedFact::RowCondition),
        (permitted.peer_address.is_some(), proto::AttestedFact::PeerAddress),
    ]
    .into_iter()
    .filter_map(|(is_attested, fact)| is_attested.then_some(fact.into()))
    .collect()
}

fn address_to_bytes(address: Option<IpAddr>) -> Vec<u8> {
    match address {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets().to_vec(),
        None => Vec::new(),
    }
}

/// An address in its canonical form, or nothing where there are no bytes.
fn read_address(reading: &mut Reading, field: &str, bytes: &[u8]) -> Option<Option<IpAddr>> {
    let address = match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        _ if bytes.is_empty() => return Some(None),
        (Ok(octets), _) => IpAddr::from(octets),
        (_, Ok(octets)) => IpAddr::from(octets),
        _ => return reading.fail(field, format!("must be 4 or 16 bytes, is {}", bytes.len())),
    };
    if address.to_canonical() != address {
        return reading.fail(field, "must be an IPv4 address in 4 bytes, not within IPv6");
    }
    Some(Some(address))
}

fn withheld_to_proto(withheld: &RecordWithheld) -> proto::RecordWithheld {
    proto::RecordWithheld {
        lookup: withheld.lookup,
        handle: withheld.handle.0.to_vec(),
        version: withheld.version,
        publication_index: withheld.publication_index,
        jwt_sha256: withheld.jwt_sha256.0.to_vec(),
    }
}

/// A refusal as it is entered and told.
pub(super) fn refusal_to_proto(refusal: &Refusal) -> proto::Refused {
    let (agreement_id, agreement_version) =
        refusal.agreement.as_ref().map(|(id, version)| (id.to_string(), *version)).unwrap_or_default();
    proto::Refused {
        reason: refusal.reason.number(),
        term: refusal.term.clone(),
        agreement_id,
        agreement_version,
        peer_address: address_to_bytes(refusal.peer_address),
    }
}

fn release_to_proto(release: &RecordRelease) -> proto::RecordRelease {
    proto::RecordRelease {
        lookup: release.lookup,
        handle: release.handle.0.to_vec(),
        version: release.version,
        status: status_to_number(release.status),
        publication_index: release.publication_index,
        jwt_sha256: release.jwt_sha256.0.to_vec(),
        fields: release.fields.iter().map(ToString::to_string).collect(),
        sd_hash: release.sd_hash.map(|hash| hash.0.to_vec()).unwrap_or_default(),
        replaces: release.replaces.map(|handle| handle.0.to_vec()).unwrap_or_default(),
        original: release.original.map(|original| proto::OriginalState {
            handle: original.handle.0.to_vec(),
            publication_index: original.publication_index,
            status: status_to_number(original.status),
        }),
    }
}

fn effect_to_proto(effect: &Effect) -> ProtoEffect {
    match effect {
        Effect::LogOpened => ProtoEffect::LogOpened(proto::LogOpened {}),
        Effect::DepartmentRegistered => ProtoEffect::DepartmentRegistered(proto::DepartmentRegistered {}),
        Effect::SystemRegistered => ProtoEffect::SystemRegistered(proto::SystemRegistered {}),
        Effect::KeyRegistered(kid) => ProtoEffect::KeyRegistered(proto::KeyRegistered { kid: kid_to_text(kid) }),
        Effect::KeyRetired(kid) => ProtoEffect::KeyRetired(proto::KeyRetired { kid: kid_to_text(kid) }),
        Effect::IssuingRightGranted => ProtoEffect::IssuingRightGranted(proto::IssuingRightGranted {}),
        Effect::IssuingRightWithdrawn => ProtoEffect::IssuingRightWithdrawn(proto::IssuingRightWithdrawn {}),
        Effect::CatalogPartEntered(part) => {
            ProtoEffect::CatalogPartEntered(proto::CatalogPartEntered { part: part.0.to_vec() })
        }
        Effect::CatalogReleased { version, resources } => ProtoEffect::CatalogReleased(proto::CatalogReleased {
            catalog_version: *version,
            resources: resources
                .iter()
                .map(|(id, version)| proto::ResourceVersion { resource_id: id.to_string(), version: *version })
                .collect(),
        }),
        Effect::CalendarYearEntered(year) => {
            ProtoEffect::CalendarYearEntered(proto::CalendarYearEntered { year: i32::from(*year) })
        }
        Effect::AnswerTermsSet => ProtoEffect::AnswerTermsSet(proto::AnswerTermsSet {}),
        Effect::AgreementChanged { agreement_id, version, state } => {
            ProtoEffect::AgreementChanged(proto::AgreementChanged {
                agreement_id: agreement_id.to_string(),
                version: *version,
                state: state_to_number(*state),
            })
        }
    }
}

/// The outcome of a message.
///
/// # Errors
/// Everything that is not well formed, by field.
pub fn outcome_from_proto(message: &proto::Outcome) -> Result<Outcome, Malformed> {
    let mut reading = Reading::default();
    let outcome = match &message.result {
        Some(ProtoResult::Refused(refused)) => read_refused(&mut reading, refused).map(Outcome::Refused),
        Some(ProtoResult::QueryPermitted(permitted)) => {
            read_permitted(&mut reading, permitted).map(Outcome::QueryPermitted)
        }
        Some(ProtoResult::Published(published)) => read_published(&mut reading, published).map(Outcome::Published),
        Some(ProtoResult::Applied(applied)) => read_effect(&mut reading, applied).map(Outcome::Applied),
        Some(ProtoResult::HolderTraced(traced)) => {
            Some(Outcome::HolderTraced(HolderTraced { log_size: traced.log_size, exchanges: traced.exchanges }))
        }
        Some(ProtoResult::ErasureOrdered(_)) => Some(Outcome::ErasureOrdered),
        Some(ProtoResult::Suppressed(suppressed)) => {
            read_suppressed(&mut reading, suppressed).map(|suppressed| Outcome::Noted(Notice::Suppressed(suppressed)))
        }
        Some(ProtoResult::Erased(erased)) => {
            read_erased(&mut reading, erased).map(|erased| Outcome::Noted(Notice::Erased(erased)))
        }
        Some(ProtoResult::Closed(closed)) => reading
            .text("closed.next_vkey", &closed.next_vkey, MAX_VKEY_LEN)
            .map(|next_vkey| Outcome::Noted(Notice::Closed { next_vkey })),
        Some(ProtoResult::QuotasCarried(carried)) => {
            read_quotas_carried(&mut reading, carried).map(|carried| Outcome::Noted(Notice::QuotasCarried(carried)))
        }
        None => reading.fail("outcome", "is empty"),
    };
    reading.finish(outcome)
}

fn read_refused(reading: &mut Reading, refused: &proto::Refused) -> Option<Refusal> {
    let reason = RefusalReason::from_number(refused.reason)
        .or_else(|| reading.fail("refused.reason", format!("{} is not a known reason", refused.reason)));
    let agreement = match (refused.agreement_id.as_str(), refused.agreement_version) {
        ("", 0) => Some(None),
        (id, version) => reading.name("refused.agreement_id", id).map(|id| Some((id, version))),
    };
    let peer_address = read_address(reading, "refused.peer_address", &refused.peer_address);
    Some(Refusal { reason: reason?, term: refused.term.clone(), agreement: agreement?, peer_address: peer_address? })
}

fn read_permitted(reading: &mut Reading, permitted: &proto::QueryPermitted) -> Option<QueryPermitted> {
    let agreement_id = reading.name("query_permitted.agreement_id", &permitted.agreement_id);
    let records: Vec<_> = permitted
        .records
        .iter()
        .enumerate()
        .map(|(i, release)| read_release(reading, format_args!("query_permitted.records[{i}]."), release))
        .collect();
    let withheld: Vec<_> = permitted
        .withheld
        .iter()
        .enumerate()
        .map(|(i, withheld)| read_withheld(reading, format_args!("query_permitted.withheld[{i}]."), withheld))
        .collect();
    let is_conditional = permitted.attested_facts.contains(&proto::AttestedFact::RowCondition.into());
    reading.require(
        is_conditional || withheld.is_empty(),
        "query_permitted.withheld",
        "must be none without ROW_CONDITION among the attested facts",
    );
    let peer_address = read_address(reading, "query_permitted.peer_address", &permitted.peer_address);
    let read = QueryPermitted {
        agreement_id: agreement_id?,
        agreement_version: permitted.agreement_version,
        records: records.into_iter().collect::<Option<_>>()?,
        withheld: withheld.into_iter().collect::<Option<_>>().map(|all| is_conditional.then_some(all))?,
        peer_address: peer_address?,
    };
    reading.require(
        permitted.attested_facts == attested_facts(&read),
        "query_permitted.attested_facts",
        "must be LOOKUP_RESULT, then ROW_CONDITION if there is one, then PEER_ADDRESS if it is stated",
    );
    Some(read)
}

fn read_withheld(
    reading: &mut Reading,
    prefix: fmt::Arguments<'_>,
    withheld: &proto::RecordWithheld,
) -> Option<RecordWithheld> {
    let handle = reading.bytes(At(prefix, "handle"), &withheld.handle);
    let jwt_sha256 = reading.bytes(At(prefix, "jwt_sha256"), &withheld.jwt_sha256);
    Some(RecordWithheld {
        lookup: withheld.lookup,
        handle: handle?,
        version: withheld.version,
        publication_index: withheld.publication_index,
        jwt_sha256: jwt_sha256?,
    })
}

fn read_release(
    reading: &mut Reading,
    prefix: fmt::Arguments<'_>,
    release: &proto::RecordRelease,
) -> Option<RecordRelease> {
    let at = |field| At(prefix, field);
    let handle = reading.bytes(at("handle"), &release.handle);
    let status = status_from_number(release.status).or_else(|| reading.fail(at("status"), "is not a status"));
    let jwt_sha256 = reading.bytes(at("jwt_sha256"), &release.jwt_sha256);
    let fields = reading.sorted(at("fields"), &release.fields);
    let sd_hash = reading.optional_bytes(at("sd_hash"), &release.sd_hash);
    let replaces = reading.optional_bytes(at("replaces"), &release.replaces);
    let original = release.original.as_ref().map(|original| {
        let handle = reading.bytes(at("original.handle"), &original.handle);
        let status = status_from_number(original.status);
        let status = status.or_else(|| reading.fail(at("original.status"), "is not a status"));
        Some(Original { handle: handle?, publication_index: original.publication_index, status: status? })
    });
    Some(RecordRelease {
        lookup: release.lookup,
        handle: handle?,
        version: release.version,
        status: status?,
        publication_index: release.publication_index,
        jwt_sha256: jwt_sha256?,
        fields: fields?,
        sd_hash: sd_hash?,
        replaces: replaces?,
        original: original.map_or(Some(None), |original| original.map(Some))?,
    })
}

fn read_published(reading: &mut Reading, published: &proto::Published) -> Option<Vec<BTreeSet<RecordViolation>>> {
    let mut results = Vec::with_capacity(published.results.len());
    for (i, result) in published.results.iter().enumerate() {
        let field = format!("published.results[{i}].violations");
        let numbers = result.violations.iter();
        let Some(violations) = numbers.map(|number| RecordViolation::from_number(*number)).collect::<Option<Vec<_>>>()
        else {
            return reading.fail(&field, "holds what is not a known violation");
        };
        reading.ascending(&field, &violations)?;
        results.push(violations.into_iter().collect());
    }
    Some(results)
}

fn read_suppressed(reading: &mut Reading, suppressed: &proto::Suppressed) -> Option<Suppressed> {
    let system = reading.name("suppressed.system", &suppressed.system);
    let since = reading.time("suppressed.since", suppressed.since.as_ref());
    let until = reading.time("suppressed.until", suppressed.until.as_ref());
    Some(Suppressed { system: system?, count: suppressed.count, since: since?, until: until? })
}

fn read_quotas_carried(reading: &mut Reading, carried: &proto::QuotasCarried) -> Option<QuotasCarried> {
    let day = reading.optional_date("quotas_carried.day", &carried.day);
    let count = carried.uses.len();
    let in_bounds = (1..=MAX_QUOTAS_CARRIED).contains(&count) && carried.uses.iter().all(|used| used.asked > 0);
    reading.require(in_bounds, "quotas_carried.uses", "must be 1 to 512, each of at least 1 record");
    let uses = carried.uses.iter().take(MAX_QUOTAS_CARRIED);
    let uses: Vec<_> =
        uses.map(|used| Some((reading.name("quotas_carried.agreement_id", &used.agreement_id)?, used.asked))).collect();
    let uses: Vec<(AgreementId, u64)> = uses.into_iter().collect::<Option<_>>()?;
    let agreements: Vec<_> = uses.iter().map(|(id, _)| id).collect();
    reading.ascending("quotas_carried.uses", &agreements)?;
    let Some(day) = day? else { return reading.fail("quotas_carried.day", "is required") };
    Some(QuotasCarried { day, uses })
}

fn read_erased(reading: &mut Reading, erased: &proto::Erased) -> Option<Erased> {
    let digest = reading.bytes("erased.digest", &erased.digest);
    let since = reading.time("erased.since", erased.since.as_ref());
    let until = reading.time("erased.until", erased.until.as_ref());
    Some(Erased { count: erased.count, digest: digest?, since: since?, until: until? })
}

fn read_effect(reading: &mut Reading, applied: &proto::Applied) -> Option<Effect> {
    let kid = |reading: &mut Reading, kid: &str| {
        kid_from_text(kid).or_else(|| reading.fail("applied.kid", "must be a JWK thumbprint"))
    };
    Some(match applied.effect.as_ref() {
        Some(ProtoEffect::LogOpened(_)) => Effect::LogOpened,
        Some(ProtoEffect::DepartmentRegistered(_)) => Effect::DepartmentRegistered,
        Some(ProtoEffect::SystemRegistered(_)) => Effect::SystemRegistered,
        Some(ProtoEffect::KeyRegistered(key)) => Effect::KeyRegistered(kid(reading, &key.kid)?),
        Some(ProtoEffect::KeyRetired(key)) => Effect::KeyRetired(kid(reading, &key.kid)?),
        Some(ProtoEffect::IssuingRightGranted(_)) => Effect::IssuingRightGranted,
        Some(ProtoEffect::IssuingRightWithdrawn(_)) => Effect::IssuingRightWithdrawn,
        Some(ProtoEffect::CatalogPartEntered(entered)) => {
            Effect::CatalogPartEntered(reading.bytes("applied.part", &entered.part)?)
        }
        Some(ProtoEffect::CatalogReleased(released)) => Effect::CatalogReleased {
            version: released.catalog_version,
            resources: released
                .resources
                .iter()
                .map(|resource| Some((reading.name("applied.resource_id", &resource.resource_id)?, resource.version)))
                .collect::<Option<_>>()?,
        },
        Some(ProtoEffect::CalendarYearEntered(entered)) => {
            Effect::CalendarYearEntered(read_year(reading, "applied.year", entered.year)?)
        }
        Some(ProtoEffect::AnswerTermsSet(_)) => Effect::AnswerTermsSet,
        Some(ProtoEffect::AgreementChanged(changed)) => Effect::AgreementChanged {
            agreement_id: reading.name("applied.agreement_id", &changed.agreement_id)?,
            version: changed.version,
            state: state_from_number(changed.state).or_else(|| reading.fail("applied.state", "is not a state"))?,
        },
        None => return reading.fail("applied.effect", "is empty"),
    })
}
