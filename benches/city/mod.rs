//! What is measured: three departments, one resource of 12 fields, records of 1 KiB, an agreement about 8 of the fields.
//!
//! Everything is synthetic. Nothing here touches a disk or a network.

#![allow(dead_code, reason = "programs share it, each of which uses a part")]

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Context as _;
use hutong::{
    domain::{
        agreement::{AgreementState, AgreementText, LookupKind},
        catalog::{CatalogPart, Field, FieldType, Metadata, Resource, ResourceKind, SharingClass, UpdateCycle},
        directory::Capability,
        id::{Commitment, Digest, FieldCode, Handle, KeyId, Pseudonym, RequestId, SystemId},
        identifier::{LicenceId, Uscc},
        outcome::Effect,
        record::{RecordStatus, Validity},
        statement::{AgreementConsent, Header, Publication, PublishedRecord, Query, RuleChange, Statement},
        time::Time,
    },
    sign::{
        Random as _, Secret, Signer as _, SigningKey, SystemRandomness,
        commitment::{Opening, Scheme, record_handle, record_salt},
        dsse, sd_jwt, sha256,
    },
    wire,
};
use serde_json::Value;

/// The hub's domain.
pub(crate) const HUB: &str = "hub.example";
/// The systems' trust domain.
pub(crate) const TRUST_DOMAIN: &str = "gov.example";
/// The administrator's credit code.
pub(crate) const ADMINISTRATOR: &str = "11100000000013338W";
const PROVIDER: &str = "11330105002500287C";
const CONSUMER: &str = "11430000006122244L";
const RESOURCE: &str = "samr.business-licence";
const AGREEMENT: &str = "a1";
/// The purpose that the agreement allows.
pub(crate) const PURPOSE: &str = "housing-check";

/// The fields of the resource: two identifiers and ten texts.
const FIELDS: [&str; 12] = [
    "ZZBS", "CZZTDM", "CZZT", "KZ_LX", "KZ_DZ", "KZ_FDDBR", "KZ_ZCZB", "KZ_CLRQ", "KZ_JYFW", "KZ_DJJG", "KZ_DJZT",
    "KZ_BZ",
];
/// How many of them the agreement gives.
const RELEASED: usize = 8;
/// Bytes of a record's values together.
const RECORD_BYTES: usize = 1024;

/// Who signs.
pub(crate) struct Actor {
    pub(crate) system: SystemId,
    pub(crate) key: SigningKey,
}

impl Actor {
    /// A department's system with a key of its own.
    pub(crate) fn new(department: &str, system: &str, key: SigningKey) -> anyhow::Result<Self> {
        Ok(Self { system: SystemId::new(&TRUST_DOMAIN.parse()?, &department.parse()?, system)?, key })
    }

    /// An envelope of a statement of this actor.
    pub(crate) fn sign(&self, statement: &Statement) -> anyhow::Result<dsse::Envelope> {
        let (payload_type, payload) = wire::encode_statement(statement);
        Ok(dsse::Envelope::sign(&self.key, &payload_type, payload)?)
    }

    /// The header of a new statement.
    pub(crate) fn header(&self, now: Time) -> anyhow::Result<Header> {
        let mut request_id = [0; 16];
        SystemRandomness::new().fill(&mut request_id)?;
        Ok(Header { request_id: RequestId(request_id), issued_at: now, actor: self.system.clone(), hub: HUB.parse()? })
    }

    fn kid(&self) -> KeyId {
        KeyId(*self.key.verifying_key().thumbprint())
    }
}

/// The three departments.
pub(crate) struct City {
    pub(crate) administrator: Actor,
    pub(crate) provider: Actor,
    pub(crate) consumer: Actor,
}

/// A statement about the rules, who makes it, and what it brings about.
pub(crate) struct Act<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) statement: Statement,
    pub(crate) effect: Effect,
}

impl City {
    /// The city of this administrator.
    pub(crate) fn new(administrator: Actor) -> anyhow::Result<Self> {
        let generate = || SigningKey::generate(&SystemRandomness::new());
        Ok(Self {
            administrator,
            provider: Actor::new(PROVIDER, "registry", generate()?)?,
            consumer: Actor::new(CONSUMER, "counter", generate()?)?,
        })
    }

    /// All that makes queries possible, in order.
    pub(crate) fn founding(&self, now: Time) -> anyhow::Result<Vec<Act<'_>>> {
        let mut acts = self.registrations(now)?;
        acts.extend(self.catalog(now)?);
        acts.extend(self.agreement(now)?);
        Ok(acts)
    }

    fn registrations(&self, now: Time) -> anyhow::Result<Vec<Act<'_>>> {
        let mut acts = Vec::new();
        for (actor, name, capabilities) in [
            (&self.provider, "样例市市场监督管理局", [Capability::Publish, Capability::SignAgreements]),
            (&self.consumer, "样例市住房和城乡建设局", [Capability::Query, Capability::SignAgreements]),
        ] {
            let system = actor.system.clone();
            let (uscc, name) = (*system.department(), name.to_owned());
            let request = wire::KeyRequest::sign(&actor.key, &HUB.parse()?, &system)?;
            for (change, effect) in [
                (RuleChange::RegisterDepartment { uscc, name }, Effect::DepartmentRegistered),
                (
                    RuleChange::RegisterSystem { system: system.clone(), capabilities: capabilities.into() },
                    Effect::SystemRegistered,
                ),
                (request.into_change(), Effect::KeyRegistered(actor.kid())),
            ] {
                acts.push(act(&self.administrator, change, effect, now)?);
            }
        }
        Ok(acts)
    }

    fn catalog(&self, now: Time) -> anyhow::Result<[Act<'_>; 2]> {
        let entered = |part| RuleChange::CatalogPart {
            part,
            content: CatalogPart {
                resources: resource().map(|found| vec![Arc::new(found)]).unwrap_or_default(),
                ..CatalogPart::default()
            },
        };
        let header = self.administrator.header(now)?;
        // A part is named by the hash of the statement that enters it, in which its name does not stand.
        let (_, payload) = wire::encode_statement(&Statement::Rule(header.clone(), entered(Digest([0; 32]))));
        let part = Digest(sha256(&payload));
        let release = RuleChange::CatalogRelease { base_version: 0, parts: vec![part], allow_breaking: true };
        let released = Effect::CatalogReleased { version: 1, resources: vec![(RESOURCE.parse()?, 1)] };
        Ok([
            Act {
                actor: &self.administrator,
                statement: Statement::Rule(header, entered(part)),
                effect: Effect::CatalogPartEntered(part),
            },
            act(&self.administrator, release, released, now)?,
        ])
    }

    fn agreement(&self, now: Time) -> anyhow::Result<[Act<'_>; 3]> {
        let text = agreement_text(now)?;
        let serialized = wire::encode_agreement_text(&text);
        let digest = Digest(sha256(&serialized));
        let signed =
            |actor: &Actor| actor.key.sign(&dsse::pae(&dsse::payload_type(wire::AGREEMENT_TEXT_KIND), &serialized));
        let consent = |actor| {
            let signature = signed(actor)?;
            anyhow::Ok(AgreementConsent { agreement_id: AGREEMENT.parse()?, version: 1, digest, signature })
        };
        let proposal = RuleChange::AgreementProposal {
            text: Box::new(text),
            serialized: serialized.clone().into(),
            digest,
            signature: signed(&self.consumer)?,
        };
        let acceptance = RuleChange::AgreementAcceptance(consent(&self.provider)?);
        let activation = RuleChange::AgreementActivation(consent(&self.administrator)?);
        let agreement_id: hutong::domain::id::AgreementId = AGREEMENT.parse()?;
        let changed = |state| Effect::AgreementChanged { agreement_id: agreement_id.clone(), version: 1, state };
        Ok([
            act(&self.consumer, proposal, changed(AgreementState::Proposed), now)?,
            act(&self.provider, acceptance, changed(AgreementState::Accepted), now)?,
            act(&self.administrator, activation, changed(AgreementState::Active), now)?,
        ])
    }

    /// The publication of these records, with the body of each.
    pub(crate) fn publication(
        &self,
        numbers: std::ops::Range<u32>,
        now: Time,
    ) -> anyhow::Result<(Statement, Vec<Body>)> {
        let (mut records, mut bodies) = (Vec::new(), Vec::new());
        for number in numbers {
            let record = self.record(number, now)?;
            let jwt = record.sd_jwt.split('~').next().unwrap_or_default();
            records.push(PublishedRecord {
                handle: record.handle,
                version: 1,
                jwt_sha256: Digest(sha256(jwt.as_bytes())),
                source_digest: Digest([1; 32]),
                validity: Validity::default(),
                status: RecordStatus::Active,
                replaces: None,
            });
            bodies.push((record.sd_jwt, record.salt));
        }
        let publication = Publication {
            resource_id: RESOURCE.parse()?,
            resource_version: 1,
            records,
            issuer_key: self.provider.kid(),
        };
        Ok((Statement::Publication(self.provider.header(now)?, publication), bodies))
    }

    /// A record, signed.
    pub(crate) fn record(&self, number: u32, now: Time) -> anyhow::Result<Record> {
        let fields = fields(number)?;
        let id = licence_id(number)?;
        let salt = record_salt(&Secret::from_bytes(&[5; 32]), RESOURCE, &id)?;
        let handle = record_handle(&salt, RESOURCE, &id)?;
        let claims = sd_jwt::RecordClaims {
            iss: PROVIDER.to_owned(),
            vct: resource()?.vct(1),
            jti: handle,
            ver: 1,
            iat: now.as_seconds(),
        };
        let sd_jwt = sd_jwt::issue(&self.provider.key, &SystemRandomness::new(), &claims, &fields)?;
        Ok(Record { handle: Handle(handle), sd_jwt, salt })
    }

    /// A query for the agreed fields of one record: of every other one by its holder, of the rest by its own identifier.
    pub(crate) fn query(&self, number: u32, now: Time) -> anyhow::Result<(Statement, Vec<Opening>)> {
        let random = SystemRandomness::new();
        let case = Opening::new(&random, Scheme::Case, "办件-2026-000123")?;
        let (lookup, opening) = if number.is_multiple_of(2) {
            (LookupKind::Record, Opening::new(&random, Scheme::LicenceId, &licence_id(number)?)?)
        } else {
            (LookupKind::Holder, Opening::new(&random, Scheme::Uscc, &holder(number)?)?)
        };
        let query = Query {
            resource_id: RESOURCE.parse()?,
            purpose: PURPOSE.parse()?,
            matter: "000117001000".parse()?,
            case_commitment: Commitment(case.commitment()),
            operator_pseudonym: Pseudonym([1; 32]),
            agreement_id: None,
            fields: released()?,
            lookup,
            commitments: vec![Commitment(opening.commitment())],
        };
        Ok((Statement::Query(self.consumer.header(now)?, query), vec![case, opening]))
    }
}

/// A record's SD-JWT and its record salt.
pub(crate) type Body = (String, [u8; 32]);

/// A signed record.
pub(crate) struct Record {
    handle: Handle,
    pub(crate) sd_jwt: String,
    salt: [u8; 32],
}

/// The fields that the agreement gives.
pub(crate) fn released() -> anyhow::Result<BTreeSet<FieldCode>> {
    Ok(FIELDS.iter().take(RELEASED).map(|code| code.parse()).collect::<Result<_, _>>()?)
}

fn act(actor: &Actor, change: RuleChange, effect: Effect, now: Time) -> anyhow::Result<Act<'_>> {
    Ok(Act { actor, statement: Statement::Rule(actor.header(now)?, change), effect })
}

/// The text of the agreement.
pub(crate) fn agreement_text(now: Time) -> anyhow::Result<AgreementText> {
    Ok(AgreementText {
        hub: HUB.parse()?,
        agreement_id: AGREEMENT.parse()?,
        version: 1,
        previous_digest: None,
        consumer: CONSUMER.parse()?,
        provider: PROVIDER.parse()?,
        resource_id: RESOURCE.parse()?,
        fields: released()?,
        purposes: [PURPOSE.parse()?].into(),
        matters: BTreeSet::new(),
        lookups: [LookupKind::Record, LookupKind::Holder].into(),
        valid_from: now.plus_seconds(-60),
        valid_until: now.plus_seconds(86_400),
        daily_limit: 10_000_000,
        batch_limit: 16,
        legal_basis: None,
        scenario: None,
        condition: None,
        minute_limit: None,
        networks: BTreeSet::new(),
        retention_days: None,
        scope: None,
    })
}

/// The values of a record: identifiers, and texts that fill it up to its size.
fn fields(number: u32) -> anyhow::Result<Vec<(String, Value)>> {
    let [id, holder, texts @ ..] = FIELDS.map(str::to_owned);
    let mut fields = vec![(id, licence_id(number)?), (holder, self::holder(number)?)];
    let taken: usize = fields.iter().map(|(_, value)| value.len()).sum();
    let mut left = RECORD_BYTES.checked_sub(taken).context("the identifiers are longer than the record")?;
    for (code, texts_left) in texts.into_iter().zip((1..=FIELDS.len() - 2).rev()) {
        let length = left / texts_left;
        left -= length;
        // As many Chinese characters as fit, of three bytes each.
        fields.push((code, format!("{}{}", "样".repeat(length / 3), "0".repeat(length % 3))));
    }
    Ok(fields.into_iter().map(|(code, value)| (code, Value::String(value))).collect())
}

fn licence_id(number: u32) -> anyhow::Result<String> {
    let id = LicenceId::complete("11100000000013338W001", PROVIDER, &format!("{number:011}"), "001");
    Ok(id?.as_str().to_owned())
}

fn holder(number: u32) -> anyhow::Result<String> {
    Ok(Uscc::complete(&format!("91330105{number:08}"))?.as_str().to_owned())
}

/// The resource.
pub(crate) fn resource() -> anyhow::Result<Resource> {
    let field = |code: &str| {
        anyhow::Ok(Field {
            code: code.parse()?,
            name: format!("信息项 {code}"),
            name_en: String::new(),
            field_type: match code {
                "ZZBS" => FieldType::LicenceId,
                "CZZTDM" => FieldType::Uscc,
                _ => FieldType::Text { max_length: 200 },
            },
            required: true,
            sharing_class: SharingClass::Unconditional,
            repeated: false,
            sensitive: false,
            open_to_society: false,
            value_range: String::new(),
            derivation: None,
        })
    };
    Ok(Resource {
        resource_id: RESOURCE.parse()?,
        name: "营业执照".to_owned(),
        name_en: "Business licence".to_owned(),
        provider: PROVIDER.parse()?,
        kind: ResourceKind::Licence,
        national_code: String::new(),
        summary: String::new(),
        sharing_class: SharingClass::Unconditional,
        sharing_condition: String::new(),
        denial_basis: String::new(),
        metadata: Metadata::default(),
        update_cycle: UpdateCycle::Daily,
        fields: FIELDS.into_iter().map(field).collect::<Result<_, _>>()?,
        record_id_field: "ZZBS".parse()?,
        holder_field: "CZZTDM".parse()?,
        valid_from_field: None,
        valid_until_field: None,
        holder_type_field: None,
        replaces_field: None,
    })
}
