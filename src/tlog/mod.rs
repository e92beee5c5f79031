//! The exchange log's formats: C2SP's, to the byte, and nothing else.
//!
//! | here | standard |
//! |---|---|
//! | [`leaf_hash`], [`node_hash`], [`verify_inclusion`], [`verify_consistency`] | RFC 6962 §2.1, RFC 9162 §2.1 |
//! | [`TilePath`], [`encode_bundle`], [`decode_bundle`] | <https://c2sp.org/tlog-tiles> |
//! | [`Note`], [`VerifierKey`] | <https://c2sp.org/signed-note> |
//! | [`Checkpoint`] | <https://c2sp.org/tlog-checkpoint> |
//! | [`CosignerKey`], [`Cosignature`], [`cosign`] | <https://c2sp.org/tlog-cosignature>, Ed25519 |
//! | [`AddCheckpoint`], [`parse_cosignatures`], [`origin_hash`] | <https://c2sp.org/tlog-witness> |
//! | [`TrustPolicy`] | <https://c2sp.org/tlog-policy> |
//! | [`TlogProof`] | <https://c2sp.org/tlog-proof> |
//!
//! A log grows by batches: keep a [`Frontier`], add a batch with [`BatchTree`], sign a [`Checkpoint`] over its root,
//! give each entry its [`TlogProof`], and store what [`BatchTree::tile_hashes`] says. From what is stored, read back
//! through a [`HashReader`], come later proofs ([`prove_inclusion`], [`prove_consistency`]) and the frontier.
//!
//! There is no storage here, no clock, no key and no notion of what an entry means. Keys come in as [`NoteSigner`] and
//! [`NoteVerifier`]. Every parser takes hostile bytes: it accepts one spelling of each value, within named bounds, and
//! answers anything else with an [`Error`].

mod batch;
mod bundle;
mod checkpoint;
mod cosignature;
mod error;
mod frontier;
mod hash;
mod merkle;
mod note;
mod policy;
mod proof;
mod reader;
mod tile;
mod vkey;
mod witness;

#[cfg(test)]
mod tests;

pub use batch::{BatchTree, TileHashes};
pub use bundle::{Entries, MAX_ENTRIES, MAX_ENTRY_LEN, decode_bundle, encode_bundle, push_entry};
pub use checkpoint::Checkpoint;
pub use cosignature::{
    COSIGNATURE_LEN, Cosignature, Cosigner, CosignerKey, MAX_COSIGNATURE_TIME, cosign, cosigned_message,
};
pub use error::Error;
pub use frontier::Frontier;
pub use hash::{HASH_LEN, Hash, decode_hashes, empty_root, encode_hashes, leaf_hash, node_hash};
pub use merkle::{MAX_INCLUSION_HASHES, MAX_TREE_SIZE, tree_root, verify_consistency, verify_inclusion};
pub use note::{MAX_NOTE_LEN, MAX_SIGNATURES, Note, NoteSignature, NoteSigner, NoteVerifier};
pub use policy::{MAX_POLICY_LEN, PolicyLog, PolicyName, PolicyWitness, TrustPolicy};
pub use proof::{MAX_PROOF_LEN, TlogProof};
pub use reader::{HashReader, prove_consistency, prove_inclusion};
pub use tile::{MAX_TILE_LEVEL, TILE_HEIGHT, TILE_WIDTH, TileKind, TilePath};
pub use vkey::{KEY_ID_LEN, KeyId, KeyName, MAX_KEY_NAME_LEN, PUBLIC_KEY_LEN, VerifierKey};
pub use witness::{
    AddCheckpoint, MAX_ADD_CHECKPOINT_LEN, MAX_CONSISTENCY_HASHES, MAX_COSIGNATURES_LEN, SIZE_CONTENT_TYPE,
    origin_hash, parse_cosignatures, parse_size, write_cosignatures, write_size,
};
