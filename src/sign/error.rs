//! What can be wrong with a key, a signature, an envelope, a commitment, a credential or a seal.
//!
//! No message quotes a field's value, an identifier or a secret: errors are logged, and the log of a hub
//! holds no personal data. Codes of fields and names of algorithms are quoted.

use thiserror::Error;

/// The error of the room `sign`.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The source of randomness failed; nothing was signed or sealed.
    #[error("the source of randomness failed")]
    Randomness,

    /// Text that is not canonical base64 of the kind expected there.
    #[error("{what} is not canonical {alphabet}")]
    Base64 {
        /// Which text.
        what: &'static str,
        /// The alphabet and padding allowed.
        alphabet: &'static str,
    },

    /// Text that is not the JSON expected there, or has a member name twice.
    #[error("{what} is not valid JSON of its form (line {line}, column {column})")]
    Json {
        /// Which text.
        what: &'static str,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },

    /// Bytes of a length other than the only one allowed.
    #[error("{what} has {found} bytes, allowed are exactly {expected}")]
    Length {
        /// Which bytes.
        what: &'static str,
        /// Length found, in bytes.
        found: usize,
        /// Length allowed, in bytes.
        expected: usize,
    },

    /// More of something than its named bound allows.
    #[error("{what}: {found} is above the bound of {bound}")]
    AboveBound {
        /// What is counted, with its unit.
        what: &'static str,
        /// How many were found.
        found: u64,
        /// The bound.
        bound: u64,
    },

    /// Something that must not be empty is.
    #[error("{what} is empty")]
    Empty {
        /// What is empty.
        what: &'static str,
    },

    // Keys and signatures
    /// A JWK of another key type, curve, algorithm or use than Ed25519 for signatures.
    #[error("a key with {member} {found:?} is not accepted, allowed is {allowed:?}")]
    KeyParameter {
        /// The JWK member.
        member: &'static str,
        /// Its value.
        found: String,
        /// The value allowed.
        allowed: &'static str,
    },

    /// A public key expected, a private one given.
    #[error("a private key was given where a public key belongs; treat it as compromised if it travelled")]
    PrivateKeyAsPublic,

    /// The private and the public part of a key file do not belong together.
    #[error("the private and the public part of the key do not belong together")]
    KeyPairMismatch,

    /// A key whose `kid` is not its thumbprint.
    #[error("the key's kid is not its RFC 7638 thumbprint {thumbprint}")]
    KidNotThumbprint {
        /// The thumbprint computed.
        thumbprint: String,
    },

    /// A public key of small order: signatures under it could be made by anyone.
    #[error("the public key is a point of small order, under which anyone can sign")]
    WeakKey,

    /// A signature that does not verify.
    #[error("the signature does not verify under key {kid}")]
    Signature {
        /// The key tried.
        kid: String,
    },

    /// A signature that names another key than the one expected.
    #[error("the signature names key {found:?}, expected is {expected:?}")]
    Kid {
        /// The key named.
        found: String,
        /// The key expected.
        expected: String,
    },

    /// Other than the one signature that a statement has.
    #[error("the envelope has {found} signatures, a statement has exactly one")]
    SignatureCount {
        /// How many were found.
        found: usize,
    },

    // Commitments
    /// A commitment scheme nobody has defined.
    #[error("commitment scheme {found:?} is unknown")]
    UnknownScheme {
        /// The name found.
        found: String,
    },

    /// A value that is not in (or cannot be brought into) its scheme's canonical form.
    #[error("the value is not a canonical {scheme}: {form}")]
    NotCanonical {
        /// The scheme's name.
        scheme: &'static str,
        /// The canonical form.
        form: &'static str,
    },

    /// An opening that is not of this commitment.
    #[error("the opening does not open the commitment")]
    Opening,

    /// A calendar month that does not exist.
    #[error("{year}-{month} is not a month, allowed are 1 to 12 in the years 1 to 9999")]
    Month {
        /// Year found.
        year: u16,
        /// Month found.
        month: u8,
    },

    // Sealing
    /// Sealed bytes that are shorter than nonce and tag, were changed, or belong to another key or place.
    #[error("the seal is broken: changed, of another key, or of another place")]
    SealBroken,

    /// A key that has sealed as often as it may.
    #[error("the data key has made {bound} seals, which is its bound; start a new file")]
    SealsExhausted {
        /// The bound.
        bound: u64,
    },

    // Records and SD-JWT
    /// No final `~`: cut off, or followed by something that is no Key Binding JWT either.
    #[error("the SD-JWT does not end with '~'")]
    MissingFinalTilde,

    /// A Key Binding JWT, which a record never has.
    #[error("the SD-JWT carries a key binding JWT, which records do not use")]
    KeyBinding,

    /// An issuer-signed JWT without exactly three non-empty parts.
    #[error("the issuer-signed JWT does not have three non-empty parts")]
    JwtParts,

    /// A JOSE header parameter other than required.
    #[error("header parameter {name:?} is missing or not {expected:?}")]
    Header {
        /// The parameter.
        name: &'static str,
        /// The value required.
        expected: String,
    },

    /// A JOSE header parameter that a record's header does not have (`crit` among them).
    #[error("header parameter {name:?} is not allowed")]
    HeaderExtra {
        /// The parameter.
        name: String,
    },

    /// An `_sd_alg` other than `sha-256`.
    #[error("hash algorithm of the digests (_sd_alg) is not \"sha-256\"")]
    HashAlgorithm,

    /// `_sd`, `_sd_alg` or `...` where it must not be, or of the wrong type.
    #[error("{name:?} is reserved and is used wrongly here")]
    Reserved {
        /// The reserved name.
        name: &'static str,
    },

    /// The same digest twice, directly or through a disclosure.
    #[error("a digest occurs more than once")]
    RepeatedDigest,

    /// The same disclosure twice.
    #[error("disclosure {position} is a repetition of an earlier one")]
    RepeatedDisclosure {
        /// Its position, from 0.
        position: usize,
    },

    /// A disclosure that no digest refers to.
    #[error("disclosure {position} has no digest in the signed JWT")]
    UnreferencedDisclosure {
        /// Its position, from 0.
        position: usize,
    },

    /// A disclosure of the wrong arity or with parts of the wrong type.
    #[error("disclosure {position} is not an array of {expected}")]
    DisclosureForm {
        /// Its position, from 0.
        position: usize,
        /// The form required at its place.
        expected: &'static str,
    },

    /// A disclosure whose claim name is there already.
    #[error("claim {name:?} occurs more than once at one level")]
    CollidingName {
        /// The claim's name.
        name: String,
    },

    /// A claim of the payload that is missing or not of its form.
    #[error("claim {name:?} is missing or not {form}")]
    Claim {
        /// The claim's name.
        name: &'static str,
        /// The form required.
        form: &'static str,
    },

    /// A claim that a record's payload does not have.
    #[error("claim {name:?} does not belong into a record's payload, whose fields are all disclosures")]
    ClaimExtra {
        /// The claim's name.
        name: String,
    },

    /// A field that a record cannot have, or not twice.
    #[error("field {name:?} is reserved, empty or given twice")]
    FieldName {
        /// The field's code.
        name: String,
    },

    /// A field asked for that the record does not have.
    #[error("the record has no field {name:?}")]
    NoSuchField {
        /// The field's code.
        name: String,
    },

    /// A record of another issuer or resource, or made after the time allowed.
    #[error("claim {name:?} is not what is expected here: {expected}")]
    Expectation {
        /// The claim's name.
        name: &'static str,
        /// What was expected.
        expected: String,
    },
}

impl Error {
    /// A JSON fault by its place only: serde's own words can quote the value.
    pub(crate) fn json(what: &'static str, error: &serde_json::Error) -> Self {
        Self::Json { what, line: error.line(), column: error.column() }
    }
}
