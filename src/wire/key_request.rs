//! What a system hands in to have its key registered: the public key, and the key's own word that the system holds it.
//!
//! Without that word anybody who may register keys could register another's public key as that of a system of its own, and
//! what the other signed would count as this system's.

use prost::Message as _;
use serde::Deserialize;

use super::{URL_SAFE_NO_PAD, proto};
use crate::{
    domain::id::{DomainName, KeyId, SystemId},
    domain::statement::RuleChange,
    sign::{self, Signer as _, SigningKey, Verifier as _, VerifyingKey, dsse},
};
use base64::Engine as _;

/// The kind of the message that a new key signs.
pub const KEY_POSSESSION_KIND: &str = "key-possession";

/// A public key that its system wants registered. Its file is the public JWK with three members more, which readers of plain
/// JWKs ignore: `hutong_hub`, `hutong_system` and `hutong_possession`, the signature in base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequest {
    /// The domain of the hub that it is meant for.
    pub hub: DomainName,
    /// The system that signs with the key.
    pub system: SystemId,
    /// The key.
    pub key: VerifyingKey,
    /// The key's signature over the PAE of [`KEY_POSSESSION_KIND`] and the message that names hub, system and key.
    pub possession: Vec<u8>,
}

/// A key request that does not read.
#[derive(Debug, thiserror::Error)]
pub enum KeyRequestError {
    /// The key itself.
    #[error(transparent)]
    Key(#[from] sign::Error),
    /// A plain public key.
    #[error("{0}: a key request is made by `hutong key new` or `hutong key request`")]
    Members(serde_json::Error),
    /// A name in it.
    #[error("{member} is not well formed")]
    Malformed {
        /// Which.
        member: &'static str,
    },
    /// Somebody else's signature, or one for another hub or system.
    #[error("hutong_possession is not the key's signature over this hub, system and key")]
    Unproven,
}

/// The members beside the JWK's own.
#[derive(Deserialize)]
struct Members {
    hutong_hub: String,
    hutong_system: String,
    hutong_possession: String,
}

impl KeyRequest {
    /// Proves that whoever makes the request holds the key.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(key: &SigningKey, hub: &DomainName, system: &SystemId) -> Result<Self, sign::Error> {
        let public = key.verifying_key().clone();
        let possession = key.sign(&message(hub, system, public.as_bytes()))?;
        Ok(Self { hub: hub.clone(), system: system.clone(), key: public, possession })
    }

    /// Reads a key request, and checks what it proves.
    ///
    /// # Errors
    /// Text that is none, and a proof that does not hold.
    pub fn from_jwk(text: &str) -> Result<Self, KeyRequestError> {
        let key = VerifyingKey::from_jwk(text)?;
        let members: Members = serde_json::from_str(text).map_err(KeyRequestError::Members)?;
        let malformed = |member| KeyRequestError::Malformed { member };
        let request = Self {
            hub: members.hutong_hub.parse().map_err(|_| malformed("hutong_hub"))?,
            system: members.hutong_system.parse().map_err(|_| malformed("hutong_system"))?,
            possession: URL_SAFE_NO_PAD
                .decode(&members.hutong_possession)
                .map_err(|_| malformed("hutong_possession"))?,
            key,
        };
        let proven = proves(&request.hub, &request.system, &request.key, &request.possession);
        if proven { Ok(request) } else { Err(KeyRequestError::Unproven) }
    }

    /// The file, on one line.
    #[must_use]
    pub fn to_jwk(&self) -> String {
        let jwk = self.key.to_jwk();
        let (hub, system, possession) = (&self.hub, &self.system, URL_SAFE_NO_PAD.encode(&self.possession));
        let members = format!(r#""hutong_hub":"{hub}","hutong_system":"{system}","hutong_possession":"{possession}""#);
        format!("{},{members}}}", jwk.trim_end_matches('}'))
    }

    /// The statement that registers the key.
    #[must_use]
    pub fn into_change(self) -> RuleChange {
        RuleChange::RegisterKey {
            system: self.system,
            kid: KeyId(*self.key.thumbprint()),
            public_key: *self.key.as_bytes(),
            possession: self.possession,
        }
    }
}

/// Whether a change of the rules proves that who brings a key in holds it; one that brings in none has nothing to prove.
pub fn possession_proven(hub: &DomainName, change: &RuleChange) -> bool {
    let RuleChange::RegisterKey { system, public_key, possession, .. } = change else { return true };
    VerifyingKey::from_bytes(public_key).is_ok_and(|key| proves(hub, system, &key, possession))
}

fn proves(hub: &DomainName, system: &SystemId, key: &VerifyingKey, possession: &[u8]) -> bool {
    key.verify(&message(hub, system, key.as_bytes()), possession).is_ok()
}

fn message(hub: &DomainName, system: &SystemId, public_key: &[u8; 32]) -> Vec<u8> {
    let message =
        proto::KeyPossession { hub: hub.to_string(), system: system.to_string(), public_key: public_key.to_vec() };
    dsse::pae(&dsse::payload_type(KEY_POSSESSION_KIND), &message.encode_to_vec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::sign::Secret;

    fn request() -> KeyRequest {
        let key = SigningKey::from_seed(&Secret::from_bytes(&[1; 32])).unwrap();
        let system = "spiffe://gov.example/department/11100000000013338W/system/main".parse().unwrap();
        KeyRequest::sign(&key, &"hub.example".parse().unwrap(), &system).unwrap()
    }

    #[test]
    fn a_request_reads_back_and_is_a_public_key_to_those_who_know_no_more() {
        let text = request().to_jwk();
        assert_eq!(KeyRequest::from_jwk(&text).unwrap(), request());
        assert_eq!(VerifyingKey::from_jwk(&text).unwrap(), request().key);
    }

    #[test]
    fn a_proof_is_for_its_hub_its_system_and_its_key_alone() {
        let text = request().to_jwk();
        for (from, to) in [("hub.example", "other.example"), ("system/main", "system/other")] {
            assert!(matches!(KeyRequest::from_jwk(&text.replace(from, to)), Err(KeyRequestError::Unproven)), "{to}");
        }
        let other = SigningKey::from_seed(&Secret::from_bytes(&[2; 32])).unwrap();
        let stolen = KeyRequest { key: other.verifying_key().clone(), ..request() };
        assert!(matches!(KeyRequest::from_jwk(&stolen.to_jwk()), Err(KeyRequestError::Unproven)));
        assert!(!possession_proven(&request().hub, &stolen.into_change()));
        assert!(possession_proven(&request().hub, &request().into_change()));
    }

    #[test]
    fn a_plain_public_key_is_no_request() {
        let error = KeyRequest::from_jwk(&request().key.to_jwk()).unwrap_err().to_string();
        assert!(error.contains("hutong_hub") && error.contains("hutong key request"), "{error}");
    }
}
