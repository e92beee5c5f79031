//! What stands before a decision: whose statement it is, and whether that is true.
//!
//! Only a statement that reads, is signed by a key registered for its actor, and comes over its actor's own connection gets
//! an outcome, and with it an entry. Anything less is turned away without one.

use std::sync::Arc;

use crate::{
    domain::{
        decide::Standing,
        id::{Commitment, Digest, KeyId, SystemId},
        outcome::Outcome,
        statement::{Header, Statement},
        time::Moment,
    },
    sign::{
        commitment::{Opening, Scheme},
        dsse, sha256,
    },
    store::{LogReader, Projections},
    wire,
};

use super::{
    Error, Hub,
    projection::Ground,
    receipt::Receipt,
    sequencer::{Basis, Draft},
    snapshot::Snapshot,
};

/// A statement whose signature has been verified.
pub(super) struct Verified {
    envelope: dsse::Envelope,
    pub(super) payload_sha256: Digest,
    pub(super) statement: Arc<Statement>,
    pub(super) header: Header,
    pub(super) kid: KeyId,
    pub(super) openings: Vec<Opening>,
}

impl Verified {
    /// Verifies a statement that came over a peer's connection.
    pub(super) fn new(
        snapshot: &Snapshot,
        peer: &SystemId,
        envelope: dsse::Envelope,
        statement: Statement,
        openings: Vec<Opening>,
    ) -> Result<Self, Error> {
        let Some(header) = statement.header().cloned() else {
            return Err(Error::WrongKind { expected: "a statement of an actor; genesis is the hub's" });
        };
        // The call's own span, where there is one.
        tracing::Span::current().record("request_id", tracing::field::display(header.request_id));
        if !snapshot.rules.directory.systems.contains_key(peer) {
            return Err(Error::UnknownSystem(peer.clone()));
        }
        if header.actor != *peer {
            return Err(Error::ForeignActor { actor: header.actor, peer: peer.clone() });
        }
        if header.hub != snapshot.rules.hub {
            return Err(Error::ForeignHub { stated: header.hub.to_string(), hub: snapshot.rules.hub.to_string() });
        }
        let kid = verify_signature(snapshot, &envelope, &header.actor)?;
        let payload_sha256 = Digest(sha256(&envelope.payload));
        Ok(Self { envelope, payload_sha256, statement: Arc::new(statement), header, kid, openings })
    }

    /// The entry that answered this request before, if one did.
    pub(super) fn earlier(&self, projections: &dyn Projections, reader: &dyn LogReader) -> Result<Earlier, Error> {
        match projections.request(&self.header.actor, &self.header.request_id)? {
            None => Ok(Earlier::None),
            Some(row) if row.payload_sha256 == self.payload_sha256 => {
                Ok(Earlier::Same(Box::new(Receipt::of_index(reader, row.index)?)))
            }
            Some(_) => Ok(Earlier::Other),
        }
    }

    /// How the statement stands, for the decision.
    pub(super) fn standing(&self, request_id_reused: bool, expected: &[Expected]) -> Standing {
        Standing { kid: self.kid, request_id_reused, openings_match: opens(expected, &self.openings) }
    }

    /// The draft of a decision. The openings of a refused statement are kept too, since they say who was asked about; but
    /// those that open nothing are nobody's evidence, and would let a caller fill the disk.
    pub(super) fn draft(&self, outcome: Outcome, standing: Standing, as_of: u64, now: &Moment) -> Draft {
        let request = Ground::request(&self.header.actor, &self.header.request_id);
        let kept = if standing.openings_match { self.openings.as_slice() } else { &[] };
        let openings = kept.iter().map(wire::encode_opening).collect();
        Draft {
            entry: wire::UntimedEntry::new(Some(&self.envelope), &outcome),
            payload_sha256: self.payload_sha256,
            statement: Arc::clone(&self.statement),
            outcome,
            basis: Basis {
                as_of,
                decided_at: now.now(),
                stands_until: now.stands_until(),
                grounds: vec![request],
                access: None,
            },
            terms: Vec::new(),
            openings,
        }
    }
}

/// Whether a request was answered before.
pub(super) enum Earlier {
    /// No.
    None,
    /// Yes, for these very bytes.
    Same(Box<Receipt>),
    /// Its id was used for other bytes.
    Other,
}

/// An opening that must come with a statement.
pub(super) struct Expected {
    pub(super) commitment: Commitment,
    /// Those that it may have; `None` where they cannot be known, since the statement is about nothing that is known.
    pub(super) schemes: Option<Vec<Scheme>>,
}

fn opens(expected: &[Expected], openings: &[Opening]) -> bool {
    expected.len() == openings.len()
        && expected.iter().zip(openings).all(|(expected, opening)| {
            expected.schemes.as_ref().is_none_or(|schemes| schemes.contains(&opening.scheme()))
                && opening.verify(expected.commitment.as_bytes()).is_ok()
        })
}

fn verify_signature(snapshot: &Snapshot, envelope: &dsse::Envelope, actor: &SystemId) -> Result<KeyId, Error> {
    let [signature] = envelope.signatures.as_slice() else {
        return Err(Error::NotSigned("a statement carries exactly one signature, its actor's"));
    };
    let kid = wire::kid_from_text(&signature.keyid)
        .ok_or(Error::NotSigned("keyid is not a JWK thumbprint: 43 characters of base64url"))?;
    let registered = snapshot.rules.directory.keys.get(&kid).is_some_and(|key| key.system == *actor);
    let Some(key) = snapshot.keys.get(&kid).filter(|_| registered) else {
        return Err(Error::UnknownKey { kid, actor: actor.clone() });
    };
    envelope.verify_sole(key.as_ref()).map_err(|_| Error::Forged(kid))?;
    Ok(kid)
}

impl Hub {
    /// Whether a peer may read at all: it must be registered.
    pub(super) fn known_peer(&self, peer: &SystemId) -> Result<Arc<Snapshot>, Error> {
        let snapshot = self.snapshot();
        if snapshot.rules.directory.systems.contains_key(peer) {
            Ok(snapshot)
        } else {
            Err(Error::UnknownSystem(peer.clone()))
        }
    }
}
