//! Making statements: what a system signs before it says it.

use std::fmt;

use super::Error;
use crate::{
    domain::{
        id::{Commitment, Digest, DomainName, RequestId, SystemId},
        statement::{AgreementConsent, Header, Statement},
        time::Time,
    },
    sign::{
        Random, Signer, SigningKey,
        commitment::{Opening, Scheme},
        dsse::{self, Envelope},
    },
    wire,
};

/// Whoever signs statements: a system, its key, and the hub that they are meant for.
pub struct Author<'a> {
    /// The system.
    pub system: &'a SystemId,
    /// The hub's domain.
    pub hub: &'a DomainName,
    /// The system's key.
    pub key: &'a SigningKey,
}

/// A signed statement, ready to be written down and sent.
#[derive(Clone)]
pub struct Signed {
    /// The request's id, unique per actor for the log's life.
    pub request_id: RequestId,
    /// When it was signed.
    pub issued_at: Time,
    /// The statement and its signature.
    pub envelope: Envelope,
    /// What opens its commitments, in their order.
    pub openings: Vec<Opening>,
}

impl Author<'_> {
    /// Signs the statement that `statement` makes of a fresh header.
    ///
    /// # Errors
    /// [`Error::Sign`] when there is no randomness or the key does not sign.
    pub fn sign(
        &self,
        random: &dyn Random,
        now: Time,
        openings: Vec<Opening>,
        statement: impl FnOnce(Header) -> Statement,
    ) -> Result<Signed, Error> {
        let mut fresh = [0; 10];
        random.fill(&mut fresh)?;
        let request_id = RequestId::version_7(now.as_millis(), fresh);
        let header = Header { request_id, issued_at: now, actor: self.system.clone(), hub: self.hub.clone() };
        let (payload_type, payload) = wire::encode_statement(&statement(header));
        let envelope = Envelope::sign(self.key, &payload_type, payload)?;
        Ok(Signed { request_id, issued_at: now, envelope, openings })
    }

    /// Signs an agreement's text, which every party signs alike: the signature of a proposal, acceptance or activation.
    ///
    /// # Errors
    /// [`Error::Sign`].
    pub fn sign_text(&self, serialized: &[u8]) -> Result<Vec<u8>, Error> {
        let payload_type = dsse::payload_type(wire::AGREEMENT_TEXT_KIND);
        Ok(self.key.sign(&dsse::pae(&payload_type, serialized))?)
    }

    /// The consent to a version of an agreement.
    ///
    /// # Errors
    /// [`Error::Sign`].
    pub fn consent(&self, version: &crate::domain::agreement::AgreementVersion) -> Result<AgreementConsent, Error> {
        Ok(AgreementConsent {
            agreement_id: version.text.agreement_id.clone(),
            version: version.text.version,
            digest: Digest(crate::sign::sha256(&version.serialized)),
            signature: self.sign_text(&version.serialized)?,
        })
    }
}

impl Signed {
    /// The kind of statement, such as `query`.
    #[must_use]
    pub fn kind(&self) -> &str {
        let kind = self.envelope.payload_type.strip_prefix("application/vnd.hutong.");
        kind.and_then(|rest| rest.strip_suffix(".v1+protobuf")).unwrap_or(&self.envelope.payload_type)
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} {})", self.kind(), self.request_id)
    }
}

/// Commits to an optional free text; an empty one is none.
///
/// # Errors
/// [`Error::Sign`] for a text above the bound of openings.
pub fn commit_text(random: &dyn Random, text: Option<&str>) -> Result<Option<(Commitment, Opening)>, Error> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let opening = Opening::new(random, Scheme::Text, text)?;
    Ok(Some((Commitment(opening.commitment()), opening)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{
        client::fixture,
        domain::statement::RuleChange,
        sign::{SystemRandomness, Verifier as _},
    };

    #[test]
    fn a_signed_statement_reads_back_as_it_was_meant() {
        let key = fixture::consumer_key();
        let (system, hub) = (fixture::consumer_system(), fixture::hub());
        let author = Author { system: &system, hub: &hub, key: &key };
        let now = Time::from_millis(1_790_000_000_123).unwrap();
        let change = RuleChange::AgreementResumption { agreement_id: "housing-2026".parse().unwrap() };
        let signed = author
            .sign(&SystemRandomness::new(), now, Vec::new(), |header| Statement::Rule(header, change.clone()))
            .unwrap();
        assert_eq!(signed.kind(), "agreement-resumption");
        let payload = signed.envelope.verify_sole(key.verifying_key()).unwrap();
        let read = wire::read_statement(&signed.envelope.payload_type, payload).unwrap();
        let header = Header { request_id: signed.request_id, issued_at: now, actor: system.clone(), hub: hub.clone() };
        assert_eq!(read, Statement::Rule(header, change.clone()));

        let again =
            author.sign(&SystemRandomness::new(), now, Vec::new(), |header| Statement::Rule(header, change)).unwrap();
        assert_ne!(again.request_id, signed.request_id, "every statement has an id of its own");
    }

    #[test]
    fn a_consent_signs_the_text_itself() {
        let key = fixture::consumer_key();
        let (system, hub) = (fixture::consumer_system(), fixture::hub());
        let author = Author { system: &system, hub: &hub, key: &key };
        let version = fixture::agreement_version();
        let consent = author.consent(&version).unwrap();
        assert_eq!(consent.digest, version.digest);
        let pae = dsse::pae("application/vnd.hutong.agreement-text.v1+protobuf", &version.serialized);
        key.verifying_key().verify(&pae, &consent.signature).unwrap();
    }

    #[test]
    fn an_empty_text_is_not_committed_to() {
        let random = SystemRandomness::new();
        assert!(commit_text(&random, Some("  ")).unwrap().is_none());
        let (commitment, opening) = commit_text(&random, Some(" 办理公积金 ")).unwrap().unwrap();
        opening.verify(&commitment.0).unwrap();
        assert_eq!(opening.value(), "办理公积金");
    }
}
