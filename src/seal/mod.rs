//! E-seals 电子印章 and what is signed with them: read, and verified check by check.
//!
//! | file | what | standard |
//! |---|---|---|
//! | `der` | elements over borrowed bytes, their spans kept | ITU-T X.690 |
//! | `form` | an e-seal | GM/T 0031-2014, GB/T 38540-2020, GM/T 0031-2025 |
//! | `signed` | a signature made with one | the same |
//! | `certificate`, `trust` | SM2 certificates, revocation lists, trust anchors | RFC 5280, GB/T 20518 |
//! | `time_stamp` | time-stamps over signatures | RFC 3161, GM/T 0033 |
//! | `check` | checks by name, and what they found | |
//! | `verify` | the checks of seals and of signatures | the same as of `form` |
//! | `ofd` | documents with signatures in them | GB/T 33190 |
//! | `record` | seals as the values of records | |
//!
//! Nothing here signs. Time and trust anchors are arguments; signatures are verified over the bytes received, never over bytes encoded
//! anew, because real seals are not always DER.

mod certificate;
mod check;
mod der;
mod form;
mod ofd;
mod record;
mod signed;
mod time_stamp;
mod trust;
mod verify;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use self::{
    check::{Check, CheckName, Checks, Finding, HubStatus, Kind, Part, SealFacts, Verification},
    der::Malformed,
    form::{CertificateDigest, Extension, MAX_SEAL_BYTES, Picture, Seal, Signers, Version},
    ofd::MAX_DOCUMENT_BYTES,
    record::{check_seal_fields, sealed_value},
    signed::{MAX_SIGNATURE_BYTES, SealSignature, SigningTime},
    trust::{TrustAnchors, TrustError},
    verify::{verify, verify_seal},
};
