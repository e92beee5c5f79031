//! Verifying e-seals for registered systems, with what is published here of each.

use serde_json::Value;

use super::{Error, Hub, projection::canonical, publishing::split_body, snapshot::Snapshot};
use crate::{
    domain::{
        catalog::{FieldType, Resource},
        id::{ResourceId, SystemId},
        record::{RecordHead, RecordStatus},
        time::Moment,
    },
    seal::{self, HubStatus, SealFacts, Verification, sealed_value},
    sign::sd_jwt::SdJwt,
};

/// A verification, and of each part what is published here of its seal.
#[derive(Debug)]
pub struct SealAnswer {
    /// What was checked.
    pub verification: Verification,
    /// For each part of it.
    pub published: Vec<PublishedSeal>,
}

/// What is published here of a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedSeal {
    /// Its status.
    pub status: HubStatus,
    /// Where a seal of its identifier is published: the resource, and the entry that made its record current.
    pub place: Option<(ResourceId, u64)>,
}

impl Hub {
    /// Verifies a seal, a signature or a document under the trust anchors of this hub. Blocks, for up to some seconds where a document
    /// is large.
    ///
    /// # Errors
    /// When the peer is not registered, or a store fails. What is wrong with what is verified is no error.
    pub fn verify_seal(&self, peer: &SystemId, bytes: &[u8]) -> Result<SealAnswer, Error> {
        let snapshot = self.known_peer(peer)?;
        let now = Moment::new(self.clock.now().max(snapshot.time));
        let mut verification = seal::verify(bytes, &self.seal_trust, &now);
        let mut published = Vec::with_capacity(verification.parts.len());
        for part in &mut verification.parts {
            let found = match &part.seal {
                Some(facts) => self.published_seal(&snapshot, facts, &now)?,
                None => PublishedSeal { status: HubStatus::NotPublished, place: None },
            };
            if part.seal.is_some() {
                part.add_hub_status(verification.kind, found.status);
            }
            published.push(found);
        }
        Ok(SealAnswer { verification, published })
    }

    /// What is published of a seal, by its identifier, in any resource of seals. Where it is published twice, what is worst for it counts:
    /// nobody can bring a revoked seal back by publishing it too.
    fn published_seal(&self, snapshot: &Snapshot, facts: &SealFacts, now: &Moment) -> Result<PublishedSeal, Error> {
        let mut worst = PublishedSeal { status: HubStatus::NotPublished, place: None };
        for resource in snapshot.rules.catalog.resources.values().filter_map(|versions| versions.last()) {
            if !resource.fields.iter().any(|field| field.field_type == FieldType::Seal) {
                continue;
            }
            let Some(head) = self.record_of(resource, &facts.id)? else { continue };
            let offset = snapshot.rules.policy.civil_day_offset_seconds;
            let status = match self.value_of(resource, &head)? {
                Some(bytes) if bytes == facts.bytes => HubStatus::Published(head.status_at(now, offset)),
                _ => HubStatus::Another,
            };
            if gravity(status) > gravity(worst.status) {
                worst = PublishedSeal { status, place: Some((resource.resource_id.clone(), head.publication_index)) };
            }
        }
        Ok(worst)
    }

    fn record_of(&self, resource: &Resource, id: &str) -> Result<Option<RecordHead>, Error> {
        let Some(id) = canonical(resource, resource.record_id_field.as_str(), id) else { return Ok(None) };
        let Some(handle) = self.projections.by_record_key(&self.terms.record_key(&resource.resource_id, &id))? else {
            return Ok(None);
        };
        Ok(self.projections.record(&handle)?.map(|row| row.head))
    }

    /// The seal in a record's body.
    fn value_of(&self, resource: &Resource, head: &RecordHead) -> Result<Option<Vec<u8>>, Error> {
        let damaged = || Error::Inconsistent(format!("the body of record {} is missing or unreadable", head.handle));
        let body = self.bodies.get(&head.jwt_sha256)?.ok_or_else(damaged)?;
        let (_, text) = split_body(&body).ok_or_else(damaged)?;
        let fields: Vec<(String, Value)> =
            SdJwt::parse(text).and_then(|sd_jwt| sd_jwt.values()).map_err(|_| damaged())?;
        Ok(sealed_value(resource, &fields))
    }
}

/// How bad it is for a seal.
fn gravity(status: HubStatus) -> u8 {
    match status {
        HubStatus::NotPublished => 0,
        HubStatus::Another => 1,
        HubStatus::Published(RecordStatus::Active) => 2,
        HubStatus::Published(RecordStatus::Suspended) => 3,
        HubStatus::Published(RecordStatus::Expired | RecordStatus::Superseded) => 4,
        HubStatus::Published(RecordStatus::Revoked) => 5,
    }
}
