//! Between protobuf and the domain: what is signed, what is entered, what is listed.
//!
//! Generated types stop here. Reading finds all violations at once; what does not read back to the very bytes received is
//! not read at all, so that nothing signed is ever ignored.

mod agreement;
mod agreement_change;
mod answer;
mod calendar;
mod catalog;
mod code_table;
mod condition;
mod directory;
mod entry;
mod issuing;
mod key_request;
mod listing;
mod reading;
mod record;
mod rule;
mod simulation;
mod statement;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use agreement::{
    AGREEMENT_TEXT_KIND, agreement_to_proto, encode_agreement_text, read_agreement_text, text_signature_valid,
};
pub use answer::{answer_terms_from_proto, answer_terms_to_proto};
pub use calendar::{calendar_year_from_proto, calendar_year_to_proto};
pub use catalog::{resource_from_proto, resource_len, resource_to_proto};
pub use code_table::{code_table_from_proto, code_table_to_proto, table_code_len};
pub use directory::department_to_proto;
pub use entry::{CARRIED_LEN, Carried, Entry, FORMAT_VERSION, UntimedEntry, outcome_from_proto};
pub use issuing::{issuing_right_from_proto, issuing_right_to_proto};
pub use key_request::{KEY_POSSESSION_KIND, KeyRequest, KeyRequestError, possession_proven};
pub use listing::{ListedAgreement, agreement_from_proto, department_from_proto};
pub use reading::{Malformed, Violation, time_of, timestamp};
pub use record::{record_state_to_proto, released_record_to_proto, status_from_number, status_to_number};
pub use simulation::{Simulation, simulated_to_proto, simulation_from_proto, term_of_verdict};
pub use statement::{closing_receipt_from_proto, closing_receipt_to_proto, encode_statement, read_statement};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use prost::Message as _;

use crate::{
    domain::id::KeyId,
    sign::{
        commitment::{Opening, Scheme},
        dsse,
    },
};

/// The generated messages, clients and servers of `hutong.v1`.
pub mod proto {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::expect_used)]
    #![allow(rustdoc::all)]
    tonic::include_proto!("hutong.v1");
}

/// The envelope of a request. An absent one is an empty one, which nobody signed.
pub fn envelope_from_proto(envelope: Option<proto::Envelope>) -> dsse::Envelope {
    let envelope = envelope.unwrap_or_default();
    dsse::Envelope {
        payload: envelope.payload,
        payload_type: envelope.payload_type,
        signatures: envelope
            .signatures
            .into_iter()
            .map(|signature| dsse::Signature { keyid: signature.keyid, sig: signature.sig })
            .collect(),
    }
}

/// The envelope as it travels.
pub fn envelope_to_proto(envelope: &dsse::Envelope) -> proto::Envelope {
    proto::Envelope {
        payload: envelope.payload.clone(),
        payload_type: envelope.payload_type.clone(),
        signatures: envelope
            .signatures
            .iter()
            .map(|signature| proto::Signature { keyid: signature.keyid.clone(), sig: signature.sig.clone() })
            .collect(),
    }
}

/// The most openings of a request: a query's case, and one for each lookup.
const MAX_OPENINGS: usize = 1 + crate::domain::statement::Policy::GREATEST.max_lookups as usize;

/// The openings of a request.
///
/// # Errors
/// All that are not well formed, by their positions; values are not quoted.
pub fn openings_from_proto(openings: Vec<proto::Opening>) -> Result<Vec<Opening>, Malformed> {
    if openings.len() > MAX_OPENINGS {
        return Err(Malformed::one("openings", format!("must be at most {MAX_OPENINGS}, are {}", openings.len())));
    }
    let mut violations = Vec::new();
    let mut read = Vec::with_capacity(openings.len());
    for (position, opening) in openings.into_iter().enumerate() {
        let made = Scheme::from_name(&opening.scheme)
            .and_then(|scheme| Opening::from_parts(scheme, opening.value, &opening.salt));
        match made {
            Ok(opening) => read.push(opening),
            Err(error) => {
                violations.push(Violation::new(format!("openings[{position}]"), error.to_string()));
            }
        }
    }
    if violations.is_empty() { Ok(read) } else { Err(Malformed(violations)) }
}

/// An opening as it travels, and as it is kept sealed.
pub fn opening_to_proto(opening: &Opening) -> proto::Opening {
    proto::Opening {
        scheme: opening.scheme().name().to_owned(),
        value: opening.value().to_owned(),
        salt: opening.salt().to_vec(),
    }
}

/// A thumbprint as JOSE and DSSE have it: base64url without padding.
pub fn kid_to_text(kid: &KeyId) -> String {
    kid.to_string()
}

/// The thumbprint of a text; `None` if it is not 43 characters of canonical base64url.
pub fn kid_from_text(text: &str) -> Option<KeyId> {
    URL_SAFE_NO_PAD.decode(text).ok()?.as_slice().try_into().ok().map(KeyId)
}

/// The bytes of an opening as it is kept sealed.
pub fn encode_opening(opening: &Opening) -> Vec<u8> {
    opening_to_proto(opening).encode_to_vec()
}

/// The opening of kept bytes; `None` if they are none.
pub fn decode_opening(bytes: &[u8]) -> Option<Opening> {
    let opening = proto::Opening::decode(bytes).ok()?;
    Opening::from_parts(Scheme::from_name(&opening.scheme).ok()?, opening.value, &opening.salt).ok()
}
