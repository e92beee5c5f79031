//! What is measured: departments, one resource of 12 fields, records of 1 KiB, agreements about 8 of the fields.
//!
//! Everything is synthetic. Nothing here touches a disk or a network; the programs in `benches/` measure with the same city.

mod record;
mod rules;

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::{
        agreement::{AgreementState, AgreementText, LookupKind},
        catalog::CatalogPart,
        directory::Capability,
        id::{AgreementId, Commitment, Digest, FieldCode, KeyId, Pseudonym, RequestId, SystemId},
        identifier::Uscc,
        outcome::Effect,
        record::{RecordStatus, Validity},
        statement::{AgreementConsent, Header, Publication, PublishedRecord, Query, RuleChange, Statement},
        time::Time,
    },
    sign::{
        Random as _, Signer as _, SigningKey, SystemRandomness,
        commitment::{Opening, Scheme},
        dsse, sha256,
    },
    wire,
};

use self::record::{FIELDS, RELEASED, holder, licence_id};
pub use self::record::{Record, resource};

/// The hub's domain.
pub const HUB: &str = "hub.example";
/// The systems' trust domain.
pub const TRUST_DOMAIN: &str = "gov.example";
/// The administrator's credit code.
pub const ADMINISTRATOR: &str = "11100000000013338W";
const PROVIDER: &str = "11330105002500287C";
const CONSUMER: &str = "11430000006122244L";
/// The neighbour's, without its check characters.
const NEIGHBOUR: &str = "1143000000612232";
const RESOURCE: &str = "samr.business-licence";
/// The agreements of the two consumers.
const AGREEMENTS: [&str; 2] = ["a1", "a2"];
/// The purpose that the agreements allow.
pub const PURPOSE: &str = "housing-check";

/// Who signs.
pub struct Actor {
    /// The system.
    pub system: SystemId,
    /// The key that it signs with.
    pub key: SigningKey,
}

impl Actor {
    /// A department's system with a key of its own.
    ///
    /// # Errors
    /// When a name is none.
    pub fn new(department: &str, system: &str, key: SigningKey) -> anyhow::Result<Self> {
        Ok(Self { system: SystemId::new(&TRUST_DOMAIN.parse()?, &department.parse()?, system)?, key })
    }

    /// An envelope of a statement of this actor.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(&self, statement: &Statement) -> anyhow::Result<dsse::Envelope> {
        let (payload_type, payload) = wire::encode_statement(statement);
        Ok(dsse::Envelope::sign(&self.key, &payload_type, payload)?)
    }

    /// The header of a new statement.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn header(&self, now: Time) -> anyhow::Result<Header> {
        let mut fresh = [0; 10];
        SystemRandomness::new().fill(&mut fresh)?;
        Ok(Header {
            request_id: RequestId::version_7(now.as_millis(), fresh),
            issued_at: now,
            actor: self.system.clone(),
            hub: HUB.parse()?,
        })
    }

    fn kid(&self) -> KeyId {
        KeyId(*self.key.verifying_key().thumbprint())
    }
}

/// The departments.
pub struct City {
    /// Makes the rules.
    pub administrator: Actor,
    /// Publishes.
    pub provider: Actor,
    /// Asks.
    pub consumer: Actor,
    /// Another one that asks, under an agreement of its own.
    pub neighbour: Actor,
}

/// A statement about the rules, who makes it, and what it brings about.
pub struct Act<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// What.
    pub statement: Statement,
    /// What it brings about.
    pub effect: Effect,
}

impl City {
    /// The city of this administrator.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(administrator: Actor) -> anyhow::Result<Self> {
        let generate = || SigningKey::generate(&SystemRandomness::new());
        Ok(Self {
            administrator,
            provider: Actor::new(PROVIDER, "registry", generate()?)?,
            consumer: Actor::new(CONSUMER, "counter", generate()?)?,
            neighbour: Actor::new(Uscc::complete(NEIGHBOUR)?.as_str(), "desk", generate()?)?,
        })
    }

    /// All that makes queries possible, in order.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn founding(&self, now: Time) -> anyhow::Result<Vec<Act<'_>>> {
        let mut acts = self.registrations(now)?;
        acts.extend(self.catalog(now)?);
        for (consumer, id) in [&self.consumer, &self.neighbour].into_iter().zip(AGREEMENTS) {
            acts.extend(self.agreement(consumer, id, now)?);
        }
        Ok(acts)
    }

    fn registrations(&self, now: Time) -> anyhow::Result<Vec<Act<'_>>> {
        let mut acts = Vec::new();
        for (actor, name, capabilities) in [
            (&self.provider, "样例市市场监督管理局", [Capability::Publish, Capability::SignAgreements]),
            (&self.consumer, "样例市住房和城乡建设局", [Capability::Query, Capability::SignAgreements]),
            (&self.neighbour, "样例市公积金管理中心", [Capability::Query, Capability::SignAgreements]),
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

    fn agreement<'a>(&'a self, consumer: &'a Actor, id: &str, now: Time) -> anyhow::Result<[Act<'a>; 3]> {
        let text = agreement_text(*consumer.system.department(), id, now)?;
        let serialized = wire::encode_agreement_text(&text);
        let digest = Digest(sha256(&serialized));
        let signed =
            |actor: &Actor| actor.key.sign(&dsse::pae(&dsse::payload_type(wire::AGREEMENT_TEXT_KIND), &serialized));
        let consent = |actor| {
            let signature = signed(actor)?;
            anyhow::Ok(AgreementConsent { agreement_id: id.parse()?, version: 1, digest, signature })
        };
        let proposal = RuleChange::AgreementProposal {
            text: Box::new(text),
            serialized: serialized.clone().into(),
            digest,
            signature: signed(consumer)?,
        };
        let acceptance = RuleChange::AgreementAcceptance(consent(&self.provider)?);
        let activation = RuleChange::AgreementActivation(consent(&self.administrator)?);
        let agreement_id: AgreementId = id.parse()?;
        let changed = |state| Effect::AgreementChanged { agreement_id: agreement_id.clone(), version: 1, state };
        Ok([
            act(consumer, proposal, changed(AgreementState::Proposed), now)?,
            act(&self.provider, acceptance, changed(AgreementState::Accepted), now)?,
            act(&self.administrator, activation, changed(AgreementState::Active), now)?,
        ])
    }

    /// The publication of these records, with the body of each.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn publication(&self, numbers: std::ops::Range<u32>, now: Time) -> anyhow::Result<(Statement, Vec<Body>)> {
        let (mut records, mut bodies) = (Vec::new(), Vec::new());
        for number in numbers {
            let record = Record::signed(&self.provider, number, now)?;
            let jwt = record.sd_jwt.split('~').next().unwrap_or_default();
            records.push(PublishedRecord {
                handle: record.handle,
                version: 1,
                jwt_sha256: Digest(sha256(jwt.as_bytes())),
                source_digest: Digest([1; 32]),
                validity: Validity::default(),
                status: RecordStatus::Active,
                replaces: None,
                copy: None,
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

    /// A query of the consumer for the agreed fields of one record: of every other one by its holder, of the rest by its own identifier.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn query(&self, number: u32, now: Time) -> anyhow::Result<(Statement, Vec<Opening>)> {
        Self::query_of(&self.consumer, number, now)
    }

    /// The same, of any department that has an agreement.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn query_of(consumer: &Actor, number: u32, now: Time) -> anyhow::Result<(Statement, Vec<Opening>)> {
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
        Ok((Statement::Query(consumer.header(now)?, query), vec![case, opening]))
    }
}

/// A record's SD-JWT and its record salt.
pub type Body = (String, [u8; 32]);

/// The fields that each agreement gives.
///
/// # Errors
/// When a code is none, which a test would notice.
pub fn released() -> anyhow::Result<BTreeSet<FieldCode>> {
    Ok(FIELDS.iter().take(RELEASED).map(|code| code.parse()).collect::<Result<_, _>>()?)
}

fn act(actor: &Actor, change: RuleChange, effect: Effect, now: Time) -> anyhow::Result<Act<'_>> {
    Ok(Act { actor, statement: Statement::Rule(actor.header(now)?, change), effect })
}

/// The text of an agreement of a consumer.
///
/// # Errors
/// When the id is none.
pub fn agreement_text(consumer: Uscc, id: &str, now: Time) -> anyhow::Result<AgreementText> {
    Ok(AgreementText {
        hub: HUB.parse()?,
        agreement_id: id.parse()?,
        version: 1,
        previous_digest: None,
        consumer,
        provider: PROVIDER.parse()?,
        resource_id: RESOURCE.parse()?,
        fields: released()?,
        purposes: [PURPOSE.parse()?].into(),
        matters: BTreeSet::new(),
        lookups: [LookupKind::Record, LookupKind::Holder].into(),
        valid_from: now.plus_seconds(-60),
        valid_until: now.plus_seconds(86_400),
        // More than are asked in a run of hours.
        daily_limit: 1_000_000_000,
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
