//! OFD documents (GB/T 33190) with signatures in them: the references, the hashes, the seals.
//!
//! `OFD.xml` says where `Signatures.xml` is, which lists a description `Signature.xml` for each signature. The description names the files
//! that are protected with their hashes, and where the signature itself is, which is over the hash of the description.

mod description;
mod package;
mod verify;
mod xml;

pub use self::package::MAX_DOCUMENT_BYTES;
pub(super) use self::verify::verify_document;

/// How every document begins: it is a ZIP file.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
/// SM3.
pub(super) const SM3: &str = "1.2.156.10197.1.401";
