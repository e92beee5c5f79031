//! Signed notes (C2SP signed-note): a text and the signatures over it.
//!
//! ```text
//! <text, its lines each ended by a newline>
//!                                                    the last blank line ends the text
//! — <key name> <base64 of key ID and signature>      one or more
//! ```

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    Error,
    vkey::{KEY_ID_LEN, KeyId, KeyName},
};

/// The longest note read, in bytes: a checkpoint with [`MAX_SIGNATURES`] of the largest kind in use (ML-DSA-44,
/// about 3.3 kB in base64) takes a third of it. Go's reader has the same bound.
pub const MAX_NOTE_LEN: usize = 1_000_000;

/// The most signatures on a note that is read: the standard asks for 16 at least, Go's reader takes 100.
pub const MAX_SIGNATURES: usize = 100;

/// What a signature line begins with: an em dash and a space.
const SIGNATURE_PREFIX: &str = "— ";

/// Makes signatures on notes with one key.
pub trait NoteSigner {
    /// The key's name.
    fn name(&self) -> &KeyName;

    /// The key's ID.
    fn key_id(&self) -> KeyId;

    /// Signs a note's text, its last newline included. For an Ed25519 key these are the 64 bytes of RFC 8032.
    fn sign(&self, text: &[u8]) -> Vec<u8>;
}

/// Verifies signatures made on notes by one key.
pub trait NoteVerifier {
    /// The key's name.
    fn name(&self) -> &KeyName;

    /// The key's ID.
    fn key_id(&self) -> KeyId;

    /// Whether this is the key's signature over the note's text. Both come from outside and may be anything.
    fn verify(&self, text: &[u8], signature: &[u8]) -> bool;
}

/// One signature on a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    key_id: KeyId,
    signature: Vec<u8>,
}

impl NoteSignature {
    /// A signature made elsewhere, by a witness for instance, with the key of this name and ID.
    ///
    /// # Errors
    ///
    /// [`Error::Note`] if the signature has no bytes.
    pub fn new(name: KeyName, key_id: KeyId, signature: Vec<u8>) -> Result<Self, Error> {
        if signature.is_empty() {
            return Err(malformed("signature is empty"));
        }
        Ok(Self { name, key_id, signature })
    }

    /// The name of the key that is said to have signed.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The ID of the key that is said to have signed.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The signature itself, without the key ID.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Reads one signature line, without its newline: as a witness returns it, or as a note carries it.
    ///
    /// # Errors
    ///
    /// [`Error::Note`], [`Error::KeyName`].
    pub fn parse(line: &str) -> Result<Self, Error> {
        let line = line.strip_prefix(SIGNATURE_PREFIX).ok_or(malformed("signature line lacks its em dash"))?;
        let (name, signature) = line.split_once(' ').ok_or(malformed("signature line lacks its second space"))?;
        let bytes = BASE64_STANDARD.decode(signature).map_err(|_| malformed("signature is not canonical base64"))?;
        let (key_id, signature) =
            bytes.split_first_chunk::<KEY_ID_LEN>().ok_or(malformed("signature lacks its key ID"))?;
        Self::new(name.parse()?, KeyId::from(*key_id), signature.to_vec())
    }

    fn is_by(&self, name: &KeyName, key_id: KeyId) -> bool {
        self.name == *name && self.key_id == key_id
    }
}

impl fmt::Display for NoteSignature {
    /// The signature line, without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.as_bytes().as_slice(), &self.signature].concat();
        write!(f, "{SIGNATURE_PREFIX}{} {}", self.name, BASE64_STANDARD.encode(bytes))
    }
}

/// A text with the signatures it carries; nothing is verified until [`Note::verify`].
///
/// [`Note::parse`] reads exactly what `Display` writes, so a note passes through unchanged to the byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// Signs a text. Its every line, so also the last, ends with a newline.
    ///
    /// # Errors
    ///
    /// [`Error::Note`] for a text that no note can have; [`Error::NoteTooManySignatures`]; [`Error::NoteTooLong`].
    pub fn sign(text: &str, signers: &[&dyn NoteSigner]) -> Result<Self, Error> {
        check_text(text)?;
        let mut note = Self { text: text.to_owned(), signatures: Vec::with_capacity(signers.len()) };
        for signer in signers {
            let signature = signer.sign(text.as_bytes());
            note.add(NoteSignature::new(signer.name().clone(), signer.key_id(), signature)?)?;
        }
        if note.signatures.is_empty() { Err(malformed("no signature")) } else { Ok(note) }
    }

    /// Reads a note.
    ///
    /// # Errors
    ///
    /// [`Error::Note`], [`Error::KeyName`], [`Error::NoteTooLong`], [`Error::NoteTooManySignatures`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_NOTE_LEN {
            return Err(Error::NoteTooLong { len: bytes.len() });
        }
        let note = str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
        let text_end = note.rfind("\n\n").ok_or(malformed("no blank line before the signatures"))? + 1;
        let (text, signatures) = note.split_at(text_end);
        check_text(text)?;
        let lines = signatures
            .strip_prefix('\n')
            .and_then(|lines| lines.strip_suffix('\n'))
            .ok_or(malformed("does not end with a signature line"))?;
        if lines.split('\n').nth(MAX_SIGNATURES).is_some() {
            return Err(Error::NoteTooManySignatures);
        }
        let signatures = lines.split('\n').map(NoteSignature::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Adds a signature, a witness's for instance, in the place of an earlier one by the same key.
    ///
    /// # Errors
    ///
    /// [`Error::NoteTooManySignatures`], [`Error::NoteTooLong`]; the note is then as it was.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), Error> {
        let mut signatures = self.signatures.clone();
        signatures.retain(|earlier| !earlier.is_by(&signature.name, signature.key_id));
        signatures.push(signature);
        if signatures.len() > MAX_SIGNATURES {
            return Err(Error::NoteTooManySignatures);
        }
        let added = Self { text: self.text.clone(), signatures };
        let len = added.to_string().len();
        if len > MAX_NOTE_LEN {
            return Err(Error::NoteTooLong { len });
        }
        *self = added;
        Ok(())
    }

    /// The signatures that verify, one for each of the known keys that signed.
    ///
    /// Signatures by other keys are passed over. A signature that bears a known key's name and ID and does not verify
    /// condemns the whole note.
    ///
    /// # Errors
    ///
    /// [`Error::BadSignature`]; [`Error::Unsigned`] if no known key signed.
    pub fn verify(&self, known: &[&dyn NoteVerifier]) -> Result<Vec<&NoteSignature>, Error> {
        let mut verified: Vec<&NoteSignature> = Vec::new();
        for signature in &self.signatures {
            let by_this = |key: &&&dyn NoteVerifier| signature.is_by(key.name(), key.key_id());
            let Some(key) = known.iter().find(by_this) else { continue };
            if !key.verify(self.text.as_bytes(), &signature.signature) {
                return Err(Error::BadSignature { name: signature.name.to_string(), key_id: signature.key_id });
            }
            if !verified.iter().any(|earlier| earlier.is_by(&signature.name, signature.key_id)) {
                verified.push(signature);
            }
        }
        if verified.is_empty() { Err(Error::Unsigned) } else { Ok(verified) }
    }

    /// The text that is signed, its last newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, verified or not, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

/// Refuses what no note's text can be. The control characters meant by the standard are those below U+0020.
fn check_text(text: &str) -> Result<(), Error> {
    if !text.ends_with('\n') {
        return Err(malformed("text does not end with a newline"));
    }
    if text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(malformed("text has a control character other than newline"));
    }
    Ok(())
}

const fn malformed(what: &'static str) -> Error {
    Error::Note { what }
}
