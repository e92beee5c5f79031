//! Keys, signatures, envelopes, commitments, credentials and sealing.
//!
//! Everything the actors sign and everything the hub seals is made and checked here, byte for byte. The
//! room knows no storage, no network, no protobuf and no clock; randomness, keys and times are arguments.
//!
//! | file | what | standard |
//! |---|---|---|
//! | `signer` | the traits [`Signer`] and [`Verifier`], the named [`Algorithm`] | RFC 7515 |
//! | `key` | Ed25519 keys, their thumbprints and key files | RFC 8032, 8037, 7638 |
//! | `sm2` | SM2-with-SM3, verified for e-seals | GB/T 32918, GM/T 0009 |
//! | `prepared`, `busy` | [`PreparedKey`]: a key made ready for many verifications; [`BusyKey`]: one that becomes so | RFC 8032 |
//! | `note`, `cosignature` | the log's key, a witness's key, [`PolicyVerifier`] | C2SP signed-note, tlog-cosignature, tlog-policy |
//! | [`dsse`] | the envelope of every statement | DSSE 1.0.2 |
//! | [`commitment`] | commitments, openings, record handles, operator pseudonyms | HMAC, RFC 2104 |
//! | [`sd_jwt`] | a record as its provider signs it | RFC 9901 |
//! | [`sealing`] | data at rest, blind index keys | AES-256-GCM, HKDF (RFC 5869) |
//!
//! Every format here has a golden vector in `tests/vectors/sign/`.

mod busy;
mod cosignature;
mod encoding;
mod error;
mod hash;
mod json;
mod key;
mod note;
mod prepared;
mod random;
mod secret;
mod signer;
mod sm2;

pub mod commitment;
pub mod dsse;
pub mod sd_jwt;
pub mod sealing;

pub use busy::{BusyKey, Room};
pub use cosignature::{CosignatureSigner, CosignatureVerifier, Judgement, PolicyVerifier, Witnessed};
pub use error::Error;
pub use hash::{hmac_sha256, sha256};
pub use key::{SigningKey, VerifyingKey};
pub use note::{LogSigner, LogVerifier};
pub use prepared::PreparedKey;
pub use random::{DrawnAhead, Random, SystemRandomness};
pub use secret::Secret;
pub use signer::{Algorithm, Signer, Verifier};
pub use sm2::{Sm2VerifyingKey, sm3};
